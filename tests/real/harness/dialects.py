"""The tables of who must speak what to whom, and the runs behind their cells."""

import os

from .peers import CLIENTS, DRAFTS, HIXIE, SERVERS, ClientFailed, base64_of, run_client
from .table import NEVER, SPEAKS, Table

SPOKEN = [(client, draft) for draft in DRAFTS for client, peer in CLIENTS.items() if draft in peer.drafts]
HEARD = [(server, draft) for draft in DRAFTS for server, peer in SERVERS.items() if draft in peer.drafts]
BINARY = "binary"
SOMETIMES = "sometimes (4)"
LIBRARIES = "libraries (3)"

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


def _through(line, column):
    if column == "pings" and line.split(" ")[1] in HIXIE:
        return NEVER
    return "refuses (1)" if (line, column) == ("ruby hixie-76", "`tcp:` base64") else SPEAKS


THROUGH = Table(
    "through", "Through the router", """\
Clients in front of `echo:`, of `tcp:` with an echo behind it (what is text becomes bytes; base64 where there is no binary, or where
that subprotocol is agreed), and of upstreams that speak 13 only: Python's websockets over `http:`, uWSGI over `uwsgi:`. `pings`:
whether they answer ours; the older two have none. (1) This client of hixie-76 asks for a subprotocol as hixie-75 does, and looks
for the answer where hixie-76 has it.""",
    "client", [row(*pair) for pair in SPOKEN], ["`echo:`", "`tcp:`", "`tcp:` base64", "`http:`", "`uwsgi:`", "pings"],
    _through)


CLOSE_CODES = ["1000", "1001", "1011", "1012", "4001"]
CLOSE_CLIENTS = [("perl", "hixie-75"), ("perl", "hixie-76"), ("ruby", "hybi-07"), ("autobahn", "hybi-08"), ("ws-8", "hybi-08"),
                 ("websockets", "13")]


def _close(line, code):
    draft = line.split(" ")[1]
    if draft in HIXIE:
        return "FIN" if draft == "hixie-75" else "FF 00"
    if draft == "hybi-07" and code == "1011":
        return "1002"
    return "1001" if draft != "13" and code == "1012" else code


CLOSES = Table(
    "closes", "Close codes", "What a client is told when an upstream that speaks 13 closes with each of these codes.",
    "client", [row(*pair) for pair in CLOSE_CLIENTS], CLOSE_CODES, _close)

OLD_CLIENTS = [("chromium", "13"), ("websockets", "13"), ("perl", "hixie-76"), ("ruby", "hybi-07")]


def _old(line, client):
    server, draft = line.split(" ")
    if line == "perl hixie-75":
        return "502 (1)"
    if client.startswith("chromium") and (draft not in HIXIE or server == "ws-1"):
        return NEVER  # enough with one client of 13
    if server == "websockify":
        return BINARY if not client.endswith(HIXIE[1]) else NEVER
    return SPEAKS


OLD = Table(
    "old", "To upstreams of every draft", """\
`websockets-upstream-draft` names what the upstream speaks; the client keeps its own draft. (1) This server answers hixie-75 with
the reason phrase of hixie-76; the first 85 bytes of that answer are fixed, so it is no WebSocket.""",
    "upstream", [row(*pair) for pair in HEARD], [row(*pair) for pair in OLD_CLIENTS], _old)

SAME_PAIRS = [("ruby", "em-websocket", DRAFTS), ("perl", "eventlet", ["hixie-75", "hixie-76", "hybi-08", "13"]),
              ("websocket-client", "websocket-driver", ["hixie-76"]), ("netty", "tornado", ["hybi-07", "hybi-08", "13"])]
SAME = Table(
    "same", "With the client's draft passed on", "`websockets-upstream-draft = same`: the upstream is spoken to as the client speaks.",
    "client to upstream", [f"{client} to {server}" for client, server, _ in SAME_PAIRS], DRAFTS,
    lambda line, draft: SPEAKS if any(line == f"{client} to {server}" and draft in drafts for client, server, drafts in SAME_PAIRS) else NEVER)


def _behind(line, front):
    if front == "HAProxy, `mode http`" and line.split(" ")[1] in HIXIE:
        return "400 (1)"
    if front == "nginx" and line.endswith("hixie-75"):
        return LIBRARIES
    return "400 (2)" if (line, front) == ("ws-1 hybi-08", "HAProxy, `mode http`") else SPEAKS


BEHIND_CLIENTS = [("perl", "hixie-75"), ("ruby", "hixie-75"), ("perl", "hixie-76"), ("ruby", "hixie-76"), ("websocket-client", "hixie-76"),
                  ("netty", "hixie-76"), ("ruby", "hybi-07"), ("netty", "hybi-07"), ("autobahn", "hybi-08"), ("ws-1", "hybi-08"),
                  ("websockets", "13"), ("chromium", "13")]
BEHIND = Table(
    "behind", "Behind another proxy", """\
nginx with `proxy_pass` and the two upgrade fields, HAProxy in both its modes, each in front of the router. (1) HAProxy refuses
these handshakes: such clients need the router at the edge, or `mode tcp`. (2) And this client's keys of 15 bytes. (3) nginx
puts fields of its own between the first lines of the answer, of which the browsers of hixie-75 compared every byte.""",
    "client", [row(*pair) for pair in BEHIND_CLIENTS], ["nginx", "HAProxy, `mode tcp`", "HAProxy, `mode http`"], _behind)

TABLES = [DIRECT, THROUGH, CLOSES, OLD, SAME, BEHIND]


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
