"""That files go by sendfile(2) where nothing has to be done to their bytes: what waits in the socket is the file itself."""

import array
import fcntl
import termios

import pytest

from harness.certificates import Authority
from harness.site import Site
from harness.waiting import until

SIZE, WAITING = 8 << 20, 32 << 10


def waiting(sock):
    """Bytes that have come and were not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, termios.FIONREAD, count)
    return count[0]


@pytest.mark.parametrize("fields, status", [([], 200), (["Range: bytes=100-"], 206), (["Accept-Encoding: gzip"], 200)])
def test_bytes_are_not_copied_on_their_way(stage, fields, status):
    """What is written to the file after it was sent, and before it is read, is what the client reads: only pages that
    the socket shares with the file can show that. A copy would be the old bytes."""
    site = Site(stage.directory)
    files = [site.put(name, b"o" * SIZE) for name in ["a.txt", "a.txt.gz"]]
    router = stage.tidegate({"default": f"static:{site.root}"})
    with router.connect(receive_buffer=1 << 20) as raw:
        raw.get("/a.txt", *fields)
        count = until("enough of it waits", lambda: (found := waiting(raw.socket)) > WAITING and found)
        for file in files:
            with open(file, "r+b") as changed:
                changed.write(b"n" * SIZE)
        came = raw.take(count)
    head, _, body = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and len(body) > WAITING // 2
    assert body.count(b"n") > len(body) // 2, "the client reads what the file is now"


def test_what_is_encrypted_is_another_matter(stage):
    """The same over TLS: the bytes of that time, each sealed in its record."""
    site, authority = Site(stage.directory), Authority(stage.directory)
    file = site.put("a.txt", b"o" * SIZE)
    router = stage.tidegate({"default": f"static:{site.root}", "https": f"127.0.0.1:0,{authority.issue('localhost')}"})
    with router.tls(authority=authority) as raw:
        raw.get("/a.txt")
        count = until("enough of it waits", lambda: (found := waiting(raw.socket)) > WAITING and found)
        with open(file, "r+b") as changed:
            changed.write(b"n" * SIZE)
        head, _, body = raw.take(count // 2).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and body == b"o" * len(body)
