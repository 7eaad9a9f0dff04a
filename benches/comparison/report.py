"""Tables as markdown."""

import datetime
import pathlib
import platform
import re

from . import verdicts
from .candidates import CANDIDATES
from .figures import median, ratio
from .process import Failed


def summary(rows):
    """CPU per operation, and memory, of all candidates at a glance: proxies, and what WebSockets end in."""
    passed = glance("\n### CPU of the proxy, µs per operation\n", [done for done in rows if done.row.to != "echo"])
    ended = glance("\n### CPU of the server, µs per message\n", [done for done in rows if done.row.to == "echo"])
    return passed + ended


def glance(title, rows):
    """One table, a column per candidate; the least in bold."""
    if not rows:
        return []
    names = [name for name in CANDIDATES if any(name in done.samples for done in rows)]
    lines = [title, f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for done in rows:
        row = done.row
        figure, form = ("rss", ",.0f") if row.load == "idle" else ("cpu", ".1f")
        medians = {name: median(of, figure) for name, of in done.samples.items()}
        least = min((value for name, value in medians.items() if "relay" not in name), default=0)
        cells = []
        for name in names:
            value = medians.get(name)
            text = "" if value is None else format(value, form)
            cells.append(f"**{text}**" if value == least else text)
        title = f"{row.title} ({row.connections:,} of them), bytes of RSS" if row.load == "idle" else row.title
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def wakes(rows):
    """System calls per operation, and how many messages each wait for events brought."""
    lines = []
    for done in rows:
        for name, counted in done.wakes.items():
            # An echo is two messages.
            each = 2 / counted["waits"] if counted["waits"] else 0
            lines.append(f"| {done.row.title} | {name} | {counted['calls']:.3f} | {counted['waits']:.3f} | {each:,.1f} |")
    head = [
        "\n### System calls\n", "| work | | calls per operation | of them `epoll_wait` | messages per wake-up |", "|---|---|---|---|---|",
    ]
    return head + lines if lines else []


def table(done):
    """One row of work as a table, a line per candidate."""
    row, samples, reference = done.row, done.samples, "tidegate"
    lines = [f"\n### {row.title}\n"]
    if row.load == "idle":
        lines[0] = f"\n### {row.title}, {row.connections:,} of them\n"
        lines.append("| | RSS, bytes each | private dirty, bytes each |")
        lines.append("|---|---|---|")
        for name, of in samples.items():
            lines.append(f"| {name} | {median(of, 'rss'):,.0f} | {median(of, 'dirty'):,.0f} |")
        return lines
    wire = " on the wire, bytes |" if row.deflate else ""
    lines.append(
        f"| | CPU µs/op | user | system | {reference} / it | ops/s | p50 µs | p99 µs |"
        f" proxy core busy (by others) | load core idle |{wire}"
    )
    lines.append("|---" * (11 if wire else 10) + "|")
    for name, of in samples.items():
        versus = "1"
        if name != reference and reference in samples:
            versus = "{:.2f} [{:.2f}, {:.2f}]".format(*ratio(samples[reference], of))
        lines.append(
            f"| {name} | **{median(of, 'cpu'):.2f}** | {median(of, 'user'):.2f}"
            f" | {median(of, 'system'):.2f} | {versus} | {median(of, 'rate'):,.0f}"
            f" | {median(of, 'p50'):,.0f} | {median(of, 'p99'):,.0f}"
            f" | {median(of, 'proxy_core'):.0%} ({median(of, 'foreign'):.0%})"
            f" | {1 - median(of, 'load_core'):.0%} |"
            + (f" {median(of, 'wire'):,.0f} |" if wire else "")
        )
    return lines


def page(rows):
    """All of it, of the rows that are done."""
    lines = machines(rows) + verdicts.bars(rows) + verdicts.builds(rows) + summary(rows) + wakes(rows)
    for done in rows:
        lines += table(done)
    return "\n".join(lines)


def run(versions, options):
    """When, where and with what a row is measured."""
    now = datetime.datetime.now().astimezone()
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    cores = cpuinfo.count("processor\t")
    congestion = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    return {
        "at": f"{now:%Y-%m-%d %H:%M %Z}",
        "machine": f"{cores} cores of {model[1] if model else '?'}, Linux {platform.release()}, TCP {congestion}",
        "how": f"rounds of {options.seconds:g} s, interleaved; one worker each, peers "
        + ("bare" if options.bare else "with the same forwarding fields as tidegate"),
        "versions": "; ".join(versions),
    }


def machines(rows):
    """A sentence for each way in which some of the rows were measured."""
    ways = {}
    for done in rows:
        way = tuple(done.run[part] for part in ("machine", "how", "versions"))
        ways.setdefault(way, []).append(done)
    lines = []
    for (machine, how, versions), of in ways.items():
        first, last = min(done.run["at"] for done in of), max(done.run["at"] for done in of)
        when = first if first == last else f"{first} to {last}"
        counts = sorted({len(next(iter(done.samples.values()))) for done in of})
        which = f"{', '.join(f'`{done.row.key}`' for done in of)}: measured" if len(ways) > 1 else "Measured"
        lines.append(f"{which} {when} on {machine}; {' or '.join(map(str, counts))} {how}. {versions}.")
    return ["\n\n".join(lines)]


def write(path, name, text):
    """Puts the text between the marks of that name in a document."""
    before, after = parts(path, name)
    pathlib.Path(path).write_text(f"{before}\n{text.strip()}\n{after}")


def parts(path, name):
    """A document before what is between the marks of that name, and behind it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, mark, rest = pathlib.Path(path).read_text().partition(begin)
    _, last, after = rest.partition(end)
    if not mark or not last:
        raise Failed(f"{path}: the marks {begin} and {end} are missing")
    return before + begin, end + after
