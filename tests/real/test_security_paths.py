"""SECURITY: paths. What is matched is what is logged is what is forwarded: one canonical path."""

import pytest

from harness.attack import Gate
from harness.upstream import uwsgi_ok


@pytest.fixture(scope="module")
def gate(module_stage):
    """Answers say which rule matched: the guard of /admin is an upstream of its own."""
    gate = Gate(module_stage)
    gate.guard = module_stage.upstream(lambda peer: (peer.request(), peer.reply(b'"guarded"')))
    gate.router = module_stage.tidegate({
        "default": f"http:{gate.upstream.address}", "route": f"^/admin http:{gate.guard.address}",
    }, name="guarded")
    return gate


def get(target):
    return b"GET " + target.encode("latin-1") + b" HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("target", [
    "/admin", "/public/../admin", "/%2e%2e/admin", "/%61dmin", "//admin", "/./admin", "/a/%2E%2e/admin", "/%2e/admin", "///admin",
    "/x/y/../../admin", "/../../admin", "/%61%64%6d%69%6e", "/admin/", "/admin?x=/public", "/public/..//admin", "/.//admin",
    "http://a/admin", "http://a//admin",
])
def test_one_canonical_path_is_matched(gate, target):
    assert gate.passed(get(target)) == "guarded"


@pytest.mark.parametrize("target", ["/x%2Fadmin", "/public%2f..%2fadmin", "/%2561dmin", "/public?x=/../admin", "/public/admin", "/;/admin"])
def test_encoded_slashes_and_percents_are_no_separators(gate, target):
    assert gate.passed(get(target)) != "guarded"


@pytest.mark.parametrize("target, sent", [
    ("/%61%7E%2D", "/a~-"), ("/a%20b", "/a%20b"), ("/a/./b/../c", "/a/c"), ("//a///b", "/a/b"), ("/a%2Fb", "/a%2Fb"), ("/a%2fb", "/a%2Fb"),
    ("/%25", "/%25"), ("/a?b=//../%61", "/a?b=//../%61"), ("/a?", "/a?"), ("/a/..", "/"), ("/a/.", "/a/"), ("/..", "/"), ("/", "/"),
    ("/%E2%82%AC", "/%E2%82%AC"), ("/%e2%82%ac", "/%E2%82%AC"),
])
def test_what_is_sent_on(gate, target, sent):
    assert gate.passed(get(target))["target"] in (sent, sent.removesuffix("?")) if sent == "/a?" else gate.passed(get(target))["target"] == sent


@pytest.mark.parametrize("target", [
    "/%00", "/a\\b", "/%5c..%5cadmin", "/%", "/%4", "/%zz", "/a%2", "/a#b", "/a\x01b", "/a\x7fb", "/%0a", "/%0d%0aX:", "/a\tb", "/a\xe9", "/a?b#c",
])
def test_refused_with_400(gate, target):
    gate.refused(get(target), 400)


def test_merge_slashes_off(stage):
    gate = Gate(stage, {"merge-slashes": "off"})
    assert gate.passed(get("//a//b"))["target"] == "//a//b"


@pytest.mark.parametrize("target, uri, info", [
    ("/a%20b/../c%2Fd?q=%20", "/c%2Fd?q=%20", "/c%2Fd"), ("/%61//b", "/a/b", "/a/b"), ("/a%25b", "/a%25b", "/a%b"), ("/%C3%A9", "/%C3%A9", "/\xc3\xa9"),
])
def test_uwsgi_variables_are_canonical(stage, target, uri, info):
    upstream = stage.upstream(uwsgi_ok)
    router = stage.tidegate({"http-to": upstream.address})
    seen = dict(router.get(target).json()["pairs"])
    assert (seen["REQUEST_URI"], seen["PATH_INFO"]) == (uri, info)


@pytest.mark.parametrize("host", ["chat.example.com", "CHAT.example.com", "chat.example.com.", "chat.example.com:8080", "Chat.Example.Com.:80"])
def test_hosts_without_case_and_trailing_dot(stage, host):
    gate = Gate(stage)
    chat = stage.upstream(lambda peer: (peer.request(), peer.reply(b'"chat"')))
    router = stage.tidegate({"default": f"http:{gate.upstream.address}"},
                            f"[route:chat]\nhost = ^chat\\.example\\.com$\npath = ^/\nto = http:{chat.address}\n", name="hosts")
    assert router.get("/", host=host).json() == "chat"


@pytest.mark.parametrize("target", ["/a?/secret", "/a?x=%0a/secret", "/a%20/x"])
def test_a_rule_sees_the_path_only(stage, target):
    gate = Gate(stage)
    other = stage.upstream(lambda peer: (peer.request(), peer.reply(b'"matched"')))
    router = stage.tidegate({"default": f"http:{gate.upstream.address}", "route": f"secret$ http:{other.address}"}, name="rules")
    assert router.get(target).json() != "matched"


@pytest.mark.parametrize("target, host, uri", [
    ("/to/a", "x-a.test", "/v2/a?id=a&by=router"), ("/to/a%20b", None, None), ("/to/a@b", None, None), ("/to/a/b", None, None),
    ("/to/a:1", None, None), ("/to/a,b", None, None), ("/to/a%2Fb", None, None),
    ("/in/a/b&admin=1;c=%2B+%23", "h.test", "/v2/a/b&admin=1;c=++%23?id=a/b%26admin%3D1%3Bc%3D%2B%2B%23&by=router"),
    ("/bare/a", "h.test", "/a"), ("/bare/*", "h.test", "/*"), ("/bare/", "h.test", "/"), ("/bare/http://evil/", "h.test", "/http:/evil/"),
])
def test_what_captures_are_put_into_keeps_its_form(stage, target, host, uri):
    gate = Gate(stage)
    address = gate.upstream.address
    more = [f"^/to/(.*)$ http:{address},x-$1.test,/v2/$1?id=$1&by=router", f"^/in/(.*)$ http:{address},h.test,/v2/$1?id=$1&by=router",
            f"^/bare/(.*)$ http:{address},h.test,$1"]
    gate.router = stage.tidegate({"route": more}, name="captures")
    if host is None:
        gate.refused(get(target), 400, closes=False)
    else:
        seen = gate.passed(get(target))
        assert seen["target"] == uri
        assert [value for name, value in seen["fields"] if name.lower() == "host"] == [host]
