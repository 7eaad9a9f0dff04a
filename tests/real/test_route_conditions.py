"""Every condition of a rule: each way to write one, what it takes and what it leaves."""

from pathlib import Path

import pytest

from harness.upstream import http_ok

HERE = Path(__file__).parent
#: What is written, and targets or header fields with and without which a request is taken. Nobody else has the path.
CONDITIONS = {
    "route = ^/a/(\\d)": ("/a/1", "/a/b"),
    "route-host = ^Chat\\.Example$": (["Host: chat.example.:81"], ["Host: chat.example.org"]),
    "route-uri = ^/a\\?q=1$": ("/./a?q=1", "/a?q=12"),
    "route-qs = (^|&)b=1(&|$)": ("/x?a=2&b=1", "/x?a=2&bb=1"),
    "route-remote-addr = ^127\\.0\\.0\\.1$": ("/", None),
    "route-user-agent = (?i)bot/(\\d)": (["User-Agent: MyBot/2"], ["User-Agent: Firefox"]),
    "route-referer = ^https://old\\.example/": (["Referer: https://old.example/x"], ["Referer: http://old.example/x"]),
    "route-if = equal:${HTTP_X_TENANT};blue": (["X-Tenant: blue"], ["X-Tenant: bluer"]),
    "route-if = equal:${HTTP_X_A};${HTTP_X_B}": (["X-A: 1", "X-B: 1"], ["X-A: 1", "X-B: 2"]),
    "route-if = eq:${REQUEST_METHOD}/${SERVER_PROTOCOL};GET/HTTP/1.1": ("/", None),
    "route-if = startswith:${PATH_INFO};/static/": ("/static/x", "/x/static/"),
    "route-if = startswith:${HTTP_X_A};${HTTP_X_B}": (["X-A: abc", "X-B: ab"], ["X-A: ab", "X-B: abc"]),
    "route-if = endswith:${REQUEST_URI};.png": ("/a.png", "/a.png?x"),
    "route-if = contains:${HTTP_COOKIE};beta=": (["Cookie: a=b; beta=1"], ["Cookie: a=b"]),
    "route-if = regexp:${HTTP_ACCEPT};^image/(png|gif)": (["Accept: image/gif"], ["Accept: text/html, image/gif"]),
    "route-if = empty:${cookie[sid]}": (["Cookie: sid="], ["Cookie: sid=1"]),
    "route-if = equal:${qs[token]};a&b": ("/?token=a%26b", "/?token=a&b"),
    "route-if = ipv4in:${REMOTE_ADDR};127.0.0.0/8": ("/", None),
    "route-if = ipv4in:${HTTP_X_IP};10.0.0.0/8,192.0.2.0/24": (["X-Ip: 192.0.2.9"], ["X-Ip: 192.0.3.9"]),
    "route-if = ipv6in:${HTTP_X_IP};2001:db8::/32": (["X-Ip: 2001:db8::1"], ["X-Ip: 2001:db9::1"]),
    "route-if = equal:${REQUEST_SCHEME}:${QUERY_STRING};http:a=b": ("/?a=b", "/?a=c"),
    f"route-if = exists:{HERE}/${{qs[f]}}": ("/?f=conftest.py", "/?f=nothing"),
    f"route-if = isfile:{HERE}${{PATH_INFO}}": ("/pytest.ini", "/harness"),
    f"route-if = isdir:{HERE}${{PATH_INFO}}": ("/harness", "/pytest.ini"),
    f"route-if-not = exists:{HERE}${{PATH_INFO}}": ("/none", "/harness/../pytest.ini"),
    "route-if-not = empty:${HTTP_X_A}": (["X-A: 1"], "/"),
    "route-if-not = regexp:${HTTP_X_A};b": (["X-A: a"], ["X-A: abc"]),
    "route-run =": ("/", None),
}
#: The same in a section, with the main section's names.
SECTIONS = {"route": "path", "route-host": "host", "route-uri": "uri", "route-qs": "qs", "route-remote-addr": "remote-addr",
            "route-user-agent": "user-agent", "route-referer": "referer", "route-if": "if", "route-if-not": "if-not"}


def ask(router, request):
    target, fields = (request, []) if isinstance(request, str) else ("/", request)
    host = next((field.split(": ")[1] for field in fields if field.startswith("Host: ")), "test")
    return router.get(target, *[field for field in fields if "Host: " not in field], host=host).status


def check(router, taken, left):
    assert taken is None or ask(router, taken) == 200
    assert left is None or ask(router, left) == 404


@pytest.mark.parametrize("written", CONDITIONS)
def test_a_condition(stage, written):
    key, _, condition = written.partition(" = ")
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate({key.removesuffix(" ="): f"{condition} {to}".strip()})
    check(router, *CONDITIONS[written])


@pytest.mark.parametrize("written", [written for written in CONDITIONS if " = " in written])
def test_a_condition_in_a_section(stage, written):
    key, _, condition = written.partition(" = ")
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate(more=f"[route:x]\n{SECTIONS[key]} = {condition}\nto = {to}\n")
    check(router, *CONDITIONS[written])


def test_all_conditions_of_a_section_must_hold(stage):
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate(more=f"""
[route:all]
path = ^/a/
host = ^a$
qs = x
if = equal:${{HTTP_X_A}};1
if = ipv4in:${{REMOTE_ADDR}};127.0.0.1
if-not = contains:${{HTTP_X_A}};2
if-not = is-websocket:
to = {to}
""")
    handshake = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    assert router.get("/a/b?x", "X-A: 1", host="a").status == 200
    for target, fields, host in [("/b?x", ["X-A: 1"], "a"), ("/a/b", ["X-A: 1"], "a"), ("/a/b?x", ["X-A: 1"], "b"), ("/a/b?x", [], "a"),
                                 ("/a/b?x", ["X-A: 12"], "a"), ("/a/b?x", ["X-A: 1", *handshake], "a")]:
        with router.connect() as raw:
            assert raw.get(target, *fields, host=host).response().status == 404, (target, fields, host)


def test_captures_are_those_of_the_text_that_was_looked_at(stage):
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate({"route-user-agent": f"^(\\w+)/(\\d+) {to},,/agent/$1/$2",
                             "route-if": f"regexp:${{HTTP_X_A}};(.)=(.) {to},,/field/$2$1"},
                            f"[route:x]\nuser-agent = (.)\npath = ^/p/(.)\nqs = (.)\nto = {to},,/path/$1\n")
    def target(path, *fields):
        return router.get(path, *fields).json()["target"]

    assert target("/", "User-Agent: curl/8") == "/agent/curl/8"
    assert target("/", "X-A: a=b") == "/field/ba"
    assert target("/p/q?r", "User-Agent: -") == "/path/q"


def test_last_and_goto(stage):
    to = f"http:{stage.upstream(http_ok).address},,"
    router = stage.tidegate({"default": f"{to}/rest"}, f"""
[tidegate]
route = ^/static/ last:
route = ^/far goto:end
route = ^/ goto:middle
route-run = {to}/never
route-label = middle
route-if = equal:${{HTTP_X_A}};1 continue:
route = ^/(b|far) {to}/first
route-label = end
route = ^/far {to}/second
""")
    for path, fields, taken in [("/static/b", [], "/rest"), ("/far/x", [], "/second"), ("/b", [], "/first"),
                                ("/b", ["X-A: 1"], "/rest"), ("/c", [], "/rest")]:
        assert router.get(path, *fields).json()["target"] == taken, path


def test_of_a_thousand_rules_the_first_that_holds_takes_a_request(stage):
    to = f"http:{stage.upstream(http_ok).address},,"
    rules = [f"equal:${{HTTP_X_TENANT}};t{n} {to}/{n}" for n in range(1000)]
    router = stage.tidegate({"route-if": [f"contains:${{HTTP_X_TENANT}};t77 {to}/early", *rules]})
    for tenant, taken in [("t0", "/0"), ("t777", "/early"), ("t999", "/999"), ("t500", "/500")]:
        assert router.get("/", f"X-Tenant: {tenant}").json()["target"] == taken
    assert router.get("/", "X-Tenant: t1000").status == 404
