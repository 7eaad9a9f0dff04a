"""Medians, ratios with intervals, verdicts, as markdown."""

import datetime
import pathlib
import platform
import random
import re
import statistics

# A verdict needs as many.
ROUNDS = 9


def median(samples, figure):
    return statistics.median(getattr(sample, figure) for sample in samples)


def ratio(ours, theirs, figure="cpu"):
    """Median of the rounds' ratios and a bootstrapped 90 % interval of it (their range below five rounds)."""
    pairs = zip(ours, theirs)
    return interval(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def interval(values):
    """Their median and where it lies, nine times out of ten."""
    values = sorted(values)
    middle = statistics.median(values)
    if len(values) < 5:
        return middle, values[0], values[-1]
    generator = random.Random(1)
    draws = sorted(
        statistics.median(generator.choices(values, k=len(values))) for _ in range(2000)
    )
    return middle, draws[100], draws[1899]


def verdict(bar, middle, low, high, rounds):
    """A bar is missed where all of the interval lies above it; few rounds decide nothing."""
    word = "**missed**" if low > bar else "met" if middle <= bar else "not decided, the bar lies within the interval"
    return word if rounds >= ROUNDS else f"{word}, but of {rounds} rounds"


def summary(rows, samples):
    """CPU per operation, and memory, of all candidates at a glance: proxies, and what WebSockets end in."""
    passed = glance("\n### CPU of the proxy, µs per operation\n", [row for row in rows if row.to != "echo"], samples)
    ended = glance("\n### CPU of the server, µs per message\n", [row for row in rows if row.to == "echo"], samples)
    return passed + ended


def glance(title, rows, samples):
    """One table, a column per candidate; the least in bold."""
    rows = [row for row in rows if samples[row.key]]
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name in samples[row.key]))
    lines = [title, f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        figure, form = ("rss", ",.0f") if row.load == "idle" else ("cpu", ".1f")
        medians = {name: median(of, figure) for name, of in samples[row.key].items()}
        least = min((value for name, value in medians.items() if name != "relay"), default=0)
        cells = []
        for name in names:
            value = medians.get(name)
            text = "" if value is None else format(value, form)
            cells.append(f"**{text}**" if value == least else text)
        title = f"{row.title} ({row.connections:,} of them), bytes of RSS" if row.load == "idle" else row.title
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def table(row, samples, reference):
    """One row of work as a table, a line per candidate."""
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


def verdicts(rows, samples, reference):
    """How tidegate stands against the bars, a line each."""
    lines = []
    for row in rows:
        of = samples[row.key]
        if reference != "tidegate" or reference not in of:
            continue
        if row.load == "idle":
            bytes_each = max(median(of[reference], "rss"), median(of[reference], "dirty"))
            lines.append(f"| {row.title} ({row.connections:,} of them) | at most {row.memory_bar:,} bytes | {bytes_each:,.0f} bytes |"
                         f" {'met' if bytes_each <= row.memory_bar else '**missed**'} |")
            continue
        for peers, bar in row.bars:
            variants = [name for name in of if name.split("-")[0] in peers]
            if not variants:
                continue
            best = min(variants, key=lambda name: median(of[name], "cpu"))
            found = ratio(of[reference], of[best])
            lines.append(f"| {row.title} | at most {bar:g} of {best}'s CPU | {{:.2f}} [{{:.2f}}, {{:.2f}}] | ".format(*found)
                         + f"{verdict(bar, *found, len(of[reference]))} |")
        if "tidegate-again" in of:
            found = ratio(of[reference], of["tidegate-again"])
            lines.append(f"| {row.title} | the same program beside it | {{:.2f}} [{{:.2f}}, {{:.2f}}] | |".format(*found))
    head = ["\n### Bars\n", "| work | bar | measured | |", "|---|---|---|---|"]
    return head + lines if lines else []


def misses(text):
    """Whether a bar was missed for certain."""
    return "**missed**" in text


def machine(versions, options):
    """When, where and with what."""
    now = datetime.datetime.now().astimezone()
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    cores = cpuinfo.count("processor\t")
    congestion = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    ours = "with the same forwarding fields as tidegate" if not options.bare else "bare"
    return [
        f"Measured {now:%Y-%m-%d %H:%M %Z} on {cores} cores of {model[1] if model else '?'}, "
        f"Linux {platform.release()}, TCP {congestion}; {options.rounds} rounds of {options.seconds:g} s, interleaved; "
        f"one worker each, peers {ours}. {'; '.join(versions)}."
    ]


def write(path, name, text):
    """Puts the text between the marks of that name in a document."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = pathlib.Path(path)
    before, mark, rest = page.read_text().partition(begin)
    _, last, after = rest.partition(end)
    if not mark or not last:
        raise SystemExit(f"{path}: the marks {begin} and {end} are missing")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
