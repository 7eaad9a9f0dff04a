"""WebSocket echoes through Python's `websockets`: every size, text and binary, checked byte by byte."""

import os

from websockets.sync.client import connect

SIZES = [1, 125, 126, 1000, 65535, 65536, 1_000_000]


def payload(size, text):
    """Random bytes, or as many ASCII characters."""
    return os.urandom(size // 2 + 1).hex()[:size] if text else os.urandom(size)


def echo_all(url, sizes=SIZES, kinds=("text", "binary"), expect=None, **options):
    """Sends each size in each kind and checks its echo; `expect` is the kind that comes back, else the same."""
    with connect(url, max_size=64 << 20, compression=None, ping_interval=None, open_timeout=10, **options) as socket:
        for size in sizes:
            for kind in kinds:
                sent = payload(size, kind == "text")
                socket.send(sent)
                got = socket.recv(timeout=20)
                want = sent if isinstance(sent, bytes) == ((expect or kind) == "binary") else _other(sent)
                assert type(got) is type(want), f"{kind} of {size} bytes came back as {type(got).__name__}"
                assert got == want, f"{kind} of {size} bytes: a wrong echo of {len(got)}"
    return socket


def _other(message):
    return message.decode() if isinstance(message, bytes) else message.encode()
