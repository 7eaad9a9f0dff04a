"""Channels with many in them, and many channels: all hear all once and in order, while others come and go or do not read."""

import contextlib
import selectors
import socket
import threading

from harness import websocket
from harness.admin import curl
from harness.waiting import until

ROUTES = ("route = ^/live/([a-z0-9-]+)$ channel:$1,mode=subscribe\n"
          "route = ^/publish/([a-z0-9-]+)$ publish:$1\n")


def site(stage, **options):
    admin = stage.directory / "admin.sock"
    # What the limit of descriptors allows leaves room for an upstream of each client; here none has one.
    router = stage.tidegate({"workers": 2, "default": "return:404", "admin": f"unix:{admin}", "websockets-ping-freq": "off",
                             "max-connections": 10500, **options}, more=ROUTES)
    router.admin = admin
    return router


class Audience:
    """Subscribers on plain sockets, read in turn by this thread: what each has got so far."""

    def __init__(self, router, stack):
        self.router, self.stack = router, stack
        self.selector = stack.enter_context(selectors.DefaultSelector())
        self.got, self.bytes = {}, 0

    def join(self, channels):
        """One subscriber each; asked in batches, so that neither end waits for the other."""
        for start in range(0, len(channels), 200):
            batch = [(self.stack.enter_context(socket.create_connection(("127.0.0.1", self.router.port))), channel)
                     for channel in channels[start:start + 200]]
            for one, channel in batch:
                one.sendall(websocket.request(f"/live/{channel}"))
            for one, channel in batch:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    # Nobody publishes yet: nothing follows.
                    assert (data := one.recv(4096)), head
                    head += data
                assert head.startswith(b"HTTP/1.1 101 "), head
                one.setblocking(False)
                self.got[one] = bytearray()
                self.selector.register(one, selectors.EVENT_READ, channel)

    def read(self, enough):
        """Reads until `enough()`, or nothing comes for ten seconds."""
        while not enough():
            ready = self.selector.select(10)
            assert ready, f"no more than {self.bytes} bytes came"
            for key, _ in ready:
                data = key.fileobj.recv(1 << 18)
                assert data, "a subscriber was closed"
                self.got[key.fileobj] += data
                self.bytes += len(data)

    def hears(self, wanted):
        """Each gets the bytes that `wanted` has for its channel, and nothing else."""
        total = sum(len(wanted[key.data]) for key in self.selector.get_map().values())
        self.read(lambda: self.bytes >= total)
        for key in self.selector.get_map().values():
            assert self.got[key.fileobj] == wanted[key.data], key.data


def frames(words):
    return b"".join(websocket.frame(word.encode(), websocket.TEXT, masked=False) for word in words)


def publish(raw, channel, words):
    """Publishes over a kept connection; how many had joined."""
    body = "".join('{"text":"%s"}\n' % word for word in words).encode()
    raw.get(f"/publish/{channel}", "Content-Type: application/x-ndjson", f"Content-Length: {len(body)}", method="POST")
    raw.send(body)
    answer = raw.response()
    assert answer.status == 202, answer.body
    return answer.json()["subscribers"]


def joined(router, channel, count):
    until(f"{count} have joined {channel}", lambda: router.get(f"/publish/{channel}").json()["subscribers"] == count, 20)


def dropped(router):
    return curl(router.admin, "/status")[1]["counters"]["channel_dropped"]


class Stay(threading.Thread):
    """One who joins, hears until it has had enough, and leaves; `heard` are the numbers, `fault` is what went wrong."""

    def __init__(self, router, enough, reset=False):
        super().__init__(daemon=True)
        self.router, self.enough, self.reset = router, enough, reset
        self.heard, self.fault = [], None

    def run(self):
        try:
            with self.router.connect() as raw:
                raw.send(websocket.request("/live/news"))
                assert " 101 " in raw.head()[0]
                while not self.enough(self.heard):
                    self.heard.append(int(websocket.read_frame(raw)[1]))
                if self.reset:
                    raw.reset()
        except Exception as fault:  # shown by whoever joins the thread
            self.fault = fault


def consecutive(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_five_thousand_hear_one(stage):
    router = site(stage)
    with contextlib.ExitStack() as stack:
        audience = Audience(router, stack)
        audience.join(["news"] * 5000)
        joined(router, "news", 5000)
        raw = stack.enter_context(router.connect())
        words = [f"{number:05} {'.' * 94}" for number in range(100)]
        for start in range(0, 50):
            assert publish(raw, "news", words[start:start + 1]) == 5000
        publish(raw, "news", words[50:])
        audience.hears({"news": frames(words)})
    assert dropped(router) == 0


def test_a_thousand_channels_of_ten(stage):
    router = site(stage)
    names = [f"room-{number}" for number in range(1000)]
    with contextlib.ExitStack() as stack:
        audience = Audience(router, stack)
        # Neighbours are in different channels, so each channel is on both workers.
        audience.join(names * 10)
        for name in names:
            joined(router, name, 10)
        raw = stack.enter_context(router.connect())
        said = {name: [f"{name} says {number}" for number in range(5)] for name in names}
        for name, words in said.items():
            assert publish(raw, name, words) == 10
        audience.hears({name: frames(words) for name, words in said.items()})


def test_coming_and_going_under_load(stage):
    router = site(stage)
    over, said = threading.Event(), []

    def talk():
        with router.connect() as raw:
            while not over.is_set():
                numbers = range(len(said), len(said) + 10)
                publish(raw, "news", map(str, numbers))
                said.extend(numbers)
            publish(raw, "news", ["-1"])

    residents = [Stay(router, lambda heard: heard[-1:] == [-1]) for _ in range(4)]
    for resident in residents:
        resident.start()
    joined(router, "news", len(residents))
    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    for turn in range(40):
        guests = [Stay(router, lambda heard, most=number * 5: len(heard) > most, reset=number % 2) for number in range(8)]
        for guest in guests:
            guest.start()
        for guest in guests:
            guest.join(20)
            assert guest.fault is None and consecutive(guest.heard), (turn, guest.fault, guest.heard)
    over.set()
    for one in (talking, *residents):
        one.join(20)
    for resident in residents:
        assert resident.fault is None and resident.heard == [*said, -1]
    joined(router, "news", 0)
    assert dropped(router) == 0


def test_one_of_a_thousand_does_not_read(stage):
    """It costs a bounded backlog, and the others hear all."""
    router = site(stage, **{"channel-backlog": 20, "channel-slow": "drop-oldest"})
    with contextlib.ExitStack() as stack:
        stuck = stack.enter_context(router.connect(receive_buffer=4096))
        stuck.send(websocket.request("/live/news"))
        assert " 101 " in stuck.head()[0]
        joined(router, "news", 1)

        def full():
            with router.connect() as raw:
                publish(raw, "news", ["." * 50_000] * 10)
            return dropped(router)

        until("its connection is full", full, 20)
        audience = Audience(router, stack)
        audience.join(["news"] * 999)
        joined(router, "news", 1000)
        raw = stack.enter_context(router.connect())
        words = [f"{number:04} {'.' * 100}" for number in range(200)]
        before, heard = dropped(router), 0
        for word in words:
            assert publish(raw, "news", [word]) == 1000
            heard += 999 * len(frames([word]))
            audience.read(lambda enough=heard: audience.bytes >= enough)
        audience.hears({"news": frames(words)})
        assert dropped(router) == before + len(words)
        held = max(session["held"] for session in curl(router.admin, "/sessions")[1]["sessions"])
        assert held < 21 * 50_100
