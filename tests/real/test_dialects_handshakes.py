"""Handshakes of every draft byte by byte: what documents print, key3 in its own time, refusals without stray bytes."""

import time

import pytest

from harness import hixie, websocket
from harness.attack import Gate
from harness.upstream import http_ok

ALL = {"websockets-drafts": "all"}
# Key1, Key2, key3 and the answer: hixie-76 itself prints the first two; the third has the largest numbers there are.
VECTORS = [
    (hixie.KEY1, hixie.KEY2, hixie.KEY3, hixie.PROOF),
    ("18x 6]8vM;54 *(5:  {   U1]8  z [  8", "1_ tx7X d  <  nw  334J702) 7]o}` 0", b"Tm[K T2u", b"fQJ,fN/4F4!~K~MH"),
    ("4294967 295!", "42 94967295~", bytes(8), bytes.fromhex("f858d36231ba743ad8c898d86a67a864")),
]


@pytest.fixture(scope="module")
def router(module_stage):
    return module_stage.tidegate({**ALL, "default": "echo:"})


def hybi(version, key, *fields, path="/ws"):
    lines = [f"GET {path} HTTP/1.1", "Host: pmx", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Version: {version}",
             f"Sec-WebSocket-Key: {key}", *fields, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("key1, key2, key3, proof", VECTORS)
def test_vectors_of_hixie_76(router, key1, key2, key3, proof):
    with router.connect() as raw:
        raw.send(hixie.request(keys=(key1, key2)) + key3)
        expected = hixie.answer() + proof
        assert raw.take(len(expected)) == expected
        raw.send(hixie.text(b"hello") + hixie.CLOSE)
        assert raw.rest() == hixie.text(b"hello") + hixie.CLOSE


def test_stargate_s_page_hixie_76(router):
    """The example on its page about WebSockets, fields in that order."""
    with router.connect() as raw:
        raw.send(b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
                 b"Sec-WebSocket-Protocol: sample\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n"
                 b"Origin: http://example.com\r\n\r\n^n:ds[4U")
        expected = (b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n"
                    b"Sec-WebSocket-Protocol: sample\r\n\r\n8jKS'y:G*Co,Wxa-")
        assert raw.take(len(expected)) == expected


def test_stargate_s_page_hixie_75(router):
    """There it is answered with hixie-76's reason phrase; browsers compare these 85 bytes with those of the draft."""
    with router.connect() as raw:
        raw.send(b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: http://example.com\r\n\r\n")
        expected = (b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
                    b"WebSocket-Origin: http://example.com\r\nWebSocket-Location: ws://example.com/demo\r\n\r\n")
        assert raw.take(len(expected)) == expected
        raw.send(hixie.text(b"hello")).finish()
        assert raw.rest() == hixie.text(b"hello")


@pytest.mark.parametrize("version, key, accept", [
    (7, "x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    (8, "x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    (13, "x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    (13, websocket.KEY, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
])
def test_accept_keys(router, version, key, accept):
    """That of Stargate's page, and that of RFC 6455. The extension that the page offers is never agreed to."""
    with router.connect() as raw:
        answer = raw.send(hybi(version, key, "Sec-WebSocket-Origin: http://pmx", "Sec-WebSocket-Extensions: deflate-stream")).response()
        assert (answer.status, answer["Sec-WebSocket-Accept"], answer["Sec-WebSocket-Extensions"]) == (101, accept, None)
        assert (answer["Upgrade"].lower(), answer["Connection"].lower()) == ("websocket", "upgrade")


@pytest.mark.parametrize("version", ["1", "6", "9", "12", "14", "255"])
def test_other_versions_are_told_which(router, version):
    """Stargate's page asks for version 6."""
    with router.connect() as raw:
        answer = raw.send(hybi(version, "x3JJHMbDL1EzLkh9GBhXDw==")).response()
        assert (answer.status, answer["Sec-WebSocket-Version"]) == (426, "13, 8, 7")
        assert answer["Upgrade"] == "websocket" and "Upgrade" in answer["Connection"].split(", ")


def test_whole_string_of_subprotocols(router):
    """WebKit compared all of it with what it had asked for."""
    for keys, name in (((hixie.KEY1, hixie.KEY2), "Sec-WebSocket-Protocol"), (None, "WebSocket-Protocol")):
        with router.connect() as raw:
            raw.send(hixie.request("/demo", f"{name}: b, a c", keys=keys) + (hixie.KEY3 if keys else b""))
            assert raw.response()[name] == "b, a c"


def test_location_has_host_and_target_as_they_came(router):
    with router.connect() as raw:
        raw.send(hixie.request("/a/../b//c%41?x=%7e&y", host="Example.COM:8080") + hixie.KEY3)
        assert raw.response()["Sec-WebSocket-Location"] == "ws://Example.COM:8080/a/../b//c%41?x=%7e&y"


@pytest.fixture(scope="module")
def before_upstream(module_stage):
    """A router before an upstream of 13 that sends an `a` first, and gives back what it gets."""

    def serve(peer):
        request = peer.request()
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])) + websocket.frame(b"a", 1, masked=False))
        while True:
            opcode, payload, _ = websocket.read_frame(peer)
            peer.send(websocket.frame(payload, opcode, masked=False))

    return module_stage.tidegate({**ALL, "default": f"http:{module_stage.upstream(serve).address}"})


@pytest.mark.parametrize("to", ["router", "before_upstream"])
@pytest.mark.parametrize("length", [(), ("Content-Length: 8",)], ids=["unannounced", "content-length"])
def test_head_comes_before_key3(request, to, length):
    """nginx passes key3 on only when it has seen the 101; a server that waits for it waits for ever."""
    with request.getfixturevalue(to).connect() as raw:
        raw.send(hixie.request("/demo", *length))
        assert raw.take(len(hixie.answer())) == hixie.answer()
        assert raw.is_silent(0.2), "neither the proof nor a frame comes before key3"
        for byte in hixie.KEY3:
            raw.send(bytes([byte]))
        assert raw.take(16) == hixie.PROOF
        if to == "before_upstream":
            assert raw.take(3) == hixie.text(b"a"), "what the upstream said meanwhile comes behind the proof"
        raw.send(hixie.text("é".encode()))
        assert raw.take(4) == hixie.text("é".encode())


@pytest.mark.parametrize("key3", [b"\r\n\r\n\r\n\r\n", bytes(8), b"GET / HT", b"\xff\x00\xff\x00\xff\x00\xff\x00"])
def test_key3_is_any_eight_bytes(router, key3):
    """And what comes behind it in the same segment are frames."""
    with router.connect() as raw:
        raw.send(hixie.request() + key3 + hixie.text(b"behind"))
        fields = {"Sec-WebSocket-Key1": hixie.KEY1, "Sec-WebSocket-Key2": hixie.KEY2}
        expected = hixie.answer() + hixie.proof(fields, key3) + hixie.text(b"behind")
        assert raw.take(len(expected)) == expected


@pytest.mark.parametrize("field", ["Content-Length: 7", "Content-Length: 9", "Content-Length: 0", "Transfer-Encoding: chunked"])
def test_no_other_body(router, field):
    with router.connect() as raw:
        raw.send(hixie.request("/demo", field) + hixie.KEY3 + b"x")
        if field == "Content-Length: 0":
            assert raw.response().status == 101
        else:
            assert raw.response().status == 400
            assert raw.is_ended() and raw.buffer == b""


def test_key3_that_never_comes(stage):
    """It belongs to the head, and is bounded as the head is."""
    router = stage.tidegate({**ALL, "default": "echo:", "http-headers-timeout": "1s"})
    with router.connect() as raw:
        begin = time.monotonic()
        raw.send(hixie.request() + hixie.KEY3[:7])
        assert raw.rest() == hixie.answer()
        assert 0.5 < time.monotonic() - begin < 5


REFUSED = {
    "drafts-off": ({"websockets-drafts": "hybi-07 hybi-08 13"}, hixie.request(), 400),
    "only-75": ({"websockets-drafts": "hixie-75 13"}, hixie.request(), 400),
    "only-76": ({"websockets-drafts": "hixie-76 13"}, hixie.request(keys=None), 400),
    "origin": ({**ALL, "origin": "http://other.example"}, hixie.request(), 403),
    "websockets-off-for-tcp": ({**ALL, "default": "tcp:127.0.0.1:1"}, hixie.request(), 502),
    "no-upstream": ({**ALL, "default": "http:127.0.0.1:1"}, hixie.request(), 502),
    "draft-1": (ALL, hixie.request("/demo", "Sec-WebSocket-Draft: 1"), 400),
    "one-key": (ALL, hixie.request("/demo", f"Sec-WebSocket-Key1: {hixie.KEY1}", keys=None), 400),
    "post": (ALL, hixie.request().replace(b"GET ", b"POST "), 400),
    **{f"key-{key or 'empty'}": (ALL, hixie.request(keys=(key, hixie.KEY2)), 400) for key in ("12345", "ab cd", "1 0 1", "4294967296 0", "")},
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_leave_no_stray_bytes(stage, case):
    """SECURITY: the eight bytes behind a refused head are no request: one answer, then the end."""
    options, head, status = REFUSED[case]
    gate = Gate(stage, options=options, serve=http_ok)
    with gate.nothing_passes(), gate.router.connect() as raw:
        raw.send(head + b"GET / HT" + b"TP/1.1\r\nHost: a\r\n\r\n")
        answer = raw.response()
        assert answer.status == status
        assert (answer["Connection"] or "").lower() == "close"
        assert raw.is_ended() and raw.buffer == b"", raw.buffer


def test_http_10_has_no_upgrade(stage):
    """RFC 9110 section 7.8: the field is ignored there. The connection ends, and with it the eight bytes."""
    gate = Gate(stage, options=ALL, serve=http_ok)
    with gate.router.connect() as raw:
        raw.send(hixie.request().replace(b"HTTP/1.1", b"HTTP/1.0") + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().status == 200
        assert raw.is_ended() and raw.buffer == b""
    assert gate.upstream.received.count(b"GET ") == 1 and b"upgrade" not in gate.upstream.received.lower()


def test_an_upstream_that_refuses_gets_no_key3(stage):
    """A 200 for a handshake is passed on, and the connection ends: what follows it is nobody's."""
    gate = Gate(stage, options=ALL, serve=http_ok)
    with gate.router.connect() as raw:
        raw.send(hixie.request() + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().status == 200
        assert raw.is_ended() and raw.buffer == b""
    assert gate.upstream.received.count(b"GET ") == 1


def old_upstream(draft, wrong=False):
    """An upstream of that draft which notes the head it got, and what came with it."""
    seen = {}

    def serve(peer):
        seen["head"] = peer.take_until(b"\r\n\r\n")
        lines = seen["head"].decode("latin-1").split("\r\n")[1:-2]
        seen["fields"] = dict(line.split(": ", 1) for line in lines)
        head = hixie.answer(draft=draft)
        if draft == "hixie-75":
            peer.send(head.replace(b"Web Socket", b"WebSocket") if wrong else head)
        else:
            seen["key3"] = peer.take(8)
            proof = hixie.proof(seen["fields"], seen["key3"])
            peer.send(head + (proof[::-1] if wrong else proof))
        peer.send(hixie.text(b"early"))
        peer.rest()

    return serve, seen


@pytest.mark.parametrize("draft", ["hixie-75", "hixie-76"])
def test_what_an_old_upstream_sees(stage, draft):
    """Of a client of 13: the fields of its own draft in their usual case, and none of the later ones."""
    serve, seen = old_upstream(draft)
    router = stage.tidegate({"default": f"http:{stage.upstream(serve).address}", "websockets-upstream-draft": draft})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/demo?x=1", "Origin: http://example.com", "Sec-WebSocket-Extensions: permessage-deflate", "Cookie: a=1")
        assert websocket.read_frame(raw) == (1, b"early", True)
    assert seen["head"].startswith(b"GET /demo?x=1 HTTP/1.1\r\n")
    fields = seen["fields"]
    assert (fields["Upgrade"], fields["Connection"], fields["Origin"], fields["Host"]) == ("WebSocket", "Upgrade", "http://example.com", "test")
    assert fields["Cookie"] == "a=1"
    later = {name for name in fields if name.startswith("Sec-WebSocket-")}
    assert later == (set() if draft == "hixie-75" else {"Sec-WebSocket-Key1", "Sec-WebSocket-Key2"})
    assert "Content-Length" not in fields


@pytest.mark.parametrize("draft", ["hixie-75", "hixie-76"])
def test_the_proof_of_an_old_upstream_is_the_only_door(stage, draft):
    """SECURITY: a wrong MD5, or a head that is not the one of hixie-75, is 502 and no WebSocket."""
    serve, _ = old_upstream(draft, wrong=True)
    router = stage.tidegate({"default": f"http:{stage.upstream(serve).address}", "websockets-upstream-draft": draft})
    with router.connect() as raw:
        raw.send(websocket.request())
        answer = raw.response()
        assert answer.status == 502 and b"early" not in answer.body
        assert raw.is_ended()


@pytest.mark.parametrize("version", [7, 8])
def test_what_an_upstream_of_7_or_8_sees(stage, version):
    seen = []

    def serve(peer):
        seen.append(peer.request())
        peer.send(websocket.response(websocket.accept_of(seen[0]["Sec-WebSocket-Key"])))
        peer.rest()

    router = stage.tidegate({"default": f"http:{stage.upstream(serve).address}", "websockets-upstream-draft": f"hybi-0{version}"})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/ws", "Origin: http://example.com")
    request = seen[0]
    assert (request["Sec-WebSocket-Version"], request["Sec-WebSocket-Origin"]) == (str(version), "http://example.com")
    assert request["Origin"] is None and request["Sec-WebSocket-Extensions"] is None
    assert len(request["Sec-WebSocket-Key"]) == 24 and request["Sec-WebSocket-Key"] != websocket.KEY


def test_what_a_13_upstream_sees_of_an_old_client(stage):
    """A key of ours, and neither the client's two nor its Content-Length."""
    seen = []

    def serve(peer):
        seen.append(peer.request())
        peer.send(websocket.response(websocket.accept_of(seen[0]["Sec-WebSocket-Key"])))
        peer.rest()

    router = stage.tidegate({**ALL, "default": f"http:{stage.upstream(serve).address}"})
    with router.connect() as raw:
        raw.send(hixie.request("/demo", "Content-Length: 8") + hixie.KEY3)
        raw.take(len(hixie.answer()) + 16)
    request = seen[0]
    assert (request["Sec-WebSocket-Version"], request["Origin"]) == ("13", "http://example.com")
    assert len(request["Sec-WebSocket-Key"]) == 24
    for name in ("Sec-WebSocket-Key1", "Sec-WebSocket-Key2", "Content-Length", "Sec-WebSocket-Extensions"):
        assert request[name] is None


def test_what_a_uwsgi_worker_sees_of_an_old_client(stage):
    seen = []

    def serve(peer):
        packet = peer.packet()
        seen.append(dict(packet.pairs))
        peer.send(websocket.response(websocket.accept_of(seen[0]["HTTP_SEC_WEBSOCKET_KEY"]), "Sec-WebSocket-Origin: x",
                                     status="101 Web Socket Protocol Handshake"))
        peer.rest()

    router = stage.tidegate({**ALL, "default": f"uwsgi:{stage.upstream(serve).address}"})
    with router.connect() as raw:
        raw.send(hixie.request() + hixie.KEY3)
        assert raw.take(len(hixie.answer()) + 16) == hixie.answer() + hixie.PROOF
    variables = seen[0]
    assert (variables["HTTP_SEC_WEBSOCKET_VERSION"], variables["HTTP_ORIGIN"]) == ("13", "http://example.com")
    assert not [name for name in variables if "KEY1" in name or "KEY2" in name]
    assert not variables.get("CONTENT_LENGTH")
