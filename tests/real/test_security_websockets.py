"""SECURITY: upgrades and WebSockets that end in the router. Each rule at every door where it holds: `echo:`, a guarded
tunnel, a translated one. The names of the examples begin with the rule."""

import struct
import time
import zlib

import pytest

from harness import hixie, websocket
from harness.process import memory
from harness.waiting import in_background, until
from harness.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_code, frame, message, read_frame

MIB = 1 << 20
HEAD_TIMEOUT = 2
DOORS = ["echo", "guard", "translated"]


def framed(peer):
    """An upstream that echoes data, answers a Close and records all."""
    request = peer.request()
    peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
    while True:
        opcode, payload, last = read_frame(peer)
        peer.send(frame(payload, opcode, masked=False, fin=last))
        if opcode == CLOSE:
            return


def unframed(peer):
    """The same in hixie-75."""
    peer.request()
    peer.send(hixie.answer(draft="hixie-75"))
    while True:
        peer.send(peer.take_until(b"\xff"))


class Site:
    """A router with a path for each door, and what stands behind."""

    def __init__(self, stage, options=None):
        self.framed, self.unframed = stage.upstream(framed), stage.upstream(unframed)
        self.router = stage.tidegate({"http-headers-timeout": HEAD_TIMEOUT, "websockets-drafts": "all", **(options or {})}, f"""
[route:echo]
path = ^/echo
to = echo:
[route:guard]
path = ^/guard
to = http:{self.framed.address}
websockets-mode = guard
[route:translated]
path = ^/translated
to = http:{self.unframed.address}
websockets-upstream-draft = hixie-75
""")

    def open(self, door, *fields, version=13, **options):
        raw = self.router.connect(**options)
        raw.send(websocket.request(f"/{door}", *fields).replace(b"Version: 13", b"Version: %d" % version))
        answer = raw.response()
        assert answer.status == 101, answer
        raw.answer = answer
        return raw

    def reached(self):
        """What the upstreams have got of all clients."""
        return self.framed.received + self.unframed.received


@pytest.fixture(scope="module")
def site(module_stage):
    site = Site(module_stage)
    yield site
    assert "fault" not in site.router.log() and "panic" not in site.router.log(), site.router.log()


def cases(rule, **examples):
    return [pytest.param(value, id=f"{rule}-{name}") for name, value in examples.items()]


def refused(site, door, data, code, version=13, *fields):
    """Asserts that these bytes end in this code, and that nothing of them comes out anywhere."""
    with site.open(door, *fields, version=version) as raw:
        raw.send(data)
        assert close_code(raw) == code
        assert raw.is_ended()
        assert b"smuggled" not in raw.buffer
    assert b"smuggled" not in site.reached()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("data", cases(
    "masked", text=frame(b"smuggled", TEXT, masked=False), close=frame(b"\3\xe8", CLOSE, masked=False), ping=frame(b"smuggled", PING, masked=False),
) + cases(
    "known-bits-and-opcodes", rsv1=frame(b"smuggled", TEXT, rsv=4), rsv2=frame(b"smuggled", rsv=2), rsv3=frame(b"smuggled", rsv=1), rsv1_of_a_ping=frame(b"", PING, rsv=4),
    opcode_3=frame(b"smuggled", 3), opcode_7=frame(b"smuggled", 7), opcode_11=frame(b"smuggled", 11), opcode_15=frame(b"smuggled", 15),
) + cases(
    "control-frames-short-and-whole", ping=frame(b"p" * 126, PING), close=frame(b"\3\xe8" + b"c" * 124, CLOSE), pong=frame(b"p" * 65536, PONG),
    half_ping=frame(b"", PING, fin=False), half_close=frame(b"", CLOSE, fin=False),
) + cases(
    "order-of-fragments", no_start=frame(b"smuggled", CONTINUATION), no_end=frame(b"a", TEXT, fin=False) + frame(b"smuggled", TEXT),
    end_of_a_whole_one=frame(b"a" * 9, TEXT, fin=False) + frame(b"", CONTINUATION) + frame(b"smuggled", CONTINUATION, fin=False),
))
def test_what_breaks_the_framing_is_1002(site, door, data):
    with site.open(door) as raw:
        raw.send(data)
        while (read := read_frame(raw))[0] != CLOSE:
            assert read[:2] == (TEXT, b"a" * 9)
        assert read[1] == struct.pack("!H", 1002)
        assert raw.is_ended()
    assert b"smuggled" not in site.reached()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("head", cases(
    "minimal", two_bytes_for_125=b"\x82\xfe\0\x7d", eight_bytes_for_65535=b"\x82\xff\0\0\0\0\0\0\xff\xff", none_in_eight=b"\x82\xff\0\0\0\0\0\0\0\0", sign=b"\x82\xff\x80",
))
def test_lengths_are_minimal(site, door, head):
    refused(site, door, head, 1002)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", [MIB + 1, 1 << 32, (1 << 63) - 1])
def test_lengths_are_below_the_limit_before_any_payload(site, door, size):
    """The header alone is refused; with it no memory is taken."""
    before = memory(site.router.pid)
    for start in (b"", frame(b"", TEXT, fin=False)):
        refused(site, door, start + bytes([0x80 if start else 0x82]) + b"\xff" + struct.pack("!Q", size), 1009)
    assert memory(site.router.pid) - before < MIB


@pytest.mark.parametrize("door", DOORS)
def test_a_length_that_is_announced_takes_no_memory(site, door):
    """200 clients announce a megabyte each and send ten bytes of it."""
    before = memory(site.router.pid)
    raws = [site.open(door).send(b"\x82\xff" + struct.pack("!Q", MIB) + b"\0" * 14) for _ in range(200)]
    with site.open(door) as raw:
        raw.send(frame(b"still served", TEXT))
        assert message(raw) == (TEXT, b"still served")
    assert memory(site.router.pid) - before < 3 * MIB
    for raw in raws:
        raw.close()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("data", cases(
    "utf-8", at_once=frame(b"\xff", TEXT), in_a_fragment=frame(b"smuggled\xff", TEXT, fin=False), in_half_a_frame=frame(b"smuggled\xff" + b"x" * 1000, TEXT)[:40],
    split_character=frame(b"smuggled\xe2\x82", TEXT, fin=False) + frame(b"\x28", CONTINUATION, fin=False), cut_character=frame(b"smuggled\xe2\x82", TEXT),
    overlong=frame(b"\xc0\xaf", TEXT), surrogate=frame(b"\xed\xa0", TEXT, fin=False), beyond_unicode=frame(b"\xf4\x90", TEXT, fin=False), cut_fragments=frame(b"\xc3", TEXT, fin=False) + frame(b"", CONTINUATION),
))
def test_text_that_is_not_utf_8_is_1007_as_early_as_can_be(site, door, data):
    """Also where the frame or the message is not whole yet."""
    refused(site, door, data, 1007)


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_utf_8_is_checked_behind_deflate(site, door):
    refused(site, door, frame(deflated(b"smuggled \xff" + b"x" * 100), TEXT, rsv=4), 1007, 13, DEFLATE)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("payload", cases(
    "may-be-sent", one_byte=b"\3", zero=struct.pack("!H", 0), below=struct.pack("!H", 999), reserved=struct.pack("!H", 1004), none=struct.pack("!H", 1005), abnormal=struct.pack("!H", 1006),
    tls=struct.pack("!H", 1015), unknown=struct.pack("!H", 1016), protocols=struct.pack("!H", 2999), above=struct.pack("!H", 5000), most=b"\xff\xff",
))
def test_close_codes_that_nobody_may_send_are_1002(site, door, payload):
    refused(site, door, frame(payload, CLOSE), 1002)


@pytest.mark.parametrize("door", DOORS)
def test_a_close_reason_is_utf_8(site, door):
    refused(site, door, websocket.close(1000, b"\xff"), 1007)


@pytest.mark.parametrize("door", ["echo", "guard"])
@pytest.mark.parametrize("code", [None, 1000, 1003, 1007, 1014, 3000, 4999])
def test_close_codes_that_may_be_sent_are_answered(site, door, code):
    with site.open(door) as raw:
        raw.send(websocket.close(code, b"a reason") if code else frame(b"", CLOSE))
        assert close_code(raw) == code
        assert raw.is_ended()


ENDS = {
    "no code": frame(b"", CLOSE, masked=False), "1005": frame(struct.pack("!H", 1005), CLOSE, masked=False), "1006": frame(struct.pack("!H", 1006), CLOSE, masked=False),
    "1015": frame(struct.pack("!H", 1015), CLOSE, masked=False), "one byte": frame(b"\3", CLOSE, masked=False), "FIN": b"", "RST": None,
    "half a frame": frame(b"x" * 100, TEXT, masked=False)[:50], "masked": frame(b"x", TEXT), "garbage": b"\xff" * 50, "bad text": frame(b"\xff", TEXT, masked=False),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("draft", ["13", "hybi-08", "hybi-07"])
def test_codes_that_stand_for_none_are_never_sent(stage, end, draft):
    """Whatever an upstream's end is: the client hears a code of its draft, or an empty Close."""
    def ending(peer):
        request = peer.request()
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        if ENDS[end] is None:
            time.sleep(0.1)
            return peer.reset()
        peer.send(ENDS[end])

    site = stage.tidegate({"default": f"http:{stage.upstream(ending).address}", "websockets-mode": "guard"})
    with site.connect() as raw:
        raw.send(websocket.request().replace(b"Version: 13", b"Version: " + draft.replace("hybi-0", "").encode()))
        assert raw.response().status == 101
        code = close_code(raw)
    knows = {"13": {1001, 1011, None}, "hybi-08": {1001, 1011, None}, "hybi-07": {1001, 1002, None}}[draft]
    assert code in knows
    assert (code is None) == (end == "no code")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("version, large, bad", [(7, 1004, None), (8, 1004, 1007)])
def test_the_same_rules_in_drafts_7_and_8(site, door, version, large, bad):
    refused(site, door, frame(b"smuggled", TEXT, masked=False), 1002, version)
    refused(site, door, b"\x82\xff" + struct.pack("!Q", MIB + 1), large, version)
    if bad:
        refused(site, door, frame(b"\xff", TEXT), bad, version)
        return
    with site.open(door, version=version) as raw:
        raw.send(frame(b"a\xffb", TEXT))
        assert message(raw) == (TEXT, "a\ufffdb".encode())


DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def deflated(data):
    """As permessage-deflate wants it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


BOMB = deflated(b"\0" * (256 * MIB))
assert len(BOMB) < MIB // 2


@pytest.mark.parametrize("door", ["echo", "guard"])
@pytest.mark.parametrize("pieces", [1, 100])
def test_what_is_inflated_is_bounded_as_it_inflates(site, door, pieces):
    """A bomb: 256 MiB of zeros in 260 KB, in one frame or in many fragments."""
    before = memory(site.router.pid)
    size = len(BOMB) // pieces + 1
    with site.open(door, DEFLATE) as raw:
        assert raw.answer["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
        starts = range(0, len(BOMB), size)
        for at in starts:
            try:
                raw.send(frame(BOMB[at : at + size], CONTINUATION if at else BINARY, fin=at == starts[-1], rsv=0 if at else 4))
            except ConnectionError:
                break  # refused by now
        assert close_code(raw) == 1009
    assert memory(site.router.pid) - before < 4 * MIB


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_many_bombs_at_once(site, door):
    before = memory(site.router.pid)
    raws = [site.open(door, DEFLATE) for _ in range(30)]
    for raw in raws:
        raw.send(frame(BOMB, BINARY, rsv=4))
    assert [close_code(raw) for raw in raws] == [1009] * len(raws)
    assert memory(site.router.pid) - before < 8 * MIB
    for raw in raws:
        raw.close()


@pytest.mark.parametrize("door", ["echo", "guard"])
@pytest.mark.parametrize("data", cases(
    "deflate", garbage=b"\xff" * 100, bad_block=b"\x07", bad_distance=b"\x4b\x04\x62\x00", text=b"not deflated at all",
))
def test_what_cannot_be_inflated_is_1007(site, door, data):
    refused(site, door, frame(data, BINARY, rsv=4), 1007, 13, DEFLATE)


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_fragments_of_a_deflated_message_are_not_marked(site, door):
    refused(site, door, frame(b"", TEXT, fin=False, rsv=4) + frame(b"", CONTINUATION, rsv=4), 1002, 13, DEFLATE)


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_an_open_inflater_counts_as_memory(stage, door):
    """It has a window of 32 KB, which a client keeps in use with one byte: beyond `websockets-memory` some are told 1013."""
    site = Site(stage, {"websockets-memory": "8m"})
    before = memory(site.router.pid)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(b"x") + deflate.flush(zlib.Z_SYNC_FLUSH)
    raws = [site.open(door, DEFLATE) for _ in range(400)]
    for raw in raws:
        raw.send(frame(data, TEXT, fin=False, rsv=4))
    with site.open(door) as raw:
        raw.send(frame(b"still served", TEXT))
        assert message(raw) == (TEXT, b"still served")
    codes = [None if raw.is_silent(0.05) else close_code(raw) for raw in raws]
    assert set(codes) == {1013, None}
    assert codes.count(None) <= 8 * MIB / (32 << 10)
    assert memory(site.router.pid) - before < 16 * MIB
    for raw in raws:
        raw.close()


def pour(raw, data, most):
    """Sends without reading, until nobody takes anything for a second; bytes sent."""
    raw.socket.settimeout(1)
    sent = 0
    try:
        while sent < most:
            sent += raw.socket.send(data)
    except TimeoutError:
        pass
    return sent


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", [0, 125])
def test_a_flood_of_pings_of_one_who_does_not_read(site, door, size):
    """Pongs are not piled up for him: the newest is enough (RFC 6455 section 5.5.3)."""
    with site.open(door, receive_buffer=4096) as raw:
        before = memory(site.router.pid)
        pour(raw, frame(b"p" * size, PING) * 1000, 48 * MIB)
        assert memory(site.router.pid) - before < MIB


@pytest.mark.parametrize("door", DOORS)
def test_a_flood_of_pings_is_answered(site, door):
    """Where the answers are taken: all of them, and the last one in any case."""
    with site.open(door) as raw:
        sender = in_background(raw.send, b"".join(frame(b"%d" % number, PING) for number in range(20_000)) + frame(b"after", TEXT))
        pongs, seen = 0, None
        while seen != b"after":
            opcode, seen, _ = read_frame(raw)
            pongs += opcode == PONG
        assert pongs > 0
        raw.send(frame(b"last", PING))
        while read_frame(raw)[:2] != (PONG, b"last"):
            pass
        sender.join()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", [0, 1])
def test_a_flood_of_fragments(site, door, size):
    """Empty ones and small ones: what is kept for them is what they carry."""
    count = 200_000
    with site.open(door) as raw:
        before = memory(site.router.pid)
        raw.send(frame(b"begin", TEXT, fin=False) + frame(b"x" * size, CONTINUATION, fin=False) * count)
        raw.send(frame(b"?", PING))
        assert read_frame(raw) == (PONG, b"?", True)
        assert memory(site.router.pid) - before < MIB
        raw.send(frame(b"end", CONTINUATION))
        assert message(raw) == (TEXT, b"begin" + b"x" * size * count + b"end")


@pytest.mark.parametrize("door", DOORS)
def test_a_flood_of_empty_messages(site, door):
    with site.open(door) as raw:
        sender = in_background(raw.send, frame(b"", TEXT) * 50_000)
        for _ in range(50_000):
            assert read_frame(raw) == (TEXT, b"", True)
        sender.join()


@pytest.mark.parametrize("door", DOORS)
def test_a_flood_of_messages_is_1008(stage, door):
    site = Site(stage, {"websockets-rate": "10/s,burst=20"})
    refused(site, door, frame(b"x", TEXT) * 100, 1008)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("part", cases(
    "half-heads", first_byte=b"\x81", length=b"\x81\xfe\0", key=b"\x81\x85abc", payload=b"\x81\x85abcdxx", fragment=frame(b"x", TEXT, fin=False), ping=frame(b"x" * 99, PING)[:50],
))
def test_half_a_frame_is_waited_for_as_long_as_any_silence(stage, door, part):
    """Who then answers no ping is dead; how many there are does not matter."""
    site = Site(stage, {"websockets-ping-freq": "1s", "websockets-pong-tolerance": "1s"})
    with site.open(door) as raw:
        raw.send(part)
        assert raw.is_ended(6)


@pytest.mark.parametrize("door", DOORS)
def test_a_receiver_that_never_reads_an_echo(site, door):
    """What comes back waits in bounded memory, and then the sender waits."""
    with site.open(door, receive_buffer=4096) as raw:
        before = memory(site.router.pid)
        sent = pour(raw, frame(b"e" * 60_000, TEXT), 96 * MIB)
        assert sent < 96 * MIB, "somebody takes it all"
        assert memory(site.router.pid) - before < MIB


@pytest.mark.parametrize("door", DOORS)
def test_a_receiver_that_never_reads_is_dropped(stage, door):
    """Half a message is in its way, its pings are not answered: `websockets-ping-freq` and tolerance, as for any dead client."""
    site = Site(stage, {"websockets-ping-freq": "1s", "websockets-pong-tolerance": "1s"})
    with site.open(door, receive_buffer=4096) as raw:
        for _ in range(20):
            try:
                raw.send(frame(b"e" * 60_000, TEXT))
            except (ConnectionError, TimeoutError):
                break
        until("it is dropped", lambda: any("CLOSE websocket" in line for line in site.router.access()), 15)


def test_bytes_of_a_hixie_client_wait_for_the_101(stage):
    """Its eight bytes, and frames behind them."""
    seen = []

    def late(peer):
        request = peer.request()
        seen.append(peer.is_silent(0.5))
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        seen.append(read_frame(peer)[:2])

    router = stage.tidegate({"default": f"http:{stage.upstream(late).address}", "websockets-drafts": "all"})
    with router.connect() as raw:
        raw.send(hixie.request() + hixie.KEY3 + hixie.text(b"early"))
        assert raw.response().status == 101
        assert raw.take(16) == hixie.PROOF
        until("the frame arrives", lambda: len(seen) == 2)
    assert seen == [True, (TEXT, b"early")]


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_key3_that_never_comes(site, door):
    """The 101 is sent at once, and the time for a head holds for its last eight bytes too."""
    with site.router.connect() as raw:
        begin = time.monotonic()
        raw.send(hixie.request(path=f"/{door}") + hixie.KEY3[:7])
        assert raw.response().status == 101
        assert raw.is_ended(HEAD_TIMEOUT + 8)
        assert time.monotonic() - begin > HEAD_TIMEOUT * 0.9
        assert raw.buffer == b"", "a proof without a key"


@pytest.mark.parametrize("door", ["echo", "guard"])
def test_key3_that_comes_byte_by_byte_has_no_more_time(site, door):
    with site.router.connect() as raw:
        raw.send(hixie.request(path=f"/{door}"))
        assert raw.response().status == 101
        for byte in hixie.KEY3[:7]:
            time.sleep(HEAD_TIMEOUT / 4)
            try:
                raw.send(bytes([byte]))
            except ConnectionError:
                break
        assert raw.is_ended(HEAD_TIMEOUT + 8)


@pytest.mark.parametrize("answer", ["403 Forbidden", "200 OK", "502 Bad Gateway"])
def test_key3_after_a_refusal_is_no_request(stage, answer):
    def refuse(peer):
        assert peer.request()
        peer.reply(b"no", answer)
        assert peer.request() is None

    upstream = stage.upstream(refuse)
    router = stage.tidegate({"default": f"http:{upstream.address}", "websockets-drafts": "all"})
    with router.connect() as raw:
        raw.send(hixie.request() + b"GET /12 HTTP/1.1\r\nHost: smuggled\r\n\r\n")
        assert raw.response().status == int(answer[:3])
        assert raw.is_ended()
        assert raw.buffer == b""
    assert b"smuggled" not in upstream.received


@pytest.mark.parametrize("draft, answer", [
    *[pytest.param("13", data, id=f"13-{name}") for name, data in {
        "wrong-accept": websocket.response(), "none": websocket.response(None), "extension": lambda key: websocket.response(websocket.accept_of(key), DEFLATE),
        "subprotocol": lambda key: websocket.response(websocket.accept_of(key), "Sec-WebSocket-Protocol: smuggled"),
        "200": websocket.response(status="200 OK").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"),
    }.items()],
    *[pytest.param("hixie-76", hixie.answer() + proof, id=f"hixie-76-{name}") for name, proof in {"wrong": b"0123456789abcdef", "short": b"01234567"}.items()],
    pytest.param("hixie-75", hixie.answer(draft="hixie-75").replace(b"Web Socket", b"WebSocket"), id="hixie-75-another-phrase"),
    pytest.param("hixie-75", hixie.answer(draft="hixie-75").replace(b"Upgrade: WebSocket\r\nConnection: Upgrade", b"Connection: Upgrade\r\nUpgrade: WebSocket"), id="hixie-75-another-order"),
])
def test_the_dialect_s_own_proof_is_the_only_door(stage, draft, answer):
    """Where the upstream is asked by us, it proves itself to us."""
    def prove(peer):
        request = peer.request()
        peer.send(answer(request["Sec-WebSocket-Key"]) if callable(answer) else answer)
        if draft == "hixie-76" and answer.endswith(b"4567"):
            return
        peer.send(b"\0smuggled\xff")
        peer.rest()

    upstream = stage.upstream(prove)
    router = stage.tidegate({"default": f"http:{upstream.address}", "websockets-mode": "guard", "websockets-upstream-draft": draft})
    with router.connect() as raw:
        raw.send(websocket.request() + frame(b"from the client", TEXT))
        response = raw.response()
        assert response.status == (200 if b"200 OK" in (answer if isinstance(answer, bytes) else b"") else 502)
        assert response.status == 200 or response["Sec-WebSocket-Accept"] is None
        raw.is_ended(3)
        assert b"smuggled" not in raw.buffer
    assert websocket.mask(b"from the client", b"\0\0\0\0") not in upstream.received


def test_hixie_text_cannot_inject_a_frame(stage):
    """An FF inside text that goes to a hixie client would end its frame: text is checked before."""
    def inject(peer):
        request = peer.request()
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        peer.send(frame(b"a\xff\0smuggled", TEXT, masked=False))
        peer.rest()

    router = stage.tidegate({"default": f"http:{stage.upstream(inject).address}", "websockets-drafts": "all"})
    with router.connect() as raw:
        raw.send(hixie.request() + hixie.KEY3)
        assert raw.response().status == 101
        assert raw.take(16) == hixie.PROOF
        assert b"smuggled" not in raw.rest()


@pytest.mark.parametrize("data", cases(
    "below-the-limit", endless_text=b"\0" + b"x" * (MIB + 10), endless_discarded=b"\1" + b"x" * (MIB + 10), length=b"\x80\xff\xff\xff\xff\x7f", lengthy_length=b"\x80" + b"\x80" * (2 * MIB),
))
def test_hixie_frames_are_below_the_limit(site, data):
    before = memory(site.router.pid)
    with site.router.connect() as raw:
        raw.send(hixie.request(path="/echo") + hixie.KEY3)
        assert raw.response().status == 101
        assert raw.take(16) == hixie.PROOF
        try:
            raw.send(data)
        except ConnectionError:
            pass
        assert raw.is_ended()
        assert raw.buffer in (b"", hixie.CLOSE)
    assert memory(site.router.pid) - before < 3 * MIB
