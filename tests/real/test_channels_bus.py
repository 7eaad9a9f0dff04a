"""Channels of several instances on a real Redis and a real NATS server: all hear all, once; the server restarts, or stalls."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import urllib.request

import pytest
from websockets.sync.client import connect

from harness.admin import ctl, curl
from harness.buses import ENGINES, Redis
from harness.process import memory
from harness.router import TIDEGATE
from harness.waiting import until


@pytest.fixture(params=ENGINES)
def bus(request, stage):
    """A server of each kind."""
    return ENGINES[request.param](stage)


def start(stage, name, url, **options):
    admin = stage.directory / f"{name}.sock"
    router = stage.tidegate({
        "workers": 2, "default": "return:404", "admin": f"unix:{admin}", "channel-bus": url,
        "route": ["^/chat/(.*)$ channel:$1,ids=yes", "^/publish/(.*)$ publish:$1"], **options,
    }, name=name)
    router.admin, router.name = admin, name
    router.process.wait_for("the admin socket is")
    return router


def status(router):
    return curl(router.admin, "/status")[1]["bus"]


def on_the_bus(*routers):
    """All of them are there, and see each other."""
    for router in routers:
        others = len(routers) - 1
        until(lambda: f"{router.name} sees {others} others: {status(router)}",
              lambda: status(router)["linked"] and len(status(router)["others"]) == others, 40)


def off_the_bus(*routers):
    for router in routers:
        until(lambda: f"{router.name} is alone: {status(router)}", lambda: not status(router)["linked"], 40)


@pytest.fixture
def two(stage, bus):
    routers = [start(stage, name, bus.url()) for name in "ab"]
    on_the_bus(*routers)
    return routers


def publish(router, text, channel="a.b"):
    request = urllib.request.Request(router.url(f"/publish/{channel}"), text.encode(), {"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
        return json.load(answer)


def hear(listener, last, timeout=30):
    """What comes until `last` does: texts, and None for a gap."""
    heard = []
    while not heard or heard[-1] != last:
        heard.append(json.loads(listener.recv(timeout=timeout)).get("text"))
    return heard


@contextlib.contextmanager
def listeners(routers, channel="a.b"):
    """One at each, who hear what is published at any."""
    with contextlib.ExitStack() as stack:
        everybody = [stack.enter_context(connect(router.url(f"/chat/{channel}", "ws"), compression=None, ping_interval=None,
                                                 max_size=None)) for router in routers]
        for router in routers:
            know(router, everybody, channel)
        yield everybody


def know(router, everybody, channel="a.b"):
    """Publishes here until everybody has heard it: that they listen takes the bus a moment."""
    words = 0

    def heard():
        nonlocal words
        words += 1
        word = f"ready {router.name} {words}"
        publish(router, word, channel)
        try:
            for listener in everybody:
                hear(listener, word, 1)
        except TimeoutError:
            return False
        return True

    until("all hear it", heard, 30)


def test_all_hear_all_once_and_in_order(two):
    with listeners(two) as everybody:
        for number in range(100):
            for router in two:
                publish(router, f"{router.name} {number}")
        for router in two:
            publish(router, f"{router.name} last")
        for listener in everybody:
            heard = []
            while sum(text.endswith("last") for text in heard) < 2:
                heard.append(json.loads(listener.recv(timeout=30))["text"])
            for router in two:
                mine = [text for text in heard if text.startswith(f"{router.name} ")]
                assert mine == [*(f"{router.name} {number}" for number in range(100)), f"{router.name} last"]
        for router in two:
            # 100 and the last, and at least one that showed who listens.
            until(lambda: f"the bus has all: {status(router)}",
                  lambda: status(router)["sent"] >= 102 and status(router)["received"] >= 102)
            found = status(router)
            assert found["waiting"] == found["lost"] == found["gaps"] == found["strange"] == found["repeated"] == 0, found
            page = ctl("--admin", f"unix:{router.admin}", "status").stdout
            assert "on a bus, others there: 1" in page and "ALONE" not in page, page


def test_only_channels_with_subscribers_are_listened_to(bus, two):
    def listened(word):
        return [name for name in bus.listened_to() if name.endswith(word)]

    assert not listened("news")
    with connect(two[0].url("/chat/news", "ws"), compression=None):
        until("somebody listens", lambda: len(listened("news")) == 1, 30)
    until("nobody listens any more", lambda: not listened("news"), 30)


def test_what_is_kept_is_kept_by_all(stage, bus):
    one, two = (start(stage, name, bus.url(), **{"channel-history": 1000}) for name in "ab")
    on_the_bus(one, two)
    publish(one, "kept")
    rounds = itertools.count()

    def found():
        with connect(two.url("/chat/a.b?since=0", "ws"), compression=None) as late:
            end = f"end {next(rounds)}"
            publish(two, end)
            return "kept" in hear(late, end)

    until("it is kept there too", found, 30)


def test_the_bus_restarts(bus, two):
    with listeners(two) as everybody:
        bus.kill()
        off_the_bus(*two)
        page = ctl("--admin", f"unix:{two[0].admin}", "status").stdout
        assert "ALONE" in page, page
        for router, listener in zip(two, everybody, strict=True):
            for number in range(5):
                publish(router, f"{router.name} alone {number}")
            assert hear(listener, f"{router.name} alone 4")[-5:] == [f"{router.name} alone {number}" for number in range(5)]
        bus.start()
        on_the_bus(*two)
        for router in two:
            publish(router, f"{router.name} is back")
        for router, listener in zip(two, everybody, strict=True):
            heard = hear(listener, "a is back")
            heard += hear(listener, "b is back") if "b is back" not in heard else []
            texts = [text for text in heard if text]
            # What the other one published meanwhile may come late, in its order and once; that something may be missing is told.
            assert None in heard and len(texts) == len(set(texts)), heard
            late = [text for text in texts if "alone" in text]
            assert late == sorted(late) and not any(text.startswith(router.name) for text in late), heard
        for router in two:
            log = router.log()
            assert log.count("not on the bus") == 1 and log.count("back on the bus") == 1, log


def test_who_was_away_tells_its_subscribers(bus, two):
    with listeners(two) as everybody:
        bus.kill()
        off_the_bus(*two)
        bus.start()
        on_the_bus(*two)
        for listener in everybody:
            heard = []
            until("it is told that something may be missing",
                  lambda: None in heard or heard.append(json.loads(listener.recv(timeout=30)).get("text")), 60)


def test_a_bus_that_stalls_costs_so_much_and_delays_nobody_here(bus, two):
    one, two = two
    payload = "x" * (512 << 10)
    with listeners([one, two]) as (listener, late):
        before = memory(one.pid)
        os.kill(bus.process.pid, signal.SIGSTOP)
        try:
            # What the two systems hold on the way is theirs to say; behind that the bound is reached.
            for number in range(200):
                publish(one, f"{number} {payload}")
                assert hear(listener, f"{number} {payload}") == [f"{number} {payload}"]
                found = status(one)
                if found["lost"] > 5:
                    break
            assert found["lost"] > 5 and found["waiting_bytes"] <= 16 << 20, found
            assert memory(one.pid) - before < 100 << 20
            off_the_bus(one, two)
        finally:
            os.kill(bus.process.pid, signal.SIGCONT)
        heard = []
        until("it is told that something is missing",
              lambda: None in heard or heard.append(json.loads(late.recv(timeout=30)).get("text")), 60)
        on_the_bus(one, two)
        know(one, [late])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_password_opens_and_is_never_logged(stage, engine):
    bus = ENGINES[engine](stage, "hush-hush")
    file = stage.directory / "password"
    file.write_text("hush-hush\n")
    file.chmod(0o600)
    by_file = bus.with_password("x").replace(":x@", "@") + f"?passfile={file}"
    one, two = start(stage, "a", bus.with_password("hush-hush")), start(stage, "b", by_file)
    on_the_bus(one, two)
    wrong = start(stage, "c", bus.with_password("hush-no"))
    wrong.process.wait_for("not on the bus")
    assert not status(wrong)["linked"]
    for router in (one, two, wrong):
        assert "hush" not in router.log() and "hush" not in json.dumps(status(router))


class Older(Redis):
    """It knows no HELLO, and quotes what it was told."""

    def command(self):
        file = self.stage.directory / "older.conf"
        file.write_text('rename-command HELLO ""\n')
        program, *options = super().command()
        return [program, file, *options]


def test_a_server_that_quotes_the_password_is_not_quoted(stage):
    bus = Older(stage, "hush-hush")
    router = start(stage, "a", bus.with_password("hush-hush"))
    router.process.wait_for("not on the bus")
    assert "unknown command" in status(router)["failing"]
    assert "hush" not in router.log() and "hush" not in json.dumps(status(router))


def test_a_url_that_is_none_is_refused_where_it_stands(stage):
    def check(*lines):
        file = stage.directory / "check.ini"
        file.write_text("\n".join(["[tidegate]", "http = 127.0.0.1:0", "default = return:404", *lines, ""]))
        result = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True, timeout=30)
        return result.returncode, result.stderr

    code, said = check("channel-bus = redis://10.0.0.9:6379/0")
    assert code == 0, said
    code, said = check("channel-bus = redis://ann:hush@10.0.0.9:6379/x")
    assert code == 2 and "check.ini:4:46: " in said and "number of a database" in said and "hush" not in said, said
    code, said = check("channel-bus = nats://10.0.0.9", "channel-listen = 127.0.0.1:7400", "channel-secret = /dev/null")
    assert code == 2 and "expected neither channel-listen" in said, said
    code, said = check(f"channel-bus = nats://10.0.0.9?passfile={stage.directory}/none")
    assert code == 2 and "No such file" in said, said
