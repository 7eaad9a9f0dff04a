"""Every action of a rule: what the client is answered, what the server sees, and what the log says."""

import json

import pytest
from websockets.sync.client import connect

from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import until


@pytest.fixture
def http(stage):
    return f"http:{stage.upstream(http_ok).address}"


def rules(stage, *lines, default=None, **options):
    """A router with these lines in its main section."""
    return stage.tidegate({"default": default, **options}, "[tidegate]\n" + "\n".join(lines) + "\n")


def fields(answer):
    return dict(answer.json()["fields"])


@pytest.mark.parametrize("action, status, location", [
    ("redirect:https://new.example/$1?a=$1", 302, "https://new.example/b%3Fc?a=b%3Fc"),
    ("redirect-301:/$1", 301, "/b%3Fc"),
    ("redirect:https://${HTTP_HOST}${REQUEST_URI}", 302, "https://test/a/b%3Fc?q=1&r=%0d"),
    ("redirect:/x?${QUERY_STRING}", 302, "/x?q=1&r=%0d"),
    ("redirect:${PATH_INFO}", 302, "/a/b%3Fc"),
    ("redirect:/x?r=${qs[r]}&u=${HTTP_X_U}", 302, "/x?r=%0D&u=a%26b%20c"),
])
def test_redirect(stage, action, status, location):
    answer = rules(stage, f"route = ^/a/(.*) {action}").get("/a/b%3Fc?q=1&r=%0d", "X-U: a&b c")
    assert (answer.status, answer["Location"]) == (status, location)


def test_break_return_and_send(stage):
    router = rules(stage, "route = ^/break/(.*) break:418 I am $1", "route = ^/return return:204", "route = ^/send send:hello, ${REMOTE_ADDR}")
    with router.connect() as raw:
        answer = raw.get("/break/a%20teapot").response()
        assert answer.status == 418 and b"I am a teapot" in answer.body
        assert raw.get("/return").response().status == 204
        answer = raw.get("/send").response()
        assert (answer.status, answer.body) == (200, b"hello, 127.0.0.1") and answer["Content-Type"].startswith("text/plain")
        assert raw.get("/send", method="HEAD").response("HEAD")["Content-Length"] == "16"
        assert raw.get("/none").response().status == 404
    assert router.get("/send", "Accept: text/html").body == b"hello, 127.0.0.1"


def test_a_body_nobody_wants_is_not_the_next_request(stage):
    router = rules(stage, "route = ^/send send:hello")
    with router.connect() as raw:
        raw.send("POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.response().status == 200
        assert raw.is_ended()


def test_rewrite(stage, http):
    router = rules(stage, "route = ^/old/(.*) rewrite:/new/$1", "route = ^/new/q(.) rewrite:/newer?n=$1", "route = ^/old addheader:X-Never: 1",
                   "route-qs = ^n=(.)&a addheader:X-Query: $1", "route = ^/f rewrite:/files/${qs[f]}", default=http)
    for target, seen in [("/old/a", "/new/a"), ("/old/../old/a%2Fb%3F", "/new/a%2Fb%3F"), ("/old/q1", "/newer?n=1"), ("/old/q1?a", "/newer?n=1&a"),
                         ("/x?y", "/x?y"), ("/f?f=a/b", "/files/a%2Fb?f=a/b")]:
        answer = router.get(target)
        assert answer.json()["target"] == seen
        assert answer["X-Never"] is None
    assert router.get("/old/q1?a")["X-Query"] == "1"
    for target in ["/f?f=..", "/f?f=%2e"]:
        assert router.get(target).status == 400


def test_rewrite_in_front_of_uwsgi(stage):
    router = rules(stage, "route = ^/old/(.*) rewrite:/n%%20w/$1?a=b", default=f"uwsgi:{stage.upstream(uwsgi_ok).address}")
    seen = dict(router.get("/old/x%25?c").json()["pairs"])
    assert (seen["REQUEST_URI"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/old/x%25?c", "/n w/x%", "a=b&c")


def test_a_rewritten_request_is_sent_again_as_it_was(stage):
    """The second request of a kept connection that dies unanswered goes once more on a fresh one."""
    targets = []

    def once(peer):
        for answers in [True, False]:
            if (request := peer.request()) is not None:
                targets.append((request.target, request["X-A"]))
                if answers:
                    peer.reply(b"first")

    upstream = stage.upstream(once)
    router = rules(stage, "route = ^/old/(.*) rewrite:/new/$1?x", "route = ^/ addrequestheader:X-A: ${PATH_INFO}", default=f"http:{upstream.address}")
    with router.connect() as raw:
        raw.get("/old/1").response()
        assert raw.get("/old/2").response().body == b"first"
    assert targets == [("/new/1?x", "/new/1"), ("/new/2?x", "/new/2"), ("/new/2?x", "/new/2")]


def test_addheader_and_delheader(stage):
    def serve(peer):
        while peer.request() is not None:
            peer.reply(b"ok", "200 OK", "X-Powered-By: us", "x-powered-by: them", "X-Kept: 1")

    router = rules(stage, "route-run = addheader:X-Frame-Options: DENY", "route = ^/(.*) addheader:X-Path: <$1>", "route-run = delheader:X-Powered-By",
                   "route = ^/none return:404", default=f"http:{stage.upstream(serve).address}")
    answer = router.get("/a%22b")
    assert (answer["X-Frame-Options"], answer["X-Path"], answer["X-Powered-By"], answer["X-Kept"]) == ("DENY", '<a"b>', None, "1")
    with router.connect() as raw:
        assert raw.get("/none").response()["X-Frame-Options"] == "DENY"
        assert raw.get("/x").response()["X-Path"] == "<x>"


def test_no_header_has_a_line_of_a_client_in_it(stage, http):
    router = rules(stage, "route-run = addheader:X-Q: ${qs[q]}", "route-run = addrequestheader:X-Q: ${qs[q]}", default=http)
    answer = router.get("/?q=a%0d%0aSet-Cookie:%20b")
    assert answer["Set-Cookie"] is None and answer["X-Q"] == "a%0D%0ASet-Cookie: b"
    assert fields(answer)["X-Q"] == "a%0D%0ASet-Cookie: b"


def test_our_errors_have_the_headers_too(stage):
    upstream = stage.upstream(http_ok)
    upstream.stop_listening()
    router = rules(stage, "route-run = addheader:X-A: 1", default=f"http:{upstream.address}")
    with router.connect() as raw:
        answer = raw.get("/").response()
        assert answer.status in (502, 503) and answer["X-A"] == "1"


def test_addrequestheader_takes_the_place_of_the_clients(stage, http):
    uwsgi = f"uwsgi:{stage.upstream(uwsgi_ok).address}"
    router = rules(stage, "route-run = addrequestheader:X-User: ${cookie[user]}", f"route = ^/wsgi {uwsgi}", default=http)
    seen = router.get("/", "X-User: root", "x-user: admin", "Cookie: user=joe").json()["fields"]
    assert [value for name, value in seen if name.lower() == "x-user"] == ["joe"]
    seen = router.get("/wsgi", "X-User: root", "Cookie: user=joe").json()["pairs"]
    assert [value for name, value in seen if name == "HTTP_X_USER"] == ["joe"]


def test_addvar(stage):
    router = rules(stage, "route-run = addvar:KIND=page", "route = ^/api/(\\w+) addvar:KIND=api/$1", "route-if = equal:${KIND};api/two addvar:TWO=${KIND}!",
                   default=f"uwsgi:{stage.upstream(uwsgi_ok).address}", **{"http-var": "ALWAYS=1"})
    pairs = router.get("/api/two").json()["pairs"]
    assert pairs[-4:] == [["ALWAYS", "1"], ["KIND", "page"], ["KIND", "api/two"], ["TWO", "api/two!"]]
    assert dict(router.get("/").json()["pairs"])["KIND"] == "page"


@pytest.mark.parametrize("rule, status", [
    ("allow:127.0.0.0/8", 200), ("allow:10.0.0.0/8,127.0.0.1", 200), ("allow:10.0.0.0/8 ::1", 403),
    ("deny:127.0.0.1", 403), ("deny:10.0.0.0/8", 200), ("deny:0.0.0.0/0", 403),
])
def test_allow_and_deny(stage, http, rule, status):
    router = rules(stage, f"route = ^/admin {rule}", default=http)
    assert router.get("/admin").status == status
    assert router.get("/").status == 200


def test_hsts_is_not_for_plain_connections(stage, http):
    assert rules(stage, "route-run = hsts:8760h", default=http).get("/")["Strict-Transport-Security"] is None


def test_log_and_donotlog(stage, http):
    router = rules(stage, 'route = ^/noted/(.*) log:saw "$1" from ${REMOTE_ADDR}', "route = ^/silent donotlog:", "route = ^/silent/404 return:404", default=http)
    for target in ["/silent", "/silent/404", "/noted/a%22b", "/last"]:
        router.get(target)
    until_last(router)
    lines = router.access()
    assert any(line.endswith('"LOG" "saw \\x22a\\x22b\\x22 from 127.0.0.1"') for line in lines), lines
    assert not any("silent" in line for line in lines) and any("GET /noted" in line for line in lines)


def test_log_in_json(stage, http):
    router = rules(stage, "route-run = log:hello ${PATH_INFO}", default=http, **{"log-format": "json"})
    router.get("/last")
    until_last(router)
    first = json.loads(router.access()[0])
    assert (first["event"], first["text"], first["client"]) == ("log", "hello /last", "127.0.0.1")


def until_last(router):
    until("the last line", lambda: any("GET /last" in line or '"path":"/last"' in line for line in router.access()))


@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_websockets_are_changed_alike(stage, echo, mode):
    router = rules(stage, "route = ^/old/(.*) rewrite:/$1", "route-run = addheader:X-A: ${PATH_INFO}", "route-run = delheader:Server", "route = ^/ donotlog:",
                   "route = ^/here echo:", default=f"http:{echo.address}", **{"websockets-mode": mode})
    for path in ["/old/there", "/old/here"]:
        with connect(router.url(path, "ws")) as socket:
            socket.send("hi")
            assert socket.recv() == "hi"
            assert socket.response.headers["X-A"] == path[4:]
    assert [line for line in router.access() if "CLOSE" in line] == []


@pytest.mark.parametrize(
    "action, status, location",
    [("return:403", 403, None), ("redirect-permanent:https://else.example${REQUEST_URI}", 301, "https://else.example/a?b=c")],
)
def test_default_may_be_an_answer(stage, action, status, location):
    router = stage.tidegate({"route": "^/taken return:410", "default": action})
    answer = router.get("/a?b=c")
    assert (answer.status, answer["Location"]) == (status, location)
    assert router.get("/taken").status == 410
