"""Files that are large, cold, written to or never read: bounded memory, bounded time, and no response that looks whole and is not."""

import os
import socket
import time
from contextlib import ExitStack

import pytest

from harness.certificates import Authority
from harness.process import memory, open_descriptors
from harness.raw import Raw
from harness.site import Site, curl, forget
from harness.tls import TlsRaw, context
from harness.waiting import in_background, until

MIB = 1 << 20
LARGE = 64 * MIB


@pytest.fixture
def site(stage):
    return Site(stage.directory)


def serve(stage, site, options=None):
    authority = Authority(stage.directory)
    https = f"127.0.0.1:0,{authority.issue('localhost', '127.0.0.1')}"
    router = stage.tidegate({"default": f"static:{site.root}", "https": https, **(options or {})})
    router.authority = authority
    return router


def slow(router, scheme, path="/large"):
    """A client that asks, and takes as little as it can."""
    port = router.ports[0] if scheme == "http" else router.tls_ports[0]
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    raw = Raw(sock)
    if scheme == "https":
        raw = TlsRaw(context(router.authority).wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False), 10)
    return raw.get(path)


def ended(router, word):
    until(f"the end {word}", lambda: f"end={word}" in router.process.stdout(), timeout=20)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_readers_that_take_nothing(stage, site, scheme):
    site.put_large("large", LARGE)
    router = serve(stage, site, {"http-timeout": 3})
    descriptors = open_descriptors(router.pid)
    router.get("/large", "Range: bytes=0-0")
    until("the end of the first", lambda: open_descriptors(router.pid) <= descriptors)
    before = memory(router.pid)
    with ExitStack() as clients:
        for _ in range(40):
            clients.enter_context(slow(router, scheme))
        until("all are served", lambda: open_descriptors(router.pid) >= descriptors + 80)
        time.sleep(0.5)
        assert open_descriptors(router.pid) <= descriptors + 81, "one for the client and one for the file"
        each = {"http": 8 << 10, "https": 100 << 10}[scheme]
        assert memory(router.pid) - before < MIB + 40 * each
        until("their end", lambda: router.process.stdout().count("end=client-gone") == 40, timeout=20)
        until("their descriptors", lambda: open_descriptors(router.pid) <= descriptors + 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("change", ["truncate", "write", "append"])
def test_a_file_that_changes_is_cut(stage, site, scheme, change):
    path = site.put_large("large", LARGE)
    router = serve(stage, site)
    with slow(router, scheme) as raw:
        assert ("Content-Length", str(LARGE)) in raw.head()[1]
        match change:
            case "truncate":
                os.truncate(path, 1000)
            case "write":
                with open(path, "r+b") as file:
                    file.seek(LARGE - 5)
                    file.write(b"later")
            case "append":
                with open(path, "ab") as file:
                    file.write(b"more")
        got = len(raw.rest())
        assert got < LARGE, "it looks whole"
    ended(router, "file-changed")


def test_a_file_that_is_replaced_is_sent_as_it_was(stage, site):
    path = site.put("large", b"a" * LARGE)
    router = serve(stage, site)
    with slow(router, "http") as raw:
        raw.head()
        os.replace(site.put("new", b"b" * LARGE), path)
        assert raw.take(LARGE) == b"a" * LARGE
    assert router.get("/large", "Range: bytes=0-0").body == b"b"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_gigabyte_in_ranges(stage, site, scheme):
    size = 1 << 30
    path = site.put_large("sparse", size)
    with open(path, "r+b") as file:
        for mark in range(0, size, 128 * MIB):
            file.seek(mark)
            file.write(b"%010d" % mark)
    os.utime(path, (1, 1))
    router = serve(stage, site)
    words = ["--cacert", router.authority.path]
    url = router.url("/sparse", scheme)
    curl(*words, "-r", "0-0", url)
    before = memory(router.pid)
    peak = 0
    for mark in range(0, size, 128 * MIB):
        out = stage.directory / "part"
        done = in_background(curl, *words, "-r", f"{mark}-{mark + 128 * MIB - 1}", "-o", out, url)
        while done.is_alive():
            peak = max(peak, memory(router.pid) - before)
            time.sleep(0.01)
        assert os.path.getsize(out) == 128 * MIB
        with open(out, "rb") as file:
            assert file.read(10) == b"%010d" % mark
    assert peak < 4 * MIB, f"{peak} bytes"


def test_cold_files_do_not_hold_others_up(stage, site):
    """Many clients want files that are on the disk only: who wants what is in memory is served meanwhile."""
    for n in range(16):
        path = site.put(f"cold{n}", os.urandom(4 * MIB))
        forget(path)
    site.put("warm", "warm")
    router = serve(stage, site)
    router.get("/warm")
    with ExitStack() as clients:
        cold = [clients.enter_context(router.connect()).get(f"/cold{n}") for n in range(16)]
        with router.connect() as raw:
            for _ in range(50):
                assert raw.get("/warm").response().body == b"warm"
        for n, raw in enumerate(cold):
            assert raw.response().body == (site.root / f"cold{n}").read_bytes()


def test_out_of_descriptors_is_503_and_passes(stage, site):
    site.put_large("large", LARGE)
    router = stage.tidegate({"default": f"static:{site.root}", "max-connections": 100}, descriptors=60)
    with ExitStack() as clients:
        raws = []
        for _ in range(60):
            try:
                raws.append(clients.enter_context(slow(router, "http")))
            except OSError:
                break
        until("a refusal", lambda: "end=overloaded" in router.process.stdout())
    until("room", lambda: router.get("/large", "Range: bytes=0-4").status == 206)
