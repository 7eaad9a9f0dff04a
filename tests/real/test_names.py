"""Servers by name whose addresses change while the router runs."""

import os
import signal

import pytest

from harness.admin import curl
from harness.groups import bodies, named, open_socket, section
from harness.upstream import free_port
from harness.waiting import in_background, until
from test_reload import Site

@pytest.fixture
def site(stage):
    return Site(stage)


def found(admin):
    return curl(admin, "/status")[1]["upstreams"][0]["servers"][0]["found"]


def test_an_address_changes_while_both_are_there(hosts, site, stage):
    """Nobody fails, kept connections to the old address are not used any more, and WebSockets stay where they are."""
    port = free_port()
    for last in (11, 12):
        stage.upstream(named(b"%d" % last), host=f"127.0.0.{last}", port=port)
    hosts.set(app=["127.0.0.11"])
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    assert found(site.admin) == [f"127.0.0.11:{port}"]
    seen, over = [], []

    def ask():
        with router.connect() as raw:
            while not over:
                answer = raw.get("/").response()
                seen.append((answer.status, answer.body))

    threads = [in_background(ask) for _ in range(4)]
    until("requests", lambda: len(seen) > 100)
    hosts.set(app=["127.0.0.12"])
    until("the other address", lambda: found(site.admin) == [f"127.0.0.12:{port}"], 20)
    before = len(seen)
    until("requests after it", lambda: len(seen) > before + 200)
    over.append(True)
    for thread in threads:
        thread.join(10)
    assert {status for status, _ in seen} == {200}
    # Those under way when it was seen may still be of the old one.
    assert {body for _, body in seen[before + 20:]} == {b"12"} and seen[0][1] == b"11"
    assert "app.test has other addresses: 127.0.0.12, before 127.0.0.11" in router.log()


def test_a_server_moves(hosts, site, stage):
    """Its old address is dead at once: the name is looked up at once, and not only when it is due."""
    port = free_port()
    old = stage.upstream(named(b"11"), host="127.0.0.11", port=port)
    hosts.set(app=["127.0.0.11"])
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    assert bodies(router, 4) == {b"11": 4}
    old.close()
    stage.upstream(named(b"12"), host="127.0.0.12", port=port)
    hosts.set(app=["127.0.0.12"])
    # Each request that fails makes for a look-up, at most one a second.
    until("the new address", lambda: router.get("/").body == b"12", 20, pause=0.1)
    assert bodies(router, 8) == {b"12": 8}


def test_a_server_of_two_moves_and_no_request_fails(hosts, site, stage):
    """Its mark does not hold for the new address."""
    port = free_port()
    old = stage.upstream(named(b"11"), host="127.0.0.11", port=port)
    stage.upstream(named(b"13"), host="127.0.0.13", port=port)
    hosts.set(app=["127.0.0.11"], other=["127.0.0.13"])
    router = site.start({"default": "http:app"},
                        section([f"app.test:{port}", f"other.test:{port}"]), before=hosts.before)
    assert set(bodies(router, 8)) == {b"11", b"13"}
    old.close()
    assert bodies(router, 20) == {b"13": 20}
    stage.upstream(named(b"12"), host="127.0.0.12", port=port)
    hosts.set(app=["127.0.0.12"], other=["127.0.0.13"])
    asked = bodies(router, 0)
    until("the new address", lambda: asked.update(bodies(router, 4)) or asked[b"12"], 15, pause=0.1)
    assert set(asked) == {b"12", b"13"}, "and nothing has failed"


def test_websockets_stay_where_they_are(hosts, site, stage, sockets):
    server = sockets()
    port = int(server.address.rsplit(":", 1)[1])
    hosts.set(app=["127.0.0.1"])
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    with open_socket(router) as socket:
        hosts.set(app=["127.0.0.99"])
        until("the other address", lambda: found(site.admin) == [f"127.0.0.99:{port}"], 20)
        socket.send("still")
        assert socket.recv(timeout=30) == "still"


def test_a_name_that_is_gone_keeps_its_addresses(hosts, site, stage):
    port = free_port()
    stage.upstream(named(b"11"), host="127.0.0.11", port=port)
    hosts.set(app=["127.0.0.11"])
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    assert found(site.admin) == [f"127.0.0.11:{port}"]
    hosts.set()
    until("it to be said", lambda: "app.test does not resolve" in router.log(), 20)
    assert bodies(router, 4) == {b"11": 4}
    hosts.set(app=["127.0.0.11"])
    until("it to be said too", lambda: "app.test resolves again" in router.log(), 20)


def test_every_address_of_a_name_is_tried(hosts, site, stage):
    port = free_port()
    stage.upstream(named(b"12"), host="127.0.0.12", port=port)
    hosts.set(app=["127.0.0.11", "127.0.0.12"])
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    assert set(found(site.admin)) == {f"127.0.0.11:{port}", f"127.0.0.12:{port}"}
    assert bodies(router, 4) == {b"12": 4}


def test_a_name_nobody_knows_yet_is_used_once_it_is_known(hosts, site, stage):
    port = free_port()
    stage.upstream(named(b"11"), host="127.0.0.11", port=port)
    router = site.start({"default": "http:app"}, section([f"app.test:{port}"]), before=hosts.before)
    assert router.get("/").status == 502
    hosts.set(app=["127.0.0.11"])
    until("the name", lambda: router.get("/").status == 200, 20, pause=0.1)
    os.kill(router.pid, signal.SIGTERM)
    assert router.process.wait(10) == 0
