"""The uwsgi packet as a worker gets it: variables, their order, modifiers, limits."""

import pytest

from harness.upstream import uwsgi_ok


@pytest.fixture
def packet_of(stage):
    """Sends a request through tidegate and returns the packet that its upstream saw."""

    def send(head, options=None):
        upstream = stage.upstream(uwsgi_ok)
        router = stage.tidegate({"http-to": upstream.address, **(options or {})})
        with router.connect() as raw:
            packet = raw.send(head).response().json()
            packet["client"] = raw.socket.getsockname()
        packet["router"] = router.port
        packet["variables"] = dict(packet["pairs"])
        assert len(packet["variables"]) == len(packet["pairs"]), "a variable twice"
        return packet

    return send


def test_variables_and_their_order(packet_of):
    packet = packet_of(
        "POST /a%20b/./c?x=%41&y HTTP/1.1\r\nHost: Example.com:81\r\nX-Late: 1\r\nContent-Type: text/plain\r\n"
        "Content-Length: 2\r\nCookie: a=1\r\nx-late: 2\r\nCookie: b=2\r\n\r\nhi"
    )
    assert packet["body"] == "hi"
    assert (packet["modifier1"], packet["modifier2"]) == (0, 0)
    names = [name for name, _ in packet["pairs"]]
    fixed = ["REQUEST_METHOD", "REQUEST_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "SCRIPT_NAME", "SERVER_NAME",
             "SERVER_PORT", "UWSGI_ROUTER", "REMOTE_ADDR", "REMOTE_PORT"]
    assert names[: len(fixed)] == fixed
    own = [name for name in names[len(fixed):] if not name.startswith("HTTP_X_FORWARDED")]
    assert own == ["HTTP_HOST", "HTTP_X_LATE", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_COOKIE"]
    seen = packet["variables"]
    assert seen["REQUEST_METHOD"] == "POST"
    assert seen["REQUEST_URI"] == "/a%20b/c?x=%41&y"
    assert seen["PATH_INFO"] == "/a b/c"
    assert seen["QUERY_STRING"] == "x=%41&y"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["SCRIPT_NAME"] == ""
    assert seen["UWSGI_ROUTER"] == "http"
    assert seen["SERVER_PORT"] == str(packet["router"])
    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == (packet["client"][0], str(packet["client"][1]))
    assert seen["HTTP_X_LATE"] == "1, 2"
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["HTTP_HOST"] == "Example.com:81"


def test_forwarding_identity(packet_of):
    seen = packet_of("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\r\n")["variables"]
    assert seen["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "http"
    assert "HTTP_FORWARDED" not in seen


def test_never_proxy_nor_underscores(packet_of):
    seen = packet_of("GET / HTTP/1.1\r\nHost: a\r\nProxy: evil\r\nX_Under: 1\r\nX-Under-: 2\r\nContent_Length: 9\r\n\r\n")["variables"]
    assert "HTTP_PROXY" not in seen
    assert "HTTP_X_UNDER" not in seen
    assert "CONTENT_LENGTH" not in seen and "HTTP_CONTENT_LENGTH" not in seen


def test_http_var_and_modifiers(packet_of):
    packet = packet_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                       {"http-var": ["ZONE=north", "EMPTY="], "http-modifier1": 5, "http-modifier2": 3})
    assert (packet["modifier1"], packet["modifier2"]) == (5, 3)
    assert packet["variables"]["ZONE"] == "north"
    assert packet["variables"]["EMPTY"] == ""


def test_http_10_has_its_protocol(packet_of):
    assert packet_of("GET / HTTP/1.0\r\n\r\n")["variables"]["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_worker_refuses_a_large_packet(stage):
    """uWSGI closes without a byte above its buffer-size: that is a 502, and the log says what to change."""
    address, _ = stage.uwsgi("threads", "--buffer-size", "4096")
    router = stage.tidegate({"http-to": address})
    assert router.get("/env", f"X-Large: {'v' * 6000}").status == 502
    router.process.wait_for("buffer-size", 5)


def test_real_worker_accepts_a_packet_near_the_head_limit(stage):
    address, _ = stage.uwsgi("threads")
    router = stage.tidegate({"http-to": address})
    seen = router.get("/env", f"X-Large: {'v' * 14000}").json()
    assert seen["HTTP_X_LARGE"] == "v" * 14000


@pytest.mark.parametrize("size", [20_000, 40_000, 60_000])
def test_heads_up_to_max_head(stage, size):
    router = stage.tidegate({"http-to": stage.upstream(uwsgi_ok).address, "max-head": "64k"})
    seen = dict(router.get("/", f"X-Large: {'v' * size}").json()["pairs"])
    assert seen["HTTP_X_LARGE"] == "v" * size


def test_a_packet_above_65535_bytes_is_refused(stage):
    """The format has 16 bits for its size: a head below the limit whose variables are above it."""
    upstream = stage.upstream(uwsgi_ok)
    router = stage.tidegate({"http-to": upstream.address, "max-head": "64k", "max-fields": 256})
    response = router.get("/", *[f"X-{n:03}: {'v' * 249}" for n in range(250)])
    assert response.status in (431, 502)
    assert upstream.received == b""


def test_a_handshake_brings_no_more_than_it_needs(packet_of):
    """What `Connection` names, and what is for one hop only, goes no further with a handshake than with any request."""
    packet = packet_of(
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade, X-Tenant\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Tenant: victim\r\nTidegate-Channel: c\r\nProxy-Authorization: p\r\nTE: t\r\n"
        "Keep-Alive: k\r\nX-Kept: yes\r\n\r\n"
    )
    seen = packet["variables"]
    assert seen["HTTP_UPGRADE"].lower() == "websocket" and seen["HTTP_SEC_WEBSOCKET_VERSION"] == "13" and seen["HTTP_X_KEPT"] == "yes"
    assert "upgrade" in seen["HTTP_CONNECTION"].lower()
    for name in ["X_TENANT", "TIDEGATE_CHANNEL", "PROXY_AUTHORIZATION", "TE", "KEEP_ALIVE"]:
        assert "HTTP_" + name not in seen, name
