"""`trusted-proxies`: nginx and HAProxy (`mode http`) in front say for whom they ask, over TCP and over a unix socket."""

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

# The client's address; whoever stands in front connects from 127.0.0.1.
CLIENT = "127.0.0.7"


def nginx(to, tls="", headers="proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"):
    return lambda port: f"""server {{
    listen 127.0.0.1:{port}{" ssl" if tls else ""}; {tls}
    location / {{
        proxy_pass http://{to}; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
        {headers} proxy_set_header X-Forwarded-Proto $scheme;
    }}
}}
"""


def haproxy(to, bind="", how="option forwardfor"):
    return lambda port: f"""
listen http-{port}
    mode http
    bind 127.0.0.1:{port} {bind}
    {how}
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
    server tidegate {to}
"""


@pytest.fixture(scope="module")
def site(request):
    """A router behind nginx and HAProxy; `site.fronts[name]` is a port of theirs."""
    with staged(request.node) as stage:
        authority = Authority(stage.directory)
        pair = authority.issue("localhost")
        worker, _ = stage.uwsgi("threads")
        seen = stage.upstream(lambda peer: answer_head(peer))
        leaver = stage.upstream(serve)
        unix = stage.directory / "in.sock"
        router = stage.tidegate(
            {"http": ["127.0.0.1:0", f"unix:{unix}"], "http-to": worker, "trusted-proxies": "127.0.0.1 unix",
             "route": ["^/loop echo:", f"^/head http:{seen.address}", f"^/leave http:{leaver.address}"],
             "route-remote-addr": r"^127\.0\.0\.66$ break:403 no", "route-if": "ipv4in:${REMOTE_ADDR};127.0.0.67 break:410 gone"})
        to = f"127.0.0.1:{router.port}"
        pem = stage.directory / "front.pem"
        pem.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
        files = f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};"
        # What HAProxy 2.8 calls `option forwarded`, in words that older ones know; X-Forwarded-For is the client's own business here.
        forwarded = "http-request add-header Forwarded for=%[src]"
        sections = {"haproxy": haproxy(to), "haproxy tls": haproxy(to, f"ssl crt {pem}"), "haproxy unix": haproxy(unix),
                    "haproxy forwarded": haproxy(to, how=forwarded)}
        servers = {"nginx": nginx(to), "nginx tls": nginx(to, files), "nginx unix": nginx(f"unix:{unix}")}
        router.fronts = dict(zip((*sections, *servers), [*fronts.haproxy(stage, list(sections.values())),
                                                         *fronts.nginx(stage, http=list(servers.values()))]))
        router.authority, router.leaver = authority, leaver
        yield router


def answer_head(peer):
    """An HTTP server that answers with the head it got."""
    while (request := peer.request()) is not None:
        peer.reply("\n".join(f"{name}: {value}" for name, value in request.fields).encode())


def client_of(site, front, source=CLIENT):
    """A connection to a front, over TLS where it speaks that."""
    if front.endswith("tls"):
        return TlsRaw.connect(site.fronts[front], source=source, authority=site.authority)
    return Raw.connect(site.fronts[front], source=source)


FRONTS = ["nginx", "nginx tls", "nginx unix", "haproxy", "haproxy tls", "haproxy unix"]


@pytest.mark.parametrize("front", [*FRONTS, "haproxy forwarded"])
def test_client_address_and_scheme_arrive(site, front):
    secure = front.endswith("tls")
    with client_of(site, front) as raw:
        env = raw.get("/env").response().json()
    assert (env["REMOTE_ADDR"], env.get("HTTPS")) == (CLIENT, "on" if secure else None)
    assert env["HTTP_X_FORWARDED_PROTO"] == ("https" if secure else "http")
    proxy = [] if front.endswith("unix") else ["127.0.0.1"]
    client = [] if front == "haproxy forwarded" else [CLIENT]
    assert env["HTTP_X_FORWARDED_FOR"] == ", ".join([*client, *proxy])
    assert env.get("HTTP_FORWARDED") == (f"for={CLIENT}" if front == "haproxy forwarded" else None)
    until("its line", lambda: any(line.startswith(f"{CLIENT} ") and "GET /env" in line for line in site.access()))


@pytest.mark.parametrize("front", FRONTS)
def test_what_the_client_says_itself_is_not_believed(site, front):
    """The proxies append to it, or it stands to the left of theirs: the right-most untrusted address counts."""
    with client_of(site, front) as raw:
        for lie in ("10.9.9.9", "127.0.0.1", "unknown", "10.9.9.9, 127.0.0.1", '"', "127.0.0.66"):
            env = raw.get("/env", f"X-Forwarded-For: {lie}", "X-Forwarded-Proto: gopher").response().json()
            assert env["REMOTE_ADDR"] == CLIENT, lie


@pytest.mark.parametrize("front", FRONTS)
def test_a_forged_forwarded_is_no_client(site, front):
    """Neither of these proxies removes it; both say something else in X-Forwarded-For."""
    for lie in ("for=10.9.9.9", 'for="10.9.9.9', "for=10.9.9.9, for=127.0.0.1", "for=unknown", "for=_x;proto=https"):
        with client_of(site, front) as raw:
            assert raw.get("/env", f"Forwarded: {lie}").response().status == 400
    with client_of(site, front) as raw:
        assert raw.get("/env", "Forwarded: by=_me").response().json()["REMOTE_ADDR"] == CLIENT


def test_http_servers_see_it(site):
    with client_of(site, "nginx tls") as raw:
        fields = dict(line.split(": ", 1) for line in raw.get("/head").response().body.decode().splitlines())
    assert (fields["X-Forwarded-For"], fields["X-Forwarded-Proto"]) == (f"{CLIENT}, 127.0.0.1", "https")


@pytest.mark.parametrize("front", FRONTS)
def test_rules_look_at_the_client(site, front):
    for source, status in (("127.0.0.66", 403), ("127.0.0.67", 410), (CLIENT, 200)):
        with client_of(site, front, source) as raw:
            assert raw.get("/env").response().status == status


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("path", ["/loop", "/ws"])
def test_websockets(site, front, path):
    secure = {"ssl": context(site.authority)} if front.endswith("tls") else {}
    scheme = "wss" if secure else "ws"
    echo_all(f"{scheme}://localhost:{site.fronts[front]}{path}", sizes=[1, 126, 65536], kinds=["text"], **secure)


@pytest.mark.parametrize("front", FRONTS)
def test_a_server_of_websockets_sees_client_and_scheme(site, front):
    secure = {"ssl": context(site.authority)} if front.endswith("tls") else {}
    fields = handshake(site, f"{'wss' if secure else 'ws'}://localhost:{site.fronts[front]}/leave", source_address=(CLIENT, 0), **secure)
    assert fields["X-Forwarded-For"] == (CLIENT if front.endswith("unix") else f"{CLIENT}, 127.0.0.1")
    assert fields["X-Forwarded-Proto"] == ("https" if secure else "http")


def test_the_lines_of_a_websocket_name_the_client(site):
    with connect(f"ws://127.0.0.1:{site.fronts['nginx']}/loop?named", source_address=(CLIENT, 0)) as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"
    until("both lines", lambda: sum(line.startswith(f"{CLIENT} ") and ("/loop?named" in line or "CLOSE websocket" in line)
                                    for line in site.access()) >= 2)


@pytest.mark.parametrize("front", FRONTS)
def test_no_slot_is_held_after_either_end_left(site, front):
    secure = {"ssl": context(site.authority)} if front.endswith("tls") else {}
    leave_every_way(site, f"{'wss' if secure else 'ws'}://localhost:{site.fronts[front]}/leave", **secure)


def test_others_are_replaced(site):
    """Somebody who is no proxy of ours comes straight to the router."""
    with Raw.connect(site.port, source="127.0.0.2") as raw:
        env = raw.get("/env", "X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Real-IP: 10.9.9.9",
                      "Forwarded: for=10.9.9.9").response().json()
    assert (env["REMOTE_ADDR"], env["HTTP_X_FORWARDED_FOR"], env.get("HTTPS")) == ("127.0.0.2", "127.0.0.2", None)
    assert (env["HTTP_X_FORWARDED_PROTO"], env["HTTP_X_FORWARDED_HOST"]) == ("http", "test")
    assert "HTTP_X_REAL_IP" not in env and "HTTP_FORWARDED" not in env


def test_who_a_proxy_header_names_may_be_a_trusted_proxy(tidegate):
    """HTTP comes by one proxy, whose TCP another one passes on: each says its part."""
    router = tidegate({"route-run": "send:${REMOTE_ADDR} ${REQUEST_SCHEME}", "proxy-protocol": "127.0.0.1", "trusted-proxies": "203.0.113.9"})
    for ip, said in (("203.0.113.9", b"198.51.100.7 https"), ("203.0.113.8", b"203.0.113.8 http")):
        with Raw.connect(router.port) as raw:
            raw.send(f"PROXY TCP4 {ip} 192.0.2.1 1 80\r\n")
            assert raw.get("/", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https").response().body == said
