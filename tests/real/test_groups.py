"""Groups of servers: who gets which request, how many at once, and what a dead server costs."""

import collections
import os
import signal
import socket
import threading

import pytest

from harness.admin import curl
from harness.groups import Held, bodies, named, open_socket, section
from harness.process import Process
from harness.upstream import free_port
from harness.waiting import in_background, until


def test_weights(stage):
    servers = [stage.upstream(named(name)) for name in (b"a", b"b", b"c")]
    lines = [f"{server.address} weight={weight}" for server, weight in zip(servers, (5, 1, 2))]
    router = stage.tidegate({"default": "http:app"}, section(lines))
    assert bodies(router, 16) == {b"a": 10, b"b": 2, b"c": 4}


@pytest.mark.parametrize("balance", ["least", "random-2"])
@pytest.mark.parametrize("workers", [1, 2])
def test_least_counts_websockets(stage, sockets, workers, balance):
    """New WebSockets go where fewest live: a server that lost its own gets the next ones. Of two, chance picks both."""
    one, two = sockets(), sockets()
    router = stage.tidegate({"default": "http:app", "workers": workers}, section([one.address, two.address], balance=balance))
    live = [open_socket(router) for _ in range(12)]
    until("six each", lambda: [len(one.held), len(two.held)] == [6, 6])
    gone = [socket for socket in list(two.held)]
    for socket in gone:
        socket.close()
    until("its sockets to end", lambda: not two.held)
    live += [open_socket(router) for _ in range(len(gone))]
    until("the same number again", lambda: len(two.held) >= len(one.held) - 1)
    for socket in live:
        socket.close()


def test_hash_is_sticky(stage):
    """By a cookie; a server that leaves moves only its own clients, and has them back afterwards."""
    servers = [stage.upstream(named(b"%d" % n)) for n in range(4)]
    port = int(servers[2].address.rsplit(":", 1)[1])
    router = stage.tidegate({"default": "http:app", "workers": 2},
                            section([server.address for server in servers], balance="hash:${cookie[sid]}"))

    def where():
        return {sid: router.get("/", f"Cookie: a=b; sid=user{sid}").body for sid in range(40)}

    before = where()
    assert where() == before and len(set(before.values())) == 4
    servers[2].close()
    after = where()
    for sid, body in before.items():
        assert after[sid] == body if body != b"2" else after[sid] != b"2", (sid, body, after[sid])
    stage.upstream(named(b"2"), port=port)
    until("all of them where they were", lambda: where() == before, 30, pause=0.5)
    # Without the cookie nothing is decided: each in turn.
    assert len(bodies(router, 16)) == 4


def test_hash_by_address(stage):
    servers = [stage.upstream(named(b"%d" % n)) for n in range(5)]
    router = stage.tidegate({"default": "http:app"}, section([s.address for s in servers], balance="hash:${REMOTE_ADDR}"))
    assert len(bodies(router, 10)) == 1


def test_backup_only_when_no_other_is_left(stage):
    main, spare = stage.upstream(named(b"main")), stage.upstream(named(b"spare"))
    port = int(main.address.rsplit(":", 1)[1])
    router = stage.tidegate({"default": "http:app"}, section([f"{spare.address} backup", main.address]))
    assert bodies(router, 6) == {b"main": 6}
    main.close()
    assert bodies(router, 6) == {b"spare": 6}
    stage.upstream(named(b"main"), port=port)
    until("the server that came back", lambda: router.get("/").body == b"main", 20, pause=0.2)


@pytest.mark.parametrize("workers", [1, 2])
def test_max_is_exact(stage, workers):
    """Whatever comes at once, no server has more than its max; the rest is told to come again."""
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": workers}, section([f"{held.address} max=3"]))
    answers = []
    threads = [in_background(lambda: answers.append(router.get("/"))) for _ in range(20)]
    until("17 to be turned away", lambda: len(answers) == 17)
    assert all(answer.status == 503 and answer["Retry-After"] for answer in answers)
    assert len(held.upstream.peers) == 3, "those turned away cost no dial"
    held.go.set()
    for thread in threads:
        thread.join(10)
    assert held.most == 3 and sorted(answer.status for answer in answers)[:3] == [200] * 3
    assert router.get("/").status == 200, "seats are given back"
    until("the line", lambda: any(" end=full" in line for line in router.access()))


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_wait_for_a_seat(stage, workers):
    """All are served, never more than two at once; a seat freed on one core goes to whoever waits on another."""
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": workers},
                            section([f"{held.address} max=2"], queue=30, queue_timeout="20s"))
    answers = []
    threads = [in_background(lambda: answers.append(router.get("/").status)) for _ in range(20)]
    until("two to be asked", lambda: held.now == 2)
    assert not answers and len(held.upstream.peers) == 2, "who waits costs no dial"
    held.go.set()
    for thread in threads:
        thread.join(20)
    assert answers == [200] * 20 and held.most == 2 and held.served == 20


def test_the_line_is_one_for_all_workers(stage):
    """Who waits longest is next, whichever core it is on."""
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": 2},
                            section([f"{held.address} max=1"], queue=30, queue_timeout="20s"))
    first = in_background(router.get, "/first")
    until("the first", lambda: held.now == 1)
    clients = [router.connect() for _ in range(8)]
    for number, client in enumerate(clients):
        client.get(f"/{number}")
        assert client.is_silent(0.03), "one after the other: each stands in the line before the next comes"
    held.go.set()
    for client in clients:
        assert client.response().status == 200
        client.close()
    first.join(10)
    assert held.order == ["/first", *[f"/{number}" for number in range(8)]]


def test_the_line_is_bounded_in_length_and_time(stage):
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": 2},
                            section([f"{held.address} max=1"], queue=3, queue_timeout="1s"))
    answers = []
    threads = [in_background(lambda: answers.append(router.get("/"))) for _ in range(10)]
    until("six to be turned away", lambda: len(answers) >= 6, 5)
    until("three to have waited in vain", lambda: len(answers) == 9, 10)
    assert all(answer.status == 503 and answer["Retry-After"] for answer in answers)
    ends = until("the lines", lambda: (lines := router.access())[8:] and lines)
    assert sum(" end=full" in line for line in ends) == 6 and sum(" end=queue-timeout" in line for line in ends) == 3, ends
    assert len(held.upstream.peers) == 1
    held.go.set()
    for thread in threads:
        thread.join(10)
    assert router.get("/").status == 200


def test_who_goes_leaves_the_line(stage):
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": 2},
                            section([f"{held.address} max=1"], queue=1, queue_timeout="30s"))
    first = in_background(router.get)
    until("the first", lambda: held.now == 1)
    waiting = router.connect()
    waiting.get("/")

    assert waiting.is_silent(0.1)
    assert router.get("/").status == 503, "the only place is taken"
    waiting.reset()
    behind = until("the place to be free", lambda: (raw := router.connect()).get("/").is_silent(0.2) and raw)
    held.go.set()
    assert behind.response().status == 200
    first.join(10)


def test_a_websocket_keeps_its_seat(stage, sockets):
    server = sockets()
    router = stage.tidegate({"default": "http:app", "workers": 2}, section([f"{server.address} max=1"]))
    with open_socket(router) as socket:
        assert router.get("/").status == 503
        socket.send("still")
        assert socket.recv(timeout=30) == "still"
    until("the seat", lambda: router.get("/").status != 503)


def test_seats_come_back_from_clients_that_vanish(stage):
    held = Held(stage)
    router = stage.tidegate({"default": "http:app", "workers": 2}, section([f"{held.address} max=2"]))
    for _ in range(6):
        clients = [router.connect() for _ in range(2)]
        for client in clients:
            client.get("/")
        until("both to be asked", lambda: held.now == 2)
        for client in clients:
            client.reset()
        held.go.set()
        until("both to be through", lambda: held.now == 0)
        held.go.clear()
    held.go.set()
    until("the seats", lambda: router.get("/").status == 200)


def test_a_dead_group_is_not_hammered(stage):
    """Further attempts are a share of what is asked; each request alone would make three."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    addresses = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
    for listener in listeners:
        listener.close()
    admin = stage.directory / "admin.sock"
    router = stage.tidegate({"default": "http:app", "admin": f"unix:{admin}"}, section(addresses, retries="2 budget=0"))
    with router.connect() as raw:
        for _ in range(400):
            assert raw.get("/").response().status == 503
    counters = curl(admin, "/status")[1]["counters"]
    # 100 may be tried again whatever the share.
    assert 400 <= counters["dials"] <= 500 + 5, counters["dials"]


def app(stage, port, name):
    """A server in a process of its own, which can be killed."""
    process = stage.track(Process(name, ["python3", "-c", APP, str(port)], stage.directory))
    process.wait_for("ready")
    return process


APP = r"""
import socketserver, sys, time
class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line: return
            while self.rfile.readline().strip(): pass
            if b" /slow " in line: time.sleep(0.5)
            body = b"%s" % sys.argv[1].encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True; request_queue_size = 512
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", file=sys.stderr, flush=True)
server.serve_forever()
"""


def warm(router):
    """Leaves each worker idle connections enough to both servers: what is under way when one of them is killed is then on a
    connection that has served before, where a request is known not to have been answered. On a fresh one nobody knows."""
    threads = [in_background(router.get, "/slow") for _ in range(48)]
    for thread in threads:
        thread.join(20)


@pytest.mark.parametrize("balance, workers", [("round-robin", 2), ("least", 1)])
def test_kill_and_restart_of_one_of_two_under_load(stage, sockets, balance, workers):
    """No request fails that a retry could save, and no WebSocket of the other notices."""
    ports = [free_port(), free_port()]
    apps = [app(stage, port, f"app-{port}") for port in ports]
    echo = sockets()
    router = stage.tidegate({"default": "http:app", "workers": workers},
                            section([f"127.0.0.1:{port}" for port in ports], balance=balance)
                            + f"[route:ws]\npath = ^/ws\nto = http:{echo.address}\n")
    live = [open_socket(router, "/ws") for _ in range(20)]
    seen, failed, over = collections.Counter(), [], []

    def ask():
        with router.connect() as raw:
            while not over:
                answer = raw.get("/").response()
                seen[answer.body] += 1
                if answer.status != 200:
                    failed.append(answer.status)

    def both(count):
        seen.clear()
        until("both to serve", lambda: min(seen[b"%d" % port] for port in ports) > count, 20)

    warm(router)
    threads = [in_background(ask) for _ in range(8)]
    for turn in range(2):
        both(200)
        warm(router)
        os.kill(apps[0].pid, signal.SIGKILL)
        apps[0].wait()
        seen.clear()
        until("the other to go on", lambda: seen[b"%d" % ports[1]] > 500, 20)
        apps[0] = app(stage, ports[0], f"app-{ports[0]}-{turn}")
    both(200)
    over.append(True)
    for thread in threads:
        thread.join(10)
    assert not failed, [line for line in router.access() if "end=done" not in line and "end=open" not in line]
    for number, socket_ in enumerate(live):
        socket_.send(str(number))
        assert socket_.recv(timeout=30) == str(number)
        socket_.close()
