"""WebSocket (RFC 6455) by hand: handshakes and frames as bytes, for what a well-behaved library would not do."""

import base64
import hashlib
import os
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def request(path="/ws", *fields, key=KEY, host="test"):
    """A handshake of a client."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *fields, "", ""]
    return "\r\n".join(lines).encode()


def response(accept=ACCEPT, *fields, status="101 Switching Protocols"):
    """A handshake of a server."""
    lines = [f"HTTP/1.1 {status}", "Upgrade: websocket", "Connection: Upgrade",
             *([f"Sec-WebSocket-Accept: {accept}"] if accept else []), *fields, "", ""]
    return "\r\n".join(lines).encode()


def frame(payload, opcode=BINARY, masked=True, fin=True, rsv=0):
    """One frame; a client's is masked. `rsv` are the three reserved bits; 4 is RSV1."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit, size = (0x80 if masked else 0), len(payload)
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += struct.pack("!BH", bit | 126, size)
    else:
        head += struct.pack("!BQ", bit | 127, size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def mask(payload, key):
    whole = int.from_bytes(payload, "big") ^ int.from_bytes((key * (len(payload) // 4 + 1))[: len(payload)], "big")
    return whole.to_bytes(len(payload), "big")


def read_frame(raw):
    """The next frame as (opcode, payload, whether it was the final fragment)."""
    opcode, payload, fin, _ = read_whole_frame(raw)
    return opcode, payload, fin


def read_whole_frame(raw):
    """The next frame as (opcode, payload, whether it was the final fragment, the reserved bits)."""
    first, second = raw.take(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", raw.take(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", raw.take(8))
    key = raw.take(4) if second & 0x80 else None
    payload = raw.take(size)
    return first & 0x0F, mask(payload, key) if key else payload, bool(first & 0x80), first >> 4 & 7


def open_websocket(raw, path="/ws", *fields, key=KEY):
    """Handshakes over a raw connection and checks the answer."""
    raw.send(request(path, *fields, key=key))
    answer = raw.response()
    assert answer.status == 101, f"{answer.status} {answer.reason}: {answer.body[:200]!r}"
    assert answer["Sec-WebSocket-Accept"] == accept_of(key)
    return answer


def close(code, reason=b""):
    """A client's Close."""
    return frame(struct.pack("!H", code) + reason, CLOSE)


def close_code(raw):
    """The code of the Close that comes next, data and pongs before it aside; None of one without."""
    while (read := read_frame(raw))[0] != CLOSE:
        pass
    return int.from_bytes(read[1][:2], "big") if read[1] else None


def message(raw):
    """The next message, its fragments joined, as (opcode, payload); pings and pongs aside."""
    kind, parts = None, []
    while True:
        opcode, payload, last = read_frame(raw)
        assert opcode != CLOSE, f"Close {payload!r}"
        if opcode in (PING, PONG):
            continue
        kind, parts = kind or opcode, [*parts, payload]
        if last:
            return kind, b"".join(parts)
