"""channels-control: texts of an app that have its clients join, leave and publish, and that no client sees."""

import pytest
from websockets.sync.client import connect

from harness import REAL, websocket
from harness.admin import curl
from harness.process import Process
from harness.waiting import until

ECHO = """
const { WebSocketServer } = require('ws')
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true })
server.on('connection', socket => socket.on('message', (data, binary) => socket.send(data, { binary })))
server.on('listening', () => console.log('port ' + server.address().port))
"""


def site(stage, target, **options):
    admin = stage.directory / "admin.sock"
    options = {"workers": 2, "default": target, "channels-control": "@channels:", "admin": f"unix:{admin}", **options}
    router = stage.tidegate(options, more="route = ^/publish/(.+)$ publish:$1\n")
    router.admin = admin
    return router


def node(stage):
    child = stage.track(Process("echo", ["node", "-e", ECHO], stage.directory, cwd=REAL))
    return "http:127.0.0.1:" + child.wait_for(r"(?m)^port (\d+)$", text=child.stdout)[1]


def publish(router, channel, said):
    with router.connect() as client:
        client.get(f"/publish/{channel}", f"Content-Length: {len(said)}", method="POST")
        return client.send(said).response().json()["subscribers"]


def joined(router, channel, count):
    until(f"{count} in {channel}", lambda: router.get(f"/publish/{channel}").json()["subscribers"] == count, 10)


def refused(router):
    return curl(router.admin, "/status")[1]["counters"]["channel_commands_refused"]


def hears(socket):
    said = socket.recv(timeout=10)
    return said if isinstance(said, str) else said.decode()


def the_app_speaks(router, compression=None):
    """An echo says what its client would have it say."""
    url = router.url("/ws", "ws")
    with connect(url, compression=compression) as one, connect(url, compression=compression) as two:
        for number, socket in enumerate((one, two)):
            socket.send("@channels:join tea")
            joined(router, "tea", number + 1)
        for number in range(20):
            one.send(f"@channels:publish tea to all {number}")
            assert [hears(one), hears(two)] == [f"to all {number}"] * 2
            two.send(f"echo {number}")
            assert hears(two) == f"echo {number}"
        assert refused(router) == 0
        two.send("@channels:leave tea")
        joined(router, "tea", 1)
        assert publish(router, "tea", "by POST") == 1
        two.send("@channels:nonsense")
        two.send("the end")
        assert (hears(one), hears(two)) == ("by POST", "the end")
        assert refused(router) == 1
    joined(router, "tea", 0)
    assert router.log().count("channels-control: expected join NAME") == 1


@pytest.mark.parametrize("app", ["gevent", "perl-coroae"])
@pytest.mark.parametrize("mode", ["track", "guard"])
def test_a_uwsgi_app(stage, app, mode):
    address, _ = stage.uwsgi(app)
    the_app_speaks(site(stage, f"uwsgi:{address}", **{"websockets-mode": mode}))


@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_a_node_app(stage, mode):
    the_app_speaks(site(stage, node(stage), **{"websockets-mode": mode}))


def test_a_guarded_app_whose_clients_compress(stage):
    the_app_speaks(site(stage, node(stage), **{"websockets-mode": "guard"}), compression="deflate")


def test_a_route_may_have_them_and_another_not(stage):
    target = node(stage)
    section = f"[route:own]\npath = ^/own$\nto = {target}\nchannels-control = @channels:\n"
    router = stage.tidegate({"default": target}, section)
    for path, seen in (("/other", ["@channels:join tea", "word"]), ("/own", ["word"])):
        with connect(router.url(path, "ws"), compression=None) as socket:
            socket.send("@channels:join tea")
            socket.send("word")
            assert [hears(socket) for _ in seen] == seen


def test_what_an_app_compresses_is_no_command(stage):
    """It goes to the client as it came, and the log says why."""
    router = site(stage, node(stage), **{"websockets-mode": "track", "channel": "tea"})
    with connect(router.url("/ws", "ws"), compression="deflate") as socket:
        joined(router, "tea", 1)
        for command in ("@channels:leave tea", "@channels:publish tea " + "x" * 4000):
            socket.send(command)
            assert hears(socket) == command
        assert publish(router, "tea", "still there") == 1
        assert hears(socket) == "still there"
    assert router.log().count("the app compresses what it says") == 1


@pytest.mark.parametrize("mode", ["track", "guard"])
def test_however_it_is_cut_a_client_sees_no_command(stage, mode):
    def frame(text, kind, fin=True):
        return websocket.frame(text, kind, masked=False, fin=fin)

    said = b"".join([
        frame(b"before", websocket.TEXT),
        frame(b"@chan", websocket.TEXT, fin=False), frame(b"?", websocket.PING),
        frame(b"", websocket.CONTINUATION, fin=False), frame(b"nels:join tea", websocket.CONTINUATION),
        frame(b"@channels;", websocket.TEXT, fin=False), frame(b"join tea", websocket.CONTINUATION),
        frame(b"@channels:publish tea word", websocket.TEXT), frame(b"@channels:publish tea word", websocket.BINARY),
        frame(b"after", websocket.TEXT),
    ])

    def serve(peer):
        peer.send(websocket.response(websocket.accept_of(peer.request()["Sec-WebSocket-Key"])))
        for place in range(0, len(said), 3):
            peer.send(said[place:place + 3])
        peer.request()

    router = site(stage, f"http:{stage.upstream(serve).address}", **{"websockets-mode": mode})
    with connect(router.url("/ws", "ws"), compression=None) as socket:
        got = [hears(socket) for _ in range(5)]
    got.remove("word")
    assert got == ["before", "@channels;join tea", "@channels:publish tea word", "after"]
    assert refused(router) == 0
