"""What comes before a TLS handshake is done: in pieces, too slowly, or no TLS at all."""

import ssl
import time

import pytest

from harness.certificates import Authority
from harness.process import sockets
from harness.raw import Raw
from harness.stage import staged
from harness.tls import context
from harness.upstream import http_ok
from harness.waiting import until

ALERT, HANDSHAKE = 21, 22
DEADLINE = 1.0


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        upstream, pair = stage.upstream(http_ok), Authority(stage.directory).issue("localhost")
        yield stage.tidegate({"http": None, "https": f"127.0.0.1:0,{pair}", "default": f"http:{upstream.address}",
                              "https-handshake-timeout": f"{DEADLINE:g}s"})


@pytest.fixture
def beside(site):
    """A connection that must go on."""
    with site.tls() as raw:
        assert raw.get("/").response().status == 200
        yield
        assert raw.get("/").response().status == 200


def knock(site):
    return Raw.connect(site.tls_ports[0], timeout=5)


def client_hello(version="1.3", name="localhost"):
    """As OpenSSL writes it: one record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context(version=version).wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


class Engine:
    """OpenSSL without a socket: what it wants sent goes through `send`, which may cut it as it likes."""

    def __init__(self, site, version, send):
        self.raw, self.send = knock(site), send
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(version=version).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def until_done(self, step):
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                done = None
            self.send(self.raw, self.outgoing.read())
            if done is not None:
                return done
            if not self.raw.buffer:
                assert self.raw.fill(), "ended"
            self.incoming.write(self.raw.buffer)
            self.raw.buffer = b""


def one_by_one(raw, data):
    for at in range(len(data)):
        raw.send(data[at : at + 1])


def in_records_of(size):
    """Handshake records cut into records of `size`; others go as they are."""

    def send(raw, data):
        while data:
            length = int.from_bytes(data[3:5], "big")
            head, body, data = data[:3], data[5 : 5 + length], data[5 + length :]
            step = size if head[0] == HANDSHAKE and body[0] == 1 else len(body)
            for at in range(0, len(body), step):
                piece = body[at : at + step]
                raw.send(head + len(piece).to_bytes(2, "big") + piece)

    return send


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("send", [one_by_one, in_records_of(1), in_records_of(4), in_records_of(100)],
                         ids=["byte-by-byte", "records-of-1", "records-of-4", "records-of-100"])
def test_a_handshake_in_pieces(site, send, version):
    engine = Engine(site, version, send)
    with engine.raw:
        engine.until_done(lambda: engine.tls.do_handshake() or True)
        engine.tls.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert engine.until_done(lambda: engine.tls.read(1000)).startswith(b"HTTP/1.1 200 OK\r\n")


HELPFUL = "This port speaks HTTPS: use https:// (or wss://) to reach it"


@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000,
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"c" * 12_000 + b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"EHLO a\r\n",
], ids=["get", "begin", "large-body", "large-head", "http-2", "websocket", "as-good-as-http"])
def test_plain_http_gets_a_helpful_400(site, beside, request_bytes):
    """Whatever else is still on its way from the client must not destroy the answer."""
    with knock(site) as raw:
        try:
            raw.send(request_bytes)
        except ConnectionError:
            pass
        response = raw.response()
        assert response.status == 400
        assert HELPFUL in response.body.decode()
        assert response["Connection"] == "close"
        assert raw.is_ended()


GARBAGE = {
    "nul": bytes(100), "ff": b"\xff" * 100, "ssh": b"SSH-2.0-OpenSSH_9.2\r\n", "smtp": b"quit\r\n", "lf": b"\n\n\n\n",
    "alert": bytes([ALERT, 3, 3, 0, 2, 1, 0]), "data": bytes([23, 3, 3, 0, 5]) + b"hello", "ccs": bytes([20, 3, 3, 0, 1, 1]),
    "heartbeat": bytes([24, 3, 3, 0, 3, 1, 64, 0]), "long-record": bytes([HANDSHAKE, 3, 1, 255, 255]) + bytes(70_000),
    "empty-record": bytes([HANDSHAKE, 3, 1, 0, 0]), "not-a-hello": bytes([HANDSHAKE, 3, 1, 0, 4, 2, 0, 0, 0]),
    "ssl-2": b"\x80\x2e\x01\x00\x02" + bytes(43), "version": bytes([HANDSHAKE, 9, 9, 0, 4, 1, 0, 0, 0]),
    "empty-hello": bytes([HANDSHAKE, 3, 1, 0, 4, 1, 0, 0, 0]), "endless-hello": bytes([HANDSHAKE, 3, 1, 0, 4, 1, 255, 255, 255]),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_closed(site, beside, garbage):
    with knock(site) as raw:
        raw.send(garbage)
        assert raw.is_ended(DEADLINE / 2 + 2)
        assert raw.buffer == b"" or raw.buffer[0] == ALERT and raw.buffer[5] == 2, raw.buffer


def test_a_hello_cut_anywhere_is_closed_with_its_connection(site, beside):
    hello = client_hello()
    for at in range(0, len(hello), 23):
        with knock(site) as raw:
            raw.send(hello[:at])
            raw.finish()
            assert raw.is_ended()
            assert raw.buffer == b""


def drip(raw, data):
    """A byte every tenth of a second for as long as anybody listens; how long that was."""
    began = time.monotonic()
    for at in range(len(data)):
        try:
            raw.send(data[at : at + 1])
        except ConnectionError:
            break
        try:
            if not raw.fill(0.1):
                break
        except TimeoutError:
            pass
    return time.monotonic() - began


@pytest.mark.parametrize("case", ["silent", "dripping", "half-a-hello", "after-the-hello", "dripping-behind"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_deadline_of_a_handshake_is_absolute(site, beside, case, version):
    hello = client_hello(version)
    with knock(site) as raw:
        began = time.monotonic()
        if case == "dripping":
            drip(raw, hello)
        elif case == "half-a-hello":
            raw.send(hello[:100])
        elif case in ("after-the-hello", "dripping-behind"):
            raw.send(hello)
            raw.take(100)
            if case == "dripping-behind":
                raw.buffer = b""
                drip(raw, bytes([HANDSHAKE, 3, 3, 1, 0]) + bytes(200))
        assert raw.is_ended()
        took = time.monotonic() - began
    assert DEADLINE * 0.8 <= took < DEADLINE + 3, took


def test_what_failed_leaves_nothing_behind(site, beside):
    before = len(sockets(site.pid))
    waiting = [knock(site) for _ in range(200)]
    hello = client_hello()
    for number, raw in enumerate(waiting):
        raw.send(hello[: number % len(hello)] if number % 2 else hello)
    until("all are dropped", lambda: len(sockets(site.pid)) == before, DEADLINE + 5)
    for raw in waiting:
        assert raw.is_ended()
        raw.close()
