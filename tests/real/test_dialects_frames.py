"""Translation between drafts frame by frame: what a message, a ping or a Close of one side is for the other."""

import struct
import threading

import pytest

from harness import hixie, websocket
from harness.waiting import until

HIXIE = ["hixie-75", "hixie-76"]
HYBI = {"hybi-07": 7, "hybi-08": 8, "13": 13}
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Far:
    """An upstream of one draft, worked by the test: `raw` is its connection once it is open."""

    def __init__(self, stage, draft):
        self.draft, self.raw, self.opened, self.over = draft, None, threading.Event(), threading.Event()
        self.address = stage.upstream(self.serve).address

    def serve(self, peer):
        request = peer.request()
        if self.draft in HYBI:
            assert request["Sec-WebSocket-Version"] == str(HYBI[self.draft])
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        else:
            proof = hixie.proof(request, peer.take(8)) if self.draft == "hixie-76" else b""
            peer.send(hixie.answer(draft=self.draft) + proof)
        self.raw = peer
        self.opened.set()
        self.over.wait(20)


@pytest.fixture
def ends(stage):
    """`ends("hixie-76", "13")`: the client's and the upstream's end of an open WebSocket, as raw connections."""
    far_ends = []

    def join(client, upstream, options=None):
        far = Far(stage, upstream)
        far_ends.append(far)
        router = stage.tidegate({"websockets-drafts": "all", "default": f"http:{far.address}", "websockets-upstream-draft": upstream,
                                 **(options or {})})
        raw = router.connect()
        if client in HYBI:
            raw.send(websocket.request().replace(b"Version: 13", b"Version: %d" % HYBI[client]))
            assert raw.response().status == 101
        else:
            keys = (hixie.KEY1, hixie.KEY2) if client == "hixie-76" else None
            raw.send(hixie.request(keys=keys) + (hixie.KEY3 if keys else b""))
            raw.take(len(hixie.answer(draft=client)) + (16 if keys else 0))
        assert far.opened.wait(10)
        return raw, far.raw

    yield join
    for far in far_ends:
        far.over.set()


def read(raw, draft):
    """The next message of a side: text, or (opcode, payload)."""
    if draft in HYBI:
        opcode, payload, final = websocket.read_frame(raw)
        while not final:
            _, more, final = websocket.read_frame(raw)
            payload += more
        return payload if opcode == TEXT else (opcode, payload)
    if raw.take(1) == b"\xff":
        assert draft == "hixie-76" and raw.take(1) == b"\x00"
        return (CLOSE, b"")
    return raw.take_until(b"\xff")[:-1]


def text(payload, draft, masked):
    return websocket.frame(payload, TEXT, masked) if draft in HYBI else hixie.text(payload)


PAIRS = [(client, upstream) for client in [*HIXIE, *HYBI] for upstream in [*HIXIE, *HYBI] if client != upstream]


@pytest.mark.parametrize("client, upstream", PAIRS)
def test_text_both_ways(ends, client, upstream):
    """Each message is one of the other draft, whatever is in it."""
    near, far = ends(client, upstream)
    for payload in (b"plain", "grüße, 你好, 🦊".encode(), b"", b"\x00\x01", b"x" * 100_000):
        near.send(text(payload, client, True))
        assert read(far, upstream) == payload
        far.send(text(payload, upstream, False))
        assert read(near, client) == payload


@pytest.mark.parametrize("draft", HIXIE)
def test_what_is_no_utf8_becomes_replacements(ends, draft):
    near, far = ends(draft, "13")
    near.send(hixie.text(b"a\xc3\x28b") + hixie.text(b"\xe2\x82"))
    assert read(far, "13") == "a\ufffd(b".encode()
    assert read(far, "13") == "\ufffd".encode()


@pytest.mark.parametrize("draft", HIXIE)
def test_other_frames_of_the_old_drafts_are_discarded(ends, draft):
    """Types 01 to 7F run to FF, types from 80 have a length."""
    near, far = ends(draft, "13")
    near.send(b"\x01what\xff" + b"\x80\x81\x02" + b"y" * 130 + b"\x81\x00" + hixie.text(b"seen"))
    assert read(far, "13") == b"seen"


def test_fragments_become_one_frame(ends):
    """Also around a ping, which is answered at once and goes no further."""
    near, far = ends("13", "hixie-76")
    near.send(websocket.frame("gr\u00fc".encode()[:3], TEXT, fin=False) + websocket.frame(b"hey", PING)
              + websocket.frame("gr\u00fc".encode()[3:] + b"\xc3", 0, fin=False) + websocket.frame(b"\x9fe", 0))
    assert websocket.read_frame(near) == (PONG, b"hey", True)
    assert read(far, "hixie-76") == "grüße".encode()


def test_text_that_would_end_its_own_frame(ends):
    """FF is no UTF-8: 1007 for who sends it, and nothing of it upstream."""
    near, far = ends("13", "hixie-76")
    near.send(websocket.frame(b"a\xffb\x00injected", TEXT))
    opcode, payload, _ = websocket.read_frame(near)
    assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", 1007))
    assert read(far, "hixie-76") == (CLOSE, b"")


@pytest.mark.parametrize("policy, data, wanted", [
    ("close", b"\x01\x02", None), ("drop", b"\x01\x02", b"after"), ("text", "é".encode(), "é".encode()), ("text", b"\xff", None),
])
@pytest.mark.parametrize("draft", HIXIE)
def test_binary_for_text_only(ends, draft, policy, data, wanted):
    """`websockets-binary`: its sender is told 1003, or it is dropped, or passed on where it is text."""
    near, far = ends("13", draft, {"websockets-binary": policy})
    near.send(websocket.frame(data, BINARY) + websocket.frame(b"after", TEXT))
    if wanted is None:
        opcode, payload, _ = websocket.read_frame(near)
        assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", 1003))
    else:
        assert read(far, draft) == wanted


# What one side closes with, and what the other is told: None for a Close without a code.
TO_OTHERS = [("13", "hybi-08", {1000: 1000, 1001: 1001, 1003: 1003, 1007: 1007, 1009: 1004, 1011: 1011, 1012: 1001, 1013: 1001,
                                1014: 1001, 3000: 3000, 4999: 4999, None: None}),
             ("13", "hybi-07", {1000: 1000, 1002: 1002, 1007: 1002, 1008: 1002, 1009: 1004, 1010: 1002, 1011: 1002, 1013: 1001,
                                4000: 4000, None: None}),
             ("hybi-08", "13", {1000: 1000, 1004: 1009, 1007: 1007, 4001: 4001, None: None}),
             ("hybi-07", "13", {1000: 1000, 1003: 1003, 1004: 1009, 3999: 3999, None: None}),
             ("13", "hixie-76", {1000: None, 1011: None, 4000: None}),
             ("hixie-76", "13", {None: None})]
CLOSES = [(source, target, said, told) for source, target, codes in TO_OTHERS for said, told in codes.items()]


def close(code, draft, masked):
    return websocket.frame(b"" if code is None else struct.pack("!H", code), CLOSE, masked) if draft in HYBI else hixie.CLOSE


def read_code(raw, draft):
    opcode, payload = read(raw, draft)
    assert opcode == CLOSE
    return struct.unpack("!H", payload[:2])[0] if payload else None


@pytest.mark.parametrize("speaker", ["client", "upstream"])
@pytest.mark.parametrize("source, target, said, told", CLOSES)
def test_close_codes(ends, speaker, source, target, said, told):
    """Told in the draft of the other side, whose answer brings the first one its own code back."""
    client = speaker == "client"
    near, far = ends(source, target) if client else ends(target, source)
    first, second = (near, far) if client else (far, near)
    first.send(close(said, source, masked=client))
    assert read_code(second, target) == told
    second.send(close(told, target, masked=not client))
    assert read_code(first, source) == said


@pytest.mark.parametrize("draft, code", [("hixie-75", 1000), ("hixie-76", 1001)])
def test_the_end_of_an_old_client(ends, draft, code):
    """In hixie-75 a FIN is the Close; later it is none."""
    near, far = ends(draft, "13")
    near.send(hixie.text(b"last words")).finish()
    assert read(far, "13") == b"last words"
    assert read_code(far, "13") == code


@pytest.mark.parametrize("draft, code", [("hixie-75", 1000), ("hixie-76", 1001)])
def test_the_end_of_an_old_upstream(ends, draft, code):
    near, far = ends("13", draft)
    far.send(hixie.text(b"last words"))
    far.finish()
    assert read(near, "13") == b"last words"
    assert read_code(near, "13") == code


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "unanswered"])
def test_a_close_for_hixie_75_is_the_end(ends, answers):
    """Its answer is a FIN; one that does not come is not waited for longer than five seconds."""
    near, far = ends("hixie-75", "13")
    far.send(websocket.frame(b"last words", TEXT, masked=False) + close(1001, "13", masked=False))
    assert near.rest() == hixie.text(b"last words")
    if answers:
        near.finish()
    assert read_code(far, "13") == 1001


def test_pings_of_the_upstream_are_answered(ends):
    near, far = ends("hixie-76", "13")
    far.send(websocket.frame(b"are you there", PING, masked=False))
    assert websocket.read_frame(far) == (PONG, b"are you there", True)
    assert near.is_silent(0.2)


def test_too_large_for_the_limit(ends):
    """1009 in 13 is 1004 in 7 and 8; the upstream hears 1001."""
    for draft, code in (("13", 1009), ("hybi-08", 1004), ("hybi-07", 1004)):
        near, far = ends(draft, "hixie-76", {"websockets-max-size": 1})
        near.send(websocket.frame(b"x" * 2000, TEXT))
        assert read_code(near, draft) == code
        assert read(far, "hixie-76") == (CLOSE, b"")


def test_early_frames_of_both_sides(stage):
    """What stands right behind either head waits, and is translated."""

    def serve(peer):
        request = peer.request()
        peer.send(hixie.answer(draft="hixie-75") + hixie.text(b"early of the upstream"))
        assert request["Sec-WebSocket-Key"] is None
        heard.append(peer.take_until(b"\xff"))

    heard = []
    router = stage.tidegate({"default": f"http:{stage.upstream(serve).address}", "websockets-upstream-draft": "hixie-75"})
    with router.connect() as raw:
        raw.send(websocket.request() + websocket.frame(b"early of the client", TEXT))
        assert raw.response().status == 101
        assert websocket.read_frame(raw) == (TEXT, b"early of the upstream", True)
        until("the client's message", lambda: heard == [hixie.text(b"early of the client")])
