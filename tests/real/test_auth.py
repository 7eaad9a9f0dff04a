"""`auth:`: a server is asked whether a request may go on. A real nginx, and servers that misbehave."""

import subprocess

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.router import TIDEGATE, ini
from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import until

YES = b"HTTP/1.1 200 OK\r\nX-User: joe\r\nContent-Length: 0\r\n\r\n"


def says(answer):
    """A server that answers so, whatever it is asked."""

    def serve(peer):
        while peer.request():
            peer.send(answer)

    return serve


def guarded(stage, auth, rest="", name="tidegate", **options):
    """A router that asks there, in front of a server that tells what it saw."""
    options = {"default": f"http:{stage.upstream(http_ok).address}", **options}
    return stage.tidegate(options, f"[tidegate]\nroute-run = auth:http:{auth}/check{rest}\n", name=name)


NGINX = """
location = /check {
    if ($http_cookie ~ "sid=right") { add_header X-User joe; return 204; }
    if ($http_authorization = "") { add_header WWW-Authenticate 'Bearer realm="nginx"' always; return 401; }
    return 403;
}
"""


def test_nginx_decides(stage):
    nginx, _ = stage.nginx(NGINX)
    router = guarded(stage, nginx, ",copy=X-User")
    with router.connect() as raw:
        for _ in range(3):
            answer = raw.get("/").response()
            assert (answer.status, answer["WWW-Authenticate"]) == (401, 'Bearer realm="nginx"')
            assert raw.get("/", "Authorization: Bearer x").response().status == 403
            seen = dict(raw.get("/page?x=1", "Cookie: sid=right", "X-User: root").response().json()["fields"])
            assert seen["X-User"] == "joe"


def test_what_is_asked(stage):
    asked = stage.upstream(says(YES))
    router = guarded(stage, asked.address, "?u=${REQUEST_URI}")
    with router.connect() as raw:
        body = "X-Forwarded-Uri: /none\r\n" * 3
        raw.send(f"PUT /a/../b%20c?q=1 HTTP/1.1\r\nHost: site\r\nCookie: a=b\r\nX-Forwarded-Uri: /\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        answer = raw.response().json()
        assert answer["method"] == "PUT" and answer["body"] == body
    head = asked.received.decode()
    assert head.startswith("GET /check?u=/b%2520c%3Fq%3D1 HTTP/1.1\r\n"), head
    for line in ["Cookie: a=b", "X-Forwarded-Method: PUT", "X-Forwarded-Uri: /b%20c?q=1", "X-Forwarded-Host: site", "X-Forwarded-For: 127.0.0.1"]:
        assert head.count(f"\r\n{line}\r\n") == 1, line
    assert head.lower().count("x-forwarded-uri") == 1 and "none" not in head


def test_identity_is_never_the_clients(stage):
    uwsgi = f"uwsgi:{stage.upstream(uwsgi_ok).address}"
    silent = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    for serve, user in [(says(YES), "joe"), (silent, None)]:
        auth = stage.upstream(serve).address
        for options in [{}, {"default": uwsgi}]:
            router = guarded(stage, auth, ",copy=X-User", name=f"tidegate-{user}-{len(options)}", **options)
            answer = router.get("/", "X-User: root", "x-user: admin", "X_User: root").json()
            pairs = answer.get("fields") or answer["pairs"]
            assert [value for name, value in pairs if name.lower().replace("http_", "").replace("_", "-") == "x-user"] == ([user] if user else [])


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 304 Same\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", b"HTTP/1.1 200", b"",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40000 + b"\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n" * 40,
])
def test_no_answer_is_no(stage, answer):
    def serve(peer):
        peer.request()
        peer.send(answer)

    router = guarded(stage, stage.upstream(serve).address)
    assert router.get("/").status == 502
    until("the line", lambda: any('" 502 ' in line for line in router.access()))


def test_a_server_that_is_not_there(stage):
    router = guarded(stage, "127.0.0.1:1")
    assert router.get("/").status == 502


def test_a_server_that_is_silent_or_slow(stage):
    def slow(peer):
        peer.request()
        while True:
            peer.send(b"H")
            peer.over.wait(0.2)

    def silent(peer):
        peer.request()
        peer.over.wait(20)

    for number, serve in enumerate([silent, slow]):
        router = guarded(stage, stage.upstream(serve).address, name=f"tidegate-{number}", **{"http-timeout": "1s"})
        assert router.get("/").status == 502


def test_a_page_to_log_in(stage):
    answer = b"HTTP/1.1 302 Found\r\nLocation: https://sso.example/?r=1\r\nSet-Cookie: state=1\r\nX-Inside: 1\r\nContent-Length: 6\r\n\r\ninside"
    said = guarded(stage, stage.upstream(says(answer)).address).get("/")
    assert (said.status, said["Location"], said["Set-Cookie"], said["X-Inside"]) == (302, "https://sso.example/?r=1", "state=1", None)
    assert b"inside" not in said.body


def test_websockets_are_asked_about(stage, echo):
    def serve(peer):
        while (request := peer.request()) is not None:
            peer.send(YES if request["Cookie"] == "sid=right" else b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    asked = stage.upstream(serve)
    router = guarded(stage, asked.address, default=f"http:{echo.address}")
    with connect(router.url("/", "ws"), additional_headers={"Cookie": "sid=right"}) as socket:
        socket.send("hi")
        assert socket.recv() == "hi"
    with pytest.raises(InvalidStatus) as refused:
        connect(router.url("/", "ws")).__enter__()
    assert refused.value.response.status_code == 401
    assert b"Upgrade:" not in asked.received


def test_many_at_once_and_connections_kept(stage):
    asked = stage.upstream(says(YES))
    router = guarded(stage, asked.address, ",copy=X-User")
    clients = [router.connect() for _ in range(100)]
    for raw in clients:
        raw.get("/")
    for raw in clients:
        with raw:
            assert dict(raw.response().json()["fields"])["X-User"] == "joe"
    before = len(asked.peers)
    with router.connect() as raw:
        for _ in range(50):
            assert raw.get("/").response().status == 200
    assert len(asked.peers) <= before + 1


def test_clients_that_leave_meanwhile(stage):
    def slow(peer):
        while peer.request():
            peer.over.wait(0.3)
            peer.send(YES)

    router = guarded(stage, stage.upstream(slow).address)
    for _ in range(30):
        with router.connect() as raw:
            raw.get("/")
    assert router.get("/").status == 200


def test_a_client_that_resets_while_somebody_is_asked_holds_nothing(stage):
    """Its question ends with it, and so does its place among all clients."""
    asked = stage.upstream(lambda peer: (peer.request(), peer.rest()))
    router = guarded(stage, asked.address, **{"http-timeout": "60s", "max-connections": 4})
    for number in range(1, 9):
        raw = router.connect()
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        asked.connections(number)
        raw.reset()
    asked.ended(8, timeout=30)


def test_explain_says_who_is_asked(stage):
    file = stage.directory / "site.ini"
    file.write_text(ini({"http": "127.0.0.1:0", "default": "http:127.0.0.1:2"}) + "route-run = auth:http:127.0.0.1:1/check\n")
    said = subprocess.run([TIDEGATE, "check", file, "--explain", "GET http://h/x"], capture_output=True, text=True, check=True).stdout
    assert "GET /check HTTP/1.1" in said and "X-Forwarded-Uri: /x" in said and "127.0.0.1:2" in said
