"""A raw connection with a deadline on every wait, and just enough HTTP/1 to read what comes back."""

import ctypes
import re
import socket
import struct
import time
from dataclasses import dataclass, field

TIMEOUT = 10.0
SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)  # the packet filter "return 0"


class Closed(EOFError):
    """The peer ended the connection before what was waited for had come."""


@dataclass
class Response:
    status: int
    reason: str
    version: str
    fields: list
    body: bytes = b""
    complete: bool = True  # false: the connection ended inside the body
    interim: list = field(default_factory=list)

    def __getitem__(self, name):
        """All values of a field joined, or None."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def json(self):
        import json

        return json.loads(self.body)


def parse_head(head):
    """First line and fields of a head, without its empty line."""
    first, *rest = head.decode("latin-1").split("\r\n")
    return first, [tuple(part.strip() for part in line.split(":", 1)) for line in rest]


class Raw:
    """One connected socket. `buffer` holds what was received and not yet taken."""

    def __init__(self, sock, timeout=TIMEOUT):
        self.socket = sock
        self.timeout = timeout
        self.buffer = b""
        self.ended = False
        sock.settimeout(timeout)

    @classmethod
    def connect(cls, port, timeout=TIMEOUT, receive_buffer=None, source=None):
        """`source`: the address it comes from, as in 127.0.0.7."""
        sock = socket.socket()
        if source:
            sock.bind((source, 0))
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(sock, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def vanish(self):
        """From now on its host is as good as unplugged: the kernel drops whatever comes for this connection,
        acknowledges nothing and answers no probe."""
        code = ctypes.create_string_buffer(DROP_ALL, len(DROP_ALL))
        program = struct.pack("HP", 1, ctypes.addressof(code))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def finish(self):
        """FIN: nothing more will be sent, everything is still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def fill(self, timeout=None):
        """Receives once more into `buffer`; false at the end (a reset counts as one)."""
        if self.ended:
            return False
        self.socket.settimeout(self.timeout if timeout is None else max(timeout, 0.001))
        try:
            data = self.socket.recv(262144)
        except ConnectionError:
            data = b""
        self.buffer += data
        self.ended = not data
        return not self.ended

    def take(self, count):
        """Exactly `count` bytes."""
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            if not self.fill():
                self.buffer = b"".join(parts)
                raise Closed(f"{have} of {count} bytes, then the end")
            parts.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
        data = b"".join(parts)
        self.buffer = data[count:]
        return data[:count]

    def take_until(self, mark):
        """Everything up to and including `mark`."""
        while mark not in self.buffer:
            if not self.fill():
                raise Closed(f"ended before {mark!r}: {self.buffer[:300]!r}")
        end = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def rest(self, timeout=None):
        """All bytes until the peer ends the connection, within the deadline."""
        deadline = time.monotonic() + (timeout or self.timeout)
        parts = [self.buffer]
        self.buffer = b""
        while self.fill(deadline - time.monotonic()):
            parts.append(self.buffer)
            self.buffer = b""
        return b"".join(parts)

    def is_ended(self, timeout=None):
        """Whether the peer ends the connection within the deadline; what it still says is kept."""
        deadline = time.monotonic() + (timeout or self.timeout)
        try:
            while self.fill(deadline - time.monotonic()):
                pass
        except TimeoutError:
            return False
        return True

    def is_silent(self, seconds):
        """Whether nothing at all comes for so long: neither a byte nor the end."""
        if self.buffer:
            return False
        try:
            self.fill(seconds)
        except TimeoutError:
            return True
        return False

    def get(self, path, *fields, method="GET", version="1.1", host="test"):
        """Sends a request without a body."""
        lines = [f"{method} {path} HTTP/{version}", *([f"Host: {host}"] if host else []), *fields, "", ""]
        return self.send("\r\n".join(lines))

    def head(self):
        """The next head as (first line, fields)."""
        return parse_head(self.take_until(b"\r\n\r\n")[:-4])

    def response(self, method="GET"):
        """The next final response with its body; interim ones are kept in `interim`."""
        interim = []
        while True:
            line, fields = self.head()
            match = re.fullmatch(r"HTTP/(\d\.\d) (\d{3}) ?(.*)", line)
            assert match, f"not a status line: {line!r}"
            response = Response(int(match[2]), match[3], match[1], fields, interim=interim)
            if response.status == 101 or response.status >= 200:
                break
            interim.append(response)
        if method != "HEAD" and response.status not in (101, 204, 304):
            self._body(response)
        return response

    def _body(self, response):
        try:
            if (response["Transfer-Encoding"] or "").lower() == "chunked":
                response.body, _ = self.chunked()
            elif response["Content-Length"] is not None:
                response.body = self.take(int(response["Content-Length"]))
            else:
                response.body = self.rest()
        except Closed:
            response.body, self.buffer = self.buffer, b""
            response.complete = False

    def chunked(self):
        """A chunked body: (payload, sizes of its chunks). On a cut, `buffer` is left with the payload so far."""
        parts, sizes = [], []
        try:
            while True:
                size = int(self.take_until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    while self.take_until(b"\r\n") != b"\r\n":
                        pass
                    return b"".join(parts), sizes
                parts.append(self.take(size))
                sizes.append(size)
                assert self.take(2) == b"\r\n", "chunk data not followed by CRLF"
        except Closed:
            self.buffer = b"".join(parts) + self.buffer
            raise


def chunk(data):
    """One chunk of a chunked body; an empty one is the last."""
    return b"%x\r\n%s\r\n" % (len(data), data)
