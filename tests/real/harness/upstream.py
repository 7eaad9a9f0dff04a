"""Upstreams in threads of the test: each connection goes to a function, and all that came in is recorded."""

import errno
import json
import random
import socket
import struct
import threading
from dataclasses import dataclass, field

from .raw import Closed, Raw, parse_head
from .waiting import until


class Peer(Raw):
    """The upstream's end of one connection; `received` keeps every byte that ever came."""

    def __init__(self, sock):
        super().__init__(sock, timeout=30.0)
        self.received = bytearray()
        self.record = True
        self.over = threading.Event()

    def fill(self, timeout=None):
        before = len(self.buffer)
        more = super().fill(timeout)
        if self.record:
            self.received += self.buffer[before:]
        return more

    def request(self):
        """The next HTTP request with its body, or None at the end."""
        try:
            line, fields = self.head()
        except Closed:
            return None
        method, target, version = line.split(" ")
        request = Request(method, target, version, fields)
        if (request["Transfer-Encoding"] or "").lower() == "chunked":
            request.body, request.chunks = self.chunked()
        elif request["Content-Length"]:
            request.body = self.take(int(request["Content-Length"]))
        return request

    def packet(self):
        """The uwsgi packet at the connection's begin, or None at the end."""
        try:
            modifier1, size, modifier2 = struct.unpack("<BHB", self.take(4))
            block = self.take(size)
        except Closed:
            return None
        pairs, at = [], 0
        while at < size:
            pair = []
            for _ in range(2):
                (length,) = struct.unpack_from("<H", block, at)
                pair.append(block[at + 2 : at + 2 + length].decode("latin-1"))
                at += 2 + length
            pairs.append(tuple(pair))
        return Packet(modifier1, modifier2, pairs)

    def reply(self, body=b"ok\n", status="200 OK", *fields):
        """A response with a length."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
        return self.send("\r\n".join(lines).encode("latin-1") + body)


@dataclass
class Request:
    method: str
    target: str
    version: str
    fields: list
    body: bytes = b""
    chunks: list = field(default_factory=list)

    def __getitem__(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None


@dataclass
class Packet:
    modifier1: int
    modifier2: int
    pairs: list

    @property
    def variables(self):
        return dict(self.pairs)


class Upstream:
    """A listening upstream. `serve(peer)` runs once per connection in a thread of its own; errors of it are
    kept and raised by `close`, save those that only say that the other side went away."""

    def __init__(self, serve, path=None, port=0, host="127.0.0.1"):
        self.serve = serve
        self.peers = []
        self.errors = []
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(str(path) if path else (host, port))
        self.socket.listen(1024)
        self.address = str(path) if path else "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            peer = Peer(sock)
            self.peers.append(peer)
            threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        try:
            self.serve(peer)
        except (Closed, ConnectionError, TimeoutError):
            pass
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOTCONN):
                self.errors.append(error)
        except Exception as error:  # shown by close()
            self.errors.append(error)
        finally:
            peer.close()
            peer.over.set()

    @property
    def received(self):
        """All bytes of all connections, one after the other."""
        return b"".join(bytes(peer.received) for peer in self.peers)

    def connections(self, count, timeout=10.0):
        """Waits until at least `count` connections have come."""
        until(f"{count} connections upstream", lambda: len(self.peers) >= count, timeout)
        return self.peers

    def ended(self, count=1, timeout=10.0):
        """Waits until `count` connections have come and all that came have ended: nothing more arrives."""
        until("the upstream's connections to end",
              lambda: len(self.peers) >= count and all(peer.over.is_set() for peer in self.peers), timeout)

    def stop_listening(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def close(self):
        self.stop_listening()
        for peer in self.peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.errors:
            raise self.errors[0]


def http_ok(peer):
    """Answers every HTTP request with its own description as JSON."""
    while (request := peer.request()) is not None:
        body = json.dumps({
            "method": request.method, "target": request.target, "fields": request.fields,
            "body": request.body.decode("latin-1"),
        }).encode()
        peer.reply(b"" if request.method == "HEAD" else body)


def uwsgi_ok(peer):
    """Answers one uwsgi request with its variables as JSON, then ends, as a worker does."""
    packet = peer.packet()
    if packet is None:
        return
    body = peer.take(int(packet.variables.get("CONTENT_LENGTH") or 0))
    answer = json.dumps({
        "modifier1": packet.modifier1, "modifier2": packet.modifier2, "pairs": packet.pairs,
        "body": body.decode("latin-1"),
    }).encode()
    peer.reply(answer)


def free_port():
    """A port that was free a moment ago, for programs that cannot say which one they got. It is none of those that the kernel gives
    to whoever asks for any: nobody has it by chance meanwhile."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    for _ in range(100):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", random.randrange(first - 20_000, first) if first > 30_000 else 0))
            except OSError:
                continue
            return sock.getsockname()[1]
    raise LookupError("no port is free")
