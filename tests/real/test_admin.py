"""The admin socket: what it shows moves, what is killed is told so, and who may ask."""

import json
import os
import signal
import socket
import stat
import subprocess

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness import websocket
from harness.admin import ctl, curl, sessions
from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini
from harness.upstream import http_ok
from harness.waiting import until

NOBODY = 65534


@pytest.fixture
def router(stage, echo):
    """Two workers before an echo; `router.admin` is the path of its admin socket."""
    return start(stage, echo, {"workers": 2, "log-format": "json"},
                 f"[route:chat]\npath = ^/chat\nto = http:{echo.address}\n"
                 f"[route:blind]\npath = ^/blind\nto = http:{echo.address}\nwebsockets-mode = pass\n")


def start(stage, echo, options=None, more="", **process):
    path = stage.directory / "admin.sock"
    router = stage.tidegate({"default": f"http:{echo.address}", "admin": f"unix:{path}", **(options or {})}, more, **process)
    router.admin = path
    return router


def open_socket(router, path="/", **options):
    return connect(router.url(path, "ws"), ping_interval=None, compression=None, **options)


def closed_with(socket):
    with pytest.raises(ConnectionClosed) as end:
        socket.recv(timeout=5)
    return end.value.rcvd.code if end.value.rcvd else None


def lines(router, event):
    return [line for line in map(json.loads, router.access()) if line["event"] == event]


# What is shown


def test_status_is_that_of_the_process(router):
    status, answer = curl(router.admin, "/status")
    assert status == 200
    version = subprocess.run([TIDEGATE, "--version"], capture_output=True, text=True).stdout.split()[1]
    assert (answer["version"], answer["pid"], answer["draining"]) == (version, router.pid, False)
    assert answer["uptime_ms"] > 0
    assert [worker["answers"] for worker in answer["workers"]] == [True, True]
    assert all("memory" in worker for worker in answer["workers"])


def test_counters_move_and_are_sums(stage, router):
    upstream = stage.upstream(http_ok)
    plain = stage.tidegate({"default": f"http:{upstream.address}", "workers": 2, "admin": f"unix:{stage.directory}/plain.sock"},
                           name="plain")
    for _ in range(5):
        assert plain.get("/").status == 200
    plain.get("/", host="")
    _, answer = curl(f"{stage.directory}/plain.sock", "/status")
    assert (answer["counters"]["requests"], answer["counters"]["responses_2xx"]) == (5, 5)
    assert (answer["close_reasons"]["done"], answer["close_reasons"]["bad-request"]) == (5, 1)
    for part in ("counters", "close_reasons"):
        for name, number in answer[part].items():
            assert number == sum(worker[part][name] for worker in answer["workers"]), name


def test_a_websocket_is_shown_while_it_lives(router):
    assert sessions(router.admin) == []
    with open_socket(router, "/chat") as socket:
        [before] = sessions(router.admin)
        assert (before["route"], before["client"], before["state"]) == ("chat", "127.0.0.1", "open")
        assert (before["kind"], before["draft"], before["mode"]) == ("websocket", "13", "track")
        assert before["port"] == socket.local_address[1]
        for size in (5, 1000):
            socket.send("x" * size)
            socket.recv(timeout=5)
        socket.send(["a", "b", "c"])
        socket.recv(timeout=5)
        assert socket.ping().wait(5)
        [after] = sessions(router.admin)
        assert (after["messages_in"], after["messages_out"]) == (3, 3)
        assert (after["fragments_in"], after["fragments_out"]) == (3, 0), "the last one, empty, ends the message"
        assert (after["pings_in"], after["pongs_out"]) == (1, 1)
        assert after["bytes_in"] > before["bytes_in"] + 1008 and after["bytes_out"] > 1008
        assert (after["queued_in"], after["queued_out"]) == (0, 0)
        assert after["age_ms"] >= before["age_ms"]
        [opened] = until("its line", lambda: lines(router, "open"), 5)
        assert after["id"] == opened["tunnel"] and after["upstream"] == opened["upstream"]
        assert curl(router.admin, "/status")[1]["tunnels"] == 1
    until("it is gone", lambda: sessions(router.admin) == [], 5)


@pytest.mark.parametrize("action, version, mode, draft", [
    ("http", 13, "track", "13"), ("guard", 13, "guard", "13"), ("http", 8, "translate", "hybi-08"), ("echo:", 13, "echo", "13"),
    ("tcp", 13, "tcp", "13"), ("pass", 13, "pass", None),
])
def test_every_way_of_carrying_one_is_shown_and_ends_cleanly(stage, echo, action, version, mode, draft):
    def shout_back(peer):
        while peer.fill():
            peer.send(peer.buffer)
            peer.buffer = b""

    options = {"websockets-drafts": "hybi-08 13", "websockets-upstream-draft": "13"}
    if action in ("guard", "pass"):
        options["websockets-mode"] = action
    bridged = stage.upstream(shout_back).address
    target = {"echo:": "echo:", "tcp": f"tcp:{bridged}"}.get(action, f"http:{echo.address}")
    router = start(stage, echo, {**options, "default": target})
    with router.connect() as raw:
        raw.send(websocket.request().replace(b"Version: 13", b"Version: %d" % version))
        assert raw.response().status == 101
        for _ in range(3):
            raw.send(websocket.frame(b"hello"))
            assert websocket.read_frame(raw)[1] == b"hello"
        [row] = sessions(router.admin)
        assert (row["mode"], row["draft"], row["state"]) == (mode, draft, "open")
        assert row["upstream"] == {"echo": None, "tcp": bridged}.get(mode, echo.address)
        if mode == "pass":
            assert "messages_in" not in row
        else:
            assert (row["messages_in"], row["messages_out"]) == (3, 3)
        assert row["bytes_in"] > 15
        assert ctl("--admin", router.admin, "kill", row["id"]).returncode == 0
        if mode != "pass":
            assert websocket.read_frame(raw)[:2] == (websocket.CLOSE, b"\x03\xe9")
            raw.send(websocket.frame(b"\x03\xe9", opcode=websocket.CLOSE))
        assert raw.is_ended(8)
    until("it is gone", lambda: sessions(router.admin) == [], 8)
    assert until("its line", lambda: [line for line in router.access() if "end=killed" in line], 5)


def test_round_trips_are_timed(stage, echo):
    router = start(stage, echo, {"websockets-ping-freq": "100ms"})
    with open_socket(router) as socket:
        socket.send("x")
        socket.recv(timeout=5)
        row = until("a round trip", lambda: [row for row in sessions(router.admin) if "rtt_ms" in row], 5)[0]
        assert row["rtt_ms"] < 5000


def test_what_a_slow_reader_has_not_taken_is_queued(stage):
    def shout(peer):
        request = peer.request()
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        while True:
            peer.send(websocket.frame(b"x" * 60_000, masked=False))

    router = stage.tidegate({"default": f"http:{stage.upstream(shout).address}", "admin": f"unix:{stage.directory}/a.sock"})
    with router.connect(receive_buffer=4096) as raw:
        raw.send(websocket.request())
        row = until("a queue", lambda: [row for row in sessions(f"{stage.directory}/a.sock") if row["queued_out"] > 10_000], 10)[0]
        assert row["queued_in"] == 0


def test_only_those_that_were_asked_for(router):
    with open_socket(router, "/chat") as chat, open_socket(router, "/other"), open_socket(router, "/chat", source_address=("127.0.0.3", 0)):
        port = chat.local_address[1]
        [mine] = [row for row in sessions(router.admin) if row["port"] == port and row["client"] == "127.0.0.1"]
        ids = lambda query: {row["id"] for row in sessions(router.admin, query)}
        assert len(ids("")) == 3
        assert mine["id"] in ids("?route=chat") and len(ids("?route=%63hat")) == 2
        assert len(ids("?client=127.0.0.3")) == 1 and ids("?client=127.0.0.3") < ids("?route=chat")
        assert ids(f"?id={mine['id']}") == {mine["id"]}
        assert ids("?route=cha") == ids("?client=127.0.0.9") == ids("?id=7777") == set()
        assert len(ids("?limit=2")) == 2 and ids("?limit=0") == set()
        assert curl(router.admin, "/sessions?rout=chat")[0] == 400
        assert curl(router.admin, "/sessions?client=me")[0] == 400


def test_an_exchange_is_no_session(stage):
    upstream = stage.upstream(lambda peer: peer.request() and peer.rest())
    path = stage.directory / "a.sock"
    router = stage.tidegate({"default": f"http:{upstream.address}", "admin": path})
    with router.connect() as raw:
        raw.get("/")
        upstream.connections(1)
        assert sessions(path) == []
        assert curl(path, "/status")[1]["counters"]["clients"] == 1


# What is closed


def test_a_killed_one_is_told_1001_on_both_sides(router, echo):
    with open_socket(router, "/chat") as victim, open_socket(router, "/chat") as other:
        victim.send("x")
        victim.recv(timeout=5)
        [row] = [row for row in sessions(router.admin) if row["messages_in"] == 1]
        status, answer = curl(router.admin, f"/kill?id={row['id']}", "-X", "POST")
        assert (status, answer) == (200, {"closed": 1, "silent": []})
        assert closed_with(victim) == 1001
        until("the server heard of it", lambda: echo.ends, 5)
        assert echo.ends == [(1001, "")]
        other.send("still here")
        assert other.recv(timeout=5) == "still here"
    [end] = until("its line", lambda: [line for line in lines(router, "close") if line["tunnel"] == row["id"]], 10)
    assert end["end"] == "killed"
    assert curl(router.admin, "/status")[1]["close_reasons"]["killed"] == 1


def test_the_close_waits_for_the_end_of_a_frame(router, echo):
    """Half a frame is on its way to the server; its other half comes first."""
    frame = websocket.frame(b"x" * 100)
    with router.connect() as raw:
        websocket.open_websocket(raw)
        raw.send(frame[:50])
        until("half of it was seen", lambda: sessions(router.admin)[0]["bytes_in"] == 50, 5)
        assert curl(router.admin, "/kill?all=1", "-X", "POST")[1]["closed"] == 1
        assert websocket.read_frame(raw)[:2] == (websocket.CLOSE, b"\x03\xe9")
        assert sessions(router.admin)[0]["state"] == "closing"
        raw.send(frame[50:])
        raw.send(websocket.frame(b"\x03\xe9", opcode=websocket.CLOSE))
        assert raw.is_ended(5)
    until("the server heard of it", lambda: echo.ends, 5)
    assert echo.ends == [(1001, "")]


def test_one_that_is_being_closed_is_not_closed_again(router):
    with router.connect() as raw:
        websocket.open_websocket(raw)
        kill = lambda: curl(router.admin, "/kill?all=1", "-X", "POST")[1]["closed"]
        assert (kill(), kill()) == (1, 0)
        assert websocket.read_frame(raw)[0] == websocket.CLOSE


def test_one_without_frames_is_reset(router, echo):
    with open_socket(router, "/blind") as socket:
        [row] = sessions(router.admin)
        assert row["mode"] == "pass" and "messages_in" not in row
        assert ctl("--admin", router.admin, "kill", "--route", "blind").returncode == 0
        assert closed_with(socket) is None
    until("the server's side ended", lambda: echo.ends, 5)
    assert until("its line", lambda: lines(router, "close"), 5)[0]["end"] == "killed"


def test_nothing_is_closed_by_mistake(router):
    with open_socket(router, "/chat"):
        for query in ("", "?", "?all=0", "?all=1&route=chat", "?rout=chat", "?route=chat&limit=1", "?id="):
            assert curl(router.admin, f"/kill{query}", "-X", "POST")[0] == 400, query
        assert curl(router.admin, "/kill?all=1")[0] == 405, "a GET closes nothing"
        assert curl(router.admin, "/kill?all=1", "-X", "POST", "-d", "id=1")[0] == 413
        assert curl(router.admin, "/kill?route=other", "-X", "POST")[1]["closed"] == 0
        assert len(sessions(router.admin)) == 1


class Crowd:
    """Many raw WebSockets through a router, and their upstream, without a thread for each."""

    def __init__(self, stage, count):
        self.stage, self.ends = stage, []
        self.server = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = "127.0.0.1:%d" % self.server.getsockname()[1]
        self.count = count

    def open(self, router):
        self.clients = []
        for _ in range(self.count):
            client = router.connect()
            client.send(websocket.request())
            upstream, _ = self.server.accept()
            self.ends.append(Raw(upstream))
            self.ends[-1].take_until(b"\r\n\r\n")
            self.ends[-1].send(websocket.response())
            assert client.response().status == 101
            self.clients.append(client)

    def close(self):
        for raw in [*self.clients, *self.ends]:
            raw.close()
        self.server.close()


def test_many_are_shown_and_closed_piece_by_piece(stage):
    """More than a worker looks at for one letter, and many more than it closes for one."""
    crowd = Crowd(stage, 1500)
    path = stage.directory / "a.sock"
    router = stage.tidegate({"default": f"http:{crowd.address}", "workers": 2, "admin": path, "max-connections": 5000})
    try:
        crowd.open(router)
        rows = sessions(path)
        assert len(rows) == len({row["id"] for row in rows}) == 1500
        assert {row["worker"] for row in rows} == {0, 1}
        assert len(sessions(path, "?limit=700")) == 700
        assert len(ctl("--admin", path, "sessions").stdout.splitlines()) == 1501
        some = [row["id"] for row in rows[::3]]
        assert ctl("--admin", path, "kill", *some).stdout == "500 closed\n"
        assert curl(path, "/kill?all=1", "-X", "POST")[1]["closed"] == 1000
        for raw in [*crowd.clients, *crowd.ends]:
            assert websocket.read_frame(raw)[:2] == (websocket.CLOSE, b"\x03\xe9")
    finally:
        crowd.close()
    until("all are gone", lambda: sessions(path) == [], 10)


# Who may ask, and how


def ask(raw, head):
    return raw.send(head.replace("\n", "\r\n") + "\r\n\r\n").response()


@pytest.fixture
def tcp(stage, echo):
    """The admin socket on TCP: its port."""
    router = stage.tidegate({"default": f"http:{echo.address}", "admin": "127.0.0.1:0"})
    return int(router.process.wait_for(r"the admin socket is 127\.0\.0\.1:(\d+)")[1])


@pytest.mark.parametrize("fields, status", [
    ("Host: 127.0.0.1:{port}", 200), ("Host: localhost", 200), ("Host: [::1]", 200),
    ("Host: evil.example:{port}", 403), ("Host: localhost.evil.example", 403), ("Host: 127.0.0.1.evil.example", 403),
    ("Host: localhost\nOrigin: http://evil.example", 403), ("Host: localhost\nOrigin: null", 403),
    ("Host: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}", 403),
], ids=lambda value: str(value).replace("\n", ", "))
def test_on_tcp_host_and_origin_are_checked(tcp, fields, status):
    """A web page's browser sends its own name as Host, or an Origin."""
    with Raw.connect(tcp) as raw:
        assert ask(raw, f"GET /status HTTP/1.1\n{fields.format(port=tcp)}").status == status
    with Raw.connect(tcp) as raw:
        answer = ask(raw, f"POST /kill?all=1 HTTP/1.1\n{fields.format(port=tcp)}\nContent-Length: 0")
        assert answer.status == status
        assert "Access-Control-Allow-Origin" not in dict(answer.fields)


def test_on_tcp_without_a_host_nothing_is_said(tcp):
    with Raw.connect(tcp) as raw:
        assert ask(raw, "GET /status HTTP/1.0").status == 403


def test_ctl_and_curl_over_tcp(tcp):
    assert curl(f"127.0.0.1:{tcp}", "/status")[0] == 200
    assert ctl("--admin", f"127.0.0.1:{tcp}", "status").returncode == 0
    assert ctl("--admin", f"localhost:{tcp}", "status").returncode == 0


def as_nobody(work):
    """Whether `work` succeeds in a process of another user."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os._exit(0 if work() else 1)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def answers(address):
    """Whether a status comes from a unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(address)
    sock.sendall(b"GET /status HTTP/1.0\r\n\r\n")
    return sock.recv(15) == b"HTTP/1.1 200 OK"


def test_the_file_is_for_one_user(router):
    assert stat.S_IMODE(os.stat(router.admin).st_mode) == 0o600
    assert answers(str(router.admin))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_may_not_ask(stage, echo):
    router = start(stage, echo)
    os.chmod(stage.directory, 0o755)
    assert not as_nobody(lambda: answers(str(router.admin)))
    name = f"tidegate-test-{os.getpid()}"
    stage.tidegate({"default": f"http:{echo.address}", "admin": f"@{name}"}, name="abstract")
    assert answers(f"\0{name}")
    assert not as_nobody(lambda: answers(f"\0{name}"))


@pytest.mark.parametrize("bytes, status", [
    (b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n", 200), (b"GET /status HTTP/1.0\r\n\r\n", 200),
    (b"GET /sessions HTTP/1.0\r\n\r\n", 200), (b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"HEAD /status HTTP/1.1\r\nHost: a\r\n\r\n", 405), (b"nonsense\r\n\r\n", 400),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414), (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    (b"GET /status HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413),
    (b"GET /status HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
], ids=lambda value: value[:24].decode() if isinstance(value, bytes) else None)
def test_one_request_within_bounds(router, bytes, status):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(router.admin))
    with Raw(sock) as raw:
        raw.send(bytes)
        answer = raw.response("HEAD" if bytes.startswith(b"HEAD") else "GET")
        assert answer.status == status
        assert answer["Content-Type"] == "application/json" and answer["Connection"] == "close"
        if status == 200:
            answer.json()
        assert raw.is_ended(5) and raw.buffer == b""


def test_who_says_nothing_keeps_nobody_waiting(router):
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(str(router.admin))
    with Raw(silent) as raw:
        raw.send(b"GET /status HTTP/1.1\r\n")
        assert ctl("--admin", router.admin, "status", timeout=4).returncode == 0
        assert raw.response().status == 408


# Where it is


def test_a_dead_routers_file_is_replaced(stage, echo):
    first = start(stage, echo)
    first.process.signal(signal.SIGKILL)
    first.process.wait(5)
    assert first.admin.exists()
    assert ctl("--admin", first.admin, "status").stderr == f"tidegate ctl: no tidegate listens on unix:{first.admin}\n"
    second = start(stage, echo, name="second")
    assert curl(second.admin, "/status")[1]["pid"] == second.pid


def test_a_live_routers_file_is_left_alone(stage, echo):
    first = start(stage, echo)
    file = stage.directory / "second.ini"
    file.write_text(ini({"http": "127.0.0.1:0", "default": f"http:{echo.address}", "admin": first.admin}))
    result = subprocess.run([TIDEGATE, file], capture_output=True, text=True, timeout=10)
    assert result.returncode == 1
    assert f"cannot listen on unix:{first.admin}: another process listens there" in result.stderr
    assert curl(first.admin, "/status")[1]["pid"] == first.pid


@pytest.mark.parametrize("address", ["/no/such/directory/a.sock", "192.0.2.1:9900"])
def test_one_that_was_asked_for_and_cannot_be_had_is_1(stage, echo, address):
    file = stage.directory / "site.ini"
    file.write_text(ini({"http": "127.0.0.1:0", "default": f"http:{echo.address}", "admin": address}))
    result = subprocess.run([TIDEGATE, file], capture_output=True, text=True, timeout=10)
    assert result.returncode == 1
    assert address in result.stderr


def test_a_file_that_is_no_socket_is_left_alone(stage, echo):
    precious = stage.directory / "precious"
    precious.write_text("data")
    process = stage.track(Process("tidegate", [TIDEGATE, "--http", "127.0.0.1:0", "--default", f"http:{echo.address}", "--admin", precious],
                                  stage.directory))
    assert process.wait(10) == 1
    assert precious.read_text() == "data"


def test_the_usual_one_is_for_the_first_and_the_others_run_without(stage, echo):
    """Whoever has it already, this one, or another on the machine."""
    first = start(stage, echo, {"admin": None}, name="first")
    second = start(stage, echo, {"admin": None}, name="second")
    for router in (first, second):
        with open_socket(router) as socket:
            socket.send("x")
            assert socket.recv(timeout=5) == "x"
    assert second.log().count("no admin socket: cannot listen on unix:/run/tidegate.sock") == 1
    if "the admin socket is unix:/run/tidegate.sock" in first.log():
        assert f"pid {first.pid}," in ctl("status").stdout
        second.process.signal(signal.SIGTERM)
        assert second.process.wait(5) == 0
        assert ctl("status").returncode == 0, "it is not the second one's to remove"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_it_goes_with_the_process(stage, echo, number):
    router = start(stage, echo)
    router.process.signal(number)
    assert router.process.wait(5) == 0
    assert not router.admin.exists()


def test_the_demo_leaves_the_usual_place_to_others(stage):
    demo = stage.tidegate(arguments=["demo", "--http", "127.0.0.1:0"])
    assert "admin socket" not in demo.log()
    path = stage.directory / "demo.sock"
    demo = stage.tidegate(arguments=["demo", "--http", "127.0.0.1:0", "--admin", path], name="with-one")
    assert curl(path, "/status")[1]["pid"] == demo.pid


# tidegate ctl


def test_ctl_finds_the_router_by_its_file(router, stage):
    file = stage.directory / "tidegate.ini"
    assert f"pid {router.pid}," in ctl(file, "status").stdout
    file.write_text(file.read_text() + "nonsense = 1\n")
    assert f"pid {router.pid}," in ctl(file, "status").stdout, "faults elsewhere do not matter here"


def test_ctl_shows_a_table(router):
    with open_socket(router, "/chat") as socket:
        socket.send("hello")
        socket.recv(timeout=5)
        heading, row = ctl("--admin", router.admin, "sessions").stdout.splitlines()
        [seen] = sessions(router.admin)
        assert row.split()[0] == str(seen["id"])
        assert heading.index("MESSAGES") + len("MESSAGES") == row.index(" 1/1 ") + len(" 1/1"), "columns line up"
        assert ctl("--admin", router.admin, "sessions", "--route", "blind").stdout == "no live WebSockets\n"
        page = ctl("--admin", router.admin, "status").stdout
        assert "now: 1 clients, 1 tunnels, 1 upstream connections" in page
        assert "worker-1" in page


def test_ctl_gives_what_the_router_says(router):
    with open_socket(router, "/chat"):
        answer = json.loads(ctl("--admin", router.admin, "sessions", "--json").stdout)
        assert answer["count"] == 1 and answer["sessions"][0]["route"] == "chat"
        assert json.loads(ctl("--admin", router.admin, "status", "--json").stdout)["tunnels"] == 1


def test_ctl_kills(router, echo):
    with open_socket(router, "/chat") as one, open_socket(router, "/chat") as two, open_socket(router, "/other") as three:
        ids = [row["id"] for row in sessions(router.admin, "?route=chat")]
        result = ctl("--admin", router.admin, "kill", *ids, 77)
        assert (result.returncode, result.stdout) == (1, "2 closed\n")
        assert "not open" in result.stderr
        assert [closed_with(one), closed_with(two)] == [1001, 1001]
        assert ctl("--admin", router.admin, "kill", "--client", "127.0.0.9").returncode == 1
        assert ctl("--admin", router.admin, "kill", "--all").returncode == 0
        assert closed_with(three) == 1001


def test_ctl_check_reads_the_file_again_and_changes_nothing(router, stage):
    assert ctl("--admin", router.admin, "check").returncode == 0
    file = stage.directory / "tidegate.ini"
    sound = file.read_text()
    file.write_text(sound + "http-timeout = 30 sec\n")
    result = ctl("--admin", router.admin, "check")
    assert result.returncode == 2
    assert "tidegate.ini:" in result.stderr and "30 sec" in result.stderr
    file.write_text(sound)
    assert ctl("--admin", router.admin, "check").returncode == 0
    with open_socket(router, "/chat") as socket:
        socket.send("x")
        assert socket.recv(timeout=5) == "x"


def test_ctl_drain_is_a_term_that_can_be_said_again(router):
    with open_socket(router, "/chat") as socket:
        for _ in range(2):
            assert ctl("--admin", router.admin, "drain").returncode == 0
        assert until("it drains", lambda: curl(router.admin, "/status")[1]["draining"], 5)
        assert "DRAINING" in ctl("--admin", router.admin, "status").stdout
        socket.send("still here")
        assert socket.recv(timeout=5) == "still here"
    assert router.process.wait(5) == 0
    assert not router.admin.exists()


def test_ctl_without_a_router_says_so(stage):
    result = ctl("--admin", stage.directory / "none.sock", "status")
    assert (result.returncode, result.stderr) == (1, f"tidegate ctl: no tidegate listens on unix:{stage.directory}/none.sock\n")
    file = stage.directory / "off.ini"
    file.write_text("[tidegate]\nhttp = :80\nadmin = off\n")
    result = ctl(file, "status")
    assert (result.returncode, result.stderr) == (2, f"tidegate ctl: {file} says admin = off\n")
    assert ctl(stage.directory / "none.ini", "status").returncode == 2
    assert ctl("--admin", "nowhere", "status").returncode == 2
    assert ctl("kill").returncode == 2


def test_ctl_knows_a_stranger(stage, echo):
    assert "no tidegate's admin socket" in ctl("--admin", echo.address, "status").stderr
    upstream = stage.upstream(http_ok)
    result = ctl("--admin", upstream.address, "status")
    assert result.returncode == 1 and "no tidegate's admin socket" in result.stderr
