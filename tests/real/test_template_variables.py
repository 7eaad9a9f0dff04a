"""`${qs[x]}`, `${cookie[x]}`, `${HTTP_X}` and `${REMOTE_ADDR}` in HOST and URI: what a client writes stays where it is put."""

import pytest

from harness.upstream import http_ok


@pytest.fixture(scope="module")
def router(module_stage):
    to = f"http:{module_stage.upstream(http_ok).address}"
    return module_stage.tidegate({"route": [
        f"^/path {to},,/files/${{qs[f]}}/end",
        f"^/query {to},,/q?a=${{qs[a]}}&c=${{cookie[sid]}}&ip=${{REMOTE_ADDR}}",
        f"^/host {to},${{HTTP_X_HOST}}",
        f"^/capture/(.*)$ {to},,/$1${{qs[tail]}}",
        "^/secret return:403",
    ], "route-uri": [f"^/uri\\?(.*)$ {to},,/files/$1", "^/rewritten/x\\?(.*)$ rewrite:/open/$1"], "route-qs": f"^from=(.*)$ {to},,/files/$1",
        "route-user-agent": f"^UA/(.*)$ {to},,/files/$1", "default": to})


def seen(router, target, *fields):
    answer = router.get(target, *fields)
    assert answer.status == 200, f"{answer.status}: {answer.body!r}"
    return answer.json()


@pytest.mark.parametrize("query, target", [
    ("f=a", "/files/a/end"), ("x=1&f=a&f=b", "/files/a/end"), ("", "/files//end"), ("f=a%20b+c", "/files/a%20b%20c/end"),
    ("f=a/b", "/files/a%2Fb/end"), ("f=../../etc/passwd", "/files/..%2F..%2Fetc%2Fpasswd/end"), ("f=%252e%252e", "/files/%252e%252e/end"),
    ("f=a%3Fb%23c", "/files/a%3Fb%23c/end"), ("f=%0d%0aX:1", "/files/%0D%0AX:1/end"), ("f=%C3%A9", "/files/%C3%A9/end"), ("f=a;b", "/files/a%3Bb/end"),
    ("f=a%5Cb", "/files/a%5Cb/end"),
])
def test_a_segment_stays_a_segment(router, query, target):
    assert seen(router, f"/path?{query}")["target"] == target


@pytest.mark.parametrize("target", ["/path?f=..", "/path?f=.", "/path?f=%2e%2e", "/path?f=%2E", "/capture/x/.?tail=.", "/capture/?tail=..",
                                    "/uri?/%2e%2e/x", "/uri?%2E./x", "/?from=%2e%2e/secret", "/rewritten/x?/%2e%2e/%2e%2e/secret/x"])
def test_no_way_out_of_a_path(router, target):
    """A query, and what else is matched besides the path, has escapes that no path has left."""
    assert router.get(target).status == 400


def test_no_way_out_by_a_field(router):
    assert router.get("/", "User-Agent: UA/%2e%2e/secret").status == 400
    assert seen(router, "/", "User-Agent: UA/a%20b")["target"] == "/files/a%20b"


def test_a_parameter_stays_a_parameter(router):
    target = seen(router, "/query?a=1%262%3D3%23+%2B", "Cookie: x=y; sid=\"s&t=u\"")["target"]
    assert target == "/q?a=1%262%3D3%23%20%2B&c=s%26t%3Du&ip=127.0.0.1"
    assert seen(router, "/query")["target"] == "/q?a=&c=&ip=127.0.0.1"


def host(router, value):
    return dict(seen(router, "/host", f"X-Host: {value}")["fields"])["Host"]


def test_a_host_stays_a_host(router):
    assert host(router, "app.example.com") == "app.example.com"
    assert dict(seen(router, "/host")["fields"])["Host"] == "test"
    for value in ["a/b", "a@b", "a b", "..", "a,b", "a%2f", "a?x"]:
        assert router.get("/host", f"X-Host: {value}").status == 400, value
