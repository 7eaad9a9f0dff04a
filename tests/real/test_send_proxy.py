"""`send-proxy`: HAProxy and nginx, told by us who a connection is for, say what they understood."""

import json
import shutil
import socket
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect

from harness import websocket
from harness.certificates import Authority
from harness.process import Process
from harness.raw import Raw
from harness.upstream import free_port
from harness.waiting import until


def options(address, version, listen="127.0.0.1:0"):
    return {"http": listen, "default": "tcp:told"}, f"[upstream:told]\nprotocol = tcp\nsend-proxy = {version}\nserver = {address}\n"


def group(address, version, protocol="http", more=""):
    """The same for servers of requests."""
    return {"default": f"{protocol}:told"}, f"[upstream:told]\nprotocol = {protocol}\nsend-proxy = {version}\nserver = {address}\n{more}"


def haproxy(stage):
    port = free_port()
    config = stage.directory / "haproxy.cfg"
    config.write_text(f"""
defaults
  mode http
  timeout client 30s
  timeout connect 5s
  timeout server 30s
frontend told
  bind 127.0.0.1:{port} accept-proxy
  bind [::1]:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
""")
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    stage.track(Process("haproxy", [program, "-db", "-f", config], stage.directory))
    until("haproxy to listen", lambda: listens(port))
    return port


def nginx(stage, secure=""):
    port = free_port()
    config = stage.directory / "told.conf"
    config.write_text(f"""
daemon off; master_process off; pid {stage.directory}/told.pid; error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {stage.directory}/body; proxy_temp_path {stage.directory}/proxy; fastcgi_temp_path {stage.directory}/fastcgi;
    uwsgi_temp_path {stage.directory}/uwsgi; scgi_temp_path {stage.directory}/scgi;
    server {{
        listen 127.0.0.1:{port} proxy_protocol {secure};
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    stage.track(Process("nginx", [program, "-c", config], stage.directory))
    until("nginx to listen", lambda: listens(port))
    return port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


RECEIVERS = {"haproxy": haproxy, "nginx": nginx}
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@contextmanager
def bridged(url):
    """A WebSocket whose other end is a server of HTTP, and what that answers GET."""
    with connect(url, subprotocols=["binary"], open_timeout=10) as client:
        ends = client.socket.getsockname(), client.socket.getpeername()
        client.send(GET)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
            answer += client.recv(timeout=10)
        yield ends, answer.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "[::]:0"])
def test_receivers_see_the_client(stage, receiver, version, listen):
    port = RECEIVERS[receiver](stage)
    router = stage.tidegate(*options(f"127.0.0.1:{port}", version, listen))
    for host in {"127.0.0.1:0": ["127.0.0.1"], "[::1]:0": ["::1"], "[::]:0": ["127.0.0.1", "::1"]}[listen]:
        at = f"[{host}]" if ":" in host else host
        try:
            with bridged(f"ws://{at}:{router.port}/") as ((source, destination), answer):
                assert answer == f"{source[0]} {source[1]} {destination[0]} {destination[1]}"
        except ConnectionRefusedError:
            assert (listen, host) == ("[::]:0", "127.0.0.1"), "only an IPv6 listener may be for IPv6 alone"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_client_without_an_address(stage, version):
    """Over a unix socket: the receiver takes the connection for what it is, ours."""
    port = haproxy(stage)
    path = stage.directory / "listen.sock"
    settings, more = options(f"127.0.0.1:{port}", version, "127.0.0.1:0")
    stage.tidegate({**settings, "http": ["127.0.0.1:0", f"unix:{path}"]}, more)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        raw = Raw(sock)
        websocket.open_websocket(raw, "/")
        raw.send(websocket.frame(GET))
        answer = websocket.read_frame(raw)[1]
        assert answer.startswith(b"HTTP/1.1 200 ")
        if b"127.0.0.1" not in answer:
            answer += websocket.read_frame(raw)[1]
        assert f"127.0.0.1 {port}".encode() in answer


@pytest.mark.parametrize("version, size", [("v1", None), ("v2", 28)])
def test_nothing_comes_before_it_and_the_rest_right_behind(stage, version, size):
    def serve(peer):
        head = peer.take(size) if size else peer.take_until(b"\r\n")
        assert head.startswith(b"\r\n\r\n\0\r\nQUIT\n" if size else b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
        peer.send(peer.take(5))
        peer.rest()

    router = stage.tidegate(*options(stage.upstream(serve).address, version))
    with router.connect() as raw:
        raw.send(websocket.request("/") + websocket.frame(b"early"))
        assert raw.response().status == 101
        assert websocket.read_frame(raw) == (websocket.BINARY, b"early", True)


def test_every_connection_is_introduced(stage):
    seen = []

    def serve(peer):
        seen.append(peer.take_until(b"\r\n"))
        peer.rest()

    router = stage.tidegate(*options(stage.upstream(serve).address, "v1"))
    ports = []
    for _ in range(3):
        with router.connect() as raw:
            websocket.open_websocket(raw, "/")
            ports.append(raw.socket.getsockname()[1])
            until("its introduction", lambda: len(seen) == len(ports))
    assert [int(line.split()[4]) for line in seen] == ports


def ends(raw):
    """Both ends of a client's connection, as the receivers say them."""
    (host, port), (to, at) = raw.socket.getsockname(), raw.socket.getpeername()
    return f"{host} {port} {to} {at}"


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_servers_of_http_see_each_client(stage, receiver, version):
    """In turn, on connections that all go on: nobody is taken for somebody else."""
    router = stage.tidegate(*group(f"127.0.0.1:{RECEIVERS[receiver](stage)}", version))
    clients = [router.connect(source=source) for source in [None, "127.0.0.2", "127.0.0.1"]]
    for _ in range(3):
        for raw in clients:
            answer = raw.get("/").response()
            assert (answer.status, answer.body.decode()) == (200, ends(raw))


def test_it_comes_before_tls(stage):
    authority = Authority(stage.directory)
    pair = authority.issue("localhost", "127.0.0.1")
    port = nginx(stage, f"ssl; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}")
    router = stage.tidegate(*group(f"127.0.0.1:{port}", "v2", "https", f"ca = {authority.path}\n"))
    with router.connect() as raw:
        for _ in range(2):
            assert raw.get("/").response().body.decode() == ends(raw)


def told(peer):
    """The port of the client, as the connection's first words say it."""
    return int(peer.take_until(b"\r\n").split()[4])


def test_a_connection_is_one_clients(stage):
    """Each request has its own, which ends with it; a body comes whole."""
    seen = []

    def serve(peer):
        port = told(peer)
        request = peer.request()
        seen.append((port, request["Connection"]))
        peer.reply(request.body)
        peer.rest()

    upstream = stage.upstream(serve)
    router = stage.tidegate(*group(upstream.address, "v1"))
    wanted = []
    with router.connect() as one, router.connect() as other:
        for number in range(4):
            raw = [one, other][number % 2]
            body = "x" * (100 + 100_000 * number)
            raw.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}")
            assert raw.response().body.decode() == body
            wanted.append((raw.socket.getsockname()[1], "close"))
    assert seen == wanted
    upstream.ended(4)


def test_uwsgi_servers_are_told(stage):
    def serve(peer):
        port = told(peer)
        peer.reply(json.dumps([port, dict(peer.packet().pairs)["REMOTE_PORT"]]).encode())

    router = stage.tidegate(*group(stage.upstream(serve).address, "v1", "uwsgi"))
    with router.connect() as raw:
        for _ in range(2):
            port = raw.socket.getsockname()[1]
            assert raw.get("/").response().json() == [port, str(port)]


def test_websockets_are_introduced(stage):
    ports = []

    def serve(peer):
        ports.append(told(peer))
        assert peer.request()["Upgrade"] == "websocket"
        peer.send(websocket.response())
        peer.send(websocket.frame(b"hello", websocket.TEXT, masked=False))
        peer.rest()

    router = stage.tidegate(*group(stage.upstream(serve).address, "v1"))
    with router.connect() as raw:
        websocket.open_websocket(raw, "/")
        assert websocket.read_frame(raw)[1] == b"hello"
        assert ports == [raw.socket.getsockname()[1]]


def test_health_checks_are_for_nobody(stage):
    def serve(peer):
        peer.take_until(b"\r\n")
        peer.request()
        peer.reply()

    upstream = stage.upstream(serve)
    stage.tidegate(*group(upstream.address, "v1", more="health = GET /healthz every 1s\n"))
    until("a check", lambda: b"PROXY UNKNOWN\r\nGET /healthz HTTP/1.1\r\n" in upstream.received)
