"""curl as a client: what it sends is what people's scripts send."""

import os
import subprocess

import pytest

from harness.stage import staged


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        address, _ = stage.uwsgi("threads")
        router = stage.tidegate({"http-to": address, "max-body": "20m"})
        router.directory = stage.directory
        yield router


def curl(*arguments, check=True):
    result = subprocess.run(["curl", "-sS", "--max-time", "20", *map(str, arguments)], capture_output=True)
    assert not check or result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def upload(site):
    file = site.directory / "upload"
    file.write_bytes(os.urandom(3_000_000))
    return file


def test_get(site):
    assert curl(site.url("/hello")) == b"hello\n"


def test_include_head(site):
    head = curl("-i", site.url("/hello")).decode()
    assert head.startswith("HTTP/1.1 200 OK\r\n")


def test_http_10(site):
    assert curl("-0", site.url("/hello")) == b"hello\n"


def test_head(site):
    assert b"Content-Length: 6\r\n" in curl("-I", site.url("/hello"))


def test_post_with_expect(site, upload):
    """curl waits a second for 100 Continue: it must not have to."""
    trace = site.directory / "trace"
    body = curl("-H", "Expect: 100-continue", "--expect100-timeout", "15", "--data-binary", f"@{upload}", "--trace-ascii", trace,
                "--max-time", "10", site.url("/echo"))
    assert body == upload.read_bytes()
    assert "100 Continue" in trace.read_text(errors="replace")


def test_expect_with_a_body_too_large(site):
    """Told before the body is sent."""
    status = curl("-H", "Expect: 100-continue", "-H", "Content-Length: 99000000", "--expect100-timeout", "15", "-X", "POST", "-d", "x",
                  "-o", os.devnull, "-w", "%{http_code}", site.url("/echo"), check=False)
    assert status == b"413"


def test_put_chunked(site, upload):
    with open(upload, "rb") as body:
        result = subprocess.run(["curl", "-sS", "--max-time", "20", "-H", "Expect:", "-T", "-", site.url("/echo")], stdin=body, capture_output=True)
    assert result.stdout == upload.read_bytes(), result.stderr


def test_several_on_one_connection(site):
    out = curl("-w", "%{num_connects} ", site.url("/hello"), site.url("/hello"), site.url("/hello"))
    assert out == b"hello\n1 hello\n0 hello\n0 "


def test_streamed_response(site):
    assert curl(site.url("/stream?pieces=4")) == b"0;1;2;3;"


def test_own_answer(site):
    text = curl("-i", "-H", "Host: a b", site.url("/"), check=False).decode()
    assert text.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "Server: tidegate" in text


def test_dot_segments_as_they_are(site):
    assert curl("--path-as-is", site.url("/x/../hello")) == b"hello\n"
