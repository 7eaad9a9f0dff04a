"""Health checks: servers are asked whether they are well, and requests stay away from those that are not."""

import os
import signal
import threading

import pytest

from harness.admin import ctl, curl
from harness.groups import Held, bodies, open_socket, section
from harness.upstream import free_port
from harness.waiting import in_background, until
from test_reload import Site
from test_tls_upstreams import Authority, nginx


class Patient:
    """A server that says its name, and to a check what it is told to say."""

    def __init__(self, stage, name, status="200 OK", run=None, **address):
        self.name, self.status, self.checks, self.asked = name, status, [], 0
        self.upstream = stage.upstream(run or self.run, **address)
        self.address = self.upstream.address

    def run(self, peer):
        while (request := peer.request()) is not None:
            if request.target == "/healthz":
                self.checks.append(request)
                peer.reply(b"well", self.status)
            else:
                self.asked += 1
                peer.reply(self.name)


@pytest.fixture
def site(stage):
    return Site(stage)


def servers(admin):
    """The servers of the first group by their address."""
    status, answer = curl(admin, "/status")
    assert status == 200
    return {server["address"]: server for server in answer["upstreams"][0]["servers"]}


def until_state(admin, address, state, timeout=10):
    until(lambda: f"{address} to be {state}: {servers(admin)}", lambda: servers(admin)[address]["state"] == state, timeout)


# Time enough for an answer on a machine that is busy with other tests.
EVERY = "every 500ms fall 2 rise 2"


def test_requests_stay_away_from_a_server_that_is_ill(site, stage):
    """No request finds it out: the checks do. Its WebSockets go on, and so does the server once it is well."""
    one, two = Patient(stage, b"one"), Patient(stage, b"two")
    router = site.start({"default": "http:app"}, section([one.address, two.address], health=f"GET /healthz 200 {EVERY}"))
    until_state(site.admin, one.address, "up")
    until_state(site.admin, two.address, "up")
    assert set(bodies(router, 8)) == {b"one", b"two"}
    one.status = "503 Not now"
    until_state(site.admin, one.address, "down")
    assert servers(site.admin)[one.address]["ill"] == "status 503"
    one.asked = 0
    assert bodies(router, 20) == {b"two": 20} and one.asked == 0
    shown = ctl("--admin", site.admin, "status").stdout
    assert "UPSTREAM" in shown and any("down" in line and "status 503" in line for line in shown.splitlines()), shown
    one.status = "200 OK"
    until_state(site.admin, one.address, "up")
    assert set(bodies(router, 8)) == {b"one", b"two"}
    assert f"upstream app: {one.address} is down: status 503" in router.log()
    assert f"upstream app: {one.address} is up again" in router.log()
    check = one.checks[0]
    assert (check["Host"], check["User-Agent"], check["Connection"]) == (one.address, "tidegate", "close")
    assert not any("/healthz" in line for line in router.access()), "checks are nobody's requests"


def test_a_server_is_checked_by_one_worker(site, stage):
    one = Patient(stage, b"one")
    site.start({"default": "http:app", "workers": 4}, section([one.address], health="GET /healthz every 1s"))
    until("a few checks", lambda: len(one.checks) >= 3)
    until_state(site.admin, one.address, "up")
    assert len(one.checks) <= 4


def test_when_all_are_down_nobody_is_dialled(site, stage):
    one = Patient(stage, b"one", "500 No")
    router = site.start({"default": "http:app"}, section([one.address], health=f"GET /healthz {EVERY}"))
    until_state(site.admin, one.address, "down")
    answer = router.get("/")
    assert answer.status == 503 and answer["Retry-After"] and one.asked == 0
    assert until("the line", lambda: [line for line in router.access() if "end=no-server" in line])
    one.status = "200 OK"
    until_state(site.admin, one.address, "up")
    assert router.get("/").body == b"one"


def test_backups_stand_in_for_those_that_are_down(site, stage):
    one, spare = Patient(stage, b"one", "500 No"), Patient(stage, b"spare")
    router = site.start({"default": "http:app"},
                        section([f"{spare.address} backup", one.address], health=f"GET /healthz {EVERY}"))
    until_state(site.admin, one.address, "down")
    assert bodies(router, 4) == {b"spare": 4}


def test_a_websocket_lives_on_a_server_that_is_down(site, stage, sockets):
    """Its check is another one: new WebSockets stay away, old ones are nobody else's affair."""
    server = sockets()
    router = site.start({"default": "http:app"}, section([server.address], health=f"GET / 200 {EVERY}"))
    # A server of WebSockets only answers 426 to anything else, which is not what is asked for.
    until_state(site.admin, server.address, "down")
    site.write({"default": "http:app"}, section([server.address], health="tcp every 60s"))
    site.hup()
    assert servers(site.admin)[server.address]["state"] == "down", "a reload forgets nothing"
    site.write({"default": "http:app"}, section([server.address], health=f"websocket / {EVERY}"))
    site.hup()
    until_state(site.admin, server.address, "up")
    with open_socket(router) as socket:
        site.write({"default": "http:app"}, section([server.address], health=f"GET / 200 {EVERY}"))
        site.hup()
        until_state(site.admin, server.address, "down")
        socket.send("still")
        assert socket.recv(timeout=30) == "still"
        assert servers(site.admin)[server.address]["sessions"] == 1
        assert router.get("/").status == 503


def test_websocket_checks_open_and_close(site, sockets):
    """A server of WebSockets is asked for one, and told when it is enough: none is left behind."""
    server = sockets()
    site.start({"default": "http:app"}, section([server.address], health="websocket /chat every 1s"))
    until_state(site.admin, server.address, "up")
    until("several to have come and gone", lambda: server.ends.count(1000) >= 3, 30)
    # One that takes longer than a second, on a busy machine, is given up without a word.
    assert set(server.ends) <= {1000, 1006}
    until("no more than one to be there", lambda: len(server.held) <= 1)


def test_a_server_that_opens_no_websocket_is_down(site, stage):
    one = Patient(stage, b"one")
    router = site.start({"default": "http:app"}, section([one.address], health=f"websocket / {EVERY}"))
    until_state(site.admin, one.address, "down")
    assert servers(site.admin)[one.address]["ill"] == "status 200" and router.get("/").status == 503


def test_a_connection_is_enough(site, stage):
    """Checks find a server again sooner than requests would, which stay away for up to 10 s."""
    one, two = Patient(stage, b"one"), Patient(stage, b"two")
    port = int(one.address.rsplit(":", 1)[1])
    router = site.start({"default": "http:app"}, section([one.address, two.address], health=f"tcp {EVERY}"))
    until_state(site.admin, one.address, "up")
    one.upstream.close()
    until_state(site.admin, one.address, "down")
    assert bodies(router, 10) == {b"two": 10}
    back = Patient(stage, b"one", port=port)
    until("the server that is back", lambda: b"one" in bodies(router, 2), 8, pause=0.1)
    assert back.asked and servers(site.admin)[one.address]["state"] == "up"


def test_a_server_that_accepts_and_says_nothing_is_down(site, stage):
    silent, two = Held(stage), Patient(stage, b"two")
    router = site.start({"default": "http:app"},
                        section([silent.address, two.address], health="GET /healthz every 1s timeout 900ms fall 1"))
    until_state(site.admin, silent.address, "down")
    assert servers(site.admin)[silent.address]["ill"] == "no answer in time"
    assert bodies(router, 6) == {b"two": 6}
    silent.go.set()
    until_state(site.admin, silent.address, "up")


def test_uwsgi_servers_are_asked_in_their_language(site, stage):
    seen, well = [], threading.Event()
    well.set()

    def run(peer):
        if (packet := peer.packet()) is not None:
            seen.append(packet.variables)
            peer.reply(b"ok", "200 OK" if well.is_set() or packet.variables["PATH_INFO"] != "/up" else "500 No")

    server = stage.upstream(run)
    router = site.start({"default": "uwsgi:app"},
                        section([server.address], protocol="uwsgi", health=f"GET /up?x=1 200 {EVERY} host app.example"))
    until_state(site.admin, server.address, "up")
    check = seen[0]
    assert (check["REQUEST_METHOD"], check["PATH_INFO"], check["QUERY_STRING"]) == ("GET", "/up", "x=1")
    assert check["HTTP_HOST"] == "app.example"
    assert router.get("/").status == 200
    well.clear()
    until_state(site.admin, server.address, "down")
    assert router.get("/").status == 503


def test_slow_start(site, stage):
    """A server that is back gets a tenth of its share at first, and more and more of it."""
    one, two = Patient(stage, b"one"), Patient(stage, b"two")
    router = site.start({"default": "http:app", "workers": 1},
                        section([one.address, two.address], health=f"GET /healthz 200 {EVERY}", slow_start="1h"))
    until_state(site.admin, one.address, "up")
    until_state(site.admin, two.address, "up")
    assert bodies(router, 20) == {b"one": 10, b"two": 10}, "at the start all are there"
    one.status = "500 No"
    until_state(site.admin, one.address, "down")
    one.status = "200 OK"
    until_state(site.admin, one.address, "slow")
    counts = bodies(router, 110)
    assert 8 <= counts[b"one"] <= 14, counts
    site.write({"default": "http:app"}, section([one.address, two.address], health=f"GET /healthz 200 {EVERY}", slow_start="1s"))
    site.hup()
    until_state(site.admin, one.address, "up")
    assert bodies(router, 20) == {b"one": 10, b"two": 10}


def test_one_that_joins_a_group_at_work_starts_slowly(site, stage):
    one, two = Patient(stage, b"one"), Patient(stage, b"two")
    router = site.start({"default": "http:app", "workers": 1}, section([one.address], slow_start="1h"))
    assert bodies(router, 4) == {b"one": 4}
    site.write({"default": "http:app"}, section([one.address, two.address], slow_start="1h"))
    site.hup()
    assert servers(site.admin)[two.address]["state"] == "slow" and servers(site.admin)[one.address]["state"] == "used"
    counts = bodies(router, 110)
    assert 8 <= counts[b"two"] <= 12, counts


def test_a_reload_keeps_counts_and_the_line(site, stage, sockets):
    held = Held(stage)
    group = section([f"{held.address} max=1"], queue=5, queue_timeout="30s")
    router = site.start({"default": "http:app"}, group)
    answers = []
    threads = [in_background(lambda: answers.append(router.get("/").status)) for _ in range(3)]
    until("one to be asked and two to wait", lambda: held.now == 1 and curl(site.admin, "/status")[1]["upstreams"][0]["waiting"] == 2)
    site.write({"default": "http:app"}, group + f"[route:x]\npath = ^/x$\nto = http:{sockets().address}\n")
    site.hup()
    upstream = curl(site.admin, "/status")[1]["upstreams"][0]
    assert upstream["waiting"] == 2 and upstream["servers"][0]["sessions"] == 1 and upstream["servers"][0]["max"] == 1
    threads.append(in_background(lambda: answers.append(router.get("/").status)))
    until("the one that came later to wait too", lambda: curl(site.admin, "/status")[1]["upstreams"][0]["waiting"] == 3)
    held.go.set()
    for thread in threads:
        thread.join(10)
    assert answers == [200] * 4 and held.most == 1


def test_a_reload_does_not_ask_at_once(site, stage):
    """Checks keep their turn: reloads in a row are no burst of checks."""
    one = Patient(stage, b"one")
    group = section([one.address], health="GET /healthz every 60s")
    site.start({"default": "http:app"}, group)
    until_state(site.admin, one.address, "up")
    for turn in range(5):
        site.write({"default": "http:app"}, group + f"[route:r{turn}]\npath = ^/r{turn}$\nto = http:app\n")
        site.hup()
    assert len(one.checks) == 1 and servers(site.admin)[one.address]["state"] == "up"


def test_checks_do_not_hold_up_the_end(site, stage):
    silent = Held(stage)
    router = site.start({"default": "http:app"}, section([silent.address], health="GET / every 100ms"))
    until("a check", lambda: silent.now >= 1)
    os.kill(router.pid, signal.SIGTERM)
    assert router.process.wait(5) == 0
    silent.go.set()


def test_a_marked_server_is_shown(site, stage):
    dead, two = f"127.0.0.1:{free_port()}", Patient(stage, b"two")
    router = site.start({"default": "http:app"}, section([dead, two.address]))
    assert bodies(router, 4) == {b"two": 4}
    state = {address: server["state"] for address, server in servers(site.admin).items()}
    assert state == {dead: "marked", two.address: "used"}


@pytest.mark.parametrize("health", [f"tcp {EVERY}", f"GET / 200 {EVERY} host app.internal"])
def test_servers_over_tls_are_asked_over_tls(site, stage, health):
    """With a certificate that is trusted; one of somebody else's is as bad as none."""
    trusted, other = Authority(stage.directory, "trusted"), Authority(stage.directory, "other")
    good, bad = (nginx(stage, authority.issue(f"app-{authority.name}", "DNS:app.internal")) for authority in (trusted, other))
    keys = {"protocol": "https", "ca": trusted.path, "verify_name": "app.internal", "health": health}
    router = site.start({"default": "https:app"}, section([good, bad], **keys))
    until_state(site.admin, good, "up")
    until_state(site.admin, bad, "down")
    assert servers(site.admin)[bad]["ill"] == "unreachable"
    assert all(router.get("/").status == 200 for _ in range(4))
