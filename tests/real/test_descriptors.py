"""Running out of descriptors for real: `max-connections` above what the limit allows."""

import socket
import time

from harness.process import cpu_share, open_descriptors
from harness.raw import Raw
from harness.upstream import http_ok
from harness.waiting import until

LIMIT = 64


def pauses(router):
    return [line for line in router.log().splitlines() if "accepting" in line]


def start(stage, **options):
    upstream = stage.upstream(http_ok)
    return stage.tidegate({"default": f"http:{upstream.address}", "max-connections": 10_000, **options}, descriptors=LIMIT)


def started(router):
    """A client in the middle of its head."""
    sock = socket.create_connection(("127.0.0.1", router.port))
    sock.send(b"GET / HTTP")
    return sock


def test_neither_spins_nor_fills_the_log_and_recovers(stage):
    router = start(stage)
    crowd = []
    try:
        for _ in range(2 * LIMIT):
            crowd.append(started(router))
        until("all descriptors in use", lambda: open_descriptors(router.pid) >= LIMIT - 2)
        busy = cpu_share(router.pid, 2)
        lines = pauses(router)
    finally:
        for sock in crowd:
            sock.close()
    assert busy < 0.1, f"{busy:.0%} of a core"
    assert 1 <= len(lines) <= 2, lines
    assert until("service again", lambda: router.get("/").status == 200)


def test_coming_and_going_at_the_limit_says_little(stage):
    router = start(stage)
    crowd = [started(router) for _ in range(2 * LIMIT)]
    end = time.monotonic() + 3
    while time.monotonic() < end:
        crowd.pop(0).close()
        crowd.append(started(router))
        time.sleep(0.02)
    for sock in crowd:
        sock.close()
    assert len(pauses(router)) <= 4, pauses(router)


def test_idle_connections_make_room(stage):
    router = start(stage)
    idle = []
    for _ in range(2 * LIMIT):
        idle.append(Raw.connect(router.port))
        assert idle[-1].get("/").response().status == 200
    assert open_descriptors(router.pid) <= LIMIT
    for raw in idle:
        raw.close()


def test_max_connections(stage):
    """Beyond it new ones wait in the kernel, and have their turn."""
    router = start(stage, **{"max-connections": 3})
    first = [Raw.connect(router.port).send("GET / HTTP/1.1\r\nHost:") for _ in range(3)]
    late = Raw.connect(router.port)
    late.get("/")
    assert late.is_silent(0.5)
    first[0].close()
    assert late.response().status == 200
