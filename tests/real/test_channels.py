"""channel: WebSockets that join a named topic, on every core and in every draft; who may publish; who does not read."""

import contextlib
import subprocess

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harness import websocket
from harness.admin import curl
from harness.router import TIDEGATE
from harness.waiting import until


def chat(stage, rule="route = ^/chat/(.*)$ channel:room-$1", **options):
    key, value = rule.split(" = ", 1)
    admin = stage.directory / "admin.sock"
    router = stage.tidegate({"workers": 2, "default": "return:404", "admin": f"unix:{admin}", key: value, **options})
    router.admin = admin
    return router


def joined(router, count):
    """So many sessions have opened a WebSocket here."""
    until(f"{count} WebSockets", lambda: len(curl(router.admin, "/sessions")[1]["sessions"]) == count, 10)


def figure(router, name):
    return curl(router.admin, "/status")[1]["counters"][name]


@contextlib.contextmanager
def open_all(router, path, count):
    """WebSockets, on both workers as the kernel likes, each of which reaches all others."""
    with contextlib.ExitStack() as stack:
        opened = (connect(router.url(path, "ws"), compression=None, ping_interval=None) for _ in range(count))
        sockets = [stack.enter_context(socket) for socket in opened]
        joined(router, count)
        for socket in sockets:
            ready(socket, sockets)
        yield sockets


def ready(one, sockets):
    """Says a word until everybody has heard it: joining takes the other core a moment to hear of."""
    word = f"ready {id(one)}"

    def heard():
        one.send(word)
        for socket in sockets:
            try:
                while socket.recv(timeout=0.5) != word:
                    pass
            except TimeoutError:
                return False
        return True

    until("all hear it", heard, 10)
    for socket in sockets:
        drain(socket)


def drain(socket):
    try:
        while True:
            socket.recv(timeout=0.05)
    except TimeoutError:
        pass


def test_everybody_gets_everything_in_order(stage):
    router = chat(stage)
    with open_all(router, "/chat/a", 6) as sockets, connect(router.url("/chat/b", "ws"), compression=None) as other:
        for number in range(200):
            sockets[0].send(f"first {number}")
            sockets[1].send(b"second %d" % number)
        for socket in sockets:
            got = [socket.recv(timeout=10) for _ in range(400)]
            assert [word for word in got if isinstance(word, str)] == [f"first {number}" for number in range(200)]
            assert [word for word in got if isinstance(word, bytes)] == [b"second %d" % number for number in range(200)]
        with pytest.raises(TimeoutError):
            other.recv(timeout=0.2)
    assert figure(router, "channel_dropped") == 0
    assert figure(router, "published") >= 400


def test_every_draft(stage):
    """Text goes to all; binary only to those that have it."""
    router = chat(stage, **{"websockets-drafts": "all"})
    with connect(router.url("/chat/a", "ws"), compression=None) as modern, router.connect() as hixie:
        hixie.send("GET /chat/a HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: h\r\nOrigin: http://h\r\n\r\n")
        assert " 101 " in hixie.head()[0]

        def both_hear():
            modern.send("ready")
            return not hixie.is_silent(0.2)

        until("the old browser hears it", both_hear, 10)
        drain(modern)
        hixie.send(b"\x00from 2010\xff")
        assert modern.recv(timeout=30) == "from 2010"
        modern.send(b"\x00\xff")
        modern.send("text")
        assert hixie.take_until(b"\x00text\xff").endswith(b"\x00from 2010\xff\x00text\xff")


def test_compressed_clients_and_large_messages(stage):
    router = chat(stage)
    with connect(router.url("/chat/a", "ws")) as one, connect(router.url("/chat/a", "ws"), max_size=None) as two:
        ready(one, [one, two])
        for text in ("x" * 100_000, "y" * 900_000):
            one.send(text)
            assert two.recv(timeout=10) == text


@pytest.mark.parametrize("mode", ["subscribe", "publish"])
def test_modes(stage, mode):
    router = chat(stage, f"route = ^/chat/(.*)$ channel:room-$1,mode={mode}", **{"route-run": "last:"})
    with connect(router.url("/chat/a", "ws"), compression=None) as socket:
        socket.send("hello")
        if mode == "publish":
            with pytest.raises(TimeoutError):
                socket.recv(timeout=0.3)
            return
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd.code == 1008


def test_names(stage):
    router = chat(stage)
    for path, status in (("/chat/" + "x" * 200, 400), ("/chat/a%20b", 400), ("/chat/a%2fb", 404)):
        with pytest.raises(InvalidStatus) as refused:
            connect(router.url(path, "ws"))
        assert refused.value.response.status_code in (status, 400), path
    assert router.get("/chat/a").status == 426


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "close"])
def test_one_who_does_not_read_costs_a_bound_and_delays_nobody(stage, policy):
    router = chat(stage, **{"channel-backlog": 4, "channel-slow": policy, "disable-logging": "off"})
    with connect(router.url("/chat/a", "ws"), compression=None, max_size=None) as fast, router.connect() as stuck:
        websocket.open_websocket(stuck, "/chat/a")
        joined(router, 2)
        ready(fast, [fast])
        for number in range(200):
            fast.send(f"{number:04}" + "x" * 100_000)
            assert fast.recv(timeout=10)[:4] == f"{number:04}"
        assert figure(router, "channel_dropped") > (0 if policy == "close" else 50)
        rows = curl(router.admin, "/sessions")[1]["sessions"]
        assert max(row["held"] for row in rows) < 2 << 20
        if policy == "close":
            until("the log says it", lambda: any("end=slow-subscriber" in line for line in router.access()), 20)
            return
        fast.send("last")
        numbers = []
        while True:
            kind, payload = websocket.read_frame(stuck)[:2]
            if payload == b"last" or policy == "drop-newest" and len(numbers) and numbers[-1] > 190:
                break
            if payload[4:5] == b"x":
                numbers.append(int(payload[:4]))
            if policy == "drop-newest" and len(numbers) > 20:
                break
        assert numbers == sorted(set(numbers))
        assert (numbers[-1] == 199) == (policy == "drop-oldest")


def test_channels_are_bounded(stage):
    router = chat(stage, channels=3, workers=1)
    with contextlib.ExitStack() as stack:
        for number in range(2):
            stack.enter_context(connect(router.url(f"/chat/{number}", "ws"), compression=None))
        with connect(router.url("/chat/third", "ws"), compression=None):
            with connect(router.url("/chat/more", "ws"), compression=None) as more:
                with pytest.raises(ConnectionClosed) as closed:
                    more.recv(timeout=30)
                assert closed.value.rcvd.code == 1013
        joined(router, 2)
        with connect(router.url("/chat/new", "ws"), compression=None) as new:
            ready(new, [new])


def test_channels_are_closed_by_default(stage):
    """Rule: whoever reaches a channel that is open to the world must not be able to publish, unless that was meant."""
    cases = [("channel:a", 2), ("channel:a,public=yes", 0), ("channel:a,mode=subscribe", 0), ("channel:a,mode=publish", 2),
             ("publish:a", 2), ("publish:a,public=yes", 0)]
    for listener, expected in (("0.0.0.0:8080", True), ("127.0.0.1:8080", False)):
        for action, code in cases:
            file = stage.directory / "closed.ini"
            file.write_text(f"[tidegate]\nhttp = {listener}\ndefault = {action}\nadmin = off\n")
            result = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True)
            assert result.returncode == (code if expected else 0), (listener, action, result.stderr)
    guards = [("route-run = allow:10.0.0.0/8", 0), ("route = ^/a allow:10.0.0.0/8", 0), ("route = ^/b allow:10.0.0.0/8", 2)]
    for guard, code in guards:
        for action in ("channel:a", "publish:a"):
            file.write_text(f"[tidegate]\nhttp = 0.0.0.0:8080\n{guard}\nroute = ^/a {action}\ndefault = return:404\nadmin = off\n")
            assert subprocess.run([TIDEGATE, "check", file], capture_output=True).returncode == code, (guard, action)


def test_those_who_left_are_forgotten(stage):
    router = chat(stage)
    for _ in range(3):
        with open_all(router, "/chat/a", 8):
            pass
        joined(router, 0)
    with connect(router.url("/chat/a", "ws"), compression=None) as alone:
        ready(alone, [alone])
        before = figure(router, "delivered")
        alone.send("once")
        assert alone.recv(timeout=30) == "once"
        assert figure(router, "delivered") - before == 1
