"""The two oldest drafts by hand: handshakes and frames of hixie-75 and hixie-76."""

import hashlib
import struct

KEY1, KEY2, KEY3, PROOF = "4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-"
CLOSE = b"\xff\x00"


def request(path="/demo", *fields, keys=(KEY1, KEY2), origin="http://example.com", host="example.com"):
    """The head of a client: hixie-76, or without keys hixie-75. Key3 goes behind it."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: WebSocket", f"Origin: {origin}", *fields]
    if keys:
        lines += [f"Sec-WebSocket-Key1: {keys[0]}", f"Sec-WebSocket-Key2: {keys[1]}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(*fields, draft="hixie-76", path="/demo", origin="http://example.com", host="example.com"):
    """The head of a server, as both drafts print it. The proof of hixie-76 goes behind it."""
    old = draft == "hixie-75"
    sec = "" if old else "Sec-"
    lines = [f"HTTP/1.1 101 {'Web Socket' if old else 'WebSocket'} Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
             f"{sec}WebSocket-Origin: {origin}", f"{sec}WebSocket-Location: ws://{host}{path}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def number(key):
    return int("".join(filter(str.isdigit, key))) // key.count(" ")


def proof(request, key3):
    """The 16 bytes that answer this request, of which `request["name"]` gives a field."""
    numbers = (number(request[f"Sec-WebSocket-Key{which}"]) for which in (1, 2))
    return hashlib.md5(struct.pack(">II", *numbers) + key3).digest()


def text(payload):
    return b"\x00" + payload + b"\xff"
