"""Runs Autobahn's wstest against tidegate: `echo:`, the same over TLS (`wss`), and tunnels in front of wstest's own echo server.

A short run takes groups 1 to 7 and 10 and one case of each long group against `echo:`, 1 to 7 over TLS and through a guarded tunnel.
With --full it takes every case against everything, and the echo server alone as well, since a tracked or
opaque tunnel is measured by what it has behind it. Reports stay in target/autobahn, for summary.py.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "real"))

import verdicts  # noqa: E402
from harness.certificates import Authority  # noqa: E402
from harness.stage import Stage  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.upstream import free_port  # noqa: E402
from harness.waiting import until  # noqa: E402

WSTEST = ROOT / ".tools" / "autobahn" / "bin" / "wstest"
REPORTS = ROOT / "target" / "autobahn"  # of a full run in `full`, which a short one leaves alone
# Where we speak WebSocket ourselves, and where what comes out is the server's behind us.
STRICT, MEASURED = ["echo", "wss", "guard"], ["track", "pass"]
# No part is as slow; a wstest that hangs is ended.
PATIENCE = 3600
SHORT = verdicts.cases("1", "2", "3", "4", "5", "6", "7")
STAGES = []  # of all jobs, so that an interrupted run leaves nothing behind
# A round of jobs of about the same length each; the longest begin first.
PARTS = {"compression": verdicts.cases("12"), "parameters": verdicts.cases("13"),
         "frames": SHORT + verdicts.cases("9", "10")}


def plan(full):
    """(candidate, name of the part, its cases), the longest first."""
    if full:
        return [(candidate, part, cases) for part, cases in PARTS.items() for candidate in ["alone", *STRICT, *MEASURED]]
    return [("echo", "long", verdicts.SAMPLE), ("echo", "frames", SHORT + verdicts.cases("10")), ("wss", "frames", SHORT),
            ("guard", "frames", SHORT)]


def start_echo_server(stage):
    """wstest's echo server that agrees to compression; its address."""
    port = free_port()
    server = stage.track(Process("echo-server", [WSTEST, "-m", "testeeserver", "-u", 0, "-w", f"ws://127.0.0.1:{port}"],
                                 stage.directory))

    def accepts():
        assert server.alive(), server.describe()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until("wstest's echo server listens", accepts, 30)
    return f"127.0.0.1:{port}"


def start(stage, candidate):
    """Where the candidate listens."""
    if candidate == "echo":
        options = {"default": "echo:"}
    elif candidate == "wss":
        options = {"http": None, "https": f"127.0.0.1:0,{Authority(stage.directory).issue('localhost')}", "default": "echo:"}
    else:
        address = start_echo_server(stage)
        if candidate == "alone":
            return f"ws://{address}"
        # Its server insists that Host names its own port.
        options = {"default": f"http:{address},{address}", "websockets-mode": candidate}
    return stage.tidegate({**options, "websockets-max-size": 65536}).url("/", "wss" if candidate == "wss" else "ws")


def end_all():
    for stage in STAGES:
        stage.close()


def run(place, candidate, part, cases):
    """Runs the cases and leaves the report of this part below `place`; the answer is how long it took."""
    reports = place / candidate / part
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autobahn-") as directory:
        stage = Stage(Path(directory))
        STAGES.append(stage)
        try:
            specification = stage.directory / "specification.json"
            servers = [{"agent": candidate, "url": start(stage, candidate)}]
            specification.write_text(json.dumps({"outdir": str(reports), "servers": servers, "cases": cases}))
            client = stage.track(Process("wstest", [WSTEST, "-m", "fuzzingclient", "-s", specification], stage.directory))
            client.wait(PATIENCE)
        finally:
            logs = "\n".join(process.describe() for process in stage.processes)
            (reports / "processes.log").write_text(logs)
            stage.close()
    return time.monotonic() - begin


def judge(candidate, cases, found, alone):
    """The faults of one candidate: strict where we speak WebSocket ourselves, else measured by the server alone."""
    if candidate in STRICT:
        return verdicts.strict(found, cases)
    return verdicts.no_worse(found, alone, cases)


def collected(place, jobs):
    """Candidate -> its cases and what was found of them, over all its parts."""
    wanted, found = {}, {}
    for candidate, part, cases in jobs:
        wanted.setdefault(candidate, []).extend(cases)
        found.setdefault(candidate, {}).update(verdicts.read(place / candidate / part, candidate))
    return wanted, found


def tell(place, jobs):
    """Prints a line per group and one per fault; the answer is how many faults there are."""
    wanted, found = collected(place, jobs)
    failed = 0
    for candidate, cases in wanted.items():
        for subject, counter in verdicts.counted(found[candidate], cases).items():
            print(f"{candidate:5} {subject:2} {verdicts.SUBJECTS[subject]}: {verdicts.told(counter)}")
        for fault in judge(candidate, cases, found[candidate], found.get("alone", {})):
            print(f"FAILED {candidate} {fault}")
            failed += 1
    return failed


def choose():
    """(where reports go, the jobs) as the command line asks."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--full", action="store_true", help="every case against everything")
    options.add_argument("--only", metavar="CANDIDATE", action="append", choices=[*STRICT, *MEASURED],
                         help="every case against this one: echo, wss, guard, track or pass; repeatable")
    options.add_argument("--case", metavar="ID", action="append", help="only this case, such as 6.4.2; repeatable")
    options = options.parse_args()
    if not options.only and not options.case:
        return REPORTS / ("full" if options.full else "short"), plan(options.full)
    candidates = set(options.only or [*STRICT, *MEASURED])
    if candidates & set(MEASURED):
        candidates.add("alone")
    jobs = [(candidate, part, [case for case in cases if not options.case or case in options.case])
            for candidate, part, cases in plan(full=True) if candidate in candidates]
    return REPORTS / "chosen", [job for job in jobs if job[2]]


def main():
    place, jobs = choose()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    shutil.rmtree(place, ignore_errors=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        running = {pool.submit(run, place, *job): job for job in jobs}
        try:
            for done in as_completed(running):
                candidate, part, cases = running[done]
                print(f"{candidate}: {part}, {len(cases)} cases in {done.result():.0f} s", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    failed = tell(place, jobs)
    if failed:
        print(f"{failed} verdicts fall short; reports are in {place}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
