"""WebSockets whose frames are followed: dead clients are found, limits hold, and ends are told to both sides."""

import json
import signal
import subprocess
import sys
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness import websocket
from harness.waiting import until


def open_raw(stage, echo, **options):
    router = stage.tidegate({"default": f"http:{echo.address}", **{k.replace("_", "-"): v for k, v in options.items()}})
    raw = router.connect()
    websocket.open_websocket(raw)
    raw.router = router
    return raw


def close_code(raw):
    opcode, payload, _ = websocket.read_frame(raw)
    assert opcode == websocket.CLOSE
    return int.from_bytes(payload[:2], "big")


CLIENT = """
import sys, time
from websockets.sync.client import connect
with connect(sys.argv[1], ping_interval=None) as socket:
    socket.send("here"); socket.recv()
    print("open", flush=True)
    time.sleep(60)
"""


def test_a_frozen_client_is_found_and_its_upstream_told(stage, echo):
    """Within ping frequency and tolerance; a client that answers lives on beside it."""
    router = stage.tidegate({"default": f"http:{echo.address}", "websockets-ping-freq": "1s",
                             "websockets-pong-tolerance": "1s", "log-format": "json", "disable-logging": "false"})
    with connect(router.url("/", "ws"), ping_interval=None) as alive:
        frozen = subprocess.Popen([sys.executable, "-c", CLIENT, router.url("/", "ws")], stdout=subprocess.PIPE)
        try:
            assert frozen.stdout.readline() == b"open\n"
            frozen.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            until("the server heard of the end", lambda: echo.ends, 5)
            assert time.monotonic() - begin < 3.5
            assert echo.ends == [(1001, "")]
        finally:
            frozen.kill()
            frozen.wait()
        alive.send("still here")
        assert alive.recv(timeout=5) == "still here"


def test_the_code_of_an_end_reaches_both_sides(stage, echo):
    with open_raw(stage, echo, websockets_max_size="1k") as raw:
        raw.send(websocket.frame(b"x" * 1025))
        assert close_code(raw) == 1009
        assert raw.is_ended(5)
    until("the server heard of the end", lambda: echo.ends, 5)
    assert echo.ends == [(1001, "")]


def test_frames_that_break_the_rules(stage, echo):
    for fault in (websocket.frame(b"unmasked", masked=False), b"\xc1" + websocket.frame(b"x")[1:],
                  websocket.frame(b"a continuation of nothing", opcode=0), websocket.frame(b"x", opcode=3)):
        with open_raw(stage, echo) as raw:
            raw.send(fault)
            assert close_code(raw) == 1002
            assert raw.is_ended(5)


def test_too_many_messages(stage, echo):
    with open_raw(stage, echo, websockets_rate="5/s,burst=5") as raw:
        raw.send(websocket.frame(b"x") * 20)
        seen = []
        while (read := websocket.read_frame(raw))[0] != websocket.CLOSE:
            seen.append(read[1])
        # Those that its server answered before it heard of the end.
        assert seen == [b"x"] * len(seen)
        assert int.from_bytes(read[1][:2], "big") == 1008
    line = until("its line", lambda: [line for line in raw.router.access() if "too-many-messages" in line])[0]
    assert "messages_in=5 " in line, "no more than these went on"


def test_an_age_is_an_age(stage, echo):
    router = stage.tidegate({"default": f"http:{echo.address}", "websockets-max-age": "1s"})
    with connect(router.url("/", "ws")) as socket, pytest.raises(ConnectionClosed) as end:
        socket.recv(timeout=5)
    assert end.value.rcvd.code == 1001


def test_a_stop_is_told_to_both_ends(stage, echo):
    router = stage.tidegate({"default": f"http:{echo.address}", "drain-timeout": "2s"})
    with connect(router.url("/", "ws")) as socket:
        router.process.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as end:
            socket.recv(timeout=5)
        assert end.value.rcvd.code == 1001
    assert router.process.wait(5) == 0
    until("the server heard of the end", lambda: echo.ends, 5)
    assert echo.ends == [(1001, "")]


def test_the_line_at_the_end_says_who_closed_and_with_what(stage, echo):
    router = stage.tidegate({"default": f"http:{echo.address}", "log-format": "json"})
    with connect(router.url("/", "ws")) as socket:
        for _ in range(3):
            socket.send("x")
            socket.recv(timeout=5)
        socket.close(4000, "enough")
    router.process.signal(signal.SIGTERM)
    router.process.wait(5)
    line = [json.loads(line) for line in router.access() if '"close"' in line][-1]
    assert (line["messages_in"], line["messages_out"]) == (3, 3)
    assert (line["closed_by"], line["code"]) == ("client", 4000)
