"""publish: and server-sent events: what HTTP alone gets of channels, and who comes back to where it was."""

import base64
import contextlib
import hashlib
import json
import signal
import subprocess

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.admin import curl
from harness.waiting import until

LIVE = ("route = ^/live/([a-z]+)$ channel:$1,ids=yes\n"
        "route = ^/raw/([a-z]+)$ channel:$1\n"
        "route = ^/publish/([a-z]+)$ publish:$1\n")


def site(stage, **options):
    admin = stage.directory / "admin.sock"
    options = {"workers": 2, "default": "return:404", "admin": f"unix:{admin}", **options}
    router = stage.tidegate(options, more=LIVE)
    router.admin = admin
    return router


def publish(router, said, *fields, path="/publish/news", method="POST"):
    """Publishes over a connection of its own, which lands on either core."""
    said = said.encode() if isinstance(said, str) else said
    with router.connect() as client:
        client.get(path, f"Content-Length: {len(said)}", *fields, method=method)
        client.send(said)
        return client.response()


class Events:
    """A stream of server-sent events, by hand."""

    def __init__(self, router, path="/live/news", *fields, version="1.1"):
        self.raw = router.connect()
        self.raw.get(path, "Accept: text/event-stream", *fields, version=version)
        line, fields = self.raw.head()
        assert " 200 " in line, line
        self.fields = {key.lower(): value for key, value in fields}
        self.chunked = self.fields.get("transfer-encoding") == "chunked"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def event(self):
        """The next event as a dict of its fields; a comment is {'': ...}."""
        if self.chunked:
            size = int(self.raw.take_until(b"\r\n"), 16)
            text = self.raw.take(size)
            assert self.raw.take(2) == b"\r\n"
        else:
            text = self.raw.take_until(b"\n\n")
        assert text.endswith(b"\n\n")
        fields = {}
        for line in text.decode().splitlines():
            if line:
                key, value = line.split(":", 1)
                value = value.removeprefix(" ")
                fields[key] = fields[key] + "\n" + value if key in fields else value
        return fields


def joined(router, count, path="/publish/news"):
    until(f"{count} have joined", lambda: router.get(path).json()["subscribers"] == count, 10)


def test_publishing_reaches_all_and_says_how_many(stage):
    router = site(stage)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Events(router)) for _ in range(4)]
        old = stack.enter_context(Events(router, version="1.0"))
        socket = stack.enter_context(connect(router.url("/raw/news", "ws"), compression=None))
        assert streams[0].fields["content-type"] == "text/event-stream"
        assert streams[0].fields["cache-control"] == "no-store"
        assert not old.chunked
        joined(router, 6)
        ids = []
        for number in range(20):
            answer = publish(router, f"word {number}\nand more")
            assert answer.status == 202, answer.body
            assert answer.json()["subscribers"] == 6 and answer.json()["published"] == 1
            ids.append(answer.json()["id"])
        assert ids == sorted(set(ids))
        for stream in [*streams, old]:
            assert [stream.event() for _ in ids] == [
                {"id": str(id), "data": f"word {number}\nand more"} for number, id in enumerate(ids)
            ]
        assert [socket.recv(timeout=30) for _ in ids] == [f"word {number}\nand more" for number in range(20)]
    joined(router, 0)
    assert router.get("/publish/news").json() == {"channel": "news", "subscribers": 0}
    assert publish(router, "to nobody").json()["subscribers"] == 0


def test_text_binary_and_many_at_once(stage):
    router = site(stage)
    with Events(router) as stream, connect(router.url("/raw/news", "ws"), compression=None) as socket:
        joined(router, 2)
        assert publish(router, b"\0\xff").status == 202
        assert stream.event().items() >= {"event": "binary", "data": "AP8="}.items()
        assert socket.recv(timeout=30) == b"\0\xff"
        publish(router, "text", "Content-Type: application/octet-stream")
        assert socket.recv(timeout=30) == b"text"
        stream.event()
        many = "".join(json.dumps({"text": f"line {number}"}) + "\n" for number in range(500)) + '{"base64":"AP8="}'
        answer = publish(router, many, "Content-Type: application/x-ndjson")
        assert answer.status == 202 and answer.json()["published"] == 501
        assert [stream.event()["data"] for _ in range(501)] == [*(f"line {number}" for number in range(500)), "AP8="]
        assert [socket.recv(timeout=30) for _ in range(501)][-1] == b"\0\xff"
        # curl, chunked, waiting for 100.
        command = ["curl", "-sS", "-T", "-", "-H", "Expect: 100-continue", router.url("/publish/news")]
        result = subprocess.run(command, input=b"from curl", capture_output=True, timeout=30)
        assert json.loads(result.stdout)["published"] == 1, result
        assert socket.recv(timeout=30) == "from curl"


def test_what_cannot_be_published(stage):
    router = site(stage, **{"websockets-max-size": "1k"})
    text = "Content-Type: text/plain"
    lines = "Content-Type: application/x-ndjson"
    assert publish(router, b"\xff", text).status == 400
    assert publish(router, "{}", lines).status == 400
    assert publish(router, "", lines).status == 400
    assert publish(router, "x" * 1025).status == 413
    assert publish(router, "x" * 1024).status == 202
    assert publish(router, "", method="DELETE")["Allow"] == "GET, HEAD, POST, PUT"
    with router.connect() as client:
        client.get("/publish/news", "Transfer-Encoding: chunked", method="POST")
        client.send(b"401\r\n" + b"x" * 1025 + b"\r\n0\r\n\r\n")
        assert client.response().status == 413
    with pytest.raises(InvalidStatus) as refused, connect(router.url("/publish/news", "ws")):
        pass
    assert refused.value.response.status_code == 400
    assert router.get("/raw/news").status == 426
    with router.connect() as client:
        client.get("/live/news", "Accept: text/event-stream", "Last-Event-ID: never")
        assert client.response().status == 400
    with pytest.raises(InvalidStatus) as refused, connect(router.url("/raw/news?since=5", "ws")):
        pass
    assert refused.value.response.status_code == 400, "its messages have no ids"


def test_a_kept_connection_publishes_many_times(stage):
    router = site(stage)
    with router.connect() as client:
        for number in range(50):
            client.send(f"POST /publish/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi".encode())
        ids = [client.response().json()["id"] for _ in range(50)]
        assert ids == sorted(set(ids))
        client.get("/publish/a", method="HEAD")
        assert client.response(method="HEAD").status == 200


def test_who_comes_back_gets_what_it_missed_once(stage):
    router = site(stage, **{"channel-history": 50})
    first = publish(router, "first").json()["id"]
    later = [publish(router, f"{number}").json()["id"] for number in range(20)]
    for _ in range(4):
        # On either core, and while others publish.
        with Events(router, "/live/news", f"Last-Event-ID: {first}") as stream:
            later.append(publish(router, "now").json()["id"])
            got = [stream.event() for _ in later]
            assert [int(event["id"]) for event in got] == later
        with connect(router.url(f"/live/news?since={later[-3]}", "ws"), compression=None) as socket:
            later.append(publish(router, "and now").json()["id"])
            got = [json.loads(socket.recv(timeout=30)) for _ in range(3)]
            assert [message["id"] for message in got] == later[-3:]
            assert got[-1] == {"id": later[-1], "text": "and now"}


def test_gaps_are_told(stage):
    router = site(stage, **{"channel-history": 3})
    ids = [publish(router, f"{number}").json()["id"] for number in range(10)]
    with Events(router, f"/live/news?since={ids[0]}") as stream:
        assert stream.event()["event"] == "gap"
        assert [int(stream.event()["id"]) for _ in range(3)] == ids[-3:]
    with connect(router.url(f"/live/news?since={ids[2]}", "ws"), compression=None) as socket:
        assert json.loads(socket.recv(timeout=30)) == {"gap": True}
        assert [json.loads(socket.recv(timeout=30))["id"] for _ in range(3)] == ids[-3:]
    with Events(router, f"/live/news?since={ids[-1]}") as stream:
        publish(router, "next")
        assert stream.event()["data"] == "next"
    # An id of a process that was there before.
    with Events(router, "/live/other?since=1000") as stream:
        assert stream.event()["event"] == "gap"


def test_history_ends_with_its_time(stage):
    router = site(stage, **{"channel-history": "100,1s"})
    first = publish(router, "old").json()["id"]
    assert publish(router, "newer").status == 202

    def told_of_a_gap():
        with Events(router, f"/live/news?since={first - 1}") as stream:
            return stream.event().get("event") == "gap"

    until("it is too old", told_of_a_gap, 20)


def test_a_stream_that_is_silent_gets_comments_and_one_that_goes_is_forgotten(stage):
    router = site(stage, **{"channel-heartbeat": "1s"})
    with Events(router) as stream, Events(router, version="1.0") as old:
        assert stream.event() == {"": ""}
        assert old.event() == {"": ""}
        rows = curl(router.admin, "/sessions")[1]["sessions"]
        assert [row["mode"] for row in rows] == ["events", "events"]
        joined(router, 2)
    joined(router, 0)
    until("its line", lambda: sum("tunnel=" in line for line in router.access()) == 4, 10)


def test_a_stream_that_is_not_read_is_told_of_the_gap(stage):
    router = site(stage, **{"channel-backlog": 4, "websockets-max-size": "1m"})
    with Events(router) as stream:
        joined(router, 1)
        for number in range(150):
            assert publish(router, f"{number:04}" + "x" * 200_000).status == 202
        assert curl(router.admin, "/status")[1]["counters"]["channel_dropped"] > 10
        events = []
        while not events or not events[-1].get("data", "").startswith("0149"):
            events.append(stream.event())
        numbers = [int(event["data"][:4]) for event in events if "id" in event]
        assert numbers == sorted(set(numbers)) and len(numbers) < 150
        gaps = [place for place, event in enumerate(events) if event.get("event") == "gap"]
        assert gaps
        holes = [place for place, (one, two) in enumerate(zip(numbers, numbers[1:])) if two != one + 1]
        assert len(holes) == len(gaps), "each hole is told"


def test_streams_end_with_the_router(stage):
    router = site(stage, **{"drain-timeout": "2s"})
    with Events(router) as stream:
        joined(router, 1)
        router.process.signal(signal.SIGTERM)
        size = stream.raw.take_until(b"\r\n")
        assert size == b"0\r\n", "the body ends as it should"
        assert stream.raw.take(2) == b"\r\n"
        assert stream.raw.is_ended(5)


def test_channels_live_through_a_reload(stage):
    router = site(stage, **{"channel-history": 100})
    with Events(router) as stream, connect(router.url("/raw/news", "ws"), compression=None) as socket:
        joined(router, 2)
        first = publish(router, "before").json()["id"]
        curl(router.admin, "/reload", "-X", "POST")
        assert publish(router, "after").json()["subscribers"] == 2
        assert [stream.event()["data"] for _ in range(2)] == ["before", "after"]
        assert [socket.recv(timeout=30) for _ in range(2)] == ["before", "after"]
        with Events(router, f"/live/news?since={first}") as again:
            assert again.event()["data"] == "after"


def test_pages_of_other_origins_neither_publish_nor_listen(stage):
    """Rule: Origin is checked. A page needs nobody's leave to POST text anywhere."""
    router = site(stage, origin="same")
    here, there = f"http://127.0.0.1:{router.port}", "http://evil.example"
    host = f"127.0.0.1:{router.port}"
    for origin, status in ((here, 202), (there, 403), ("null", 403), (None, 202)):
        fields = [f"Origin: {origin}"] if origin else []
        with router.connect() as client:
            client.get("/publish/news", "Content-Length: 2", *fields, method="POST", host=host).send("hi")
            assert client.response().status == status, origin
        with router.connect() as client:
            client.get("/live/news", "Accept: text/event-stream", *fields, host=host)
            assert f" {200 if status == 202 else 403} " in client.head()[0], origin


def test_who_is_there(stage):
    """Names come from a password; each is there once, however often, and goes with its last connection."""
    words = {name: base64.b64encode(hashlib.sha1(name.encode()).digest()).decode() for name in ("ann", "bob")}
    users = stage.directory / "users"
    users.write_text("".join(f"{name}:{{SHA}}{word}\n" for name, word in words.items()))
    router = stage.tidegate({"workers": 2, "default": "return:404"}, more=f"route-run = basicauth:chat,{users}\n"
                            "route = ^/chat$ channel:tea,ids=yes,who=${REMOTE_USER},events=yes\n"
                            "route = ^/publish$ publish:tea\n")

    def who(name):
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:{name}".encode()).decode()}

    def there():
        with router.connect() as client:
            client.get("/publish", f"Authorization: {who('bob')['Authorization']}")
            return client.response().json()

    def come(name):
        return connect(router.url("/chat", "ws"), additional_headers=who(name), compression=None)

    with come("ann") as ann:
        told = json.loads(ann.recv(timeout=10))
        assert told.pop("id") > 0 and told == {"joined": "ann"}
        with come("bob") as bob:
            for socket in (ann, bob):
                assert json.loads(socket.recv(timeout=10))["joined"] == "bob"
            with come("ann"):
                until("three are there", lambda: there()["subscribers"] == 3, 10)
                assert there() == {"channel": "tea", "subscribers": 3, "who": ["ann", "bob"]}
            until("two are there", lambda: there()["subscribers"] == 2, 10)
            # What somebody publishes is no event, whatever it says.
            bob.send('{"left":"ann"}')
            assert json.loads(ann.recv(timeout=10))["text"] == '{"left":"ann"}', "the second ann was not news"
        assert json.loads(ann.recv(timeout=10))["left"] == "bob"
    until("nobody is there", lambda: there() == {"channel": "tea", "subscribers": 0}, 10)
