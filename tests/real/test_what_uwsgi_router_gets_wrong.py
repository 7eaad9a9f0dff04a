"""What uWSGI's own HTTP router gets wrong, each point as one scenario for both routers: tidegate must do it right,
and uWSGI's router must be caught by the scenario."""

import re
import socket
import threading
import time

import pytest

from harness import websocket
from harness.process import cpu_share
from harness.raw import Closed, Raw, chunk
from harness.upstream import uwsgi_ok
from harness.waiting import in_background, until

MIB = 1 << 20


def in_time(work, seconds):
    """Whether `work()` comes to its end within so many seconds; a fault of its own is no end."""
    done = []
    in_background(lambda: done.append(work())).join(seconds)
    return bool(done)


def status_of(raw):
    """The status of the next response, or what came instead of one."""
    try:
        return raw.response().status
    except Closed:
        return "closed without an answer"
    except TimeoutError:
        return "silence"
    except ConnectionError:
        return "reset"


def test_half_duplex_stalls(subject):
    """A client that streams its body while the worker streams its response: both directions move."""
    size = 24 * MIB

    def duplex(peer):
        peer.record = False
        peer.packet()
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        peer.send(b"d" * size)  # reads nothing before all of its response is written
        peer.take(size)

    router = subject.start({"http-to": subject.stage.upstream(duplex).address, "http-timeout": 60})
    with router.connect() as raw:
        def both():
            sender = in_background(raw.send, f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + b"u" * size)
            response = raw.response()
            sender.join()
            return response

        subject.judge(in_time(both, 8), "response and body of 24 MiB each, both ways at once")


@pytest.mark.parametrize("fault", ["refused", "malformed", "oversize", "silent"])
def test_errors_are_answered_empty(subject, fault):
    """Errors are told with a status."""
    hold = threading.Event()
    silent = subject.stage.upstream(lambda peer: (peer.packet(), hold.wait(20)))
    options = {"http-to": silent.address, "http-timeout": 1}
    if fault == "refused":
        silent.stop_listening()
    router = subject.start(options)
    with router.connect() as raw:
        if fault == "malformed":
            raw.send("GET / HTTP/1.1\r\nHost a\r\nno colon\r\n\r\n")
        elif fault == "oversize":
            raw.get("/", *[f"X-{n}: {'v' * 1000}" for n in range(70)])
        else:
            raw.get("/")
        saw = status_of(raw)
    hold.set()
    want = {"refused": 502, "malformed": 400, "oversize": 431, "silent": 504}[fault]
    subject.judge(saw == want, f"{fault}: {saw}, wanted {want}")


def test_slowloris_passes(subject):
    """The time for a head is for the whole head: a byte now and then does not lengthen it."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address, "http-headers-timeout": 1})
    with router.connect(timeout=0.2) as raw:
        raw.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        deadline = time.monotonic() + 4
        ended = False
        while not ended and time.monotonic() < deadline:
            try:
                raw.send("x")
            except OSError:
                pass  # the answer may still wait to be read
            ended = raw.is_ended(0.2)
    subject.judge(ended and raw.buffer.startswith(b"HTTP/1.1 408 "), f"ended: {ended}, {raw.buffer[:60]!r}")


def test_the_only_node_stays_dead(subject):
    """A server that refused once and is back is used at once, when there is no other."""
    gone = subject.stage.upstream(uwsgi_ok)
    port = int(gone.address.rsplit(":", 1)[1])
    gone.stop_listening()
    router = subject.start({"http-to": gone.address})
    with router.connect() as raw:
        status_of(raw.get("/"))
    subject.stage.upstream(uwsgi_ok, port=port)
    with router.connect() as raw:
        saw = status_of(raw.get("/"))
    subject.judge(saw == 200, f"after the server came back: {saw}")


def test_pipelined_requests_are_lost(subject):
    """Requests sent in one go are all answered, in their order."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address})
    saw = []
    with router.connect(timeout=3) as raw:
        raw.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(5)))
        try:
            for _ in range(5):
                saw.append(dict(raw.response().json()["pairs"])["PATH_INFO"])
        except (Closed, TimeoutError):
            pass
    subject.judge(saw == [f"/{n}" for n in range(5)], f"answers to {saw}")


def test_connection_close_is_ignored(subject):
    """`Connection: close` ends the connection after the response, also with WebSockets on."""
    def with_length_then_wait(peer):
        peer.packet()
        peer.reply(b"done")
        peer.is_ended(20)

    router = subject.start({"http-to": subject.stage.upstream(with_length_then_wait).address})
    with router.connect() as raw:
        raw.get("/", "Connection: close")
        raw.response()
        subject.judge(raw.is_ended(2), "whether the connection ended")


@pytest.mark.parametrize("head, must_not", [
    pytest.param("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "HTTP_TRANSFER_ENCODING", id="length-and-chunked"),
    pytest.param("Content-Length: 4\r\nContent-Length: 8\r\n", "CONTENT_LENGTH", id="two-lengths"),
    pytest.param("X-Fold: a\r\n b\r\n", "HTTP_X_FOLD", id="folded-header"),
])
def test_ambiguous_heads_are_forwarded(subject, head, must_not):
    """A head that can be read in two ways goes to nobody."""
    upstream = subject.stage.upstream(lambda peer: (peer.packet(), peer.reply()))
    router = subject.start({"http-to": upstream.address})
    with router.connect(timeout=2) as raw:
        raw.send(f"POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n")
        try:
            raw.send("1\r\nx\r\n0\r\n\r\n")
        except ConnectionError:
            pass
        saw = status_of(raw)
    forwarded = must_not.encode() in upstream.received
    subject.judge(saw == 400 and not forwarded, f"{saw}, forwarded: {forwarded}")


def test_keepalive_true_means_off(subject):
    """`http-keepalive = true` means the default, and not off."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address, "http-keepalive": "true"})
    with router.connect(timeout=2) as raw:
        raw.get("/1").response()
        try:
            saw = status_of(raw.get("/2"))
        except ConnectionError:
            saw = "closed"
    subject.judge(saw == 200, f"a second request on the connection: {saw}")


def test_bytes_right_behind_a_handshake_are_lost(subject):
    """What a client sends in one go with its handshake reaches the worker after the 101."""
    def greedy(peer):
        key = peer.packet().variables["HTTP_SEC_WEBSOCKET_KEY"]
        peer.send(websocket.response(websocket.accept_of(key)))
        while True:
            opcode, payload, _ = websocket.read_frame(peer)
            peer.send(websocket.frame(payload, opcode, masked=False))

    router = subject.start({"http-to": subject.stage.upstream(greedy).address})
    with router.connect(timeout=3) as raw:
        raw.send(websocket.request() + websocket.frame(b"early"))
        try:
            raw.response()
            saw = websocket.read_frame(raw)[1]
        except (Closed, TimeoutError) as error:
            saw = error
    subject.judge(saw == b"early", f"instead of the echo of the early frame: {saw!r}")


def test_half_closed_client_loses_its_response(subject):
    """A client may say that it sends nothing more, and still reads its response."""
    def late(peer):
        peer.packet()
        time.sleep(0.5)
        peer.reply(b"late")

    router = subject.start({"http-to": subject.stage.upstream(late).address})
    with router.connect() as raw:
        raw.get("/", version="1.0").finish()
        saw = status_of(raw)
    subject.judge(saw == 200, f"response of a half-closed client: {saw}")


def test_half_closed_websocket_loses_what_comes(subject):
    """The FIN of a WebSocket's client goes on to the worker, and what the worker still says comes back."""
    def say_after_fin(peer):
        key = peer.packet().variables["HTTP_SEC_WEBSOCKET_KEY"]
        peer.send(websocket.response(websocket.accept_of(key)))
        peer.rest()
        time.sleep(0.3)
        peer.send(websocket.frame(b"last words", masked=False))

    router = subject.start({"http-to": subject.stage.upstream(say_after_fin).address})
    with router.connect(timeout=3) as raw:
        websocket.open_websocket(raw)
        raw.finish()
        try:
            saw = websocket.read_frame(raw)[1]
        except (Closed, TimeoutError) as error:
            saw = error
    subject.judge(saw == b"last words", f"after FIN: {saw!r}")


def test_out_of_descriptors_it_spins(subject):
    """Out of descriptors: no spinning, a line in the log and not a thousand, service again when there are some."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address, "http-keepalive": 60}, descriptors=64)
    crowd = []
    try:
        for _ in range(100):
            crowd.append(socket.create_connection(("127.0.0.1", router.port)))
            crowd[-1].send(b"GET / HTTP")  # without a byte the kernel may keep it from the router
        time.sleep(0.5)
        busy = cpu_share(router.pid, 2)
        lines = [line for line in router.log().splitlines() if re.search("descriptors|open files|accepting", line)]
    finally:
        for sock in crowd:
            sock.close()
    assert until("service again", lambda: router.get("/").status == 200, 10)
    subject.judge(busy < 0.2 and 1 <= len(lines) <= 3, f"{busy:.0%} of a core, log lines: {lines}")


def test_out_of_descriptors_idle_connections_hold_new_ones_out(subject):
    """Out of descriptors: idle keep-alive connections make room for those that have a request."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address, "http-keepalive": 60}, descriptors=64)
    idle = []
    try:
        for _ in range(70):
            raw = Raw.connect(router.port, timeout=2)
            idle.append(raw)
            try:
                raw.get("/").response()
            except (Closed, TimeoutError, ConnectionError):
                break
        with router.connect(timeout=5) as raw:
            try:
                saw = status_of(raw.get("/"))
            except ConnectionError:
                saw = "reset"
    finally:
        for raw in idle:
            raw.close()
    subject.judge(saw == 200, f"a new client beside {len(idle)} idle ones: {saw}")


def test_port_of_the_client_is_byte_swapped(subject):
    """`REMOTE_PORT` is the client's port."""
    router = subject.start({"http-to": subject.stage.upstream(uwsgi_ok).address})
    with router.connect() as raw:
        mine = raw.socket.getsockname()[1]
        saw = dict(raw.get("/").response().json()["pairs"])["REMOTE_PORT"]
    subject.judge(saw == str(mine), f"{saw} for {mine}")


def test_ipv6_and_names_are_unknown(subject):
    """A server may be given by its name."""
    upstream = subject.stage.upstream(uwsgi_ok)
    router = subject.start({"http-to": upstream.address.replace("127.0.0.1", "localhost")})
    with router.connect() as raw:
        saw = status_of(raw.get("/"))
    subject.judge(saw == 200, f"a server named localhost: {saw}")


def test_chunked_upload_has_no_length(subject):
    """A chunked upload reaches a worker with a length, decoded."""
    upstream = subject.stage.upstream(uwsgi_ok)
    router = subject.start({"http-to": upstream.address})
    with router.connect(timeout=3) as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" ).send(chunk(b"some") + chunk(b"thing") + chunk(b""))
        try:
            saw = raw.response().json()["body"]
        except (Closed, TimeoutError) as error:
            saw = repr(error)
    subject.judge(saw == "something", saw)
