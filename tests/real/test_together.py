"""Many connections have something at once: a worker reads of several, then goes on with them, then writes. Each gets what it would
get alone, in order."""

import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest

from harness import websocket
from harness.freezing import frozen
from harness.upstream import http_ok, uwsgi_ok

MANY = 40
WORKER = "worker-0"


def start(stage, serve, protocol="http", **options):
    upstream = stage.upstream(serve)
    return stage.tidegate({"workers": 1, "default": f"{protocol}:{upstream.address}", **options}), upstream


@contextmanager
def tunnels(stage, **options):
    """Open WebSockets: clients and the ends behind the router, in pairs."""
    done = threading.Event()

    def serve(peer):
        peer.record = False
        key = peer.request()["Sec-WebSocket-Key"]
        peer.send(websocket.response(websocket.accept_of(key)))
        done.wait(60)

    router, upstream = start(stage, serve, **options)
    with ExitStack() as stack:
        stack.callback(done.set)
        clients = []
        for number in range(MANY):
            raw = stack.enter_context(router.connect())
            websocket.open_websocket(raw)
            clients.append((raw, upstream.connections(number + 1)[number]))
        yield router, clients


@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_both_directions_of_many_websockets_at_once(stage, mode):
    """Of each side several messages, and one that is longer than a read: all whole and in order."""
    messages = [b"%d" % n * 50 for n in range(5)] + [b"long" * 10_000]
    with tunnels(stage, **{"websockets-mode": mode}) as (router, pairs):
        for round_ in range(3):
            with frozen(router.pid, WORKER):
                for number, (client, server) in enumerate(pairs):
                    count = 1 + (number + round_) % len(messages)
                    client.send(b"".join(websocket.frame(message) for message in messages[:count]))
                    server.send(b"".join(websocket.frame(message, masked=False) for message in messages[:count]))
            for number, (client, server) in enumerate(pairs):
                for message in messages[: 1 + (number + round_) % len(messages)]:
                    assert websocket.message(client)[1] == message
                    assert websocket.message(server)[1] == message


@pytest.mark.parametrize("mode", ["pass", "track"])
def test_an_end_beside_bytes_of_the_other_side_overtakes_nothing(stage, mode):
    """One side says its last, the other finishes at once: what was said arrives first."""
    with tunnels(stage, **{"websockets-mode": mode}) as (router, pairs):
        with frozen(router.pid, WORKER):
            for number, (client, server) in enumerate(pairs):
                first, second = (client, server) if number % 2 else (server, client)
                first.send(websocket.frame(b"last", masked=first is client))
                second.send(websocket.frame(b"bye", masked=second is client))
                second.finish()
        for number, (client, server) in enumerate(pairs):
            first, second = (client, server) if number % 2 else (server, client)
            assert websocket.message(first)[1] == b"bye"
            assert websocket.message(second)[1] == b"last"
            assert first.is_ended()


def test_resets_among_many_cost_nobody_else_anything(stage):
    with tunnels(stage, **{"websockets-mode": "track"}) as (router, pairs):
        with frozen(router.pid, WORKER):
            for number, (client, server) in enumerate(pairs):
                client.send(websocket.frame(b"%d" % number))
                server.send(websocket.frame(b"%d" % number, masked=False))
                if number % 3 == 0:
                    (client if number % 2 else server).reset()
        for number, (client, server) in enumerate(pairs):
            if number % 3:
                assert websocket.message(client)[1] == websocket.message(server)[1] == b"%d" % number
            else:
                assert (server if number % 2 else client).is_ended()


@pytest.mark.parametrize(("serve", "protocol"), [(http_ok, "http"), (uwsgi_ok, "uwsgi")])
def test_requests_of_many_at_once(stage, serve, protocol):
    """Each gets its own answer, whether connections to the server are kept or new."""
    router, upstream = start(stage, serve, protocol)
    with ExitStack() as stack:
        clients = [stack.enter_context(router.connect()) for _ in range(MANY)]
        for round_ in range(4):
            with frozen(router.pid, WORKER):
                for number, client in enumerate(clients):
                    client.get(f"/{round_}/{number}")
            for number, client in enumerate(clients):
                said = client.response().json()
                target = said["target"] if protocol == "http" else dict(said["pairs"])["REQUEST_URI"]
                assert target == f"/{round_}/{number}"
    assert not upstream.errors


def test_servers_that_close_kept_connections_at_the_same_time(stage):
    """What ended while requests came is not used for them: nobody hears of it."""
    router, upstream = start(stage, http_ok)
    with ExitStack() as stack:
        clients = [stack.enter_context(router.connect()) for _ in range(MANY)]
        for round_ in range(3):
            with frozen(router.pid, WORKER):
                for peer in upstream.peers:
                    try:
                        peer.socket.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
                for client in clients:
                    client.get(f"/{round_}")
            assert {client.response().status for client in clients} == {200}
