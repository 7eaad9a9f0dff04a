"""Deadlines: each phase has one, the head's is absolute, and the answer says which it was."""

import time

import pytest

from harness import websocket
from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import in_background


def between(low, high, begin):
    took = time.monotonic() - begin
    assert low <= took <= high, f"after {took:.2f} s, wanted {low} to {high}"


@pytest.fixture
def site(stage):
    def start(options, serve=http_ok):
        return stage.tidegate({"default": f"http:{stage.upstream(serve).address}", **options})

    return start


def test_head_deadline_is_absolute(site):
    router = site({"http-headers-timeout": "1s"})
    with router.connect() as raw:
        begin = time.monotonic()
        raw.send("GET / HTTP/1.1\r\n")
        for _ in range(12):
            time.sleep(0.15)
            try:
                raw.send("X-A: b\r\n")
            except ConnectionError:
                break
            if raw.buffer or not raw.is_silent(0.01):
                break
        between(0.8, 2, begin)
        assert raw.response().status == 408
        assert raw.is_ended()


def test_deadlines_hold_beside_a_tunnel_that_never_rests(stage, echo):
    """Bytes that go straight on leave a worker nothing else to do, but what is due has its time all the same."""
    router = stage.tidegate({"default": f"http:{echo.address}", "http-headers-timeout": "1s", "workers": "1"})
    with router.connect() as busy, router.connect() as late:
        websocket.open_websocket(busy)
        late.send("GET / HTTP/1.1\r\n")
        begin, echoes = time.monotonic(), 0
        while late.is_silent(0.001) and time.monotonic() < begin + 5:
            busy.send(websocket.frame(b"tick"))
            assert websocket.message(busy)[1] == b"tick"
            echoes += 1
        between(0.8, 2, begin)
        assert late.response().status == 408
        assert echoes > 10
        with router.connect() as new:
            websocket.open_websocket(new)


def test_a_connection_that_never_speaks_is_closed(site):
    """Nothing was asked, so nothing is answered."""
    router = site({"http-headers-timeout": "1s", "http-keepalive": "1s"})
    with router.connect() as raw:
        begin = time.monotonic()
        assert raw.is_ended(5)
        between(0.8, 3, begin)
        assert raw.buffer == b"" or raw.buffer.startswith(b"HTTP/1.1 408 ")


def test_keepalive(site):
    """Idle after a response: closed in silence, no 408 that the next request could take for its answer."""
    router = site({"http-keepalive": "1s"})
    with router.connect() as raw:
        assert raw.get("/").response().status == 200
        begin = time.monotonic()
        assert raw.is_ended(5)
        between(0.7, 2.5, begin)
        assert raw.buffer == b""


@pytest.mark.parametrize("value", ["0", "off"])
def test_keepalive_off(site, value):
    router = site({"http-keepalive": value})
    with router.connect() as raw:
        response = raw.get("/").response()
        assert response["Connection"].lower() == "close"
        assert raw.is_ended(2)


def test_keepalive_begins_anew(site):
    router = site({"http-keepalive": "1s"})
    with router.connect() as raw:
        for _ in range(4):
            assert raw.get("/").response().status == 200
            time.sleep(0.6)


def test_silent_upstream_is_504(site):
    router = site({"http-timeout": "1s"}, lambda peer: (peer.request(), peer.is_ended(15)))
    begin = time.monotonic()
    response = router.get("/")
    between(0.8, 2.5, begin)
    assert response.status == 504


def test_silent_uwsgi_worker_is_504(stage):
    address, _ = stage.uwsgi("threads")
    router = stage.tidegate({"http-to": address, "http-timeout": "1s"})
    assert router.get("/slow?seconds=3").status == 504


def test_a_stream_that_stalls_is_cut(site):
    def stall(peer):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ")
        peer.is_ended(15)

    router = site({"http-timeout": "1s"}, stall)
    with router.connect() as raw:
        response = raw.get("/").response()
        assert (response.body, response.complete) == (b"half ", False)


def test_a_slow_stream_goes_on(site):
    """Silence counts, not the whole time."""
    def slow(peer):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for _ in range(5):
            time.sleep(0.5)
            peer.send("x")

    assert site({"http-timeout": "1s"}, slow).get("/").body == b"xxxxx"


def test_a_client_that_stalls_inside_its_body(site):
    router = site({"http-timeout": "1s"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf ")
        begin = time.monotonic()
        assert raw.is_ended(5)
        between(0.7, 3, begin)
        assert raw.buffer == b"" or raw.buffer.split()[1] in (b"408", b"504")


def test_connect_timeout(site):
    """A server that takes no connection: its queue is full."""
    import socket

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for sock in fillers:
            sock.setblocking(False)
            sock.connect_ex(address)
        time.sleep(0.2)
        router = site({"default": f"http:127.0.0.1:{address[1]}", "http-connect-timeout": "1s"})
        begin = time.monotonic()
        assert router.get("/").status in (502, 503, 504)
        between(0.7, 4, begin)
        for sock in fillers:
            sock.close()


def test_deadlines_of_many_are_kept(stage):
    """200 slow heads at once, all ended about when they should be."""
    router = stage.tidegate({"http-to": stage.upstream(uwsgi_ok).address, "http-headers-timeout": "1s"})
    raws = [router.connect().send("GET /") for _ in range(200)]
    begin = time.monotonic()
    assert all(raw.is_ended(6) for raw in raws)
    between(0.5, 3, begin)
    for raw in raws:
        raw.close()


def test_durations_without_a_unit_are_seconds(site):
    router = site({"http-timeout": "1"}, lambda peer: (peer.request(), peer.is_ended(15)))
    begin = time.monotonic()
    assert router.get("/").status == 504
    between(0.8, 2.5, begin)


def test_a_slow_reader_that_reads_is_not_cut(site):
    """A client that takes a large response slowly is heard from by what it takes."""
    size = 3_000_000

    def large(peer):
        peer.request()
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        in_background(peer.send, b"x" * size).join(20)

    router = site({"http-timeout": "1s"}, large)
    with router.connect(receive_buffer=65_536) as raw:
        raw.get("/").head()
        total = len(raw.buffer)
        raw.buffer = b""
        while total < size:
            time.sleep(0.03)
            data = raw.socket.recv(40_000)
            assert data, f"cut after {total} bytes"
            total += len(data)
