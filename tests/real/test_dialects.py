"""WebSocket clients of every draft through the router: to itself, to TCP servers, to upstreams of another draft and of their own."""

import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.dialects import BINARY, CLOSES, HEARD, OLD, SAME, SAME_PAIRS, SPEAKS, THROUGH, can_speak, echoed, speak, steps
from harness.peers import HIXIE, base64_of

TO_ITSELF = ["`echo:`", "`tcp:`", "`tcp:` base64", "`http:`", "`uwsgi:`"]
PATHS = {"`echo:`": "/echo", "`tcp:`": "/tcp", "`tcp:` base64": "/tcp", "`http:`": "/http/websockets/13", "`uwsgi:`": "/ws"}


class TcpEcho(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def tcp_echo():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), TcpEcho) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def router(module_stage, peers, tcp_echo):
    """Every destination under a path of its own."""
    uwsgi, _ = module_stage.uwsgi("gevent")
    routes = [("pinged", "^/pinged", "echo:", "websockets-ping-freq = 1s\nwebsockets-pong-tolerance = 1s")]
    for server, draft in HEARD:
        routes.append((f"{server}-{draft}", f"^/http/{server}/{draft}$", f"http:{peers.server(server)}", f"websockets-upstream-draft = {draft}"))
    for _, server, _ in SAME_PAIRS:
        routes.append((f"same-{server}", f"^/same/{server}$", f"http:{peers.server(server)}", "websockets-upstream-draft = same"))
    more = "".join(f"[route:{name}]\npath = {path}\nto = {to}\n{settings}\n" for name, path, to, settings in routes)
    return module_stage.tidegate({"websockets-drafts": "all", "route": [
        "^/echo echo:", f"^/tcp tcp:{tcp_echo}", f"^/ws uwsgi:{uwsgi}",
    ]}, more)


def ends_well(ended, draft, passed=False):
    """A client's Close is answered as it was said; in hixie-75 there is only the end of the connection. Where frames are
    passed on, servers answer as they will."""
    if draft in HIXIE:
        assert ended["close"] is None and ended.get("clean", True) == (draft == "hixie-76"), ended
    else:
        assert ended["close"] in ((1000, 1005, None) if passed else (1000,)), ended


def as_bytes(words, base64):
    """What `tcp:` makes of messages, and what to send for that: base64 in text where that is spoken."""
    wanted = []
    for number, word in enumerate(words):
        kind, _, data = word.partition(":")
        if kind == "ping":
            wanted.append({"pong": data})
            continue
        data = data if kind == "binary" else base64_of(data.encode())
        words[number] = f"text:{data}" if base64 else word
        wanted.append({"text" if base64 else "binary": data})
    return wanted


@pytest.mark.parametrize("line, column", [cell for cell in THROUGH.cells() if cell[1] in TO_ITSELF])
def test_to_here_and_to_13(router, peers, record_property, line, column):
    client, draft = line.split(" ")
    url, options = router.url(PATHS[column], "ws"), {"env": peers.env(client)}
    words = steps(client, draft)
    wanted = echoed(words)
    if column.startswith("`tcp:`"):
        # One read of the server makes a message: short ones, and none without bytes.
        words = [word for word in words if 7 < len(word) < 1000]
        base64 = draft in HIXIE or column.endswith("base64")
        wanted = as_bytes(words, base64)
        options["protocol"] = "base64" if column.endswith("base64") else None
    elif column == "`uwsgi:`" and draft not in HIXIE:
        # Its app cannot tell the kinds apart, and is asked to answer in binary.
        url += "?binary=1"
        wanted = [{"binary": base64_of(line["text"].encode())} if "text" in line else line for line in wanted]
    with THROUGH.cell(record_property, line, column) as verdict:
        if verdict == SPEAKS:
            ends_well(speak(client, draft, url, words, wanted, **options), draft)
        else:
            assert not can_speak(client, draft, url, **options), "this works after all"


def test_pings_are_answered(router, peers, record_property):
    """Each client is silent for two and a half seconds, pinged after one, and would be dead after two."""
    lines = [line for line, column in THROUGH.cells() if column == "pings"]
    env = peers.env("chromium")

    def run(line):
        client, draft = line.split(" ")
        words = ["text:before", "pause:2500", "text:after"]
        try:
            ends_well(speak(client, draft, router.url("/pinged", "ws"), words, echoed(words[::2]), env=env, timeout=30), draft)
        except AssertionError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        errors = list(pool.map(run, lines))
    failed = []
    for line, error in zip(lines, errors):
        try:
            with THROUGH.cell(record_property, line, "pings"):
                assert error is None, error
        except AssertionError as error:
            failed.append(f"{line}: {error}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("line, code", CLOSES.cells())
def test_close_codes(router, peers, record_property, line, code):
    """The upstream closes, and its client is told so as its draft can."""
    client, draft = line.split(" ")
    with CLOSES.cell(record_property, line, code) as wanted:
        ended = speak(client, draft, router.url("/http/websockets/13", "ws"), [f"last:close:{code}"], [], env=peers.env(client))
        if draft in HIXIE:
            assert (ended["close"], ended["clean"]) == (None, wanted == "FF 00"), ended
        else:
            assert str(ended["close"]) == wanted, ended


@pytest.mark.parametrize("line, client", OLD.cells())
def test_to_every_draft(router, peers, record_property, line, client):
    (name, draft), (server, spoken) = client.split(" "), line.split(" ")
    url, env = router.url(f"/http/{server}/{spoken}", "ws"), peers.env(name)
    with OLD.cell(record_property, line, client) as verdict:
        if verdict not in (SPEAKS, BINARY):
            assert not can_speak(name, draft, url, env=env), "this works after all"
            return
        words = [word for word in steps(name, draft, verdict) if spoken not in HIXIE or not word.startswith("binary:")]
        ends_well(speak(name, draft, url, words, env=env), draft, passed=draft == spoken)


@pytest.mark.parametrize("line, draft", SAME.cells())
def test_to_the_same_draft(router, peers, record_property, line, draft):
    client, server = line.split(" to ")
    with SAME.cell(record_property, line, draft):
        speak(client, draft, router.url(f"/same/{server}", "ws"), steps(client, draft), env=peers.env(client))
