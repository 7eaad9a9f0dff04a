"""Each setting that a route may have of its own: it holds there, and not on the route beside it."""

import json
import re
import socket

import pytest

from harness import ROOT, hixie, websocket
from harness.certificates import Authority
from harness.leaving import serve as repeats
from harness.raw import chunk
from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import until

PATHS = ["/own", "/other"]


def start(stage, to, setting, main=None):
    """A router whose route for `/own` has the setting."""
    return stage.tidegate({"default": to, **(main or {})}, f"[route:own]\npath = ^/own\nto = {to}\n{setting}\n")


def test_every_setting_of_a_route_has_a_test():
    """Those of channels have theirs in files of their own."""
    rows = [row for row in (ROOT / "docs" / "config.md").read_text().splitlines() if "also in `[route:NAME]`" in row]
    keys = [re.match(r"\| `([\w-]+)`", row)[1] for row in rows]
    tests = "".join((ROOT / "tests" / "real" / name).read_text() for name in ["test_settings_of_routes.py", "test_limits_of_routes.py"])
    assert len(keys) > 30
    assert [key for key in keys if not key.startswith("channel") and not re.search(rf'"{key}[" ]|\\n{key} = ', tests)] == []


def tells(peer):
    """A uwsgi server that tells what it saw, and how the body came."""
    packet = peer.packet()
    if packet is None:
        return
    length = packet.variables.get("CONTENT_LENGTH")
    body = peer.take(int(length)) if length else peer.chunked()[0]
    peer.reply(json.dumps({"one": packet.modifier1, "two": packet.modifier2, "variables": packet.variables,
                           "body": len(body), "framing": "length" if length else "chunked"}).encode())


def post(router, path, size):
    """A body in one chunk."""
    with router.connect() as raw:
        raw.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").send(chunk(b"x" * size) + chunk(b""))
        return raw.response()


@pytest.mark.parametrize("setting, look, own, other", [
    ("http-var = COLOUR=blue", lambda seen: seen["variables"].get("COLOUR"), "blue", None),
    ("http-modifier1 = 5", lambda seen: seen["one"], 5, 0),
    ("http-modifier2 = 7", lambda seen: seen["two"], 7, 0),
    ("http-chunked-input = on", lambda seen: (seen["framing"], seen["body"]), ("chunked", 1000), ("length", 1000)),
])
def test_what_a_uwsgi_server_is_told(stage, setting, look, own, other):
    router = start(stage, f"uwsgi:{stage.upstream(tells).address}", setting)
    assert [look(post(router, path, 1000).json()) for path in PATHS] == [own, other]


def test_how_much_is_buffered(stage):
    router = start(stage, f"uwsgi:{stage.upstream(tells).address}", "spool-max = 70k")
    assert [post(router, path, 100_000).status for path in PATHS] == [413, 200]


def test_how_much_is_buffered_in_memory(stage):
    """What is more goes to a directory, which is no more."""
    spool = stage.directory / "spool"
    spool.mkdir()
    router = start(stage, f"uwsgi:{stage.upstream(tells).address}", "http-buffer-size-max = 1k", {"spool-dir": spool})
    spool.rmdir()
    assert [post(router, path, 50_000).status // 100 for path in PATHS] == [5, 2]


def test_what_is_expected(stage):
    router = start(stage, f"http:{stage.upstream(http_ok).address}", "http-manage-expect = 10")
    for path, status in zip(PATHS, [413, 200]):
        with router.connect() as raw:
            raw.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n")
            if status == 200:
                assert raw.head()[0] == "HTTP/1.1 100 Continue"
                raw.send("x" * 20)
            assert raw.response().status == status


@pytest.mark.parametrize("setting, head, coding", [
    ("http-auto-chunked = off", "HTTP/1.1 200 OK\r\n\r\n", "chunked"), ("http-raw-body = on", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", None),
])
def test_what_follows_an_answer(stage, setting, head, coding):
    """The server closes behind it: on one route the client's connection ends with it, on the other it is kept."""
    router = start(stage, f"http:{stage.upstream(lambda peer: (peer.request(), peer.send(head + 'body'))).address}", setting)
    with router.connect() as own, router.connect() as other:
        answer = own.get("/own").response()
        assert (answer.body, answer["Transfer-Encoding"], own.is_ended()) == (b"body", None, True)
        for _ in range(2):
            answer = other.get("/other").response()
            assert (answer.body, answer["Transfer-Encoding"]) == (b"body", coding)


def test_how_long_a_server_is_dialled(stage):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        router = start(stage, f"http:127.0.0.1:{full.getsockname()[1]}", "http-connect-timeout = 300ms", {"http-connect-timeout": "1h", "http-timeout": "1h"})
        with router.connect() as other:
            other.get("/other")
            assert router.get("/own").status in (502, 504)
            assert other.is_silent(0.1)
        for filler in fillers:
            filler.close()


def test_whether_websockets_are_routed(stage):
    def serve(peer):
        request = peer.request()
        peer.send(websocket.response()) if request["Upgrade"] else peer.reply()

    router = start(stage, f"http:{stage.upstream(serve).address}", "http-websockets = off")
    found = []
    for path in PATHS:
        with router.connect() as raw:
            found.append(raw.send(websocket.request(path)).response().status)
    assert found == [200, 101]


@pytest.mark.parametrize("setting, fields, look, own, other", [
    ("websockets-drafts = hybi-08", [], lambda answer: answer.status, 426, 101),
    ("websockets-protocol = second", ["Sec-WebSocket-Protocol: first, second"], lambda answer: answer["Sec-WebSocket-Protocol"], "second", None),
    ("websockets-deflate = off", ["Sec-WebSocket-Extensions: permessage-deflate"], lambda answer: "deflate" in (answer["Sec-WebSocket-Extensions"] or ""), False, True),
    ("origin = https://a.example", ["Origin: https://b.example"], lambda answer: answer.status, 403, 101),
])
def test_a_handshake(stage, setting, fields, look, own, other):
    router = start(stage, "echo:", setting)
    found = []
    for path in PATHS:
        with router.connect() as raw:
            found.append(look(raw.send(websocket.request(path, *fields)).response()))
    assert found == [own, other]


def test_what_a_server_of_websockets_speaks(stage):
    server = stage.upstream(repeats)
    router = start(stage, f"http:{server.address}", "websockets-upstream-draft = hybi-08")
    for path, version in zip(PATHS, [8, 13]):
        with router.connect() as raw:
            websocket.open_websocket(raw, path)
        assert b"\r\nSec-WebSocket-Version: %d\r\n" % version in server.peers[-1].received


def open_both(stage, setting, main=None):
    """Two WebSockets to a server that repeats every frame, whatever is in it; the server."""
    server = stage.upstream(repeats)
    router = start(stage, f"http:{server.address}", setting, {"websockets-ping-freq": "off", **(main or {})})
    raws = [router.connect() for _ in PATHS]
    for number, (raw, path) in enumerate(zip(raws, PATHS)):
        websocket.open_websocket(raw, path)
        server.connections(number + 1)
    return *raws, server


@pytest.mark.parametrize("setting, sent, main, code", [
    ("websockets-max-size = 1", [b"x" * 2000], {}, 1009),
    ("websockets-rate = 1/s,burst=1", [b"x"] * 5, {}, 1008),
    ("websockets-mode = guard", [b"\xff"], {}, 1007),
    ("websockets-max-age = 300ms", [], {}, 1001),
    ("websockets-pong-tolerance = 200ms", [], {"websockets-ping-freq": "200ms", "websockets-pong-tolerance": "1h"}, None),
])
def test_what_ends_a_websocket(stage, setting, sent, main, code):
    own, other, _ = open_both(stage, setting, main)
    with own, other:
        for payload in sent:
            own.send(websocket.frame(payload, websocket.TEXT))
        if code:
            assert websocket.close_code(own) == code
        if code == 1001:
            own.send(websocket.close(code))
        assert own.is_ended()
        for payload in [*sent, b"here"]:
            other.send(websocket.frame(payload, websocket.TEXT))
            assert websocket.message(other) == (websocket.TEXT, payload)


@pytest.mark.parametrize("setting, opcode", [("websockets-ping-freq = 200ms", websocket.PING), ("websockets-pong-freq = 200ms", websocket.PONG)])
def test_what_a_client_is_sent_unasked(stage, setting, opcode):
    own, other, _ = open_both(stage, setting)
    with own, other:
        assert websocket.read_frame(own)[0] == opcode
        assert other.is_silent(0.1)


def test_whether_a_server_of_websockets_is_pinged(stage):
    own, other, server = open_both(stage, "websockets-upstream-ping-freq = 200ms")
    with own, other:
        begun = bytes(server.peers[1].received)
        until("a ping", lambda: re.search(rb"\r\n\r\n\x89", server.peers[0].received, re.S))
        assert server.peers[1].received == begun and begun.endswith(b"\r\n\r\n")


def test_what_becomes_of_a_binary_message_to_a_client_that_has_only_text(stage):
    def serve(peer):
        peer.send(websocket.response(websocket.accept_of(peer.request()["Sec-WebSocket-Key"])) + websocket.frame(b"binary", masked=False))
        peer.rest()

    router = start(stage, f"http:{stage.upstream(serve).address}", "websockets-binary = text", {"websockets-drafts": "all"})
    for path, came in zip(PATHS, [b"\x00binary\xff", b"\xff\x00"]):
        with router.connect() as raw:
            raw.send(hixie.request(path) + hixie.KEY3)
            assert raw.head()[0].startswith("HTTP/1.1 101 ") and raw.take(16) == hixie.PROOF
            assert raw.take(len(came)) == came


@pytest.mark.parametrize("setting, scheme, serve, look, told", [
    ("https-export-cert = on", "uwsgi", uwsgi_ok, lambda seen: dict(seen["pairs"]).get("HTTPS_CC", "")[:27], "-----BEGIN CERTIFICATE-----"),
    ("client-certificate-header = X-Who=verified", "http", http_ok, lambda seen: dict(seen["fields"]).get("X-Who", ""), "SUCCESS"),
])
def test_what_is_told_of_a_client_s_certificate(stage, setting, scheme, serve, look, told):
    authority = Authority(stage.directory)
    client = authority.issue("joe", client=True)
    router = start(stage, f"{scheme}:{stage.upstream(serve).address}", setting, {"https": f"127.0.0.1:0,{authority.issue('localhost')},,{authority.path}"})
    found = []
    for path in PATHS:
        with router.tls(authority=authority, identity=client) as raw:
            found.append(look(raw.get(path, "Connection: close").response().json()))
    assert found == [told, ""]
