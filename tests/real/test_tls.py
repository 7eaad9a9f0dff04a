"""HTTPS and wss with the clients that people have: curl, openssl, Python, Node, Chromium."""

import hashlib
import json
import ssl
import subprocess

import pytest

from harness import REAL
from harness.certificates import Authority
from harness.echoes import echo_all
from harness.stage import staged
from harness.tls import context
from harness.upstream import http_ok

CHACHA = {"1.2": "ECDHE-ECDSA-CHACHA20-POLY1305", "1.3": "TLS_CHACHA20_POLY1305_SHA256"}
AES_128 = {"1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "1.3": "TLS_AES_128_GCM_SHA256"}
AES_256 = {"1.2": "ECDHE-ECDSA-AES256-GCM-SHA384", "1.3": "TLS_AES_256_GCM_SHA384"}


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        address, _ = stage.uwsgi("threads")
        authority = Authority(stage.directory)
        options = {"https": f"127.0.0.1:0,{authority.issue('localhost', '127.0.0.1')}", "http-to": address, "route": "^/loop echo:",
                   "route-run": "hsts:8760h"}
        router = stage.tidegate({"http": None, **options})
        router.stage, router.authority = stage, authority
        yield router


def curl(site, *arguments, path="/hello"):
    command = ["curl", "-sS", "--max-time", "30", "--cacert", site.authority.path, *arguments, site.url(path, "https")]
    result = subprocess.run([str(word) for word in command], capture_output=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("ciphers", [AES_128, AES_256, CHACHA], ids=["aes-128", "aes-256", "chacha20"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(site, version, ciphers):
    option = "--ciphers" if version == "1.2" else "--tls13-ciphers"
    words = [f"--tlsv{version}", "--tls-max", version, option, ciphers[version], "-v", "--stderr", "-"]
    said = curl(site, *words).decode()
    assert f"SSL connection using TLSv{version} / {ciphers[version]}" in said
    assert "\nhello\n" in said
    assert "ALPN: server accepted http/1.1" in said


def test_curl_over_http2_stays_with_http1(site):
    assert curl(site, "--http2", "-w", "%{http_version}").endswith(b"1.1")


def test_strict_transport_security(site):
    assert b"\nStrict-Transport-Security: max-age=31536000\r\n" in curl(site, "-i")


def test_curl_keeps_its_connection(site):
    said = curl(site, site.url("/hello", "https"), "-w", "%{num_connects} ").decode()
    assert said == "hello\n1 hello\n0 "


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 3_000_000])
def test_curl_uploads(site, size):
    file = site.stage.directory / "upload"
    file.write_bytes(bytes(range(251)) * (size // 251) + bytes(size % 251))
    assert curl(site, "--data-binary", f"@{file}", path="/echo") == file.read_bytes()


def test_the_application_sees_https(site):
    saw = json.loads(curl(site, "-H", "X-Forwarded-Proto: http", path="/env"))
    assert saw["HTTPS"] == "on"
    assert saw["HTTP_X_FORWARDED_PROTO"] == "https"
    assert saw["SERVER_PORT"] == str(site.tls_ports[0])


def test_an_http_upstream_sees_https(stage):
    upstream = stage.upstream(http_ok)
    pair = Authority(stage.directory).issue("localhost")
    router = stage.tidegate({"https": f"127.0.0.1:0,{pair}", "default": f"http:{upstream.address}"})
    for connect, scheme in ((router.tls, "https"), (router.connect, "http")):
        with connect() as raw:
            fields = raw.get("/", "X-Forwarded-Proto: ftp").response().json()["fields"]
            assert [value for name, value in fields if name.lower() == "x-forwarded-proto"] == [scheme]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("path, kinds", [("/loop", ["text", "binary"]), ("/ws", ["text"])], ids=["echo", "uwsgi"])
def test_python_websockets(site, path, kinds, version):
    echo_all(site.url(path, "wss"), kinds=kinds, ssl=context(site.authority, version))


def test_python_checks_the_certificate(site):
    with site.tls(authority=site.authority) as raw:
        assert raw.version == "1.3"
        assert raw.get("/hello").response().body == b"hello\n"
    with pytest.raises(ssl.SSLCertVerificationError):
        site.tls(authority=site.authority, name="elsewhere.example")


@pytest.mark.parametrize("version, group", [("1.2", "prime256v1"), *[("1.3", name) for name in ("X25519", "prime256v1", "secp384r1")]])
def test_groups(site, version, group):
    """In TLS 1.2 a group is also a curve of the certificate, to OpenSSL."""
    with site.tls(version=version, groups=group) as raw:
        assert raw.get("/hello").response().body == b"hello\n"


def test_keep_alive_and_pipelining(site):
    with site.tls() as raw:
        for path in ("/hello", "/big?size=100000", "/none", "/hello"):
            raw.get(path)
        assert [raw.response().status for _ in range(4)] == [200, 200, 404, 200]
        assert raw.get("/hello").response().body == b"hello\n"


def run_node(*arguments):
    result = subprocess.run(["node", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_node(site):
    """https with an agent that keeps its connection, then wss through npm's ws."""
    saw = json.loads(run_node(REAL / "apps" / "tls.js", site.tls_ports[0], site.authority.path))
    assert saw == {"bodies": ["hello\n"] * 3, "ports": 1, "protocol": "TLSv1.3", "resumed": True,
                   "echoes": [1, 125, 65536, 1_000_000], "closed": 1000}


def test_chromium(site):
    saw = json.loads(run_node(REAL / "apps" / "chromium_tls.js", site.url("", "https")))
    assert saw["body"] == "hello\n"
    assert saw["protocol"] == "http/1.1"
    assert saw["echoes"] == [1, 125, 65536, 1_000_000]
    assert saw["closed"] == [1000, True]
    assert saw["sum"] == hashlib.sha256(bytes(range(256)) * 12_800).hexdigest()
