"""The tables of who must speak what to whom, and the runs behind their cells."""

import os

from .peers import CLIENTS, DRAFTS, HIXIE, SERVERS, ClientFailed, base64_of, run_client
from .table import NEVER, SPEAKS, Table

SPOKEN = [(client, draft) for draft in DRAFTS for client, peer in CLIENTS.items() if draft in peer.drafts]
BINARY = "binary"
SOMETIMES = "sometimes (4)"

TEXTS = ["plain", "grüße, 你好, 🦊", "", "0123456789abcdef" * 4096]
BYTES = [bytes(range(256)), b"", bytes(range(256)) * 256]


def row(peer, draft):
    return f"{peer} {draft}"


def _direct(line, server):
    client, draft = line.split(" ")
    if draft not in SERVERS[server].drafts:
        return NEVER
    if draft == "hixie-76" and client in ("perl", "netty"):
        if server in ("em-websocket", "websocket-driver"):
            return "silence (1)"
        if client == "netty" and server == "eventlet":
            return "refused (2)"
    if line == "websocket-client hixie-76" and server == "em-websocket":
        return SOMETIMES
    if line == "ws-1 hybi-08" and server in ("gevent-websocket", "autobahn", "ws-8"):
        return "400 (3)"
    return BINARY if server == "websockify" else SPEAKS


DIRECT = Table(
    "direct", "Without a router", """\
What the peers make of each other; the proof that they are what they say. (1) They put their `Content-Length: 8` before the
eight bytes of the key, and the server takes these for a body. (2) The server names a subprotocol nobody asked for. (3) The
client's keys have 15 bytes. (4) The server drops one in four that send the last eight bytes in a segment of their own.
`binary`: websockify takes no text.""",
    "client", [row(*pair) for pair in SPOKEN], SERVERS, _direct)



def direct_cells():
    """The cells that are run: without TIDEGATE_FULL of the many pairs of 8 and 13 only enough to prove every peer."""
    judges = {"hybi-08": ("autobahn", "ws-8"), "13": ("websockets", "websockets")}

    def proves(line, server):
        client, draft = line.split(" ")
        return draft not in judges or client == judges[draft][0] or server == judges[draft][1]

    return [cell for cell in DIRECT.cells() if os.environ.get("TIDEGATE_FULL") or proves(*cell)]


TABLES = [DIRECT]


def steps(client, draft, verdict=SPEAKS):
    """What such a client can send, as words of its command line; BINARY: where messages turn into bytes of TCP and back."""
    peer = CLIENTS[client]
    if verdict == BINARY:
        return [f"binary:{base64_of(BYTES[0])}", f"binary:{base64_of(b'x')}"]
    texts = [text for text in TEXTS if not (client == "netty" and draft == "hixie-76" and len(text) > 500)]
    words = [f"text:{text}" for text in texts]
    if draft not in HIXIE:
        words += [f"binary:{base64_of(data)}" for data in BYTES]
        words += ["ping:are you there"] if peer.pings else []
    return words


def echoed(words):
    """The lines that an echo makes of these steps."""
    return [{"pong" if kind == "ping" else kind: data} for kind, _, data in (word.partition(":") for word in words)]


def speak(client, draft, url, words, wanted=None, **options):
    """Runs the client and asserts what comes back, then that the WebSocket ends as it should; the line of its end."""
    opened, *lines, ended = run_client(client, url, draft, *words, **options)
    assert "open" in opened
    wanted = echoed(words) if wanted is None else wanted
    for number, (got, want) in enumerate(zip(lines, wanted)):
        assert got == want, f"step {number}, {words[number][:60]}: {str(got)[:200]}"
    assert len(lines) == len(wanted), f"{len(lines)} of {len(wanted)} answers, then {ended}"
    return ended


def can_speak(client, draft, url, **options):
    """Whether such a client gets one word echoed here."""
    try:
        return bool(speak(client, draft, url, ["text:hello"], timeout=2, **options))
    except ClientFailed:
        return False
