"""Open TLS connections whose client breaks the rules: the right alert, an end, and nothing for those beside it.

The cases are those of tlsfuzzer, rebuilt on tlslite-ng. What comes before a handshake is over is in test_tls_hostile_handshakes.py.
"""

import pytest
from tlslite.constants import AlertDescription, HandshakeType, KeyUpdateMessageType
from tlslite.errors import TLSRemoteAlert

from harness.certificates import Authority
from harness.hostile import ALERT, CHANGE, DATA, HANDSHAKE, Hostile
from harness.stage import staged
from harness.upstream import http_ok

VERSIONS = ["1.2", "1.3"]
OPENING = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        upstream, pair = stage.upstream(http_ok), Authority(stage.directory).issue("localhost")
        router = stage.tidegate({"http": None, "https": f"127.0.0.1:0,{pair}", "default": f"http:{upstream.address}"})
        yield router
        assert "a fault in one session" not in router.log() and router.process.alive()


@pytest.fixture
def beside(site):
    """A connection that must go on."""
    with site.tls() as raw:
        assert raw.get("/").response().status == 200
        yield
        assert raw.get("/").response().status == 200


@pytest.fixture
def connect(site, beside):
    clients = []

    def connect(version):
        clients.append(Hostile(site.tls_ports[0], version).shake_hands().request())
        return clients[-1]

    yield connect
    for client in clients:
        client.wire.sock.close()


def flip(at):
    def change(data):
        data[at] ^= 1
        return data

    return change


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("at", [5, 8, 20, -17, -16, -1])
def test_a_bad_mac(connect, version, at):
    client = connect(version)
    client.wire.change = flip(at)
    client.record(DATA, OPENING)
    assert client.end() == "bad_record_mac"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_twice(connect, version):
    client = connect(version)
    client.wire.change = lambda data: data + data
    client.record(DATA, OPENING)
    assert client.end() == "bad_record_mac"


@pytest.mark.parametrize("version", VERSIONS)
def test_records_out_of_order(connect, version):
    client, held = connect(version), []
    client.wire.change = lambda data: held.append(data) or b""
    client.record(DATA, OPENING)
    client.wire.change = lambda data: data + held[0]
    client.record(DATA, b"\r\n")
    assert client.end() == "bad_record_mac"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("length", [1, 7, 8, 15, 16, 23])
def test_a_record_too_short_for_its_tag(connect, version, length):
    client = connect(version)
    client.plain(DATA, bytes(length))
    assert client.end() == "bad_record_mac"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_that_announces_too_much(connect, version):
    client = connect(version)
    client.wire.sock.sendall(bytes([DATA, 3, 3]) + (2**14 + 2049).to_bytes(2, "big"))
    assert client.end() == "record_overflow"


@pytest.mark.parametrize("version", VERSIONS)
def test_content_over_the_limit(connect, version):
    client = connect(version)
    client._recordLayer.send_record_limit = 2**15
    client.record(DATA, OPENING + b"x" * (2**14 + 1 - len(OPENING)))
    assert client.end() == "record_overflow"


@pytest.mark.parametrize("version", VERSIONS)
def test_another_version_in_a_header(connect, version):
    client = connect(version)
    client.plain(DATA, bytes(100), version=(9, 9))
    assert client.end() in ("protocol_version", "decode_error", "bad_record_mac")


@pytest.mark.parametrize("kind", [0, 19, 24, 25, 26, 255])
@pytest.mark.parametrize("version", VERSIONS)
def test_content_of_a_kind_nobody_knows(connect, version, kind):
    client = connect(version)
    client.record(kind, b"\1\0\3abc")
    assert client.end() == "unexpected_message"


@pytest.mark.parametrize("kind", [ALERT, HANDSHAKE, CHANGE])
def test_what_is_not_sealed(connect, kind):
    """In TLS 1.3 everything behind the handshake is."""
    client = connect("1.3")
    client.plain(kind, b"\1")
    assert client.end() in ("unexpected_message", "bad_record_mac")


def test_nothing_but_padding(connect):
    client = connect("1.3")
    client.record(0, b"", padding=100)
    assert client.end() == "unexpected_message"


@pytest.mark.parametrize("padding", [1, 255, 10_000, 2**14 - 100])
def test_padding_is_thrown_away(connect, padding):
    client = connect("1.3")
    client.record(DATA, OPENING, padding).record(DATA, b"\r\n", padding)
    assert client.read(max=12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("version", VERSIONS)
def test_empty_records(connect, version):
    """Some are traffic analysis's bane, too many an attack."""
    client = connect(version)
    for _ in range(5):
        for _ in range(10):
            client.record(DATA)
        client.request()
    with pytest.raises((ConnectionError, AssertionError)):
        for _ in range(200):
            client.record(DATA)
        assert client.end() != "unexpected_message"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind, wanted", [(HANDSHAKE, "unexpected_message"), (ALERT, "decode_error")], ids=["handshake", "alert"])
def test_empty_messages(connect, version, kind, wanted):
    client = connect(version)
    client.record(kind)
    assert client.end() == wanted


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("data", [b"\1", b"\1\0\1", b"\2"])
def test_alerts_of_a_wrong_length(connect, version, data):
    client = connect(version)
    client.record(ALERT, data)
    assert client.end() == "decode_error"


@pytest.mark.parametrize("version", VERSIONS)
def test_fatal_alerts_end_the_connection(site, beside, version):
    for description in [*range(0, 256, 7), 10, 20, 22, 40, 51, 80, 90, 100, 120]:
        with Hostile(site.tls_ports[0], version).shake_hands() as client:
            client.record(ALERT, [2, description])
            assert client.end() in ("closed", "close_notify"), description


@pytest.mark.parametrize("version, description, goes_on", [
    ("1.2", 90, True), ("1.2", 100, True), ("1.2", 112, True), ("1.3", 90, True), ("1.3", 100, False), ("1.3", 10, False)])
def test_warnings(connect, version, description, goes_on):
    client = connect(version)
    client.record(ALERT, [1, description])
    if goes_on:
        client.request()
    else:
        assert client.end() in ("closed", "close_notify")


@pytest.mark.parametrize("level", [0, 3, 255])
@pytest.mark.parametrize("version", VERSIONS)
def test_alerts_of_no_level(connect, version, level):
    client = connect(version)
    client.record(ALERT, [level, 90])
    assert client.end() == "illegal_parameter"


@pytest.mark.parametrize("version", VERSIONS)
def test_warnings_without_end(connect, version):
    client = connect(version)
    client.wire.sock.settimeout(10)
    try:
        for _ in range(100):
            client.record(ALERT, [1, 90])
    except ConnectionError:
        return
    assert client.end() in ("unexpected_message", "closed")


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_read_behind_close_notify(connect, version):
    client = connect(version)
    client.record(ALERT, [1, 0])
    client.plain(DATA, b"whatever this is")
    assert client.end() in ("close_notify", "closed")


def message(kind, body=b""):
    return bytes([kind]) + len(body).to_bytes(3, "big") + bytes(body)


SERVERS_ALONE = [getattr(HandshakeType, name) for name in (
    "hello_request", "server_hello", "new_session_ticket", "encrypted_extensions", "certificate", "server_key_exchange",
    "certificate_request", "server_hello_done", "certificate_verify", "client_key_exchange", "finished")] + [5, 99, 254, 255]


@pytest.mark.parametrize("kind", SERVERS_ALONE)
@pytest.mark.parametrize("version", VERSIONS)
def test_messages_that_a_client_must_not_send(connect, version, kind):
    client = connect(version)
    client.record(HANDSHAKE, message(kind, bytes(32)))
    assert client.end() == "unexpected_message"


def test_a_client_hello_in_tls_13(connect):
    client = connect("1.3")
    client.record(HANDSHAKE, message(HandshakeType.client_hello, bytes(50)))
    assert client.end() == "unexpected_message"


def test_renegotiation_in_tls_12_is_declined_and_bounded(connect):
    client = connect("1.2")
    for number in range(3):
        client.record(HANDSHAKE, message(HandshakeType.client_hello, bytes(50)))
        _, body = next_record(client)
        assert body == b"\1\x64", "a warning: no_renegotiation"
        client.request()
    client.record(HANDSHAKE, message(HandshakeType.client_hello, bytes(50)))
    assert client.end() == "unexpected_message"


def next_record(client):
    for result in client._recordLayer.recvRecord():
        if result not in (0, 1):
            header, parser = result
            return header.type, bytes(parser.bytes)


def test_key_updates(connect):
    client = connect("1.3")
    for asked in (KeyUpdateMessageType.update_not_requested, KeyUpdateMessageType.update_requested) * 40:
        for _ in client.send_keyupdate_request(asked):
            pass
        client.request()


def test_key_updates_without_end(connect):
    client = connect("1.3")
    try:
        for _ in range(200):
            for _ in client.send_keyupdate_request(KeyUpdateMessageType.update_requested):
                pass
    except TLSRemoteAlert as alert:
        assert alert.description == AlertDescription.unexpected_message
    except ConnectionError:
        pass  # cut while it was still sending
    else:
        assert client.end() in ("unexpected_message", "closed")


KEY_UPDATES = {
    "a-value-unknown": (message(24, b"\2"), "illegal_parameter"), "another": (message(24, b"\xff"), "illegal_parameter"),
    "empty": (message(24), "decode_error"), "long": (message(24, b"\0\0"), "decode_error"),
    "endless": (b"\x18\xff\xff\xff", "decode_error"), "with-more-behind": (message(24, b"\0") * 2, "unexpected_message"),
    "with-a-begin-behind": (message(24, b"\0") + b"\x18", "unexpected_message"),
}


@pytest.mark.parametrize("data, wanted", KEY_UPDATES.values(), ids=KEY_UPDATES)
def test_malformed_key_updates(connect, data, wanted):
    client = connect("1.3")
    client.record(HANDSHAKE, data)
    assert client.end() == wanted


def test_a_key_update_in_tls_12(connect):
    client = connect("1.2")
    client.record(HANDSHAKE, message(24, b"\0"))
    assert client.end() == "unexpected_message"


@pytest.mark.parametrize("kind", [DATA, ALERT])
def test_a_message_interrupted(connect, kind):
    """RFC 8446 section 5.1: what is cut into records is not interrupted."""
    client = connect("1.3")
    client.record(HANDSHAKE, message(24, b"\0")[:3]).record(kind, b"\1\x5a" if kind == ALERT else OPENING)
    assert client.end() == "unexpected_message"


def test_a_message_in_pieces(connect):
    """Legal, if odd: its last byte changes the keys."""
    client = connect("1.3")
    whole = message(24, b"\0")
    for at in range(len(whole)):
        client.record(HANDSHAKE, whole[at : at + 1])
    client.next_keys().request()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_change_of_cipher(connect, version):
    client = connect(version)
    client.record(CHANGE, b"\1")
    assert client.end() == "unexpected_message"
