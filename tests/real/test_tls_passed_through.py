"""HAProxy (`mode tcp`) and nginx (`ssl_preread`) in front, passing TLS through: the handshake is with us, by the name they looked at."""

import hashlib
import shutil

import pytest

from harness.certificates import Authority
from harness.echoes import echo_all
from harness.process import Process
from harness.stage import staged
from harness.tls import TlsRaw, context
from harness.upstream import free_port
from harness.waiting import until
from harness.workers import accepts

HAPROXY = """
global
    log stderr format raw local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:{port}
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req_ssl_hello_type 1 }}
    use_backend second if {{ req_ssl_sni -i second.example }}
    default_backend first
backend first
    server tidegate 127.0.0.1:{first}
backend second
    server tidegate 127.0.0.1:{second}
"""

NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid {directory}/pass.pid; error_log stderr notice;
events {{ worker_connections 256; }}
stream {{
    map $ssl_preread_server_name $where {{ second.example 127.0.0.1:{second}; default 127.0.0.1:{first}; }}
    server {{ listen 127.0.0.1:{port}; ssl_preread on; proxy_pass $where; }}
}}
"""


def in_front(stage, program, text, ports):
    port = free_port()
    config = stage.directory / f"{program}.conf"
    config.write_text(text.format(port=port, directory=stage.directory, **ports))
    arguments = ["-f", config, "-db"] if program == "haproxy" else ["-c", config, "-e", stage.directory / "pass.start"]
    child = stage.track(Process(program, [shutil.which(program) or f"/usr/sbin/{program}", *arguments], stage.directory))
    until(lambda: f"{program} listens: {child.describe()}", lambda: accepts(port) or not child.alive())
    assert child.alive(), child.describe()
    return port


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def front(request):
    """What is asked for: its port, the authority, and the serial numbers of two listeners."""
    with staged(request.node) as stage:
        authority = Authority(stage.directory)
        first, second = authority.issue("localhost"), authority.issue("second.example")
        address, _ = stage.uwsgi("threads")
        router = stage.tidegate({"http": None, "https": [f"127.0.0.1:0,{first}", f"127.0.0.1:0,{second}"],
                                 "http-to": address, "route": "^/loop echo:"})
        ports = dict(zip(("first", "second"), router.tls_ports))
        router.front = in_front(stage, request.param, HAPROXY if request.param == "haproxy" else NGINX, ports)
        router.authority, router.serials = authority, {"localhost": first.serial, "second.example": second.serial}
        yield router


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("name", ["localhost", "second.example"])
def test_the_name_finds_its_listener(front, name, version):
    with TlsRaw.connect(front.front, name=name, version=version, authority=front.authority) as raw:
        assert raw.serial == front.serials[name]
        for _ in range(3):
            assert raw.get("/hello", host=name).response().body == b"hello\n"


def test_websockets(front):
    echo_all(f"wss://localhost:{front.front}/loop", ssl=context(front.authority))


def test_a_large_body(front):
    size = 20_000_000
    with TlsRaw.connect(front.front, timeout=30) as raw:
        body = raw.get(f"/big?size={size}").response().body
    assert hashlib.sha256(body).digest() == hashlib.sha256((bytes(range(256)) * (size // 256 + 1))[:size]).digest()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_end_comes_through(front, version):
    with TlsRaw.connect(front.front, version=version) as raw:
        assert raw.get("/hello", "Connection: close").response().status == 200
        assert raw.is_ended() and not raw.truncated
