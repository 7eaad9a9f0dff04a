"""Long payloads go from socket to socket through a pipe: whole, in order, and nothing of them stays in it for others."""

import os
import socket
import sys
import threading
import time

import pytest

from harness import websocket, without
from harness.freezing import frozen
from harness.upstream import Request
from harness.waiting import in_background, until

MIB = 1 << 20
LONG = os.urandom(2 * MIB)


def pipes(pid):
    """Ends of pipes that a process has open."""
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except FileNotFoundError:
            pass
    return sum(link.startswith("pipe:") for link in links)


def serve_long(peer):
    """Answers with as many bytes as the path says, and says of a body what it was."""
    peer.record = False
    while (request := peer.request()) is not None:
        if request.method == "POST":
            peer.reply(b"same" if request.body == LONG[: len(request.body)] else b"other")
        else:
            peer.reply(LONG[: int(request.target[1:])])


def echo(peer):
    """A WebSocket's other end: each message comes back."""
    peer.record = False
    request = peer.request()
    assert isinstance(request, Request)
    peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
    while (read := websocket.read_frame(peer))[0] != websocket.CLOSE:
        peer.send(websocket.frame(read[1], masked=False))


def start(stage, serve, **options):
    upstream = stage.upstream(serve)
    router = stage.tidegate({"workers": 1, "default": f"http:{upstream.address}", **options})
    return router, upstream


@pytest.mark.parametrize("size", [18_000, 70_000, 2 * MIB])
def test_bodies_come_whole_and_leave_a_connection_for_the_next(stage, size):
    router, upstream = start(stage, serve_long)
    with router.connect() as raw:
        before = pipes(router.pid)
        for _ in range(5):
            raw.get(f"/{size}")
            assert raw.response().body == LONG[:size]
            raw.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
            raw.send(LONG[:size])
            assert raw.response().body == b"same"
    assert len(upstream.peers) == 1, "a connection behind a long body was not used again"
    assert pipes(router.pid) - before == (2 if size > 20_000 else 0), "a pipe has two ends, and one is enough"


@pytest.mark.parametrize("mode", ["pass", "track"])
def test_messages_come_whole(stage, mode):
    router, _ = start(stage, echo, **{"websockets-mode": mode})
    sizes = [100, 16_384, 20_000, 65_535, 65_536, 10, 131_072, 131_073, MIB, 0, 40_000, 40_000]
    with router.connect() as raw:
        websocket.open_websocket(raw)
        before = pipes(router.pid)
        sent = in_background(lambda: [raw.send(websocket.frame(LONG[:size])) for size in sizes])
        for size in sizes:
            assert websocket.message(raw)[1] == LONG[:size]
        sent.join()
    assert pipes(router.pid) - before == 2


def test_long_messages_keep_going_through_the_pipe(stage):
    """Also those that are there whole when they are read, and behind a client that went away with the pipe full."""
    router, _ = start(stage, echo, **{"websockets-mode": "track"})
    before = pipes(router.pid)
    for _ in range(5):
        with router.connect(receive_buffer=8192) as raw:
            websocket.open_websocket(raw)
            raw.send(websocket.frame(LONG[:MIB]))
            raw.take(1000)
            raw.reset()
    with router.connect() as raw:
        websocket.open_websocket(raw)
        message = websocket.frame(LONG[: 64 << 10])
        copied = read_into_memory(router.pid)
        for _ in range(40):
            raw.send(message)
            assert websocket.message(raw)[1] == LONG[: 64 << 10]
        assert read_into_memory(router.pid) - copied < 10 * len(message), "most of 80 messages were copied"
    assert pipes(router.pid) - before == 2


def test_short_messages_before_a_long_one_come_whole(stage):
    """They lie in one piece with its beginning, which is read for it; each is seen and counted."""
    router, _ = start(stage, echo, **{"websockets-mode": "track"})
    sizes = [100_000, 100_000, *[100] * 10, 100_000, 0, 5, 3000, 100_000, *[1] * 300, 100_000]
    with router.connect() as raw:
        websocket.open_websocket(raw)
        sent = in_background(lambda: raw.send(b"".join(websocket.frame(LONG[:size]) for size in sizes)))
        for size in sizes:
            assert websocket.message(raw)[1] == LONG[:size]
        sent.join()
        raw.send(websocket.frame(b"\x03\xe8", opcode=websocket.CLOSE))
    until("a line at its end", lambda: len(router.access()) == 2)
    line = router.access()[1]
    assert f"messages_in={len(sizes)} messages_out={len(sizes)} " in line


@pytest.mark.parametrize("at", [500, 50_000, 90_000])
def test_an_urgent_byte_is_passed_over(stage, at):
    """A read ends where it was, and what lies behind it is all there already."""
    router, _ = start(stage, echo, **{"websockets-mode": "track"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        for _ in range(3):
            message = websocket.frame(LONG[:100_000])
            with frozen(router.pid, "worker-0"):
                raw.send(message[:at])
                raw.socket.send(b"!", socket.MSG_OOB)
                raw.send(message[at:])
            assert websocket.message(raw)[1] == LONG[:100_000]


@pytest.mark.parametrize("call", ["splice", "pipe2"])
def test_where_the_system_refuses_it_everything_is_copied(stage, call):
    before = [sys.executable, without.__file__, call]
    upstream = stage.upstream(serve_long)
    websockets = stage.upstream(echo)
    options = {"default": f"http:{upstream.address}", "route": f"^/ws http:{websockets.address}"}
    router = stage.tidegate(options, before=before)
    with router.connect() as raw:
        for size in (70_000, 2 * MIB):
            raw.get(f"/{size}")
            assert raw.response().body == LONG[:size]
            raw.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
            raw.send(LONG[:size])
            assert raw.response().body == b"same"
    with router.connect() as raw:
        websocket.open_websocket(raw)
        for size in (70_000, 5, MIB, 70_000, 70_000):
            raw.send(websocket.frame(LONG[:size]))
            assert websocket.message(raw)[1] == LONG[:size]
    assert pipes(router.pid) == 0


def read_into_memory(pid):
    """Bytes that a process has read by read(2) and readv(2): many blocks at once, and what had to come out of a pipe again. One
    block is read by recv(2), which the kernel does not count."""
    with open(f"/proc/{pid}/io") as figures:
        return int(figures.readline().removeprefix("rchar:"))


def test_a_slow_reader_gets_everything(stage):
    """What its socket does not take comes out of the pipe again, in order."""
    router, _ = start(stage, serve_long)
    with router.connect(receive_buffer=8192) as raw, router.connect() as other:
        raw.get(f"/{2 * MIB}")
        came = raw.take_until(b"\r\n\r\n")
        body = bytearray()
        while len(body) < 2 * MIB:
            body += raw.take(min(64 << 10, 2 * MIB - len(body)))
            other.get("/100000")
            assert other.response().body == LONG[:100_000]
        assert body == LONG and came


@pytest.mark.parametrize("mode", ["pass", "track"])
def test_messages_of_a_slow_reader_come_whole(stage, mode):
    router, _ = start(stage, echo, **{"websockets-mode": mode})
    with router.connect(receive_buffer=8192) as raw:
        websocket.open_websocket(raw)
        sent = in_background(lambda: [raw.send(websocket.frame(LONG[:size])) for size in (300_000, 5, MIB, 70_000)])
        for size in (300_000, 5, MIB, 70_000):
            time.sleep(0.05)
            assert websocket.message(raw)[1] == LONG[:size]
        sent.join()


def test_nothing_of_one_client_reaches_another(stage):
    """Clients go away with much on its way to them; whoever comes next gets its own bytes."""
    router, _ = start(stage, serve_long)
    for _ in range(20):
        with router.connect(receive_buffer=8192) as raw:
            raw.get(f"/{2 * MIB}")
            raw.take(1000)
            raw.reset()
        with router.connect() as raw:
            raw.get("/100000")
            assert raw.response().body == LONG[:100_000]
    assert pipes(router.pid) == pipes_of_a_fresh(stage) + 2, "what a client that went away left did not cost the pipe"


def pipes_of_a_fresh(stage):
    """What a router has that did nothing."""
    return pipes(stage.tidegate({"workers": 1, "http-to": "127.0.0.1:1"}).pid)


def test_bytes_behind_a_long_body_are_no_answer_to_the_next_request(stage):
    """SECURITY: what a server sends beyond its response belongs to nobody, however its body went."""

    def generous(peer):
        peer.record = False
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + LONG[:99_000])
            time.sleep(0.05)
            # What comes later than the response cannot be told from the answer to the next request: this comes with its end.
            peer.send(LONG[99_000:100_000] + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")

    router, upstream = start(stage, generous)
    with router.connect() as raw:
        for _ in range(5):
            raw.get("/")
            assert raw.response().body == LONG[:100_000]
    assert len(upstream.peers) == 5, "a connection with bytes behind its response was used again"


def test_a_body_that_is_cut_short_is_not_whole(stage):
    def dying(peer):
        peer.record = False
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + LONG[:MIB])

    router, _ = start(stage, dying)
    with router.connect() as raw:
        raw.get("/")
        answer = raw.response()
        assert not answer.complete and answer.body == LONG[: len(answer.body)]


def test_a_reset_in_the_middle_is_one(stage):
    """Of a WebSocket between two messages, and within one."""
    for whole in (True, False):
        def resetting(peer):
            peer.record = False
            request = peer.request()
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
            message = websocket.frame(LONG[:300_000], masked=False)
            peer.send(message + message if whole else message + message[:-5])
            assert websocket.message(peer)[1] == b"got it"
            peer.reset()

        router, _ = start(stage, resetting)
        with router.connect() as raw:
            websocket.open_websocket(raw)
            assert websocket.message(raw)[1] == LONG[:300_000]
            raw.send(websocket.frame(b"got it"))
            raw.rest()
        line = until("its line", lambda: next((line for line in router.access() if "CLOSE websocket" in line), None))
        assert "end=tunnel-reset" in line, line


def test_an_urgent_byte_holds_nothing_up(stage):
    """It is in the way of a pipe; a read steps over it."""
    router, _ = start(stage, serve_long)
    with router.connect() as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        raw.send(LONG[:400_000])
        time.sleep(0.2)
        raw.socket.send(b"!", socket.MSG_OOB)
        raw.send(LONG[400_000:1_000_000])
        assert raw.response().body == b"same"


def test_what_follows_an_upload_is_another_request(stage):
    """Pipelined behind a body that goes unseen."""
    router, upstream = start(stage, serve_long)
    with router.connect() as raw:
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + LONG[:500_000]
        in_background(raw.send, request + request + b"GET /70000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [raw.response().body for _ in range(3)] == [b"same", b"same", LONG[:70_000]]


def test_half_an_end_is_half_an_end(stage):
    """An end of the client behind its request, and of a server behind its response, cut nothing off."""
    def once(peer):
        peer.record = False
        request = peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)
        peer.finish()

    router, _ = start(stage, once)
    with router.connect() as raw:
        in_background(lambda: raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + LONG[:1_000_000]).finish())
        assert raw.response().body == LONG[:1_000_000]


@pytest.mark.parametrize("more, status", [(0, 200), (1, 413)])
def test_the_longest_body_there_may_be(stage, more, status):
    router, _ = start(stage, serve_long, **{"max-body": 1_000_000})
    with router.connect() as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1_000_000 + more))
        in_background(raw.send, LONG[: 1_000_000 + more])
        assert raw.response().status == status


def test_pings_find_their_place_beside_a_slow_reader(stage):
    """Nobody is taken for dead while long messages wait for somebody slow."""
    router, _ = start(stage, echo, **{"websockets-ping-freq": 1, "websockets-pong-tolerance": 1})
    with router.connect(receive_buffer=8192) as raw:
        websocket.open_websocket(raw)
        in_background(lambda: [raw.send(websocket.frame(LONG[:MIB])) for _ in range(3)])
        for _ in range(3):
            time.sleep(1.5)
            assert websocket.message(raw)[1] == LONG[:MIB]


def test_a_body_until_the_end_comes_whole(stage):
    def once(peer):
        peer.record = False
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + LONG)

    router, _ = start(stage, once, **{"http-auto-chunked": "false"})
    with router.connect() as raw:
        raw.get("/")
        assert raw.response().body == LONG


def test_limits_hold_for_what_is_not_seen(stage):
    """SECURITY: a message that is too long is refused by its header."""
    router, _ = start(stage, echo, **{"websockets-max-size": 100})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        for size in (102_400, 102_400):
            in_background(raw.send, websocket.frame(LONG[:size]))
            assert websocket.message(raw)[1] == LONG[:size]
        in_background(raw.send, websocket.frame(LONG[:102_401]))
        assert websocket.close_code(raw) == 1009


def test_figures_count_what_was_not_seen(stage):
    router, _ = start(stage, echo)
    with router.connect() as raw:
        websocket.open_websocket(raw)
        for _ in range(3):
            in_background(raw.send, websocket.frame(LONG[:300_000]))
            assert websocket.message(raw)[1] == LONG[:300_000]
    line = until("its line", lambda: next((line for line in router.access() if "CLOSE websocket" in line), None))
    assert "messages_in=3 messages_out=3" in line and f"in={3 * 300_014}" in line, line


def test_many_at_once(stage):
    router, _ = start(stage, echo, **{"websockets-mode": "track"})
    failures = []

    def talk(n):
        try:
            with router.connect() as raw:
                websocket.open_websocket(raw)
                for size in range(20_000 + n, 200_000, 30_011):
                    in_background(raw.send, websocket.frame(LONG[n : n + size]))
                    assert websocket.message(raw)[1] == LONG[n : n + size]
        except Exception as error:  # told by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures
