"""The application behind uWSGI in the tests: echoes, streams, shows its variables, speaks WebSocket."""

import hashlib
import json
import os
import time

import uwsgi


def application(env, start_response):
    view = VIEWS.get(env["PATH_INFO"])
    if view is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such view\n"]
    query = dict(pair.split("=", 1) for pair in env["QUERY_STRING"].split("&") if "=" in pair)
    return view(env, start_response, query)


def answer(start_response, body, kind="text/plain", status="200 OK"):
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def hello(env, start_response, query):
    return answer(start_response, b"hello\n")


def variables(env, start_response, query):
    """The variables of the packet as they came."""
    shown = {key: value for key, value in env.items() if isinstance(value, str)}
    return answer(start_response, json.dumps(shown).encode(), "application/json")


def echo(env, start_response, query):
    return answer(start_response, env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0)), "application/octet-stream")


def digest(env, start_response, query):
    """Reads a body piece by piece, slowly where `?pause=` says so, and answers its length and SHA-256."""
    left, total, sha = int(env.get("CONTENT_LENGTH") or 0), 0, hashlib.sha256()
    time.sleep(float(query.get("wait", 0)))
    while left:
        piece = env["wsgi.input"].read(min(left, 65536))
        if not piece:
            break
        left -= len(piece)
        total += len(piece)
        sha.update(piece)
    body = json.dumps({"length": total, "sha256": sha.hexdigest(), "announced": env.get("CONTENT_LENGTH")}).encode()
    return answer(start_response, body, "application/json")


def stream(env, start_response, query):
    """`?pieces=N&size=M` without a length: the end of the connection ends it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(int(query.get("pieces", 10))):
        time.sleep(float(query.get("pause", 0)))
        yield b"%d;" % number + b"x" * int(query.get("size", 0))


def big(env, start_response, query):
    """`?size=N` bytes with a length."""
    size = int(query["size"])
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    piece = bytes(range(256)) * 256
    while size:
        yield piece[:size]
        size -= min(size, len(piece))


def short(env, start_response, query):
    """Announces 1000 bytes, sends 10 and dies."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    yield b"0123456789"
    os._exit(1)


def slow(env, start_response, query):
    time.sleep(float(query.get("seconds", 1)))
    return answer(start_response, b"late\n")


def chunks(env, start_response, query):
    """Reads a chunked body itself."""
    sizes, sha = [], hashlib.sha256()
    while True:
        piece = uwsgi.chunked_read(5)
        if not piece:
            break
        sizes.append(len(piece))
        sha.update(piece)
    body = json.dumps({"sizes": sizes, "length": sum(sizes), "sha256": sha.hexdigest()}).encode()
    return answer(start_response, body, "application/json")


def pid(env, start_response, query):
    return answer(start_response, b"%d" % os.getpid())


def sender(query):
    return uwsgi.websocket_send_binary if "binary" in query else uwsgi.websocket_send


def websocket(env, start_response, query):
    """Echoes every message, as text or with `?binary=1` as binary; with `?log=1` the log says what came."""
    uwsgi.websocket_handshake(env["HTTP_SEC_WEBSOCKET_KEY"], env.get("HTTP_ORIGIN", ""))
    send = sender(query)
    try:
        while True:
            message = uwsgi.websocket_recv()
            if "log" in query:
                print("came:", message[:100], flush=True)
            send(message)
    except OSError:
        return []


def websocket_nb(env, start_response, query):
    """The same, waiting on the connection's descriptor as uWSGI's documents show it. An empty message is nothing to it."""
    if {"gevent", b"gevent"} & set(uwsgi.opt):
        from gevent.select import select
    else:
        from select import select
    uwsgi.websocket_handshake(env["HTTP_SEC_WEBSOCKET_KEY"], env.get("HTTP_ORIGIN", ""))
    send, descriptor = sender(query), uwsgi.connection_fd()
    try:
        while True:
            select([descriptor], [], [], 0.5)
            while message := uwsgi.websocket_recv_nb():
                send(message)
    except OSError:
        return []


def websocket_say(env, start_response, query):
    """Sends `?count=` messages of `?size=` bytes, the variables it got if there is no size; `?sleep=` seconds later it goes
    on as an echo, with `?leave=1` it goes away."""
    uwsgi.websocket_handshake(env["HTTP_SEC_WEBSOCKET_KEY"], env.get("HTTP_ORIGIN", ""))
    seen = json.dumps({key: value for key, value in env.items() if isinstance(value, str)}).encode()
    send, message = sender(query), bytes(range(32, 96)) * (int(query.get("size", 0)) // 64) or seen
    try:
        for _ in range(int(query.get("count", 1))):
            send(message)
        time.sleep(float(query.get("sleep", 0)))
        while "leave" not in query:
            send(uwsgi.websocket_recv())
    except OSError:
        pass
    return []


VIEWS = {
    "/": hello, "/hello": hello, "/env": variables, "/echo": echo, "/digest": digest, "/stream": stream, "/big": big,
    "/short": short, "/slow": slow, "/chunks": chunks, "/pid": pid, "/ws": websocket, "/websocket": websocket, "/ws/nb": websocket_nb, "/ws/say": websocket_say,
}
