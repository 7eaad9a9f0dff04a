"""Groups of servers: their section, servers that say their name or hold requests, and who answered how often."""

import collections
import threading

from websockets.sync.client import connect


def section(servers, **options):
    """`servers` are addresses, with options behind them where there are any."""
    lines = ["[upstream:app]", *[f"server = {server}" for server in servers],
             *[f"{key.replace('_', '-')} = {value}" for key, value in options.items()]]
    return "\n".join(lines) + "\n"


def named(name):
    def run(peer):
        while peer.request() is not None:
            peer.reply(name)

    return run


class Held:
    """An upstream that answers when it is told, and knows how many it holds."""

    def __init__(self, stage, name=b"ok", **address):
        self.most = self.now = self.served = 0
        self.order = []
        self.lock, self.go = threading.Lock(), threading.Event()
        self.name = name
        self.upstream = stage.upstream(self.run, **address)
        self.address = self.upstream.address

    def run(self, peer):
        while (request := peer.request()) is not None:
            with self.lock:
                self.order.append(request.target)
                self.now += 1
                self.most = max(self.most, self.now)
            self.go.wait(30)
            with self.lock:
                self.now -= 1
                self.served += 1
            peer.reply(self.name)


def open_socket(router, path="/", **options):
    return connect(router.url(path, "ws"), ping_interval=None, compression=None, **options)


def bodies(router, count, *fields, path="/"):
    return collections.Counter(router.get(path, *fields).body for _ in range(count))
