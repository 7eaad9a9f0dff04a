"""What Autobahn's reports say: which cases there are, what is demanded of whom, and what falls short of it."""

import json
from collections import Counter
from pathlib import Path

# Group -> number of its cases, of autobahntestsuite 25.10.1; a report without one of them is no proof.
COUNTS = {
    "1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
    "6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4, "6.10": 3, "6.11": 5,
    "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8,
    "6.22": 34, "6.23": 7, "7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
    "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1,
    **{f"12.{number}": 18 for number in range(1, 6)}, **{f"13.{number}": 18 for number in range(1, 8)},
}

SUBJECTS = {
    "1": "framing", "2": "pings and pongs", "3": "reserved bits", "4": "opcodes", "5": "fragments",
    "6": "UTF-8", "7": "closing", "9": "large and many messages", "10": "messages cut into fragments",
    "12": "compression: contents and sizes", "13": "compression: parameters",
}

# One case of each of the long groups, for a run that is to be short: the largest, the most pieces, the default size.
SAMPLE = ["9.1.6", "9.2.6", "9.3.1", "9.4.9", "9.5.1", "9.6.6", "9.7.6", "9.8.6",
          "12.1.11", "12.2.6", "12.3.11", "12.4.6", "12.5.10",
          "13.1.6", "13.2.11", "13.3.6", "13.4.11", "13.5.6", "13.6.11", "13.7.6"]

# Autobahn gives these no other verdict: the RFC leaves open what happens.
INFORMATIONAL_ONLY = {"7.1.6", "7.13.1", "7.13.2"}

# Best first; whatever is not here is a failure.
RANKS = ["OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"]


def cases(*subjects):
    """Ids of all cases of these subjects: `cases("1", "10")`."""
    return [f"{group}.{number}" for group, count in COUNTS.items() if group.split(".")[0] in subjects
            for number in range(1, count + 1)]


def order(case):
    return [int(part) for part in case.split(".")]


def read(directory, agent):
    """Case -> (verdict on what came, verdict on the close, what Autobahn says of both) from `directory`'s index."""
    index = Path(directory) / "index.json"
    found = {}
    for case, entry in json.loads(index.read_text()).get(agent, {}).items() if index.is_file() else ():
        detail = index.parent / entry["reportfile"]
        why = ""
        if detail.is_file():
            report = json.loads(detail.read_text(errors="replace"))
            why = f"{report.get('result')} {report.get('resultClose')}"
        found[case] = (entry["behavior"], entry["behaviorClose"], why)
    return found


def strict(found, wanted):
    """What is not OK in the wanted cases, a line each: a missing case as well."""
    faults = []
    for case in sorted(wanted, key=order):
        allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL_ONLY else {"OK"}
        if case not in found:
            faults.append(f"{case}: missing")
        elif not {*found[case][:2]} <= allowed:
            faults.append(f"{case}: {_spoken(found[case])}")
    return faults


def no_worse(found, alone, wanted):
    """The wanted cases with a verdict worse than `alone` has, a line each: a missing case as well."""
    faults = []
    for case in sorted(wanted, key=order):
        if case not in found or case not in alone:
            faults.append(f"{case}: missing{'' if case in alone else ' without us'}")
        elif any(_rank(ours) > _rank(theirs) for ours, theirs in zip(found[case][:2], alone[case][:2])):
            faults.append(f"{case}: {_spoken(found[case])}; without us {' / '.join(alone[case][:2])}")
    return faults


def counted(found, wanted):
    """Number of the subject -> its verdicts counted, each case by the worse of its two."""
    verdicts = {}
    for case in sorted(wanted, key=order):
        verdict = max(found[case][:2], key=_rank) if case in found else "MISSING"
        verdicts.setdefault(case.split(".")[0], Counter())[verdict] += 1
    return verdicts


def told(counter):
    """`17 OK, 1 NON-STRICT`, best first."""
    return ", ".join(f"{counter[verdict]} {verdict}" for verdict in sorted(counter, key=lambda word: (_rank(word), word)))


def _rank(verdict):
    return RANKS.index(verdict) if verdict in RANKS else len(RANKS)


def _spoken(entry):
    return f"{entry[0]} / {entry[1]}" + (f" ({entry[2]})" if entry[2] else "")
