"""The command line and the order of things."""

import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys

from . import figures, install, keep, report, rows, trace, verdicts
from .candidates import CANDIDATES, candidates_for
from .measure import Bench, half, measure
from .process import Failed, undisturbed

# Memory is the same each time: so many rounds show that.
MEMORY_ROUNDS = 3
# Seconds that a measurement takes beside its load: a start, warming up and an end; and one of memory in all.
AROUND, MEMORY = 1.2, 7


def options(description):
    parser = argparse.ArgumentParser(
        prog="compare", description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    names = ",".join(CANDIDATES)
    keys = ",".join(row.key for row in rows.ROWS)
    add = parser.add_argument
    add("--rows", default="", metavar="KEYS", help=f"of {keys};\nthose with a bar if not given")
    add("--candidates", default="", metavar="NAMES", help=f"of {names};\nthose a row's bars name if not given, and tidegate twice")
    add("--all", action="store_true", help="all rows and all candidates that are not chosen otherwise")
    add("--rounds", type=int, help="9 if not given, as many as a verdict needs")
    add("--seconds", type=float, help="per measurement; 2 if not given")
    add("--idle", type=int, help="WebSockets held in the rows of that name; 8000, over TLS 4000 if not given")
    add("--quick", action="store_true", help="what is not given becomes 2 rounds of 1 s, 2,000 idle")
    add("--vs", metavar="BINARY", help="another build of tidegate as candidate `vs`, beside ours alone unless others are named")
    add("--binary", metavar="BINARY", help="take this tidegate, build none")
    add("--bare", action="store_true", help="peers add no forwarding fields")
    add("--cores", default="0,1", metavar="PROXY,LOAD")
    add("--strace", action="store_true", help="then print system calls per operation")
    add("--perf", action="store_true", help="then print where the time goes")
    add("--watch", default="tidegate", metavar="NAMES", help="whom --strace and --perf look at")
    add("--keep", metavar="FILE", help="keep what is measured in this file, row by row, and show what is kept there already as well")
    add("--from", dest="kept", metavar="FILE", help="measure nothing, show what is kept in this file, or --rows of it")
    add("--write", metavar="FILE", help="put the tables between the marks in this document, anew after each row")
    add("--marks", default="compare", metavar="NAME", help="which marks; compare if not given")
    found = parser.parse_args()
    rounds, seconds, idle = (2, 1, 2000) if found.quick else (figures.ROUNDS, 2, None)
    found.rounds = found.rounds or rounds
    found.seconds = found.seconds or seconds
    found.idle = found.idle or idle
    return found


def chosen(asked):
    """Names of the candidates, ours first; none where each row's bars say it."""
    names = [name for name in asked.candidates.split(",") if name]
    unknown = [name for name in names if name not in CANDIDATES or name == "vs" and not asked.vs]
    if unknown:
        raise Failed(f"no candidate {', '.join(unknown)}; there are {', '.join(CANDIDATES)}, vs where --vs names a binary")
    if asked.vs:
        names += ["tidegate", "tidegate-again", "vs"]
    elif not names and asked.all:
        names = [name for name in CANDIDATES if name != "vs"]
    return [name for name in CANDIDATES if name in names]


def main(description):
    """Does what is asked; the exit status."""
    asked = options(description)
    try:
        return do(asked)
    except (Failed, OSError, subprocess.SubprocessError) as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 2


def do(asked):
    keys = [key for key in asked.rows.split(",") if key]
    if asked.kept:
        if not pathlib.Path(asked.kept).exists():
            raise Failed(f"nothing is kept in {asked.kept}")
        rows.select(keys)
        return show(asked, keep.read(asked.kept), keys)
    names = chosen(asked)
    wanted = [
        dataclasses.replace(row, connections=asked.idle) if row.load == "idle" and asked.idle else row
        for row in rows.select(keys, asked.all or asked.vs)
    ]
    refuse(asked, wanted, names)
    programs = needed(asked, wanted, names)
    proxy_core, load_core = map(int, asked.cores.split(","))
    bench = Bench(programs, install.work_dir(), proxy_core, load_core, asked.bare, asked.seconds)
    install.say(estimate(asked, wanted, names))
    done = keep.read(asked.keep) if asked.keep else {}
    versions = install.versions(programs)
    with bench.start_backend():
        for row in wanted:
            new = work(bench, asked, row, candidates_for(row, names), versions)
            done[row.key] = keep.joined(done.get(row.key), new)
            if asked.keep:
                keep.write(asked.keep, done)
            if asked.write:
                report.write(asked.write, asked.marks, report.page(in_order(done)))
        status = show(asked, done, [])
        look_closer(bench, asked, wanted)
    return status


def refuse(asked, wanted, names):
    """What would fail after hours is refused at once."""
    for row in wanted:
        if not set(candidates_for(row, names)) - {"tidegate-again"}:
            raise Failed(f"{row.key}: none of the candidates is for it")
    if asked.seconds % 1 and any(row.load == "wrk" for row in wanted):
        raise Failed("wrk takes whole seconds")
    if asked.write:
        report.parts(asked.write, asked.marks)
    if asked.perf and not shutil.which("perf"):
        raise Failed("perf is missing")
    taking_part = {name for row in wanted for name in candidates_for(row, names)}
    if (asked.strace or asked.perf) and (absent := set(asked.watch.split(",")) - taking_part):
        raise Failed(f"{', '.join(sorted(absent))} does not take part")


def needed(asked, wanted, names):
    """The programs that take part, installed or built."""
    taking_part = {name for row in wanted for name in candidates_for(row, names)}
    needed = {CANDIDATES[name][0] for name in taking_part} - {"relay", "vs"}
    needed |= {"wrk"} if any(row.load == "wrk" for row in wanted) else set()
    needed |= {"strace"} if asked.strace else set()
    needed |= {"node", "npm"} if "ws" in needed else set()
    programs = install.programs(sorted(needed | {"openssl"}), asked.binary)
    if asked.vs:
        programs["vs"] = str(pathlib.Path(asked.vs).resolve())
    return programs


def estimate(asked, wanted, names):
    """How long it will take, about."""
    seconds = 0
    for row in wanted:
        count = len(candidates_for(row, names))
        each = MEMORY if row.load == "idle" else asked.seconds + AROUND
        # What half load is, and what a message's wake-ups are, is found out once.
        once = row.half * 2 + row.wakes * (asked.seconds + 3)
        seconds += count * (each * rounds_of(asked, row) + once)
    return f"{len(wanted)} rows, about {seconds / 60:.0f} minutes"


def rounds_of(asked, row):
    return min(asked.rounds, MEMORY_ROUNDS) if row.load == "idle" else asked.rounds


def work(bench, asked, row, names, versions):
    """All of a row: candidates alternate, in an order drawn for each round: none always follows the same one."""
    run = report.run(versions, asked)
    if row.half:
        others = [name for name in names if name != "tidegate-again"]
        row = dataclasses.replace(row, rate=undisturbed(lambda: half(bench, row, others)))
        install.say(f"{row.key}: {row.rate:,} a second")
    samples = {name: [] for name in names}
    count = rounds_of(asked, row)
    for number in range(count):
        for name in figures.shuffled(names):
            try:
                sample = undisturbed(lambda: measure(bench, name, row))
            except Failed as failure:
                raise Failed(f"{row.key}, {name}: {failure}") from None
            samples[name].append(sample)
            figure = f"{sample.cpu:.2f} µs" if row.load != "idle" else f"{sample.rss:.0f} bytes"
            noise = f", {sample.foreign:.0%} by others" if sample.foreign > 0.03 else ""
            install.say(f"{row.key:<18} round {number + 1}/{count}  {name:<15} {figure}{noise}")
    wakes = {name: trace.wakes(bench, name, row) for name in names if row.wakes and name != "tidegate-again"}
    return keep.Done(row, run, samples, {name: counted for name, counted in wakes.items() if counted})


def in_order(done):
    """Rows in the order of the table."""
    return [done[row.key] for row in rows.ROWS if row.key in done]


def show(asked, done, keys):
    """Prints the tables, and writes them where they are wanted; the exit status."""
    shown = [of for of in in_order(done) if not keys or of.row.key in keys]
    if not shown:
        raise Failed("none of these rows is kept")
    text = report.page(shown)
    print(text)
    if asked.write:
        report.write(asked.write, asked.marks, text)
    return 1 if verdicts.misses(text) else 0


def look_closer(bench, asked, wanted):
    for name in asked.watch.split(","):
        for row in wanted:
            if row.load == "idle" or row.half or not candidates_for(row, [name]):
                continue
            if asked.strace:
                print(trace.system_calls(bench, name, row))
            if asked.perf:
                print(trace.profile(bench, name, row))
