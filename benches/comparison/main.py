"""The command line and the order of things."""

import argparse
import dataclasses
import pathlib
import sys

from . import install, report, rows, trace
from .candidates import CANDIDATES, candidates_for
from .measure import Bench, measure
from .process import Failed


def options(description):
    parser = argparse.ArgumentParser(
        prog="compare", description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    names = ",".join(CANDIDATES)
    keys = ",".join(row.key for row in rows.ROWS)
    add = parser.add_argument
    add("--rows", default="", metavar="KEYS", help=f"of {keys}")
    add("--candidates", default="", metavar="NAMES", help=f"of {names};\ntidegate-again is for A/A")
    add("--rounds", type=int, help="9 if not given, as many as a verdict needs")
    add("--seconds", type=float, help="per measurement; 3 if not given")
    add("--idle", type=int, help="WebSockets held in the rows of that name; 8000, over TLS 4000 if not given")
    add("--quick", action="store_true", help="what is not given becomes 2 rounds of 2 s, 2,000 idle")
    add("--aa", action="store_true", help="tidegate twice, to see the noise")
    add("--vs", metavar="BINARY", help="another build of tidegate as candidate `vs`")
    add("--binary", metavar="BINARY", help="take this tidegate, build none")
    add("--bare", action="store_true", help="peers add no forwarding fields")
    add("--cores", default="0,1", metavar="PROXY,LOAD")
    add("--strace", action="store_true", help="then print system calls per operation")
    add("--perf", action="store_true", help="then print where the time goes")
    add("--watch", default="tidegate", metavar="NAMES", help="whom --strace and --perf look at")
    add("--write", metavar="FILE", help="put the tables between the marks in this document")
    add("--marks", default="compare", metavar="NAME", help="which marks; compare if not given")
    found = parser.parse_args()
    rounds, seconds, idle = (2, 2, 2000) if found.quick else (report.ROUNDS, 3, None)
    found.rounds = found.rounds or rounds
    found.seconds = found.seconds or seconds
    found.idle = found.idle or idle
    return found


def chosen(asked):
    """Names of the candidates, the reference first."""
    names = [name for name in asked.candidates.split(",") if name]
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise SystemExit(f"no candidate {', '.join(unknown)}; there are {', '.join(CANDIDATES)}")
    if not names:
        names = [name for name in CANDIDATES if name != "vs"]
    names += ["tidegate-again"] * asked.aa + ["vs"] * bool(asked.vs)
    return [name for name in CANDIDATES if name in names]


def main(description):
    asked = options(description)
    names = chosen(asked)
    wanted = [
        dataclasses.replace(row, connections=asked.idle) if row.load == "idle" and asked.idle else row
        for row in rows.select([key for key in asked.rows.split(",") if key])
    ]
    taking_part = {name for row in wanted for name in candidates_for(row, names)}
    needed = {CANDIDATES[name][0] for name in taking_part} - {"relay", "vs"}
    needed |= {"wrk"} if any(row.load == "wrk" for row in wanted) else set()
    needed |= {"openssl"} if any(row.tls for row in wanted) else set()
    needed |= {"strace"} if asked.strace else set()
    needed |= {"node", "npm"} if "ws" in needed else set()
    programs = install.programs(sorted(needed), asked.binary)
    if asked.vs:
        programs["vs"] = str(pathlib.Path(asked.vs).resolve())
    proxy_core, load_core = map(int, asked.cores.split(","))
    bench = Bench(programs, install.work_dir(), proxy_core, load_core, asked.bare, asked.seconds)
    try:
        with bench.start_backend():
            samples = rounds(bench, asked.rounds, wanted, names)
            text = render(asked, programs, wanted, names, samples)
            print(text)
            look_closer(bench, asked, wanted)
    except Failed as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 2
    if asked.write:
        report.write(asked.write, asked.marks, text)
    return 1 if report.misses(text) else 0


def rounds(bench, count, wanted, names):
    """Row -> candidate -> samples; candidates alternate within a row, each round from another on."""
    samples = {row.key: {name: [] for name in candidates_for(row, names)} for row in wanted}
    for number in range(count):
        for row in wanted:
            taking_part = list(samples[row.key])
            turn = number % max(1, len(taking_part))
            for name in taking_part[turn:] + taking_part[:turn]:
                sample = measure(bench, name, row)
                samples[row.key][name].append(sample)
                figure = f"{sample.cpu:.2f} µs" if row.load != "idle" else f"{sample.rss:.0f} bytes"
                noise = f", {sample.foreign:.0%} by others" if sample.foreign > 0.03 else ""
                install.say(f"round {number + 1}/{count}  {row.key:<18} {name:<15} {figure}{noise}")
    return samples


def render(asked, programs, wanted, names, samples):
    lines = report.machine(install.versions(programs), asked)
    lines += report.verdicts(wanted, samples, names[0])
    lines += report.summary(wanted, samples)
    for row in wanted:
        lines += report.table(row, samples[row.key], names[0])
    return "\n".join(lines)


def look_closer(bench, asked, wanted):
    for name in asked.watch.split(","):
        for row in wanted:
            if row.load == "idle" or not candidates_for(row, [name]):
                continue
            if asked.strace:
                print(trace.system_calls(bench, name, row))
            if asked.perf:
                print(trace.profile(bench, name, row))
