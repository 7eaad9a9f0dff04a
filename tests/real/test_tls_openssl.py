"""openssl s_client: sessions resumed, early data, renegotiation, key updates, many at once by s_time."""

import os
import re
import subprocess

import pytest

from harness.certificates import Authority
from harness.stage import staged
from harness.upstream import http_ok
from harness.waiting import until

REQUEST = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        authority, upstream = Authority(stage.directory), stage.upstream(http_ok)
        https = f"127.0.0.1:0,{authority.issue('localhost')}"
        router = stage.tidegate({"http": None, "https": https, "default": f"http:{upstream.address}"})
        router.authority, router.stage, router.count = authority, stage, 0
        yield router


class Client:
    """A running s_client. A line of one letter is a command to it."""

    def __init__(self, site, *arguments):
        site.count += 1
        self.path = site.stage.directory / f"s_client-{site.count}"
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site.tls_ports[0]}", "-servername", "localhost",
                   "-CAfile", site.authority.path, *arguments]
        with open(self.path, "wb") as out:
            self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=out, stderr=out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.stdin.close()
        self.child.wait(10)

    def say(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def said(self):
        return self.path.read_bytes().decode(errors="replace")

    def wait_for(self, pattern, count=1):
        return until(lambda: f"{pattern!r} of s_client:\n{self.said()}",
                     lambda: len(re.findall(pattern, self.said())) >= count)

    def answered(self, count=1):
        self.say(REQUEST)
        self.wait_for("HTTP/1.1 200 OK", count)

    def ended(self):
        """Everything it said, once it has ended by itself."""
        self.child.wait(10)
        return self.said()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_by_its_ticket(site, version):
    session = site.stage.directory / f"session{version}"
    with Client(site, version, "-sess_out", session) as first:
        first.answered()
        assert "New, TLSv1." in first.said()
        until("a ticket", lambda: session.exists() and session.stat().st_size)
    for _ in range(2):
        with Client(site, version, "-sess_in", session) as again:
            again.answered()
            assert "Reused, TLSv1." in again.said()
            assert "Verify return code: 0 (ok)" in again.said()


def test_early_data_is_never_offered(site):
    session, early = site.stage.directory / "session-early", site.stage.directory / "early"
    early.write_bytes(REQUEST)
    with Client(site, "-tls1_3", "-sess_out", session) as first:
        first.answered()
        until("a ticket", lambda: session.exists() and session.stat().st_size)
    shown = subprocess.run(["openssl", "sess_id", "-in", session, "-noout", "-text"], capture_output=True, text=True)
    assert "Max Early Data: 0" in shown.stdout, shown.stderr
    with Client(site, "-tls1_3", "-sess_in", session, "-early_data", early) as again:
        again.answered()
        assert "Early data was not sent" in again.said() or "Early data was rejected" in again.said()
        assert again.said().count("HTTP/1.1 200 OK") == 1


def test_renegotiation_is_declined_and_others_go_on(site):
    with Client(site, "-tls1_2") as other, Client(site, "-tls1_2") as client:
        other.answered()
        client.answered()
        assert "Secure Renegotiation IS supported" in client.said()
        client.say(b"R\n")
        assert "no renegotiation" in client.ended()
        other.answered(2)


def test_legacy_renegotiation_is_declined(site):
    with Client(site, "-tls1_2", "-legacy_renegotiation") as client:
        client.answered()
        client.say(b"R\n")
        assert "no renegotiation" in client.ended()


@pytest.mark.parametrize("letter", [b"K", b"k"], ids=["asks-for-one-back", "alone"])
def test_key_updates(site, letter):
    with Client(site, "-tls1_3", "-msg") as client:
        client.answered()
        before = len(re.findall(r"<<< TLS 1.3, Handshake \[length \w+\], KeyUpdate", client.said()))
        for number in range(2, 6):
            client.say(letter + b"\n")
            client.wait_for("KEYUPDATE", number - 1)
            client.answered(number)
        answers = len(re.findall(r"<<< TLS 1.3, Handshake \[length \w+\], KeyUpdate", client.said())) - before
        assert answers == (4 if letter == b"K" else 0)


def test_close_notify_of_the_router(site):
    """Told apart from a mere end of TCP by s_client's own words."""
    with Client(site, "-tls1_3", "-msg") as client:
        client.say(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert "close_notify" in client.ended()
        assert "unexpected eof" not in client.said()


@pytest.mark.parametrize("version", ["-ssl3", "-tls1", "-tls1_1"])
def test_older_versions_are_refused(site, version):
    with Client(site, version, "-cipher", "ALL:@SECLEVEL=0") as client:
        said = client.ended()
    assert "Cipher is (NONE)" in said or "option" in said, said


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "eNULL", "aNULL"])
def test_weak_suites_are_refused(site, ciphers):
    with Client(site, "-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0") as client:
        assert "Cipher is (NONE)" in client.ended()


@pytest.mark.parametrize("options", [["-new"], ["-reuse"], ["-new", "-tls1_2"], ["-reuse", "-tls1_2"]], ids=" ".join)
def test_many_handshakes_one_after_the_other(site, options):
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{site.tls_ports[0]}", "-time", "1", "-www", "/hello", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ, "LC_ALL": "C"})
    assert result.returncode == 0, result.stderr
    assert int(re.search(r"(\d+) connections in \d+ real seconds", result.stdout)[1]) > 0, result.stdout
    assert not re.search(r"(?i)error|failed", result.stderr), result.stderr
