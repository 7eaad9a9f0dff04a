"""What a test has started, in a directory of its own, and its sure end."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import router, workers
from .upstream import Upstream


class Stage:
    """Starts routers, workers and upstreams, and ends them all."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []
        self.upstreams = []

    def track(self, process):
        self.processes.append(process)
        return process

    def tidegate(self, options=None, more="", **process):
        return router.start_tidegate(self.track, self.directory, options, more, **process)

    def uwsgi_router(self, options=None, **process):
        return router.start_uwsgi_router(self.track, self.directory, options, **process)

    def upstream(self, serve, **address):
        self.upstreams.append(Upstream(serve, **address))
        return self.upstreams[-1]

    def uwsgi(self, mode="gevent", *more, **options):
        return workers.start_uwsgi(self.track, self.directory, mode, *more, **options)

    def nginx(self, server=""):
        return workers.start_nginx(self.track, self.directory, server)

    def node_echo(self):
        return workers.start_node_echo(self.track, self.directory)

    def close(self):
        for process in self.processes:
            process.stop()
        for upstream in self.upstreams:
            upstream.close()


@contextmanager
def staged(node):
    """A stage for as long as the block lasts; `node` is the pytest item or module that reports on it."""
    # A short path: unix sockets have 108 bytes for theirs.
    with tempfile.TemporaryDirectory(prefix="tidegate-") as directory:
        stage = Stage(Path(directory))
        node.stages = [*getattr(node, "stages", []), stage]
        try:
            yield stage
        finally:
            node.stages.remove(stage)
            stage.close()
