"""An echo by Python's websockets: 13."""

import sys

from websockets.sync.server import serve


def echo(socket):
    for message in socket:
        if isinstance(message, str) and message.startswith("close:"):
            return socket.close(int(message[6:]), "asked")
        socket.send(message)


with serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=8 << 20) as server:
    server.serve_forever()
