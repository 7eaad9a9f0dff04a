"""The examples of uWSGI's own manual on internal routing, line by line: here and in a real uWSGI, with one result.

Left out are their lines with `logvar:` and `cache:`, which are about the inside of an app server. `static:` of one file is `file:` here.
"""

import subprocess
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness import VENV
from harness.certificates import Authority
from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE
from harness.upstream import free_port, http_ok, uwsgi_ok
from harness.waiting import until

APP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Foo", "app"), ("X-Kept", "app")])
    return ["|".join([environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("FOOVAR", "-")]).encode()]
"""
HERE = Path(__file__).parent
ELSEWHERE, CURL = "127.0.0.2", "User-Agent: curl/8.5.0"

FIRST = r"""
route-user-agent = .*curl.* redirect:http://uwsgi.it
route-remote-addr = ^127\.0\.0\.1$ break:403 Forbidden
route = ^/test log:someone called /test
route = \.php$ rewrite:/index.php
route = .* addheader:Server: my uWSGI server
route-if = equal:${PATH_INFO};/bad break:500 Internal Server Error
"""
VARIABLES = r"""
route-user-agent = .*curl.* redirect:http://uwsgi.it${REQUEST_URI}
route-remote-addr = ^127\.0\.0\.1$ break:403 Forbidden for ip ${REMOTE_ADDR}
"""
GOTO = r"""
route-host = ^localhost$ goto:localhost
route-host = ^sid\.local$ goto:sid.local
route = .* last:

route-label = sid.local
route-user-agent = .*curl.* redirect:http://uwsgi.it
route-remote-addr = ^192\.168\..* break:403 Forbidden
route = ^/test log:someone called /test
route = \.php$ rewrite:/index.php
route = .* addheader:Server: my sid.local server
route = .* last:

route-label = localhost
route-user-agent = .*curl.* redirect:http://uwsgi.it
route-remote-addr = ^127\.0\.0\.1$ break:403 Forbidden
route = ^/test log:someone called /test
route = \.php$ rewrite:/index.php
route = .* addheader:Server: my uWSGI server
route = .* last:
"""
PATTERNS = """
route-if = equal:FOO;BAR log:never here
route-if = regexp:FOO;^F log:starts with F
route = ^/foo log:cookie ${cookie[foobar]}
route = ^/foo log:item ${qs[foobar]}
route = ^/logme/(.) log:hey i am printing $1
"""
ACTIONS = """
route = ^/notfound break:404 Not Found
route = ^/error break:500
route = ^/foo/(.) addvar:FOOVAR=prefix$1suffix
route = ^/foo/(.) addheader:Bar: Foo
route = ^/foo/(.) delheader:Foo
"""
REWRITE = "route-uri = ^/foo/(.*) rewrite:/index.php?page=$1.php"
FORCE_HTTPS = """
route-if-not = equal:${HTTPS};on redirect-permanent:https://${HTTP_HOST}${REQUEST_URI}
"""
BASICAUTH = """
route = ^/foo basicauth-next:My Realm,foo:bar
route = ^/foo basicauth:My Realm,foo2:bar2
route = ^/bar basicauth:Another Realm,kratos:
"""
# Of these the manual has names and no lines.
AT_ONCE = "route = ^/closed basicauth:Nobody,"
TRAC = """
route = ^/login basicauth-next:Trac Realm,pippo:pluto
route = ^/login basicauth:Trac Realm,foo:bar
"""
CHECKS = f"""
route-if = isequal:${{PATH_INFO}};/1 break:410 isequal
route-if = eq:${{PATH_INFO}};/2 break:411 eq
route-if = ==:${{PATH_INFO}};/3 break:412 ==
route-if = startswith:${{PATH_INFO}};/begin break:413 startswith
route-if = endswith:${{PATH_INFO}};.end break:414 endswith
route-if = re:${{PATH_INFO}};^/re[0-9]$ break:415 re
route-if = contains:${{QUERY_STRING}};needle break:416 contains
route-if-not = empty:${{HTTP_X_FILLED}} break:417 empty
route-if = isfile:{HERE}${{PATH_INFO}} break:418 isfile
route-if = isdir:{HERE}${{PATH_INFO}} break:420 isdir
route-if = exists:{HERE}/../run${{HTTP_X_BEHIND}} addheader:Bar: exists
"""
ALIASES = """
route = ^/302 redirect-302:http://uwsgi.it/302
route = ^/301 redirect-301:http://uwsgi.it/301
route = ^/foo remheader:Foo
route = ^/go continue:
route = .* break:403 Forbidden
"""


def known(name, password):
    """The field that says who asks."""
    return [f"Authorization: Basic {b64encode(f'{name}:{password}'.encode()).decode()}"]


# rules, and who asks what: path, host, from where, fields
EXAMPLES = {
    "first": (FIRST, [("/", "a", None, [CURL]), ("/", "a", None, []), ("/", "a", ELSEWHERE, []), ("/test/x", "a", ELSEWHERE, []), ("/x.php?y=1", "a", ELSEWHERE, []),
                      ("/bad", "a", ELSEWHERE, []), ("/bad/not", "a", ELSEWHERE, [])]),
    "variables": (VARIABLES, [("/a/b?c=d", "a", None, [CURL]), ("/", "a", None, []), ("/", "a", ELSEWHERE, [])]),
    "goto": (GOTO, [(path, host, source, fields) for host in ["localhost", "sid.local", "other"] for source in [None, ELSEWHERE]
                    for path, fields in [("/", [CURL]), ("/x.php", []), ("/test", [])]]),
    "patterns": (PATTERNS, [("/foo?foobar=17", "a", None, ["Cookie: foobar=18"]), ("/logme/xyz", "a", None, [])]),
    "actions": (ACTIONS, [("/notfound", "a", None, []), ("/error", "a", None, []), ("/foo/123", "a", None, []), ("/", "a", None, [])]),
    "rewrite": (REWRITE, [("/foo/news", "a", None, []), ("/foo/news?x=1", "a", None, []), ("/bar", "a", None, [])]),
    "basicauth": (BASICAUTH, [(path, "a", None, fields) for path in ["/foo/x", "/bar", "/"] for fields in [
        [], known("foo2", "bar2"), known("foo2", "bar"), known("foo", "bar"), known("foo", "bar2"), known("kratos", ""), known("kratos", "any"), known("", "")]]),
    "at once": (AT_ONCE, [("/closed", "a", None, []), ("/closed", "a", None, known("", "")), ("/", "a", None, [])]),
    "trac": (TRAC, [(path, "a", None, fields) for path in ["/login", "/"] for fields in [[], known("pippo", "pluto"), known("foo", "bar"), known("foo", "pluto")]]),
    "checks": (CHECKS, [(path, "a", None, []) for path in ["/1", "/2", "/3", "/4", "/beginning", "/not/begin", "/the.end", "/the.end/", "/re1", "/re12", "/?a=needles",
                                                           "/?a=need", "/conftest.py", "/harness", "/nothing"]]
                       + [("/", "a", None, ["X-Filled: 1"]), ("/", "a", None, ["X-Behind: /x"])]),
    "aliases": (ALIASES, [(path, "a", None, []) for path in ["/302", "/301", "/foo", "/go", "/goes/not"]]),
    "https": (FORCE_HTTPS, [("/a?b=c", "www.example.com", None, [])]),
}
LOGGED = ["someone called /test", "never here", "starts with F", "cookie 18", "item 17", "hey i am printing x"]


def start(stage, name, rules, listener):
    """A real uWSGI with these rules."""
    file = stage.directory / f"{name}.ini"
    file.write_text(f"[uwsgi]\n{listener}\nmaster = true\ndie-on-term = true\nwsgi-file = {stage.directory}/documented.py\n{rules}\n")
    child = stage.track(Process(f"uwsgi-{name}", [VENV / "uwsgi", "--ini", file], stage.directory))
    child.wait_for("spawned uWSGI worker 1 ")
    return child


@pytest.fixture(scope="module")
def app(module_stage):
    """The address of the application without any rule."""
    (module_stage.directory / "documented.py").write_text(APP)
    address = f"127.0.0.1:{free_port()}"
    start(module_stage, "plain", "", f"socket = {address}")
    return address


def both(stage, app, name, rules, ours=None):
    """Ports of both with these rules, and what each has logged."""
    port = free_port()
    uwsgi = start(stage, name, rules, f"http-socket = 127.0.0.1:{port}")
    router = stage.tidegate({"http-to": app}, f"[uwsgi]\n{ours or rules}")
    began = len(uwsgi.log())  # It lists its rules there.
    return {"uwsgi": (port, lambda: uwsgi.log()[began:]), "tidegate": (router.port, router.process.stdout)}


def asked(port, path, host, source, fields):
    with Raw.connect(port, source=source) as raw:
        answer = raw.get(path, *fields, "Connection: close", host=host).response()
    # uWSGI adds a second Server; here it takes the place of the first. And what is captured is encoded anew here.
    servers = [value for name, value in answer.fields if name == "Server" and value != "tidegate"]
    realm = (answer["WWW-Authenticate"] or "").split(",")[0]
    return answer.status, answer["Location"], realm, servers, answer["Bar"], answer["Foo"], answer["X-Kept"], unquote(answer.body) if answer.status == 200 else ""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_manual(module_stage, app, name):
    rules, requests = EXAMPLES[name]
    ends = both(module_stage, app, name, rules)
    for request in requests:
        here, there = (asked(ends[end][0], *request) for end in ["tidegate", "uwsgi"])
        assert here == there, request
    logged = {end: lambda log=log: [text for text in LOGGED if text in log()] for end, (_, log) in ends.items()}
    until("the same in both logs", lambda: logged["tidegate"]() == logged["uwsgi"]())


def test_a_file_of_passwords(module_stage, app):
    file = module_stage.directory / "htpasswd"
    joe = subprocess.run(["htpasswd", "-nbB", "-C", "4", "joe", "secret"], capture_output=True, text=True, check=True).stdout.strip()
    file.write_text(f"{joe}\nann:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    ends = both(module_stage, app, "file", f"route = ^/ basicauth:Members,{file}")
    for fields in [[], known("ann", "secret"), known("ann", "wrong"), known("joe", ""), known("nobody", "secret")]:
        here, there = (asked(ends[end][0], "/", "a", None, fields) for end in ["tidegate", "uwsgi"])
        assert here == there, fields
    status = {end: asked(port, "/", "a", None, known("joe", "secret"))[0] for end, (port, _) in ends.items()}
    assert status == {"tidegate": 200, "uwsgi": 401}, "it looks at 13 letters of a hash, and bcrypt's are 60"


def test_what_is_sent_is_an_answer_here(module_stage, app):
    """There it stands in front of whatever the application says, without a status: nothing that a client could read."""
    ends = both(module_stage, app, "send", "route = ^/foo/(.) send:destroy the world")
    with Raw.connect(ends["uwsgi"][0]) as raw:
        assert raw.get("/foo/x", "Connection: close").rest().startswith(b"destroy the world/foo/x")
    with Raw.connect(ends["tidegate"][0]) as raw:
        answer = raw.get("/foo/x", "Connection: close").response()
    assert (answer.status, answer.body) == (200, b"destroy the world")
    assert [asked(port, "/", "a", None, [])[-1] for port, _ in ends.values()] == ["/||-", "/||-"]


def test_where_passwords_are_taken_more_strictly(module_stage, app):
    """Who is let in for one realm is not let in for another as well."""
    rules = """
route = ^/two basicauth-next:One,foo:bar
route = ^/two basicauth:Two,foo2:bar2
"""
    ends = both(module_stage, app, "passwords", rules)
    status = {end: asked(port, "/two", "a", None, known("foo", "bar"))[0] for end, (port, _) in ends.items()}
    assert status == {"tidegate": 401, "uwsgi": 200}


def test_https_is_not_sent_on(stage, app):
    authority = Authority(stage.directory)
    https = f"127.0.0.1:0,{authority.issue('localhost', '127.0.0.1')}"
    router = stage.tidegate({"http": None, "https": https, "http-to": app}, f"[uwsgi]\n{FORCE_HTTPS}")
    with router.tls(authority=authority) as raw:
        assert raw.get("/a?b=c").response().body == b"/a|b=c|-"


def test_servers_elsewhere(module_stage, app):
    """`uwsgi:` with modifiers, `http:` with and without another host."""
    worker, zope = module_stage.upstream(uwsgi_ok).address, module_stage.upstream(http_ok).address
    rules = f"route = ^/psgi uwsgi:{worker},5,0\nroute = ^/zope/mine http:{zope},myzope.uwsgi.it\nroute = ^/zope http:{zope}"
    ends = both(module_stage, app, "elsewhere", rules)
    for end, (port, _) in ends.items():
        with Raw.connect(port) as raw:
            packet = raw.get("/psgi/x?y=1", "Connection: close").response().json()
        assert (packet["modifier1"], packet["modifier2"]) == (5, 0), end
        assert {"PATH_INFO": "/psgi/x", "QUERY_STRING": "y=1"}.items() <= dict(packet["pairs"]).items(), end
        for path, host in [("/zope/a?b=c", "www.example.com"), ("/zope/mine", "myzope.uwsgi.it")]:
            with Raw.connect(port) as raw:
                request = raw.get(path, "Connection: close", host="www.example.com").response().json()
            assert (request["target"], dict(request["fields"])["Host"]) == (path, host), end


def test_one_file(module_stage, app):
    logo = module_stage.directory / "logo.png"
    logo.write_bytes(bytes(range(256)) * 1000)
    ends = both(module_stage, app, "logo", f"route = ^/logo static:{logo}", f"route = ^/logo file:{logo}")
    for end, (port, _) in ends.items():
        with Raw.connect(port) as raw:
            answer = raw.get("/logo", "Connection: close").response()
        assert (answer.status, answer.body) == (200, logo.read_bytes()), end


@pytest.mark.parametrize("rule, said", [
    ("route-host = ^localhost$ logvar:local=1", "there is no action logvar: here; log:TEXT"),
    (r"route-uri = ^/foo/(.*)\.jpg$ cache:key=$1.jpg", "cache: is an action of uWSGI's app server"),
    ("route = ^/foo signal:1", "signal: is an action of uWSGI's app server"),
    ("route = ^/psgi uwsgi:,5,0", "expected an address"),
    ("route-host = (.*) goto:$1", "there is no route-label = $1"),
    ("route = ^/foo ldapauth:Realm,url=ldap://x", "there is no action ldapauth: here; auth:http:ADDR/PATH asks"),
    ("route = ^/bad break:", "expected a status"),
    ("route = ^/images/ addheader:Content-Type: ${mime[MYFILE]}", "expected a variable"),
    ("route-if = isexec:/bin/ls break:403", "there is no condition isexec: here"),
    ("route = ^/foo/(.) send-crnl:HTTP/1.0 100 Continue", "there is no action send-crnl: here; send:TEXT"),
    ("route = ^/psgi uwsgi:127.0.0.1:3031,5,0,fooapp", "expected modifiers from 0 to 255"),
    ("route = ^/foo rpc:hello ${REQUEST_URI} ${HTTP_USER_AGENT}", "rpc: is an action of uWSGI's app server"),
    ("route-if = ishigherequal:${CONTENT_LENGTH};1 break:403", "there is no condition ishigherequal: here"),
    ("route = ^/logme/(.) logvar:item=$1", "there is no action logvar: here; log:TEXT"),
    ("route = ^/old rewrite-last:/new", "write rewrite:PATH, and last: in a rule behind it"),
])
def test_what_is_not_here_is_said(stage, rule, said):
    """Nothing of the manual is skipped in silence."""
    file = stage.directory / "manual.ini"
    file.write_text(f"[uwsgi]\nhttp = 127.0.0.1:0\nhttp-to = 127.0.0.1:1\n{rule}\n")
    run = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and "manual.ini:4:" in run.stderr and said in run.stderr, run.stderr
