"""Real servers on which instances meet: Redis and NATS, as Debian has them."""

import json
import signal
import subprocess
import urllib.request

from .process import Process
from .upstream import free_port
from .waiting import until
from .workers import accepts


class Bus:
    """A server that can be killed, stopped for a while and started again at the same port."""

    def __init__(self, stage, password=None):
        self.stage, self.password, self.port = stage, password, free_port()
        self.starts, self.process = 0, None
        self.start()

    def start(self):
        self.starts += 1
        name = f"{self.scheme}-{self.starts}"
        self.process = self.stage.track(Process(name, self.command(), self.stage.directory))
        until(f"{name} listens", lambda: accepts(self.port) and self.process.alive(), 20)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def url(self, more=""):
        return f"{self.scheme}://127.0.0.1:{self.port}{more}"


class Redis(Bus):
    scheme = "redis"

    def command(self):
        secret = ["--requirepass", self.password] if self.password else []
        return ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "", "--dir", self.stage.directory, *secret]

    def with_password(self, password):
        return f"redis://:{password}@127.0.0.1:{self.port}/3"

    def listened_to(self):
        """Names that anybody listens to."""
        return self.ask("pubsub", "channels").split()

    def ask(self, *words):
        """What the server says to a command."""
        words = ["redis-cli", "-p", str(self.port), *map(str, words)]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


class Nats(Bus):
    scheme = "nats"

    def __init__(self, stage, password=None):
        self.monitor = free_port()
        super().__init__(stage, password)

    def command(self):
        secret = ["--user", "ann", "--pass", self.password] if self.password else []
        return ["nats-server", "-a", "127.0.0.1", "-p", self.port, "-m", self.monitor, *secret]

    def with_password(self, password):
        return f"nats://ann:{password}@127.0.0.1:{self.port}"

    def listened_to(self):
        """Names that anybody listens to."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/connz?subs=1", timeout=30) as answer:
            connections = json.load(answer)["connections"]
        return [name for connection in connections for name in connection.get("subscriptions_list", [])]


ENGINES = {"redis": Redis, "nats": Nats}
