"""What was measured, row by row: kept in a file, so that rows of several runs stand together."""

import dataclasses
import json
import os
import pathlib

from .measure import Sample
from .rows import ROWS, Row


@dataclasses.dataclass
class Done:
    """A row that is finished."""

    # With its rate and its connections as they were.
    row: Row
    # What it was measured with: when, where, the versions, rounds and seconds.
    run: dict
    # Candidate -> its samples, in the order of the rounds.
    samples: dict
    # Candidate -> system calls, and waits for events, per operation.
    wakes: dict


def read(path):
    """Key -> what is kept of that row, in the table's order."""
    kept = json.loads(pathlib.Path(path).read_text()) if pathlib.Path(path).exists() else {}
    return {row.key: load(row, kept[row.key]) for row in ROWS if row.key in kept}


def load(row, kept):
    row = dataclasses.replace(row, rate=kept["rate"], connections=kept["connections"])
    samples = {name: [Sample(**sample) for sample in of] for name, of in kept["samples"].items()}
    return Done(row, kept["run"], samples, kept["wakes"])


def joined(kept, done):
    """What was kept of a row and what is new of it, one behind the other where both were measured in the same way; else what is new.

    So nobody repeats a row until it pleases.
    """
    def way(of):
        return {**of.run, "at": ""}, of.row.rate, of.row.connections, set(of.samples)

    if kept is None or way(kept) != way(done):
        return done
    samples = {name: of + done.samples[name] for name, of in kept.samples.items()}
    return dataclasses.replace(done, run=kept.run, samples=samples)


def write(path, rows):
    """Puts the rows in a file, all or nothing."""
    text = json.dumps({key: plain(done) for key, done in rows.items()}, indent=1)
    new = pathlib.Path(f"{path}.new")
    new.write_text(text + "\n")
    os.replace(new, path)


def plain(done):
    samples = {name: [dataclasses.asdict(sample) for sample in of] for name, of in done.samples.items()}
    return {
        "run": done.run, "rate": done.row.rate, "connections": done.row.connections,
        "samples": samples, "wakes": done.wakes,
    }
