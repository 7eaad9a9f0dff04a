"""Files: `static:` and `file:`, as curl, raw connections and a browser see them."""

import json
import os
import re
import signal
import subprocess
from email.parser import BytesParser

import pytest

from harness import REAL
from harness.certificates import Authority
from harness.router import TIDEGATE
from harness.site import Site, curl, forget
from harness.waiting import until

TEXT = b"0123456789" * 1000
BIG = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def site(stage):
    return Site(stage.directory)


def serve(stage, site, options=None, **more):
    return stage.tidegate({"default": f"static:{site.root}", **(options or {})}, **more)


def parts(response):
    """The parts of a multipart/byteranges response: ranges and bytes."""
    head = f"Content-Type: {response['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + response.body)
    return [(part["Content-Range"], part.get_payload(decode=True)) for part in message.get_payload()]


def test_a_file_and_what_is_said_of_it(stage, site):
    site.put("a.txt", TEXT)
    router = serve(stage, site)
    with router.connect() as raw:
        for method in ["GET", "HEAD", "GET"]:
            response = raw.get("/a.txt", method=method).response(method)
            assert response.status == 200
            assert response["Content-Type"] == "text/plain; charset=utf-8"
            assert response["Content-Length"] == str(len(TEXT))
            assert response["Accept-Ranges"] == "bytes"
            assert response["ETag"].startswith('"')
            assert response.body == (TEXT if method == "GET" else b"")
        response = raw.get("/a.txt", method="POST").response()
        assert (response.status, response["Allow"]) == (405, "GET, HEAD")
        assert raw.get("/none").response().status == 404
        assert raw.get("/a.txt").response().body == TEXT, "the connection is kept"
    until("the lines", lambda: len(router.access()) == 6)
    ends = [(int(line.split('"')[2].split()[1]), re.search(r"end=(\S+)", line)[1]) for line in router.access()]
    assert ends == [(len(TEXT), "done"), (0, "done"), (len(TEXT), "done"), (0, "method-not-allowed"), (0, "file-missing"), (len(TEXT), "done")]
    assert all("route=default upstream=-" in line for line in router.access())


def test_indexes_and_slashes(stage, site):
    site.put("index.html", "top")
    site.put("sub/index.html", "below")
    site.put("bare/a.txt", "a")
    router = serve(stage, site)
    assert router.get("/").body == b"top"
    assert router.get("/sub/").body == b"below"
    assert (router.get("/sub?x=1").status, router.get("/sub?x=1")["Location"]) == (301, "./sub/?x=1")
    assert curl("-L", router.url("/sub")) == b"below"
    assert router.get("/bare/").status == 404, "there are no listings"
    assert router.get("/sub/index.html/").status == 404


def test_pipelined_requests_and_http_10(stage, site):
    site.put("a", "a" * 20_000)
    site.put("b", "b" * 300_000)
    router = serve(stage, site)
    with router.connect() as raw:
        raw.send("".join(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n" for name in "abab"))
        for name, size in [("a", 20_000), ("b", 300_000)] * 2:
            assert raw.response().body == name.encode() * size
    with router.connect() as raw:
        response = raw.get("/b", version="1.0").response()
        assert (response.body, response["Connection"]) == (b"b" * 300_000, "close")
        assert raw.is_ended()


@pytest.mark.parametrize("scheme", ["http", "https", "unix"])
def test_large_files(stage, site, scheme):
    """Ranges of every size and place come as they are in the file."""
    authority = Authority(stage.directory)
    path = site.put("big.bin", BIG)
    socket = stage.directory / "s"
    options = {"https": f"127.0.0.1:0,{authority.issue('localhost', '127.0.0.1')}"}
    if scheme == "unix":
        options["http"] = ["127.0.0.1:0", f"unix:{socket}"]
    router = serve(stage, site, options)
    words = {"http": [], "https": ["--cacert", authority.path], "unix": ["--unix-socket", socket]}[scheme]
    url = router.url("/big.bin", "https" if scheme == "https" else "http")
    assert curl(*words, url) == BIG
    for first, last in [(0, 0), (1, 16_384), (16_383, 33_000), (100_000, 1_500_000), (len(BIG) - 1, len(BIG) - 1), (len(BIG) - 70_000, len(BIG) + 5)]:
        assert curl(*words, "-r", f"{first}-{last}", url) == BIG[first:last + 1]
    forget(path)
    assert curl(*words, url) == BIG, "from the disk"
    half = stage.directory / "half"
    half.write_bytes(BIG[:777_777])
    curl(*words, "-C", "-", "-o", half, url)
    assert half.read_bytes() == BIG, "a broken download goes on"


def test_several_ranges(stage, site):
    site.put("big.bin", BIG)
    router = serve(stage, site)
    response = router.get("/big.bin", "Range: bytes=-5, 0-2, 100000-400000")
    assert response.status == 206
    assert parts(response) == [(f"bytes {first}-{last}/{len(BIG)}", BIG[first:last + 1])
                               for first, last in [(len(BIG) - 5, len(BIG) - 1), (0, 2), (100_000, 400_000)]]
    for abuse in ["0-,0-,0-", ",".join(f"{n}-{n}" for n in range(0, 40, 2)), "0-10,5-20"]:
        response = router.get("/big.bin", f"Range: bytes={abuse}")
        assert (response.status, len(response.body)) == (200, len(BIG)), abuse
    response = router.get("/big.bin", f"Range: bytes={len(BIG)}-")
    assert (response.status, response["Content-Range"]) == (416, f"bytes */{len(BIG)}")


def test_conditions(stage, site):
    path = site.put("a.txt", TEXT)
    router = serve(stage, site)
    first = router.get("/a.txt")
    tag, date = first["ETag"], first["Last-Modified"]
    for fields, status in [
        ([f"If-None-Match: {tag}"], 304),
        ([f"If-Modified-Since: {date}"], 304),
        (["If-None-Match: \"x\"", f"If-Modified-Since: {date}"], 200),
        (["If-Match: \"x\""], 412),
        ([f"If-Match: {tag}", "Range: bytes=0-4"], 206),
        ([f"If-Range: {tag}", "Range: bytes=0-4"], 206),
        (["If-Range: \"x\"", "Range: bytes=0-4"], 200),
        (["If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT"], 412),
    ]:
        response = router.get("/a.txt", *fields)
        assert response.status == status, fields
        assert response.body == {304: b"", 206: TEXT[:5], 200: TEXT}.get(status, response.body)
        if status == 304:
            assert response["ETag"] == tag and response["Content-Length"] is None
    os.replace(site.put("new", TEXT[::-1]), path)
    assert router.get("/a.txt", f"If-None-Match: {tag}").body == TEXT[::-1], "same size, another file"


def test_curl_remembers_tags(stage, site):
    site.put("a.txt", TEXT)
    router = serve(stage, site)
    tags, out = stage.directory / "tags", stage.directory / "out"
    said = [curl("--etag-save", tags, "--etag-compare", tags, "-o", out, "-w", "%{http_code} %{size_download}", router.url("/a.txt"))
            for _ in range(2)]
    assert said == [f"200 {len(TEXT)}".encode(), b"304 0"]


def test_compressed_beforehand(stage, site):
    site.put("app.js", "let a = 1\n" * 100)
    site.put("app.js.br", "not really brotli")
    site.compress("app.js")
    site.put("old.css", "new {}")
    site.put("old.css.gz", "stale", age=7200)
    site.put("a.png", "png")
    site.put("a.png.gz", "gz")
    router = serve(stage, site)
    for accept, coding in [("gzip", "gzip"), ("gzip, br", "br"), ("br;q=0.1, gzip", "gzip"), ("br;q=0, gzip;q=0", None), ("identity", None), ("zstd", None)]:
        response = router.get("/app.js", f"Accept-Encoding: {accept}")
        assert (response["Content-Encoding"], response["Vary"]) == (coding, "Accept-Encoding")
        assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert router.get("/old.css", "Accept-Encoding: gzip").body == b"new {}"
    assert router.get("/a.png", "Accept-Encoding: gzip").body == b"png"
    assert curl("--compressed", "-H", "Accept-Encoding: gzip", router.url("/app.js")) == b"let a = 1\n" * 100
    plain, packed = (router.get("/app.js", f"Accept-Encoding: {accept}")["ETag"] for accept in ["identity", "gzip"])
    assert plain != packed


@pytest.mark.parametrize("accept, sent", [
    ("br", "br"), ("zstd", "zstd"), ("gzip", "gzip"), ("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("br;q=0.5, zstd;q=0.8, gzip;q=0.7", "zstd"),
    ("br;q=0.5, zstd;q=0.8, gzip", "gzip"), ("*", "br"), ("br;q=0, *", "zstd"), ("*;q=0, gzip;q=0.001", "gzip"), ("br;q=0.2, identity;q=0.5", None),
    ("*;q=0.5, zstd;q=0.9", "zstd"), ("GZIP", "gzip"), ("deflate", None), ("", None), (None, None),
])
def test_the_coding_the_client_likes_best(stage, site, accept, sent):
    site.put("a.css", "as it is")
    for coding, end in [("br", "br"), ("zstd", "zst"), ("gzip", "gz")]:
        site.put(f"a.css.{end}", coding)
    fields = [] if accept is None else [f"Accept-Encoding: {accept}"]
    answer = serve(stage, site).get("/a.css", *fields)
    assert (answer.status, answer["Content-Encoding"], answer.body.decode()) == (200, sent, sent or "as it is")
    assert (answer["Vary"], answer["Content-Type"]) == ("Accept-Encoding", "text/css; charset=utf-8")


def test_captures_and_single_files(stage, site):
    site.put("pages/about.html", "about us")
    site.put("hosts/a.example/x.txt", "of a")
    site.put("icon.svg", "<svg/>")
    router = serve(stage, site, {
        "route": [rf"^/static/(.*)$ static:{site.root}/$1", rf"^/(\w+)$ file:{site.root}/pages/$1.html",
                  rf"^/icon$ file:filename={site.root}/icon.svg,mime=1", rf"^/host/ rewrite:/x.txt"],
        "route-run": f"static:{site.root}/hosts/${{HTTP_HOST}}${{PATH_INFO}}", "default": None,
    })
    assert router.get("/static/icon.svg").body == b"<svg/>"
    assert router.get("/static/pages/about.html").body == b"about us"
    assert router.get("/about").body == b"about us"
    assert router.get("/icon").status == 404, "the rule before it takes it"
    assert router.get("/other").status == 404
    for host, path, status, body in [("a.example", "/host/y", 200, b"of a"), ("..", "/x.txt", 400, None), ("b.example", "/x.txt", 404, None)]:
        with router.connect() as raw:
            response = raw.get(path, host=host).response()
            assert response.status == status and body in (None, response.body), host


def test_a_directory_is_exchanged(stage, site):
    """A deployment turns a link: the next request sees the new one."""
    for release in ["1", "2"]:
        site.put(f"releases/{release}/v", release)
    current = site.root / "current"
    current.symlink_to("releases/1")
    router = stage.tidegate({"default": f"static:{current}"})
    assert router.get("/v").body == b"1"
    new = site.root / "new"
    new.symlink_to("releases/2")
    os.replace(new, current)
    assert router.get("/v").body == b"2"
    current.unlink()
    assert router.get("/v").status == 500
    until("the line", lambda: "end=file-failed" in router.process.stdout())
    assert "a file cannot be opened" in router.log()


def test_a_websocket_is_told_no(stage, site):
    site.put("a.txt", TEXT)
    router = serve(stage, site)
    with router.connect() as raw:
        raw.get("/a.txt", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        response = raw.response()
        assert response.status == 400 and b"no WebSocket opens" in response.body
        assert raw.is_ended()


def test_rights(stage, site):
    site.put("a.txt", TEXT)
    os.mkfifo(site.root / "pipe")
    router = serve(stage, site)
    assert router.get("/pipe").status == 404
    if os.geteuid() != 0:
        (site.root / "a.txt").chmod(0)
        assert router.get("/a.txt").status == 403


def check(file):
    result = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def test_mistakes_are_named_by_place(stage, site):
    file = stage.directory / "site.ini"
    path = site.put("a.txt", TEXT)
    for line, code, said in [
        (f"default = static:{site.root}/none", 2, f"site.ini:3:18: {site.root}/none: there is no such directory"),
        (f"default = static:{path}", 2, f"site.ini:3:18: {path} is no directory; one file is served by file:{path}"),
        (f"route = ^/(.*)$ static:{site.root}/none/$1", 2, f"site.ini:3:24: {site.root}/none/: there is no such directory"),
        ("default = static:srv", 2, "site.ini:3:18: [tidegate] default = \"static:srv\": expected a directory"),
        ("route = ^/(.*) static:/$1", 2, "site.ini:3:23: "),
        (f"default = file:{site.root}/none", 0, f"site.ini:3:16: warning: {site.root}/none: there is no such file"),
        (f"default = file:{site.root}", 0, f"is a directory: its files are served by static:{site.root}"),
        (f"default = static:{site.root}", 0, ""),
    ]:
        file.write_text(f"[tidegate]\nhttp = 127.0.0.1:0\n{line}\n")
        returned, text = check(file)
        assert (returned, said in text) == (code, True), text


def test_a_reload_with_a_mistake_changes_nothing(stage, site):
    site.put("a.txt", TEXT)
    router = serve(stage, site)
    file = stage.directory / "tidegate.ini"
    file.write_text(file.read_text().replace(str(site.root), f"{site.root}/none"))
    router.process.signal(signal.SIGHUP)
    until("the refusal", lambda: "there is no such directory" in router.log())
    assert router.get("/a.txt").body == TEXT


def test_chromium(stage, site):
    site.put("index.html", "<!doctype html><link rel=stylesheet href=sub/a.css><script type=module src=app.mjs></script><p id=p>x")
    site.put("sub/a.css", "#p { color: rgb(1, 2, 3) }")
    site.put("app.mjs", "import { word } from './sub/word.js'; document.title = word")
    site.put("sub/word.js", "export const word = 'loaded'")
    site.compress("sub/word.js")
    site.put("big.bin", BIG)
    router = serve(stage, site)
    run = subprocess.run(["node", REAL / "apps" / "chromium_static.js", router.url("")], cwd=REAL, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    saw = json.loads(run.stdout)
    assert saw == {"title": "loaded", "color": "rgb(1, 2, 3)", "range": [206, 10, 255], "coding": "gzip", "size": len(BIG)}
    until("the second visit", lambda: any('"GET / HTTP/1.1" 304' in line for line in router.access()))
