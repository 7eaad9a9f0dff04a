"""Pinned processes: their start, their CPU time and memory, their end."""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
# Share of our cores' time that others may have during a measurement, and how many times it is repeated where they had more.
STOLEN, AGAIN = 0.02, 2


class Process:
    """A program pinned to one core, with all processes it starts."""

    def __init__(self, name, command, core, log, **popen):
        def prepare():
            os.sched_setaffinity(0, {core})
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        self.name = name
        self.log = pathlib.Path(log)
        popen.setdefault("stdout", self.log.open("w"))
        self.child = subprocess.Popen(
            command, stderr=self.log.open("a"), preexec_fn=prepare, start_new_session=True, **popen
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ready(self, port, seconds=10):
        """Waits until it accepts on the port."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.stop()
        text = self.log.read_text(errors="replace").strip()[-2000:]
        raise Failed(f"{self.name} does not listen on port {port}:\n{text}")

    def pids(self):
        """Its process and all below it."""
        found, new = [], [self.child.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    new += [int(child) for child in task.read_text().split()]
                except OSError:
                    pass
        return found

    def cpu(self):
        """Seconds so far, as the scheduler counts them, and which part of them was user time, in ticks of 10 ms: user, system."""
        user = system = nanos = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    nanos += int(task.read_text().split()[0])
                except OSError:
                    pass
        return nanos / 1e9, user, system

    def memory(self):
        """Bytes resident and bytes private and dirty."""
        total = {"Rss:": 0, "Private_Dirty:": 0}
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                fields = line.split()
                if fields[0] in total:
                    total[fields[0]] += int(fields[1]) * 1024
        return total["Rss:"], total["Private_Dirty:"]

    def stop(self):
        """Ends it and its children; by force when it lingers."""
        for kind, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 5)):
            if self.child.poll() is None:
                try:
                    os.killpg(self.child.pid, kind)
                    self.child.wait(patience)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Failed(Exception):
    """A program did not do what was asked of it."""


class Still(Failed):
    """Nothing was done, right or wrong: the machine may have stood still."""


def free_port():
    """A port nobody has, below those the kernel gives to clients."""
    for port in range(free_port.next, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free_port.next = port + 1
        return port
    raise Failed("no free port")


free_port.next = 21000 + os.getpid() % 5000


def undisturbed(take):
    """What `take` returns, taken again while other virtual machines had more than a little of our cores meanwhile, a few times.

    So is what completed nothing meanwhile.
    """
    for left in reversed(range(1 + AGAIN)):
        begun, before = time.monotonic(), stolen()
        try:
            found = take()
        except Still:
            if not left or is_quiet(begun, before):
                raise
        else:
            if not left or is_quiet(begun, before):
                return found


def is_quiet(begun, before):
    """Whether others have had little of our cores since then."""
    return stolen() - before <= STOLEN * os.cpu_count() * (time.monotonic() - begun)


def stolen():
    """Seconds that the hypervisor gave to others while our cores had work."""
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) / TICK


def core_times(core):
    """Seconds a core was busy, and seconds in all."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{core}":
            numbers = [int(field) / TICK for field in fields[1:9]]
            idle = numbers[3] + numbers[4]
            return sum(numbers) - idle, sum(numbers)
    raise Failed(f"no core {core}")
