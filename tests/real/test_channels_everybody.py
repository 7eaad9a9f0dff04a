"""One channel with everybody in it: browsers, libraries of every draft, an EventSource and curl all hear all."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import REAL
from harness.peers import Peers, run_client
from harness.process import Process
from harness.waiting import until

# Whose library speaks what.
TALKERS = [("perl", "hixie-75"), ("websocket-client", "hixie-76"), ("ruby", "hybi-07"), ("autobahn", "hybi-08"),
           ("ws-8", "13"), ("websockets", "13"), ("chromium", "13")]
WORDS = [f"{name} speaks {draft}" for name, draft in TALKERS]


@pytest.fixture
def router(stage):
    page = stage.directory / "page.html"
    page.write_text("<!doctype html><title>events</title>")
    return stage.tidegate({"workers": 2, "websockets-drafts": "all", "default": "return:404", "route": [
        "^/room$ channel:room", "^/publish$ publish:room", f"^/page$ file:{page}",
    ]})


def test_everybody_hears_everybody(stage, router):
    peers = Peers(stage)
    listeners = {
        "curl": ["curl", "-sN", "-H", "Accept: text/event-stream", router.url("/room")],
        "EventSource": ["node", REAL / "apps" / "events.js", router.url("/page"), "/room", 1 + len(WORDS)],
    }
    listening = {name: stage.track(Process(name, command, stage.directory)) for name, command in listeners.items()}

    def talk(talker, word):
        name, draft = talker
        steps = ["hear:", f"text:{word}", *["hear:"] * (len(WORDS) - 1)]
        return run_client(name, router.url("/room", "ws"), draft, *steps, env=peers.env(name), timeout=90)

    peers.env("chromium")
    with ThreadPoolExecutor(len(TALKERS)) as pool:
        talking = list(map(pool.submit, [talk] * len(TALKERS), TALKERS, WORDS))
        everybody = len(TALKERS) + len(listening)
        try:
            # None of the libraries' 15 s of patience is lost on a browser that is slow to start.
            until("all have joined", lambda: router.get("/publish").json()["subscribers"] == everybody, 60)
        finally:
            said = subprocess.run(["curl", "-s", "-d", "go", router.url("/publish")], capture_output=True, text=True, timeout=20).stdout
        assert json.loads(said)["subscribers"] == everybody, said
        heard = {talker: [line["text"] for line in one.result() if "text" in line] for talker, one in zip(TALKERS, talking)}

    def events(name):
        lines = listening[name].stdout().splitlines()
        if name == "curl":
            return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(line) for line in lines]

    for name in listening:
        until(f"{name} heard all", lambda name=name: len(events(name)) == 1 + len(WORDS), 20)
    order = events("curl")
    assert order[0] == "go" and sorted(order[1:]) == sorted(WORDS)
    assert events("EventSource") == order
    for talker, words in heard.items():
        assert words == order, talker
