"""conf/django.ini in front of a real Django under a real uWSGI: pages, forms, files and a WebSocket, all over TLS."""

import http.cookiejar
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness import APPS, VENV
from harness.certificates import Authority
from harness.conf import conf
from harness.process import Process
from harness.raw import Raw
from harness.tls import context

PASSWORD = "correct horse"
SITE = APPS / "django" / "site_app.py"


class Browser:
    """Somebody with cookies, who checks certificates."""

    def __init__(self, router, authority):
        self.origin = router.url("", "https")
        self.jar = http.cookiejar.CookieJar()
        self.tls = context(authority)
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.tls), urllib.request.HTTPCookieProcessor(self.jar))

    def ask(self, path, data=None, **fields):
        """A response; its body is in `text`."""
        fields = {"Origin": self.origin, "Referer": self.origin + "/"} | {name.replace("_", "-"): value for name, value in fields.items()}
        request = urllib.request.Request(self.origin + path, data=data, headers=fields)
        try:
            with self.opener.open(request, timeout=30) as response:
                response.text = response.read()
                return response
        except urllib.error.HTTPError as error:
            error.text = error.read()
            return error

    def who(self):
        return json.loads(self.ask("/who/").text)

    def log_in(self):
        page = self.ask("/admin/login/").text.decode()
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1]
        form = {"csrfmiddlewaretoken": token, "username": "ann", "password": PASSWORD, "next": "/admin/"}
        return self.ask("/admin/login/", urllib.parse.urlencode(form).encode())

    def websocket(self, origin=None):
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)
        return connect(self.origin.replace("https", "wss") + "/ws/live/", ssl=self.tls, origin=origin or self.origin,
                       additional_headers={"Cookie": cookies}, open_timeout=30)


@pytest.fixture(scope="module")
def site(module_stage):
    """The site's directory, and the router in front of it."""
    stage, home = module_stage, module_stage.directory / "site"
    (home / "media").mkdir(parents=True)
    environment = {**os.environ, "SITE": str(home), "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    for command in [["migrate"], ["collectstatic", "--no-input"], ["createsuperuser", "--no-input", "--username", "ann", "--email", "ann@example.com"]]:
        subprocess.run([VENV / "python", SITE, *command, "-v", "0"], env=environment, check=True, timeout=120)
    for name, more in [("pages", ["--processes", 2]), ("live", ["--gevent", 100])]:
        command = [VENV / "uwsgi", "--socket", home / f"{name}.sock", "--chdir", SITE.parent, "--module", "site_app", "--master", "--die-on-term", *more]
        stage.track(Process(f"uwsgi-{name}", command, stage.directory, env={"SITE": str(home)})).wait_for("spawned uWSGI worker 1 ", 60)
    authority = Authority(stage.directory)
    certificate, key = str(authority.issue("localhost", "127.0.0.1")).split(",")
    router = conf(stage, "django.ini", {
        ":8443,/etc/ssl/site.pem,/etc/ssl/site.key": f"127.0.0.1:0,{certificate},{key}", ":8080,8443": "127.0.0.1:0,8443",
        "server = /run/site/": f"server = {home}/", "/srv/site/": f"{home}/",
    })
    router.authority = authority
    return router


@pytest.fixture
def browser(site):
    return Browser(site, site.authority)


def test_django_knows_its_client(site, browser):
    said = browser.who()
    assert (said["user"], said["secure"], said["address"]) == ("", True, "127.0.0.1")
    assert said["host"] == browser.origin.removeprefix("https://")
    lied = json.loads(browser.ask("/who/", X_Forwarded_For="9.9.9.9", X_Forwarded_Proto="http", X_Forwarded_Host="evil.example").text)
    assert (lied["secure"], lied["address"], lied["host"]) == (True, "127.0.0.1", said["host"]), "nothing that a client says"
    assert "max-age=31536000" in browser.ask("/who/").headers["Strict-Transport-Security"]


def test_a_form_and_a_session(browser):
    assert browser.ask("/admin/").url.endswith("/admin/login/?next=/admin/"), "a stranger is sent to the login page"
    assert b"Site administration" in browser.log_in().text
    assert browser.who()["user"] == "ann"
    assert browser.ask("/upload/", b"", X_CSRFToken="wrong").status == 403


def test_static_files_have_the_names_that_pages_say(browser):
    page = browser.ask("/admin/login/").text.decode()
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert styles and all(re.search(r"\.[0-9a-f]{12}\.css$", name) for name in styles)
    for name in styles:
        style = browser.ask(name)
        assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in style.headers["Cache-Control"] and style.headers["Server"] == "tidegate"
        assert browser.ask(name, If_None_Match=style.headers["ETag"]).status == 304
    assert browser.ask("/static/none.css").status == 404
    assert browser.ask("/static/../db").status == 404


def test_what_was_uploaded_can_be_seen(browser):
    browser.log_in()
    picture = os.urandom(3 << 20)
    # As long as a browser's: Django finds it anywhere, and three random bytes are soon among so many.
    mark = b"----" + os.urandom(16).hex().encode()
    body = b"--%b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.html\"\r\n\r\n%b\r\n--%b--\r\n" % (mark, picture, mark)
    kind = f"multipart/form-data; boundary={mark.decode()}"
    answer = browser.ask("/upload/", body, Content_Type=kind, X_CSRFToken=browser.who()["token"])
    said = json.loads(answer.text)
    assert said["size"] == len(picture)
    seen = browser.ask(said["url"])
    assert seen.text == picture
    assert (seen.headers["Content-Security-Policy"], seen.headers["X-Content-Type-Options"]) == ("sandbox", "nosniff")
    part = browser.ask(said["url"], Range="bytes=1000000-1000999")
    assert (part.status, part.text) == (206, picture[1_000_000:1_001_000])


def test_a_websocket_of_whoever_is_logged_in(browser):
    with pytest.raises(InvalidStatus) as stranger:
        browser.websocket()
    assert stranger.value.response.status_code == 403
    browser.log_in()
    with browser.websocket() as socket:
        assert socket.recv(timeout=30) == "hello ann"
        for message in ["a", "b" * 100_000]:
            socket.send(message)
            assert socket.recv(timeout=30) == message
    with pytest.raises(InvalidStatus) as elsewhere:
        browser.websocket(origin="https://evil.example")
    assert elsewhere.value.response.status_code == 403


def test_http_is_sent_on_to_https(site):
    port = int(re.search(r"http-to-https://127\.0\.0\.1:(\d+)", site.log())[1])
    with Raw.connect(port) as raw:
        response = raw.get("/admin/?x=1", host="localhost:8080").response()
    assert (response.status, response["Location"]) == (301, "https://localhost:8443/admin/?x=1")
