"""PROXY headers only from those who were named, bounded, whole or nothing. Attacks as bytes."""

import struct
import time

import pytest

from harness.certificates import Authority
from harness.raw import Raw
from harness.tls import TlsRaw, context
from harness.waiting import until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
V4 = bytes([203, 0, 113, 9, 198, 51, 100, 1]) + struct.pack("!HH", 5555, 443)
LINE = b"PROXY TCP4 203.0.113.9 198.51.100.1 5555 443\r\n"


def block(body=V4, command=0x21, family=0x11, size=None):
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body) if size is None else size) + body


def tlv(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


@pytest.fixture
def behind(tidegate):
    """A router that takes headers of 127.0.0.1, and answers with the client's address and port."""
    return tidegate({"route-run": "send:${REMOTE_ADDR} ${SERVER_PORT}", "proxy-protocol": "127.0.0.1", "http-headers-timeout": "1s"})


TAKEN = {
    "v1": (LINE, b"203.0.113.9 443"),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 80\r\n", b"2001:db8::1 80"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1 unknown with what is to be ignored": (b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n", None),
    "v2": (block(), b"203.0.113.9 443"),
    "v2 unknown TLVs": (block(V4 + tlv(0xEE, b"x" * 300) + tlv(0x04, b"") + tlv(0x03, b"abcd")), b"203.0.113.9 443"),
    "v2 LOCAL": (block(b"", command=0x20, family=0), None),
    "v2 LOCAL with an address": (block(command=0x20), None),
    "v2 UNSPEC": (block(b"anything", family=0), None),
    "v2 AF_UNIX": (block(b"/a".ljust(216, b"\0"), family=0x31), None),
    "v2 of 4,096 bytes": (block(V4 + tlv(0x04, b"\0" * (4096 - 16 - 12 - 3))), b"203.0.113.9 443"),
}


@pytest.mark.parametrize("piecewise", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", TAKEN)
def test_headers_that_are_taken(behind, name, piecewise):
    header, said = TAKEN[name]
    with Raw.connect(behind.port) as raw:
        step = 1 if piecewise and len(header) < 1000 else len(header)
        for at in range(0, len(header), step):
            raw.send(header[at: at + step])
        assert raw.send(GET).response().body == (said or f"127.0.0.1 {behind.port}".encode())


REFUSED = {
    "none": b"",
    "v1 of 108 bytes": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "v1 without an end": b"PROXY UNKNOWN " + b"x" * 200,
    "v1 bare LF": LINE.replace(b"\r\n", b"\n"),
    "v1 port out of bounds": b"PROXY TCP4 203.0.113.9 198.51.100.1 65536 443\r\n",
    "v1 leading zero": b"PROXY TCP4 203.0.113.9 198.51.100.1 0555 443\r\n",
    "v1 octal": b"PROXY TCP4 0313.0.113.9 198.51.100.1 5555 443\r\n",
    "v1 name": b"PROXY TCP4 localhost 198.51.100.1 5555 443\r\n",
    "v1 family": b"PROXY TCP4 ::1 ::1 5555 443\r\n",
    "v1 other protocol": b"PROXY UDP4 203.0.113.9 198.51.100.1 5555 443\r\n",
    "v1 two spaces": b"PROXY  TCP4 203.0.113.9 198.51.100.1 5555 443\r\n",
    "v1 lower case": LINE.lower(),
    "v1 space in front": b" " + LINE,
    "v2 version 1": block(command=0x11),
    "v2 unknown command": block(command=0x2F),
    "v2 datagrams": block(family=0x12),
    "v2 unknown family": block(family=0x41),
    "v2 shorter than its addresses": block(V4[:11]),
    "v2 longer than anybody needs": block(V4 + b"\0" * 5000),
    "v2 of 65,535 bytes": block(size=65535),
    "v2 TLV beyond the end": block(V4 + b"\x02\0\x09a"),
    "v2 half a TLV": block(V4 + b"\x02\0"),
    "v2 broken signature": SIGNATURE[:-1] + b"\0" + block()[12:],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_header_ends_the_connection_without_an_answer(behind, name):
    with Raw.connect(behind.port) as raw:
        raw.send(REFUSED[name] + GET)
        assert raw.is_ended() and raw.buffer == b""
    until("the reason", lambda: "proxy-protocol: " in behind.log())
    assert behind.access() == []


def test_bad_headers_do_not_fill_the_log(behind):
    for _ in range(30):
        with Raw.connect(behind.port) as raw:
            assert raw.send(GET).is_ended()
    # Lines are written by a thread of their own.
    until("the warning", lambda: "proxy-protocol: no PROXY header" in behind.log(), 5)
    assert behind.log().count("proxy-protocol: no PROXY header") == 1


def test_a_second_header_is_no_request(behind):
    with Raw.connect(behind.port) as raw:
        assert raw.send(LINE + LINE + GET).response().status == 400


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4 ", SIGNATURE, block(size=2000)[:100]], ids=["nothing", "v1", "v2", "v2 long"])
def test_a_header_that_never_comes(behind, sent):
    """The deadline is absolute: a byte now and then does not move it."""
    with Raw.connect(behind.port) as raw:
        raw.send(sent[:-1])
        began = time.monotonic()
        for byte in sent[-1:]:
            time.sleep(0.6)
            raw.send(bytes([byte]))
        assert raw.is_ended()
        assert time.monotonic() - began < 5
    assert behind.access() == []


def attack(raw, header):
    """What somebody gets who says a header that he may not say."""
    return raw.send(header + GET).response()


@pytest.mark.parametrize("header", [LINE, block()], ids=["v1", "v2"])
def test_from_anybody_else_it_is_no_request(behind, header):
    with Raw.connect(behind.port, source="127.0.0.2") as raw:
        assert attack(raw, header).status == 400
    with Raw.connect(behind.port, source="127.0.0.2") as raw:
        assert raw.send(GET).response().body == f"127.0.0.2 {behind.port}".encode(), "who says nothing is who he is"


@pytest.mark.parametrize("header", [LINE, block()], ids=["v1", "v2"])
def test_from_nobody_where_nobody_is_named(tidegate, header):
    router = tidegate({"route-run": "send:${REMOTE_ADDR}"})
    with Raw.connect(router.port) as raw:
        assert attack(raw, header).status == 400


def test_everybody_with_uwsgis_key(tidegate):
    router = tidegate({"route-run": "send:${REMOTE_ADDR}", "http-enable-proxy-protocol": "true"})
    assert "WARN" in router.log() or "warning" in router.log(), router.log()
    with Raw.connect(router.port, source="127.0.0.9") as raw:
        assert raw.send(LINE + GET).response().body == b"203.0.113.9"


def test_tls_behind_a_header(stage):
    pair = Authority(stage.directory).issue("localhost")
    router = stage.tidegate({"https": f"127.0.0.1:0,{pair}", "route-run": "send:${REMOTE_ADDR} ${REQUEST_SCHEME}", "proxy-protocol": "127.0.0.1"})
    port = router.tls_ports[0]
    with pytest.raises(OSError):
        TlsRaw.connect(port)
    with TlsRaw.connect(port, source="127.0.0.2") as raw:
        assert raw.get("/").response().body == b"127.0.0.2 https"
    with Raw.connect(port) as raw:
        raw.send(LINE)
        tls = context().wrap_socket(raw.socket, server_hostname="localhost")
        with TlsRaw(tls) as raw:
            assert raw.get("/").response().body == b"203.0.113.9 https"
