"""Which certificate a client sees, which one it must show, and what becomes of both when files change."""

import os
import signal
import subprocess
import threading

import pytest

from harness import websocket
from harness.certificates import Authority
from harness.router import TIDEGATE, ini
from harness.stage import staged
from harness.tls import TlsRaw, context, refused
from harness.waiting import until

VERSIONS = ["1.2", "1.3"]
# The files are looked at every 3 s.
LOOK = 20


def echo(pair, **options):
    return {"http": None, "https": f"127.0.0.1:0,{pair}", "default": "echo:",
            **{key.replace("_", "-"): value for key, value in options.items()}}


def works(raw):
    """Whether a WebSocket opens and echoes over it."""
    websocket.open_websocket(raw)
    return says(raw, b"hello")


def says(raw, message):
    raw.send(websocket.frame(message))
    return websocket.message(raw)[1] == message


@pytest.fixture(scope="module")
def names(request):
    with staged(request.node) as stage:
        authority = Authority(stage.directory)
        pairs = {name: authority.issue(name, kind=kind) for name, kind in
                 [("own.example", "ec"), ("www.example.com", "rsa"), ("*.example.com", "ec"), ("*.deep.example.com", "ec")]}
        sni = [f"{name} {pair}" for name, pair in pairs.items() if name != "own.example"]
        router = stage.tidegate(echo(pairs["own.example"], sni=sni))
        router.serials = {name: pair.serial for name, pair in pairs.items()}
        yield router


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked, shown", [
    ("www.example.com", "www.example.com"), ("WWW.Example.COM", "www.example.com"), ("other.example.com", "*.example.com"),
    ("a.deep.example.com", "*.deep.example.com"), ("deep.example.com", "*.example.com"), ("a.b.example.com", "own.example"),
    ("example.com", "own.example"), ("own.example", "own.example"), ("nobody.test", "own.example"), (None, "own.example"),
    ("127.0.0.1", "own.example"),
])
def test_the_name_chooses_the_certificate(names, asked, shown, version):
    with names.tls(name=asked, version=version) as raw:
        assert raw.serial == names.serials[shown]


class Clients:
    """Two listeners, one that would like a certificate and one that insists; and who has one."""

    def __init__(self, stage):
        directory = stage.directory
        server, clients, strangers = Authority(directory, "server"), Authority(directory, "clients"), Authority(directory, "strangers")
        pair = server.issue("localhost")
        self.good, self.revoked = clients.issue("good", client=True), clients.issue("revoked", client=True)
        self.stranger, self.wrong = strangers.issue("stranger", client=True), clients.issue("a-server")
        self.router = stage.tidegate({
            "http": None, "https": [f"127.0.0.1:0,{pair},,{clients.path}", f"127.0.0.1:0,{pair},,!{clients.path}"],
            "https-crl": clients.revoke(self.revoked), "default": "echo:"})


@pytest.fixture(scope="module")
def clients(request):
    with staged(request.node) as stage:
        yield Clients(stage)


OPTIONAL, MANDATORY = 0, 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener, who", [(OPTIONAL, None), (OPTIONAL, "good"), (MANDATORY, "good")])
def test_clients_that_come_in(clients, listener, who, version):
    with clients.router.tls(listener, version=version, identity=who and getattr(clients, who)) as raw:
        assert works(raw)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener, who, alert", [
    (MANDATORY, None, "certificate required|handshake failure"), *[(listener, who, alert) for listener in (OPTIONAL, MANDATORY) for who, alert in [
        ("stranger", "unknown ca"), ("revoked", "certificate revoked"), ("wrong", "certificate|bad certificate")]]])
def test_clients_that_stay_outside(clients, listener, who, alert, version):
    with refused(*alert.split("|")), clients.router.tls(listener, version=version, identity=who and getattr(clients, who)) as raw:
        # In TLS 1.3 the client learns it with its first answer.
        works(raw)


def test_a_certificate_is_replaced_when_its_file_changes(stage):
    authority = Authority(stage.directory)
    pair = authority.issue("localhost")
    router = stage.tidegate(echo(pair))
    with router.tls(authority=authority) as old:
        before = old.serial
        assert before == pair.serial and works(old)
        authority.issue("localhost", pair=pair)
        until("the new certificate", lambda: serial(router) == pair.serial, LOOK)
        assert says(old, b"still here")


def serial(router):
    with router.tls() as raw:
        return raw.serial


def hup(router, count):
    """HUP, and the word that all workers have what was read; `count` such words by then."""
    router.process.signal(signal.SIGHUP)
    router.process.wait_for(rf"(certificates were read anew[\s\S]*?reload: done[\s\S]*?){{{count}}}")


def test_live_websockets_survive_new_certificates(stage):
    """A thousand, on two workers, and each new client sees the new one."""
    many = 1000
    authority = Authority(stage.directory)
    pair = authority.issue("localhost")
    router = stage.tidegate(echo(pair, workers=2), descriptors=4096)
    settings = context(version="1.3")
    sockets = []
    try:
        for _ in range(many):
            raw = TlsRaw.connect(router.tls_ports[0], settings=settings, timeout=30)
            websocket.open_websocket(raw)
            sockets.append(raw)
        busy, failed = threading.Event(), []

        def talk():
            while not busy.is_set():
                for raw in sockets[:50]:
                    if not says(raw, b"under load"):
                        failed.append(raw)

        talker = threading.Thread(target=talk)
        talker.start()
        for count in range(1, 4):
            authority.issue("localhost", pair=pair)
            hup(router, count)
            assert serial(router) == pair.serial
        busy.set()
        talker.join(60)
        assert not failed and not talker.is_alive()
        for number, raw in enumerate(sockets):
            assert says(raw, b"%d" % number)
    finally:
        for raw in sockets:
            raw.close()


BREAKS = {
    "gone": lambda pair: pair.certificate.unlink(), "key-gone": lambda pair: pair.key.unlink(),
    "empty": lambda pair: pair.certificate.write_bytes(b""), "no-pem": lambda pair: pair.key.write_bytes(b"what"),
    "half": lambda pair: pair.certificate.write_bytes(pair.certificate.read_bytes()[:200]),
}


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_a_broken_file_keeps_the_old_certificate(stage, spoil):
    authority = Authority(stage.directory)
    pair = authority.issue("localhost")
    router = stage.tidegate(echo(pair))
    before = pair.serial
    spoil(pair)
    router.process.signal(signal.SIGHUP)
    router.process.wait_for("the configuration stays as it was")
    assert serial(router) == before
    authority.issue("localhost", pair=pair)
    until("the mended one", lambda: serial(router) == pair.serial, LOOK)


def test_a_key_of_another_certificate_keeps_the_old_one(stage):
    authority = Authority(stage.directory)
    pair, other = authority.issue("localhost"), authority.issue("localhost")
    router = stage.tidegate(echo(pair))
    before = pair.serial
    pair.key.write_bytes(other.key.read_bytes())
    router.process.signal(signal.SIGHUP)
    router.process.wait_for("the configuration stays as it was")
    assert serial(router) == before


def start_refused(stage, options):
    """What is said by a tidegate that does not start."""
    file = stage.directory / "refused.ini"
    file.write_text(ini({"admin": "off", "default": "echo:", **options}))
    result = subprocess.run([TIDEGATE, file], capture_output=True, text=True, timeout=20)
    assert result.returncode == 2, (result.returncode, result.stderr)
    return result.stderr


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_no_start_with_a_broken_file(stage, spoil):
    pair = Authority(stage.directory).issue("localhost")
    spoil(pair)
    said = start_refused(stage, {"https": f"127.0.0.1:0,{pair}"})
    assert "refused.ini:4:" in said and (str(pair.certificate) in said or str(pair.key) in said), said


@pytest.mark.parametrize("where", ["key-of-another", "ca-gone", "ca-broken", "crl-broken", "sni-gone", "cert-as-key"])
def test_no_start_without_what_is_needed(stage, where):
    authority = Authority(stage.directory)
    pair, other = authority.issue("localhost"), authority.issue("localhost")
    broken = stage.directory / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    options = {
        "key-of-another": {"https": f"127.0.0.1:0,{pair.certificate},{other.key}"},
        "ca-gone": {"https": f"127.0.0.1:0,{pair},,!{stage.directory}/nobody.pem"},
        "ca-broken": {"https": f"127.0.0.1:0,{pair},,{broken}"},
        "crl-broken": {"https": f"127.0.0.1:0,{pair},,{authority.path}", "https-crl": broken},
        "sni-gone": {"https": f"127.0.0.1:0,{pair}", "sni": f"a.example {stage.directory}/nobody.pem,{other.key}"},
        "cert-as-key": {"https": f"127.0.0.1:0,{pair.certificate},{pair.certificate}"},
    }[where]
    start_refused(stage, options)


def test_a_key_that_others_can_read_is_a_warning(stage):
    pair = Authority(stage.directory).issue("localhost")
    os.chmod(pair.key, 0o644)
    router = stage.tidegate(echo(pair))
    assert str(pair.key) in router.log() and "WARN" in router.log() or "warning" in router.log()
    with router.tls() as raw:
        assert works(raw)
