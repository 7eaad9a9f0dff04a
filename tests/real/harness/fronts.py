"""HAProxy and nginx in front of the router."""

import shutil

from .process import Process
from .upstream import free_port
from .waiting import until
from .workers import accepts

HAPROXY = """
global
    log stderr format raw local0
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    timeout check 2s
"""

NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid {directory}/front.pid; error_log stderr notice;
events {{ worker_connections 256; }}
"""

NGINX_HTTP = """
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    {http}
}}
"""


def start(stage, program, arguments, ports):
    program_path = shutil.which(program) or f"/usr/sbin/{program}"
    child = stage.track(Process(f"front-{program}", [program_path, *arguments], stage.directory))
    until(lambda: f"{program} listens: {child.describe()}", lambda: all(map(accepts, ports)) or not child.alive())
    assert child.alive(), child.describe()
    return child


def haproxy(stage, listens):
    """Sections of HAProxy, each made by a function of a free port; their ports."""
    ports = [free_port() for _ in listens]
    config = stage.directory / "front-haproxy.cfg"
    config.write_text(HAPROXY + "".join(section(port) for section, port in zip(listens, ports)))
    start(stage, "haproxy", ["-db", "-f", config], ports)
    return ports


def nginx(stage, stream=(), http=()):
    """Servers of nginx, each made by a function of a free port; their ports, those of `stream` first."""
    ports = [free_port() for _ in (*stream, *http)]
    made = [server(port) for server, port in zip((*stream, *http), ports)]
    text = NGINX.format(directory=stage.directory)
    if stream:
        text += "stream {" + "".join(made[: len(stream)]) + "}"
    if http:
        text += NGINX_HTTP.format(directory=stage.directory, http="".join(made[len(stream):]))
    config = stage.directory / "front-nginx.conf"
    config.write_text(text)
    start(stage, "nginx", ["-c", config, "-e", stage.directory / "front-nginx.start"], ports)
    return ports
