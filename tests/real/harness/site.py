"""A directory of files that a router serves, and a secret beside it."""

import gzip
import os
import subprocess
import time


class Site:
    """`root` is served; nobody may ever read `secret`."""

    SECRET = b"nobody may read this"

    def __init__(self, directory):
        self.directory = directory / "site"
        self.root = self.directory / "root"
        self.root.mkdir(parents=True)
        (self.directory / "secret").write_bytes(self.SECRET)

    def put(self, name, data=b"", age=3600):
        """A file that changed so many seconds ago."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    def put_large(self, name, size, age=3600):
        """A file without blocks on the disk, all zeros."""
        path = self.put(name)
        os.truncate(path, size)
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    def compress(self, name, age=3600):
        return self.put(f"{name}.gz", gzip.compress((self.root / name).read_bytes()), age)


def forget(path):
    """The kernel has no byte of the file in memory any more."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def curl(*arguments):
    """What curl writes to its standard output."""
    words = ["curl", "-sS", "--max-time", "60", *(str(word) for word in arguments)]
    result = subprocess.run(words, capture_output=True)
    assert result.returncode == 0, (words, result.stderr)
    return result.stdout
