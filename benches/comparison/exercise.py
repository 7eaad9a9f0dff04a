"""All kinds of work that tidegate is for, a second each: what a profile is made of."""

import contextlib
import http.client
import http.server
import pathlib
import subprocess
import sys
import tempfile
import threading

from . import install, rows
from .measure import Bench, measure
from .process import Failed, Process, free_port

BENCHES = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 1
# Requests of each kind that no row has.
MANY = 300
CONFIG = """[tidegate]
http = 127.0.0.1:{port}
workers = 1
logto = {folder}/access.log
route-host = ^elsewhere\\. break:404
route-user-agent = ^Bad break:403
route = ^/files/ static:{folder}
route-if = equal:${{cookie[session]}};abc addheader:X-Session: known

[route:app]
path = ^/app/
host = ^www\\.example\\.com$
if = ipv4in:${{REMOTE_ADDR}};127.0.0.0/8
if-not = empty:${{cookie[session]}}
to = http:127.0.0.1:{backend}
"""
BROWSER = {
    "Host": "www.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
    "Cookie": "theme=dark; session=abc",
}


def all_of_it(binary, counts):
    """Every row that takes time, and what they leave out, by a program that leaves its counts in this folder."""
    timed = [row for row in rows.ROWS if row.load != "idle" and not row.half]
    programs = {**install.programs(["openssl", "wrk"]), "tidegate": binary}
    bench = Bench(programs, install.work_dir(), 0, 1, False, SECONDS)
    with bench.start_backend():
        for row in timed:
            install.say(f"exercise: {row.title}")
            with counted(counts, row.key):
                measure(bench, "tidegate", row)
    install.say("exercise: requests of other kinds, files, channels")
    with counted(counts, "requests"):
        requests(binary)
    for name, *options in (
        ("files", "--clients", "2", "--size", "1"),
        ("files", "--clients", "2", "--size", "1", "--tls"),
        ("channels", "--only", "tidegate", "--subscribers", "100", "--messages", "50", "--rounds", "1"),
    ):
        command = [sys.executable, str(BENCHES / name), "--binary", binary, *options]
        with counted(counts, name):
            # What they judge does not matter here.
            subprocess.run(command, stdout=sys.stderr)


@contextlib.contextmanager
def counted(counts, what):
    """Whatever happens meanwhile must have left counts: a program that is killed leaves none."""
    def written():
        return max((path.stat().st_mtime_ns for path in counts.glob("*.profraw")), default=0)

    before = written()
    yield
    if written() == before:
        raise Failed(f"{what} has left no counts in {counts}")


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers a GET in chunks, a POST with what came, and keeps connections."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Set-Cookie", "seen=1; Path=/; HttpOnly")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n" * 20 + b"0\r\n\r\n")

    def do_HEAD(self):
        self.send_response(304)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def requests(binary):
    """As browsers and tools ask: conditions, cookies, bodies, files and parts of them, refusals, all written to a log."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder, port = pathlib.Path(folder), free_port()
        folder.chmod(0o755)
        (folder / "files").mkdir()
        (folder / "files" / "page.html").write_bytes(b"x" * 5000)
        config = folder / "tidegate.ini"
        config.write_text(CONFIG.format(port=port, folder=folder, backend=server.server_port))
        with Process("tidegate", [binary, str(config)], 0, folder / "out") as proxy:
            proxy.ready(port)
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            for number in range(MANY):
                for method, path, body, more, status in (
                    ("GET", f"/app/page/{number}?a=b&c=%20d", None, {}, 200),
                    ("HEAD", "/app/page", None, {}, 304),
                    ("POST", "/app/form", b"name=value" * 30, {"Content-Type": "application/x-www-form-urlencoded"}, 201),
                    ("GET", "/files/page.html", None, {}, 200),
                    ("GET", "/files/page.html", None, {"Range": "bytes=100-199"}, 206),
                    ("GET", "/files/none", None, {}, 404),
                    ("GET", "/nowhere", None, {}, 404),
                    ("GET", "/app/", None, {"User-Agent": "Bad"}, 403),
                ):
                    client.request(method, path, body, {**BROWSER, **more})
                    response = client.getresponse()
                    response.read()
                    if response.status != status:
                        raise Failed(f"{method} {path} was answered {response.status}, not {status}")
            client.close()
        server.shutdown()
