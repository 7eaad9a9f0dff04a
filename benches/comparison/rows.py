"""The rows of the table: each kind of work and the load that makes it."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Row:
    """One kind of work. `load` is `wrk` or the mode of `wsload`."""

    key: str
    title: str
    load: str
    path: str = "/"
    connections: int = 64
    size: int = 125
    rate: int = 0
    # Bars on the ratio of tidegate's CPU per operation to a peer's.
    haproxy_bar: float = 0
    nginx_bar: float = 0


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
    Row("churn", "WebSocket open, echo, close; 64 at a time", "churn"),
    Row("uwsgi100", "HTTP GET 100 B to a uwsgi upstream, 64 connections", "wrk"),
    Row("idle", "memory of an idle WebSocket", "idle", connections=8000),
]

# Bytes of the proxy's own memory that an idle WebSocket may cost.
IDLE_BAR = 1024


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
    if row.load != "idle":
        options += ["-d", f"{seconds:g}"]
    return [programs["wsload"], f"ws://127.0.0.1:{port}{row.path}", *options]
