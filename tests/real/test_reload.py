"""Reload: the running router goes over to a new configuration, or stays as it is; nobody is cut."""

import collections
import json
import os
import re
import signal
import socket
import subprocess
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from harness.admin import ctl, curl, sessions
from harness.raw import Raw
from harness.router import ini
from harness.upstream import free_port, http_ok
from harness.waiting import in_background, until


@pytest.fixture
def site(stage):
    return Site(stage)


class Site:
    """A router whose file can be rewritten."""

    def __init__(self, stage):
        self.stage = stage
        self.admin = stage.directory / "admin.sock"
        self.file = stage.directory / "tidegate.ini"

    def start(self, options, more="", **process):
        self.options = {"http": "127.0.0.1:0", "workers": 2, "admin": f"unix:{self.admin}", **options}
        self.router = self.stage.tidegate(self.options, more, **process)
        return self.router

    def write(self, options, more=""):
        self.file.write_text(ini({**self.options, **options}) + more)

    def hup(self, said=r"reload: done"):
        """Sends HUP and waits until the log says what came of it."""
        before = len(re.findall(said, self.router.log()))
        os.kill(self.router.pid, signal.SIGHUP)
        until(lambda: self.router.log()[-2000:], lambda: len(re.findall(said, self.router.log())) > before)


def say(text):
    """An upstream that answers so."""

    def serve(peer):
        while peer.request():
            peer.reply(text.encode())

    return serve


def named(stage, text):
    return f"http:{stage.upstream(say(text)).address}"


def open_socket(router, path="/", **options):
    return connect(router.url(path, "ws"), ping_interval=None, compression=None, **options)


# What changes


def test_routes_change_for_requests_to_come(site, stage):
    one, two = named(stage, "one"), named(stage, "two")
    router = site.start({"default": one})
    with router.connect() as kept:
        assert kept.get("/").response().body == b"one"
        site.write({"default": two})
        site.hup()
        assert kept.get("/").response().body == b"two", "a kept connection's next request"
    assert router.get("/").body == b"two"


def test_by_ctl_as_by_a_signal(site, stage):
    router = site.start({"default": named(stage, "one")})
    site.write({"default": named(stage, "two")})
    told = ctl("--admin", f"unix:{site.admin}", "reload")
    assert (told.returncode, router.get("/").body) == (0, b"two"), told.stderr
    site.write({"default": "htpp:127.0.0.1:1"})
    told = ctl("--admin", f"unix:{site.admin}", "reload")
    assert told.returncode == 2 and "tidegate.ini:5:11: " in told.stdout + told.stderr, told
    status, answer = curl(site.admin, "/reload", "-X", "POST")
    assert status == 200 and answer["reloaded"] is False and "htpp" in answer["problems"][0], answer
    assert router.get("/").body == b"two"


def test_what_is_wrong_changes_nothing(site, stage):
    router = site.start({"default": named(stage, "one")})
    busy = socket.create_server(("127.0.0.1", 0))
    for options, said in [
        ({"default": "htpp:127.0.0.1:1"}, r"tidegate.ini:\d+:\d+: .*htpp"),
        ({"default": None}, r"http-to"),
        ({"http": ["127.0.0.1:0", f"127.0.0.1:{busy.getsockname()[1]}"]}, r"cannot listen on 127.0.0.1:\d+"),
        ({"logto": "/nowhere/access.log"}, r"cannot open the access log /nowhere/access.log"),
        ({"https": "127.0.0.1:0,/nowhere/cert.pem,/nowhere/key.pem"}, r"/nowhere/cert.pem"),
    ]:
        site.write(options)
        site.hup(r"reload: the configuration stays as it was")
        assert re.search(said, router.log()), (options, router.log())
        assert router.get("/").body == b"one"
    site.file.unlink()
    site.hup(r"reload: the configuration stays as it was")
    assert router.get("/").body == b"one"


def test_listeners_come_and_go(site, stage):
    ports = [free_port() for _ in range(3)]
    address = stage.directory / "site.sock"
    at = [f"127.0.0.1:{port}" for port in ports]
    router = site.start({"http": [at[0], at[1]], "default": named(stage, "one")})
    with Raw.connect(ports[0]) as kept:
        site.write({"http": [at[1], at[2], f"unix:{address}"]})
        site.hup()
        assert kept.get("/").response().body == b"one", "who was let in stays"
        for port in ports[1:]:
            with Raw.connect(port) as raw:
                assert raw.get("/").response().body == b"one"
        with pytest.raises(ConnectionRefusedError):
            Raw.connect(ports[0])
        assert subprocess.run(["curl", "-sS", "--unix-socket", address, "http://a/"], capture_output=True).stdout == b"one"
    site.write({"http": [at[1]]})
    site.hup()
    assert not address.exists()
    assert "not listening on" in router.log()


def test_a_refused_reload_takes_back_its_sockets(site, stage):
    """The files that it made, and no others: not one that was there, nor one that somebody has put in its place."""
    kept, fresh, taken, mine = (stage.directory / name for name in ("kept.sock", "fresh.sock", "taken.sock", "mine.sock"))
    site.start({"http": ["127.0.0.1:0", f"unix:{kept}"], "default": named(stage, "one")})
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(taken))
    other.listen()
    mine.write_text("mine")
    for wrong in (f"unix:{taken}", f"unix:{mine}", "logto"):
        options = {"http": ["127.0.0.1:0", f"unix:{kept}", f"unix:{fresh}"]}
        if wrong == "logto":
            options["logto"] = "/nowhere/access.log"
        else:
            options["http"].append(wrong)
        site.write(options)
        site.hup(r"reload: the configuration stays as it was")
        assert not fresh.exists(), wrong
        assert kept.is_socket() and taken.is_socket() and mine.read_text() == "mine"
    assert subprocess.run(["curl", "-sS", "--unix-socket", kept, "http://a/"], capture_output=True).stdout == b"one"
    other.close()


def test_a_server_that_comes_back_is_new(site, stage):
    """It was taken out by a reload, and comes back by another, between two that are refused: slow start, nothing held against it."""
    stays, back, other = (stage.upstream(say(name)).address for name in ("stays", "back", "other"))

    def servers(*all):
        return "[upstream:app]\nslow-start = 1h\n" + "".join(f"server = {server}\n" for server in all)

    router = site.start({"default": "http:app", "workers": 1}, servers(stays, back))
    shares = lambda: collections.Counter(router.get("/").body for _ in range(22))
    assert shares() == {b"stays": 11, b"back": 11}
    site.write({}, servers(stays))
    site.hup()
    assert shares() == {b"stays": 22}
    for _ in range(2):
        site.write({"logto": "/nowhere/access.log"}, servers(stays, back, other))
        site.hup(r"reload: the configuration stays as it was")
    site.write({}, servers(stays, back))
    site.hup()
    assert shares() == {b"stays": 20, b"back": 2}


def test_the_access_log_goes_elsewhere(site, stage):
    router = site.start({"default": named(stage, "one")})
    router.get("/before")
    until("the line", lambda: any("/before" in line for line in router.access()))
    log = stage.directory / "access.log"
    site.write({"logto": log, "log-format": "json"})
    site.hup()
    router.get("/after")
    line = until("the line", lambda: log.read_text() if log.exists() and log.read_text() else None)
    assert json.loads(line.splitlines()[0])["path"] == "/after"
    assert not any("/after" in line for line in router.access())


def test_a_request_ends_in_the_line_it_began(site, stage):
    upstream = stage.upstream(lambda peer: (peer.request(), peer.reply(b"late")))
    way = f"http:{upstream.address}"
    router = site.start({"default": way})
    with router.connect() as raw:
        raw.send("POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n")
        until("the request is upstream", lambda: b"/late" in upstream.received, 5)
        site.write({"default": way, "log-format": "json"})
        site.hup()
        assert raw.send("x").response().body == b"late"
    line = until("the line", lambda: router.access())[0]
    assert '"POST /late HTTP/1.1" 200 4 "-" "-" ' in line, line


def test_what_cannot_change_is_named(site, stage):
    router = site.start({"default": named(stage, "one")})
    site.write({"workers": 3, "default": named(stage, "two"), "log-level": "debug"})
    site.hup()
    assert "workers cannot change while the router runs" in router.log()
    assert "log-level cannot change while the router runs" in router.log()
    assert router.get("/").body == b"two"
    assert len(curl(site.admin, "/status")[1]["workers"]) == 2


# What goes on


def test_tls_sessions_are_resumed_across_a_reload(site, stage):
    """And a listener that is new, or speaks TLS now, presents what the new file says."""
    pem, key = stage.directory / "cert.pem", stage.directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-out", pem, "-keyout", key], check=True, capture_output=True)
    at, later = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    site.start({"https": f"{at},{pem},{key}", "default": named(stage, "one")})
    session = stage.directory / "session"

    def visit(at, *options):
        command = ["openssl", "s_client", "-connect", at, "-CAfile", pem, "-ign_eof", *options]
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return subprocess.run(command, input=request, capture_output=True, timeout=20).stdout.decode()

    for version in ("-tls1_2", "-tls1_3"):
        assert "New, TLS" in visit(at, version, "-sess_out", session)
        site.write({"https": [f"{at},{pem},{key}", f"{later},{pem},{key}"], "default": named(stage, "two")})
        site.hup()
        said = visit(at, version, "-sess_in", session)
        assert "Reused, TLS" in said and said.rstrip().endswith("closed") and "two" in said, said
        assert "two" in visit(later, version)
        site.write({"https": f"{at},{pem},{key}"})
        site.hup()


def test_requests_and_websockets_go_on_as_they_began(site, stage, echo):
    held = []

    def slow(peer):
        peer.request()
        held.append(peer)
        until("the reload", lambda: len(held) > 1)
        peer.reply(b"old")

    router = site.start({}, f"[route:ws]\npath = ^/ws\nto = http:{echo.address}\n"
                            f"[route:slow]\npath = .\nto = http:{stage.upstream(slow).address}\n")
    with open_socket(router, "/ws") as live, router.connect() as waiting:
        live.send("before")
        assert live.recv(timeout=30) == "before"
        waiting.get("/")
        until("the request", lambda: held)
        site.write({"default": named(stage, "new"), "http-websockets": "off"})
        site.hup()
        assert router.get("/").body == b"new"
        held.append(None)
        assert waiting.response().body == b"old", "a request under way is answered by who was asked"
        live.send("after")
        assert live.recv(timeout=30) == "after"
        row = curl(site.admin, "/sessions")[1]["sessions"][0]
        assert row["route"] == "ws"


def test_names_of_the_old_configuration_still_resolve(site, stage):
    """A request that is put together while the names change is dialled all the same."""
    upstream = stage.upstream(http_ok)
    old, new = f"http:localhost:{upstream.address.rpartition(chr(58))[2]}", named(stage, "new")
    router = site.start({"default": old, "http-raw-body": "off"})
    with router.connect() as raw:
        raw.send(b"POST /held HTTP/1.1\r\nHost: a\r\n")
        site.write({"default": new})
        site.hup()
        raw.send(b"Content-Length: 0\r\n\r\n")
        assert raw.response().status == 200
    assert router.get("/").body == b"new"


def test_reloads_under_load_lose_nothing_and_leave_nothing(site, stage, echo):
    """100 reloads that change routes and upstreams, a WebSocket opened in each, requests all the while."""
    one, two = named(stage, "one"), named(stage, "two")
    routes = f"[route:ws]\npath = ^/ws\nto = http:{echo.address}\n"
    router = site.start({"default": one, "disable-logging": "on"}, routes)
    answers, failures, over = [0], [], []

    def ask():
        with router.connect() as raw:
            while not over:
                answer = raw.get("/").response()
                answers[0] += 1
                if answer.status != 200 or answer.body not in (b"one", b"two"):
                    failures.append(answer)

    threads = [in_background(ask) for _ in range(4)]
    sockets = []
    memory = None
    for turn in range(100):
        site.write({"default": [one, two][turn % 2]}, routes + f"[route:r{turn}]\npath = ^/r{turn}$\nto = {two}\n")
        site.hup()
        sockets.append(open_socket(router, "/ws"))
        if turn == 20:
            memory = rss(router.pid), descriptors(router.pid)
    over.append(True)
    for thread in threads:
        thread.join(10)
    for live in sockets:
        live.send("still there")
        assert live.recv(timeout=30) == "still there"
    assert answers[0] > 100 and not failures, failures[:3]
    grown = rss(router.pid) - memory[0]
    # 80 WebSockets and what their workers hold for them; a generation kept for each would be a multiple.
    assert grown < 4 << 20, grown
    assert descriptors(router.pid) - memory[1] <= 2 * 80 + 16
    for live in sockets:
        live.close()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rss(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_server_is_taken_out_with_its_websockets(site, sockets):
    """By a reload for those to come, by its address for those there are; the other server's stay."""
    staying, leaving = sockets(), sockets()

    def servers(*all):
        return "[upstream:app]\n" + "".join(f"server = {server.address}\n" for server in all)

    router = site.start({"default": "http:app"}, servers(staying, leaving))
    by = lambda server: sessions(site.admin, f"?upstream={server.address}")
    with ExitStack() as stack:
        live = [stack.enter_context(open_socket(router)) for _ in range(6)]
        until("both are in use", lambda: len(by(staying)) == len(by(leaving)) == 3)
        site.write({}, servers(staying))
        site.hup()
        result = ctl("--admin", site.admin, "kill", "--upstream", leaving.address)
        assert (result.returncode, result.stdout) == (0, "3 closed\n")
        until("they are told, and end", lambda: leaving.ends == [1001] * 3 and not by(leaving))
        assert len(by(staying)) == 3 and len(staying.held) == 3
        assert len(live) == 6
