"""Who speaks what to whom: tables of cells, each with what must come of it, and what came of it in this run."""

import os
from contextlib import contextmanager

from . import ROOT

PAGE = ROOT / "docs" / "dialects.md"
SPEAKS = "yes"
NEVER = ""
FAILED = "FAILED"

HEAD = """# Who speaks what to whom

<!-- Generated from the tables in tests/real/test_dialects*.py: change them there, then run
     TIDEGATE_UPDATE=1 .venv/bin/python -m pytest tests/real -k dialects_page -->

Independent clients and servers of every draft of the WebSocket protocol. Each cell is a run of the two against each
other, with every kind of message the draft has: text, text beyond ASCII, empty, 64 KB, binary, a ping, a Close. Cells with
a word or a number instead of `yes` are what the peers themselves cannot do; that they cannot is asserted as well.
Empty: not spoken by one of the two.
"""


class Table:
    """`expected` maps (row, column) to a verdict: SPEAKS, or a few words on why not."""

    def __init__(self, name, title, text, corner, rows, columns, expected):
        self.name, self.title, self.text, self.corner = name, title, text, corner
        self.rows, self.columns = list(rows), list(columns)
        self.expected = {(row, column): expected(row, column) for row in self.rows for column in self.columns}

    def cells(self):
        """Every (row, column) in which something is to be run."""
        return [cell for cell, verdict in self.expected.items() if verdict != NEVER]

    def render(self, seen=None):
        """As a Markdown table; with the verdicts seen in a run, else those expected."""
        seen = self.expected if seen is None else seen
        lines = [[self.corner, *self.columns]]
        lines += [[row, *(seen.get((row, column), NEVER if self.expected[row, column] == NEVER else "not run") for column in self.columns)]
                  for row in self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join("| " + " | ".join(word.ljust(width) for word, width in zip(line, widths)) + " |" for line in lines)

    @contextmanager
    def cell(self, record, row, column):
        """Runs a cell: what it comes to is told by `record`, which is pytest's `record_property`."""
        try:
            yield self.expected[row, column]
        except BaseException:
            record("cell", (self.name, row, column, FAILED))
            raise
        record("cell", (self.name, row, column, self.expected[row, column]))


def page(tables):
    """docs/dialects.md."""
    parts = [HEAD]
    for table in tables:
        parts.append(f"\n## {table.title}\n\n{table.text}\n\n{table.render()}\n")
    return "".join(parts)


def hold_page(tables):
    """Asserts that the page says what the tables say, or writes it anew where TIDEGATE_UPDATE asks for that."""
    wanted = page(tables)
    if os.environ.get("TIDEGATE_UPDATE"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted, "run TIDEGATE_UPDATE=1 .venv/bin/python -m pytest tests/real -k dialects_page"


def seen_in(reports):
    """Table name -> {(row, column): verdict}, from the reports of a run."""
    seen = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "cell":
                table, row, column, verdict = value
                seen.setdefault(table, {})[row, column] = verdict
    return seen
