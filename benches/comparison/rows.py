"""The rows of the table: each kind of work and the load that makes it."""

import dataclasses
import math


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
    rate: int = 0
    # Bars on the ratio of tidegate's CPU per operation to a peer's.
    haproxy_bar: float = 0
    nginx_bar: float = 0
    # Bytes of the proxy's own memory that an idle WebSocket may cost.
    memory_bar: int = 0


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
    for key, title, bar, change in (
        ("idle-echo", "ended here", 600, {"to": "echo"}),
        ("idle-deflate", "ended here, permessage-deflate agreed", 1024, {"to": "echo", "deflate": "alone", "json": True}),
        ("idle-tcp", "bridged to TCP", 1024, {"to": "tcp"}),
        ("idle-guard", "guarded", 1024, {"guard": True}),
        ("idle-guard-deflate", "guarded, permessage-deflate agreed", 1024, {"guard": True, "deflate": "alone", "json": True}),
    ):
        yield dataclasses.replace(row, key=key, title=f"{row.title} {title}", memory_bar=bar, **change)


ROWS = [
    Row("get100", "HTTP GET 100 B, keep-alive, 64 connections", "wrk", haproxy_bar=1, nginx_bar=1.1),
    Row("get64k", "HTTP GET 64 KB, keep-alive, 64 connections", "wrk", path="/64k"),
    Row(
        "ws125",
        "WebSocket echo 125 B, 64 connections, saturated",
        "echo",
        haproxy_bar=1,
        nginx_bar=1.1,
    ),
    Row("ws125-rate", "WebSocket echo 125 B, 10,000 messages/s", "echo", rate=10_000),
    Row(
        "ws64k",
        "WebSocket echo 64 KB, 16 connections, saturated",
        "echo",
        connections=16,
        size=65536,
        haproxy_bar=1,
        nginx_bar=1.2,
    ),
    Row("guard125", "WebSocket echo 125 B, guarded on its way, 64 connections", "echo", guard=True),
    Row("churn", "WebSocket open, echo, close; 64 at a time", "churn"),
    Row("uwsgi100", "HTTP GET 100 B to a uwsgi upstream, 64 connections", "wrk", to="uwsgi"),
    *echoes(),
    *idles(),
]


def select(keys):
    """Rows by their keys, in the table's order."""
    known = {row.key for row in ROWS}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise SystemExit(f"no row {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [row for row in ROWS if not keys or row.key in keys]


def command(row, programs, port, seconds):
    """The load's command line."""
    if row.load == "wrk":
        url = f"http://127.0.0.1:{port}{row.path}"
        wrk = [programs["wrk"], "-t1", f"-c{row.connections}", f"-d{math.ceil(seconds)}s", "--latency"]
        return [*wrk, url]
    options = ["--mode", row.load, "-c", str(row.connections), "-s", str(row.size), "--json"]
    if row.rate:
        options += ["--rate", str(row.rate)]
    if row.json:
        options += ["--text", "--payload", "json"]
    if row.deflate:
        options += ["--deflate", row.deflate]
    if row.load != "idle":
        options += ["-d", f"{seconds:g}"]
    return [programs["wsload"], f"ws://127.0.0.1:{port}{row.path}", *options]
