"""Rules that let a request go on or not: `basicauth:` with files of htpasswd and openssl, `limit:`; curl is the client."""

import os
import signal
import subprocess

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.router import TIDEGATE, ini
from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import until

PASSWORD = "s3cret: é"


def curl(router, path="/", user=None, *more):
    """The status and the header fields of one request."""
    command = ["curl", "-sS", "-o", "/dev/null", "-D", "-", "--max-time", "20", *(["-u", user] if user else []), *more, router.url(path)]
    head = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\r\n")
    return int(head[0].split()[1]), dict(line.lower().split(": ", 1) for line in head[1:] if line)


def htpasswd(file, name, password, *options):
    new = [] if file.exists() else ["-c"]
    subprocess.run(["htpasswd", "-b", *new, *options, file, name, password], check=True, capture_output=True)


def guarded(stage, rule, **options):
    """A router with this rule for all but /open, in front of a server that tells what it saw."""
    to = f"http:{stage.upstream(http_ok).address}"
    return stage.tidegate({"default": to, **options}, f"[tidegate]\nroute = ^/open {to}\nroute-run = {rule}\n")


def test_a_name_and_a_password_in_the_rule(stage):
    router = guarded(stage, f"basicauth:My Site,joe:{PASSWORD}")
    assert curl(router, "/", f"joe:{PASSWORD}")[0] == 200
    for user in [None, "joe:", "joe:wrong", f"ann:{PASSWORD}", f":{PASSWORD}", f"joe:{PASSWORD}x"]:
        status, fields = curl(router, "/", user)
        assert status == 401, user
        assert fields["www-authenticate"] == 'basic realm="my site", charset="utf-8"'
    assert curl(router, "/open")[0] == 200
    line = until("the line", lambda: next((line for line in router.access() if "401" in line), None))
    assert "s3cret" not in line


@pytest.mark.parametrize("options", [["-B"], ["-B", "-C", "8"], ["-m"], ["-s"], ["-2"], ["-5"]])
def test_a_file_of_htpasswd(stage, options):
    file = stage.directory / "users"
    for name in ["joe", "zoë"]:
        htpasswd(file, name, PASSWORD, *options)
    router = guarded(stage, f"basicauth:site,{file}")
    for _ in range(2):
        assert curl(router, "/", f"joe:{PASSWORD}")[0] == curl(router, "/", f"zoë:{PASSWORD}")[0] == 200
    for user in [None, "joe:wrong", f"ann:{PASSWORD}", f"JOE:{PASSWORD}", "joe:"]:
        assert curl(router, "/", user)[0] == 401, user


@pytest.mark.parametrize("kind", ["-1", "-apr1", "-5", "-6"])
def test_a_hash_of_openssl(stage, kind):
    made = subprocess.run(["openssl", "passwd", kind, PASSWORD], check=True, capture_output=True).stdout.decode().strip()
    file = stage.directory / "users"
    file.write_text(f"# made by openssl\njoe:{made}:a comment\n")
    router = guarded(stage, f"basicauth:site,{file}")
    assert curl(router, "/", f"joe:{PASSWORD}")[0] == 200
    assert curl(router, "/", "joe:wrong")[0] == 401


def test_a_file_that_changes(stage):
    file = stage.directory / "users"
    htpasswd(file, "joe", "first", "-s")
    router = guarded(stage, f"basicauth:site,{file}")
    assert curl(router, "/", "joe:first")[0] == 200
    htpasswd(file, "joe", "second", "-B")
    until("the new password", lambda: curl(router, "/", "joe:second")[0] == 200)
    assert curl(router, "/", "joe:first")[0] == 401
    file.unlink()
    until("nobody", lambda: curl(router, "/", "joe:second")[0] == 401)
    assert "nobody is let in" in router.log()


def test_a_file_that_is_not_there_is_no_start(stage):
    file = stage.directory / "site.ini"
    file.write_text(ini({"http": "127.0.0.1:0", "default": "echo:"}) + f"route-run = basicauth:site,{stage.directory}/none\n")
    ran = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True)
    assert ran.returncode == 2
    assert "site.ini:4:13" in ran.stderr and "/none: cannot be read" in ran.stderr


def test_a_line_nobody_can_log_in_by_is_told(stage):
    file = stage.directory / "users"
    file.write_text("joe:plain\nann:rl0uE82lGZ8vI\n")
    router = guarded(stage, f"basicauth:site,{file}")
    assert f"{file}:1: joe cannot log in" in router.log() and f"{file}:2: ann cannot log in" in router.log()
    for user in ["joe:plain", "ann:test"]:
        assert curl(router, "/", user)[0] == 401


def test_the_app_and_the_next_rules_know_the_user(stage):
    http = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate({"default": f"uwsgi:{stage.upstream(uwsgi_ok).address}"}, f"""[tidegate]
route-run = basicauth-next:site,root:toor
route-remote-user = ^root$ break:418 the root
route-run = basicauth:site,joe:{PASSWORD}
route-run = addrequestheader:X-User: ${{REMOTE_USER}}
route = ^/http {http}
[route:joe]
path = ^/mine
remote-user = ^joe$
to = break:410
[route:ann]
path = ^/mine
remote-user = ^ann$
to = break:411
""")
    assert curl(router, "/", "root:toor")[0] == 418
    assert curl(router, "/", "joe:wrong")[0] == curl(router, "/")[0] == 401
    with router.connect() as raw:
        # joe:s3cret: é
        right = "Authorization: Basic am9lOnMzY3JldDogw6k="
        pairs = dict(raw.get("/", right, "X-User: root", "Remote-User: root").response().json()["pairs"])
        assert pairs["REMOTE_USER"] == "joe" and pairs["HTTP_X_USER"] == "joe"
        seen = raw.get("/http", right, "X-User: root").response().json()["fields"]
        assert [value for name, value in seen if name == "X-User"] == ["joe"]
        assert raw.get("/mine", right).response().status == 410


def test_websockets_have_to_log_in(stage, echo):
    file = stage.directory / "users"
    htpasswd(file, "joe", "secret", "-B")
    router = stage.tidegate({"default": f"http:{echo.address}"}, f"[tidegate]\nroute-run = basicauth:site,{file}\n")
    with connect(router.url("/", "ws").replace("//", "//joe:secret@")) as socket:
        socket.send("hi")
        assert socket.recv() == "hi"
    with pytest.raises(InvalidStatus) as refused:
        connect(router.url("/", "ws").replace("//", "//joe:wrong@")).__enter__()
    assert refused.value.response.status_code == 401


def hup(router):
    done = router.log().count("reload: done")
    os.kill(router.pid, signal.SIGHUP)
    until(lambda: router.log()[-1000:], lambda: router.log().count("reload: done") > done)


def test_a_limit_of_each_client_for_all_workers_and_across_reloads(stage):
    router = guarded(stage, "limit:4/h,burst=4", workers=2)
    assert [curl(router)[0] for _ in range(2)] == [200, 200]
    hup(router)
    assert [curl(router)[0] for _ in range(2)] == [200, 200]
    status, fields = curl(router)
    assert status == 429 and 800 <= int(fields["retry-after"]) <= 900
    hup(router)
    assert curl(router)[0] == 429 and curl(router, "/open")[0] == 200
    with router.connect(source="127.0.0.9") as raw:
        assert raw.get("/").response().status == 200, "somebody else"


def test_a_limit_of_a_variable(stage):
    router = guarded(stage, "limit:2/h,burst=2,key=${HTTP_X_API_KEY}")
    for key in ["a", "b"]:
        assert [curl(router, "/", None, "-H", f"X-Api-Key: {key}")[0] for _ in range(3)] == [200, 200, 429]


def test_a_limit_lets_go_again(stage):
    router = guarded(stage, "limit:5/s,burst=1")
    assert curl(router)[0] == 200
    statuses = []
    until("one more", lambda: statuses.append(curl(router)[0]) or statuses[-1] == 200)


def test_a_websocket_counts_as_a_request(stage, echo):
    router = stage.tidegate({"default": f"http:{echo.address}"}, "[tidegate]\nroute-run = limit:1/h\n")
    with connect(router.url("/", "ws")) as socket:
        for _ in range(5):
            socket.send("hi")
            assert socket.recv() == "hi"
        with pytest.raises(InvalidStatus) as refused:
            connect(router.url("/", "ws")).__enter__()
        assert refused.value.response.status_code == 429
