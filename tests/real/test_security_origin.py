"""SECURITY: Origin. Browsers let any page open a WebSocket anywhere, cookies included: what says whose page it is decides."""

import asyncio

import pytest
import websockets

from harness import websocket
from harness.attack import Gate
from harness.upstream import http_ok
from harness.waiting import until

ALLOWED = "https://chat.example.com http://other.example:8080"


def opens(peer):
    """Opens every WebSocket and answers the rest as HTTP does."""
    request = peer.request()
    if request is not None and request["Upgrade"]:
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        peer.rest()
    elif request is not None:
        peer.reply(b"page")


@pytest.fixture(scope="module")
def gate(module_stage):
    upstream = module_stage.upstream(opens)
    return Gate(module_stage, {"origin": ALLOWED, "websockets-drafts": "all"}, serve=opens, more=f"""
[route:same]
path = ^/same
to = http:{upstream.address}
origin = same

[route:sandbox]
path = ^/sandbox
to = http:{upstream.address}
origin = null, same

[route:public]
path = ^/public
to = http:{upstream.address}
origin = *
""")


@pytest.mark.parametrize("path, origin", [
    ("/", "https://chat.example.com"), ("/", "https://CHAT.example.com:443"), ("/", "http://other.example:8080"), ("/", None),
    ("/same", "http://test"), ("/same", "https://test"), ("/same", "https://TEST:443"), ("/same", None),
    ("/sandbox", "null"), ("/sandbox", "http://test"), ("/public", "https://evil.example"), ("/public", "null"), ("/public", "nonsense"),
])
def test_allowed(gate, path, origin):
    with gate.router.connect() as raw:
        websocket.open_websocket(raw, path, *([f"Origin: {origin}"] if origin else []))


@pytest.mark.parametrize("path, origin", [
    ("/", "http://chat.example.com"), ("/", "https://chat.example.com:444"), ("/", "https://chat.example.com.evil.example"),
    ("/", "https://evilchat.example.com"), ("/", "https://evil.example/https://chat.example.com"), ("/", "https://chat.example.com@evil.example"),
    ("/", "https://chat.example.com https://evil.example"), ("/", "http://other.example"), ("/", "null"), ("/", ""), ("/", "https://test"),
    ("/same", "http://test:8080"), ("/same", "http://evil.example"), ("/same", "null"), ("/sandbox", "http://evil.example"),
])
def test_refused_before_the_upstream_hears_of_it(gate, path, origin):
    data = websocket.request(path, f"Origin: {origin}") + b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
    gate.refused(data, 403)


OLD = {
    "hybi-08": (websocket.request("/").replace(b"Version: 13", b"Version: 8"), b"Sec-WebSocket-Origin", b""),
    "hybi-08-origin": (websocket.request("/").replace(b"Version: 13", b"Version: 8"), b"Origin", b""),
    "hybi-07": (websocket.request("/").replace(b"Version: 13", b"Version: 7"), b"Sec-WebSocket-Origin", b""),
    "hixie-76": (b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n"
                 b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n", b"Origin", b"^n:ds[4U"),
    "hixie-75": (b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", b"Origin", b""),
}


@pytest.mark.parametrize("draft", OLD)
def test_in_every_draft(gate, draft):
    """A refused handshake ends the connection: what is behind it, eight bytes or a request, is no request."""
    head, field, key3 = OLD[draft]

    def asking(origin):
        return head.replace(b"\r\n\r\n", b"\r\n%s: %s\r\n\r\n" % (field, origin)) + key3

    with gate.router.connect() as raw:
        assert raw.send(asking(b"https://chat.example.com")).response().status == 101
    gate.upstream.ended()
    gate.refused(asking(b"https://evil.example") + b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n", 403)


def test_two_origins_must_both_be_allowed(gate):
    gate.refused(websocket.request("/", "Origin: https://chat.example.com", "origin: https://evil.example"), 403)


def test_the_authority_of_the_target_is_the_one_asked_for(gate):
    """What a browser cannot send: `same` looks at what is routed, not at another field."""
    lines = websocket.request("http://test/same", "Origin: http://evil.example", host="evil.example")
    gate.refused(lines, 403)


def test_plain_requests_are_the_app_s(gate):
    answer = gate.router.get("/", "Origin: https://evil.example")
    assert (answer.status, answer.body) == (200, b"page")


def test_the_log_says_why(gate):
    gate.refused(websocket.request("/same?why", "Origin: http://evil.example"), 403)
    line = until("the line", lambda: next((line for line in gate.router.access() if "/same?why" in line), None))
    assert "end=forbidden-origin" in line and " 403 " in line


def test_switched_off_the_upgrade_is_gone_and_so_is_the_question(stage):
    gate = Gate(stage, {"origin": ALLOWED, "http-websockets": "off"}, serve=http_ok)
    with gate.router.connect() as raw:
        raw.send(websocket.request("/", "Origin: https://evil.example"))
        answer = raw.response()
    assert answer.status == 200
    assert "upgrade" not in {name.lower() for name, _ in answer.json()["fields"]}


def test_a_client_library(gate):
    """The library sends `Origin` as a browser does."""

    async def open_as(origin):
        async with websockets.connect(f"ws://127.0.0.1:{gate.router.port}/same", origin=origin):
            return 101

    async def both():
        assert await open_as(f"http://127.0.0.1:{gate.router.port}") == 101
        with pytest.raises(websockets.InvalidStatus) as refused:
            await open_as("http://127.0.0.1:1")
        assert refused.value.response.status_code == 403

    asyncio.run(both())
