"""conf/uwsgi-site.ini as its head says: tidegate with the file, a real uWSGI with a copy that has no keys of the router."""

import re

import pytest

from harness import APPS, ROOT, VENV
from harness.conf import conf
from harness.echoes import echo_all
from harness.process import Process
from harness.stage import staged
from harness.upstream import free_port
from harness.waiting import until

OF_THE_ROUTER = re.compile(r"(?m)^(http|route).*\n")


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        text = (ROOT / "conf" / "uwsgi-site.ini").read_text()
        servers = {f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in (3031, 3032)}
        for name, own in zip(["site", "websockets"], servers.values()):
            copy = stage.directory / f"{name}.ini"
            copy.write_text(OF_THE_ROUTER.sub("", text).replace("127.0.0.1:3031", own))
            worker = stage.track(Process(name, [VENV / "uwsgi", "--ini", copy, "--die-on-term"], stage.directory, cwd=APPS))
            worker.wait_for("spawned uWSGI worker 4 ")
        router = conf(stage, "uwsgi-site.ini", {":8080": "127.0.0.1:0", **servers})
        router.servers = list(servers.values())
        yield router


def test_the_keys_of_the_app_server_are_named(site):
    assert "skipped, for they are the app server's: wsgi-file, master, processes, gevent, buffer-size" in site.log()


def test_pages_and_websockets_go_to_their_servers(site):
    seen = site.get("/env?a=b").json()
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["REMOTE_ADDR"]) == ("/env", "a=b", "127.0.0.1")
    for path in ["/websocket", "/ws"]:
        echo_all(site.url(path, "ws"), sizes=[1, 126, 65536], kinds=["text"])
    went = lambda: [re.search(r'"GET (\S+) .* upstream=(\S+)', line).groups() for line in site.access() if '"GET ' in line]
    pages, sockets = site.servers
    until(lambda: f"{went()}", lambda: sorted(went()) == [("/env?a=b", pages), ("/websocket", sockets), ("/ws", pages)])


def test_every_file_of_conf_is_started_by_a_test():
    tests = "".join(test.read_text() for test in (ROOT / "tests" / "real").glob("test_conf_*.py"))
    files = {file.name for file in (ROOT / "conf").iterdir()} - {"full.ini"}
    assert len(files) >= 4 and all(f'"{name}"' in tests for name in files), files
