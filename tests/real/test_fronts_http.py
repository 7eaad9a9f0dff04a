"""nginx and HAProxy in front: of a request that either end leaves, in whatever way, nothing stays in the router."""

import pytest

from harness import fronts
from harness.process import sockets
from harness.raw import Raw
from harness.stage import staged
from harness.waiting import until
from test_proxy_protocol import haproxy_tcp, nginx_stream
from test_trusted_proxies import haproxy, nginx

PIECE = b"x" * 65536
ANNOUNCED = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
FRONTS = ["haproxy", "nginx", "haproxy v1", "haproxy v2", "nginx stream"]


def serve(peer):
    """A server that does what the path says, to its end."""
    peer.record = False
    line, _ = peer.head()
    peer.way = line.split(" ")[1]
    match peer.way:
        case "/download":
            peer.send("HTTP/1.1 200 OK\r\n\r\n")
            while True:
                peer.send(PIECE)
        case "/upload":
            peer.rest()
        case "/server-ends-in-the-body":
            peer.send(ANNOUNCED + "x" * 1000)
        case "/server-resets-in-the-body":
            peer.send(ANNOUNCED + "x" * 1000)
            peer.reset()
        case "/server-ends-in-the-head":
            peer.send("HTTP/1.1 200 OK\r\nContent-")
        case "/server-ends-at-once":
            pass


@pytest.fixture(scope="module")
def site(request):
    """A router that five fronts lead to: with `trusted-proxies` by HTTP, and with `proxy-protocol` by TCP."""
    with staged(request.node) as stage:
        server = stage.upstream(serve)
        common = {"default": f"http:{server.address}", "http-timeout": "1h"}
        routers = [stage.tidegate({**common, key: "127.0.0.1"}, name=key) for key in ["trusted-proxies", "proxy-protocol"]]
        for router in routers:
            router.idle = len(sockets(router.pid))
        by_http, by_tcp = (f"127.0.0.1:{router.port}" for router in routers)
        plain = "proxy_request_buffering off; proxy_buffering off;"
        ports = fronts.haproxy(stage, [haproxy(by_http, how="option httpclose"), haproxy_tcp(by_tcp, "send-proxy"), haproxy_tcp(by_tcp, "send-proxy-v2")])
        ports += fronts.nginx(stage, http=[nginx(by_http, headers=plain)], stream=[nginx_stream(by_tcp)])
        names = ["haproxy", "haproxy v1", "haproxy v2", "nginx stream", "nginx"]
        way = [routers[0], routers[1], routers[1], routers[1], routers[0]]
        yield {name: (port, router, server) for name, port, router in zip(names, ports, way)}


def ends(router, path):
    return sum(f" {path} " in line for line in router.access())


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("path", ["/download", "/upload", "/server-ends-in-the-body", "/server-resets-in-the-body", "/server-ends-in-the-head",
                                  "/server-ends-at-once"])
def test_no_slot_is_held_after_either_end_left(site, front, path):
    port, router, server = site[front]
    lines, peers = ends(router, path), len(server.peers)
    with Raw.connect(port) as raw:
        if path == "/upload":
            raw.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").send(PIECE)
        else:
            raw.get(path)
        server.connections(peers + 1)
        if path == "/download":
            raw.take_until(PIECE[:1000])
        if path.startswith("/server"):
            answer = raw.response()
            assert answer.status == 502 or not answer.complete
        else:
            raw.reset()
    server.ended(peers + 1)
    until(lambda: f"its line: {router.access()}", lambda: ends(router, path) > lines)
    until(lambda: f"{sockets(router.pid)} are as many as before", lambda: len(sockets(router.pid)) == router.idle)
