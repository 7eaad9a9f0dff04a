"""nginx as an HTTP upstream: files, large downloads, ranges, HEAD, keep-alive connections used again."""

import hashlib
import os

import pytest

from harness.stage import staged

LARGE = 30_000_000


@pytest.fixture(scope="module")
def site(request):
    with staged(request.node) as stage:
        address, child = stage.nginx("""
            location /nobody { return 204; }
            location /slowly { limit_rate 200k; }
            location /closes { keepalive_timeout 0; }
        """)
        root = stage.directory / "www"
        (root / "hello.txt").write_text("hello from nginx\n")
        (root / "empty.txt").write_text("")
        (root / "large.bin").write_bytes(os.urandom(LARGE))
        (root / "slowly").mkdir()
        (root / "slowly" / "file.bin").write_bytes(os.urandom(300_000))
        (root / "closes").mkdir()
        (root / "closes" / "file.txt").write_text("closed\n")
        router = stage.tidegate({"default": f"http:{address}"})
        router.root, router.nginx_log = root, stage.directory / "nginx.access"
        yield router


def test_file(site):
    response = site.get("/hello.txt")
    assert (response.status, response.body, response["Content-Type"]) == (200, b"hello from nginx\n", "text/plain")
    assert response["Server"].startswith("nginx"), "the upstream's Server field is its own"


def test_empty_file(site):
    with site.connect() as raw:
        assert raw.get("/empty.txt").response().body == b""
        assert raw.get("/hello.txt").response().status == 200


def test_large_download(site):
    response = site.get("/large.bin")
    want = hashlib.sha256((site.root / "large.bin").read_bytes()).digest()
    assert len(response.body) == LARGE and hashlib.sha256(response.body).digest() == want


def test_download_slower_than_the_router(site):
    assert site.get("/slowly/file.bin").body == (site.root / "slowly" / "file.bin").read_bytes()


@pytest.mark.parametrize("path, status", [("/nobody", 204), ("/none", 404), ("/slowly", 301)])
def test_statuses(site, path, status):
    assert site.get(path).status == status


def test_head(site):
    with site.connect() as raw:
        response = raw.get("/large.bin", method="HEAD").response("HEAD")
        assert (response.status, response["Content-Length"], response.body) == (200, str(LARGE), b"")
        assert raw.get("/hello.txt").response().body == b"hello from nginx\n"


def test_not_modified(site):
    tag = site.get("/hello.txt")["ETag"]
    with site.connect() as raw:
        assert raw.get("/hello.txt", f"If-None-Match: {tag}").response().status == 304
        assert raw.get("/hello.txt").response().status == 200


def test_range(site):
    response = site.get("/large.bin", "Range: bytes=1000-1999")
    assert response.status == 206
    assert response.body == (site.root / "large.bin").read_bytes()[1000:2000]


def test_upstream_connections_are_used_again(site):
    before = len(site.nginx_log.read_text().splitlines())
    for _ in range(30):
        assert site.get("/hello.txt").status == 200
    lines = site.nginx_log.read_text().splitlines()[before:]
    assert len(lines) == 30
    assert len({line.split()[0] for line in lines}) <= 2, "a new connection for nearly every request"


def test_upstream_that_closes_after_each_response(site):
    with site.connect() as raw:
        for _ in range(5):
            assert raw.get("/closes/file.txt").response().body == b"closed\n"


def test_http_10_client(site):
    with site.connect() as raw:
        response = raw.get("/hello.txt", version="1.0").response()
        assert response.body == b"hello from nginx\n"
        assert raw.is_ended()


def test_http_10_client_with_keep_alive(site):
    with site.connect() as raw:
        for _ in range(2):
            response = raw.get("/hello.txt", "Connection: keep-alive", version="1.0").response()
            assert (response["Connection"] or "").lower() == "keep-alive"


def test_pipelining(site):
    with site.connect() as raw:
        for path in ("/hello.txt", "/none", "/large.bin", "/hello.txt"):
            raw.get(path)
        assert [raw.response().status for _ in range(4)] == [200, 404, 200, 200]
