"""The candidates: each proxy, configured as someone who knows it well would for one worker.

All pass the same forwarding fields on, since tidegate always does; `bare` leaves them away.
"""

import dataclasses
import pathlib

LARGE_ROWS = ("get64k", "ws64k", "https64k", "wss64k")
ECHO = pathlib.Path(__file__).resolve().parent / "echo"


@dataclasses.dataclass
class Setting:
    """What a candidate is started for."""

    row: object
    listen: int
    backend: int
    dir: object
    bare: bool
    # Files of the certificate, its key, and both in one; there where the row is over TLS.
    certificate: object
    key: object
    both: object

    @property
    def large(self):
        return self.row.key in LARGE_ROWS


def tidegate(program, at):
    action = "echo:" if at.row.to == "echo" else f"{at.row.to}:127.0.0.1:{at.backend}"
    listener = f"http = 127.0.0.1:{at.listen}"
    if at.row.tls:
        listener = f"https = 127.0.0.1:{at.listen},{at.certificate},{at.key}"
    path = at.dir / "tidegate.ini"
    path.write_text(
        f"""[tidegate]
{listener}
workers = 1
disable-logging = true
websockets-mode = {"guard" if at.row.guard else "track"}
route = ^/ {action}
"""
    )
    return [program, str(path)]


def relay(program, at):
    return [program, f"127.0.0.1:{at.listen}", f"127.0.0.1:{at.backend}"]


def wide_relay(program, at):
    return [program, "--wide", f"127.0.0.1:{at.listen}", f"127.0.0.1:{at.backend}"]


def relay_dial(program, at):
    return [program, "--dial", f"127.0.0.1:{at.listen}", f"127.0.0.1:{at.backend}"]


def nginx(program, at):
    temp = "".join(
        f"    {kind}_temp_path {at.dir}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    forwarded = """
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;"""
    large = """
            proxy_buffer_size 128k;
            proxy_buffers 4 128k;
            proxy_busy_buffers_size 256k;"""
    passing = f"""proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;{"" if at.bare else forwarded}{large if at.large else ""}"""
    if at.row.to == "uwsgi":
        params = "".join(
            f"\n            uwsgi_param {name} {value};" for name, value in UWSGI_PARAMS.items()
        )
        passing = f"uwsgi_pass backend;{params}"
    listener = f"listen 127.0.0.1:{at.listen} reuseport backlog=4096;"
    if at.row.tls:
        # Sessions are resumed by tickets in both versions, which is the default.
        listener = f"""listen 127.0.0.1:{at.listen} ssl reuseport backlog=4096;
        ssl_certificate {at.certificate};
        ssl_certificate_key {at.key};
        ssl_protocols TLSv1.2 TLSv1.3;"""
    path = at.dir / "nginx.conf"
    path.write_text(
        f"""daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {at.dir}/nginx.pid;
error_log {at.dir}/nginx.error crit;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
{temp}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream backend {{
        server 127.0.0.1:{at.backend};
        keepalive 128;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        {listener}
        location / {{
            {passing}
        }}
    }}
}}
"""
    )
    return [program, "-p", str(at.dir), "-c", str(path), "-e", str(at.dir / "nginx.error")]


UWSGI_PARAMS = {
    "REQUEST_METHOD": "$request_method",
    "REQUEST_URI": "$request_uri",
    "PATH_INFO": "$document_uri",
    "QUERY_STRING": "$query_string",
    "SERVER_PROTOCOL": "$server_protocol",
    "SERVER_NAME": "$server_name",
    "SERVER_PORT": "$server_port",
    "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port",
    "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length",
}


def haproxy(program, at, tuning="", splice=""):
    forwarded = "" if at.bare else "    option forwardfor\n"
    secure = f" ssl crt {at.both}" if at.row.tls else ""
    fields = "" if at.bare else (
        f"    http-request set-header X-Forwarded-Proto http{'s' if at.row.tls else ''}\n"
        "    http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
    )
    path = at.dir / "haproxy.cfg"
    path.write_text(
        f"""global
    nbthread 1
    maxconn 9800
{tuning}
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    option http-keep-alive
{forwarded}{splice}
frontend front
    bind 127.0.0.1:{at.listen} backlog 4096{secure}
{fields}    default_backend back

backend back
    http-reuse always
    server one 127.0.0.1:{at.backend}
"""
    )
    return [program, "-db", "-f", str(path)]


def haproxy_64k(program, at):
    return haproxy(program, at, tuning="    tune.bufsize 81920\n")


def haproxy_splice(program, at):
    splice = "    option splice-request\n    option splice-response\n"
    return haproxy(program, at, tuning="    maxpipes 100\n", splice=splice)


def uwsgi(program, at):
    return [
        program,
        *("--http", f"127.0.0.1:{at.listen}", "--http-to", f"127.0.0.1:{at.backend}"),
        *("--http-websockets", "--http-keepalive", "--http-timeout", "3600"),
        *("--master", "--disable-logging", "--listen", "4096", "--max-fd", "20000"),
        *("--http-processes", "1", "--die-on-term"),
    ]


def websockets_echo(python, at):
    return [python, str(ECHO / "websockets_echo.py"), str(at.listen), *deflate(at)]


def ws_echo(modules, at):
    node = ["env", f"NODE_PATH={modules}", "node"]
    return [*node, str(ECHO / "ws_echo.js"), str(at.listen), *deflate(at)]


def deflate(at):
    return ["deflate"] if at.row.deflate else []


def uwsgi_echo(program, at):
    return [
        program,
        *("--http-socket", f"127.0.0.1:{at.listen}", "--wsgi-file", str(ECHO / "uwsgi_echo.py")),
        *("--gevent", str(at.row.connections + 50), "--listen", "4096", "--max-fd", "20000"),
        *("--disable-logging", "--die-on-term"),
    ]


def is_proxied(row):
    """Any proxy can do it: what is behind it speaks HTTP or, to nginx and uWSGI, uwsgi."""
    return row.to == "http"


def is_plain(row):
    """The same without TLS."""
    return is_proxied(row) and not row.tls


def is_websocket(row):
    """After the handshake it makes no difference what the backend speaks."""
    return row.load in ("echo", "churn", "idle")


# Name -> program, how it is started, the rows it is for.
CANDIDATES = {
    "tidegate": ("tidegate", tidegate, lambda row: True),
    "tidegate-again": ("tidegate", tidegate, lambda row: True),
    "vs": ("vs", tidegate, lambda row: True),
    "nginx": ("nginx", nginx, lambda row: row.to in ("http", "uwsgi")),
    "haproxy": ("haproxy", haproxy, is_proxied),
    "haproxy-64k": ("haproxy", haproxy_64k, lambda row: row.key in LARGE_ROWS),
    "haproxy-splice": ("haproxy", haproxy_splice, lambda row: row.key in LARGE_ROWS and not row.tls),
    "uwsgi": ("uwsgi", uwsgi, lambda row: row.to == "uwsgi" or (is_plain(row) and is_websocket(row))),
    "relay": ("relay", relay, is_plain),
    "wide-relay": ("relay", wide_relay, lambda row: is_plain(row) and row.key in LARGE_ROWS),
    "relay-dial": ("relay", relay_dial, lambda row: row.to == "uwsgi"),
    "websockets": ("websockets", websockets_echo, lambda row: row.to == "echo"),
    "ws": ("ws", ws_echo, lambda row: row.to == "echo"),
    "uwsgi-echo": ("uwsgi", uwsgi_echo, lambda row: row.to == "echo" and not row.deflate),
}


def candidates_for(row, names):
    """Those of `names` that take part in a row; without names those that its bars are about, or all where it has none."""
    if not names:
        # The wide relay is shown beside the one that the bars are about.
        always = ("tidegate", "tidegate-again", "wide-relay")
        names = [name for name in CANDIDATES if name != "vs" and (not row.asks or name in always or name.split("-")[0] in row.peers)]
    # A pass-through lets the two ends agree on what it does not see: it has no row of its own there.
    if row.guard and row.load == "idle":
        names = [name for name in names if CANDIDATES[name][1] is tidegate]
    return [name for name in names if CANDIDATES[name][2](row)]


def command(name, programs, at):
    """How a candidate is started for a setting; writes its configuration."""
    program, start, _ = CANDIDATES[name]
    return start(programs[program], at)
