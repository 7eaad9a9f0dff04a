"""Independent WebSocket peers of every draft, as programs with one command line: what they speak and how to run them.

A client is `client URL DRAFT STEP...`: it sends `text:...`, `binary:BASE64` or `ping:...` one after the other, prints
each answer as a JSON line (`hear:` waits for one without sending), then closes (`close:CODE`) and prints how that ended. A server is `server PORT`, an echo;
sent the text `close:CODE` it closes with that code. SUBPROTOCOL in a client's environment is what it offers.
"""

import base64
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass

from . import REAL, TOOLS, VENV
from .process import Process
from .upstream import free_port
from .waiting import until
from .workers import accepts

DRAFTS = ["hixie-75", "hixie-76", "hybi-07", "hybi-08", "13"]
HIXIE = DRAFTS[:2]

PEERS = REAL / "peers"
PEER_PYTHON = TOOLS / "peers" / "bin" / "python"
NETTY = TOOLS / "netty"
JARS = [f"/usr/share/java/netty-{part}.jar" for part in ("buffer", "codec", "codec-http", "common", "handler", "resolver", "transport")]


@dataclass(frozen=True)
class Peer:
    """One library and what it speaks. `pings`: whether a client can be told to send one."""

    name: str
    program: list
    drafts: list
    pings: bool = True


def _client(name, program, script, drafts, **more):
    return Peer(name, [program, PEERS / "clients" / script], drafts.split(), **more)


def _server(name, program, script, drafts, **more):
    return Peer(name, [program, PEERS / "servers" / script], drafts.split(), **more)


CLIENTS = {peer.name: peer for peer in [
    _client("perl", "perl", "perl.pl", "hixie-75 hixie-76 hybi-08 13"),
    _client("ruby", "ruby", "ruby.rb", "hixie-75 hixie-76 hybi-07 hybi-08 13"),
    _client("websocket-client", "node", "websocket_client.js", "hixie-76"),
    Peer("netty", ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", ":".join([str(NETTY), *JARS]), "Netty"],
         "hixie-76 hybi-07 hybi-08 13".split()),
    _client("autobahn", PEER_PYTHON, "autobahn_client.py", "hybi-08 13"),
    _client("npm-websocket", "node", "websocket.js", "hybi-08 13"),
    _client("ws-1", "node", "ws1.js", "hybi-08 13"),
    _client("ws-8", "node", "ws.js", "hybi-08 13"),
    _client("websocket-driver", "node", "driver.js", "13"),
    _client("websockets", VENV / "python", "websockets_client.py", "13"),
    _client("chromium", "node", "chromium.js", "13", pings=False),
]}

SERVERS = {peer.name: peer for peer in [
    _server("perl", "perl", "perl.pl", "hixie-75 hixie-76 hybi-08 13"),
    _server("em-websocket", "ruby", "em.rb", "hixie-75 hixie-76 hybi-07 hybi-08 13"),
    _server("websocket-driver", "node", "driver.js", "hixie-75 hixie-76 13"),
    _server("eventlet", PEER_PYTHON, "eventlet_server.py", "hixie-75 hixie-76 hybi-08 13"),
    _server("ws-1", "node", "ws1.js", "hixie-76 hybi-08 13"),
    _server("gevent-websocket", PEER_PYTHON, "gevent_server.py", "hybi-07 hybi-08 13"),
    _server("tornado", PEER_PYTHON, "tornado_server.py", "hybi-07 hybi-08 13"),
    _server("websockify", PEER_PYTHON, "websockify_server.py", "hybi-07 hybi-08 13"),
    _server("autobahn", PEER_PYTHON, "autobahn_server.py", "hybi-08 13"),
    _server("npm-websocket", "node", "websocket.js", "hybi-08 13"),
    _server("ws-8", "node", "ws.js", "hybi-08 13"),
    _server("websockets", VENV / "python", "websockets_server.py", "13"),
]}


class ClientFailed(AssertionError):
    """A client that printed an error, or nothing at all in time."""


def run_client(name, url, draft, *steps, protocol=None, env=None, timeout=60):
    """What the client printed, a dictionary a line."""
    peer = CLIENTS[name]
    env = {**os.environ, "NODE_NO_WARNINGS": "1", "PYTHONWARNINGS": "ignore", "RUBYOPT": "-W0", **({"SUBPROTOCOL": protocol} if protocol else {}), **(env or {})}
    argv = [str(word) for word in (*peer.program, url, draft, *steps)]
    # Into files: Node loses what a pipe does not take at once.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=timeout, env=env).returncode
        except subprocess.TimeoutExpired:
            code = f"not within {timeout} s"
        out, err = (_text(file) for file in (out, err))
    lines = [json.loads(line) for line in out.splitlines(True) if line.endswith("\n")]
    if code or not lines or "close" not in lines[-1]:
        raise ClientFailed(f"{name} {draft} {url}: exit {code}\n{_short(out)}\n{_short(err)}")
    return lines


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def _short(text):
    return "\n".join(line if len(line) < 300 else f"{line[:100]}... {len(line)} characters" for line in text.splitlines()[-30:])


def start_server(track, directory, name):
    """Runs an echo server; the answer is its address."""
    port = free_port()
    child = track(Process(f"server-{name}", [*SERVERS[name].program, port], directory, env={"RUBYOPT": "-W0", "NODE_NO_WARNINGS": "1"}))
    until(f"{name} listens", lambda: accepts(port) or not child.alive())
    return f"127.0.0.1:{port}"


def base64_of(data):
    return base64.b64encode(data).decode()


class Peers:
    """Servers and the browser, each started when it is first asked for."""

    def __init__(self, stage):
        self.stage, self.addresses, self.browser = stage, {}, None

    def server(self, name):
        """The address of an echo server."""
        if name not in self.addresses:
            self.addresses[name] = start_server(self.stage.track, self.stage.directory, name)
        return self.addresses[name]

    def env(self, client):
        """What a client needs in its environment."""
        if client != "chromium":
            return {}
        if self.browser is None:
            ports = {"CHROMIUM": str(free_port()), "CHROMIUM_PAGE": str(free_port())}
            child = self.stage.track(Process("browser", ["node", PEERS / "clients" / "browser.js", *ports.values()], self.stage.directory))
            child.wait_for("ready", text=child.stdout)
            self.browser = ports
        return self.browser
