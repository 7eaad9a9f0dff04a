"""The rows of the table: each kind of work and the load that makes it."""

import dataclasses
import math

from .process import Failed


@dataclasses.dataclass(frozen=True)
class Row:
    """One kind of work. `load` is `wrk` or the mode of `wsload`."""

    key: str
    title: str
    load: str
    # What is behind the proxy: `http`, `uwsgi` or `tcp`; `echo`: nothing, messages come back from it.
    to: str = "http"
    # Messages are checked on their way to the backend.
    guard: bool = False
    path: str = "/"
    connections: int = 64
    size: int = 125
    # Text in JSON, not binary noise.
    json: bool = False
    # permessage-deflate as the load offers it.
    deflate: str = ""
    # The version of TLS towards the proxy, if any; what is behind it is plain.
    tls: str = ""
    # A connection resumes the TLS session of the one before it.
    resume: bool = False
    rate: int = 0
    # The rate is half of what the slowest of those that take part does saturated, found before the first round.
    half: bool = False
    # Bars: a peer, or several, of which the better counts, and at most how many times its CPU per operation tidegate may take.
    bars: tuple = ()
    # Peers, of which the better's p99 is the most that ours may be.
    tail: tuple = ()
    # How many messages each wake-up brings is counted as well.
    wakes: bool = False
    # Bytes of the proxy's own memory that an idle WebSocket may cost.
    memory_bar: int = 0

    @property
    def asks(self):
        """Whether anything is asked of tidegate here."""
        return bool(self.bars or self.tail or self.memory_bar)

    @property
    def peers(self):
        """Those whom its bars name."""
        return {name for names, _ in self.bars for name in names} | set(self.tail)


# Of these the better counts.
BEST = ("nginx", "haproxy")


def bars(relay=0, nginx=0):
    """Bars on what is done without TLS; HAProxy's CPU always is one."""
    asked = ((("relay",), relay), (("nginx",), nginx), (("haproxy",), 1))
    return tuple(bar for bar in asked if bar[1])


def echoes():
    """Messages that come back from the program itself, plain and deflated."""
    for size, name, connections in ((125, "125 B", 64), (4096, "4 KB", 64), (65536, "64 KB", 16)):
        key = name.replace(" ", "").replace("KB", "k").replace("B", "")
        row = Row(
            f"echo{key}", f"WebSocket ended here, echo of {name} of JSON", "echo",
            to="echo", size=size, connections=connections, json=True,
        )
        yield row
        yield dataclasses.replace(
            row, key=f"deflate{key}", title=f"{row.title}, permessage-deflate", deflate="alone"
        )


def idles():
    """Memory of idle WebSockets that end in the proxy or are seen through."""
    row = Row("idle", "memory of an idle WebSocket", "idle", connections=8000, memory_bar=1024)
    yield row
    yield dataclasses.replace(
        row, key="idle-wss", title="memory of an idle wss connection", connections=4000, tls="1.3", memory_bar=4096
    )
    for key, title, bar, change in (
        ("idle-echo", "ended here", 600, {"to": "echo"}),
        ("idle-deflate", "ended here, permessage-deflate agreed", 1024, {"to": "echo", "deflate": "alone", "json": True}),
        ("idle-tcp", "bridged to TCP", 1024, {"to": "tcp"}),
        ("idle-guard", "guarded", 1024, {"guard": True}),
        ("idle-guard-deflate", "guarded, permessage-deflate agreed", 1024, {"guard": True, "deflate": "alone", "json": True}),
    ):
        yield dataclasses.replace(row, key=key, title=f"{row.title} {title}", memory_bar=bar, **change)


def secure():
    """The same work over TLS, and what beginning it costs."""
    get = Row("https100", "HTTPS GET 100 B, keep-alive, 64 connections", "get", tls="1.3", bars=((BEST, 0.9),))
    yield get
    yield dataclasses.replace(get, key="https64k", title="HTTPS GET 64 KB, keep-alive, 64 connections", path="/64k")
    echo = Row("wss125", "wss echo 125 B, 64 connections, saturated", "echo", tls="1.3", bars=((BEST, 0.8),))
    yield echo
    yield dataclasses.replace(
        echo, key="wss64k", title="wss echo 64 KB, 16 connections, saturated", connections=16, size=65536, bars=((BEST, 0.75),)
    )
    yield Row("wss-churn", "wss open, echo, close; 64 at a time", "churn", tls="1.3")
    yield Row("wss-reopen", "wss open, echo, close; TLS sessions resumed", "churn", tls="1.3", resume=True)
    for version, name in (("1.3", "tls13"), ("1.2", "tls12")):
        row = Row(name, f"HTTPS, a connection each, TLS {version} in full", "handshakes", connections=32, tls=version)
        yield dataclasses.replace(row, bars=((("nginx",), 0.65),))
        yield dataclasses.replace(
            row, key=f"{name}-resumed", title=f"HTTPS, a connection each, TLS {version} resumed", resume=True,
            bars=((("nginx",), 0.6),),
        )
    yield Row("tcp", "HTTP, a connection each, for comparison", "handshakes", connections=32)


def halves():
    """How long it takes at half load."""
    get = Row("get100-half", "HTTP GET 100 B at half load", "get", half=True, tail=BEST)
    echo = Row("ws125-half", "WebSocket echo 125 B at half load", "echo", half=True, tail=BEST)
    yield from (get, echo)
    yield dataclasses.replace(get, key="https100-half", title="HTTPS GET 100 B at half load", tls="1.3")
    yield dataclasses.replace(echo, key="wss125-half", title="wss echo 125 B at half load", tls="1.3")


ROWS = [
    Row("get100", "HTTP GET 100 B, keep-alive, 64 connections", "wrk", bars=bars(1.1, 1)),
    Row("get64k", "HTTP GET 64 KB, keep-alive, 64 connections", "wrk", path="/64k", bars=bars(1.03, 1)),
    Row("ws125", "WebSocket echo 125 B, 64 connections, saturated", "echo", bars=bars(1, 1.05), wakes=True),
    Row("ws125-rate", "WebSocket echo 125 B, 10,000 messages/s", "echo", rate=10_000, bars=bars(1.02)),
    Row(
        "ws64k", "WebSocket echo 64 KB, 16 connections, saturated", "echo", connections=16, size=65536, bars=bars(0.98)
    ),
    Row("guard125", "WebSocket echo 125 B, guarded on its way, 64 connections", "echo", guard=True),
    Row("churn", "WebSocket open, echo, close; 64 at a time", "churn", bars=bars(nginx=1)),
    *secure(),
    Row(
        "uwsgi100", "HTTP GET 100 B to a uwsgi upstream, 64 connections", "wrk", to="uwsgi",
        bars=((("relay",), 1.05), (("uwsgi",), 0.8)),
    ),
    *halves(),
    *echoes(),
    *idles(),
]


def select(keys, everything=False):
    """Rows by their keys, in the table's order; without keys those that ask something, or all."""
    known = {row.key for row in ROWS}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise Failed(f"no row {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [row for row in ROWS if (row.key in keys if keys else everything or row.asks)]


def command(row, programs, port, seconds):
    """The load's command line."""
    if row.load == "wrk":
        url = f"http://127.0.0.1:{port}{row.path}"
        wrk = [programs["wrk"], "-t1", f"-c{row.connections}", f"-d{math.ceil(seconds)}s", "--latency"]
        return [*wrk, url]
    scheme = "http" if row.load in ("get", "handshakes") else "ws"
    if row.tls:
        scheme += "s"
    options = ["--mode", row.load, "-c", str(row.connections), "-s", str(row.size), "--json"]
    if row.rate:
        options += ["--rate", str(row.rate)]
    if row.tls:
        options += ["--tls", row.tls]
    if row.resume:
        options += ["--resume"]
    if row.json:
        options += ["--text", "--payload", "json"]
    if row.deflate:
        options += ["--deflate", row.deflate]
    if row.load != "idle":
        options += ["-d", f"{seconds:g}"]
    return [programs["wsload"], f"{scheme}://127.0.0.1:{port}{row.path}", *options]
