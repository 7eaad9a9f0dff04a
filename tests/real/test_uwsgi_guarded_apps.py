"""Apps on every call of uWSGI's WebSocket API, in its modes, behind `websockets-mode = guard`: nothing is lost or changed,
and what becomes of clients and workers that go on, stop or die."""

import hashlib
import json
import os
import signal
import time

import pytest
from websockets.sync.client import connect

from harness import websocket
from harness.echoes import payload
from harness.process import memory
from harness.stage import staged
from harness.waiting import in_background, until
from harness.websocket import BINARY, CONTINUATION, PING, PONG, TEXT, close_code, frame, message, read_frame

SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_000_000]
MIB = 1 << 20


@pytest.fixture(scope="module", params=["processes", "threads", "gevent"])
def site(request):
    """uWSGI in a mode, behind guard by default; its own pings come every second and must be answered within one."""
    with staged(request.node) as stage:
        address, process = stage.uwsgi(request.param, "--websockets-ping-freq", 1, "--websockets-pong-tolerance", 1)
        router = stage.tidegate({"http-to": address, "websockets-max-size": "1024"})
        router.uwsgi, router.mode = process, request.param
        yield router


@pytest.fixture
def guarded(stage):
    """One process of uWSGI for many clients, behind guard with these options."""
    def start(options=None, *worker, mode="gevent"):
        address, process = stage.uwsgi(mode, *worker)
        router = stage.tidegate({"http-to": address, "workers": 1, **(options or {})})
        router.uwsgi = process
        return router

    return start


def opened(router, path="/ws", *fields, **options):
    raw = router.connect(**options)
    websocket.open_websocket(raw, path, *fields)
    return raw


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("call", ["recv", "recv_nb"])
def test_messages_of_all_sizes(site, call, compression):
    path = {"recv": "/ws", "recv_nb": "/ws/nb"}[call]
    sizes = SIZES if call == "recv" else SIZES[1:]  # to recv_nb an empty message is none
    for kind, answers in (("text", "text"), ("binary", "binary")):
        url = site.url(path + ("?binary=1" if kind == "binary" else ""), "ws")
        with connect(url, compression=compression, max_size=4 * MIB, ping_interval=None) as client:
            assert bool(client.protocol.extensions) == bool(compression), "permessage-deflate is agreed with us"
            for size in sizes:
                sent = payload(size, kind == "text")
                client.send(sent)
                assert client.recv(timeout=20) == sent, f"{kind} of {size} bytes"


def test_many_messages_in_one_go(site):
    """They come to the worker together; none is lost, and none waits for the next."""
    for path in ("/ws", "/ws/nb"):
        with opened(site, path) as raw:
            texts = [b"%d" % number for number in range(500)]
            raw.send(b"".join(frame(text, TEXT) for text in texts))
            assert [message(raw)[1] for _ in texts] == texts


def test_a_message_in_pieces(site):
    """Fragments, with pings between them, each byte a segment of its own."""
    with opened(site) as raw:
        data = frame(b"one ", TEXT, fin=False) + frame(b"?", PING) + frame(b"two ", CONTINUATION, fin=False) + frame(b"three", CONTINUATION)
        for byte in data:
            raw.send(bytes([byte]))
        assert read_frame(raw) == (PONG, b"?", True)
        assert read_frame(raw) == (TEXT, b"one two three", True)


def test_what_the_worker_is_told(site):
    """It is asked by us, in the newest draft and without compression; what is the client's goes on."""
    with connect(site.url("/ws/say?a=b", "ws"), compression="deflate", origin="http://page.test", subprotocols=["chat"],
                 additional_headers={"X-Mine": "1", "Cookie": "a=b"}) as client:
        assert client.protocol.extensions
        seen = json.loads(client.recv(timeout=10))
        key = client.request.headers["Sec-WebSocket-Key"]
    assert "HTTP_SEC_WEBSOCKET_EXTENSIONS" not in seen
    assert (seen["HTTP_SEC_WEBSOCKET_VERSION"], seen["HTTP_ORIGIN"], seen["HTTP_SEC_WEBSOCKET_PROTOCOL"]) == ("13", "http://page.test", "chat")
    assert (seen["HTTP_X_MINE"], seen["HTTP_COOKIE"], seen["QUERY_STRING"]) == ("1", "a=b", "a=b")
    assert seen["HTTP_SEC_WEBSOCKET_KEY"] not in (key, "")


def test_the_worker_s_own_pings_are_answered(site):
    """By us: a client that answers none of them lives longer than the worker's patience, and sees none."""
    with opened(site, "/ws/nb") as nb, opened(site, "/ws") as plain:
        for raw in (nb, plain):
            assert raw.is_silent(2.5)
            raw.send(frame(b"still here", TEXT))
            assert read_frame(raw) == (TEXT, b"still here", True)
    assert "no PONG received" not in site.uwsgi.log()


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("kind", ["text", "binary"])
def test_large_messages_of_the_worker(site, kind, compression):
    """Its own are not bounded by `websockets-max-size`, and arrive whole."""
    size = 6_400_000
    url = site.url(f"/ws/say?size={size}&count=2" + ("&binary=1" if kind == "binary" else ""), "ws")
    with connect(url, compression=compression, max_size=8 * MIB, ping_interval=None) as client:
        for _ in range(2):
            got = client.recv(timeout=30)
            got = got.encode() if isinstance(got, str) else got
            assert got == bytes(range(32, 96)) * (size // 64)
        client.send("and now")
        assert client.recv(timeout=10) in ("and now", b"and now")


def test_a_large_message_goes_on_before_it_is_whole(site):
    with opened(site, "/ws/say?size=6400000") as raw:
        kind, first, last = read_frame(raw)
        assert (kind, last) == (TEXT, False)
        assert len(first) < MIB
        parts = [first]
        while not last:
            kind, part, last = read_frame(raw)
            assert kind == CONTINUATION
            parts.append(part)
    assert hashlib.sha256(b"".join(parts)).digest() == hashlib.sha256(bytes(range(32, 96)) * 100_000).digest()


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 4999])
def test_the_client_s_close_comes_back_with_its_code(site, code):
    with opened(site) as raw:
        raw.send(websocket.close(code, b"why"))
        assert close_code(raw) == code
        assert raw.is_ended()


def test_an_app_that_goes_away_is_told_with_a_code(site):
    """uWSGI ends its connection without a Close."""
    with opened(site, "/ws/say?leave=1") as raw:
        assert message(raw)
        assert close_code(raw) == 1001
        raw.send(websocket.close(1001))
        assert raw.is_ended()


def test_what_a_client_sent_before_its_close_is_answered(site):
    """The worker answers all of it, and then the Close is answered."""
    with opened(site) as raw:
        raw.send(frame(b"first", TEXT) + frame(b"last", TEXT) + websocket.close(1000))
        assert message(raw) == (TEXT, b"first")
        assert message(raw) == (TEXT, b"last")
        assert close_code(raw) == 1000


def test_bad_text_of_an_app_reaches_nobody(site):
    """`websocket_send` sends what it is given, also as text."""
    with opened(site, "/ws") as sane:
        with opened(site, "/ws") as raw:
            raw.send(frame(b"\xff", BINARY))
            assert close_code(raw) == 1011
        sane.send(frame(b"sane", TEXT))
        assert message(sane) == (TEXT, b"sane")


def worker_pid(router):
    return int(router.get("/pid").body)


def test_a_worker_that_is_killed_takes_its_clients_along_in_words(guarded):
    """Between messages and in the middle of one; who comes later gets the next worker."""
    router = guarded()
    with opened(router) as idle, opened(router) as sending, opened(router, "/ws/say?size=6400000&count=10", receive_buffer=65_536) as taking:
        idle.send(frame(b"x", TEXT))
        assert message(idle) == (TEXT, b"x")
        sending.send(frame(b"y" * 1000, TEXT, fin=False))
        assert read_frame(taking)[2] is False
        os.kill(worker_pid(router), signal.SIGKILL)
        for raw in (idle, sending, taking):
            assert close_code(raw) in (1001, 1011)
            assert raw.is_ended()
    until("the next worker", lambda: router.get("/hello").status == 200)
    with opened(router) as raw:
        raw.send(frame(b"again", TEXT))
        assert message(raw) == (TEXT, b"again")


def test_a_worker_that_is_stopped(guarded):
    """It is not heard, but its clients are: pings are answered, and a Close is after 5 s. What is sent meanwhile is bounded,
    and all of it comes when the worker goes on."""
    router = guarded({"websockets-max-size": "1024"})
    pid = worker_pid(router)
    with opened(router) as leaving, opened(router) as pushing:
        for raw in (leaving, pushing):
            raw.send(frame(b"x", TEXT))
            assert message(raw) == (TEXT, b"x")
        before = memory(router.pid)
        os.kill(pid, signal.SIGSTOP)
        try:
            leaving.send(frame(b"?", PING))
            assert read_frame(leaving) == (PONG, b"?", True)
            leaving.send(websocket.close(4000))
            pushing.socket.settimeout(1)
            sent, piece = 0, frame(b"p" * 65_536, TEXT)
            try:
                for _ in range(1024):
                    at = 0
                    while at < len(piece):
                        at += pushing.socket.send(piece[at:])
                    sent += 1
            except TimeoutError:
                rest = piece[at:]
            assert sent < 1024, "somebody takes it all"
            assert memory(router.pid) - before < MIB
            assert close_code(leaving) == 4000
            assert leaving.is_ended()
        finally:
            os.kill(pid, signal.SIGCONT)
        sender = in_background(pushing.send, rest)
        for _ in range(sent + 1):
            assert message(pushing) == (TEXT, b"p" * 65_536)
        sender.join()


def test_a_client_that_takes_nothing(guarded):
    """What the worker sends it is bounded here, and others are served."""
    router = guarded({"websockets-ping-freq": "60s"}, mode="threads")
    before = memory(router.pid)
    with opened(router, "/ws/say?size=6400000&count=20", receive_buffer=65_536) as raw:
        time.sleep(1)
        assert memory(router.pid) - before < MIB
        with opened(router) as other:
            other.send(frame(b"x", TEXT))
            assert message(other) == (TEXT, b"x")
        assert message(raw)[1][:4] == b" !\"#"


def test_memory_for_messages_is_shared_and_bounded(guarded):
    """The client that holds most is closed with 1013, the others finish; then all of it is given back."""
    router = guarded({"websockets-memory": "1m", "websockets-max-size": "1024"})
    with opened(router) as warm:
        warm.send(frame(b"w" * 600_000, TEXT))
        assert message(warm)
    before = memory(router.pid)
    small = [opened(router) for _ in range(5)]
    for number, raw in enumerate(small):
        raw.send(frame(b"%d" % number * 50_000, TEXT, fin=False))
    with opened(router) as large:
        large.send(frame(b"l" * 1_000_000, TEXT, fin=False))
        assert close_code(large) == 1013
        assert large.is_ended()
    for number, raw in enumerate(small):
        raw.send(frame(b"!", CONTINUATION))
        assert message(raw) == (TEXT, b"%d" % number * 50_000 + b"!")
        raw.close()
    until("the memory is given back", lambda: memory(router.pid) - before < MIB // 2, 20, pause=0.2)


def test_the_sum_of_many_small_messages_is_bounded(guarded):
    """60 clients with 64 KB each: some are closed, and the others hold no more than `websockets-memory`."""
    router = guarded({"websockets-memory": "2m"})
    before = memory(router.pid)
    raws = [opened(router) for _ in range(60)]
    for raw in raws:
        raw.send(frame(b"x" * 65_536, TEXT, fin=False))
    codes = []
    for raw in raws:
        try:
            codes.append(close_code(raw) if not raw.is_silent(0.2) else None)
        except EOFError:
            codes.append("cut")
    assert set(codes) == {1013, None}, codes
    assert memory(router.pid) - before < 6 * MIB
    for raw in raws:
        raw.close()


def test_the_subprotocol(guarded):
    """The only one offered, the first of a list, or none where none is."""
    router = guarded()
    for offered, chosen in ((["chat"], "chat"), (["b", "a"], "b"), (None, None)):
        with connect(router.url("/ws", "ws"), subprotocols=offered) as client:
            assert client.subprotocol == chosen
