"""A TLS client of Python's `ssl`, as a raw connection: what it agreed on, whose certificate it saw, how the other end left."""

import select
import socket
import ssl
import threading
import time
import warnings
from contextlib import contextmanager, suppress

from cryptography import x509

from .raw import TIMEOUT, Raw

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Shared(ssl.SSLSocket):
    """One that a thread may read while another writes, as `websockets` does: before Python 3.13 OpenSSL is entered by both at
    once then, and what was written may never leave."""

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        made.lock = threading.RLock()
        return made

    def settimeout(self, timeout):
        with self.lock:
            super().settimeout(timeout)

    def recv(self, size=1024, flags=0):
        return self._alone(lambda: super(Shared, self).recv(size, flags), select.POLLIN)

    def send(self, data, flags=0):
        return self._alone(lambda: super(Shared, self).send(data, flags), select.POLLOUT)

    def _alone(self, call, event):
        """Calls without waiting, and waits outside the lock; for `event`, where TLS is over."""
        with self.lock:
            timeout = self.gettimeout()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self.lock:
                timeout = self.gettimeout()
                super().settimeout(0)
                try:
                    return call()
                except ssl.SSLWantReadError:
                    event = select.POLLIN
                except ssl.SSLWantWriteError:
                    event = select.POLLOUT
                except BlockingIOError:
                    pass
                finally:
                    if self.fileno() >= 0:
                        super().settimeout(timeout)
            left = None if end is None else 1000 * max(0, end - time.monotonic())
            waiting = select.poll()
            waiting.register(self, event)
            if not waiting.poll(left):
                raise TimeoutError("timed out")


def context(authority=None, version=None, ciphers=None, identity=None, groups=None):
    """What a client wants: who vouches for the server (an `Authority` or a file), one version, OpenSSL's names of ciphers, a certificate of its own."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.sslsocket_class = Shared
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if authority:
        made.load_verify_locations(getattr(authority, "path", authority))
        made.check_hostname, made.verify_mode = True, ssl.CERT_REQUIRED
    if version:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.minimum_version = made.maximum_version = VERSIONS[version]
    if ciphers:
        made.set_ciphers(ciphers)
    if groups:
        made.set_ecdh_curve(groups)
    if identity:
        made.load_cert_chain(identity.certificate, identity.key)
    return made


class TlsRaw(Raw):
    """A raw connection over TLS. `truncated`: TCP ended, and nobody had said so within TLS."""

    truncated = False

    @classmethod
    def connect(cls, port, timeout=TIMEOUT, name="localhost", session=None, settings=None, source=None, **wanted):
        sock = socket.create_connection(("127.0.0.1", port), timeout, source and (source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            settings = settings or context(**wanted)
            sock = settings.wrap_socket(sock, server_hostname=name, session=session, suppress_ragged_eofs=False)
        except BaseException:
            sock.close()
            raise
        return cls(sock, timeout)

    def fill(self, timeout=None):
        try:
            return super().fill(timeout)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as end:
            self.ended, self.truncated = True, isinstance(end, ssl.SSLEOFError)
            return False

    def say_close(self):
        """close_notify; TCP stays open, and what has not come yet is still read."""
        self.socket.settimeout(0)
        with suppress(ssl.SSLWantReadError):
            self.socket.unwrap()

    def finish(self):
        """close_notify and FIN."""
        self.say_close()
        self.leave()

    def leave(self):
        """FIN without a word within TLS."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    @property
    def version(self):
        return {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}[self.socket.version()]

    @property
    def serial(self):
        """The serial number of the server's certificate."""
        return x509.load_der_x509_certificate(self.socket.getpeercert(True)).serial_number


@contextmanager
def refused(*alerts):
    """Asserts that the block fails with one of these alerts of the server, in OpenSSL's words; without any: however."""
    try:
        yield
    except ssl.SSLError as error:
        said = str(error).lower().replace("_", " ")
        assert not alerts or any(alert in said for alert in alerts), said
    except (ConnectionError, EOFError):
        assert not alerts, "the connection just ended"
    else:
        raise AssertionError("nobody refused this")
