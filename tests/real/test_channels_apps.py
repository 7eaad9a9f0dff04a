"""WebSockets of apps whose clients hear of channels besides: the app says so in its 101, or the route does."""

import queue

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness import REAL, websocket
from harness.process import Process
from harness.waiting import until

CHAT = """
const { WebSocketServer } = require('ws')
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true })
server.on('headers', headers => headers.push('Tidegate-Channel: room-7, news'))
server.on('connection', socket => socket.on('message', (data, binary) => socket.send(data, { binary })))
server.on('listening', () => console.log('port ' + server.address().port))
"""


def site(stage, target, *lines, **options):
    more = "".join(f"{line}\n" for line in ["route = ^/publish/(.+)$ publish:$1", *lines])
    return stage.tidegate({"workers": 2, "default": target, **options}, more=more)


def node_chat(stage):
    child = stage.track(Process("chat", ["node", "-e", CHAT], stage.directory, cwd=REAL))
    return "http:127.0.0.1:" + child.wait_for(r"(?m)^port (\d+)$", text=child.stdout)[1]


def publish(router, channel, said):
    with router.connect() as client:
        client.get(f"/publish/{channel}", f"Content-Length: {len(said)}", method="POST")
        answer = client.send(said).response()
        assert answer.status == 202, answer.body
        return answer.json()["subscribers"]


def joined(router, channel, count):
    until(f"{count} in {channel}", lambda: router.get(f"/publish/{channel}").json()["subscribers"] == count, 10)


def both_speak(router, path="/ws", channels=("room-7",), compression=None):
    """The app echoes, and what is published comes between its messages."""
    with connect(router.url(path, "ws"), compression=compression, max_size=None) as socket:
        assert "Tidegate-Channel" not in socket.response.headers
        for channel in channels:
            joined(router, channel, 1)
        for number in range(20):
            channel = channels[number % len(channels)]
            assert publish(router, channel, f"news {number}") == 1
            assert socket.recv(timeout=10) == f"news {number}"
            socket.send(f"echo {number}")
            answer = socket.recv(timeout=10)
            assert answer in (f"echo {number}", f"echo {number}".encode())
        size = 300_000
        socket.send("x" * size)
        publish(router, channels[0], "between")
        got = [socket.recv(timeout=10), socket.recv(timeout=10)]
        assert sorted(map(len, got)) == [7, size]
    for channel in channels:
        joined(router, channel, 0)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_a_node_app_names_channels_in_its_101(stage, mode, compression):
    router = site(stage, node_chat(stage), **{"websockets-mode": mode})
    both_speak(router, channels=["room-7", "news"], compression=compression)


@pytest.mark.parametrize("app", ["gevent", "perl-coroae"])
def test_a_uwsgi_app_whose_handshake_takes_no_fields(stage, app):
    """uWSGI's own rule adds what the app cannot say."""
    address, _ = stage.uwsgi(app, "--response-route-run", "addheader:Tidegate-Channel: room-7")
    both_speak(site(stage, f"uwsgi:{address}"))


def test_a_route_that_has_its_clients_join(stage):
    address, _ = stage.uwsgi("gevent")
    section = f"[route:rooms]\npath = ^/(ws)$\nto = uwsgi:{address}\nchannel = room-$1\n"
    router = site(stage, "return:404", section)
    both_speak(router, channels=["room-ws"])


def test_old_drafts_hear_of_channels_too(stage):
    """A client of hixie-75 in front of an app that speaks RFC 6455."""
    router = site(stage, node_chat(stage), **{"websockets-drafts": "all"})
    with router.connect() as raw:
        raw.send("GET /ws HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: h\r\nOrigin: http://h\r\n\r\n")
        assert " 101 " in raw.head()[0]
        joined(router, "news", 1)
        publish(router, "news", "from today")
        assert raw.take_until(b"\xff") == b"\x00from today\xff"
        raw.send(b"\x00and back\xff")
        assert raw.take_until(b"\xff") == b"\x00and back\xff"


@pytest.mark.parametrize("mode", ["track", "guard"])
def test_nothing_goes_into_a_message_of_the_app(stage, mode):
    words = queue.Queue()

    def serve(peer):
        request = peer.request()
        key = request["Sec-WebSocket-Key"]
        peer.send(websocket.response(websocket.accept_of(key), "Tidegate-Channel: news"))
        while (word := words.get(timeout=30)) is not None:
            peer.send(word)

    router = site(stage, f"http:{stage.upstream(serve).address}", **{"websockets-mode": mode})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/ws")
        joined(router, "news", 1)
        first = websocket.frame(b"a" * 70_000, websocket.TEXT, masked=False, fin=False)
        words.put(first)
        if mode == "track":
            assert websocket.read_frame(raw) == (websocket.TEXT, b"a" * 70_000, False)
        publish(router, "news", "news")
        words.put(websocket.frame(b"", websocket.PING, masked=False))
        rest = websocket.frame(b"b" * 10, websocket.CONTINUATION, masked=False)
        words.put(rest[:5])
        if mode == "track":
            assert websocket.read_frame(raw)[0] == websocket.PING, "a control frame may pass"
        words.put(rest[5:])
        if mode == "track":
            assert websocket.read_frame(raw) == (websocket.CONTINUATION, b"b" * 10, True)
        else:
            message = websocket.message(raw)
            expected = [b"a" * 70_000 + b"b" * 10, b"news"]
            assert message[1] in expected
            expected.remove(message[1])
            assert websocket.message(raw)[1] in expected
            words.put(None)
            return
        assert websocket.read_frame(raw) == (websocket.TEXT, b"news", True)
        words.put(None)


def test_what_is_no_channel_is_said(stage):
    def serve(peer):
        key = peer.request()["Sec-WebSocket-Key"]
        peer.send(websocket.response(websocket.accept_of(key), "Tidegate-Channel: room 7"))
        peer.request()

    router = site(stage, f"http:{stage.upstream(serve).address}")
    with pytest.raises(InvalidStatus) as refused, connect(router.url("/ws", "ws")):
        pass
    assert refused.value.response.status_code == 502
    until("the log says it", lambda: "end=bad-channels" in "".join(router.access()), 10)


def test_a_client_cannot_name_its_channels(stage):
    """Rule: what a client writes in that field reaches nobody."""
    seen = queue.Queue()

    def serve(peer):
        request = peer.request()
        seen.put(request["Tidegate-Channel"])
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        peer.request()

    router = site(stage, f"http:{stage.upstream(serve).address}")
    with router.connect() as raw:
        websocket.open_websocket(raw, "/ws", "Tidegate-Channel: news")
        assert seen.get(timeout=5) is None
        assert publish(router, "news", "x") == 0
    address, _ = stage.uwsgi("gevent")
    assert b"TIDEGATE" not in site(stage, f"uwsgi:{address}").get("/env", "Tidegate-Channel: news").body


@pytest.mark.parametrize("policy", ["drop-oldest", "close"])
def test_a_client_that_does_not_read_costs_a_bound(stage, policy):
    router = site(stage, node_chat(stage), **{"channel-backlog": 4, "channel-slow": policy})
    with router.connect() as stuck:
        websocket.open_websocket(stuck, "/ws")
        joined(router, "news", 1)
        for _ in range(150):
            publish(router, "news", "x" * 100_000)
        if policy == "close":
            until("the log says it", lambda: "end=slow-subscriber" in "".join(router.access()), 20)
            return
        publish(router, "news", "last")
        while websocket.message(stuck)[1] != b"last":
            pass
