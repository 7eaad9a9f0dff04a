"""What a router's resolver knows, in a file of the test's."""

import os
import subprocess

import pytest

# A file of hosts in the place of the system's, for one process: whoever may mount can do that.
MOUNTED = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']


class Hosts:
    """What the router's resolver knows. Names of the machine itself stay."""

    def __init__(self, stage):
        self.path = stage.directory / "hosts"
        self.before = [*MOUNTED, str(self.path)]
        self.set()
        if subprocess.run([*self.before, "true"], capture_output=True).returncode != 0:
            pytest.skip("only who may mount can give a process hosts of its own")

    def set(self, **names):
        lines = ["127.0.0.1 localhost", *[f"{address} {name}.test" for name, all in names.items() for address in all]]
        # In place, since what is mounted is this very file, and in one piece: at no time is it shorter or half new.
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT), "wb", buffering=0) as file:
            file.write("\n".join(lines).encode().ljust(1024, b"\n"))
