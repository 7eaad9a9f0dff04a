"""Either end of a WebSocket leaves, in each way there is, and nothing of it stays in the router."""

import socket
import struct

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from . import websocket
from .process import sockets
from .raw import parse_head
from .waiting import until

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


def handshake(router, url, name, **options):
    """The fields of a handshake as the server sees it; `router.leaver` is an upstream for `/leave` that is served so. Each name is for one call."""
    path = f"/leave?{name.replace(' ', '-')}"
    with connect(url + path, **options) as live:
        live.send("here")
        assert live.recv(timeout=10) == "here"
        head, = (peer.received for peer in router.leaver.peers if peer.received.startswith(f"GET {path} ".encode()))
    return dict(parse_head(bytes(head).partition(b"\r\n\r\n")[0])[1])


def leave_every_way(router, url, **options):
    """Opens a WebSocket and has it end, once for each of WAYS; `router` is the one that must forget it."""
    ends = lambda: sum("CLOSE websocket" in line for line in router.access())
    for way in WAYS:
        before = ends()
        with connect(url, **options) as live:
            live.send("here")
            assert live.recv(timeout=10) == "here"
            held = len(sockets(router.pid))
            _leave(live, way)
        until(f"its sockets are closed: {way}", lambda: len(sockets(router.pid)) <= held - 2)
        until(f"its line: {way}", lambda: ends() == before + 1)


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
