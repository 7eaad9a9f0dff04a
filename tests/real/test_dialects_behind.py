"""WebSocket clients of every draft through nginx and HAProxy, which stand in front of the router."""

import shutil

import pytest

from harness import hixie
from harness.dialects import BEHIND, LIBRARIES, SPEAKS, can_speak, speak, steps
from harness.process import Process
from harness.raw import Raw
from harness.upstream import free_port
from harness.waiting import until
from harness.workers import accepts

UPGRADE = """
    location / {{
        proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1;
        proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    }}
"""
HAPROXY = """
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
frontend tcp
    mode tcp
    bind 127.0.0.1:{tcp}
    default_backend tcp
backend tcp
    mode tcp
    server router 127.0.0.1:{port}
frontend http
    mode http
    bind 127.0.0.1:{http}
    default_backend http
backend http
    mode http
    server router 127.0.0.1:{port}
"""


@pytest.fixture(scope="module")
def fronts(module_stage):
    """Addresses in front of a router that echoes."""
    router = module_stage.tidegate({"websockets-drafts": "all", "default": "echo:"})
    nginx, _ = module_stage.nginx(UPGRADE.format(port=router.port))
    ports = {"tcp": free_port(), "http": free_port()}
    config = module_stage.directory / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=router.port, **ports))
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    child = module_stage.track(Process("haproxy", [program, "-db", "-f", config], module_stage.directory))
    until("HAProxy listens", lambda: all(map(accepts, ports.values())) or not child.alive())
    return {"nginx": nginx, "HAProxy, `mode tcp`": f"127.0.0.1:{ports['tcp']}", "HAProxy, `mode http`": f"127.0.0.1:{ports['http']}"}


@pytest.mark.parametrize("line, front", BEHIND.cells())
def test_behind(fronts, peers, record_property, line, front):
    client, draft = line.split(" ")
    url, env = f"ws://{fronts[front]}/", peers.env(client)
    with BEHIND.cell(record_property, line, front) as verdict:
        if verdict in (SPEAKS, LIBRARIES):
            speak(client, draft, url, steps(client, draft), env=env)
        else:
            assert not can_speak(client, draft, url, env=env), "this works after all"


@pytest.mark.parametrize("front, whole", [("nginx", False), ("HAProxy, `mode tcp`", True)])
def test_the_85_bytes_of_hixie_75(fronts, front, whole):
    """Browsers of that draft want them as they are."""
    with Raw.connect(int(fronts[front].split(":")[1])) as raw:
        head = raw.send(hixie.request(keys=None)).take_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n")
        assert head.startswith(hixie.answer(draft="hixie-75")[:85]) == whole, head
