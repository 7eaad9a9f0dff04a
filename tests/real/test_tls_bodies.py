"""Large bodies over TLS, both ways, to fast and slow readers: whole, in order, in bounded memory."""

import hashlib
import json
import threading
import time

import pytest

from harness.certificates import Authority
from harness.process import memory
from harness.stage import staged

SIZE = 100_000_000
PIECE = bytes(range(256)) * 256
# What a router may hold for a few connections, however slow their readers are.
HELD = 24 << 20


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        uwsgi, _ = stage.uwsgi("threads")
        nginx, _ = stage.nginx("client_max_body_size 0;")
        http, _ = stage.uwsgi("threads", kind="http-socket", name="http")
        (stage.directory / "www" / "large.bin").write_bytes(PIECE * (SIZE // len(PIECE)))
        router = stage.tidegate({
            "http": None, "https": f"127.0.0.1:0,{Authority(stage.directory).issue('localhost')}",
            "http-to": uwsgi, "route-host": [f"^http$ http:{http}", f"^nginx$ http:{nginx}"],
        })
        yield router


def wanted(size):
    digest = hashlib.sha256()
    for at in range(0, size, len(PIECE)):
        digest.update(PIECE[: min(len(PIECE), size - at)])
    return digest.hexdigest()


def digest_of(raw, size, pause=0.0, every=5 << 20):
    """The digest of the next `size` bytes, read with a pause after each `every`."""
    digest, done, rested = hashlib.sha256(), 0, 0
    while done < size:
        if not raw.buffer:
            assert raw.fill(), f"ended after {done} of {size}"
        piece, raw.buffer = raw.buffer[: size - done], raw.buffer[size - done :]
        digest.update(piece)
        done += len(piece)
        if done - rested >= every and pause:
            rested = done
            time.sleep(pause)
    return digest.hexdigest()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("host, path", [("nginx", "/large.bin"), ("uwsgi", f"/big?size={SIZE}"), ("http", f"/big?size={SIZE}")],
                         ids=["nginx", "uwsgi", "http"])
def test_download(site, host, path, version):
    with site.tls(version=version, timeout=30) as raw:
        _, fields = raw.get(path, host=host).head()
        size = int(dict(fields)["Content-Length"])
        assert digest_of(raw, size) == wanted(size)
        assert raw.get("/none", host=host).response().status == 404


def test_slow_readers_are_waited_for(site):
    """Four at once, each reading its own pace; nobody's bytes pile up here."""
    failed = []

    def read(pause, path, host):
        try:
            with site.tls(timeout=30) as raw:
                _, fields = raw.get(path, host=host).head()
                size = int(dict(fields)["Content-Length"])
                assert digest_of(raw, size, pause) == wanted(size)
        except BaseException as error:
            failed.append(error)

    size = 40_000_000
    readers = [threading.Thread(target=read, args=job) for job in [
        (0.1, "/large.bin", "nginx"), (0.15, f"/big?size={size}", "uwsgi"), (0.2, f"/big?size={size}", "http"), (0, "/large.bin", "nginx")]]
    most = 0
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        most = max(most, memory(site.pid))
        time.sleep(0.05)
    assert not failed, failed
    assert most < HELD, most


def send_pieces(raw, size, chunked=False):
    for at in range(0, size, len(PIECE)):
        piece = PIECE[: min(len(PIECE), size - at)]
        raw.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        raw.send(b"0\r\n\r\n")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("host", ["uwsgi", "http"])
def test_upload_to_a_slow_reader(site, host, version):
    with site.tls(version=version, timeout=60) as raw:
        raw.send(f"POST /digest?wait=0.5 HTTP/1.1\r\nHost: {host}\r\nContent-Length: {SIZE}\r\n\r\n")
        send_pieces(raw, SIZE)
        saw = json.loads(raw.response().body)
        assert (saw["length"], saw["sha256"]) == (SIZE, wanted(SIZE))
        assert memory(site.pid) < HELD


def test_chunked_upload(site):
    size = 30_000_000
    with site.tls(timeout=60) as raw:
        raw.send("POST /digest HTTP/1.1\r\nHost: uwsgi\r\nTransfer-Encoding: chunked\r\n\r\n")
        send_pieces(raw, size, chunked=True)
        saw = json.loads(raw.response().body)
        assert (saw["length"], saw["sha256"]) == (size, wanted(size))


def test_there_and_back(site):
    size = 20_000_000
    with site.tls(timeout=60) as raw:
        raw.send(f"POST /echo HTTP/1.1\r\nHost: uwsgi\r\nContent-Length: {size}\r\n\r\n")
        send_pieces(raw, size)
        raw.head()
        assert digest_of(raw, size) == wanted(size)
