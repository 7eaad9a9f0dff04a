"""Python's `websockets` and npm's ws, as clients and as servers, in all pairs, over TCP and through several workers."""

import subprocess
import threading
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from harness import REAL
from harness.echoes import SIZES, echo_all
from harness.stage import staged


@pytest.fixture(scope="module", params=["python-server", "node-server"])
def site(request):
    with staged(request.node) as stage:
        if request.param == "node-server":
            address, _ = stage.node_echo()
            yield stage.tidegate({"default": f"http:{address}", "workers": 2, "websockets-max-size": "32m"})
            return

        def echo(socket):
            for message in socket:
                socket.send(message)

        def choose(_, offered):
            return "chat" if "chat" in offered else None

        with serve(echo, "127.0.0.1", 0, max_size=64 << 20, select_subprotocol=choose) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield stage.tidegate({"default": f"http:127.0.0.1:{server.socket.getsockname()[1]}", "workers": 2, "websockets-max-size": "32m"})
            server.shutdown()


def test_python_client(site):
    socket = echo_all(site.url("/", "ws"))
    assert socket.close_code == 1000


def test_node_client(site):
    sizes = [str(size) for size in SIZES]
    result = subprocess.run(["node", REAL / "apps" / "client.js", site.url("/", "ws"), "text,binary", *sizes],
                            capture_output=True, text=True, timeout=30)
    assert result.stdout == f"{2 * len(SIZES)} echoes, closed 1000\n", result.stderr


def test_large_message(site):
    echo_all(site.url("/", "ws"), sizes=[20_000_000], kinds=("binary",))


def test_compression_is_the_business_of_both_ends(site):
    with connect(site.url("/", "ws"), compression="deflate") as socket:
        for text in ("a" * 100_000, "b" * 10):
            socket.send(text)
            assert socket.recv(timeout=10) == text
        assert [extension.name for extension in socket.protocol.extensions] == ["permessage-deflate"]


def test_pings_pass(site):
    with connect(site.url("/", "ws")) as socket:
        assert socket.ping().wait(10)


def test_close_code_and_reason_pass(site):
    with connect(site.url("/", "ws")) as socket:
        socket.close(4001, "enough")
        assert (socket.protocol.close_rcvd.code, socket.protocol.close_rcvd.reason) in ((4001, "enough"), (4001, ""))


def test_many_at_once(site):
    """200 clients, each with its own messages."""
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(connect(site.url("/", "ws"), compression=None, ping_interval=None)) for _ in range(200)]
        for turn in range(3):
            for number, socket in enumerate(sockets):
                socket.send(f"{turn} {number}")
            for number, socket in enumerate(sockets):
                assert socket.recv(timeout=10) == f"{turn} {number}"


def test_subprotocol(site):
    with connect(site.url("/", "ws"), subprotocols=["chat"]) as socket:
        assert socket.subprotocol in ("chat", None)
