"""Deadlines instead of sleeps: look again until it is so, or say what was waited for."""

import threading
import time


def until(what, look, timeout=10.0, pause=0.02):
    """The first true value of `look()`; after `timeout` seconds an AssertionError that names `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(pause)


def in_background(work, *arguments):
    """Runs `work` in a thread; a connection that ends under it, or a deadline, ends it quietly."""

    def run():
        try:
            work(*arguments)
        except (OSError, EOFError):
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
