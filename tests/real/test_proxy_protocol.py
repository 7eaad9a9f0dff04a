"""`proxy-protocol`: HAProxy and nginx in front say by a PROXY header who a connection is for, before HTTP and before TLS."""

import pytest
from websockets.sync.client import connect

from harness import fronts
from harness.certificates import Authority
from harness.echoes import echo_all
from harness.leaving import handshake, leave_every_way, serve
from harness.raw import Raw
from harness.stage import staged
from harness.tls import TlsRaw, context
from harness.waiting import until
from harness.workers import accepts

# The client's address; whoever stands in front connects from 127.0.0.1.
CLIENT = "127.0.0.7"


def haproxy_tcp(to, how, bind="", server=""):
    return lambda port: f"""
listen {how.replace(" ", "-")}-{port}
    mode tcp
    bind 127.0.0.1:{port} {bind}
    server tidegate {to} {how} {server}
"""


def nginx_stream(to):
    return lambda port: f"server {{ listen 127.0.0.1:{port}; proxy_protocol on; proxy_pass {to}; }}\n"


FRONTS = ["haproxy v1", "haproxy v2", "nginx", "haproxy v1 unix", "haproxy v2 unix", "nginx unix"]
SECURE = ["haproxy v1 tls", "haproxy v2 tls", "nginx tls"]


@pytest.fixture(scope="module")
def site(request):
    """A router behind HAProxy and nginx; `site.fronts[name]` is a port of theirs."""
    with staged(request.node) as stage:
        authority = Authority(stage.directory)
        pair = authority.issue("localhost")
        worker, _ = stage.uwsgi("threads")
        leaver = stage.upstream(serve)
        unix = stage.directory / "in.sock"
        router = stage.tidegate(
            {"http": ["127.0.0.1:0", f"unix:{unix}"], "https": f"127.0.0.1:0,{pair}", "http-to": worker,
             "proxy-protocol": "127.0.0.1 unix", "route": ["^/loop echo:", f"^/leave http:{leaver.address}"],
             "route-remote-addr": r"^127\.0\.0\.66$ break:403 no"})
        plain, secure = f"127.0.0.1:{router.port}", f"127.0.0.1:{router.tls_ports[0]}"
        pem = stage.directory / "front.pem"
        pem.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
        ended = f"ssl crt {pem}"
        sections = {
            "haproxy v1": haproxy_tcp(plain, "send-proxy"), "haproxy v2": haproxy_tcp(plain, "send-proxy-v2"),
            "haproxy v1 unix": haproxy_tcp(unix, "send-proxy"), "haproxy v2 unix": haproxy_tcp(unix, "send-proxy-v2"),
            "haproxy v1 tls": haproxy_tcp(secure, "send-proxy"), "haproxy v2 tls": haproxy_tcp(secure, "send-proxy-v2"),
            "haproxy ends tls": haproxy_tcp(plain, "send-proxy-v2-ssl-cn", bind=ended),
            "haproxy ends tls and does not say so": haproxy_tcp(plain, "send-proxy-v2", bind=ended),
            "haproxy with all it can say": haproxy_tcp(
                plain, "send-proxy-v2", server="proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id"),
        }
        streams = {"nginx": nginx_stream(plain), "nginx unix": nginx_stream(f"unix:{unix}"), "nginx tls": nginx_stream(secure)}
        router.fronts = dict(zip((*sections, *streams), [*fronts.haproxy(stage, list(sections.values())),
                                                         *fronts.nginx(stage, stream=list(streams.values()))]))
        router.authority, router.leaver = authority, leaver
        yield router


@pytest.mark.parametrize("front", [*FRONTS, "haproxy with all it can say"])
def test_the_client_is_the_one_in_front(site, front):
    port = site.fronts[front]
    with Raw.connect(port, source=CLIENT) as raw:
        for _ in range(2):
            env = raw.get("/env", "X-Forwarded-For: 10.1.1.1", "Forwarded: for=10.1.1.1").response().json()
            assert (env["REMOTE_ADDR"], env["REMOTE_PORT"]) == (CLIENT, str(raw.socket.getsockname()[1]))
            assert (env["SERVER_PORT"], env["HTTP_X_FORWARDED_FOR"]) == (str(port), CLIENT)
            assert "HTTPS" not in env and "HTTP_FORWARDED" not in env and env["HTTP_X_FORWARDED_PROTO"] == "http"
    until("its line", lambda: any(line.startswith(f"{CLIENT} ") and "/env" in line for line in site.access()))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("front", SECURE)
def test_before_tls_that_is_passed_through(site, front, version):
    with TlsRaw.connect(site.fronts[front], source=CLIENT, version=version, authority=site.authority) as raw:
        env = raw.get("/env").response().json()
        assert (env["REMOTE_ADDR"], env["REMOTE_PORT"]) == (CLIENT, str(raw.socket.getsockname()[1]))
        assert (env["HTTPS"], env["HTTP_X_FORWARDED_PROTO"]) == ("on", "https")


@pytest.mark.parametrize("front, https", [("haproxy ends tls", "on"), ("haproxy ends tls and does not say so", None)])
def test_tls_that_ended_in_front(site, front, https):
    with TlsRaw.connect(site.fronts[front], source=CLIENT, authority=site.authority) as raw:
        env = raw.get("/env").response().json()
        assert (env["REMOTE_ADDR"], env.get("HTTPS")) == (CLIENT, https)
        assert env["HTTP_X_FORWARDED_PROTO"] == ("https" if https else "http")


@pytest.mark.parametrize("front", [*FRONTS, *SECURE])
@pytest.mark.parametrize("path", ["/loop", "/ws"])
def test_websockets(site, front, path):
    secure = {"ssl": context(site.authority)} if front in SECURE else {}
    scheme = "wss" if secure else "ws"
    echo_all(f"{scheme}://localhost:{site.fronts[front]}{path}", sizes=[1, 126, 65536], kinds=["text"], **secure)


@pytest.mark.parametrize("front", [*FRONTS, *SECURE])
def test_a_server_of_websockets_sees_client_and_scheme(site, front):
    secure = {"ssl": context(site.authority)} if front in SECURE else {}
    fields = handshake(site, f"{'wss' if secure else 'ws'}://localhost:{site.fronts[front]}/leave", source_address=(CLIENT, 0), **secure)
    assert (fields["X-Forwarded-For"], fields["X-Forwarded-Proto"]) == (CLIENT, "https" if secure else "http")


def test_the_line_of_a_websocket_names_the_client(site):
    port = site.fronts["haproxy v2"]
    with connect(f"ws://127.0.0.1:{port}/loop?named", source_address=(CLIENT, 0)) as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"
    until("both lines", lambda: sum(line.startswith(f"{CLIENT} ") and ("/loop?named" in line or "CLOSE websocket" in line)
                                    for line in site.access()) >= 2)


def test_rules_look_at_the_client(site):
    with Raw.connect(site.fronts["haproxy v1"], source="127.0.0.66") as raw:
        assert raw.get("/env").response().status == 403
    with Raw.connect(site.fronts["haproxy v1"], source=CLIENT) as raw:
        assert raw.get("/env").response().status == 200


@pytest.mark.parametrize("front", [*FRONTS, *SECURE])
def test_no_slot_is_held_after_either_end_left(site, front):
    secure = {"ssl": context(site.authority)} if front in SECURE else {}
    leave_every_way(site, f"{'wss' if secure else 'ws'}://localhost:{site.fronts[front]}/leave", **secure)


def test_health_checks_leave_no_line(stage):
    """HAProxy's own: they connect and close, or say LOCAL, or close behind the header."""
    router = stage.tidegate({"route-run": "send:fine", "proxy-protocol": "127.0.0.1", "log-level": "debug"})
    to = f"127.0.0.1:{router.port}"
    fronts.haproxy(stage, [haproxy_tcp(to, how, server="check inter 100ms rise 1") for how in ("send-proxy", "send-proxy-v2")]
                   + [haproxy_tcp(to, "send-proxy-v2", server="check inter 100ms no-check-send-proxy")]
                   + [haproxy_tcp(to, "send-proxy-v2", server="check inter 100ms check-send-proxy")])
    for _ in range(20):
        assert accepts(router.port)
    for header in (b"PROXY TCP4 127.0.0.7 127.0.0.8 1 2\r\n", b"PROXY", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"):
        with Raw.connect(router.port) as raw:
            raw.send(header)
    counters = lambda: router.log().count("ERROR") + router.log().count("WARN") + router.log().count("proxy-protocol")
    with Raw.connect(router.port) as raw:
        answer = raw.send(b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response()
        assert answer.body == b"fine"
    until("the one line", lambda: len(router.access()) == 1)
    assert counters() == 0, router.log()
