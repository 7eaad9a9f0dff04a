"""TLS clients that break the rules, made of tlslite-ng: records and messages as they must not be, and the alert that answers."""

import socket

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, ContentType
from tlslite.errors import TLSAbruptCloseError, TLSError, TLSLocalAlert, TLSRemoteAlert
from tlslite.messages import Message

VERSIONS = {"1.2": (3, 3), "1.3": (3, 4)}
ALERT, HANDSHAKE, DATA, CHANGE = ContentType.alert, ContentType.handshake, ContentType.application_data, ContentType.change_cipher_spec


class Wire:
    """A socket whose outgoing bytes can be changed on their way."""

    def __init__(self, sock):
        self.sock, self.change = sock, None

    def send(self, data):
        self.sendall(data)
        return len(data)

    def sendall(self, data):
        if self.change:
            data = self.change(bytearray(data))
        self.sock.sendall(bytes(data))

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Hostile(TLSConnection):
    """A client that keeps to the rules until it is told otherwise. `twist(message)` returns what is sent in its stead:
    a list of messages."""

    def __init__(self, port, version, twist=None):
        self.wire = Wire(socket.create_connection(("127.0.0.1", port), 5))
        super().__init__(self.wire)
        self.version_wanted, self.twist = VERSIONS[version], twist

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.sock.close()

    def shake_hands(self):
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = self.version_wanted
        self.handshakeClientCert(settings=settings, serverName="localhost")
        return self

    def _sendMsg(self, msg, *arguments, **options):
        for message in self.twist(msg) if self.twist else [msg]:
            yield from super()._sendMsg(message, *arguments, **options)

    def record(self, kind, data=b"", padding=0):
        """One record, sealed with the keys of the moment."""
        if padding:
            self._recordLayer.padding_cb = lambda *_: padding
        for _ in self._recordLayer.sendRecord(Message(kind, bytearray(data))):
            pass
        self._recordLayer.padding_cb = None
        self.flush()
        return self

    def plain(self, kind, data=b"", version=(3, 3)):
        """One record as it is."""
        self.flush()
        self.wire.sock.sendall(bytes([kind, *version]) + len(data).to_bytes(2, "big") + bytes(data))
        return self

    def flush(self):
        self.sock.flush()

    def next_keys(self):
        """Goes on to the next keys for what it sends, as behind a KeyUpdate."""
        session = self.session
        session.cl_app_secret, session.sr_app_secret = self._recordLayer.calcTLS1_3KeyUpdate_reciever(
            session.cipherSuite, session.cl_app_secret, session.sr_app_secret)
        return self

    def request(self):
        """Sends one, reads the answer: the connection still works."""
        self.record(DATA, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            piece = self.read(max=65536)
            assert piece, f"ended: {bytes(answer)!r}"
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200 "), bytes(answer[:100])
        size = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(answer.split(b"\r\n\r\n", 1)[1]) < size:
            answer += self.read(max=65536)
        return self

    def end(self):
        """How the server answers: an alert by name, "close_notify", or "closed" without a word."""
        try:
            while self.read(max=65536):
                pass
        except TLSRemoteAlert as alert:
            return AlertDescription.toRepr(alert.description)
        except (TLSAbruptCloseError, ConnectionError):
            return "closed"
        return "close_notify"


def handshake_ends(port, version, twist):
    """How a handshake ends whose messages `twist` changes; "open" if it does not end."""
    with Hostile(port, version, twist) as client:
        try:
            client.shake_hands()
            client.request()
        except TLSRemoteAlert as alert:
            return AlertDescription.toRepr(alert.description)
        except TLSLocalAlert as alert:
            raise AssertionError(f"the client itself gave up: {alert}") from alert
        except (TLSError, ConnectionError):
            return "closed"
        return "open"
