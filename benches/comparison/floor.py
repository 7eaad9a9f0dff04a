"""What bare relays take where work is shared, one on each core: no proxy that shares it can take much less."""

import concurrent.futures
import contextlib
import dataclasses
import pathlib

from . import figures
from .process import Process, free_port


def shared(bench, work, cores, rounds):
    """Its interval: CPU per operation of a relay on each of these cores, of that of one that does all of it, in each place."""
    ratios = []
    for _ in range(rounds):
        alone = [measure(bench, work, [core] * len(cores)) for core in cores]
        ratios.append(measure(bench, work, cores) * len(cores) / sum(alone))
    return figures.interval(ratios)


def measure(bench, work, places):
    """CPU per operation in µs of relays on these cores, each with its part of the work. Those on the same core are one."""
    part = dataclasses.replace(work, rate=work.rate // len(places), connections=work.connections // len(places))
    with contextlib.ExitStack() as stack:
        relays, ports = {}, {}
        for core in set(places):
            ports[core] = free_port()
            command = [bench.programs["relay"], f"127.0.0.1:{ports[core]}", f"127.0.0.1:{bench.backend}"]
            relays[core] = stack.enter_context(Process("relay", command, core, bench.folder / "relay.log").ready(ports[core]))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(places)))

        def load(seconds):
            return sum(pool.map(lambda core: bench.load(part, ports[core], seconds), places))

        load(0.3)
        before = sum(map(ran, relays.values()))
        operations = load(bench.seconds)
        return 1e6 * (sum(map(ran, relays.values())) - before) / operations


def ran(process):
    """Seconds it has run, as the scheduler counts them."""
    return int(pathlib.Path(f"/proc/{process.child.pid}/schedstat").read_text().split()[0]) / 1e9
