"""How tidegate stands against its bars, and against another build of itself."""

from .figures import ROUNDS, interval, median, ratio

# Another build was better where the whole interval of the ratio lies above it.
REGRESSION = 1.03


def verdict(bar, middle, low, high, rounds):
    """A bar is missed where all of the interval lies above it, and met where all lies below; few rounds decide nothing."""
    if low > bar:
        word = "**missed**"
    elif high <= bar:
        word = "met"
    else:
        word = "met by the median" if middle <= bar else "not decided, the bar lies within the interval"
    return word if rounds >= ROUNDS else few(word, rounds)


def few(word, rounds):
    """The same of too few rounds to say so."""
    return f"{word.strip('*')}, but of {rounds} round{'s' * (rounds > 1)}"


def bars(rows):
    """What is asked of tidegate and how it stands, a line each; `rows` are those that are done."""
    lines = []
    for done in rows:
        if "tidegate" not in done.samples:
            continue
        if done.row.load == "idle":
            lines += of_memory(done)
            continue
        for peers, bar in done.row.bars:
            lines += of_peers(done, peers, bar, "cpu")
        if done.row.tail:
            lines += of_peers(done, done.row.tail, 1, "p99")
        lines += twice(done)
    head = ["\n### Bars\n", "| work | bar | measured | |", "|---|---|---|---|"]
    return head + lines if lines else []


def of_peers(done, peers, bar, figure):
    """One bar, which is the best of the peers that took part."""
    of = done.samples
    variants = [name for name in of if name.split("-")[0] in peers]
    if not variants:
        return []
    best = min(variants, key=lambda name: median(of[name], figure))
    found = ratio(of["tidegate"], of[best], figure)
    what = f"at most {bar:g} of {best}'s CPU" if figure == "cpu" else f"p99 at most {best}'s"
    return [f"| {named(done.row)} | {what} | {text(found)} | {verdict(bar, *found, len(of['tidegate']))} |"]


def twice(done):
    """How far two equal things differ."""
    of = done.samples
    if "tidegate-again" not in of:
        return []
    figure = "p99" if done.row.half else "cpu"
    found = ratio(of["tidegate"], of["tidegate-again"], figure)
    what = "the same program beside it" + (", p99" if figure == "p99" else "")
    return [f"| {named(done.row)} | {what} | {text(found)} | |"]


def of_memory(done):
    if not done.row.memory_bar:
        return []
    bytes_each = memory(done.samples["tidegate"])
    word = "met" if bytes_each <= done.row.memory_bar else "**missed**"
    return [f"| {named(done.row)} | at most {done.row.memory_bar:,} bytes | {bytes_each:,.0f} bytes | {word} |"]


def memory(of):
    return max(median(of, "rss"), median(of, "dirty"))


def builds(rows):
    """This build against the other, a line for each row."""
    lines = []
    for done in rows:
        of = done.samples
        if not {"tidegate", "vs"} <= of.keys():
            continue
        if done.row.load == "idle":
            found = interval([max(ours.rss, ours.dirty) / max(1, theirs.rss, theirs.dirty)
                              for ours, theirs in zip(of["tidegate"], of["vs"])])
            lines.append(line(done, "bytes", found))
            continue
        for figure, what in (("cpu", "CPU"), ("p99", "p99"))[: 1 + done.row.half]:
            lines.append(line(done, what, ratio(of["tidegate"], of["vs"], figure)))
    head = ["\n### This build against the other\n", "| work | | this / other | |", "|---|---|---|---|"]
    return head + lines if lines else []


def line(done, what, found):
    _, low, high = found
    word = "**regression**" if low > REGRESSION else "better" if high < 1 / REGRESSION else "no regression"
    needed = 1 if done.row.load == "idle" else ROUNDS
    rounds = len(done.samples["vs"])
    word = word if rounds >= needed else few(word, rounds)
    return f"| {named(done.row)} | {what} | {text(found)} | {word} |"


def named(row):
    """A row's title, with what was found out about it before."""
    if row.load == "idle":
        return f"{row.title} ({row.connections:,} of them)"
    return f"{row.title}: {row.rate:,} a second" if row.half else row.title


def text(found):
    return "{:.2f} [{:.2f}, {:.2f}]".format(*found)


def misses(page):
    """Whether a bar was missed for certain, or the other build was better."""
    return "**missed**" in page or "**regression**" in page
