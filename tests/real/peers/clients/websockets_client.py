"""A client by Python's websockets: 13."""

import time

from steps import ORIGIN, PROTOCOLS, STEPS, URL, fail, parts, say, say_message
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect


def main():
    with connect(URL, origin=ORIGIN, subprotocols=PROTOCOLS or None, max_size=8 << 20) as socket:
        say(open=socket.subprotocol)
        try:
            play(socket)
        except ConnectionClosed:
            pass
        came = socket.protocol.close_rcvd
        say(close=came and came.code, reason=came.reason if came else "")


def play(socket):
    for kind, data in map(parts, STEPS):
        if kind == "ping":
            socket.ping(data).wait(10) or fail("no pong")
            say(pong=data)
        elif kind == "pause":
            time.sleep(int(data) / 1000)
        elif kind == "hear":
            say_message(socket.recv(timeout=15))
        elif kind == "close":
            return socket.close(int(data))
        else:
            socket.send(data)
            say_message(socket.recv(timeout=15))
    socket.close(1000)


try:
    main()
except (OSError, WebSocketException) as error:
    fail(error)
