"""An echo by gevent-websocket: 7, 8 and 13."""

import sys

from gevent import pywsgi
from geventwebsocket import WebSocketError
from geventwebsocket.handler import WebSocketHandler


def echo(environ, start_response):
    socket = environ["wsgi.websocket"]
    try:
        while (message := socket.receive()) is not None:
            if isinstance(message, str) and message.startswith("close:"):
                socket.close(int(message[6:]), "asked")
                break
            socket.send(message)
    except WebSocketError:
        pass
    return []


pywsgi.WSGIServer(("127.0.0.1", int(sys.argv[1])), echo, handler_class=WebSocketHandler, log=None).serve_forever()
