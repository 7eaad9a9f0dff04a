"""Bodies to and from uwsgi workers: chunked uploads decoded, spooled or passed, responses without a length, cuts."""

import hashlib
import os
import time

import pytest

from harness.raw import chunk
from harness.upstream import uwsgi_ok

CHUNKED = "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def worker(module_stage):
    return module_stage.uwsgi("threads")[0]


@pytest.mark.parametrize("size", [0, 10, 60_000, 70_000, 5_000_000])
def test_chunked_upload_is_decoded(stage, worker, size):
    """In memory up to 64 KiB, then in a file: the worker sees a length either way."""
    body = os.urandom(size)
    router = stage.tidegate({"http-to": worker})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/digest"))
        for at in range(0, size, 50_000):
            raw.send(chunk(body[at : at + 50_000]))
        seen = raw.send(chunk(b"")).response().json()
    assert seen == {"length": size, "sha256": hashlib.sha256(body).hexdigest(), "announced": str(size)}


def test_chunked_upload_beyond_the_spool(stage, worker):
    router = stage.tidegate({"http-to": worker, "http-buffer-size-max": "16k", "spool-max": "100k"})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/digest"))
        try:
            for _ in range(40):
                raw.send(chunk(b"x" * 10_000))
        except ConnectionError:
            pass
        assert raw.response().status == 413
        assert raw.is_ended()


def test_spool_directory_is_left_clean(stage, worker):
    spool = stage.directory / "spool"
    spool.mkdir()
    router = stage.tidegate({"http-to": worker, "spool-dir": spool, "http-buffer-size-max": "1k"})
    for _ in range(3):
        with router.connect() as raw:
            raw.send(CHUNKED.format("/digest")).send(chunk(b"x" * 300_000)).send(chunk(b""))
            assert raw.response().json()["length"] == 300_000
    assert list(spool.iterdir()) == []


def test_trailers_reach_nobody(stage):
    upstream = stage.upstream(uwsgi_ok)
    router = stage.tidegate({"http-to": upstream.address})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/")).send(b"2\r\nhi\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n")
        assert raw.response().json()["body"] == "hi"
    assert b"evil" not in upstream.received


def test_chunked_read_with_http_chunked_input(stage, worker):
    """`uwsgi.chunked_read()` gets the chunks when the framing is kept."""
    router = stage.tidegate({"http-to": worker, "http-chunked-input": "true"})
    pieces = [b"a", b"b" * 1000, os.urandom(100_000)]
    with router.connect() as raw:
        raw.send(CHUNKED.format("/chunks"))
        for piece in pieces:
            raw.send(chunk(piece))
            time.sleep(0.05)
        seen = raw.send(chunk(b"")).response().json()
    assert seen["length"] == 101_001
    assert seen["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_chunked_input_still_checks_the_chunks(stage):
    upstream = stage.upstream(lambda peer: (peer.packet(), peer.rest()))
    router = stage.tidegate({"http-to": upstream.address, "http-chunked-input": "true"})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/")).send(chunk(b"fine")).send(b"0x5\r\nwrong\r\n0\r\n\r\n")
        assert raw.response().status in (400, 502)
        assert raw.is_ended()
    assert b"wrong" not in upstream.received
    assert b"0\r\n\r\n" not in upstream.received


def test_raw_body(stage):
    """After the head all is passed as it is, both ways, and the connection ends with the response."""
    def serve(peer):
        peer.packet()
        assert peer.take(7) == b"2\r\nhi\r\n"
        peer.send("HTTP/1.1 200 OK\r\n\r\nstream")
        assert peer.take(3) == b"raw"
        peer.send("ing")

    router = stage.tidegate({"http-to": stage.upstream(serve).address, "http-raw-body": "true"})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/")).send(b"2\r\nhi\r\n")
        line, _ = raw.head()
        assert line.startswith("HTTP/1.1 200")
        assert raw.take(6) == b"stream"
        raw.send(b"raw")
        assert raw.rest() == b"ing"


def test_raw_body_to_a_real_worker(stage, worker):
    """`uwsgi.chunked_read()` reads what passes raw; and what follows it is no request, past all rules, to anybody."""
    router = stage.tidegate({"route": "^/secret break:403 Forbidden", "http-to": worker, "http-raw-body": "true"})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/chunks")).send(chunk(b"hello") + chunk(b"")).send("GET /secret HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().json()["length"] == 5
        assert raw.rest() == b""
    assert not any("/secret" in line for line in router.access())


def test_nothing_follows_a_raw_body_to_a_server(stage):
    """A server that speaks HTTP sees the one request that the rules have seen, whatever it would take for a second one."""
    def serve(peer):
        peer.request()
        peer.reply(b"first")
        peer.rest()

    upstream = stage.upstream(serve)
    router = stage.tidegate({"route": "^/secret break:403 Forbidden", "default": f"http:{upstream.address}", "http-raw-body": "true"})
    second = "GET /secret HTTP/1.1\r\nHost: a\r\n\r\n"
    for first in ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", CHUNKED.format("/") + "2\r\nhi\r\n0\r\n\r\n",
                  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"):
        with router.connect() as raw:
            raw.send(first + second)
            assert raw.response().body == b"first"
            raw.send(second)
            raw.finish()
            assert raw.rest() == b"", first
    assert b"secret" not in upstream.received


def test_response_without_length_is_chunked(stage, worker):
    """So that the connection can be kept."""
    router = stage.tidegate({"http-to": worker})
    with router.connect() as raw:
        response = raw.get("/stream?pieces=5&size=1000").response()
        assert response["Transfer-Encoding"] == "chunked"
        assert len(response.body) == 5 * 1002 and response.complete
        assert raw.get("/hello").response().body == b"hello\n"


def test_response_without_length_to_http_10_ends_at_close(stage, worker):
    router = stage.tidegate({"http-to": worker})
    with router.connect() as raw:
        response = raw.get("/stream?pieces=5", version="1.0").response()
        assert response["Transfer-Encoding"] is None
        assert response.body == b"0;1;2;3;4;"


def test_auto_chunked_off(stage, worker):
    router = stage.tidegate({"http-to": worker, "http-auto-chunked": "false"})
    with router.connect() as raw:
        response = raw.get("/stream?pieces=3").response()
        assert response["Transfer-Encoding"] is None
        assert response.body == b"0;1;2;"
        assert raw.is_ended()


def test_a_stream_arrives_piece_by_piece(stage, worker):
    router = stage.tidegate({"http-to": worker})
    with router.connect() as raw:
        raw.get("/stream?pieces=3&pause=0.5").head()
        begin = time.monotonic()
        raw.take_until(b"0;")
        raw.take_until(b"1;")
        raw.take_until(b"2;")
        assert time.monotonic() - begin > 0.7


def test_a_worker_that_dies_inside_a_length_is_cut(stage):
    address, _ = stage.uwsgi("processes")
    router = stage.tidegate({"http-to": address})
    with router.connect() as raw:
        response = raw.get("/short").response()
        assert (response.status, response.complete, response.body) == (200, False, b"0123456789")
        assert raw.is_ended()


def test_a_worker_that_resets_gives_no_last_chunk(stage):
    def serve(peer):
        peer.packet()
        peer.send("HTTP/1.1 200 OK\r\n\r\npart")
        time.sleep(0.2)
        peer.reset()

    router = stage.tidegate({"http-to": stage.upstream(serve).address})
    with router.connect() as raw:
        response = raw.get("/").response()
        assert response.body == b"part" and not response.complete


def test_a_bare_fin_is_the_end(stage):
    def serve(peer):
        peer.packet()
        peer.send("HTTP/1.1 200 OK\r\n\r\nall")

    router = stage.tidegate({"http-to": stage.upstream(serve).address})
    with router.connect() as raw:
        response = raw.get("/").response()
        assert response.body == b"all" and response.complete


def test_an_upload_ended_early_never_looks_whole(stage):
    """The client goes away inside its chunked body: the worker is not given what there was."""
    upstream = stage.upstream(uwsgi_ok)
    router = stage.tidegate({"http-to": upstream.address})
    with router.connect() as raw:
        raw.send(CHUNKED.format("/")).send(chunk(b"some")).finish()
        raw.is_ended(5)
    assert b"some" not in upstream.received


def test_large_download(stage, worker):
    router = stage.tidegate({"http-to": worker})
    response = router.get("/big?size=20000000")
    assert len(response.body) == 20_000_000
    assert hashlib.sha256(response.body).hexdigest() == hashlib.sha256((bytes(range(256)) * 78126)[:20_000_000]).hexdigest()


def test_each_request_has_a_connection_of_its_own(stage):
    """A worker takes one request per connection, even when its response could be taken for a kept one."""
    def linger(peer):
        peer.packet()
        peer.reply()
        peer.is_ended(10)

    upstream = stage.upstream(linger)
    router = stage.tidegate({"http-to": upstream.address})
    with router.connect() as raw:
        for count in (1, 2, 3):
            assert raw.get("/").response().status == 200
            assert len(upstream.peers) == count
