"""An echo by eventlet: hixie-75, hixie-76, 8 and 13."""

import sys

import eventlet
from eventlet import wsgi
from eventlet.websocket import WebSocketWSGI


@WebSocketWSGI
def echo(socket):
    while (message := socket.wait()) is not None:
        if isinstance(message, str) and message.startswith("close:"):
            return socket.close((int(message[6:]), "asked")) if socket.version > 75 and hasattr(socket, "ping") else None
        socket.send(message)


wsgi.server(eventlet.listen(("127.0.0.1", int(sys.argv[1]))), echo, log_output=False)
