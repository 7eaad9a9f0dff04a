"""conf/chat.ini in front of two real socket.io processes: everybody stays with one, hears the other, and moves when theirs dies."""

import json
import re
import subprocess
from collections import defaultdict

import pytest

from harness import APPS, REAL
from harness.conf import conf
from harness.process import Process
from harness.waiting import until

PEOPLE = 20


@pytest.fixture
def router(stage):
    chat = stage.track(Process("chat", ["node", APPS / "chat.js"], stage.directory))
    first, second = chat.wait_for(r"(?m)^ports (\d+) (\d+)$", text=chat.stdout).groups()
    return conf(stage, "chat.ini", {":8080": "127.0.0.1:0", "127.0.0.1:3001": f"127.0.0.1:{first}", "127.0.0.1:3002": f"127.0.0.1:{second}"})


def served(router):
    """Which servers answered whom, request by request, as long as both were there."""
    by = defaultdict(list)
    for line in router.access():
        by[line.split()[0]].append(re.search(r"upstream=(\S+)", line)[1])
    return by


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["websocket"], ["polling"]], ids="-".join)
def test_a_chat_in_two_processes(router, transports):
    assert router.get("/").body == b"a page"
    run = subprocess.run(["node", APPS / "chat_client.js", router.url(""), str(PEOPLE), *transports], cwd=REAL, capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr
    saw = json.loads(run.stdout)
    assert saw["before"] and saw["after"], "everybody hears everything once"
    assert len({person["first"] for person in saw["people"]}) == 2, "both serve"
    for person in saw["people"]:
        assert len(person["servers"]) == 1 or person["first"] == saw["victim"], "whoever is with the other one stays there undisturbed"
    until("the lines", lambda: len(served(router)) == PEOPLE + 1)
    for person in saw["people"]:
        if person["first"] != saw["victim"]:
            assert len(set(served(router)[person["address"]])) == 1, "all requests of one address go to one server"
