"""One supervised child process: a log file, a deadline for being ready, figures from /proc, and a sure end."""

import os
import re
import resource
import signal
import subprocess
import time

from .waiting import until

LOG_TAIL = 6000
TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A child in its own process group, so that ending it by its id takes its children along."""

    def __init__(self, name, argv, directory, *, cwd=None, env=None, descriptors=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.log"
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
                cwd=cwd or directory, env={**os.environ, **(env or {})}, preexec_fn=limit,
            )
        self.pid = self.child.pid

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def log(self):
        return self.stderr_path.read_text(errors="replace")

    def alive(self):
        return self.child.poll() is None

    def wait_for(self, pattern, timeout=20.0, text=None):
        """The match of `pattern` in the log (or in what `text()` returns), as soon as it is there."""
        text = text or self.log

        def look():
            match = re.search(pattern, text())
            assert match or self.alive(), f"{self.name} ended with {self.child.returncode}:\n{self.describe()}"
            return match

        return until(f"{pattern!r} from {self.name}:\n{self.describe()}", look, timeout)

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=20.0):
        """The exit code."""
        return self.child.wait(timeout)

    def stop(self):
        """Asks, waits a little, then ends what is left of the group."""
        for number, patience in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                break
            try:
                self.child.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self.child.wait(1)

    def describe(self):
        """Command and the ends of both outputs, for the report of a failed test."""
        parts = [f"$ {' '.join(self.argv)}"]
        for path in (self.stderr_path, self.stdout_path):
            text = path.read_text(errors="replace")
            if text:
                parts.append(f"--- {path.name}\n{text[-LOG_TAIL:]}")
        return "\n".join(parts)


def cpu_seconds(pid):
    """User and system time that the process has used so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_share(pid, seconds):
    """Share of one core that the process uses over the next `seconds`."""
    begin, before = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - begin)


def memory(pid):
    """Resident bytes of the process that are its own: anonymous pages, not the binary."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"RssAnon:\s+(\d+) kB", file.read()).group(1)) * 1024


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid):
    """The numbers of those descriptors of the process that are sockets."""
    found = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                found.add(int(number))
        except FileNotFoundError:
            pass  # closed in between
    return found
