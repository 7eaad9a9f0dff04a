"""SECURITY: message framing. One request has one reading, or it goes to nobody."""

import pytest

from harness.attack import Gate
from harness.raw import chunk

POST = b"POST /t HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def gate(module_stage):
    gate = Gate(module_stage)
    yield gate
    assert b"smuggled" not in gate.upstream.received


def cases(rule, **examples):
    return [pytest.param(value, id=f"{rule}-{name}") for name, value in examples.items()]


LENGTH_AND_CODING = cases(
    "length-and-transfer-encoding",
    length_first=b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    coding_first=b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    zero=b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    case=b"content-length: 4\r\ntransfer-encoding: CHUNKED\r\n",
)
LENGTHS = cases(
    "one-content-length",
    equal=b"Content-Length: 5\r\nContent-Length: 5\r\n",
    different=b"Content-Length: 5\r\nContent-Length: 6\r\n",
    list_equal=b"Content-Length: 5, 5\r\n",
    list_different=b"Content-Length: 5, 6\r\n",
    case=b"Content-Length: 5\r\ncontent-LENGTH: 5\r\n",
) + cases(
    "content-length-is-digits",
    plus=b"Content-Length: +5\r\n", minus=b"Content-Length: -5\r\n", hex=b"Content-Length: 0x10\r\n",
    underscore=b"Content-Length: 1_0\r\n", empty=b"Content-Length:\r\n", blank=b"Content-Length: \r\n",
    space=b"Content-Length: 1 0\r\n", point=b"Content-Length: 5.0\r\n", exponent=b"Content-Length: 1e1\r\n",
    two_to_the_64=b"Content-Length: 18446744073709551616\r\n", many_nines=b"Content-Length: " + b"9" * 40 + b"\r\n",
    vertical_tab=b"Content-Length: \x0b5\r\n", trailing_comma=b"Content-Length: 5,\r\n", quoted=b'Content-Length: "5"\r\n',
    not_ascii="Content-Length: ٥\r\n".encode(),
)
CODINGS = cases(
    "transfer-encoding-is-chunked",
    leading_comma=b"Transfer-Encoding: ,chunked\r\n", trailing_comma=b"Transfer-Encoding: chunked,\r\n",
    then_identity=b"Transfer-Encoding: chunked, identity\r\n", twice=b"Transfer-Encoding: chunked, chunked\r\n",
    vertical_tab=b"Transfer-Encoding: \x0bchunked\r\n", quoted=b'Transfer-Encoding: "chunked"\r\n',
    two_lines=b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    two_lines_identity=b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    space_before_colon=b"Transfer-Encoding : chunked\r\n", parameter=b"Transfer-Encoding: chunked;q=1\r\n",
    empty=b"Transfer-Encoding:\r\n", nul=b"Transfer-Encoding: chunked\0\r\n", semicolon=b"Transfer-Encoding: chunked;\r\n",
)
UNKNOWN = cases(
    "unknown-transfer-encoding",
    prefix=b"Transfer-Encoding: xchunked\r\n", suffix=b"Transfer-Encoding: chunkedx\r\n",
    gzip=b"Transfer-Encoding: gzip\r\n", gzip_chunked=b"Transfer-Encoding: gzip, chunked\r\n",
    identity=b"Transfer-Encoding: identity\r\n",
)


@pytest.mark.parametrize("fields", LENGTH_AND_CODING + LENGTHS + CODINGS)
def test_refused(gate, fields):
    gate.refused(POST + fields + b"\r\n" + b"0\r\n\r\n" + SMUGGLED, 400, 501)


@pytest.mark.parametrize("fields", LENGTH_AND_CODING + LENGTHS)
def test_refused_with_400(gate, fields):
    gate.refused(POST + fields + b"\r\n", 400)


@pytest.mark.parametrize("fields", UNKNOWN)
def test_unknown_coding(gate, fields):
    gate.refused(POST + fields + b"\r\n" + b"0\r\n\r\n" + SMUGGLED, 501, 400)


def test_http_10_with_transfer_encoding(gate):
    gate.refused(b"POST /t HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400)


BAD_CHUNKS = cases(
    "chunk-size-is-hex-digits",
    prefix=b"0x5\r\nhello\r\n0\r\n\r\n", plus=b"+5\r\nhello\r\n0\r\n\r\n", minus=b"-5\r\nhello\r\n0\r\n\r\n",
    space_before=b" 5\r\nhello\r\n0\r\n\r\n", space_before_zero=b" 0\r\n\r\n", empty=b"\r\nhello\r\n0\r\n\r\n",
    not_hex=b"5g\r\nhello\r\n0\r\n\r\n", underscore=b"0_5\r\nhello\r\n0\r\n\r\n",
    seventeen_digits=b"F" * 17 + b"\r\nhello", overflow=b"10000000000000005\r\nhello\r\n0\r\n\r\n",
) + cases(
    "chunk-lines-end-with-crlf",
    bare_lf=b"5\nhello\r\n0\r\n\r\n", two_cr=b"5\r\r\nhello\r\n0\r\n\r\n", cr_only=b"5\rhello\r\n0\r\n\r\n",
    lf_after_data=b"5\r\nhello\n0\r\n\r\n", bare_lf_at_end=b"5\r\nhello\r\n0\n\n",
) + cases(
    "chunk-data-is-followed-by-crlf",
    longer=b"5\r\nhelloX0\r\n\r\n", two_more=b"5\r\nhelloXX\r\n0\r\n\r\n", nothing=b"5\r\nhello0\r\n\r\n",
) + cases(
    "chunk-extensions-are-bounded",
    endless=b"5;" + b"x" * 70_000, many=b"".join(b"1;" + b"e" * 4000 + b"\r\nx\r\n" for _ in range(300)),
    lf_inside=b"5;a\nb\r\nhello\r\n0\r\n\r\n", cr_inside=b"5;a\rb\r\nhello\r\n0\r\n\r\n",
) + cases(
    "trailers-are-bounded",
    endless=b"0\r\nX: " + b"x" * 70_000, many=b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
)


@pytest.mark.parametrize("body", BAD_CHUNKS)
def test_bad_chunks(gate, body):
    """400 and the end; what the upstream got of the request has no last chunk."""
    before = len(gate.upstream.received)
    statuses = gate.all_answers(CHUNKED + body + SMUGGLED)
    assert statuses in ([400], [502], [413]), statuses
    assert b"0\r\n\r\n" not in gate.upstream.received[before:]


def test_good_chunk_extension_is_dropped(gate):
    seen = gate.passed(CHUNKED + b"5;name=value\r\nhello\r\n0\r\n\r\n")
    assert seen["body"] == "hello"
    assert b"name=value" not in gate.upstream.received


@pytest.mark.parametrize("trailer", ["Content-Length: 99", "Host: evil", "Transfer-Encoding: gzip", "X-Trailer: 1"])
def test_trailers_reach_nobody(gate, trailer):
    before = len(gate.upstream.received)
    seen = gate.passed(CHUNKED + chunk(b"hi") + b"0\r\n" + trailer.encode() + b"\r\n\r\n")
    assert seen["body"] == "hi"
    assert trailer.encode() not in gate.upstream.received[before:]


def test_eof_inside_a_chunked_body_invents_no_last_chunk(stage):
    gate = Gate(stage)
    with gate.router.connect() as raw:
        raw.send(CHUNKED + b"5\r\nhel").finish()
        raw.is_ended(5)
    gate.upstream.ended()
    seen = gate.upstream.received
    assert b"0\r\n" not in seen.split(b"\r\n\r\n", 1)[-1], seen


def test_eof_inside_a_length_invents_nothing(stage):
    gate = Gate(stage)
    with gate.router.connect() as raw:
        raw.send(POST + b"Content-Length: 10\r\n\r\nhel").finish()
        raw.is_ended(5)
    gate.upstream.ended()
    assert gate.upstream.received.split(b"\r\n\r\n", 1)[-1] in (b"", b"hel")


def test_own_answer_with_an_unread_body_ends_or_drains(stage):
    """The body of a request that we answer ourselves never becomes a request."""
    gate = Gate(stage, {"max-body": "10"})
    body = SMUGGLED * 3
    statuses = gate.all_answers(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, timeout=2)
    assert statuses == [413]
    assert b"smuggled" not in gate.upstream.received


def test_unread_body_of_an_unroutable_request(stage):
    """404 for a request with a body: the next request on the connection is the real next one, if any."""
    gate = Gate(stage)
    router = stage.tidegate({"route": f"^/known http:{gate.upstream.address}"}, name="routes")
    body = SMUGGLED * 3
    with router.connect(timeout=3) as raw:
        raw.send(b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        raw.send(b"GET /known HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().status == 404
        try:
            assert raw.response().json()["target"] == "/known"
        except EOFError:
            pass
    assert b"smuggled" not in gate.upstream.received


def test_pipelined_body_is_not_a_request(gate):
    """A body that looks like a request stays a body; the request behind it is the next one."""
    body = b"GET /mimicked HTTP/1.1\r\nHost: a\r\n\r\n"
    with gate.router.connect() as raw:
        raw.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "mimicked" in raw.response().json()["body"]
        assert raw.response().json()["target"] == "/next"


@pytest.mark.parametrize("head", [
    pytest.param(b"Content-Length: 5\r\n\r\nhello", id="length"),
    pytest.param(b"Content-Length: 005\r\n\r\nhello", id="leading-zeros"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", id="chunked"),
    pytest.param(b"Transfer-Encoding: ChUnKeD\r\n\r\n05\r\nhello\r\n000\r\n\r\n", id="chunked-case-and-zeros"),
])
def test_good_framing_passes(gate, head):
    assert gate.passed(POST + head)["body"] == "hello"
