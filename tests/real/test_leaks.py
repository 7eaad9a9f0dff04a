"""Nothing is left behind: after clients and upstreams that come, break off and go at random, descriptors and memory are
what they were, and an idle router does nothing."""

import os
import random
import time

import pytest

from harness import websocket
from harness.process import cpu_share, memory, sockets
from harness.raw import Raw, chunk
from harness.upstream import http_ok
from harness.waiting import until

SEED = int(os.environ.get("TIDEGATE_SEED", "1"))


def erratic(peer):
    """An upstream that answers, stalls, cuts or resets, as the path says; it keeps idle connections for two seconds."""
    peer.timeout = 2
    while (request := peer.request()) is not None:
        kind = request.target.strip("/")
        if request["Upgrade"]:
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
            peer.send(websocket.frame(b"hello" * 1000, masked=False))
            peer.rest(2)
            return
        if kind == "whole":
            peer.reply(b"x" * 50_000)
        elif kind == "chunked":
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"y" * 30_000) * 3 + chunk(b""))
        elif kind == "cut":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"z" * 20_000)
            return
        elif kind == "reset":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"z" * 20_000)
            return peer.reset()
        elif kind == "nothing":
            return
        else:
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n")
            return


def visit(router, dice):
    """One client that asks for something and leaves at some point of it."""
    with router.connect(timeout=5) as raw:
        kind = dice.choice(["whole", "chunked", "cut", "reset", "nothing", "nonsense"])
        for _ in range(dice.randint(1, 3)):
            what = dice.random()
            if what < 0.15:
                raw.send(websocket.request())
            elif what < 0.4:
                size = dice.choice([10, 1000, 100_000])
                raw.send(f"POST /{kind} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
                raw.send(b"b" * dice.choice([size, size // 2, 0]))
            elif what < 0.5:
                raw.send(f"POST /{kind} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                raw.send(chunk(b"c" * 5000) + dice.choice([chunk(b""), b"5\r\n", b"zz\r\n"]))
            elif what < 0.6:
                raw.send("GET /wh"[: dice.randint(1, 7)])
            else:
                raw.get(f"/{kind}")
            if dice.random() < 0.7:
                try:
                    raw.fill(0.05)
                except TimeoutError:
                    pass
        ending = dice.random()
        if ending < 0.3:
            raw.reset()
        elif ending < 0.6:
            raw.finish()
            try:
                raw.fill(0.02)
            except TimeoutError:
                pass


@pytest.mark.parametrize("workers", [1, 2])
def test_erratic_visits(stage, workers):
    print(f"TIDEGATE_SEED={SEED}")
    dice = random.Random(SEED)
    router = stage.tidegate({"default": f"http:{stage.upstream(erratic).address}", "workers": workers, "http-timeout": "2s",
                             "http-keepalive": "2s", "http-headers-timeout": "2s", "tunnel-timeout": "2s", "disable-logging": "true"})

    def visits(count):
        for _ in range(count):
            try:
                visit(router, dice)
            except OSError:
                pass

    def quiet():
        return sockets(router.pid) == listening

    def left():
        return f"all connections closed, left: {sockets(router.pid) - listening}"

    listening = sockets(router.pid)
    visits(100)
    until(left, quiet, 15, pause=0.1)
    before = memory(router.pid)
    visits(400)
    until(left, quiet, 15, pause=0.1)
    assert memory(router.pid) - before < 2 << 20
    assert "fault" not in router.log() and "panic" not in router.log(), router.log()
    assert router.get("/whole").status == 200


def test_a_client_that_leaves_ends_its_upstream_s_work(stage):
    """A download whose reader is gone is not fetched to its end."""
    taken = []

    def endless(peer):
        peer.record = False
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\n\r\n")
        try:
            while len(taken) < 100_000:
                peer.send(b"x" * 65_536)
                taken.append(1)
        except ConnectionError:
            taken.append("ended")

    router = stage.tidegate({"default": f"http:{stage.upstream(endless).address}"})
    with router.connect() as raw:
        raw.get("/").take_until(b"x" * 1000)
    until("the upstream is told", lambda: taken and taken[-1] == "ended", 5)


def test_a_client_that_leaves_while_the_upstream_thinks(stage):
    ended = []

    def think(peer):
        peer.request()
        ended.append(peer.is_ended(10))

    router = stage.tidegate({"default": f"http:{stage.upstream(think).address}"})
    with router.connect() as raw:
        raw.get("/")
        time.sleep(0.2)
        raw.reset()
    until("the upstream is told", lambda: ended == [True], 5)


def test_idle_connections_cost_no_time(stage):
    """300 idle WebSockets and 300 idle keep-alive connections."""
    def hold(peer):
        while (request := peer.request()) is not None:
            if request["Upgrade"]:
                peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
                peer.is_ended(25)
            else:
                peer.reply()

    router = stage.tidegate({"default": f"http:{stage.upstream(hold).address}"})
    raws = [Raw.connect(router.port) for _ in range(600)]
    for number, raw in enumerate(raws):
        if number % 2:
            websocket.open_websocket(raw)
        else:
            assert raw.get("/").response().status == 200
    assert cpu_share(router.pid, 3) < 0.02
    for raw in raws:
        raw.close()


def test_memory_of_a_crowd_is_given_back(stage):
    """What 500 clients with large requests under way needed goes back to the system when they are gone."""
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"})
    router.get("/")
    before = memory(router.pid)
    raws = [router.connect().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + "x" * 30_000) for _ in range(500)]
    time.sleep(0.5)
    peak = memory(router.pid) - before
    for raw in raws:
        raw.close()
    until("memory given back", lambda: memory(router.pid) - before < max(peak // 4, 2 << 20), 20, pause=0.5)
