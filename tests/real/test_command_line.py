"""The command line: exit codes, check, errors that teach, options without a file."""

import subprocess
import sys

import pytest

from harness import without
from harness.router import TIDEGATE
from harness.upstream import http_ok, uwsgi_ok


def tidegate(*arguments, **options):
    return subprocess.run([TIDEGATE, *map(str, arguments)], capture_output=True, text=True, timeout=10, **options)


def write(directory, text):
    file = directory / "site.ini"
    file.write_text(text)
    return file


GOOD = "[tidegate]\nhttp = 127.0.0.1:0\nhttp-to = 127.0.0.1:3031\nroute = ^/ws http:127.0.0.1:9000\n"


def test_check_of_a_good_file(tmp_path):
    assert tidegate("check", write(tmp_path, GOOD)).returncode == 0


def test_check_tells_every_problem_at_once(tmp_path):
    file = write(tmp_path, "[tidegate]\nhttp = 127.0.0.1:0\nhttp-tiemout = 5s\nhttp-timeout = 30 sec\nroute = ^/(a http:127.0.0.1:1\nworkers = none\n"
                 "[upstream:app]\nserver = 10.0.0.1\n[route:x]\npath = ^/\nto = http:nowhere\n")
    result = tidegate("check", file)
    said = result.stdout + result.stderr
    assert result.returncode == 2
    for line in (3, 4, 5, 6):
        assert f"site.ini:{line}:" in said, said
    assert "http-timeout" in said, "the nearest known name"
    assert "30s" in said, "an example of what is expected"
    assert "nowhere" in said


def test_explain_says_what_becomes_of_a_request(tmp_path):
    file = write(tmp_path, "[tidegate]\nhttp = 127.0.0.1:0\nroute-if = equal:${HTTP_X_TENANT};blue http:127.0.0.1:9002\n"
                 "route = ^/old/(.*) rewrite:/new/$1\nroute = ^/new/ http:127.0.0.1:9000\n"
                 "[route:ws]\nis-websocket = on\nremote-addr = ^192\\.\nto = echo:\n")
    result = tidegate("check", file, "--explain", "GET https://www.example.com/old/a?b=1", "--header", "X-Tenant: red", "--from", "192.0.2.7")
    assert result.returncode == 0, result.stderr
    said = result.stdout.splitlines()
    assert said[:4] == [f'{file}:3:12: passed over: if equal:${{HTTP_X_TENANT}};blue does not hold for "red" (http:127.0.0.1:9002)',
                        f'{file}:4:9: goes on: rewrite:/new/$1, which comes to "/new/a?b=1" [^/old/(.*)]',
                        f"{file}:5:9: takes it: http:127.0.0.1:9000 [^/new/]", "goes to ^/new/: 127.0.0.1:9000"]
    for line in ["    GET /new/a?b=1 HTTP/1.1", "    Host: www.example.com", "    X-Forwarded-For: 192.0.2.7", "    X-Forwarded-Proto: https"]:
        assert line in said
    for request, sought in [("ws://a/x", f"{file}:6:1: takes it: echo: [ws]"), ("http://a/x", f"{file}:6:1: passed over: if is-websocket: does not hold (echo:)")]:
        assert sought in tidegate("check", file, "--explain", request, "--from", "192.0.2.7").stdout.splitlines()
    result = tidegate("check", file, "--explain", "nonsense")
    assert result.returncode == 2 and "expected a method and a URL" in result.stderr


def test_a_system_that_has_no_timer_for_it_is_named(tmp_path):
    command = [sys.executable, without.__file__, "timerfd_create", TIDEGATE, write(tmp_path, GOOD)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert result.returncode == 1
    assert "cannot make a timer: Operation not permitted" in result.stderr


def test_run_of_a_bad_file_starts_nothing(tmp_path):
    result = tidegate(write(tmp_path, "[tidegate]\nhttp = 127.0.0.1:0\nnonsense = 1\n"))
    assert result.returncode == 2
    assert "listening" not in result.stderr + result.stdout


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["check"], ["check", "/no/such/file.ini"], ["/no/such/file.ini"], ["frobnicate", "x"],
                                       ["--http", "127.0.0.1:0", "--http-timeout", "soon", "--http-to", "127.0.0.1:1"]])
def test_bad_command_lines_are_2(arguments):
    result = tidegate(*arguments)
    assert result.returncode == 2
    assert result.stderr


def test_an_address_in_use_is_1(tmp_path, stage):
    upstream = stage.upstream(http_ok)
    result = tidegate(write(tmp_path, f"[tidegate]\nhttp = {upstream.address}\ndefault = http:127.0.0.1:1\n"))
    assert result.returncode == 1
    assert upstream.address in result.stderr


def test_version_and_help():
    assert tidegate("--version").stdout.startswith("tidegate ")
    text = tidegate("--help").stdout
    for word in ("run", "check", "ctl", "demo"):
        assert word in text


def test_no_upstream_at_all_is_explained(tmp_path):
    result = tidegate(write(tmp_path, "[uwsgi]\nhttp = 127.0.0.1:0\nwsgi-file = app.py\n"))
    assert result.returncode == 2
    assert "http-to" in result.stderr and "uwsgi --socket" in result.stderr


def test_run_without_a_file(stage):
    plain, sockets = stage.upstream(uwsgi_ok), stage.upstream(http_ok)
    router = stage.tidegate(arguments=["--http", "127.0.0.1:0", "--http-to", plain.address, "--route", f"^/ws http:{sockets.address}"])
    assert "pairs" in router.get("/").json()
    assert router.get("/ws").json()["target"] == "/ws"


def test_run_is_the_same(stage):
    router = stage.tidegate(arguments=["run", write(stage.directory, f"[tidegate]\nhttp = 127.0.0.1:0\ndefault = http:{stage.upstream(http_ok).address}\n")])
    assert router.get("/").status == 200


def test_several_listeners(stage):
    upstream = stage.upstream(http_ok)
    path = stage.directory / "front.sock"
    router = stage.tidegate({"http": ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0", f"unix:{path}"], "default": f"http:{upstream.address}", "workers": 2})
    assert router.get("/").status == 200
    import socket

    from harness.raw import Raw

    with Raw(socket.create_connection(("127.0.0.2", router.ports[1]))) as raw:
        assert raw.get("/").response().status == 200
    with Raw(socket.create_connection(("::1", router.ports[2]))) as raw:
        assert raw.get("/").response().status == 200
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    with Raw(sock) as raw:
        assert raw.get("/").response().status == 200


def test_environment_and_placeholders(stage):
    upstream = stage.upstream(http_ok)
    file = write(stage.directory, "[tidegate]\nhttp = 127.0.0.1:0\nbackend = $(BACKEND)\ndefault = http:%(backend)\n")
    router = stage.tidegate(arguments=[file], env={"BACKEND": upstream.address})
    assert router.get("/").status == 200


def test_include(stage):
    upstream = stage.upstream(http_ok)
    (stage.directory / "more.ini").write_text(f"[upstream:app]\nprotocol = http\nserver = {upstream.address}\n")
    file = write(stage.directory, "[tidegate]\nhttp = 127.0.0.1:0\ndefault = http:app\ninclude = more.ini\n")
    assert stage.tidegate(arguments=[file]).get("/").status == 200
