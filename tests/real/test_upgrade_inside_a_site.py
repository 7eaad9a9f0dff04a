"""One path serves HTML to browsers and WebSockets to upgrades, from two servers: `is-websocket` and `websocket-draft`."""

import json
import subprocess

import pytest

from harness import REAL, websocket
from harness.echoes import echo_all
from harness.waiting import until

HTML = b"""<!doctype html><title>waiting</title><script>
const socket = new WebSocket(location.href.replace(/^http/, 'ws'))
socket.onopen = () => socket.send('from the page')
socket.onmessage = message => { document.title = 'echo: ' + message.data }
</script>"""
BROWSER = ["Accept: text/html,application/xhtml+xml", "Accept-Language: en", "User-Agent: Mozilla/5.0"]


def http_page(peer):
    while peer.request() is not None:
        peer.reply(HTML, "200 OK", "Content-Type: text/html")


def uwsgi_page(peer):
    if peer.packet() is not None:
        peer.reply(HTML, "200 OK", "Content-Type: text/html", "Connection: close")


def site(stage, pages, sockets, how):
    """A router whose /ws is pages to some and sockets to others, said in one of three ways."""
    if how == "route-if":
        return stage.tidegate({"route-if": f"is-websocket: {sockets}", "default": pages})
    if how == "route-if-not":
        return stage.tidegate({"route-if-not": f"is-websocket: {pages}", "default": sockets})
    return stage.tidegate({}, f"[route:sockets]\npath = ^/ws\nis-websocket = on\nto = {sockets}\n[route:pages]\npath = ^/ws\nto = {pages}\n")


@pytest.mark.parametrize("how", ["route-if", "route-if-not", "sections"])
@pytest.mark.parametrize("kind", ["uwsgi-page-http-socket", "http-page-uwsgi-socket"])
def test_a_page_and_its_websocket(stage, how, kind):
    if kind == "uwsgi-page-http-socket":
        pages, sockets, expect = f"uwsgi:{stage.upstream(uwsgi_page).address}", f"http:{stage.node_echo()[0]}", None
    else:
        pages, sockets, expect = f"http:{stage.upstream(http_page).address}", f"uwsgi:{stage.uwsgi('gevent')[0]}", "text"
    router = site(stage, pages, sockets, how)
    for _ in range(2):
        answer = router.get("/ws", *BROWSER)
        assert (answer.status, answer["Content-Type"], answer.body) == (200, "text/html", HTML)
        echo_all(router.url("/ws", "ws"), sizes=[5, 70_000], kinds=("text",), expect=expect, origin=router.url("").rstrip("/"))


def test_in_a_browser(stage):
    router = site(stage, f"uwsgi:{stage.upstream(uwsgi_page).address}", f"http:{stage.node_echo()[0]}", "sections")
    result = subprocess.run(["node", REAL / "apps" / "page.js", router.url("/ws"), "echo:"], capture_output=True, text=True, timeout=90)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"status": 200, "title": "echo: from the page", "problems": []}


def test_on_one_connection(stage):
    """Pages first, then the upgrade: each request is judged by itself."""
    router = site(stage, f"uwsgi:{stage.upstream(uwsgi_page).address}", f"http:{stage.node_echo()[0]}", "sections")
    with router.connect() as raw:
        for _ in range(2):
            assert raw.get("/ws", *BROWSER).response().body == HTML
        websocket.open_websocket(raw, "/ws")
        raw.send(websocket.frame(b"hi", websocket.TEXT))
        assert websocket.read_frame(raw) == (websocket.TEXT, b"hi", True)


def test_a_handshake_that_is_none_never_reaches_the_pages(stage):
    """What asks for a WebSocket is one, good or bad: a fault in it is no way around the rule."""
    pages = stage.upstream(http_page)
    router = site(stage, f"http:{pages.address}", f"http:{stage.node_echo()[0]}", "sections")
    for head, status in [
        (websocket.request().replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 12"), 426),
        (websocket.request().replace(b"Sec-WebSocket-Key: ", b"X-Key: "), 400),
        (websocket.request().replace(b"GET", b"POST"), 400),
    ]:
        with router.connect() as raw:
            assert raw.send(head).response().status == status
    assert pages.received == b""


def test_drafts_have_routes_of_their_own(stage):
    seen = []

    def named(name):
        def serve(peer):
            request = peer.request()
            seen.append(name)
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
            peer.rest()
        return f"http:{stage.upstream(serve).address}"

    router = stage.tidegate({
        "websockets-drafts": "hixie-75 hybi-08 13", "default": f"http:{stage.upstream(http_page).address}",
        "route-if": [f"websocket-draft:13 {named('13')}", f"websocket-draft:hixie-75 {named('hixie-75')}", f"is-websocket: {named('other')}"],
    })
    hixie = b"GET /x HTTP/1.1\r\nHost: test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://test\r\n\r\n"
    for head, name in [(websocket.request("/x"), "13"), (websocket.request("/x").replace(b"Version: 13", b"Version: 8"), "other"), (hixie, "hixie-75")]:
        with router.connect() as raw:
            assert raw.send(head).response().status == 101
            until("its server", lambda: seen[-1:] == [name])
    with router.connect() as raw:
        refused = raw.send(websocket.request().replace(b"Version: 13", b"Version: 7")).response()
    assert (refused.status, refused["Sec-WebSocket-Version"]) == (426, "13, 8")
    lines = until("the lines", lambda: (lines := [line for line in router.access() if "end=open" in line or " 426 " in line]) and len(lines) == 4 and lines)
    for line, name in zip(lines, ["websocket-draft:13", "is-websocket:", "websocket-draft:hixie-75", "is-websocket:"]):
        assert f"route={name} " in line
    assert router.get("/x").body == HTML
