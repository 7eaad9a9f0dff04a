"""A closer look at one candidate doing one row's work: system calls, wake-ups, or where the time goes."""

import re
import shutil
import signal
import subprocess
import time

from .measure import parse_load


def system_calls(bench, name, row):
    """Calls per operation under `strace -c`, the most frequent first, as markdown rows."""
    output = bench.dir / name / f"{row.key}.strace"
    operations = watched(
        bench, name, row,
        lambda pids: [bench.programs["strace"], "-f", "-c", "-o", str(output),
                      *(part for pid in pids for part in ("-p", str(pid)))],
    )
    calls = []
    for line in output.read_text().splitlines():
        fields = line.split()
        if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
            failed = int(fields[4]) if len(fields) == 6 else 0
            calls.append((int(fields[3]), failed, fields[-1]))
    calls.sort(reverse=True)
    lines = [f"\n{name}, {row.title}: calls per operation, of them failed\n"]
    for count, failed, call in calls:
        if count / operations >= 0.001:
            lines.append(f"    {call:<18} {count / operations:8.3f} {failed / operations:8.3f}")
    return "\n".join(lines)


def wakes(bench, name, row):
    """System calls, and waits for events, per operation: counted by the kernel, which slows nothing down as `strace` does.

    Nothing where perf is not there or may not count.
    """
    output = bench.dir / name / f"{row.key}.stat"
    waits = ("syscalls:sys_enter_epoll_wait", "syscalls:sys_enter_epoll_pwait")
    events = ("raw_syscalls:sys_enter", *waits)
    if not shutil.which("perf"):
        return {}
    operations = watched(
        bench, name, row,
        lambda pids: ["perf", "stat", "-x", ",", "-e", ",".join(events), "-o", str(output), "-p", ",".join(map(str, pids))],
    )
    lines = [line.split(",") for line in output.read_text().splitlines() if line.count(",") > 2] if output.exists() else []
    counts = {fields[2]: int(fields[0]) for fields in lines if fields[0].isdigit()}
    if events[0] not in counts:
        return {}
    return {"calls": counts[events[0]] / operations, "waits": sum(counts.get(event, 0) for event in waits) / operations}


def profile(bench, name, row):
    """The symbols that take most of the time, by `perf record`."""
    output = bench.dir / name / f"{row.key}.perf"
    watched(
        bench, name, row,
        lambda pids: ["perf", "record", "-q", "-F", "1999", "-o", str(output),
                      "-p", ",".join(map(str, pids))],
    )
    command = ["perf", "report", "-i", str(output), "--stdio", "--sort", "dso,symbol"]
    done = subprocess.run([*command, "--percent-limit", "0.4"], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip() and line[0] != "#"]
    return f"\n{name}, {row.title}\n\n" + "\n".join(lines[:60])


def watched(bench, name, row, watcher):
    """Runs a row's load while another program watches the proxy; returns the operations done."""
    proxy, port = bench.start(name, row)
    with proxy:
        parse_load(row, bench.load(row, port, 1)[0])
        watching = subprocess.Popen(watcher(proxy.pids()), stderr=subprocess.DEVNULL)
        time.sleep(1)  # until it is attached
        operations, _ = parse_load(row, bench.load(row, port, bench.seconds)[0])
        watching.send_signal(signal.SIGINT)
        watching.wait(10)
    return operations
