"""Hosts that vanish without a word, where nobody can be pinged: TCP finds them, within the bounds of pings."""

import socket

import pytest

from harness import hixie, websocket
from harness.descriptors import connected_to
from harness.waiting import until

# Together 3 s. Without them the kernel would take more than ten minutes, or two if it probes at all.
BOUNDS = {"websockets-ping-freq": "2s", "websockets-pong-tolerance": "1s"}
FOUND = 12.0
LONG = {"http-timeout": "1h"}


def quiet(peer):
    """Says nothing, and waits for the end."""
    peer.timeout = 60.0
    while peer.fill():
        pass


def websockets(peer):
    request = peer.request()
    peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
    quiet(peer)


def open_tunnel(stage, kind, options):
    """A client's connection to a tunnel of this kind, with its router and upstream."""
    upstream = stage.upstream({"raw": quiet, "tcp": quiet}.get(kind, websockets))
    settings = {**LONG, "websockets-drafts": "all", **options}
    if kind == "tcp":
        settings["route"] = f"^/ tcp:{upstream.address}"
    else:
        settings["default"] = f"http:{upstream.address}"
    if kind == "pass":
        settings["websockets-mode"] = "pass"
    if kind == "raw":
        settings["http-raw-body"] = "true"
    router = stage.tidegate(settings)
    raw = router.connect()
    raw.router, raw.upstream = router, upstream
    if kind == "raw":
        raw.get("/")
        upstream.connections(1)[0].take_until(b"\r\n\r\n")
    elif kind == "hixie":
        raw.send(hixie.request(keys=None))
        assert raw.response().status == 101
    else:
        websocket.open_websocket(raw)
    return raw


def bounds_of(sock):
    """What the kernel was told about a connection: idle, interval, count and the user timeout; None: not to probe."""
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
        return None
    options = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT]
    return [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options]


WATCHED = [31, 3, 3, 40_000]
AS_BEFORE = [60, 15, 4, 0]


@pytest.mark.parametrize("kind, options, client, upstream", [
    ("pass", {}, WATCHED, WATCHED),
    ("raw", {"http-timeout": "20s"}, WATCHED, WATCHED),
    ("raw", {"http-timeout": "50s"}, [31, 3, 3, 50_000], [31, 3, 3, 50_000]),
    ("hixie", {}, WATCHED, None),
    ("tcp", {}, AS_BEFORE, WATCHED),
    ("track", {}, AS_BEFORE, None),
    ("pass", {"websockets-ping-freq": "off"}, AS_BEFORE, None),
    ("pass", {"websockets-upstream-ping-freq": "10s", "websockets-pong-tolerance": "2s"},
     [30, 1, 2, 32_000], [10, 1, 2, 12_000]),
    ("pass", {"websockets-ping-freq": "100000s"}, [32_767, 3, 3, 100_010_000], [32_767, 3, 3, 100_010_000]),
])
def test_what_the_kernel_was_told(stage, kind, options, client, upstream):
    with open_tunnel(stage, kind, options) as raw:
        peers = {raw.socket.getsockname(): client, raw.upstream.connections(1)[0].socket.getsockname(): upstream}
        for address, wanted in peers.items():
            try:
                sock = connected_to(raw.router.pid, address)
            except PermissionError:
                pytest.skip("descriptors of other processes may not be looked at here")
            with sock:
                assert bounds_of(sock) == wanted


def end_of(router):
    """The last line of the access log once the tunnel has ended."""
    return until("a line of the end", lambda: [line for line in router.access() if '"CLOSE ' in line], FOUND)[-1]


@pytest.mark.parametrize("kind", ["pass", "hixie"])
@pytest.mark.parametrize("speaks", [False, True], ids=["silent", "spoken-to"])
def test_a_client_whose_host_vanished_is_found(stage, kind, speaks):
    with open_tunnel(stage, kind, BOUNDS) as raw:
        [peer] = raw.upstream.connections(1)
        raw.vanish()
        if speaks:
            peer.send(websocket.frame(b"are you there?", websocket.TEXT, masked=False))
        assert peer.over.wait(FOUND), "the upstream does not hear of it"
        assert " end=dead-client " in end_of(raw.router)
    if kind == "hixie":
        close = peer.received[-8:]
        assert websocket.mask(close[6:], close[2:6]) == (1001).to_bytes(2, "big"), "Close 1001"


@pytest.mark.parametrize("kind", ["pass", "tcp"])
def test_a_server_whose_host_vanished_is_found(stage, kind):
    options = {**BOUNDS, "websockets-ping-freq": "off", "websockets-upstream-ping-freq": "2s"}
    with open_tunnel(stage, kind, options) as raw:
        [peer] = raw.upstream.connections(1)
        peer.vanish()
        assert raw.is_ended(FOUND)
        assert " end=dead-upstream " in end_of(raw.router)
        assert raw.buffer == (b"" if kind == "pass" else b"\x88\x02\x03\xf3"), "Close 1011"


def test_a_client_that_vanished_from_a_download_is_found(stage):
    """What goes on being sent to it keeps http-timeout from passing."""
    with open_tunnel(stage, "raw", {**BOUNDS, "http-timeout": "2s"}) as raw:
        [peer] = raw.upstream.connections(1)
        raw.vanish()

        def more():
            try:
                peer.send(b"more")
            except OSError:
                pass
            return peer.over.is_set()

        until("the upstream hears of it", more, FOUND)
        assert " end=dead-client " in end_of(raw.router)


def test_those_who_are_only_silent_stay(stage):
    """Their kernels answer for them: longer than the bounds, on either side."""
    with open_tunnel(stage, "pass", BOUNDS) as raw:
        [peer] = raw.upstream.connections(1)
        assert raw.is_silent(4.5)
        raw.send(b"still here")
        until("it comes through", lambda: bytes(peer.received).endswith(b"still here"))
