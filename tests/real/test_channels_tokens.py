"""channel-token: JWT as PyJWT signs them let into channels, by field and by query, until they expire."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harness.waiting import until

SECRET = "a secret of thirty-two bytes, or more"
ROUTES = "route = ^/chat/([a-z]+)$ channel:$1,ids=yes\nroute = ^/publish/([a-z]+)$ publish:$1\n"


def site(stage, key, algorithm="HS256", **options):
    file = stage.directory / "token.key"
    file.write_text(key)
    options = {"workers": 2, "default": "return:404", "channel-token": f"{algorithm},{file}", **options}
    router = stage.tidegate(options, ROUTES)
    router.key = file
    return router


def token(key=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"exp": time.time() + 3600, "subscribe": ["tea", "news"], "publish": "tea", **claims}, key, algorithm)


def private(key):
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *kinds).decode()


def public(key):
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


def bearer(token):
    return f"Authorization: Bearer {token}"


def publish(router, channel, said, token):
    with router.connect() as client:
        client.get(f"/publish/{channel}", f"Content-Length: {len(said)}", bearer(token), method="POST")
        return client.send(said).response()


def joined(router, channel, count, token):
    until(f"{count} in {channel}",
          lambda: router.get(f"/publish/{channel}", bearer(token)).json()["subscribers"] == count, 10)


def refused(router, token):
    with pytest.raises(InvalidStatus) as error:
        connect(router.url(f"/chat/tea?token={token}", "ws"))
    return error.value.response


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_what_others_sign_lets_in_by_field_and_by_query(stage, algorithm):
    key = {"RS256": lambda: rsa.generate_private_key(65537, 2048),
           "ES256": lambda: ec.generate_private_key(ec.SECP256R1())}.get(algorithm)
    key = key and key()
    signs, checks = (private(key), public(key)) if key else (SECRET, SECRET)
    router = site(stage, checks, algorithm)
    good = token(signs, algorithm)
    browser = router.url(f"/chat/tea?token={good}", "ws")
    field = {"Authorization": f"Bearer {good}"}
    with (connect(browser) as one, connect(router.url("/chat/tea", "ws"), additional_headers=field) as two,
          router.connect() as by_field, router.connect() as by_query):
        by_field.get("/chat/tea", "Accept: text/event-stream", bearer(good))
        by_query.get(f"/chat/tea?token={good}", "Accept: text/event-stream")
        assert " 200 " in by_field.head()[0] and " 200 " in by_query.head()[0]
        joined(router, "tea", 4, good)
        answer = publish(router, "tea", "to all", good)
        assert answer.status == 202 and answer.json()["subscribers"] == 4
        for socket in (one, two):
            assert json.loads(socket.recv(timeout=10))["text"] == "to all"
        for events in (by_field, by_query):
            assert b"data: to all\n" in events.take_until(b"\n\n")
        one.send("of a client")
        assert json.loads(two.recv(timeout=10))["text"] == "of a client"


def test_a_route_may_want_them_and_another_not(stage):
    file = stage.directory / "token.key"
    file.write_text(SECRET)
    section = f"[route:own]\npath = ^/own$\nto = channel:tea\nchannel-token = HS256,{file}\nchannel-audience = chat\n"
    router = stage.tidegate({"default": "channel:tea"}, section)
    for path, good in (("/other", True), ("/own", False), (f"/own?token={token()}", False), (f"/own?token={token(aud='chat')}", True)):
        if good:
            with connect(router.url(path, "ws")):
                pass
            continue
        with pytest.raises(InvalidStatus) as error:
            connect(router.url(path, "ws"))
        assert error.value.response.status_code == 401, path


def test_forgeries(stage):
    """What is not signed with the key and the algorithm of the file is nothing, whatever it says of itself."""
    key = rsa.generate_private_key(65537, 2048)
    router = site(stage, public(key), "RS256")
    good = token(private(key), "RS256")
    head, body, signature = good.split(".")

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def with_public_key(secret):
        said = part({"alg": "HS256", "typ": "JWT"}) + "." + body
        signed = hmac.new(secret, said.encode(), hashlib.sha256).digest()
        return said + "." + base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    more = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | {"publish": "*"}
    for forged in (
        part({"alg": "none"}) + f".{body}.", part({"alg": "none"}) + f".{body}.{signature}",
        with_public_key(public(key).encode()), with_public_key(public(key).strip().encode()),
        token(private(rsa.generate_private_key(65537, 2048)), "RS256"), token(private(key), "RS512"),
        token(private(key), "PS256"), token(), f"{head}.{part(more)}.{signature}", "x" * 7000, "...",
    ):
        for response in (refused(router, forged), router.get("/publish/tea", bearer(forged))):
            status = getattr(response, "status_code", None) or response.status
            assert status == 401 and b"is not signed" in response.body, (forged, response.body)
    for claims, status, why in (({"exp": None}, 401, b"has no exp"), ({"exp": time.time() - 1}, 401, b"has expired"),
                                ({"aud": "shop"}, 401, b"not for this audience"),
                                ({"subscribe": "coffee", "publish": []}, 403, b"does not name this channel")):
        response = refused(router, token(private(key), "RS256", **claims))
        assert response.status_code == status and why in response.body
    assert refused(router, "").status_code == 401
    with connect(router.url(f"/chat/tea?token={good}", "ws")):
        pass


def test_hearing_and_publishing_are_granted_apart(stage):
    router = site(stage, SECRET)
    hears, says = token(publish=[]), token(subscribe=[])
    with connect(router.url(f"/chat/news?token={hears}", "ws")) as listener:
        joined(router, "news", 1, hears)
        assert publish(router, "news", "no", hears).status == 403
        assert publish(router, "news", "no", says).status == 403, "it names tea alone"
        assert publish(router, "news", "yes", token(publish="n*")).status == 202
        assert json.loads(listener.recv(timeout=10))["text"] == "yes"
        listener.send("no")
        with pytest.raises(ConnectionClosed) as closed:
            listener.recv(timeout=10)
        assert closed.value.rcvd.code == 1008
    with connect(router.url(f"/chat/tea?token={says}", "ws")) as speaker:
        with connect(router.url(f"/chat/tea?token={hears}", "ws")) as listener:
            joined(router, "tea", 1, hears)
            speaker.send("word")
            assert json.loads(listener.recv(timeout=10))["text"] == "word"


def test_what_expires_while_it_is_open_is_closed(stage):
    router = site(stage, SECRET)
    soon = token(exp=int(time.time()) + 10)
    with connect(router.url(f"/chat/tea?token={soon}", "ws")) as socket, router.connect() as events:
        events.get("/chat/tea", "Accept: text/event-stream", bearer(soon), version="1.0")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=40)
        assert closed.value.rcvd.code == 1008
        assert events.rest().startswith(b"HTTP/1.1 200 ")
    until("the log says it", lambda: sum("end=token-expired" in line for line in router.access()) == 2, 20)
    assert refused(router, soon).status_code == 401


def test_no_log_has_a_token_and_a_reload_reads_the_key_again(stage):
    router = site(stage, SECRET, **{"disable-logging": "off"})
    other = "another secret of thirty-two bytes"
    good, later = token(), token(other)

    def reload(said):
        before = len(re.findall(said, router.log()))
        os.kill(router.pid, signal.SIGHUP)
        until("the reload is over", lambda: len(re.findall(said, router.log())) > before, 20)

    with connect(router.url(f"/chat/tea?token={good}", "ws")) as socket:
        joined(router, "tea", 1, good)
        assert refused(router, later).status_code == 401
        with router.connect() as raw:
            # A browser that was shown such a page says so when it asks for its picture.
            raw.get("/favicon.ico", f"Referer: http://x/publish/tea?token={good}").response()
        router.key.write_text("short")
        reload("expected a secret of at least 32 bytes")
        joined(router, "tea", 1, good)
        router.key.write_text(other)
        reload("reload: done")
        assert refused(router, good).status_code == 401
        # Whoever was let in stays.
        assert publish(router, "tea", "still here", later).status == 202
        assert json.loads(socket.recv(timeout=10))["text"] == "still here"
    until("its line", lambda: any("GET /chat/tea?token=- " in line for line in router.access()), 20)
    for secret in (good, later, SECRET, other):
        assert secret not in router.log() and secret not in router.process.stdout()
