"""One candidate doing one row's work, once."""

import dataclasses
import json
import os
import re
import subprocess
import tempfile
import time

from . import candidates, install, rows
from .process import Failed, Process, Still, core_times, free_port

# What `wsload` says when all its connections are open.
BEGUN = "begun\n"


@dataclasses.dataclass
class Sample:
    """What one measurement gave; times in microseconds, CPU per operation."""

    rate: float = 0
    p50: float = 0
    p99: float = 0
    user: float = 0
    system: float = 0
    # Bytes of frames that came back per operation.
    wire: float = 0
    # Shares of time: the proxy's core busy, the same by others than the proxy, the load's core busy.
    proxy_core: float = 0
    foreign: float = 0
    load_core: float = 0
    # Bytes per idle WebSocket.
    rss: float = 0
    dirty: float = 0

    @property
    def cpu(self):
        return self.user + self.system


@dataclasses.dataclass
class Said:
    """What a load printed."""

    stdout: str
    stderr: str


@dataclasses.dataclass
class Bench:
    """What all measurements of a run share."""

    programs: dict
    dir: object
    proxy_core: int
    load_core: int
    bare: bool
    seconds: float
    backend: int = 0

    def start_backend(self):
        self.backend = free_port()
        command = [self.programs["wsecho"], f"127.0.0.1:{self.backend}"]
        log = self.dir / "wsecho.log"
        return Process("wsecho", command, self.load_core, log).ready(self.backend)

    def start(self, name, row):
        """A candidate ready for a row, and its port."""
        place = self.dir / name
        place.mkdir(exist_ok=True)
        port = free_port()
        at = candidates.Setting(row, port, self.backend, place, self.bare, *install.certificate())
        command = candidates.command(name, self.programs, at)
        return Process(name, command, self.proxy_core, place / "log").ready(port), port

    def load(self, row, port, seconds, read=lambda: None):
        """Runs the load to its end; what it said, and what `read` gave before and after it, as in `under_load`."""
        return under_load(rows.command(row, self.programs, port, seconds), self.load_core, read)


def under_load(command, core, read):
    """Runs a load to its end on a core; what it said, and what `read` gave before and after it.

    Of `wsload`, where connections stay, before is when all of them are open: opening them is not what is measured. `wrk` does not
    say when that is.
    """
    before = read()
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    ) as load:
        said = ""
        for line in load.stdout:
            if line == BEGUN:
                before = read()
            else:
                said += line
        after = read()
        load.wait()
        errors.seek(0)
        return Said(said, errors.read()), before, after


def measure(bench, name, row):
    """One sample."""
    proxy, port = bench.start(name, row)
    with proxy:
        if row.load == "idle":
            return idle(bench, proxy, row, port)
        parse_load(row, bench.load(row, port, min(0.5, bench.seconds))[0])
        said, before, after = bench.load(row, port, bench.seconds, lambda: counters(bench, proxy))
        operations, sample = parse_load(row, said)
    (cpu, proxy_core, load_core), (cpu_then, proxy_then, load_then) = before, after
    own, user, system = (then - now for now, then in zip(cpu, cpu_then))
    busy, total = (then - now for now, then in zip(proxy_core, proxy_then))
    load_busy, load_total = (then - now for now, then in zip(load_core, load_then))
    each = 1e6 * own / operations
    sample.user = each * user / max(1, user + system)
    sample.system = each - sample.user
    # Ticks see little of who sleeps often.
    sample.proxy_core = max(busy, own) / total
    sample.foreign = max(0, busy - own) / total
    sample.load_core = load_busy / load_total
    return sample


def half(bench, row, names):
    """Half of what the slowest of them does saturated, per second, in round figures."""
    rates = []
    for name in names:
        proxy, port = bench.start(name, row)
        with proxy:
            parse_load(row, bench.load(row, port, 0.3)[0])
            rates.append(parse_load(row, bench.load(row, port, 1)[0])[1].rate)
    return max(100, int(min(rates) / 200) * 100)


def counters(bench, proxy):
    return proxy.cpu(), core_times(bench.proxy_core), core_times(bench.load_core)


def idle(bench, proxy, row, port):
    """Memory before and after many WebSockets that have each carried one message."""
    few = dataclasses.replace(row, load="echo", connections=16)
    parse_load(few, bench.load(few, port, 0.3)[0])
    time.sleep(0.2)
    before = proxy.memory()
    command = rows.command(row, bench.programs, port, 0)
    holder = Process(
        "wsload", command, bench.load_core, bench.dir / "wsload.log",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    with holder:
        line = holder.child.stdout.readline()
        if not line.startswith("ready"):
            raise Failed(f"wsload: {line}{holder.log.read_text()}")
        time.sleep(2)
        after = proxy.memory()
    rss, dirty = ((then - now) / row.connections for now, then in zip(before, after))
    return Sample(rss=rss, dirty=dirty)


def parse_load(row, done):
    """Operations and the sample's first figures from the load's output."""
    if row.load == "wrk":
        return parse_wrk(done)
    try:
        report = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise Failed(f"wsload: {done.stdout}{done.stderr}") from None
    if report["faults"]:
        raise Failed(f"wsload: {report['faults']} faults, the first: {report['first_fault']}")
    if not report["operations"]:
        raise Still("wsload: nothing was completed")
    resumed = report["resumed"] / max(1, report["opened"])
    if row.tls and not (0.5 < resumed if row.resume else resumed == 0):
        raise Failed(f"wsload: {resumed:.0%} of the TLS sessions were resumed")
    wire = report["received"] / report["operations"]
    sample = Sample(rate=report["rate"], p50=report["p50"], p99=report["p99"], wire=wire)
    return report["operations"], sample


def parse_wrk(done):
    text = done.stdout
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    quantiles = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+\w+)\s*$", text, re.M))
    errors = re.search(r"(Non-2xx.*|Socket errors:.*)", text)
    if requests and not int(requests[1]) and not errors:
        raise Still("wrk: nothing was completed")
    if not (requests and rate and len(quantiles) == 2) or errors:
        raise Failed(f"wrk: {errors[1] if errors else text + done.stderr}")
    sample = Sample(rate=float(rate[1]), p50=micros(quantiles["50"]), p99=micros(quantiles["99"]))
    return int(requests[1]), sample


def micros(text):
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]
