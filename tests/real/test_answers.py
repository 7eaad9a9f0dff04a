"""Our own answers: status, fields, a text people can read, and time to read it."""

import threading
import time

import pytest

from harness.upstream import http_ok
from harness.waiting import until


@pytest.fixture
def router(stage):
    upstream = stage.upstream(http_ok)
    return stage.tidegate({"route": f"^/known http:{upstream.address}"})


def test_404(router):
    response = router.get("/none")
    assert response.status == 404
    assert response["Server"] == "tidegate"
    assert response["Date"].endswith(" GMT")
    assert int(response["Content-Length"]) == len(response.body) > 0
    assert response["Content-Type"].startswith("text/plain")


def test_html_when_the_client_prefers_it(router):
    response = router.get("/none", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
    assert response["Content-Type"].startswith("text/html")
    assert b"<" in response.body


def test_404_keeps_the_connection(router):
    with router.connect() as raw:
        assert raw.get("/none").response().status == 404
        assert raw.get("/known").response().status == 200


def test_head_has_no_body(router):
    with router.connect() as raw:
        assert raw.get("/none", method="HEAD").response("HEAD").status == 404
        assert raw.get("/known").response().status == 200


def test_an_error_can_be_read_by_a_client_that_still_sends(stage):
    """The connection lingers: no reset destroys the answer under way."""
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "max-body": "1k"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        try:
            raw.send(b"x" * 3_000_000)
        except ConnectionError:
            pass
        response = raw.response()
        assert (response.status, response["Connection"].lower()) == (413, "close")


def test_a_cut_answer_takes_none_before_it_along(stage):
    """Its connection lingers as well: more was asked behind it, and lies unread in the socket."""
    asked, go = threading.Event(), threading.Event()
    whole = b"x" * 200_000

    def serve(peer):
        peer.request()
        peer.reply(whole)
        peer.request()
        asked.set()
        assert go.wait(20)
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut")

    upstream = stage.upstream(serve)
    router = stage.tidegate({"default": f"http:{upstream.address}"})
    with router.connect(receive_buffer=4096) as raw:
        raw.get("/whole").get("/cut")
        assert asked.wait(10)
        for number in range(3):
            raw.get(f"/more/{number}")
            # The first of them is read, and what comes then is not.
            time.sleep(0.1)
        go.set()
        until("the cut was seen", lambda: " end=response-cut" in "".join(router.access()))
        assert raw.response().body == whole
        assert raw.head()[0] == "HTTP/1.1 200 OK"
        assert raw.rest() == b"cut"


def test_a_chunked_body_over_the_limit(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "max-body": "1k"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100):
                raw.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except ConnectionError:
            pass
        assert raw.response().status in (413, 502)
        assert raw.is_ended()


def test_refused_upstream_is_502(stage):
    upstream = stage.upstream(http_ok)
    upstream.stop_listening()
    response = stage.tidegate({"default": f"http:{upstream.address}"}).get("/")
    assert response.status in (502, 503)
    assert response["Server"] == "tidegate"


def test_expect_100(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        line, _ = raw.head()
        assert line.startswith("HTTP/1.1 100")
        seen = raw.send("hi").response().json()
        assert seen["body"] == "hi"


def test_expect_100_with_the_body_at_once(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"})
    with router.connect() as raw:
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi")
        assert raw.response().json()["body"] == "hi"
        assert raw.get("/").response().status == 200


def test_other_expectations_are_417(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"})
    assert router.get("/", "Expect: miracles").status == 417


def test_names_of_upstreams_are_resolved(stage):
    upstream = stage.upstream(http_ok)
    router = stage.tidegate({"default": f"http:{upstream.address.replace('127.0.0.1', 'localhost')}"})
    assert router.get("/").status == 200
