"""Routes as uWSGI's documentation of internal routing shows them: here and in a real uWSGI, with one result.

Not among them is `$0`: with a regex that has no groups, uWSGI 2.0.31 crashes over it."""

import pytest

from harness import VENV
from harness.process import Process
from harness.raw import Raw
from harness.router import ini
from harness.upstream import free_port

APP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Powered-By", "app")])
    said = [environ["REQUEST_URI"], environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("KIND", "-")]
    return ["|".join(said).encode()]
"""
KEYS = {
    "route": ["^/old/(.*)$ redirect-301:/new/$1", "^/away redirect:https://example.com/", "^/gone/(.*) break:410 Gone", "^/private return:403",
              "^/rewritten/(.*)/(.*) rewrite:/$2?a=$1", "^/last last:", "^/last break:500 never", "^/jump goto:end", "^/jump break:500 jumped over",
              "^/(headers) addheader:X-Added: $1", "^/headers delheader:X-Powered-By", "^/api/(\\w+) addvar:KIND=api-$1"],
    "route-host": "^old\\.example$ break:404 Host",
    "route-uri": "^/by\\?uri=1$ break:418 Uri",
    "route-qs": "^q=([a-z]+)$ break:402 Query",
    "route-remote-addr": "^10\\. break:401 Address",
    "route-user-agent": "Bot break:405 Agent",
    "route-referer": "^http://bad/ break:406 Referer",
    "route-if": ["equal:${HTTP_X_A};one break:411 Equal", "startswith:${HTTP_X_A};two break:412 Starts", "endswith:${PATH_INFO};.php break:413 Ends",
                 "contains:${HTTP_X_A};mid break:414 Contains", "regexp:${HTTP_X_A};^[0-9]+$ break:415 Regexp", "equal:${cookie[c]};1 break:416 Cookie",
                 "equal:${qs[two]};2 break:417 Qs", "ipv4in:${HTTP_X_IP};192.168.0.0/16 break:421 In"],
    "route-if-not": "empty:${HTTP_X_FULL} break:423 Full",
    "route-label": "end",
}
REQUESTS = [
    ("/", []), ("/old/a/b", []), ("/away", []), ("/gone/x", []), ("/private", []), ("/rewritten/a/b", []), ("/rewritten/a/b?c=d", []), ("/last", []), ("/jump", []),
    ("/headers", []), ("/api/two", []), ("/by?uri=1", []), ("/by?uri=12", []), ("/x?q=abc", []), ("/x?q=1", []), ("/", ["User-Agent: A Bot"]),
    ("/", ["Referer: http://bad/x"]), ("/", ["Referer: http://good/"]), ("/", ["X-A: one"]), ("/", ["X-A: ones"]), ("/", ["X-A: twofold"]), ("/a.php", []),
    ("/a.php5", []), ("/", ["X-A: amidst"]), ("/", ["X-A: 42"]), ("/", ["X-A: a42"]), ("/", ["Cookie: b=2; c=1"]), ("/?one=1&two=2", []),
    ("/", ["X-Ip: 192.168.7.7"]), ("/", ["X-Ip: 192.169.0.1"]), ("/", ["X-Full: x"]),
]


def lines(keys):
    """Each key's lines, labels last: both read them in the order of the file."""
    return ini(keys, "SECTION").replace("[SECTION]\n", "")


@pytest.fixture(scope="module")
def both(module_stage):
    directory = module_stage.directory
    (directory / "routed.py").write_text(APP)
    port = free_port()
    routes = lines(KEYS)
    (directory / "uwsgi.ini").write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:{port}\nmaster = true\ndie-on-term = true\nwsgi-file = {directory}/routed.py\n{routes}")
    uwsgi = module_stage.track(Process("uwsgi-routes", [VENV / "uwsgi", "--ini", directory / "uwsgi.ini"], directory))
    uwsgi.wait_for("spawned uWSGI worker 1 ")
    socket = free_port()
    (directory / "plain.ini").write_text(f"[uwsgi]\nsocket = 127.0.0.1:{socket}\nmaster = true\ndie-on-term = true\nwsgi-file = {directory}/routed.py\n")
    plain = module_stage.track(Process("uwsgi-plain", [VENV / "uwsgi", "--ini", directory / "plain.ini"], directory))
    plain.wait_for("spawned uWSGI worker 1 ")
    router = module_stage.tidegate({"http-to": f"127.0.0.1:{socket}"}, f"[uwsgi]\n{routes}")
    return port, router


def ask(port, target, fields, host="test"):
    with Raw.connect(port) as raw:
        answer = raw.get(target, *fields, "Connection: close", host=host).response()
    body = answer.body if answer.status == 200 else b""
    return answer.status, answer["Location"], answer["X-Added"], answer["X-Powered-By"], body


@pytest.mark.parametrize("target, fields", REQUESTS, ids=str)
def test_one_result(both, target, fields):
    port, router = both
    assert ask(router.port, target, fields) == ask(port, target, fields)


def test_one_result_by_host(both):
    port, router = both
    for host in ["old.example", "new.example"]:
        assert ask(router.port, "/", [], host) == ask(port, "/", [], host)
