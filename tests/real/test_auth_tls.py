"""`auth:https:`: who decides is asked over TLS, must be who the group says, and where he is not nobody gets in."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.certificates import Authority
from harness.upstream import http_ok
from harness.waiting import until
from test_config_examples import Secure, decrypted


def decides(peer):
    """Lets in whoever has the cookie, and says who it is."""
    while (request := peer.request()) is not None:
        right = request["Cookie"] == "sid=right"
        peer.reply(b"", "200 OK", "X-User: joe") if right else peer.reply(b"", "401 Unauthorized")


@pytest.fixture
def asked(stage):
    """Who decides, over TLS as app.internal; `asked.behind` knows what came through."""
    authority = Authority(stage.directory, "ours")
    behind = stage.upstream(decides)
    secure = Secure(authority.issue("app.internal"), decrypted(behind.address))
    secure.authority, secure.behind = authority, behind
    yield secure
    secure.socket.close()


def guarded(stage, asked, to, keys, **options):
    return stage.tidegate({"default": f"http:{to}", "http-timeout": "10s", **options},
                          f"[tidegate]\nroute-run = auth:https:sso/check,copy=X-User\n[upstream:sso]\nprotocol = https\nserver = {asked.address}\n{keys}\n")


def test_the_right_one_is_asked(stage, asked):
    app = stage.upstream(http_ok)
    router = guarded(stage, asked, app.address, f"ca = {asked.authority.path}\nverify-name = app.internal")
    with router.connect() as raw:
        for _ in range(3):
            assert raw.get("/", "X-User: root").response().status == 401
            seen = dict(raw.get("/page", "Cookie: sid=right", "X-User: root").response().json()["fields"])
            assert seen["X-User"] == "joe"
    assert len(asked.behind.peers) == 1, "one connection is asked again and again"
    assert asked.behind.received.startswith(b"GET /check HTTP/1.1\r\n")


def test_websockets_are_asked_about(stage, asked, echo):
    router = guarded(stage, asked, echo.address, f"ca = {asked.authority.path}\nverify-name = app.internal")
    with connect(router.url("/", "ws"), additional_headers={"Cookie": "sid=right"}) as live:
        live.send("hi")
        assert live.recv(timeout=10) == "hi"
    with pytest.raises(InvalidStatus) as refused:
        connect(router.url("/", "ws")).__enter__()
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("wrong", ["another authority", "the system's authorities", "another name", "no TLS"])
def test_nobody_gets_in_by_a_wrong_one(stage, asked, wrong):
    keys = {"another authority": f"ca = {Authority(stage.directory, 'others').path}\nverify-name = app.internal",
            "the system's authorities": "verify-name = app.internal",
            "another name": f"ca = {asked.authority.path}\nverify-name = other.internal",
            "no TLS": f"ca = {asked.authority.path}\nverify-name = app.internal"}[wrong]
    options = {}
    if wrong == "no TLS":
        asked.address, options = asked.behind.address, {"http-connect-timeout": "1s"}
    app = stage.upstream(http_ok)
    router = guarded(stage, asked, app.address, keys, **options)
    for _ in range(2):
        assert router.get("/", "Cookie: sid=right").status == 502
    with pytest.raises(InvalidStatus) as refused:
        connect(router.url("/", "ws"), additional_headers={"Cookie": "sid=right"}).__enter__()
    assert refused.value.response.status_code == 502
    assert not app.peers and b"sid=right" not in asked.behind.received
    until("their lines", lambda: sum(" 502 " in line for line in router.access()) == 3)
