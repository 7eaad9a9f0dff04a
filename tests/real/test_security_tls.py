"""SECURITY: identity over TLS. A ticket never stands in for a certificate, and no request comes in by another rule's door."""

import signal

import pytest

from harness import websocket
from harness.certificates import Authority
from harness.stage import staged
from harness.tls import context, refused

VERSIONS = ["1.2", "1.3"]
OPEN, MANDATORY, OPTIONAL, OTHERS = range(4)


@pytest.fixture(scope="module")
def site(request):
    """Listeners with one certificate and four rules, and names that have rules of their own."""
    with staged(request.node) as stage:
        server, clients, others = (Authority(stage.directory, name) for name in ("server", "clients", "others"))
        pair = server.issue("localhost", "*.example.com")
        router = stage.tidegate({
            "https": [f"127.0.0.1:0,{pair}", f"127.0.0.1:0,{pair},,!{clients.path}", f"127.0.0.1:0,{pair},,{clients.path}",
                      f"127.0.0.1:0,{pair},,!{others.path}"],
            "sni": [f"open.example.com {pair}", f"guarded.example.com {pair},,!{clients.path}", f"others.example.com {pair},,!{others.path}",
                    f"*.example.com {pair},,!{clients.path}"],
            "default": "echo:"})
        router.identities = {"clients": clients.issue("someone", client=True), "others": others.issue("someone else", client=True)}
        yield router


def session_of(router, listener, settings, name="localhost"):
    """A session with its ticket, seen to be resumed where it is from."""
    with router.tls(listener, settings=settings, name=name) as raw:
        assert raw.get("/").response().status == 200
        session = raw.socket.session
    assert session.has_ticket
    with router.tls(listener, settings=settings, name=name, session=session) as raw:
        assert raw.get("/").response().status == 200
        assert raw.socket.session_reused, "a ticket that is good for nothing proves nothing"
        return raw.socket.session


def tries(router, listener, settings, session, name="localhost"):
    """Whether the ticket was taken, and what a request got."""
    with router.tls(listener, settings=settings, name=name, session=session) as raw:
        status = raw.get("/", host=name).response().status
        return raw.socket.session_reused, status


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener", [MANDATORY, OTHERS])
def test_ticket_rules_a_ticket_of_an_open_listener_opens_no_mandatory_one(site, listener, version):
    settings = context(version=version)
    session = session_of(site, OPEN, settings)
    with refused("certificate required", "handshake failure"):
        tries(site, listener, settings, session)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["guarded.example.com", "others.example.com", "any.example.com"])
def test_ticket_rules_a_ticket_of_an_open_name_opens_no_mandatory_one(site, name, version):
    settings = context(version=version)
    session = session_of(site, OPEN, settings, "open.example.com")
    with refused("certificate required", "handshake failure"):
        tries(site, OPEN, settings, session, name)


@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_rules_an_optional_listener_is_no_way_into_a_mandatory_one(site, version):
    settings = context(version=version)
    session = session_of(site, OPTIONAL, settings)
    with refused("certificate required", "handshake failure"):
        tries(site, MANDATORY, settings, session)


@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_rules_whoever_is_known_to_one_authority_is_not_to_another(site, version):
    settings = context(version=version, identity=site.identities["clients"])
    session = session_of(site, MANDATORY, settings)
    with refused("unknown ca"):
        tries(site, OTHERS, settings, session)


@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_rules_a_ticket_is_good_where_it_is_from_and_nowhere_else(site, version):
    settings = context(version=version, identity=site.identities["clients"])
    session = session_of(site, MANDATORY, settings)
    assert tries(site, MANDATORY, settings, session) == (True, 200)
    for listener in (OPEN, OPTIONAL):
        assert tries(site, listener, settings, session) == (False, 200)


@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_rules_a_change_of_authority_ends_all_tickets(stage, version):
    """Two files change their contents: the listener keeps its name, its rule is another."""
    server, clients, others = (Authority(stage.directory, name) for name in ("server", "clients", "others"))
    file = stage.directory / "current.pem"
    file.write_bytes(clients.path.read_bytes())
    router = stage.tidegate({"http": None, "https": f"127.0.0.1:0,{server.issue('localhost')},,!{file}", "default": "echo:"})
    settings = context(version=version, identity=clients.issue("someone", client=True))
    session = session_of(router, 0, settings)
    renewed(router, 1)
    assert tries(router, 0, settings, session) == (True, 200), "nothing has changed yet"
    file.write_bytes(others.path.read_bytes())
    renewed(router, 2)
    with refused("unknown ca"):
        tries(router, 0, settings, session)
    fresh = context(version=version, identity=others.issue("someone else", client=True))
    assert tries(router, 0, fresh, None) == (False, 200)


@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_rules_a_revocation_ends_all_tickets(stage, version):
    server, clients = Authority(stage.directory, "server"), Authority(stage.directory, "clients")
    someone = clients.issue("someone", client=True)
    router = stage.tidegate({"http": None, "https": f"127.0.0.1:0,{server.issue('localhost')},,!{clients.path}",
                             "https-crl": clients.revoke(), "default": "echo:"})
    settings = context(version=version, identity=someone)
    session = session_of(router, 0, settings)
    clients.revoke(someone)
    renewed(router, 1)
    with refused("certificate revoked"):
        tries(router, 0, settings, session)


def renewed(router, count):
    router.process.signal(signal.SIGHUP)
    router.process.wait_for(rf"(certificates were read anew[\s\S]*?reload: done[\s\S]*?){{{count}}}")


MISDIRECTED = [
    ("open.example.com", "guarded.example.com"), ("open.example.com", "any.example.com"), ("open.example.com", "GUARDED.example.com.:443"),
    (None, "guarded.example.com"), ("localhost", "others.example.com"), ("open.example.com", "others.example.com"),
]


@pytest.mark.parametrize("asked, host", MISDIRECTED)
def test_misdirected_a_host_of_another_rule_is_421(site, asked, host):
    with site.tls(name=asked) as raw:
        assert raw.get("/", host=host).response().status == 421


@pytest.mark.parametrize("asked, host", MISDIRECTED)
def test_misdirected_the_target_counts_as_the_host_does(site, asked, host):
    with site.tls(name=asked) as raw:
        assert raw.get(f"http://{host}/", host="open.example.com").response().status == 421


def test_misdirected_upgrades_too(site):
    with site.tls(name="open.example.com") as raw:
        raw.send(websocket.request("/", host="guarded.example.com"))
        assert raw.response().status == 421


def test_misdirected_a_certificate_of_one_rule_is_none_of_another(site):
    with site.tls(name="guarded.example.com", identity=site.identities["clients"]) as raw:
        assert raw.get("/", host="guarded.example.com").response().status == 200
        assert raw.get("/", host="any.example.com").response().status == 200, "the same rule"
        assert raw.get("/", host="others.example.com").response().status == 421


@pytest.mark.parametrize("asked, host", [("open.example.com", "localhost"), ("open.example.com", "nobody.test"), (None, "127.0.0.1"),
                                         ("localhost", "open.example.com:8443")])
def test_misdirected_hosts_of_the_same_rule_are_fine(site, asked, host):
    with site.tls(name=asked) as raw:
        assert raw.get("/", host=host).response().status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_compressed(site, version):
    with site.tls(version=version) as raw:
        assert raw.socket.compression() is None
