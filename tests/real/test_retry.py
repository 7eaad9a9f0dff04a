"""Retries and several servers: a stale kept connection is nobody's error, a request that may have run is not run twice."""

import time

import pytest

from harness.raw import chunk
from harness.upstream import http_ok
from harness.waiting import until


def closing_after(count, how="finish"):
    """An upstream whose connections each answer `count` requests and end as the next one comes."""

    def serve(peer):
        for _ in range(count):
            if peer.request() is None:
                return
            peer.reply()
        if peer.fill():
            peer.reset() if how == "reset" else peer.close()

    return serve


@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_stale_connection_is_retried(stage, method, how):
    upstream = stage.upstream(closing_after(1, how))
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect() as raw:
        for _ in range(4):
            assert raw.get("/", method=method).response(method).status == 200
    assert len(upstream.peers) >= 2


def test_post_is_not_sent_twice(stage):
    upstream = stage.upstream(closing_after(1))
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    post = "POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\npaid"
    with router.connect() as raw:
        assert raw.get("/").response().status == 200
        assert raw.send(post).response().status in (200, 502)
    assert upstream.received.count(b"POST /pay") == 1


def test_not_retried_twice(stage):
    """A server that ends every connection without a byte is not asked for ever."""
    upstream = stage.upstream(lambda peer: peer.request())
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    assert router.get("/").status == 502
    assert len(upstream.peers) <= 2


def test_not_retried_after_a_response_began(stage):
    def partial(peer):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")

    upstream = stage.upstream(partial)
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect() as raw:
        response = raw.get("/").response()
        assert (response.body, response.complete) == (b"hal", False)
    assert len(upstream.peers) == 1


def test_idle_connections_that_ended_are_not_used(stage):
    """The server closed it a while ago: any method goes over a fresh one."""
    def once(peer):
        peer.request()
        peer.reply()

    upstream = stage.upstream(once)
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect() as raw:
        for _ in range(5):
            raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            assert raw.response().status == 200
            time.sleep(0.1)


def test_chunked_response_cut_has_no_last_chunk(stage):
    def die(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"some"))

    router = stage.tidegate({"default": f"http:{stage.upstream(die).address}"})
    with router.connect() as raw:
        response = raw.get("/").response()
        assert (response.body, response.complete) == (b"some", False)


def group(servers, **options):
    lines = ["[upstream:app]", "protocol = http", *[f"server = {server.address}" for server in servers],
             *[f"{key} = {value}" for key, value in options.items()]]
    return "\n".join(lines) + "\n"


def named(name):
    def serve(peer):
        while peer.request() is not None:
            peer.reply(name)

    return serve


def test_round_robin(stage):
    servers = [stage.upstream(named(name)) for name in (b"a", b"b", b"c")]
    router = stage.tidegate({"default": "http:app"}, group(servers))
    seen = [router.get("/").body for _ in range(9)]
    assert sorted(seen) == [b"a"] * 3 + [b"b"] * 3 + [b"c"] * 3


def test_a_dead_server_is_stepped_over(stage):
    servers = [stage.upstream(named(name)) for name in (b"a", b"b")]
    servers[0].stop_listening()
    router = stage.tidegate({"default": "http:app"}, group(servers))
    assert [router.get("/").body for _ in range(8)] == [b"b"] * 8


def test_all_dead(stage):
    servers = [stage.upstream(named(name)) for name in (b"a", b"b")]
    for server in servers:
        server.stop_listening()
    router = stage.tidegate({"default": "http:app"}, group(servers))
    for _ in range(4):
        response = router.get("/")
        assert response.status in (502, 503)
        if response.status == 503:
            assert response["Retry-After"]


def test_a_server_that_comes_back_is_used_again(stage):
    servers = [stage.upstream(named(name)) for name in (b"a", b"b")]
    port = int(servers[0].address.rsplit(":", 1)[1])
    servers[0].stop_listening()
    router = stage.tidegate({"default": "http:app"}, group(servers))
    for _ in range(4):
        assert router.get("/").body == b"b"
    stage.upstream(named(b"a"), port=port)
    until("the server that came back", lambda: router.get("/").body == b"a", 40, pause=0.5)


def test_http_10_upstream(stage):
    def old(peer):
        peer.request()
        peer.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")

    router = stage.tidegate({"default": f"http:{stage.upstream(old).address}"})
    with router.connect() as raw:
        for _ in range(2):
            response = raw.get("/").response()
            assert response.body == b"until the end" and response.complete


def test_an_upstream_that_answers_before_the_body_is_sent(stage):
    """Its response is passed; the rest of the body does not become a request."""
    def early(peer):
        peer.head()
        peer.reply(b"no thanks", "413 Content Too Large", "Connection: close")

    upstream = stage.upstream(early)
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        raw.send(b"x" * 100_000)
        assert raw.response().body == b"no thanks"


def test_kept_connections_are_shared(stage):
    """Ten clients one after the other share few upstream connections."""
    upstream = stage.upstream(http_ok)
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    for _ in range(10):
        assert router.get("/").status == 200
    assert len(upstream.peers) <= 2
