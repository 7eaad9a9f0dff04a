"""The admin socket as its users see it: `tidegate ctl` and curl."""

import json
import subprocess

from .router import TIDEGATE


def ctl(*arguments, timeout=30):
    """Runs `tidegate ctl`."""
    return subprocess.run([TIDEGATE, "ctl", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def curl(address, target, *options):
    """What curl gets from the admin socket at `address` (a path or IP:PORT): status and JSON."""
    if str(address).startswith("/"):
        where = ["--unix-socket", str(address), f"http://localhost{target}"]
    else:
        where = [f"http://{address}{target}"]
    result = subprocess.run(["curl", "-sS", "-g", "-w", "\n%{http_code}", *options, *where], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    body, status = result.stdout.rsplit("\n", 1)
    return int(status), json.loads(body) if body else None


def sessions(address, query=""):
    """The rows of GET /sessions."""
    status, answer = curl(address, f"/sessions{query}")
    assert status == 200, answer
    assert answer["silent"] == [] and answer["count"] == len(answer["sessions"])
    return answer["sessions"]
