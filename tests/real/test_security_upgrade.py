"""SECURITY: upgrades. The dialect's own proof is the only door to a tunnel; what is no handshake goes to nobody."""

import time

import pytest

from harness import websocket
from harness.attack import Gate
from harness.waiting import until

LINES = [b"Host: a", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: " + websocket.KEY.encode(), b"Sec-WebSocket-Version: 13"]


def cases(rule, **examples):
    return [pytest.param(value, id=f"{rule}-{name}") for name, value in examples.items()]


def handshake(*more, without=(), line=b"GET /ws HTTP/1.1"):
    kept = [field for field in LINES if not any(field.startswith(name) for name in without)]
    return b"\r\n".join([line, *kept, *more, b"", b""])


def answering(data):
    """An upstream that answers with these bytes and then records whatever still comes."""

    def serve(peer):
        peer.request()
        peer.send(data)
        peer.rest()

    return serve


NOT_A_TUNNEL = cases(
    "right-accept-key", wrong=websocket.response("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), none=websocket.response(None), empty=websocket.response(""),
    case=websocket.response(websocket.ACCEPT.lower()), twice=websocket.response(websocket.ACCEPT, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    longer=websocket.response(websocket.ACCEPT + "x"), key_itself=websocket.response(websocket.KEY),
) + cases(
    "upgrade-token", other=websocket.response().replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    none=websocket.response().replace(b"Upgrade: websocket\r\n", b""), prefix=websocket.response().replace(b"Upgrade: websocket", b"Upgrade: websocket2"),
) + cases(
    "connection-token", none=websocket.response().replace(b"Connection: Upgrade\r\n", b""), other=websocket.response().replace(b"Connection: Upgrade", b"Connection: keep-alive"),
) + cases(
    "nobody-offered", extension=websocket.response(websocket.ACCEPT, "Sec-WebSocket-Extensions: permessage-deflate"),
    subprotocol=websocket.response(websocket.ACCEPT, "Sec-WebSocket-Protocol: chat"),
)


@pytest.mark.parametrize("response", NOT_A_TUNNEL)
def test_a_wrong_101_is_502_and_no_tunnel(stage, response):
    gate = Gate(stage, serve=answering(response))
    with gate.router.connect() as raw:
        raw.send(websocket.request() + websocket.frame(b"smuggled", masked=False))
        answer = raw.response()
        assert answer.status == 502
        assert answer["Sec-WebSocket-Accept"] is None
        raw.is_ended(1)
    assert b"smuggled" not in gate.upstream.received


@pytest.mark.parametrize("status", ["200 OK", "426 Upgrade Required", "403 Forbidden", "302 Found", "500 Oops"])
def test_other_statuses_stay_http(stage, status):
    """Bytes behind the handshake are never the upstream's, even when its answer looks like one."""
    response = websocket.response(status=status).replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nno")
    gate = Gate(stage, serve=answering(response))
    with gate.router.connect(timeout=3) as raw:
        raw.send(websocket.request())
        answer = raw.response()
        assert (answer.status, answer.body) == (int(status[:3]), b"no")
        try:
            raw.send(websocket.frame(b"smuggled", masked=False))
        except ConnectionError:
            pass
        time.sleep(0.2)
    assert b"smuggled" not in gate.upstream.received


def test_bytes_behind_a_refused_handshake_are_the_next_request(stage):
    """They wait for the upstream's answer, and after a refusal are a request of their own, or the connection ends."""
    waited = []

    def refuse(peer):
        peer.request()
        time.sleep(0.2)
        waited.append(peer.is_silent(0.1))
        peer.reply(b"", "403 Forbidden")
        while (request := peer.request()) is not None:
            peer.reply(request["X-Forwarded-For"].encode())

    gate = Gate(stage, serve=refuse)
    with gate.router.connect(timeout=2) as raw:
        raw.send(websocket.request() + b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().status == 403
        try:
            assert raw.response().status in (200, 403)
        except (EOFError, ConnectionError):
            pass
    assert waited[0], "bytes reached the upstream before its answer"


@pytest.fixture(scope="module")
def gate(module_stage):
    gate = Gate(module_stage, serve=lambda peer: (peer.request(), peer.send(websocket.response()), peer.rest()))
    yield gate
    assert b"smuggled" not in gate.upstream.received


@pytest.mark.parametrize("head", cases(
    "one-key", none=handshake(without=[b"Sec-WebSocket-Key"]), two=handshake(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    empty=handshake(b"Sec-WebSocket-Key:", without=[b"Sec-WebSocket-Key"]),
) + cases(
    "key-of-16-bytes", short=handshake(b"Sec-WebSocket-Key: AAAA", without=[b"Sec-WebSocket-Key"]),
    long=handshake(b"Sec-WebSocket-Key: " + b"A" * 43 + b"=", without=[b"Sec-WebSocket-Key"]),
    no_base64=handshake(b"Sec-WebSocket-Key: ----------------------==", without=[b"Sec-WebSocket-Key"]),
    no_padding=handshake(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", without=[b"Sec-WebSocket-Key"]),
) + cases(
    "get", post=handshake(line=b"POST /ws HTTP/1.1"), put=handshake(line=b"PUT /ws HTTP/1.1"),
) + cases(
    "no-body", length=handshake(b"Content-Length: 5"), chunked=handshake(b"Transfer-Encoding: chunked"),
) + cases(
    "known-version", garbage=handshake(b"Sec-WebSocket-Version: x", without=[b"Sec-WebSocket-Version"]),
    two=handshake(b"Sec-WebSocket-Version: 8"), signed=handshake(b"Sec-WebSocket-Version: +13", without=[b"Sec-WebSocket-Version"]),
    key_without_version=handshake(without=[b"Sec-WebSocket-Version"]),
))
def test_bad_handshakes_are_400(gate, head):
    gate.refused(head, 400, closes=False)


@pytest.mark.parametrize("version", ["12", "14", "0", "6", "99", "255"])
def test_other_versions_are_426(gate, version):
    answer = gate.refused(handshake(b"Sec-WebSocket-Version: " + version.encode(), without=[b"Sec-WebSocket-Version"]), 426, 400, closes=False)
    if answer.status == 426:
        assert answer["Upgrade"].lower() == "websocket"
        assert "upgrade" in answer["Connection"].lower()
        assert "13" in answer["Sec-WebSocket-Version"]


def test_hixie_76_is_400_and_its_8_bytes_no_request(gate):
    head = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://a\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n"
    gate.refused(head + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("fields", cases(
    "tokens-in-any-case-and-company", keep_alive=[b"Connection: keep-alive, Upgrade"], lower=[b"Connection: upgrade"], upper=[b"Connection: UPGRADE"],
    two_lines=[b"Connection: keep-alive", b"Connection: Upgrade"], spaces=[b"Connection:  keep-alive ,\tUpgrade "],
))
def test_connection_tokens(gate, fields):
    with gate.router.connect() as raw:
        raw.send(handshake(*fields, without=[b"Connection"]))
        assert raw.response().status == 101


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "WEBSOCKET"])
def test_upgrade_token_in_any_case(gate, upgrade):
    with gate.router.connect() as raw:
        raw.send(handshake(b"Upgrade: " + upgrade.encode(), without=[b"Upgrade"]))
        assert raw.response().status == 101


def test_uwsgi_s_own_answer_is_accepted(stage):
    """Another reason phrase, another case, an obsolete field, the whole list of subprotocols: UWSGI's workers say so."""
    def worker(peer):
        key = peer.packet().variables["HTTP_SEC_WEBSOCKET_KEY"]
        peer.send(websocket.response(websocket.accept_of(key), "Sec-WebSocket-Origin: http://a", "Sec-WebSocket-Protocol: chat, other",
                                     status="101 Web Socket Protocol Handshake").replace(b"Upgrade: websocket", b"Upgrade: WebSocket"))
        peer.rest()

    router = stage.tidegate({"http-to": stage.upstream(worker).address})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/ws", "Origin: http://a", "Sec-WebSocket-Protocol: chat, other")


def test_h2c_is_stripped(stage):
    gate = Gate(stage)
    seen = gate.passed(b"GET /t HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    assert {name.lower() for name, _ in seen["fields"]}.isdisjoint({"upgrade", "http2-settings"})


def test_a_101_for_a_plain_request_is_502(stage):
    gate = Gate(stage, serve=answering(websocket.response()))
    assert gate.router.get("/").status == 502


def test_early_bytes_are_bounded(stage):
    """A client that pours bytes behind its handshake while the upstream thinks is not read for ever."""
    from harness.process import memory

    def never(peer):
        peer.request()
        peer.is_ended(15)

    gate = Gate(stage, serve=never)
    with gate.router.connect() as raw:
        raw.send(websocket.request())
        gate.upstream.connections(1)
        before = memory(gate.router.pid)
        raw.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += raw.socket.send(b"x" * 65_536)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 64 << 20, "all of it was taken"
        assert memory(gate.router.pid) - before < 1 << 20
    until("the router lives", gate.router.process.alive)
