"""The router under test: tidegate, or uWSGI's own, started with the same options."""

import os
import re

from . import ROOT, VENV
from .process import Process
from .raw import Raw
from .tls import TlsRaw
from .upstream import free_port

TIDEGATE = os.environ.get("TIDEGATE", str(ROOT / "target" / "fast" / "tidegate"))


class Router:
    """A running router. `pid` is the process that moves the bytes."""

    def __init__(self, process, ports, pid, tls_ports=()):
        self.process, self.ports, self.pid, self.tls_ports = process, ports, pid, tls_ports

    @property
    def port(self):
        return self.ports[0]

    def connect(self, **options):
        return Raw.connect(self.port, **options)

    def tls(self, listener=0, **options):
        """A connection over TLS to one of its `https`."""
        return TlsRaw.connect(self.tls_ports[listener], **options)

    def url(self, path="/", scheme="http"):
        if scheme in ("https", "wss"):
            return f"{scheme}://localhost:{self.tls_ports[0]}{path}"
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def log(self):
        return self.process.log()

    def access(self):
        """Lines of the access log so far."""
        return self.process.stdout().splitlines()

    def get(self, path="/", *fields, **options):
        """One request on a connection of its own."""
        with self.connect() as raw:
            return raw.get(path, *fields, "Connection: close", **options).response(options.get("method", "GET"))


def ini(options, section="tidegate"):
    """Options as a section of an ini file; a list repeats its key, None leaves it out."""
    lines = [f"[{section}]"]
    for key, values in options.items():
        if values is None:
            continue
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def start_tidegate(track, directory, options=None, more="", *, arguments=None, name="tidegate", before=(), **process):
    """Runs tidegate on port 0 with these main options and further ini text, or with bare arguments. `before` is a command
    line that tidegate is run by."""
    listeners = 1
    if arguments is None:
        # The usual admin socket is for one router of a machine: here many run at once.
        settings = {"http": "127.0.0.1:0", "workers": 1, "admin": "off", **(options or {})}
        file = directory / f"{name}.ini"
        file.write_text(ini(settings) + more)
        arguments = [file]
        listeners = sum(len(values) if isinstance(values, list) else 1
                        for key in ("http", "https") if (values := settings.get(key)) is not None)
    child = track(Process(name, [*before, TIDEGATE, *arguments], directory, **process))
    child.wait_for(rf"(listening on .+\n[\s\S]*){{{listeners}}}")
    ports, tls_ports = ([int(port) for port in re.findall(rf"listening on {scheme}://\S+:(\d+)", child.log())]
                        for scheme in ("http", "https"))
    return Router(child, ports, child.pid, tls_ports)


def start_uwsgi_router(track, directory, options=None, **process):
    """Runs uWSGI's own HTTP router with the same keys, WebSockets on as its documentation shows it."""
    port = free_port()
    settings = {"master": "true", "http": f"127.0.0.1:{port}", "http-websockets": "true", "http-keepalive": 60,
                **(options or {})}
    settings.pop("workers", None)
    file = directory / "uwsgi-router.ini"
    file.write_text(ini(settings, "uwsgi"))
    child = track(Process("uwsgi-router", [VENV / "uwsgi", "--ini", file], directory, **process))
    pid = int(child.wait_for(r"spawned uWSGI http 1 \(pid: (\d+)\)")[1])
    return Router(child, [port], pid)
