"""Instructions that tidegate executes, as valgrind's callgrind counts them: the same on every machine."""

import re
import shutil

from . import install
from .process import Failed, Process


def install_valgrind():
    """From Debian's packages, where it is missing."""
    if not shutil.which("valgrind"):
        install.apt(["valgrind"])


def instructions(binary, config, port, out, work):
    """What one run with this configuration executes from start to end, while `work` is done; callgrind's file is left at `out`."""
    log = out.with_suffix(".log")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(binary), str(config)]
    # One core for all: who sends has sent everything before the other wakes, so each run reads alike.
    with Process("tidegate", command, 0, log) as proxy:
        proxy.ready(port, 60)
        work()
        proxy.child.terminate()
        proxy.child.wait(60)
    total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M)
    if not total:
        raise Failed(f"callgrind counted nothing: {log.read_text()[-2000:]}")
    return int(total[1])
