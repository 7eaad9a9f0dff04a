"""Where a rule does not mean the same here and in a real uWSGI: the tables of docs/uwsgi.md, row by row."""

import re
import subprocess

import pytest

from harness import VENV
from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE
from harness.upstream import free_port

APP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Foo", "app")])
    return ["|".join([environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("FOOVAR", "-")]).encode()]
"""
# Both take these.
RULES = r"""
route = ^/slash/a/b$ break:410
route-uri = ^/uri/b$ break:410
route-host = ^a$ break:410
route = ^/line$ break:410
route = ^/text break:403 Keep Out
route = ^/return return:403
route = ^/to/(.*)$ redirect:/x/$1
route-if = regexp:${PATH_INFO};^/if/(.*)$ redirect:/x/$1
route = ^/qs addvar:FOOVAR=${qs[c]}
route = ^/header addheader:Foo: two
route = ^/send send:hello
route = ^/send break:410
route = ^/last last:
route = ^/last break:410
route = ^/continue continue:
route = ^/continue break:410
route = ^/goto goto:behind
route = ^/goto break:410
route-label = behind
route = ^/goto addvar:FOOVAR=came
"""
# What is asked, and of each what comes of it: status, Location, body.
ROWS = [
    ("/slash/a%2Fb", "x", (410, None, ""), (200, None, "/slash/a%2Fb||-")),
    ("/slash//a/b", "x", (200, None, "/slash//a/b||-"), (410, None, "410 Gone\n")),
    ("/slash/x/../a/%62", "x", (410, None, ""), (410, None, "410 Gone\n")),
    ("/%75ri/b", "x", (200, None, "/uri/b||-"), (410, None, "410 Gone\n")),
    ("/uri/x/../b", "x", (200, None, "/uri/b||-"), (410, None, "410 Gone\n")),
    ("/", "A:80", (200, None, "/||-"), (410, None, "410 Gone\n")),
    ("/", "a.", (200, None, "/||-"), (410, None, "410 Gone\n")),
    ("/line%0a", "x", (410, None, ""), (400, None, "400 Bad Request\ncontrol character in the path\n")),
    ("/text", "x", (403, None, ""), (403, None, "403 Forbidden\nKeep Out\n")),
    ("/return", "x", (403, None, "Forbidden"), (403, None, "403 Forbidden\n")),
    ("/to/a%20b", "x", (302, "/x/a b", "Moved"), (302, "/x/a%20b", "302 Found\n")),
    ("/to//evil.com", "x", (302, "/x//evil.com", "Moved"), (302, "/x/evil.com", "302 Found\n")),
    ("/if/b", "x", (302, "/x/b", "Moved"), (302, "/x/b", "302 Found\n")),
    ("/qs?c=%41+d", "x", (200, None, "/qs|c=%41+d|%41+d"), (200, None, "/qs|c=%41+d|A d")),
    ("/send", "x", (None, None, "hello"), (200, None, "hello")),
    ("/last", "x", (200, None, "/last||-"), (200, None, "/last||-")),
    ("/continue", "x", (200, None, "/continue||-"), (200, None, "/continue||-")),
    ("/goto", "x", (200, None, "/goto||came"), (200, None, "/goto||came")),
]
# uWSGI takes these, and does this; here the file is refused, with these words.
REFUSED = [
    ("route = ^/ goto:nowhere", "", "there is no route-label = nowhere"),
    ("route-label = up\nroute = ^/x break:410\nroute = ^/ goto:up", "", "goto: leads only forward"),
    ("route = ^/ break:", "", "expected a status"),
    ("route = ^/(.*)$ addvar:FOOVAR=$1$2", "/||", "$2 is asked for, but this regex captures only up to $1"),
    ("route = ^/ addvar:FOOVAR=x${NOPE}", "/||x", "nothing says what ${NOPE} is"),
    ("route = ^/(?!x) break:410 Gone", "HTTP/1.1 410 Gone", "look-around"),
    ("route-if = >:2;1 break:410 Gone", "HTTP/1.1 410 Gone", "numbers are compared with regexp:"),
]


def uwsgi(stage, name, rules):
    (stage.directory / "differ.py").write_text(APP)
    file, port = stage.directory / f"{name}.ini", free_port()
    file.write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:{port}\nmaster = true\ndie-on-term = true\n"
                    f"wsgi-file = {stage.directory}/differ.py\n{rules}\n")
    child = stage.track(Process(f"uwsgi-{name}", [VENV / "uwsgi", "--ini", file], stage.directory))
    child.wait_for("spawned uWSGI worker 1 ")
    return port


def whole(port, path, host="x"):
    with Raw.connect(port) as raw:
        return raw.get(path, "Connection: close", host=host).rest().decode()


def seen(port, path, host):
    """uWSGI's `send:` answers without a head."""
    if not (text := whole(port, path, host)).startswith("HTTP/"):
        return None, None, text
    with Raw.connect(port) as raw:
        answer = raw.get(path, "Connection: close", host=host).response()
    return answer.status, answer["Location"], answer.body.decode()


def test_rows(stage):
    port = uwsgi(stage, "rows", RULES)
    socket = f"127.0.0.1:{free_port()}"
    (stage.directory / "plain.ini").write_text(f"[uwsgi]\nsocket = {socket}\nmaster = true\ndie-on-term = true\nwsgi-file = {stage.directory}/differ.py\n")
    app = stage.track(Process("uwsgi-plain", [VENV / "uwsgi", "--ini", stage.directory / "plain.ini"], stage.directory))
    app.wait_for("spawned uWSGI worker 1 ")
    router = stage.tidegate({"http-to": socket}, f"[uwsgi]\n{RULES}")
    for path, host, there, here in ROWS:
        assert (seen(port, path, host), seen(router.port, path, host)) == (there, here), (path, host)
    for end in (port, router.port):
        assert re.findall(r"(?m)^Foo: (\w+)", whole(end, "/header")) == ["app", "two"], end


@pytest.mark.parametrize("rules, does, said", REFUSED)
def test_refused(stage, rules, does, said):
    answer = whole(uwsgi(stage, "refused", rules), "/")
    assert answer == "" if does == "" else does in answer
    file = stage.directory / "here.ini"
    file.write_text(f"[uwsgi]\nhttp = 127.0.0.1:0\nhttp-to = 127.0.0.1:1\n{rules}\n")
    run = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and said in run.stderr, run.stderr
