"""SECURITY: static files stay inside their directory, symlinks out of it refused, no directory without a slash trick."""

import pytest

from harness.site import Site
from harness.stage import staged


@pytest.fixture(scope="module")
def served(request):
    """A directory with a secret beside it, in it behind dots, and links out; `/site/` with captures, `/page` with variables."""
    with staged(request.node) as stage:
        site = Site(stage.directory)
        site.put("a.txt", "a")
        site.put("sub/index.html", "sub")
        site.put(".env", Site.SECRET)
        site.put(".git/config", Site.SECRET)
        site.put("sub/.htpasswd", Site.SECRET)
        site.put(".well-known/ok", "ok")
        site.put(".well-known/.no", Site.SECRET)
        (site.root / "out").symlink_to("../secret")
        (site.root / "out-dir").symlink_to("..")
        (site.root / "absolute").symlink_to(site.directory / "secret")
        (site.root / "sub/out").symlink_to("../../secret")
        (site.root / "sub/in").symlink_to("../a.txt")
        (site.root / "proc").symlink_to("/proc/self/root")
        (site.root / "fd").symlink_to("/proc/self/fd")
        (site.root / "loop").symlink_to("loop")
        # A sibling whose name begins as the directory's does.
        (site.directory / "root-secret").mkdir()
        (site.directory / "root-secret/x").write_bytes(Site.SECRET)
        router = stage.tidegate({
            "route": [rf"^/site/(.*)$ static:{site.root}/$1", rf"^/page$ file:{site.root}/${{qs[p]}}.txt",
                      rf"^/any$ static:{site.root}/${{qs[p]}}", rf"^/joined(.*)$ static:{site.root}/$1"],
            "default": f"static:{site.root}", "merge-slashes": "off" if request.param else "on",
        })
        router.site = site
        yield router


CORPUS = [
    "/../secret", "/../../secret", "/..", "/sub/../../secret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/..%2fsecret", "/..%2Fsecret", "/%252e%252e/secret",
    "/%252e%252e%252fsecret", "/..%252fsecret", "/.%2e/secret", "/%2e./secret", "/sub/%2e%2e/%2e%2e/secret", "/sub/..%2f..%2fsecret", "//secret",
    "//../secret", "///../secret", "/./../secret", "/.../secret", "/....//secret", "/..../secret", "/..;/secret", "/..;x=1/secret", "/..%00/secret",
    "/..%c0%afsecret", "/%c0%ae%c0%ae/secret", "/%c0%ae%c0%ae%c0%afsecret", "/%e0%80%ae%e0%80%ae/secret", "/%uff0e%uff0e/secret", "/..%5csecret",
    "/..\\secret", "/%5c..%5csecret", "/..%ef%bc%8fsecret", "/%ef%bc%8e%ef%bc%8e/secret", "/..%09/secret", "/.. /secret", "/..%20/secret", "/.%20./secret",
    "/a.txt%00.html", "/a.txt/../../secret", "/a.txt/..%2f..%2fsecret", "/a.txt//../../secret", "/out", "/out/", "/out-dir/secret", "/out-dir/",
    "/out-dir/root/out", "/absolute", "/sub/out", "/proc/etc/passwd", "/proc/proc/self/environ", "/fd/0", "/loop", "/.env", "/.git/config",
    "/.git//config", "/.git", "/.git/", "/sub/.htpasswd", "/sub/..htpasswd", "/%2eenv", "/%2Eenv", "/.env/", "/.env%20", "/./.env", "/sub/../.env",
    "/.well-known/.no", "/.well-known/../.env", "/sub/.well-known/ok", "/etc/passwd", "//etc/passwd", "/%2fetc%2fpasswd", "/file:///etc/passwd",
    "/../root-secret/x", "/-secret/x", "http://a/../secret", "http://a/%2e%2e/secret", "/?/../secret", "/;/../secret", "/sub/index.html/../../../secret",
]
PREFIXES = ["", "/site", "/joined", "/joined/sub/..", "/page?p=", "/any?p="]


def taken(router, target):
    with router.connect() as raw:
        raw.send(b"GET " + target.encode("latin-1") + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return raw.rest()


@pytest.mark.parametrize("served", [False, True], ids=["merge-slashes", "slashes-stay"], indirect=True)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_static_files_stay_inside_their_directory(served, prefix):
    for target in CORPUS:
        target = target if target.startswith("http:") else prefix + target
        got = taken(served, target)
        status = int(got.split(b" ", 2)[1])
        assert served.site.SECRET not in got and b"root:" not in got, target
        # An index, a listing of nothing: whatever is given is of the directory.
        assert status in (400, 404) or got.endswith((b"\r\n\r\na", b"\r\n\r\nsub", b"\r\n\r\nok")) or status == 301, (target, got)


@pytest.mark.parametrize("served", [False], ids=["merge-slashes"], indirect=True)
@pytest.mark.parametrize("target, body", [("/a.txt", b"a"), ("/sub/in", b"a"), ("/sub/", b"sub"), ("/site/sub/", b"sub"), ("/.well-known/ok", b"ok"),
                                          ("/page?p=a", b"a"), ("/any?p=a.txt", b"a"), ("/joined/a.txt", b"a")])
def test_what_lies_inside_is_served(served, target, body):
    assert served.get(target).body == body


@pytest.mark.parametrize("served", [False, True], ids=["merge-slashes", "slashes-stay"], indirect=True)
@pytest.mark.parametrize("target", ["/sub", "//sub", "/x/../sub", "//evil.example/../sub", "/site/sub", "//site/sub"])
def test_a_slash_is_added_and_no_host(served, target):
    response = served.get(target)
    assert response.status in (301, 404)
    assert response["Location"] in (None, "./sub/")


@pytest.mark.parametrize("served", [False], ids=["merge-slashes"], indirect=True)
def test_methods_that_write_do_nothing(served):
    for method in ["PUT", "DELETE", "POST", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "MOVE"]:
        response = served.get("/a.txt", method=method)
        assert (response.status, response["Allow"]) == (405, "GET, HEAD"), method
    assert (served.site.root / "a.txt").read_bytes() == b"a"
