"""`tidegate demo`: the page in headless Chromium shows live round trips and two tabs talk, and the doors work without a browser."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from harness import REAL
from harness.echoes import echo_all
from harness.raw import Raw
from harness.tls import context
from harness.upstream import free_port


@pytest.fixture(scope="module")
def demo(module_stage):
    # The demo's own port is fixed; --http moves it.
    return module_stage.tidegate(arguments=["demo", "--http", "127.0.0.1:0"])


def test_page(demo):
    response = demo.get("/", "Accept: text/html")
    assert response.status == 200
    assert response["Content-Type"].startswith("text/html")
    assert b"tidegate" in response.body


def test_websocket(demo):
    echo_all(demo.url("/ws/echo", "ws"))


def test_in_a_browser(demo, module_stage):
    picture = Path(os.environ.get("TIDEGATE_PICTURE") or module_stage.directory / "demo.png")
    result = subprocess.run(["node", REAL / "apps" / "demo.js", demo.url("/"), picture], capture_output=True, text=True, timeout=90)
    assert result.returncode == 0, result.stderr
    saw = json.loads(result.stdout)
    assert saw["second"]["ws"] > saw["first"]["ws"] > 0
    assert saw["second"]["http"] > saw["first"]["http"] > 0
    assert saw["wrong"]["ws"] == 0
    assert re.match(r'202 in .*\n\{"id":\d+,"published":1,"subscribers":2\}$', saw["talk"]["answer"]), saw["talk"]
    assert saw["problems"] == []
    assert picture.stat().st_size > 10_000


def test_nobody_else_makes_the_counter_count(demo):
    with Raw.connect(demo.ports[0]) as raw:
        raw.send(b"POST /publish/counter HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n99")
        assert raw.response().status == 405, "the sample worker's answer"


def test_without_an_option_it_is_on_8080(stage):
    """README's first command, where the port is free."""
    import socket

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8080)) == 0:
            pytest.skip("somebody listens on 8080")
    router = stage.tidegate(arguments=["demo"])
    assert router.ports[0] == 8080
    with Raw.connect(8080) as raw:
        assert raw.get("/").response().status == 200


def test_over_tls(module_stage):
    demo = module_stage.tidegate(arguments=["demo", "--http", "127.0.0.1:0", f"--tls=127.0.0.1:{free_port()}"], name="secure")
    port = int(demo.process.wait_for(r"listening on https://127\.0\.0\.1:(\d+)")[1])
    made = Path(re.search(r"vouches for (\S+)", demo.process.stdout())[1])
    page = subprocess.run(["curl", "-sS", "--cacert", made, f"https://localhost:{port}/"], capture_output=True, text=True, timeout=20)
    assert "tidegate" in page.stdout, page.stderr
    echo_all(f"wss://localhost:{port}/ws/echo", ssl=context(made))
    assert made.with_suffix(".key").stat().st_mode & 0o077 == 0, "a key is for its owner"
    demo.process.signal(signal.SIGTERM)
    demo.process.wait()
    assert not made.parent.exists(), "it is gone with its run"
