"""The examples of docs/config.md: every form of a rule, every condition and every action, with the request and the result they name."""

import re
import socket
import ssl
import threading

import pytest

from harness import ROOT, websocket
from harness.certificates import Authority
from harness.upstream import http_ok, uwsgi_ok
from harness.waiting import until


def cells(row):
    """The cells of a row of a table, each as its lines without the marks of code."""
    texts = [text.replace("\\|", "|").strip() for text in re.split(r"(?<!\\)\|", row)[1:-1]]
    return [[line.removeprefix("`").removesuffix("`") for line in text.split("<br>")] for text in texts]


def examples():
    """Of each word, under each of its names, its rules, the request and what comes of it."""
    text = (ROOT / "docs" / "config.md").read_text().partition("\n## Rules\n")[2]
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    found = {}
    for number, (title, _, rules, asked, comes) in enumerate(map(cells, rows)):
        name, others = re.match(r"([\w-]+)[^`]*(?:` \(or (.*)\))?", title[0]).groups()
        for word in [name, *re.findall("[^` ]+", others or "")]:
            found[f"{number}-{word}"] = ([re.sub(rf"(?<= ){name}:", f"{word}:", rule) for rule in rules], asked, comes)
    return found


EXAMPLES = examples()


def test_there_is_one_of_every_word():
    """Of all that the parser takes, by each of their names."""
    table = (ROOT / "src" / "config" / "words.rs").read_text().partition("#[cfg(test)]")[0]
    words = re.findall(r'(?m)^    word\(\n        "([^"]+)",', table)
    others = [name for names in re.findall(r"\.also\(&\[([^\]]*)\]\)", table) for name in re.findall('"([^"]+)"', names)]
    assert len(words) > 50 and {"isequal", "redirect-permanent", "remheader"} <= set(others)
    assert len(words) == len(re.findall(r"(?m)^    word\(", table)), "none is written in another way"
    assert sorted(words + others) == sorted(name.split("-", 1)[1] for name in EXAMPLES)
    for name, (rules, _, _) in EXAMPLES.items():
        word = re.escape(name.split("-", 1)[1])
        assert any(re.search(rf"^{word} =| {word}:", rule) for rule in rules), rules


def tells(peer):
    """A server of HTTP that says what it saw, and too much of itself."""
    reply = peer.reply
    peer.reply = lambda body=b"": reply(body, "200 OK", "X-Powered-By: tests")
    http_ok(peer)


def knows(peer):
    """One that is asked who may pass."""
    while (request := peer.request()) is not None:
        user = re.match("session=(.+)", request["Cookie"] or "")
        peer.reply(b"", "200 OK", f"X-User: {user[1]}") if user else peer.reply(b"", "401 Unauthorized")


def repeats(sock):
    """Sends back what comes."""
    while data := sock.recv(1000):
        sock.sendall(data)


class Secure:
    """A server over TLS whose connections go to a function of the socket."""

    def __init__(self, pair, serve):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        try:
            with self.context.wrap_socket(sock, server_side=True) as secure:
                self.serve(secure)
        except OSError:
            pass


def decrypted(address):
    """Passes a connection on to a server without TLS."""

    def serve(secure):
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as plain:
            threading.Thread(target=pass_on, args=(plain, secure), daemon=True).start()
            pass_on(secure, plain)

    return serve


def pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


@pytest.fixture(scope="module")
def site(module_stage):
    """One router with all examples, each behind a label of its own, and the authority of its certificate."""
    stage = module_stage
    authority = Authority(stage.directory)
    pair = authority.issue("localhost", "127.0.0.1")
    files = stage.directory / "site"
    (files / "images").mkdir(parents=True)
    (files / "robots.txt").write_text("no robots")
    (files / "maintenance").write_text("")
    (stage.directory / "users").write_text("joe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    http = stage.upstream(tells).address
    written = {
        "127.0.0.1:9000": http, "127.0.0.1:3031": stage.upstream(uwsgi_ok).address, "127.0.0.1:4180": stage.upstream(knows).address,
        "127.0.0.1:5900": stage.upstream(lambda peer: repeats(peer.socket)).address, "/srv/site": str(files),
        "/etc/tidegate/users": str(stage.directory / "users"),
    }
    shop, vault = Secure(pair, decrypted(http)), Secure(pair, repeats)
    lines = []
    for name, (rules, _, _) in EXAMPLES.items():
        text = "\n".join(rules)
        for documented, real in written.items():
            text = text.replace(documented, real)
        lines += [f"route-if-not = equal:${{HTTP_X_EXAMPLE}};{name} goto:after-{name}", text, "route-run = last:", f"route-label = after-{name}"]
    more = "[tidegate]\n" + "\n".join(lines)
    for group, protocol, server in [("shop", "https", shop), ("vault", "tcps", vault)]:
        more += f"\n[upstream:{group}]\nprotocol = {protocol}\nserver = {server.address}\nca = {authority.path}\n"
    yield stage.tidegate({"default": f"http:{http}", "https": f"127.0.0.1:0,{pair}"}, more), authority
    shop.socket.close()
    vault.socket.close()


def connect(site, target):
    """A connection for this target, and its path."""
    router, authority = site
    if (path := target.removeprefix("https://localhost")) != target:
        return router.tls(authority=authority), path
    return router.connect(), target


def ask(raw, name, method, path, rest):
    """Makes the request; what the client of a WebSocket says goes with it."""
    fields = [line for line in rest if not line.startswith(('"', "says "))]
    host = next((line.split(": ")[1] for line in fields if line.startswith("Host: ")), "test")
    fields = [f"X-Example: {name}", *(line for line in fields if not line.startswith("Host: "))]
    if method == "WebSocket":
        said = [line.removeprefix("says ").encode() for line in rest if line.startswith("says ")]
        raw.send(websocket.request(path, *fields, host=host) + b"".join(websocket.frame(text, websocket.TEXT) for text in said))
        return
    body = "".join(line.strip('"') for line in rest if line.startswith('"'))
    length = [f"Content-Length: {len(body)}"] if body else []
    raw.send("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, *length, "", body]))


def seen(answer):
    """What the server says it saw, line by line."""
    said = answer.json()
    if "pairs" in said:
        return [f"{name}={value}" for name, value in said["pairs"]]
    return [f"{said['method']} {said['target']}", *(f"{name}: {value}" for name, value in said["fields"])]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(site, name):
    router, _ = site
    _, (first, *rest), comes = EXAMPLES[name]
    method, target = first.split(" ")
    raw, path = connect(site, target)
    with raw:
        ask(raw, name, method, path, rest)
        answer = raw.response()
        assert answer.status == int(comes[0]), answer
        for line in comes[1:]:
            kind, _, said = line.partition(": ")
            if line.startswith('"'):
                got = websocket.message(raw)[1] if answer.status == 101 else answer.body
                assert got.decode() == line.strip('"')
            elif line.startswith("then "):
                ask(raw, name, method, path, rest)
                assert raw.response().status == int(line.removeprefix("then "))
            elif kind == "server":
                assert said in seen(answer)
            elif kind == "log":
                until("the line", lambda: any(said in written for written in router.access()))
            elif kind == "no log":
                # Lines are written in their order: behind this one, the other would be there.
                assert router.get("/logged-behind-it").status == 200
                until("the next line", lambda: any("/logged-behind-it" in written for written in router.access()))
                assert not any(said in written for written in router.access())
            elif line.startswith("no "):
                assert answer[line.removeprefix("no ")] is None
            else:
                assert answer[kind] == said, line
