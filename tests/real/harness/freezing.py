"""One thread of another process is held for a while; its other threads go on."""

import ctypes
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from .waiting import until

WALL = 0x40000000  # threads as well as processes
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def thread_named(pid, name):
    """It may have just been started."""
    tasks = Path(f"/proc/{pid}/task")
    named = lambda: [int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == name]
    return until(f"a thread {name}", named)[0]


@contextmanager
def frozen(pid, name):
    """The thread of this name does nothing as long as the block lasts."""
    thread = thread_named(pid, name)
    try:
        ptrace(SEIZE, thread)
    except PermissionError:
        if os.geteuid() == 0:
            raise
        pytest.skip("only root may hold threads of another process here")
    try:
        ptrace(INTERRUPT, thread)
        os.waitpid(thread, WALL)
        yield
    finally:
        ptrace(DETACH, thread)
