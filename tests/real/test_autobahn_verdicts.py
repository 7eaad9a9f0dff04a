"""The checker of Autobahn's reports sees every fault: reports as wstest writes them, doctored one way each."""

import json

import pytest
import run
import verdicts

EVERY = verdicts.cases(*verdicts.SUBJECTS)


def entry(case, verdict=None, closed=None):
    usual = "INFORMATIONAL" if case in verdicts.INFORMATIONAL_ONLY else "OK"
    return {"behavior": verdict or usual, "behaviorClose": closed or usual, "duration": 1, "remoteCloseCode": 1000,
            "reportfile": f"agent_case_{case.replace('.', '_')}.json"}


@pytest.fixture
def report(tmp_path):
    """Writes a report of all cases with these changes, and reads it as the checker does."""

    def write(changes=(), without=(), name="agent"):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        entries = {case: entry(case) for case in EVERY if case not in without}
        entries |= {case: entry(case, *verdict) for case, verdict in dict(changes).items()}
        (directory / "index.json").write_text(json.dumps({name: entries}))
        (directory / "agent_case_3_2.json").write_text(json.dumps({"result": "What came.", "resultClose": "How it ended."}))
        return verdicts.read(directory, name)

    return write


def test_there_are_517_cases():
    assert len(EVERY) == len(set(EVERY)) == 517
    assert set(verdicts.SAMPLE) <= set(EVERY)
    sampled = {case.rsplit(".", 1)[0] for case in verdicts.SAMPLE}
    assert sampled == {group for group in verdicts.COUNTS if group.split(".")[0] in ("9", "12", "13")}


def test_a_good_report_has_no_fault(report):
    assert verdicts.strict(report(), EVERY) == []
    assert verdicts.no_worse(report(), report(), EVERY) == []


@pytest.mark.parametrize("case, verdict", [
    ("3.2", ("NON-STRICT", "OK")), ("3.2", ("OK", "UNCLEAN")), ("3.2", ("FAILED", "FAILED")), ("12.1.1", ("UNIMPLEMENTED", "OK")),
    ("3.2", ("INFORMATIONAL", "OK")), ("3.2", ("OK", "WRONG CODE")), ("7.1.6", ("FAILED", "FAILED")), ("9.1.1", ("NEW WORD", "OK")),
])
def test_strict_means_ok(report, case, verdict):
    why = " (What came. How it ended.)" if case == "3.2" else ""
    assert verdicts.strict(report({case: verdict}), EVERY) == [f"{case}: {' / '.join(verdict)}{why}"]


def test_a_missing_case_is_a_fault(report, tmp_path):
    assert verdicts.strict(report(without=["6.22.34"]), EVERY) == ["6.22.34: missing"]
    assert verdicts.no_worse(report(without=["6.22.34"]), report(), EVERY) == ["6.22.34: missing"]
    assert verdicts.no_worse(report(), report(without=["6.22.34"]), EVERY) == ["6.22.34: missing without us"]
    assert len(verdicts.strict(verdicts.read(tmp_path / "nowhere", "agent"), EVERY)) == 517
    report()
    assert verdicts.read(tmp_path / "agent", "another") == {}


def test_worse_than_without_us(report):
    def compare(ours, theirs):
        return bool(verdicts.no_worse(report({"5.1": ours}), report({"5.1": theirs}), EVERY))

    for ours, theirs in [(("NON-STRICT", "OK"), ("OK", "OK")), (("OK", "UNCLEAN"), ("OK", "OK")), (("FAILED", "OK"), ("NON-STRICT", "OK")),
                         (("FAILED", "OK"), ("UNIMPLEMENTED", "OK")), (("OK", "FAILED"), ("NON-STRICT", "OK"))]:
        assert compare(ours, theirs)
        assert not compare(theirs, theirs)
    assert not compare(("OK", "OK"), ("NON-STRICT", "UNCLEAN"))


def test_what_is_told(tmp_path, capsys):
    """A line per group, one per fault, and their number: echo is judged strictly, a tracked tunnel by its server."""
    cases = ["3.1", "3.2", "7.1.6"]

    def write(candidate):
        directory = tmp_path / candidate / "frames"
        directory.mkdir(parents=True)
        entries = {case: entry(case, *(["NON-STRICT", "OK"] if case == "3.1" else [])) for case in cases}
        (directory / "index.json").write_text(json.dumps({candidate: entries}))

    for candidate in ("alone", "track", "echo"):
        write(candidate)
    jobs = [(candidate, "frames", cases) for candidate in ("alone", "track", "echo")]
    assert run.tell(tmp_path, jobs) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "echo  3  reserved bits: 1 OK, 1 NON-STRICT" in lines
    assert "echo  7  closing: 1 INFORMATIONAL" in lines
    assert [line for line in lines if line.startswith("FAILED")] == ["FAILED echo 3.1: NON-STRICT / OK"]
