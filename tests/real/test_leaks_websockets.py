"""Nothing of WebSockets is left behind, at any door, in clear and over TLS: after clients and servers that say whatever they like,
in pieces, and break off at any point, sockets, sessions, blocks and seats are what they were; while somebody reloads and kills."""

import os
import random
import signal
import ssl
import struct
import threading
import time
from contextlib import suppress

import pytest

from harness import hixie, websocket
from harness.admin import curl
from harness.certificates import Authority
from harness.process import memory, sockets
from harness.tls import TlsRaw
from harness.upstream import Peer, free_port
from harness.waiting import until
from harness.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

SEED = int(os.environ.get("TIDEGATE_SEED", "1"))
SIZES = [0, 1, 125, 126, 1000, 65535, 65536, 200_000]
CODES = [999, 1000, 1001, 1005, 1006, 3000, 4999]
BROKEN = (OSError, EOFError, ValueError)  # ssl.SSLError is an OSError
SEATS = 3


class TlsPeer(Peer, TlsRaw):
    """A server's end of a connection over TLS."""


def pieces(dice, data):
    """The same bytes, split anywhere."""
    if dice.random() < 0.5:
        return [data]
    found = []
    while data and len(found) < 40:
        size = dice.choice([1, 2, 7, 100, 1300, 16384, 70_000])
        found.append(data[:size])
        data = data[size:]
    return [*found, data]


def words(dice, masked):
    """A few frames, good and bad, whole and cut."""
    make = lambda payload, opcode, **more: frame(payload, opcode, masked, **more)
    size = dice.choice(SIZES)
    text = b"a" * size
    return dice.choice([
        lambda: make(os.urandom(size), BINARY),
        lambda: make(text, TEXT),
        lambda: make(text[:125], PING),
        lambda: make(text[:125], PONG),
        lambda: make(text, TEXT, fin=False) + make(b"", PING) + make(text, CONTINUATION),
        lambda: make(text, BINARY, fin=False),
        lambda: make(text, BINARY)[: size // 2 + 1],
        lambda: make(struct.pack("!H", dice.choice(CODES)) + b"bye", CLOSE),
        lambda: make(b"", CLOSE),
        lambda: make(b"\xff\xfe", TEXT),
        lambda: os.urandom(20),
    ])()


def old_words(dice, _):
    return dice.choice([b"\0" + b"h" * dice.choice(SIZES) + b"\xff", hixie.CLOSE, b"\0cut", b"\x80\x05hello"])


def listen(raw, seconds):
    with suppress(TimeoutError):
        while raw.fill(seconds):
            raw.buffer = b""


def converse(dice, raw, masked, say=words):
    """Says and hears this and that, and leaves somehow."""
    for _ in range(dice.randint(0, 8)):
        if dice.random() < 0.7:
            for piece in pieces(dice, say(dice, masked)):
                raw.socket.settimeout(0.5)
                raw.send(piece)
        else:
            with suppress(TimeoutError):
                raw.fill(0.02)
    end = dice.choice(["reset", "finish", "finish and reset", "say close", "listen", "leave"])
    if end.startswith("finish"):
        raw.finish()
        listen(raw, dice.choice([0.05, 0.3]))
    elif end == "listen":
        listen(raw, 0.5)
    elif end == "say close" and isinstance(raw, TlsRaw):
        raw.say_close()
        listen(raw, 0.05)
    if end.endswith("reset"):
        raw.reset()


class Servers:
    """What stands behind the router: erratic, until `calm`."""

    def __init__(self, pair):
        self.pair, self.calm = pair, False
        self.numbers = random.Random(SEED)

    def dice(self):
        return random.Random(self.numbers.random())

    def websockets(self, peer):
        dice = self.dice()
        request = peer.request()
        if request is None:
            return None
        answer = websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"] or ""))
        if self.calm:
            return peer.send(answer).rest()
        how = dice.random()
        if how < 0.04:
            return peer.reset()
        if how < 0.08:
            return None
        if how < 0.12:
            return peer.reply(b"no", "403 Forbidden")
        if how < 0.16:
            answer = answer.replace(b"Accept: ", b"Accept: x")
        for piece in pieces(dice, answer + (words(dice, False) if dice.random() < 0.3 else b"")):
            peer.send(piece)
        return converse(dice, peer, False)

    def secure(self, peer):
        how = self.dice().random()
        if how < 0.05:
            return peer.reset()
        if how < 0.1:
            return peer.send(os.urandom(500))
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(self.pair.certificate, self.pair.key)
        peer.socket = settings.wrap_socket(peer.socket, server_side=True, suppress_ragged_eofs=False)
        peer.__class__ = TlsPeer
        return self.websockets(peer)

    def hixie(self, peer):
        if peer.request() is not None:
            peer.send(hixie.answer(draft="hixie-75"))
            converse(self.dice(), peer, False, old_words)

    def bytes(self, peer):
        converse(self.dice(), peer, False)

    def guarded(self, name):
        """One of them, for whom it is no fault that the other side breaks off."""

        def run(peer):
            peer.timeout = 3
            with suppress(*BROKEN):
                getattr(self, name)(peer)

        return run


DOORS = {
    "echo": "echo:", "pass": "http:seats\nwebsockets-mode = pass", "track": "http:seats", "guard": "http:seats\nwebsockets-mode = guard",
    "secure": "https:secure", "translated": "http:{hixie}\nwebsockets-upstream-draft = hixie-75", "bytes": "tcp:{bytes}",
}


def handshake(dice, door):
    """The head of a client, what it says at once behind it, and how it goes on."""
    if dice.random() < 0.2 and door != "pass":
        key3 = dice.choice([hixie.KEY3, hixie.KEY3, hixie.KEY3[:3]])
        return dice.choice([hixie.request(f"/{door}", keys=None), hixie.request(f"/{door}") + key3]), old_words
    fields = dice.choice([[], ["Sec-WebSocket-Extensions: permessage-deflate"]])
    early = dice.choice([b"", b"", words(dice, True), websocket.request(f"/{door}")])
    return websocket.request(f"/{door}", *fields) + early, words


def connected(router, dice):
    if dice.random() < 0.4:
        return router.tls(version=dice.choice(["1.2", "1.3"]), timeout=3)
    return router.connect(timeout=3, receive_buffer=dice.choice([None, 4096]))


def visit(router, dice):
    with connected(router, dice) as raw:
        data, say = handshake(dice, dice.choice(list(DOORS)))
        data = data[: dice.randint(1, len(data))] if dice.random() < 0.05 else data
        for piece in pieces(dice, data):
            raw.send(piece)
        with suppress(TimeoutError):
            raw.take_until(b"\r\n\r\n")
        converse(dice, raw, True, say)


def crowd(router, dice, count, meanwhile):
    """So many visits, some at a time."""

    def visits(dice):
        for _ in range(count // 12):
            with suppress(*BROKEN):
                visit(router, dice)

    threads = [threading.Thread(target=visits, args=(random.Random(dice.random()),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
        time.sleep(0.5)


def every_seat_is_free(router):
    live = [router.connect() for _ in range(SEATS + 1)]
    for raw in live:
        raw.send(websocket.request("/track"))
    assert sorted(raw.response().status for raw in live) == [101] * SEATS + [503]
    for raw in live:
        raw.close()


@pytest.mark.parametrize("disturbed", [False, True], ids=["undisturbed", "reloaded and killed"])
def test_erratic_websockets(stage, disturbed):
    print(f"TIDEGATE_SEED={SEED}")
    dice = random.Random(SEED)
    authority = Authority(stage.directory)
    pair = authority.issue("localhost")
    servers, admin = Servers(pair), stage.directory / "admin.sock"
    at = {name: stage.upstream(servers.guarded(name)).address for name in ("websockets", "secure", "hixie", "bytes")}
    groups = (f"[upstream:seats]\nserver = {at['websockets']} max={SEATS}\nqueue = 4\nqueue-timeout = 500ms\n"
              f"[upstream:secure]\nprotocol = https\nserver = {at['secure']}\nverify-name = localhost\nca = {authority.path}\n")
    routes = "".join(f"[route:{door}]\npath = ^/{door}$\nto = {to.format(**at)}\n" for door, to in DOORS.items())
    # Port 0 would be another one after a reload.
    router = stage.tidegate({
        "http": f"127.0.0.1:{free_port()}", "https": f"127.0.0.1:{free_port()},{pair}", "workers": 2, "admin": f"unix:{admin}",
        "websockets-drafts": "all", "http-timeout": "2s", "http-headers-timeout": "2s", "http-keepalive": "2s",
        "tunnel-timeout": "3s", "websockets-ping-freq": "1s", "websockets-pong-tolerance": "1s"}, groups + routes)
    before = sockets(router.pid)

    def disturb():
        if disturbed:
            os.kill(router.pid, signal.SIGHUP)
            assert curl(admin, "/kill?all=1", "-X", "POST")[0] == 200

    held = []
    for _ in range(3):
        crowd(router, dice, 48, disturb)
        until(lambda: f"all sockets closed, left: {curl(admin, '/sessions')[1]}", lambda: len(sockets(router.pid)) <= len(before), 20, pause=0.1)
        held.append(memory(router.pid))
    assert held[2] - held[0] < 3 << 20, held
    status = curl(admin, "/status")[1]
    left = {name: status["counters"][name] for name in ("clients", "sessions", "upstreams")}
    assert (status["tunnels"], status["memory"]["blocks"], status["memory"]["messages"], left) == (0, 0, 0, dict.fromkeys(left, 0))
    assert status["counters"]["tunnels_opened"] == status["counters"]["tunnels_closed"] > 50
    assert " ERROR " not in router.log() and "panic" not in router.log(), router.log()
    servers.calm = True
    every_seat_is_free(router)
