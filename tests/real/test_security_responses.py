"""SECURITY: responses. What an upstream says in two ways, or nobody asked for, is a 502 or a cut, and never reused."""

import time

import pytest

from harness.attack import Gate


def answering(data, then=None):
    """An upstream that answers each request with these bytes."""

    def serve(peer):
        while peer.request() is not None:
            peer.send(data)
            if then:
                then(peer)

    return serve


def cases(rule, **examples):
    return [pytest.param(value, id=f"{rule}-{name}") for name, value in examples.items()]


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("response", cases(
    "two-lengths", different=OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", list=OK + b"Content-Length: 2, 3\r\n\r\nhi!",
) + cases(
    "bad-length", plus=OK + b"Content-Length: +2\r\n\r\nhi", hex=OK + b"Content-Length: 0x2\r\n\r\nhi", empty=OK + b"Content-Length:\r\n\r\n",
    large=OK + b"Content-Length: 18446744073709551616\r\n\r\n",
) + cases(
    "both-framings", length_first=OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
) + cases(
    "bad-coding", unknown=OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", twice=OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
) + cases(
    "status-line", below_100=b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", letters=b"HTTP/1.1 2xx OK\r\n\r\n", four=b"HTTP/1.1 2000 OK\r\n\r\n",
    nonsense=b"hello, this is no HTTP\r\n\r\n", version=b"HTTP/3.0 200 OK\r\n\r\n", ssh=b"SSH-2.0-OpenSSH\r\n",
) + cases(
    "values-without-controls", nul=OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", cr=OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    fold=OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", name=OK + b"X Y: a\r\nContent-Length: 0\r\n\r\n", no_colon=OK + b"nothing\r\nContent-Length: 0\r\n\r\n",
) + cases(
    "unasked-101", plain=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
) + cases(
    "endless-1xx", continues=b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, hints=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 5000,
) + cases(
    "head-limit", endless=OK + b"X: " + b"a" * 200_000,
))
def test_answered_with_502(stage, response):
    gate = Gate(stage, {"http-timeout": 5}, serve=answering(response, lambda peer: peer.finish()))
    answer = gate.router.get("/")
    assert answer.status == 502
    assert answer["Server"] == "tidegate"


@pytest.mark.parametrize("response, method", [
    pytest.param(OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled", "GET", id="bytes-after-the-end"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled", "GET", id="body-with-204"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled", "GET", id="body-with-304"),
    pytest.param(OK + b"Content-Length: 8\r\n\r\nsmuggled", "HEAD", id="body-with-head"),
])
def test_bytes_after_the_end_reach_nobody(stage, response, method):
    """The connection they came on is never used again."""
    gate = Gate(stage, serve=answering(response))
    with gate.router.connect(timeout=3) as raw:
        for count in (1, 2):
            answer = raw.get(f"/{count}", method=method).response(method)
            assert answer.status in (200, 204, 304)
            assert b"smuggled" not in answer.body
            time.sleep(0.1)
        assert raw.is_silent(0.3), raw.buffer
    assert len(gate.upstream.peers) == 2


@pytest.mark.parametrize("chunks", [
    pytest.param(b"5\r\nhelloX0\r\n\r\n", id="no-crlf"), pytest.param(b"5\r\nhello\r\n0x0\r\n\r\n", id="bad-size"),
    pytest.param(b"5\r\nhello\r\n", id="no-last-chunk"), pytest.param(b"5\r\nhello\n0\n\n", id="bare-lf"),
])
def test_bad_chunks_are_cut(stage, chunks):
    """What was right is passed, then the connection ends without a last chunk."""
    gate = Gate(stage, serve=answering(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, lambda peer: peer.finish()))
    with gate.router.connect() as raw:
        answer = raw.get("/").response()
        assert not answer.complete or answer.status == 502
        assert raw.is_ended()


def test_a_short_body_is_cut(stage):
    gate = Gate(stage, serve=answering(OK + b"Content-Length: 100\r\n\r\nshort", lambda peer: peer.finish()))
    with gate.router.connect() as raw:
        answer = raw.get("/").response()
        assert (answer.body, answer.complete) == (b"short", False)


def test_hop_by_hop_fields_of_responses_end_here(stage):
    gate = Gate(stage, serve=answering(
        OK + b"Content-Length: 2\r\nConnection: X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\nUpgrade: h2c\r\n\r\nhi"))
    answer = gate.router.get("/")
    assert answer["X-Named"] is None and answer["Keep-Alive"] is None and answer["Upgrade"] is None
    assert answer["X-Kept"] == "2"


def test_interim_responses_pass(stage):
    gate = Gate(stage, serve=answering(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi"))
    answer = gate.router.get("/")
    assert answer.body == b"hi"
    assert [interim.status for interim in answer.interim] in ([103], [])


def test_interim_responses_never_go_to_http_10(stage):
    gate = Gate(stage, serve=answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi"))
    answer = gate.router.get("/", version="1.0")
    assert answer.body == b"hi" and answer.interim == []


def test_equal_lengths_twice_are_refused(stage):
    gate = Gate(stage, serve=answering(OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"))
    assert gate.router.get("/").status == 502
