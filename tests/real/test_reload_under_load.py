"""Reloads, a server killed and started again, and one that moves, while wrk asks and 2,000 WebSockets are open: nobody notices."""

import asyncio
import os
import re
import signal
import subprocess

from websockets.asyncio.client import connect

from harness import workers
from harness.upstream import free_port
from harness.waiting import in_background, until
from test_reload import Site

SOCKETS, RELOADS = 2000, 100
OPTIONS = {"ping_interval": None, "compression": None, "open_timeout": 60}


class Wrk:
    """wrk until it is told to end; what it says then."""

    def __init__(self, url):
        self.child = subprocess.Popen(["wrk", "-t1", "-c16", "-d900s", url], stdout=subprocess.PIPE, text=True)

    def end(self):
        self.child.send_signal(signal.SIGINT)
        return self.child.communicate(timeout=20)[0]


class Sockets:
    """Many WebSockets, in a thread of their own."""

    def __init__(self, url):
        self.url = url
        self.loop = asyncio.new_event_loop()
        self.thread = in_background(self.loop.run_forever)
        self.run(self.open())

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(90)

    async def open(self):
        self.sockets = []
        for _ in range(SOCKETS // 100):
            self.sockets += await asyncio.gather(*(connect(self.url, **OPTIONS) for _ in range(100)))

    async def say(self, text):
        """How many of them get their own words back."""

        async def one(number, socket):
            await socket.send(f"{text} {number}")
            return await asyncio.wait_for(socket.recv(), 60) == f"{text} {number}"

        answers = await asyncio.gather(*(one(*each) for each in enumerate(self.sockets)), return_exceptions=True)
        return sum(answer is True for answer in answers)

    async def close_all(self):
        await asyncio.gather(*(socket.close() for socket in self.sockets))

    def close(self):
        self.run(self.close_all())
        self.loop.call_soon_threadsafe(self.loop.stop)


def start(stage, name, port=None, **address):
    """An nginx that says its name to whoever asks."""
    return workers.start_nginx(stage.track, stage.directory, f'location / {{ return 200 "{name}"; }}', name, port, **address)


def kill(server):
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def test_nobody_notices(stage, hosts, echo):
    site, port = Site(stage), free_port()
    (one, _), (two, dying) = start(stage, "one"), start(stage, "two")
    hosts.set(moving=["127.0.0.11"])
    _, leaving = start(stage, "old", port, host="127.0.0.11")

    def configured(turn):
        """Three servers that are checked, the second one not in every turn, and routes that change with each."""
        servers = [one, f"moving.test:{port}", *([two] if turn % 3 else [])]
        web = "".join(f"server = {server}\n" for server in servers)
        return (f"[upstream:web]\nprotocol = http\n{web}connect-timeout = 1s\nhealth = GET / 200 every 1s fall 2 rise 1\n"
                f"[route:ws]\npath = ^/ws\nto = http:{echo.address}\n[route:r{turn}]\npath = ^/r{turn}$\nto = http:{two}\n")

    router = site.start({"default": "http:web", "disable-logging": "on"}, configured(1), before=hosts.before)

    def is_used(name):
        return name in [router.get("/").body for _ in range(6)]

    assert is_used(b"two") and is_used(b"old")
    sockets = Sockets(router.url("/ws", "ws"))
    assert sockets.run(sockets.say("before")) == SOCKETS
    wrk = Wrk(router.url())
    for turn in range(RELOADS):
        site.write({"default": "http:web"}, configured(turn))
        site.hup()
        if turn == RELOADS // 4:
            kill(dying)
        if turn == RELOADS // 2:
            start(stage, "two", int(two.rpartition(":")[2]))
            site.write({"default": "http:web"}, configured(1))
            site.hup()
            until("the server is used again", lambda: is_used(b"two"), 20)
        if turn == RELOADS * 3 // 4:
            start(stage, "new", port, host="127.0.0.12")
            hosts.set(moving=["127.0.0.12"])
            kill(leaving)
            until("the server is used where it is now", lambda: is_used(b"new"), 20)
    assert sockets.run(sockets.say("after")) == SOCKETS
    assert wrk.child.poll() is None, "it has asked all the time"
    said = wrk.end()
    assert int(re.search(r"(\d+) requests in", said)[1]) > 1000, said
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    sockets.close()
