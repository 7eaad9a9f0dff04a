"""SECURITY: request line and fields. What is no HTTP/1 is refused, and what one hop means is not passed on."""

import pytest

from harness.attack import Gate

LINE = b"GET /t HTTP/1.1\r\n"
HOST = b"Host: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def gate(module_stage):
    gate = Gate(module_stage)
    yield gate
    assert b"smuggled" not in gate.upstream.received


def cases(rule, **examples):
    return [pytest.param(value, id=f"{rule}-{name}") for name, value in examples.items()]


@pytest.mark.parametrize("head", cases(
    "no-obs-fold", space=LINE + HOST + b"X: a\r\n b\r\n\r\n", tab=LINE + HOST + b"X: a\r\n\tb\r\n\r\n",
    host=LINE + b"Host: a\r\n b\r\n\r\n", before_first_field=LINE + b" X: a\r\n" + HOST + b"\r\n",
) + cases(
    "no-space-before-colon", space=LINE + b"Host : a\r\n\r\n", tab=LINE + HOST + b"X\t: a\r\n\r\n",
) + cases(
    "no-bare-cr-or-lf", lf_line=b"GET /t HTTP/1.1\n" + HOST + b"\r\n", lf_field=LINE + b"Host: a\n\r\n",
    lf_all=b"GET /t HTTP/1.1\nHost: a\n\n", cr_in_value=LINE + HOST + b"X: a\rb\r\n\r\n", cr_in_line=b"GET /t\r HTTP/1.1\r\n" + HOST + b"\r\n",
    lf_end=LINE + HOST + b"\n", cr_cr_lf=LINE + HOST + b"\r\r\n", lf_in_value=LINE + HOST + b"X: a\nSmuggled: b\r\n\r\n",
) + cases(
    "no-nul", value=LINE + HOST + b"X: a\0b\r\n\r\n", name=LINE + HOST + b"X\0: a\r\n\r\n", target=b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
) + cases(
    "names-are-tokens", empty=LINE + HOST + b": x\r\n\r\n", space_inside=LINE + HOST + b"a b: c\r\n\r\n",
    newline=LINE + HOST + b"Te\nst: x\r\n\r\n", high_byte=LINE + HOST + b"X\xe9: a\r\n\r\n", slash=LINE + HOST + b"X/Y: a\r\n\r\n",
    quote=LINE + HOST + b'"X": a\r\n\r\n', no_colon=LINE + HOST + b"nothing\r\n\r\n", control=LINE + HOST + b"X\x01: a\r\n\r\n",
    delete=LINE + HOST + b"X\x7f: a\r\n\r\n", parenthesis=LINE + HOST + b"X(): a\r\n\r\n",
) + cases(
    "values-have-no-controls", bell=LINE + HOST + b"X: a\x07\r\n\r\n", delete=LINE + HOST + b"X: a\x7f\r\n\r\n", vertical_tab=LINE + HOST + b"X: \x0ba\r\n\r\n",
) + cases(
    "methods-are-tokens", space_before=b" GET /t HTTP/1.1\r\n" + HOST + b"\r\n", two_spaces=b"GET  /t HTTP/1.1\r\n" + HOST + b"\r\n",
    two_spaces_after=b"GET /t  HTTP/1.1\r\n" + HOST + b"\r\n", tab=b"GET\t/t HTTP/1.1\r\n" + HOST + b"\r\n", trailing_space=b"GET /t HTTP/1.1 \r\n" + HOST + b"\r\n",
    brackets=b"G(T /t HTTP/1.1\r\n" + HOST + b"\r\n", long=b"G" * 300 + b" /t HTTP/1.1\r\n" + HOST + b"\r\n", empty=b" /t HTTP/1.1\r\n" + HOST + b"\r\n",
    high_byte=b"G\xc9T /t HTTP/1.1\r\n" + HOST + b"\r\n",
) + cases(
    "no-http-09", bare=b"GET /t\r\n\r\n", nothing=b"GET\r\n\r\n",
) + cases(
    "one-empty-line-before", two=b"\r\n\r\n" + LINE + HOST + b"\r\n", many=b"\r\n" * 50 + LINE + HOST + b"\r\n", lf=b"\n" + LINE + HOST + b"\r\n",
) + cases(
    "one-host", none=LINE + b"\r\n", two_equal=LINE + HOST + HOST + b"\r\n", two=LINE + HOST + b"Host: b\r\n\r\n", list=LINE + b"Host: a, b\r\n\r\n",
    empty=LINE + b"Host:\r\n\r\n", userinfo=LINE + b"Host: me@a\r\n\r\n", port_text=LINE + b"Host: a:http\r\n\r\n",
    port_large=LINE + b"Host: a:65536\r\n\r\n", port_sign=LINE + b"Host: a:+80\r\n\r\n", path=LINE + b"Host: a/b\r\n\r\n", space=LINE + b"Host: a b\r\n\r\n",
    bracket=LINE + b"Host: [::1\r\n\r\n", not_v6=LINE + b"Host: [zz]\r\n\r\n", backslash=LINE + b"Host: a\\b\r\n\r\n", query=LINE + b"Host: a?b\r\n\r\n",
    percent_nul=LINE + b"Host: a%00\r\n\r\n",
) + cases(
    "asterisk-only-for-options", get=b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", post=b"POST * HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
) + cases(
    "absolute-form", userinfo=b"GET http://me@a/ HTTP/1.1\r\n" + HOST + b"\r\n", no_host=b"GET http:///t HTTP/1.1\r\n" + HOST + b"\r\n",
    other_scheme=b"GET gopher://a/t HTTP/1.1\r\n" + HOST + b"\r\n", relative=b"GET t HTTP/1.1\r\n" + HOST + b"\r\n",
))
def test_refused_with_400(gate, head):
    gate.refused(head, 400)


@pytest.mark.parametrize("version", ["HTTP/1.32", "HTTP/2.0", "http/1.1", "HTTP/1.", "HTTP/11", "HTTP/1.2", "HTTP/0.9", "HTTP /1.1", "ICY/1.0", "HTTP/1.1x"])
def test_versions_are_exactly_two(gate, version):
    gate.refused(b"GET /t " + version.encode() + b"\r\n" + HOST + b"\r\n", 400, 505)


@pytest.mark.parametrize("head, statuses", [
    pytest.param(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", (400, 405), id="connect"),
    pytest.param(b"TRACE /t HTTP/1.1\r\nHost: a\r\n\r\n", (400, 405), id="trace"),
])
def test_connect_and_trace_are_refused(gate, head, statuses):
    gate.refused(head, *statuses, closes=False)


@pytest.mark.parametrize("head, status", [
    pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, id="uri"),
    pytest.param(b"GET /" + b"a" * 100_000, 414, id="uri-endless"),
    pytest.param(LINE + HOST + b"X: " + b"a" * 17_000 + b"\r\n\r\n", 431, id="field"),
    pytest.param(LINE + HOST + b"X: " + b"a" * 100_000, 431, id="field-endless"),
    pytest.param(LINE + HOST + b"".join(b"X-%d: a\r\n" % n for n in range(101)) + b"\r\n", 431, id="fields"),
    pytest.param(LINE + HOST + b"X" * 100_000, 431, id="name-endless"),
])
def test_limits(gate, head, status):
    gate.refused(head, status)


def test_one_empty_line_before_a_request_is_fine(gate):
    assert gate.passed(b"\r\n" + LINE + HOST + b"\r\n")["target"] == "/t"


def test_absolute_form_wins_over_host(gate):
    seen = gate.passed(b"GET http://Real.example:81/t?q HTTP/1.1\r\nHost: other\r\n\r\n")
    assert seen["target"] == "/t?q"
    hosts = [value for name, value in seen["fields"] if name.lower() == "host"]
    assert [host.lower() for host in hosts] == ["real.example:81"]
    assert "other" not in str(seen)


def test_options_asterisk_passes(gate):
    assert gate.passed(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")["target"] == "*"


def field_names(seen):
    return [name.lower() for name, _ in seen["fields"]]


def test_underscore_names_are_dropped(gate):
    assert "x_under" not in field_names(gate.passed(LINE + HOST + b"X_Under: 1\r\n\r\n"))
    assert "content_length" not in field_names(gate.passed(LINE + HOST + b"Content_Length: 1\r\n\r\n"))


@pytest.mark.parametrize("field", [
    "Proxy: evil", "Keep-Alive: 5", "Proxy-Connection: keep-alive", "TE: trailers", "Upgrade: h2c", "X-Named: 1", "HTTP2-Settings: AAA",
    "Proxy-Authorization: Basic eA==", "Trailer: X",
])
def test_hop_by_hop_fields_end_here(gate, field):
    seen = gate.passed(LINE + HOST + b"Connection: keep-alive, X-Named, Upgrade, HTTP2-Settings\r\n" + field.encode() + b"\r\n\r\n")
    assert field.split(":")[0].lower() not in field_names(seen)


@pytest.mark.parametrize("field", ["Authorization: Basic eA==", "Cookie: a=1", "X-Forwarded-For: 1.2.3.4", "Host: a", "Content-Length: 0"])
def test_connection_never_removes_what_matters(gate, field):
    name = field.split(":")[0]
    line = b"POST /t HTTP/1.1\r\n"
    seen = gate.passed(line + (b"" if name == "Host" else HOST) + field.encode() + b"\r\nConnection: " + name.encode() + b"\r\n\r\n")
    assert name.lower() in field_names(seen)


def test_identity_of_untrusted_peers_is_replaced(gate):
    seen = gate.passed(LINE + HOST + b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n\r\n")
    fields = {name.lower(): value for name, value in seen["fields"]}
    assert fields["x-forwarded-for"] == "127.0.0.1"
    assert fields["x-forwarded-proto"] == "http"
    assert fields.get("x-forwarded-host") == "a"
    assert "forwarded" not in fields
    assert "evil" not in str(seen) and "6.6.6.6" not in str(seen)


def test_requests_byte_by_byte(gate):
    """Where the bytes are cut changes nothing."""
    with gate.router.connect() as raw:
        for byte in LINE + HOST + b"X: y\r\n\r\n":
            raw.send(bytes([byte]))
        assert raw.response().status == 200
