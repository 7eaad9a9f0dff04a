"""Whoever tries to get past a password or a limit, or to make others wait for it."""

import base64
import subprocess

import pytest

from harness.upstream import http_ok
from harness.waiting import until


def basic(user, scheme="Basic"):
    return f"Authorization: {scheme} {base64.b64encode(user.encode('latin-1')).decode()}"


@pytest.fixture
def site(stage):
    """A router that asks for a password of a file below /file, of the rule below /rule, and for none elsewhere."""
    file = stage.directory / "users"
    subprocess.run(["htpasswd", "-cbB", "-C", "10", file, "joe", "secret"], check=True, capture_output=True)
    return stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"},
                          f"[tidegate]\nroute = ^/file basicauth:a,{file}\nroute = ^/rule basicauth:a,joe:secret\n")


FORGED = {
    "no field": [], "another scheme": [basic("joe:secret", "Bearer")], "no colon": [basic("joe")], "nothing": ["Authorization:"],
    "no base64": ["Authorization: Basic joe:secret"], "spaces": ["Authorization: Basic    "], "only a colon": [basic(":")],
    "NUL behind": [basic("joe:secret\0")], "NUL inside": [basic("joe\0:secret")], "a line behind": [basic("joe:secret\n")],
    "space in front": [basic(" joe:secret")], "a longer name": [basic("joee:secret")], "case": [basic("Joe:secret")],
    "two, the right one first": [basic("joe:secret"), basic("root:x")], "two, the right one second": [basic("joe:x"), basic("joe:secret")], "one field with two": [basic("joe:x") + ", " + basic("joe:secret")[15:]],
    "the variable's name": ["REMOTE_USER: joe", "Remote-User: joe"], "of a proxy": ["Proxy-Authorization: " + basic("joe:secret")[15:]],
    "a giant": [basic("joe:" + "x" * 9000)], "a giant name": [basic("x" * 9000 + ":secret")], "the right one and a giant's rest": [basic("joe:secret" + "\0" * 5000)],
}


@pytest.mark.parametrize("place", ["/file", "/rule"])
@pytest.mark.parametrize("case", FORGED)
def test_passwords_that_are_none(site, place, case):
    assert site.get(place, *FORGED[case]).status in (400, 401)
    assert site.get(place, basic("joe:secret")).status == 200


@pytest.mark.parametrize("path", ["/x/../file", "/%66ile", "//file", "/./rule", "/x/%2e%2e/rule", "/file/%2e%2e/rule"])
def test_no_way_around(site, path):
    assert site.get(path).status == 401


@pytest.mark.parametrize("line", ["OPTIONS *", "OPTIONS http://site"])
def test_what_asks_about_the_whole_server_is_asked_too(stage, line):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "route": "^/ basicauth:a,joe:secret"})
    with router.connect() as raw:
        for fields, status in [("", 401), (basic("joe:secret") + "\r\n", 200)]:
            raw.send(f"{line} HTTP/1.1\r\nHost: site\r\n{fields}\r\n")
            answer = raw.response()
            assert answer.status == status
    assert answer.json()["target"] == "*"


def test_many_wrong_ones_at_once_stop_nobody_else(site):
    """400 at once: as many as may wait are compared, the others told to come again, and whoever needs none is served meanwhile."""
    assert site.get("/file", basic("joe:secret")).status == 200
    guesses = [site.connect() for _ in range(400)]
    for number, raw in enumerate(guesses):
        raw.get("/file", basic(f"joe:{number}"))
    for _ in range(20):
        assert site.get("/").status == site.get("/rule", basic("joe:secret")).status == 200
        assert site.get("/file", basic("joe:secret")).status == 200, "who was known before is known"
    statuses = []
    for raw in guesses:
        with raw:
            raw.timeout = 60
            statuses.append(raw.response().status)
    assert set(statuses) == {401, 503}
    until("everything as before", lambda: site.get("/file", basic("joe:wrong")).status == 401, 60)


def test_a_client_that_leaves_while_its_password_is_compared(site):
    for _ in range(30):
        with site.connect() as raw:
            raw.get("/file", basic("joe:wrong"))
    until("an answer", lambda: site.get("/file", basic("joe:secret")).status == 200)


def test_a_flood_of_keys_frees_nobody(stage):
    router = stage.tidegate({"default": "echo:"}, "[tidegate]\nroute-run = limit:1/h,burst=3,key=${HTTP_X_KEY}\nroute-run = break:204\n")
    with router.connect() as raw:
        assert [raw.get("/", "X-Key: greedy").response().status for _ in range(4)] == [204, 204, 204, 429]
        for start in range(0, 20000, 100):
            raw.send("".join(f"GET / HTTP/1.1\r\nHost: a\r\nX-Key: {start + number}\r\n\r\n" for number in range(100)))
            for _ in range(100):
                assert raw.response().status == 204
        assert raw.get("/", "X-Key: greedy").response().status == 429


@pytest.mark.parametrize("field", ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1"])
def test_an_address_that_is_only_said_is_not_counted(stage, field):
    router = stage.tidegate({"default": "echo:"}, "[tidegate]\nroute-run = limit:1/h\nroute-run = break:204\n")
    assert [router.get("/").status, router.get("/", field).status] == [204, 429]
