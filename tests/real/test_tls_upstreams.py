"""Servers over TLS: `https:` and `tcps:`, whom they must be signed by, the name they must have, and what they are shown."""

import ssl
import subprocess
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from harness.admin import ctl
from harness.echoes import echo_all
from harness.router import TIDEGATE
from harness.upstream import free_port
from harness.waiting import in_background, until


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)


class Authority:
    """Signs certificates; its own is `path`."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.path, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 9, "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.path)

    def issue(self, name, names):
        """Files of a certificate and its key."""
        stem = self.directory / name
        more = stem.with_suffix(".ext")
        more.write_text(f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                stem.with_suffix(".key"), "-out", stem.with_suffix(".csr"))
        openssl("x509", "-req", "-in", stem.with_suffix(".csr"), "-CA", self.path, "-CAkey", self.key, "-CAcreateserial", "-days", 9,
                "-extfile", more, "-out", stem.with_suffix(".pem"))
        return stem.with_suffix(".pem"), stem.with_suffix(".key")


@pytest.fixture
def authority(stage):
    return Authority(stage.directory, "servers")


def nginx(stage, pair, more=""):
    """An address that tells what it saw of the TLS session."""
    port = free_port()
    certificate, key = pair
    stage.nginx(f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_session_cache shared:s:1m; "
                f"{more or 'ssl_protocols TLSv1.2 TLSv1.3; '}"
                'return 200 "$ssl_server_name $ssl_protocol $ssl_session_reused $connection_requests $ssl_client_s_dn";')
    return f"127.0.0.1:{port}"


def group(address, protocol="https", **keys):
    lines = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in keys.items())
    return f"[upstream:app]\nprotocol = {protocol}\nserver = {address}\n{lines}"


def said(router, *fields):
    response = router.get("/", *fields)
    assert response.status == 200, router.log()
    return response.body.decode().split(" ")


def test_the_name_is_asked_for_and_connections_are_kept(stage, authority):
    address = nginx(stage, authority.issue("app", "DNS:app.internal"))
    router = stage.tidegate({"default": "https:app"}, group(address, ca=authority.path, verify_name="App.internal"))
    assert said(router)[:2] == ["app.internal", "TLSv1.3"]
    assert said(router)[3] == "2", "the second request goes over the same connection"


def test_the_host_of_the_address_is_the_name(stage, authority):
    address = nginx(stage, authority.issue("app", "IP:127.0.0.1"))
    router = stage.tidegate({"default": "https:app"}, group(address, ca=authority.path))
    assert said(router)[0] == "", "an IP address is no name to ask for"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_sessions_are_resumed(stage, authority, version):
    address = nginx(stage, authority.issue("app", "DNS:app.internal"), f"ssl_protocols {version}; keepalive_timeout 0; ")
    router = stage.tidegate({"default": "https:app"}, group(address, ca=authority.path, verify_name="app.internal"))
    assert said(router)[1:3] == [version, "."]
    assert said(router)[1:3] == [version, "r"]


@pytest.mark.parametrize("case", ["name", "authority", "system", "address"])
def test_a_server_that_is_not_who_it_should_be_gets_no_request(stage, authority, case):
    address = nginx(stage, authority.issue("app", "DNS:app.internal"))
    keys = {"ca": authority.path, "verify_name": "app.internal"}
    if case == "name":
        keys["verify_name"] = "other.internal"
    elif case == "authority":
        keys["ca"] = Authority(stage.directory, "others").path
    elif case == "system":
        del keys["ca"]
    else:
        del keys["verify_name"]
    router = stage.tidegate({"default": "https:app"}, group(address, **keys))
    assert router.get("/").status == 502
    until("the log to say why", lambda: f"a TLS handshake with a server failed server={address}" in router.log())
    access = (stage.directory / "nginx.access").read_text()
    assert "GET" not in access


def test_an_action_names_a_server_by_itself(stage, authority):
    """Without a group there is only the system's trust, which does not know these."""
    address = nginx(stage, authority.issue("app", "IP:127.0.0.1"))
    router = stage.tidegate({"default": f"https:{address}"})
    assert router.get("/").status == 502
    trusting = stage.tidegate({"default": f"https:{address}"}, name="trusting", env={"SSL_CERT_FILE": str(authority.path)})
    assert said(trusting)[1] == "TLSv1.3"


def test_a_server_that_asks_is_shown_the_certificate(stage, authority):
    clients = Authority(stage.directory, "clients")
    asking = f"ssl_protocols TLSv1.3; ssl_client_certificate {clients.path}; ssl_verify_client on; "
    address = nginx(stage, authority.issue("app", "DNS:app.internal"), asking)
    keys = {"ca": authority.path, "verify_name": "app.internal"}
    nobody = stage.tidegate({"default": "https:app"}, group(address, **keys))
    assert nobody.get("/").status == 400, "nginx wants a certificate"
    certificate, key = clients.issue("router", "DNS:router")
    known = stage.tidegate({"default": "https:app"}, group(address, client_cert=f"{certificate},{key}", **keys), name="known")
    assert said(known)[4] == "CN=router"


def context(pair):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair)
    return made


def test_websockets_to_a_server_over_tls(stage, authority):
    def echo(socket):
        for message in socket:
            socket.send(message)

    with serve(echo, "127.0.0.1", 0, ssl=context(authority.issue("app", "IP:127.0.0.1")), max_size=None, compression=None) as server:
        in_background(server.serve_forever)
        address = "127.0.0.1:%d" % server.socket.getsockname()[1]
        router = stage.tidegate({"default": "https:app"}, group(address, ca=authority.path))
        echo_all(router.url("/", "ws"))
        server.shutdown()


def test_bytes_to_a_server_over_tls(stage, authority):
    class Echo(StreamRequestHandler):
        def handle(self):
            while data := self.request.recv(4096):
                self.request.sendall(data)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        own = context(authority.issue("app", "IP:127.0.0.1"))

        def get_request(self):
            connection, address = super().get_request()
            return self.own.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = "127.0.0.1:%d" % server.server_address[1]
        router = stage.tidegate({"default": "tcps:app"}, group(address, "tcps", ca=authority.path))
        with connect(router.url("/", "ws"), subprotocols=["binary"]) as socket:
            socket.send(b"hello")
            assert socket.recv(timeout=10) == b"hello"
        server.shutdown()


def test_authorities_that_change_count_for_new_connections(stage, authority):
    address = nginx(stage, authority.issue("app", "DNS:app.internal"), "keepalive_timeout 0; ")
    trusted = stage.directory / "trusted.pem"
    trusted.write_bytes(Authority(stage.directory, "others").path.read_bytes())
    router = stage.tidegate({"default": "https:app"}, group(address, ca=trusted, verify_name="app.internal"))
    assert router.get("/").status == 502
    trusted.write_bytes(authority.path.read_bytes())
    until("the new authority to be trusted", lambda: router.get("/").status == 200)
    trusted.write_text("broken")
    until("the broken file to be noticed", lambda: "stays as it was" in router.log())
    assert router.get("/").status == 200, "what was trusted still is"


def test_the_end_of_our_own_certificate_is_shown(stage, authority):
    certificate, key = authority.issue("router", "DNS:router")
    admin = stage.directory / "admin"
    options = {"default": "https:app", "admin": f"unix:{admin}"}
    stage.tidegate(options, group("127.0.0.1:1", ca=authority.path, client_cert=f"{certificate},{key}"))
    shown = ctl("--admin", f"unix:{admin}", "status").stdout
    assert str(certificate) in shown and "CN=router" in shown, shown


@pytest.mark.parametrize(("lines", "place", "words"), [
    ("ca = nowhere.pem", "7:6", "nowhere.pem: there is no such file"),
    ("ca = site.ini", "7:6", "site.ini: there is no certificate in it"),
    ("client-cert = nowhere.pem,nowhere.key", "7:15", "nowhere.pem: there is no such file"),
    ("verify-name = a b", "7:15", 'cannot be for "a b"'),
])
def test_what_is_wrong_refuses_the_start(tmp_path, lines, place, words):
    (tmp_path / "site.ini").write_text(
        f"[tidegate]\nhttp = 127.0.0.1:0\ndefault = https:app\n[upstream:app]\nprotocol = https\nserver = 127.0.0.1:1\n{lines}\n")
    for command in (["check", "site.ini"], ["site.ini"]):
        result = subprocess.run([TIDEGATE, *command], capture_output=True, text=True, timeout=10, cwd=tmp_path)
        assert result.returncode == 2
        assert f"site.ini:{place}: " in result.stderr and words in result.stderr, result.stderr
