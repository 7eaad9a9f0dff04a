"""Deadlines instead of sleeps: look again until it is so, or say what was waited for."""

import threading
import time


def until(what, look, timeout=30.0, pause=0.02):
    """The first true value of `look()`; after `timeout` seconds an AssertionError that says `what`, or what it returns."""
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        late = time.monotonic() >= deadline
        assert not late, f"not within {timeout:g} s: {what() if callable(what) else what}"
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
