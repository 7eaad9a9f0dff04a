"""Either end of a WebSocket leaves, in each way there is, and nothing of it stays in the router."""

import itertools
import re
import socket
import struct

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from . import websocket
from .process import sockets
from .raw import parse_head
from .waiting import until

NUMBERS = itertools.count()
WAYS = ["client closes", "client ends", "client resets", "server closes", "server ends", "server resets"]


def serve(peer):
    """An upstream that echoes, and leaves in the way it is told."""
    request = peer.request()
    if request is None:
        return
    peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
    while True:
        opcode, payload, _ = websocket.read_frame(peer)
        if payload == b"server resets":
            return peer.reset()
        if payload == b"server ends":
            return
        if payload == b"server closes":
            opcode, payload = websocket.CLOSE, struct.pack("!H", 1000)
        peer.send(websocket.frame(payload, opcode, masked=False))
        if opcode == websocket.CLOSE:
            return peer.rest()


def handshake(router, url, **options):
    """The fields of a handshake as the server sees it; `router.leaver` is the upstream of `url` that is served so."""
    mark = f"?handshake-{next(NUMBERS)}"
    with connect(url + mark, **options) as live:
        live.send("here")
        assert live.recv(timeout=10) == "here"
        head, = (bytes(peer.received) for peer in router.leaver.peers if f"{mark} ".encode() in peer.received)
    until("its line", lambda: has_ended(router, mark))
    return dict(parse_head(head.partition(b"\r\n\r\n")[0])[1])


def leave_every_way(router, url, **options):
    """Opens a WebSocket and has it end, once for each of WAYS; `router` is the one that must forget it."""
    for way in WAYS:
        mark = f"?leaves-{next(NUMBERS)}"
        with connect(url + mark, **options) as live:
            live.send("here")
            assert live.recv(timeout=10) == "here"
            held = len(sockets(router.pid))
            _leave(live, way)
        until(f"its sockets are closed: {way}", lambda: len(sockets(router.pid)) <= held - 2)
        until(f"its line: {way}", lambda: has_ended(router, mark))


def has_ended(router, mark):
    """Whether the WebSocket whose target has `mark` in it has both its lines."""
    lines = router.access()
    opened = [tunnel(line) for line in lines if f"{mark} HTTP/1.1" in line]
    return opened and opened[0] in [tunnel(line) for line in lines if "CLOSE websocket" in line]


def tunnel(line):
    """What joins the line of its end to that of its beginning."""
    return re.search(r" tunnel=(\d+)", line)[1]


def _leave(live, way):
    if way == "client closes":
        live.close()
    elif way.startswith("client"):
        if way == "client resets":
            live.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        live.socket.close()
    else:
        live.send(way)
        try:
            live.recv(timeout=10)
            raise AssertionError(f"{way}: the client was told nothing")
        except ConnectionClosed:
            pass
