"""`https-versions`, `https-ciphers`, `https-groups` and `https-tickets`, as openssl meets them."""

import subprocess

import pytest

from harness.certificates import Authority


def start(stage, **settings):
    """A router over TLS with these settings; a function that visits it, and returns what openssl says."""
    authority = Authority(stage.directory)
    https = f"127.0.0.1:0,{authority.issue('localhost')}"
    router = stage.tidegate({"https": https, "route-run": "send:let in", **{f"https-{key}": value for key, value in settings.items()}})

    def visit(*options):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{router.tls_ports[0]}", "-CAfile", authority.path, "-ign_eof", *map(str, options)]
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        run = subprocess.run(command, input=request, capture_output=True, timeout=20)
        return (run.stdout + run.stderr).decode()

    return visit


@pytest.mark.parametrize("settings, options, said", [
    ({"versions": "1.3"}, ["-tls1_3"], "let in"), ({"versions": "1.3"}, ["-tls1_2"], "alert protocol version"), ({"versions": "1.3"}, [], "TLSv1.3"),
    ({"versions": "1.2"}, ["-tls1_2"], "let in"), ({"versions": "1.2"}, ["-tls1_3"], "alert protocol version"), ({"versions": "1.2"}, [], "TLSv1.2"),
    ({}, ["-tls1_2"], "let in"), ({}, ["-tls1_3"], "let in"),
    ({"versions": "1.3", "ciphers": "TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256"}, [], "Cipher is TLS_CHACHA20_POLY1305_SHA256"),
    ({"versions": "1.3", "ciphers": "TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256"}, [], "Cipher is TLS_AES_128_GCM_SHA256"),
    ({"ciphers": "TLS_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}, ["-tls1_2"], "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
    ({"versions": "1.3", "ciphers": "TLS_AES_128_GCM_SHA256"}, ["-ciphersuites", "TLS_AES_256_GCM_SHA384"], "alert handshake failure"),
    ({"groups": "P-256"}, ["-groups", "X25519:P-256"], "let in"), ({"groups": "P-256"}, ["-groups", "X25519"], "alert handshake failure"),
    ({}, ["-groups", "X25519"], "let in"),
])
def test_what_is_spoken(stage, settings, options, said):
    assert said in start(stage, **settings)(*options)


@pytest.mark.parametrize("tickets, said", [("off", "New, TLS"), ("1h", "Reused, TLS"), (None, "Reused, TLS")])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_who_comes_back(stage, tickets, said, version):
    visit, session = start(stage, tickets=tickets), stage.directory / "session"
    first = visit(version, "-sess_out", session)
    assert "New, TLS" in first and "let in" in first
    again = visit(version, *(["-sess_in", session] if session.exists() else []))
    assert said in again and "let in" in again
