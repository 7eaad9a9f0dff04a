"""TLS handshakes whose client breaks the rules: the right alert, an end, and nothing for those beside it.

The cases are those of tlsfuzzer, rebuilt on tlslite-ng. What comes behind a handshake is in test_tls_hostile.py.
"""

import os

import pytest
from tlslite.constants import (AlertDescription, CipherSuite, ExtensionType, GroupName, HandshakeType, KeyUpdateMessageType,
                               PskKeyExchangeMode, SignatureScheme)
from tlslite.extensions import (ALPNExtension, ClientKeyShareExtension, KeyShareEntry, PreSharedKeyExtension, PskIdentity,
                                PskKeyExchangeModesExtension, SignatureAlgorithmsExtension, SNIExtension, SupportedGroupsExtension,
                                SupportedVersionsExtension, TLSExtension)
from tlslite.messages import ApplicationData, ChangeCipherSpec, ClientHello, Message

from harness.certificates import Authority
from harness.hostile import ALERT, CHANGE, DATA, HANDSHAKE, Hostile, handshake_ends
from harness.raw import Raw
from harness.stage import staged
from harness.upstream import http_ok

VERSIONS = ["1.2", "1.3"]
SUITES_13 = [CipherSuite.TLS_AES_128_GCM_SHA256]
SUITES_12 = [CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
X25519 = bytes([9]) + bytes(31)


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        upstream, pair = stage.upstream(http_ok), Authority(stage.directory).issue("localhost")
        router = stage.tidegate({"http": None, "https": f"127.0.0.1:0,{pair}", "default": f"http:{upstream.address}",
                                 "https-handshake-timeout": "5s"})
        yield router
        assert "a fault in one session" not in router.log() and router.process.alive()


@pytest.fixture(autouse=True)
def beside(site):
    """A connection that must go on."""
    with site.tls() as raw:
        assert raw.get("/").response().status == 200
        yield
        assert raw.get("/").response().status == 200


def extensions(version, **instead):
    """Those of a modest client; `instead` replaces one by name, or leaves it out."""
    signatures = [SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.rsa_pss_rsae_sha256]
    made = {
        "name": SNIExtension().create(b"localhost"), "groups": SupportedGroupsExtension().create([GroupName.x25519, GroupName.secp256r1]),
        "signatures": SignatureAlgorithmsExtension().create(signatures),
    }
    if version == "1.3":
        made["versions"] = SupportedVersionsExtension().create([(3, 4)])
        made["share"] = ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.x25519, X25519)])
    return [extension for extension in {**made, **instead}.values() if extension]


def hello(version="1.3", legacy=(3, 3), suites=None, compression=(0,), session=bytes(32), **instead):
    """The bytes of a ClientHello message."""
    made = ClientHello().create(legacy, bytearray(os.urandom(32)), bytearray(session), suites or (SUITES_13 if version == "1.3" else SUITES_12),
                                extensions=extensions(version, **instead))
    made.compression_methods = list(compression)
    return bytes(made.write())


def record(kind, data, version=(3, 1)):
    return bytes([kind, *version]) + len(data).to_bytes(2, "big") + bytes(data)


def answer(site, *records):
    """What the server says to this: the name of an alert, or "hello", "closed" without a word."""
    with Raw.connect(site.tls_ports[0], timeout=4) as raw:
        for data in records:
            raw.send(data)
        while raw.fill():
            if len(raw.buffer) >= 7:
                break
        if not raw.buffer:
            return "closed"
        if raw.buffer[0] == ALERT:
            assert raw.buffer[5] == 2, "fatal"
            assert raw.is_ended()
            assert len(raw.buffer) == 7, "nothing behind it"
            return AlertDescription.toRepr(raw.buffer[6])
        assert (raw.buffer[0], raw.buffer[5]) == (HANDSHAKE, HandshakeType.server_hello), raw.buffer[:50]
        return "hello"


def said(site, message):
    return answer(site, record(HANDSHAKE, message))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("outer", [(3, 0), (3, 1), (3, 3), (3, 4)])
def test_a_modest_hello_is_answered(site, version, outer):
    """Else the refusals below prove nothing."""
    assert answer(site, record(HANDSHAKE, hello(version), outer)) == "hello"


def unknown(kind, data=b""):
    return TLSExtension(extType=kind).create(kind, bytearray(data))


HELLOS = {
    "ssl-3": (dict(version="1.2", legacy=(3, 0)), "protocol_version"),
    "tls-1.0": (dict(version="1.2", legacy=(3, 1)), "protocol_version"),
    "tls-1.1": (dict(version="1.2", legacy=(3, 2)), "protocol_version"),
    "old-versions-only": (dict(versions=SupportedVersionsExtension().create([(3, 1), (3, 2)])), "protocol_version"),
    "a-version-to-come": (dict(versions=SupportedVersionsExtension().create([(3, 5)])), "protocol_version"),
    "a-version-to-come-and-ours": (dict(versions=SupportedVersionsExtension().create([(10, 10), (3, 5), (3, 4)])), "hello"),
    "legacy-version-to-come": (dict(legacy=(3, 5)), "hello"),
    "no-suite-in-common": (dict(suites=[CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA]), "handshake_failure"),
    "suites-of-another-version": (dict(suites=SUITES_12), "handshake_failure"),
    "unknown-suites-too": (dict(suites=[0x0A0A, 0xFFFE, *SUITES_13]), "hello"),
    "no-compression": (dict(compression=()), "illegal_parameter|decode_error|handshake_failure"),
    "deflate-alone": (dict(compression=(1,)), "illegal_parameter|handshake_failure"),
    "deflate-alone-1.2": (dict(version="1.2", compression=(1,)), "illegal_parameter|handshake_failure"),
    "long-session": (dict(session=bytes(33)), "decode_error|illegal_parameter"),
    "no-groups": (dict(groups=None), "missing_extension|handshake_failure|illegal_parameter"),
    "no-signatures": (dict(signatures=None), "missing_extension|handshake_failure"),
    "no-signatures-1.2": (dict(version="1.2", signatures=None), "handshake_failure|missing_extension"),
    "no-share": (dict(share=None), "missing_extension|handshake_failure|illegal_parameter"),
    "no-group-in-common": (dict(groups=SupportedGroupsExtension().create([GroupName.ffdhe2048]), share=ClientKeyShareExtension().create([])),
                           "handshake_failure|illegal_parameter"),
    "no-shares-yet": (dict(share=ClientKeyShareExtension().create([])), "hello"),
    "a-share-of-zeros": (dict(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.x25519, bytes(32))])),
                         "illegal_parameter"),
    "a-short-share": (dict(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.x25519, bytes(31))])),
                      "illegal_parameter|decode_error"),
    "an-empty-share": (dict(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.x25519, b"")])),
                       "illegal_parameter|decode_error"),
    "a-point-off-the-curve": (dict(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.secp256r1, b"\4" + b"\1" * 64)]),
                                   groups=SupportedGroupsExtension().create([GroupName.secp256r1])), "illegal_parameter"),
    "two-shares-of-a-group": (dict(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.x25519, X25519)] * 2)),
                              "illegal_parameter"),
    "an-extension-twice": (dict(one=unknown(0x1234), two=unknown(0x1234)), "decode_error|illegal_parameter|unsupported_extension"),
    "versions-twice": (dict(again=SupportedVersionsExtension().create([(3, 4)])), "decode_error|illegal_parameter"),
    "unknown-extensions": (dict(one=unknown(0x1234, b"abc"), two=unknown(0xFAFA)), "hello"),
    "no-versions": (dict(versions=SupportedVersionsExtension().create([])), "decode_error|protocol_version"),
    "empty-groups": (dict(groups=unknown(ExtensionType.supported_groups)), "decode_error|illegal_parameter"),
    "empty-signatures": (dict(signatures=unknown(ExtensionType.signature_algorithms)), "decode_error|illegal_parameter"),
    "empty-name": (dict(name=unknown(ExtensionType.server_name)), "decode_error|illegal_parameter"),
    # In TLS 1.3 it is said behind the ServerHello.
    "only-h2": (dict(version="1.2", alpn=ALPNExtension().create([b"h2"])), "no_application_protocol"),
    "empty-protocol": (dict(alpn=ALPNExtension().create([b""])), "decode_error|illegal_parameter"),
    "a-key-that-is-not-last": (dict(psk=PreSharedKeyExtension().create([PskIdentity().create(b"ticket", 0)], [bytearray(32)]),
                                    modes=PskKeyExchangeModesExtension().create([PskKeyExchangeMode.psk_dhe_ke])), "illegal_parameter"),
    "a-key-without-modes": (dict(psk=PreSharedKeyExtension().create([PskIdentity().create(b"ticket", 0)], [bytearray(32)])),
                            "missing_extension|illegal_parameter"),
    "a-ticket-nobody-made": (dict(modes=PskKeyExchangeModesExtension().create([PskKeyExchangeMode.psk_dhe_ke]),
                                  psk=PreSharedKeyExtension().create([PskIdentity().create(os.urandom(200), 7)], [bytearray(32)])), "hello"),
    "a-ticket-without-binder": (dict(modes=PskKeyExchangeModesExtension().create([PskKeyExchangeMode.psk_dhe_ke]),
                                     psk=PreSharedKeyExtension().create([PskIdentity().create(b"ticket", 0)], [])),
                                "decode_error|illegal_parameter|missing_extension"),
    "much-padding": (dict(padding=unknown(21, bytes(15_000))), "hello"),
}


@pytest.mark.parametrize("how, wanted", HELLOS.values(), ids=HELLOS)
def test_hellos(site, how, wanted):
    assert said(site, hello(**how)) in wanted.split("|")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hello_cut_or_stretched_anywhere(site, version):
    """Its lengths no longer fit each other."""
    whole = hello(version)
    for at in range(5, len(whole), 11):
        cut = whole[:1] + (at - 4).to_bytes(3, "big") + whole[4:at]
        assert said(site, cut) in ("decode_error", "illegal_parameter", "protocol_version", "missing_extension", "handshake_failure"), at
    longer = whole[:1] + (len(whole) - 4 + 3).to_bytes(3, "big") + whole[4:] + b"abc"
    assert said(site, longer) == "decode_error"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hello_with_any_byte_changed(site, version):
    """Whatever it means now: an answer or an end, never silence."""
    whole = hello(version)
    for at in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        # A length that grew asks for more: the end of TCP is the answer then.
        with Raw.connect(site.tls_ports[0], timeout=4) as raw:
            raw.send(record(HANDSHAKE, changed))
            raw.finish()
            assert raw.is_ended(), at


@pytest.mark.parametrize("kind, data", [(ALERT, b"\1\0"), (DATA, b"data"), (CHANGE, b"\1"), (24, b"\1\0\0")], ids=["alert", "data", "change", "heartbeat"])
def test_a_hello_interrupted(site, kind, data):
    whole = hello()
    assert answer(site, record(HANDSHAKE, whole[:40]), record(kind, data), record(HANDSHAKE, whole[40:])) == "unexpected_message"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_in_the_same_record_as_the_hello(site, version):
    assert said(site, hello(version) + bytes([HandshakeType.finished, 0, 0, 1, 0])) == "unexpected_message"


def test_the_second_hello_has_what_was_asked_for(site):
    """After a HelloRetryRequest (RFC 8446 section 4.1.2)."""
    first = hello(share=ClientKeyShareExtension().create([]))
    for second in (first, hello(share=ClientKeyShareExtension().create([KeyShareEntry().create(GroupName.secp384r1, b"\4" + bytes(96))])),
                   hello("1.2")):
        with Raw.connect(site.tls_ports[0], timeout=4) as raw:
            raw.send(record(HANDSHAKE, first))
            head = raw.take(5)
            raw.take(int.from_bytes(head[3:5], "big"))
            raw.send(record(HANDSHAKE, second))
            rest = raw.rest()
            rest = rest[6:] if rest[:1] == bytes([CHANGE]) else rest
            assert rest[0] == ALERT and rest[5] == 2, rest
            assert AlertDescription.toRepr(rest[6]) in ("illegal_parameter", "unexpected_message", "missing_extension", "protocol_version")


def twisted(kind, change):
    """Changes the messages of one class; `change(message)` returns a list of them."""
    return lambda message: change(message) if isinstance(message, kind) else [message]


def handshake(kind, change):
    """Changes handshake messages of one type, as bytes."""

    def twist(message):
        data = bytes(message.write())
        if message.contentType != HANDSHAKE or data[0] != kind:
            return [message]
        return [Message(HANDSHAKE, bytearray(piece)) for piece in change(data)]

    return twist


def flipped(data):
    return [data[:-1] + bytes([data[-1] ^ 1])]


def resized(by):
    def change(data):
        body = data[4:] + bytes(by) if by > 0 else data[4:by]
        return [data[:1] + len(body).to_bytes(3, "big") + body]

    return change


FINISHED, KEY = HandshakeType.finished, HandshakeType.client_key_exchange
HANDSHAKES = {
    "bad-finished": (VERSIONS, handshake(FINISHED, flipped), "decrypt_error"),
    "short-finished": (VERSIONS, handshake(FINISHED, resized(-1)), "decrypt_error|decode_error"),
    "long-finished": (VERSIONS, handshake(FINISHED, resized(1)), "decrypt_error|decode_error"),
    "empty-finished": (VERSIONS, handshake(FINISHED, lambda data: [data[:1] + bytes(3)]), "decrypt_error|decode_error"),
    "another-message-for-finished": (VERSIONS, handshake(FINISHED, lambda data: [b"\x63" + data[1:]]), "unexpected_message"),
    "certificate-nobody-asked-for": (["1.3"], handshake(FINISHED, lambda data: [bytes([11, 0, 0, 4, 0, 0, 0, 0]), data]), "unexpected_message"),
    # Taken for plain text, what is sealed can look like the beginning of a long message.
    "no-change-of-cipher": (["1.2"], twisted(ChangeCipherSpec, lambda message: []), "unexpected_message|bad_record_mac|closed"),
    "change-of-cipher-twice": (["1.2"], twisted(ChangeCipherSpec, lambda message: [message, message]), "unexpected_message|bad_record_mac"),
    "change-of-cipher-before-the-key": (["1.2"], handshake(KEY, lambda data: []), "unexpected_message"),
    "bad-change-of-cipher": (VERSIONS, twisted(ChangeCipherSpec, lambda message: [Message(CHANGE, bytearray(b"\2"))]),
                             "unexpected_message|illegal_parameter|decode_error"),
    "long-change-of-cipher": (VERSIONS, twisted(ChangeCipherSpec, lambda message: [Message(CHANGE, bytearray(b"\1\1"))]),
                              "unexpected_message|illegal_parameter|decode_error"),
    "key-twice": (["1.2"], handshake(KEY, lambda data: [data, data]), "unexpected_message"),
    # rustls says nothing of this one, and closes.
    "empty-key": (["1.2"], handshake(KEY, lambda data: [data[:1] + bytes([0, 0, 1, 0])]), "decode_error|illegal_parameter|closed"),
    "key-of-zeros": (["1.2"], handshake(KEY, lambda data: [data[:5] + bytes(len(data) - 5)]), "illegal_parameter|decode_error|handshake_failure"),
    "key-with-more-behind": (["1.2"], handshake(KEY, resized(1)), "decode_error|illegal_parameter"),
}


@pytest.mark.parametrize("version, twist, wanted", [
    pytest.param(version, twist, wanted, id=f"{name}-{version}") for name, (versions, twist, wanted) in HANDSHAKES.items() for version in versions])
def test_handshakes(site, version, twist, wanted):
    assert handshake_ends(site.tls_ports[0], version, twist) in wanted.split("|")


def test_handshakes_are_fine_when_left_alone(site):
    for version in VERSIONS:
        assert handshake_ends(site.tls_ports[0], version, None) == "open"


def test_a_change_of_cipher_in_tls_13_is_passed_over_until_finished(site):
    """Middleboxes want it; once or twice, not for ever (RFC 8446 section 5)."""
    port = site.tls_ports[0]
    assert handshake_ends(port, "1.3", twisted(ChangeCipherSpec, lambda message: [])) == "open"
    many = twisted(ChangeCipherSpec, lambda message: [message] * 200)
    assert handshake_ends(port, "1.3", many) != "open"


def test_handshake_messages_in_pieces(site):
    for version in VERSIONS:
        pieces = handshake(FINISHED, lambda data: [data[at : at + 1] for at in range(len(data))])
        assert handshake_ends(site.tls_ports[0], version, pieces) == "open"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("description", range(0, 121, 10))
def test_alerts_in_the_middle(site, version, description):
    """A client that gives up; with nothing left behind, as the fixture's router counts."""
    with Raw.connect(site.tls_ports[0], timeout=4) as raw:
        raw.send(record(HANDSHAKE, hello(version)))
        raw.take(100)
        raw.send(record(ALERT, [2, description], (3, 3)))
        assert raw.is_ended()


@pytest.mark.parametrize("version", VERSIONS)
def test_data_before_finished(site, version):
    assert handshake_ends(site.tls_ports[0], version, data_for_finished) in ("unexpected_message", "bad_record_mac")


def data_for_finished(message):
    if message.contentType == HANDSHAKE and bytes(message.write())[0] == FINISHED:
        return [ApplicationData().create(bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))]
    return [message]


@pytest.mark.parametrize("asked", [KeyUpdateMessageType.update_not_requested, KeyUpdateMessageType.update_requested])
def test_key_updates_with_the_last_flight(site, asked):
    """Legal: they are the first thing under the keys of the application."""
    with Hostile(site.tls_ports[0], "1.3") as client:
        held = []
        client.wire.change = lambda data: held.append(bytes(data)) or b""
        first, client.wire.change = client.wire.change, None

        def hold(message):
            if message.contentType == HANDSHAKE and bytes(message.write())[0] == FINISHED:
                client.wire.change = first
            return [message]

        client.twist = hold
        client.shake_hands()
        client.twist = None
        for _ in range(3):
            for _ in client.send_keyupdate_request(asked):
                pass
        client.wire.change = None
        client.wire.sock.sendall(b"".join(held))
        client.request()
        for _ in client.send_keyupdate_request(asked):
            pass
        client.request()
