"""Servers by token: `tcp:token:FILE,KEY` with websockify's files, read again when they change, never in anybody's way."""

import os
import re
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from harness import websocket
from harness.raw import Closed
from harness.waiting import until


def named(stage, name, **address):
    """A TCP server that says its name and sends everything back."""

    def serve(peer):
        peer.send(name)
        while True:
            try:
                peer.fill()
            except Closed:
                return
            peer.send(bytes(peer.buffer))
            peer.buffer = type(peer.buffer)()

    return stage.upstream(serve, **address)


def says(router, path, **options):
    """What the server behind a path says of itself, and that it answers."""
    with connect(router.url(path, "ws"), subprotocols=["binary"], open_timeout=10, **options) as socket:
        name = socket.recv(timeout=10)
        socket.send(b"hello")
        assert socket.recv(timeout=10) == b"hello"
        return name


def status(router, path, *fields):
    with router.connect() as raw:
        raw.send(websocket.request(path, *fields))
        answer = raw.response()
        assert answer["Connection"].lower() == "close" and raw.is_ended()
        return answer.status


@pytest.fixture
def tokens(stage):
    return stage.directory / "tokens"


def test_tokens_of_every_kind(stage, tokens):
    one, two = named(stage, b"one"), named(stage, b"two")
    local = named(stage, b"unix", path=stage.directory / "s.sock")
    port = two.address.rsplit(":", 1)[1]
    tokens.write_text(f"# servers\none: {one.address}\n\ntwo:\tlocalhost:{port}\nunix: unix:{local.address}\nold: unix_socket:{local.address}\na:b: {one.address}\n")
    router = stage.tidegate({
        "route": [f"^/q$ tcp:token:{tokens},${{qs[token]}}", f"^/p/(\\w+)$ tcp:token:{tokens},$1", f"^/c$ tcp:token:{tokens},${{cookie[vm]}}",
                  f"^/h$ tcp:token:{tokens},${{HTTP_X_VM}}"],
    })
    assert says(router, "/q?token=one") == b"one"
    assert says(router, "/q?x=1&token=two&token=one") == b"two"
    assert says(router, "/q?token=unix") == b"unix"
    assert says(router, "/q?token=old") == b"unix"
    assert says(router, "/q?token=a%3Ab") == b"one"
    assert says(router, "/p/two") == b"two"
    assert says(router, "/c", additional_headers={"Cookie": "a=b; vm=one"}) == b"one"
    assert says(router, "/h", additional_headers={"X-VM": "two"}) == b"two"
    for path in ["/q?token=none", "/q?token=", "/q", "/q?Token=one", "/q?token=one%00", "/p/none", "/c", "/h", "/q?token=%23"]:
        assert status(router, path) == 404, path
    lines = until("the lines", lambda: [line for line in router.access() if "unknown-token" in line])
    assert " 404 " in lines[0]
    opened = next(line for line in router.access() if "token=two" in line and "end=open" in line)
    [server] = re.findall(r"upstream=\S+", opened)
    assert server in (f"upstream=127.0.0.1:{port}", f"upstream=[::1]:{port}"), opened
    [tunnel] = re.findall(r"tunnel=\d+", opened)
    ended = until("its end", lambda: [line for line in router.access() if '"CLOSE ' in line and f" {tunnel} " in line])
    assert f" {server} " in ended[0], ended


def test_the_file_is_read_again_when_it_changes(stage, tokens):
    one, two = named(stage, b"one"), named(stage, b"two")
    router = stage.tidegate({"default": f"tcp:token:{tokens},${{qs[token]}}"})
    assert status(router, "/?token=vm") == 502
    for _ in range(2):
        assert status(router, "/?token=vm") == 502
    tokens.write_text(f"vm: {one.address}\n")
    assert says(router, "/?token=vm") == b"one"
    tokens.write_text(f"vm: {two.address}\n")
    assert says(router, "/?token=vm") == b"two"
    other = stage.directory / "other"
    other.write_text(f"vm: {one.address}\nno line\nbad: host\n")
    os.replace(other, tokens)
    assert says(router, "/?token=vm") == b"one"
    tokens.unlink()
    assert status(router, "/?token=vm") == 502
    gone = f"{tokens} cannot be read: No such file"
    until("it is said again", lambda: router.log().count(gone) == 2)
    log = router.log()
    assert f"{tokens}:2: expected TOKEN: HOST:PORT" in log
    assert f"{tokens}:3: an address needs a port" in log
    until("the lines", lambda: sum("end=token-file" in line for line in router.access()) == 4)


def test_an_open_websocket_outlives_its_token(stage, tokens):
    tokens.write_text(f"vm: {named(stage, b'one').address}\n")
    router = stage.tidegate({"default": f"tcp:token:{tokens},${{qs[token]}}"})
    with connect(router.url("/?token=vm", "ws"), subprotocols=["binary"]) as socket:
        assert socket.recv(timeout=10) == b"one"
        tokens.unlink()
        assert status(router, "/?token=vm") == 502
        socket.send(b"still here")
        assert socket.recv(timeout=10) == b"still here"


def test_nobody_listens_there(stage, tokens):
    dead = named(stage, b"")
    dead.stop_listening()
    tokens.write_text(f"dead: {dead.address}\nname: does-not-exist.invalid:1\n")
    router = stage.tidegate({"default": f"tcp:token:{tokens},${{qs[token]}}"})
    assert status(router, "/?token=dead") == 502
    assert status(router, "/?token=name") == 502


def test_a_file_that_never_answers_is_in_nobody_s_way(stage, tokens):
    """A pipe without a writer would keep whoever opens it; the worker goes on, and so do other look-ups."""
    os.mkfifo(tokens)
    good = stage.directory / "good"
    good.write_text(f"vm: {named(stage, b'one').address}\n")
    router = stage.tidegate({"route": f"^/pipe tcp:token:{tokens},${{qs[token]}}", "default": f"tcp:token:{good},${{qs[token]}}"})
    for _ in range(4):
        assert status(router, "/pipe?token=vm") == 502
    assert says(router, "/?token=vm") == b"one"


def test_plain_requests_are_told_to_upgrade(stage, tokens):
    router = stage.tidegate({"default": f"tcp:token:{tokens},${{qs[token]}}"})
    assert router.get("/?token=vm").status == 426
    assert "cannot be read" not in router.log(), "nobody looked"


def test_many_at_once(stage, tokens):
    servers = [named(stage, b"%d" % n) for n in range(4)]
    tokens.write_text("".join(f"t{n}: {server.address}\n" for n, server in enumerate(servers)))
    router = stage.tidegate({"default": f"tcp:token:{tokens},${{qs[token]}}", "workers": 2})
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(router.url(f"/?token=t{n % 4}", "ws"), subprotocols=["binary"])) for n in range(60)]
        for n, socket in enumerate(sockets):
            assert socket.recv(timeout=10) == b"%d" % (n % 4)
