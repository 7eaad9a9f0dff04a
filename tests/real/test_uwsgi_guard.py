"""What uWSGI's workers get wrong with WebSockets, each fault as one scenario through two doors to one worker: with
`websockets-mode = pass` the worker must be caught at it, with `guard` the same bytes must do no harm."""

import re
import time

import pytest

from harness import websocket
from harness.peers import ClientFailed, run_client
from harness.raw import Closed
from harness.waiting import until
from harness.websocket import CONTINUATION, PING, PONG, TEXT, close_code, frame, message, read_frame

LIMIT = 64 << 10
OPTIONS = {"websockets-max-size": LIMIT >> 10}


class Worker:
    """A real uWSGI, and the two doors to it."""

    def __init__(self, stage, mode, worker=(), router=()):
        options = {**OPTIONS, **dict(worker)}
        arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
        self.mode, self.pids = mode, set()
        self.address, self.process = stage.uwsgi(mode, *arguments, name=f"uwsgi-{mode}-{len(stage.processes)}")
        self.doors = {name: stage.tidegate({"http-to": self.address, "websockets-mode": name, **OPTIONS, **dict(router)},
                                           name=f"{name}-{mode}-{len(stage.processes)}") for name in ("pass", "guard")}

    def deaths(self):
        return re.findall(r"DAMN ! worker \d+ \(pid: (\d+)\) died", self.process.log())

    def pid(self):
        """Of the one process that does all the work."""
        return int(self.doors["guard"].get("/pid").body)


class Door:
    """One of the two doors. `guards`: whether the fault must be harmless here."""

    def __init__(self, name, worker):
        self.guards, self.router, self.worker = name == "guard", worker.doors[name], worker
        self.deaths, self.pid = worker.deaths(), worker.mode == "processes" or worker.pid()

    def open(self, path="/ws"):
        raw = self.router.connect()
        websocket.open_websocket(raw, path)
        return raw

    def same_worker(self):
        """Whether the worker is the process it was when the test began."""
        return self.worker.deaths() == self.deaths and self.pid == (self.worker.mode == "processes" or self.worker.pid())


@pytest.fixture(scope="module")
def workers(module_stage):
    """A worker of each mode, started when it is first asked for."""
    started = {}

    def worker(mode, **options):
        key = mode, *sorted(options)
        if key not in started:
            started[key] = Worker(module_stage, mode, **options)
        return started[key]

    return worker


@pytest.fixture(params=["pass", "guard"])
def door_to(request, workers):
    return lambda mode, **options: Door(request.param, workers(mode, **options))


@pytest.fixture
def door(door_to):
    return door_to("gevent")


def says(raw, text):
    """Whether this is echoed, as one who is undisturbed would see it."""
    raw.send(frame(text, TEXT))
    try:
        return message(raw) == (TEXT, text)
    except (Closed, ConnectionError):
        return False


@pytest.mark.parametrize("mode", ["gevent", "threads", "processes"])
def test_a_continuation_without_a_start_kills_the_worker(door_to, mode):
    door = door_to(mode)
    with door.open() as bystander, door.open() as raw:
        assert says(bystander, b"before")
        raw.send(frame(b"a continuation of nothing", CONTINUATION))
        if not door.guards:
            until("the worker's death", lambda: door.worker.deaths() != door.deaths)
            assert raw.is_ended()
            assert mode == "processes" or not says(bystander, b"after"), "a process that died takes all its clients along"
            return
        assert close_code(raw) == 1002
        assert raw.is_ended()
        assert says(bystander, b"after")
    assert door.same_worker()


@pytest.mark.parametrize("mode", ["gevent", "threads"])
def test_one_client_gets_the_fragments_of_another(door_to, mode):
    door = door_to(mode)
    with door.open() as alice, door.open() as mallory:
        alice.send(frame(b"a secret of Alice, ", TEXT, fin=False))
        assert door.guards or message(alice) == (TEXT, b"\0")
        mallory.send(frame(b"told to Mallory", CONTINUATION))
        if not door.guards:
            assert message(mallory) == (TEXT, b"a secret of Alice, told to Mallory")
            return
        assert close_code(mallory) == 1002
        alice.send(frame(b"told to Alice", CONTINUATION))
        assert message(alice) == (TEXT, b"a secret of Alice, told to Alice")
    assert door.same_worker()


@pytest.mark.parametrize("mode", ["gevent", "threads"])
def test_two_clients_who_keep_all_rules_get_each_other_s_fragments(door_to, mode):
    door = door_to(mode)
    with door.open() as alice, door.open() as bob:
        for raw, text in ((alice, b"a secret of Alice, "), (bob, b"a secret of Bob, ")):
            raw.send(frame(text, TEXT, fin=False))
            assert door.guards or message(raw) == (TEXT, b"\0")
        alice.send(frame(b"told to Alice", CONTINUATION))
        if not door.guards:
            assert message(alice) == (TEXT, b"a secret of Bob, told to Alice")
            return
        assert message(alice) == (TEXT, b"a secret of Alice, told to Alice")
        bob.send(frame(b"told to Bob", CONTINUATION))
        assert message(bob) == (TEXT, b"a secret of Bob, told to Bob")
    assert door.same_worker()


def test_each_fragment_is_a_message_of_one_nul(door):
    with door.open() as raw:
        raw.send(frame(b"one ", TEXT, fin=False) + frame(b"two ", CONTINUATION, fin=False) + frame(b"three", CONTINUATION))
        seen = [message(raw)]
        while seen[-1] != (TEXT, b"one two three"):
            seen.append(message(raw))
        assert len(seen) == (1 if door.guards else 3), seen
        assert all(text == b"\0" for _, text in seen[:-1])


def test_the_limit_of_a_message_is_one_of_its_fragments(door):
    pieces = [b"x" * (LIMIT * 2 // 3)] * 3
    with door.open() as raw:
        raw.send(frame(pieces[0], TEXT, fin=False) + frame(pieces[1], CONTINUATION, fin=False) + frame(pieces[2], CONTINUATION))
        if door.guards:
            assert close_code(raw) == 1009
            assert raw.is_ended()
        else:
            assert [message(raw)[1] for _ in range(3)] == [b"\0", b"\0", b"".join(pieces)]
    assert door.same_worker()


def test_a_pong_lacks_what_the_ping_carried(door):
    with door.open() as raw:
        raw.send(frame(b"are you there?", PING))
        assert read_frame(raw) == (PONG, b"are you there?" if door.guards else b"", True)


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_a_close_is_answered_without_its_code(door, code):
    with door.open() as raw:
        raw.send(websocket.close(code, b"a reason"))
        assert close_code(raw) == (code if door.guards else None)
        assert raw.is_ended()


NOT_ALLOWED = {
    "unmasked": (1002, frame(b"came", TEXT, masked=False)),
    "rsv1": (1002, frame(b"came", TEXT, rsv=4)),
    "rsv2": (1002, frame(b"came", TEXT, rsv=2)),
    "rsv3": (1002, frame(b"came", TEXT, rsv=1)),
    "opcode 3": (1002, frame(b"came", 3)),
    "opcode 7": (1002, frame(b"came", 7)),
    "opcode 11": (1002, frame(b"came", 11)),
    "opcode 15": (1002, frame(b"came", 15)),
    "a long ping": (1002, frame(b"c" * 126, PING)),
    "half a ping": (1002, frame(b"came", PING, fin=False)),
    "a long length": (1002, b"\x81\xfe\0\4\0\0\0\0came"),
    "a longer length": (1002, b"\x81\xff\0\0\0\0\0\0\0\4\0\0\0\0came"),
    "latin-1": (1007, frame("kämme".encode("latin-1"), TEXT)),
    "a surrogate": (1007, frame(b"\xed\xa0\x80", TEXT)),
    "half a character": (1007, frame("ä".encode()[:1], TEXT)),
    "an overlong slash": (1007, frame(b"\xc0\xaf", TEXT)),
    "bad text in fragments": (1007, frame(b"c\xff", TEXT, fin=False) + frame(b"ame", CONTINUATION)),
}


@pytest.mark.parametrize("fault", NOT_ALLOWED)
def test_what_rfc_6455_forbids_is_accepted(door, fault):
    code, data = NOT_ALLOWED[fault]
    with door.open("/ws?log=1") as raw:
        came = door.worker.process.log().count("came: ")
        raw.send(data)
        if door.guards:
            assert close_code(raw) == code
            assert raw.is_ended()
            assert door.worker.process.log().count("came: ") == came, "the app saw it"
        else:
            raw.send(frame(b"and still here", TEXT))
            while message(raw)[1] != b"and still here":
                pass
    assert door.same_worker()


@pytest.mark.parametrize("client", ["ws-8", "chromium", "websockets"])
def test_the_list_of_subprotocols_comes_back_whole(door, peers, client):
    """Every client refuses such an answer: it names no one subprotocol."""
    def chosen(router):
        return run_client(client, router.url("/ws", "ws"), "13", "text:hello", protocol="chat, other", env=peers.env(client))[0]["open"]

    if door.guards:
        assert chosen(door.router) == "chat"
        preferring = peers.stage.tidegate({"http-to": door.worker.address, "websockets-protocol": "other chat"}, name=f"preferring-{client}")
        assert chosen(preferring) == "other"
    else:
        with pytest.raises(ClientFailed):
            chosen(door.router)


PINGS = {"worker": {"websockets-ping-freq": 3, "websockets-pong-tolerance": 1},
         "router": {"websockets-ping-freq": "3s", "websockets-pong-tolerance": "1s"}}


def test_a_dead_client_is_found_after_twice_the_time(door_to):
    """It looks for the answer to a ping only when the next one is due: with its own 30 s after a minute."""
    door = door_to("threads", **PINGS)
    with door.open() as raw:
        assert says(raw, b"last words")
        begin = time.monotonic()
        read_frame(raw)
        with pytest.raises(Closed):
            while read_frame(raw):
                pass
        took = time.monotonic() - begin
        assert (took < 5.5) == door.guards, f"after {took:.1f} s"


def test_it_pings_only_while_it_waits_for_a_message(door_to):
    """An app that does something else, or only sends, finds no dead client at all."""
    door = door_to("threads", **PINGS)
    with door.open("/ws/say?sleep=6") as raw:
        assert message(raw)
        if door.guards:
            assert read_frame(raw)[0] == PING
            assert raw.is_ended(), "until the app answers, or 5 s"
        else:
            assert raw.is_silent(5)
