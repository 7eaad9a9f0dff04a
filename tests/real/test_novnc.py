"""A VNC session in a browser: noVNC in headless Chromium types into an xterm on a real VNC server, and sees what comes of it.

The same page through websockify first: what it cannot do there says nothing about tidegate.
"""

import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest

from harness import REAL, TOOLS
from harness.process import Process
from harness.upstream import free_port
from harness.waiting import until

BLUE, BROWN = "#204060", "#806020"

# Reads one line, writes it to a file, and paints its background in another colour.
SHELL = r"""IFS= read -r line; printf '%s' "$line" >typed.part; mv typed.part typed; printf '\033]11;BROWN\007'; sleep 60"""


class Desktop:
    """TigerVNC's X server and an xterm that fills its screen."""

    def __init__(self, stage):
        self.port = free_port()
        self.typed = stage.directory / "typed"
        display = f":{self.port}"
        server = stage.track(Process("vnc-server", [
            "Xtigervnc", display, "-rfbport", self.port, "-interface", "127.0.0.1", "-SecurityTypes", "None", "-ac",
            "-geometry", "640x480", "-depth", "24", "-nolisten", "tcp",
        ], stage.directory))
        server.wait_for(r"Listening for VNC connections")
        stage.track(Process("xterm", [
            "xterm", "-display", display, "-fn", "fixed", "-geometry", "120x50+0+0", "-bg", BLUE, "-fg", "white", "-e", "sh", "-c",
            SHELL.replace("BROWN", BROWN),
        ], stage.directory))
        self.server = server


class Pages(SimpleHTTPRequestHandler):
    """Our page at /, and noVNC's own files."""

    def translate_path(self, path):
        if path.split("?")[0] == "/":
            return str(REAL / "apps" / "novnc.html")
        return super().translate_path(path)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def pages():
    def handler(*arguments):
        return Pages(*arguments, directory=str(REAL / "node_modules" / "@novnc" / "novnc"))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def start_websockify(stage, target):
    port = free_port()
    child = stage.track(Process("websockify", [TOOLS / "peers" / "bin" / "websockify", f"127.0.0.1:{port}", target],
                                stage.directory))
    child.wait_for(r"proxying from", text=lambda: child.log() + child.stdout())
    return f"ws://127.0.0.1:{port}/"


def start_tidegate(stage, target):
    return stage.tidegate({"default": f"tcp:{target}"}).url("/", "ws")


@pytest.mark.parametrize("protocols", [[], ["binary"]], ids=["no-subprotocol", "binary"])
@pytest.mark.parametrize("start", [start_websockify, start_tidegate], ids=["websockify", "tidegate"])
def test_a_key_is_typed_and_what_comes_of_it_is_seen(stage, pages, start, protocols):
    desktop = Desktop(stage)
    line = "a word of mine, through a tunnel: 100%"
    query = [("to", start(stage, f"127.0.0.1:{desktop.port}")), *(("protocol", name) for name in protocols)]
    result = subprocess.run(["node", REAL / "apps" / "novnc.js", f"{pages}?{urlencode(query)}", line, BLUE, BROWN],
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    saw = json.loads(result.stdout)
    assert desktop.typed.read_text() == line
    assert saw["before"] > 0.5 and saw["after"] > 0.5
    assert [seen["event"] for seen in saw["events"]] == ["desktopname", "connect", "disconnect"]
    assert saw["events"][-1]["clean"] is True
    assert saw["problems"] == []
    until("the VNC server saw its client go", lambda: "closed: 127.0.0.1" in desktop.server.log(), 10)
