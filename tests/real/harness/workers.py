"""Real application servers: uWSGI in its modes, Debian's uWSGI for Perl and Ruby, nginx, Node."""

import shutil

from . import APPS, REAL, TOOLS, VENV
from .process import Process
from .upstream import free_port
from .waiting import until

PYTHON = ["--wsgi-file", APPS / "app.py"]
PSGI = ["--psgi", APPS / "app.psgi"]
RACK = ["--rack", APPS / "config.ru"]

# name -> (program, arguments)
MODES = {
    "processes": (VENV / "uwsgi", ["--processes", 4, *PYTHON]),
    "threads": (VENV / "uwsgi", ["--threads", 16, *PYTHON]),
    "gevent": (VENV / "uwsgi", ["--gevent", 100, *PYTHON]),
    "async-greenlet": (VENV / "uwsgi", ["--async", 100, "--greenlet", *PYTHON]),
    "perl-coroae": ("uwsgi-core", ["--plugin", f"0:psgi,{TOOLS / 'coroae_plugin.so'}", "--coroae", 40, *PSGI]),
    "ruby-threads": ("uwsgi-core", ["--plugin", "0:rack_ruby31,rbthreads", "--rbthreads", "--threads", 8, *RACK]),
    "ruby-fibers": ("uwsgi-core", ["--plugin", "0:rack_ruby31,fiber", "--fiber", "--async", 40, *RACK]),
}

# uWSGI's Ruby has no websocket_send_binary.
BINARY_MODES = [mode for mode in MODES if not mode.startswith("ruby")]


def start_uwsgi(track, directory, mode="gevent", *more, unix=False, kind="socket", name="uwsgi"):
    """Runs the test application; the answer is its address."""
    program, arguments = MODES[mode]
    address = str(directory / f"{name}.sock") if unix else f"127.0.0.1:{free_port()}"
    child = track(Process(name, [
        program, "--master", "--die-on-term", f"--{kind}", address, "--listen", 64, "--buffer-size", 32768,
        "--disable-logging", "--socket-timeout", 30, *arguments, *more,
    ], directory))
    child.wait_for(r"spawned uWSGI worker 1 ")
    return address, child


def start_nginx(track, directory, server="", name="nginx", port=None, host="127.0.0.1"):
    """Runs nginx with the files of `directory`/www; the answer is its address."""
    port = port or free_port()
    root = directory / "www"
    root.mkdir(exist_ok=True)
    config = directory / f"{name}.conf"
    config.write_text(f"""
daemon off; master_process off; pid {directory}/{name}.pid; error_log stderr notice;
events {{ worker_connections 512; }}
http {{
    types {{ text/plain txt; application/octet-stream bin; }}
    log_format connections '$connection $connection_requests $request';
    access_log {directory}/{name}.access connections;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    client_max_body_size 64m;
    server {{ listen {host}:{port}; root {root}; {server} }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    child = track(Process(name, [program, "-c", config, "-e", directory / f"{name}.start"], directory))
    until("nginx listens", lambda: accepts(port, host) or not child.alive())
    return f"{host}:{port}", child


def start_node_echo(track, directory):
    """Runs the WebSocket echo of npm's ws; the answer is its address."""
    child = track(Process("node-echo", ["node", REAL / "apps" / "echo.js"], directory))
    return "127.0.0.1:" + child.wait_for(r"(?m)^port (\d+)$", text=child.stdout)[1], child


def accepts(port, host="127.0.0.1"):
    import socket

    with socket.socket() as sock:
        return sock.connect_ex((host, port)) == 0
