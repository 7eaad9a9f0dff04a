"""How two workers share work, one on each core: what that costs, whatever shares it, and how much each has."""

import contextlib
import functools

from . import figures, verdicts
from .process import Process, free_port

# What the one of two workers that has less must have.
LEAST_SHARE = 0.4


def measurements(bench, work, cores):
    """Beside one worker and two: two processes of tidegate with one worker each, and bare relays, one in each place and both."""
    relay = functools.partial(apart, bench, work, relay_command)
    return {
        "processes": functools.partial(apart, bench, work, bench.one_worker, cores),
        **{f"relay {core}": functools.partial(relay, [core] * len(cores)) for core in cores},
        "relays": functools.partial(relay, cores),
    }


def relay_command(bench, port):
    return [bench.programs["relay"], f"127.0.0.1:{port}", f"127.0.0.1:{bench.backend}"]


def apart(bench, work, command, cores):
    """CPU per operation in µs of a program on each of these cores, with as many connections each. A core named twice has one program."""
    with contextlib.ExitStack() as stack:
        started, ports = [], {}
        for core in set(cores):
            ports[core] = free_port()
            process = Process("one", command(bench, ports[core]), core, bench.folder / f"log {core}")
            started.append(stack.enter_context(process))
            process.ready(ports[core], 60)
        port, *others = [ports[core] for core in cores]
        return bench.cpu(work, lambda: sum(process.cpu()[0] for process in started), port, others)


def report(found, cores, bar):
    """Prints what sharing costs, and how the work was shared; false if two workers take more than `bar` of two processes, or share badly."""
    alone = [found[f"few {core}"] for core in cores]
    for core, each in zip(cores, alone):
        place = "beside the load" if core else "on a core of its own"
        print(f"| one worker {place} | {figures.interval(each)[0]:.2f} | | | | |")
    workers = of_alone(found["many"], alone, found["shares"])
    even = [[1 / len(cores)] * len(cores)] * len(workers)
    processes = of_alone(found["processes"], alone, even)
    relays = of_alone(found["relays"], [found[f"relay {core}"] for core in cores], even)
    for what, ratios in (("workers", workers), ("processes of one worker", processes), ("bare relays", relays)):
        print(f"| two {what}, of one in each place | | | {verdicts.text(figures.interval(ratios))} | | |")
    added = figures.interval(ours / theirs for ours, theirs in zip(workers, processes, strict=True))
    word = verdicts.verdict(bar, *added, len(workers))
    print(f"| two workers, of two processes | | | {verdicts.text(added)} | {bar} | {word} |")
    least = figures.interval(min(shares) for shares in found["shares"])
    fair = "met" if least[0] >= LEAST_SHARE else "**missed**" if least[2] < LEAST_SHARE else "not decided"
    fair = fair if len(workers) >= figures.ROUNDS else verdicts.few(fair, len(workers))
    print(f"| the lesser worker's share | | | {verdicts.text(least)} | at least {LEAST_SHARE:.2f} | {fair} |", flush=True)
    return "**missed**" not in (word, fair)


def of_alone(together, alone, shares):
    """CPU of each round, of what one alone in each place would have taken for the share that was done there."""
    return [cpu / sum(place * share for place, share in zip(places, parts, strict=True))
            for cpu, places, parts in zip(together, zip(*alone), shares, strict=True)]
