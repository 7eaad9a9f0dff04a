"""What is kept in the streams of a real Redis: an instance that is started anew has what was published before, once and in order."""

import contextlib
import json
import os
import signal
import urllib.request

import pytest
from websockets.sync.client import connect

from harness.buses import Redis
from harness.process import memory
from harness.waiting import until
from test_channels_bus import hear, off_the_bus, on_the_bus, publish, start, status

KEPT = {"channel-history": "50,10m"}


@pytest.fixture
def redis(stage):
    return Redis(stage)


def two(stage, redis, **options):
    routers = [start(stage, name, redis.url(), **{**KEPT, **options}) for name in "ab"]
    on_the_bus(*routers)
    return routers


def kill(*routers):
    for router in routers:
        os.kill(router.pid, signal.SIGKILL)
        router.process.wait()


def anew(stage, redis, name, **options):
    router = start(stage, f"{name}-again", redis.url(), **{**KEPT, **options})
    until(f"it is on the bus: {status(router)}", lambda: status(router)["linked"], 40)
    return router


def since(router, number, last, channel="a.b"):
    """All that a client gets which comes back: gap and messages until the text `last`."""
    with connect(router.url(f"/chat/{channel}?since={number}", "ws"), compression=None, max_size=None) as client:
        heard = []
        while not heard or heard[-1].get("text") != last:
            heard.append(json.loads(client.recv(timeout=30)))
        return heard


def texts(heard):
    return [one["text"] for one in heard if "text" in one]


def has_kept(router, last):
    """It has heard everything up to there."""
    def found():
        with connect(router.url("/chat/a.b?since=0", "ws"), compression=None) as client:
            with contextlib.suppress(TimeoutError):
                return hear(client, last, 2)
        return None

    until("it has all", found, 30)


def test_one_that_is_killed_has_it_all_again(stage, redis):
    one, two_ = two(stage, redis)
    ids = [publish(one, f"m {number}")["id"] for number in range(20)]
    has_kept(two_, "m 19")
    kill(two_)
    ids += [publish(one, f"m {number}")["id"] for number in range(20, 30)]
    again = anew(stage, redis, "b")
    every = [f"m {number}" for number in range(30)]
    heard = since(again, 0, "m 29")
    assert texts(heard) == every and heard[0] == {"gap": True}, heard
    # Ids are those that it had before, and everywhere.
    heard = since(again, ids[9], "m 29")
    assert texts(heard) == every[10:] and {"gap": True} not in heard, heard
    assert [one["id"] for one in heard] == ids[10:]
    request = urllib.request.Request(again.url("/chat/a.b"), headers={"Accept": "text/event-stream", "Last-Event-ID": str(ids[27])})
    with urllib.request.urlopen(request, timeout=30) as events:
        heard = [events.readline() for _ in range(6)]
        assert heard == [f"id: {ids[28]}\n".encode(), b"data: m 28\n", b"\n",
                         f"id: {ids[29]}\n".encode(), b"data: m 29\n", b"\n"], heard
    # What comes now is behind it, once.
    publish(again, "from b")
    publish(one, "from a")
    heard = since(again, ids[28], "from a")
    assert texts(heard)[:2] == ["m 29", "from b"] and len(set(texts(heard))) == len(texts(heard)) == 3, heard
    assert texts(since(one, ids[28], "from b"))[0] == "m 29"


def test_all_are_started_anew(stage, redis):
    routers = two(stage, redis)
    old = publish(routers[0], "first")["id"]
    has_kept(routers[1], "first")
    for number in range(10):
        publish(routers[number % 2], f"m {number}")
    until("Redis has all", lambda: redis.ask("xlen", "tidegate:0:history:a.b").strip() == "11", 30)
    kill(*routers)
    every = ["first", *(f"m {number}" for number in range(10))]
    for name in "ab":
        again = anew(stage, redis, name)
        publish(again, "end")
        heard = texts(since(again, 0, "end"))
        mine = [text for text in heard if text in every]
        assert sorted(mine) == sorted(every), heard
        # What one has published is in its order.
        assert [text for text in mine if text in every[1::2]] == every[1::2], heard
        assert [text for text in mine if text in every[2::2]] == every[2::2], heard
        heard = since(again, old, "end")
        assert "first" not in texts(heard) and set(every[1:]) <= set(texts(heard)), heard
        assert len([text for text in texts(heard) if text != "end"]) == 10, heard


def test_what_comes_meanwhile_comes_once_and_in_order(stage, redis):
    one, two_ = two(stage, redis)
    kill(two_)
    for number in range(40):
        publish(one, f"m {number}")
    again = start(stage, "b-again", redis.url(), **KEPT)
    # Whether it is on the bus yet or not: nothing comes twice, and nothing is out of order.
    with connect(again.url("/chat/a.b?since=0", "ws"), compression=None) as client:
        for number in range(40, 45):
            publish(one, f"m {number}")
        until("it is there", lambda: status(again)["linked"], 40)
        publish(one, "end")
        heard = [text for text in hear(client, "end") if text]
        numbers = [int(text.split()[1]) for text in heard[:-1]]
        assert numbers == sorted(set(numbers)), heard
    every = [*(f"m {number}" for number in range(45)), "end"]
    until("it has all, once and in order", lambda: texts(since(again, 0, "end")) == every, 30)


def test_a_stream_has_an_end_and_so_has_memory(stage, redis):
    one, two_ = two(stage, redis, **{"channel-memory": "1m"})
    payload = "x" * 10_000
    for number in range(400):
        publish(one, f"{number} {payload}")
    until("Redis has all", lambda: status(one)["waiting"] == 0, 30)
    # It drops whole nodes of a stream, of 100 at most.
    assert 50 <= int(redis.ask("xlen", "tidegate:0:history:a.b")) <= 150
    assert 0 < int(redis.ask("pttl", "tidegate:0:history:a.b")) <= 600_000
    kill(two_)
    again = anew(stage, redis, "b", **{"channel-memory": "1m"})
    before = memory(again.pid)
    heard = texts(since(again, 0, f"399 {payload}"))
    assert heard == [f"{number} {payload}" for number in range(400 - len(heard), 400)] and len(heard) == 50
    assert memory(again.pid) - before < 30 << 20


def test_without_its_bus_who_comes_back_is_told_at_once(stage, redis):
    one, _ = two(stage, redis)
    old = publish(one, "kept")["id"]
    redis.kill()
    off_the_bus(one)
    again = start(stage, "b-again", redis.url(), **KEPT)
    again.process.wait_for("not on the bus")
    with connect(again.url(f"/chat/a.b?since={old}", "ws"), compression=None) as client:
        assert json.loads(client.recv(timeout=30)) == {"gap": True}


def test_a_server_that_may_not_keep_carries_all_the_same(stage, redis):
    redis.ask("acl", "setuser", "ann", "on", ">hush", "allchannels", "-@all", "+@connection", "+@pubsub", "+@transaction")
    url = f"redis://ann:hush@127.0.0.1:{redis.port}"
    one, two_ = (start(stage, name, url, **KEPT) for name in "ab")
    on_the_bus(one, two_)
    publish(one, "kept")
    has_kept(two_, "kept")
    assert "does not keep what is published" in one.log()


def test_long_messages_behind_short_ones_do_not_end_the_bus(stage, redis):
    """Redis closes who listens and asks for more than 32 MB."""
    history = {"channel-history": "200,10m"}
    one, two_ = two(stage, redis, **history)
    for _ in range(40):
        publish(one, "x" * 1_000_000)
        until("Redis has it", lambda: status(one)["waiting"] == 0, 30)
    every = [f"m {number}" for number in range(20)]
    for text in every:
        publish(one, text)
    kill(two_)
    again = anew(stage, redis, "b", **history)
    until("it has them", lambda: texts(since(again, 0, "m 19"))[-20:] == every, 30)
    assert "not on the bus" not in again.log()
