"""Signals: TERM and INT let exchanges finish and then stop; a second one stops at once."""

import signal
import threading
import time

import pytest

from harness import websocket
from harness.waiting import until


def held(event):
    """An upstream that answers when the event is set; WebSockets stay open."""

    def serve(peer):
        request = peer.request()
        if request is None:
            return
        if request["Upgrade"]:
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
            peer.rest()
            return
        event.wait(20)
        peer.reply(b"finished")

    return serve


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_idle_stops_at_once(stage, number):
    router = stage.tidegate({"default": f"http:{stage.upstream(held(threading.Event())).address}", "workers": 2})
    with router.connect():
        begin = time.monotonic()
        router.process.signal(number)
        assert router.process.wait(5) == 0
        assert time.monotonic() - begin < 2


def test_exchanges_finish(stage):
    event = threading.Event()
    upstream = stage.upstream(held(event))
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect() as raw, router.connect() as idle:
        raw.get("/")
        upstream.connections(1)
        router.process.signal(signal.SIGTERM)
        assert idle.is_ended(3), "an idle connection is closed"
        until("no new connections", lambda: _refused(router), 3)
        event.set()
        response = raw.response()
        assert response.body == b"finished"
        assert response["Connection"].lower() == "close"
    assert router.process.wait(5) == 0


def test_whoever_has_asked_already_is_answered(stage):
    """On a kept connection, and on one that waits to be accepted."""
    router = stage.tidegate({"route": "^/ return:403"})
    with router.connect() as kept:
        kept.get("/")
        assert kept.response().status == 403
        # It sees the requests and the signal at the same time.
        router.process.signal(signal.SIGSTOP)
        with router.connect() as new:
            kept.get("/")
            new.get("/")
            router.process.signal(signal.SIGTERM)
            router.process.signal(signal.SIGCONT)
            for client in (kept, new):
                assert client.response().status == 403
                assert client.is_ended(10)
    assert router.process.wait(10) == 0


def _refused(router):
    try:
        router.connect(timeout=1).close()
    except OSError:
        return True
    return False


def test_tunnels_end_after_drain_timeout(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(held(threading.Event())).address}", "drain-timeout": "1s"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        begin = time.monotonic()
        router.process.signal(signal.SIGTERM)
        assert raw.is_ended(5)
        assert 0.7 < time.monotonic() - begin < 3
    assert router.process.wait(5) == 0


def test_a_tunnel_that_ends_by_itself_is_not_waited_for(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(held(threading.Event())).address}", "drain-timeout": "20s"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        router.process.signal(signal.SIGTERM)
        assert not raw.is_ended(0.5), "an open tunnel goes on"
    assert router.process.wait(5) == 0


def test_a_second_signal_stops_at_once(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(held(threading.Event())).address}", "drain-timeout": "20s"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        router.process.signal(signal.SIGTERM)
        assert not raw.is_ended(0.5)
        begin = time.monotonic()
        router.process.signal(signal.SIGTERM)
        router.process.wait(5)
        assert time.monotonic() - begin < 2


def test_what_is_not_built_says_so_and_harms_nothing(stage):
    event = threading.Event()
    event.set()
    router = stage.tidegate({"default": f"http:{stage.upstream(held(event)).address}"})
    router.process.signal(signal.SIGUSR2)
    router.process.wait_for("not in this version", 5)
    assert router.get("/").status == 200


def test_a_client_that_went_away_is_no_signal(stage):
    """SIGPIPE is nobody's end."""
    event = threading.Event()
    router = stage.tidegate({"default": f"http:{stage.upstream(held(event)).address}"})
    for _ in range(20):
        router.connect().get("/").reset()
    event.set()
    assert router.get("/").status == 200
