"""The two command lines of uWSGI's page on WebSockets, the router half of each run by tidegate."""

import pytest

from harness.echoes import echo_all
from harness.waiting import until


@pytest.mark.parametrize("option", ["http-websockets", "http-raw-body"])
@pytest.mark.parametrize("mode", ["gevent", "threads"])
def test_router_half(stage, option, mode):
    """`uwsgi --http :8080 --http-websockets --wsgi-file app.py`: the app half as `uwsgi --socket`."""
    address, _ = stage.uwsgi(mode)
    router = stage.tidegate(arguments=["--http", "127.0.0.1:0", f"--{option}", "--http-to", address])
    assert router.get("/hello").body == b"hello\n"
    echo_all(router.url("/ws?binary=1", "ws"), kinds=("text", "binary"), expect="binary")


def test_larger_than_uwsgi_s_own_limit(stage):
    """Its limit is 1 MB, and so is tidegate's: the same number raises both."""
    address, _ = stage.uwsgi("threads", "--websockets-max-size", "8192")
    router = stage.tidegate({"http-to": address, "websockets-max-size": "8192"})
    echo_all(router.url("/ws?binary=1", "ws"), sizes=[1_500_000, 8_000_000], kinds=("binary",), expect="binary")


def test_seed_ini(stage):
    """An existing uWSGI file: the router's keys are taken, the app server's are named once and skipped."""
    address, _ = stage.uwsgi("gevent")
    file = stage.directory / "site.ini"
    file.write_text(f"""[uwsgi]
; the router
http = 127.0.0.1:0
http-to = 127.0.0.1:1
http-websockets = true
http-keepalive = true
route = ^/ws uwsgi:{address}
route = ^/hello$ uwsgi:{address},0,0
# the app server
master = true
processes = 4
threads = 8
wsgi-file = app.py
gevent = 100
buffer-size = 32768
disable-logging = true
""")
    router = stage.tidegate(arguments=[file])
    assert router.get("/hello").body == b"hello\n"
    assert router.get("/other").status == 502
    echo_all(router.url("/ws", "ws"), sizes=[5], kinds=("text",))
    notices = [line for line in router.log().splitlines() if "wsgi-file" in line]
    assert len(notices) == 1 and "processes" in notices[0], router.log()


def test_socket_stands_in_for_http_to(stage):
    address, _ = stage.uwsgi("gevent")
    file = stage.directory / "site.ini"
    file.write_text(f"[uwsgi]\nhttp = 127.0.0.1:0\nsocket = {address}\nwsgi-file = app.py\n")
    assert stage.tidegate(arguments=[file]).get("/hello").body == b"hello\n"


def test_websockets_off(stage):
    """With `http-websockets = false` an upgrade is a plain request."""
    address, _ = stage.uwsgi("gevent")
    router = stage.tidegate({"http-to": address, "http-websockets": "false"})
    from harness import websocket

    with router.connect() as raw:
        raw.send(websocket.request("/hello"))
        assert raw.response().status == 200


def test_workers_are_freed_when_the_client_goes(stage):
    """Two threads, three clients after each other: a WebSocket that ended holds none."""
    address, _ = stage.uwsgi("threads", "--threads", "2")
    router = stage.tidegate({"http-to": address})
    for _ in range(6):
        echo_all(router.url("/ws", "ws"), sizes=[10], kinds=("text",))
    assert until("a free thread", lambda: router.get("/hello").status == 200, 10)
