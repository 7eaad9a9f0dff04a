"""A router in front of a recording upstream, and what came of bytes thrown at it."""

from contextlib import contextmanager

from .raw import Closed
from .upstream import http_ok


class Gate:
    """tidegate before an upstream that answers everything and writes down every byte."""

    def __init__(self, stage, options=None, serve=http_ok, more=""):
        self.upstream = stage.upstream(serve)
        self.router = stage.tidegate({"default": f"http:{self.upstream.address}", **(options or {})}, more)

    @contextmanager
    def nothing_passes(self):
        """Asserts that the upstream sees no byte while the block runs."""
        before = len(self.upstream.received)
        yield
        after = self.upstream.received
        assert len(after) == before, f"reached the upstream: {after[before:]!r}"

    def refused(self, data, *statuses, closes=True, finish=False):
        """Throws bytes, asserts one of these answers, that the connection ends, and that nothing passed."""
        with self.nothing_passes(), self.router.connect(timeout=5) as raw:
            try:
                raw.send(data)
            except ConnectionError:
                pass  # refused before all of it was sent
            if finish:
                raw.finish()
            response = raw.response()
            assert response.status in statuses, f"{response.status}, wanted {statuses}: {response.body[:200]!r}"
            assert response["Server"] == "tidegate"
            if closes:
                assert (response["Connection"] or "").lower() == "close"
                assert raw.is_ended(), "the connection stays open"
                assert raw.buffer == b"", f"bytes after the answer: {raw.buffer!r}"
        return response

    def passed(self, data):
        """Throws bytes and returns what the upstream saw as its request."""
        with self.router.connect(timeout=5) as raw:
            response = raw.send(data).response()
            assert response.status == 200, f"{response.status}: {response.body[:200]!r}"
            return response.json()

    def all_answers(self, data, timeout=5):
        """Throws bytes and collects statuses until the connection ends or falls silent."""
        statuses = []
        with self.router.connect(timeout=timeout) as raw:
            try:
                raw.send(data)
                while True:
                    statuses.append(raw.response().status)
            except (Closed, TimeoutError, ConnectionError):
                return statuses
