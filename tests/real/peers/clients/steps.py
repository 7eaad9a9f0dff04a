"""What a client's command line says, and what it prints."""

import base64
import json
import os
import sys

URL, DRAFT, *STEPS = sys.argv[1:]
PROTOCOLS = list(filter(None, os.environ.get("SUBPROTOCOL", "").split(", ")))
ORIGIN = "http://peer.test"


def say(**line):
    print(json.dumps(line), flush=True)


def say_message(message):
    if isinstance(message, str):
        say(text=message)
    else:
        say(binary=base64.b64encode(message).decode())


def parts(step):
    """A step as its kind and its data, bytes for `binary`."""
    kind, data = step.split(":", 1)
    return kind, base64.b64decode(data) if kind == "binary" else data


def fail(error):
    say(error=str(error) or type(error).__name__)
    sys.exit(1)
