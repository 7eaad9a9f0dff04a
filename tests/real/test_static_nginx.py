"""Ranges and conditions: the answers are those of a real nginx for the same files. Where it says something else, both answers stand here, and why."""

import os
from email.parser import BytesParser

import pytest

from harness.raw import Raw
from harness.site import Site
from harness.workers import start_nginx

SIZE = 1000
TEXT = bytes(range(48, 58)) * (SIZE // 10)
CHANGED = 1_700_000_000
DATE, BEFORE, AFTER = "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:21 GMT"

# `{tag}` is the entity tag that the server gave before.
CASES = {
    "whole": [],
    "first bytes": ["Range: bytes=0-4"],
    "from the middle on": ["Range: bytes=995-"],
    "last bytes": ["Range: bytes=-5"],
    "one byte": ["Range: bytes=999-999"],
    "beyond the end": ["Range: bytes=990-5000"],
    "more than all from the end": ["Range: bytes=-5000"],
    "all": ["Range: bytes=0-"],
    "behind the end": ["Range: bytes=1000-"],
    "none from the end": ["Range: bytes=-0"],
    "backwards": ["Range: bytes=5-4"],
    "no number": ["Range: bytes=a-b"],
    "no range": ["Range: bytes="],
    "empty": ["Range: bytes=-"],
    "unknown unit": ["Range: lines=0-4"],
    "unit in capitals": ["Range: Bytes=0-4"],
    "spaces": ["Range: bytes= 0-4 , 10-14 "],
    "two": ["Range: bytes=0-4,10-14"],
    "two, last first": ["Range: bytes=10-14,0-4"],
    "two, one from the end": ["Range: bytes=0-0,-1"],
    "two, one of them behind the end": ["Range: bytes=0-4,5000-"],
    "two, both behind the end": ["Range: bytes=5000-,6000-"],
    "two, one of them bad": ["Range: bytes=0-4,x"],
    "two that overlap": ["Range: bytes=0-9,5-14"],
    "more together than the file": ["Range: bytes=0-,0-,0-"],
    "a number beyond 64 bits": ["Range: bytes=0-99999999999999999999"],
    "it has the tag": ["If-None-Match: {tag}"],
    "it has one of the tags": ['If-None-Match: "x", {tag}'],
    "it has it weakly": ["If-None-Match: W/{tag}"],
    "it has any": ["If-None-Match: *"],
    "it has another": ['If-None-Match: "x"'],
    "it has it, and wants a part": ["If-None-Match: {tag}", "Range: bytes=0-4"],
    "it has another of that date": ['If-None-Match: "x"', f"If-Modified-Since: {DATE}"],
    "it has the tag, of an older date": ["If-None-Match: {tag}", f"If-Modified-Since: {BEFORE}"],
    "not changed since that date": [f"If-Modified-Since: {DATE}"],
    "not changed since later": [f"If-Modified-Since: {AFTER}"],
    "changed since": [f"If-Modified-Since: {BEFORE}"],
    "no date": ["If-Modified-Since: yesterday"],
    "old form of the date": ["If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT"],
    "only this": ["If-Match: {tag}"],
    "only one of these": ['If-Match: "x", {tag}'],
    "any": ["If-Match: *"],
    "only another": ['If-Match: "x"'],
    "only this, weakly": ["If-Match: W/{tag}"],
    "only if older than that": [f"If-Unmodified-Since: {BEFORE}"],
    "only if as old as that": [f"If-Unmodified-Since: {DATE}"],
    "only if older than later": [f"If-Unmodified-Since: {AFTER}"],
    "only this, though it is younger": ["If-Match: {tag}", f"If-Unmodified-Since: {BEFORE}"],
    "only another, which it has": ['If-Match: "x"', "If-None-Match: {tag}"],
    "the rest of this": ["If-Range: {tag}", "Range: bytes=990-"],
    "the rest of this, weakly": ["If-Range: W/{tag}", "Range: bytes=990-"],
    "the rest of another": ['If-Range: "x"', "Range: bytes=990-"],
    "the rest of that date": [f"If-Range: {DATE}", "Range: bytes=990-"],
    "the rest of an earlier date": [f"If-Range: {BEFORE}", "Range: bytes=990-"],
    "the rest of a later date": [f"If-Range: {AFTER}", "Range: bytes=990-"],
    "the rest of no date": ["If-Range: soon", "Range: bytes=990-"],
    "the rest of this, which is none": ["If-Range: {tag}", "Range: bytes=5000-"],
    "compressed": ["Accept-Encoding: gzip"],
    "not compressed": ["Accept-Encoding: gzip;q=0"],
    "compressed, a part": ["Accept-Encoding: gzip", "Range: bytes=0-9"],
}

# case -> (our status, nginx's)
DIFFERENT = {
    # What is no range may be ignored (RFC 9110 section 14.2); whoever sends it wants the file.
    "backwards": (200, 416), "no number": (200, 416), "empty": (200, 416), "two, one of them bad": (200, 416),
    # It would cost more than the file.
    "two that overlap": (200, 206),
    # It ends behind the end, as any other.
    "a number beyond 64 bits": (206, 416),
    # With a tag the date does not count (RFC 9110 sections 13.1.3 and 13.1.4).
    "it has the tag, of an older date": (304, 200), "only this, though it is younger": (200, 412),
    # A part of what is compressed.
    "compressed, a part": (206, 200),
}


@pytest.fixture(scope="module")
def both(module_stage):
    site = Site(module_stage.directory)
    site.put("www/a.txt", TEXT)
    site.compress("www/a.txt")
    site.put("www/empty.txt")
    for path in (site.root / "www").iterdir():
        os.utime(path, (CHANGED, CHANGED))
    address, _ = start_nginx(module_stage.track, site.root, server="gzip_static on; charset utf-8; if_modified_since before;")
    router = module_stage.tidegate({"default": f"static:{site.root}/www"})
    return {"tidegate": router.port, "nginx": int(address.rsplit(":")[-1])}


def asked(port, method, target, fields):
    """What is comparable of an answer."""
    with Raw.connect(port) as raw:
        tag = raw.get(target, method="HEAD").response("HEAD")["ETag"] or ""
        gzipped = raw.get(target, "Accept-Encoding: gzip", method="HEAD").response("HEAD")["ETag"]
        fields = [field.replace("{tag}", tag) for field in fields]
        answer = raw.get(target, *fields, "Connection: close", method=method).response(method)
    said = {name: answer[name] for name in ["Content-Range", "Content-Encoding"] if answer[name]}
    if answer.status in (200, 206):
        said["Last-Modified"] = answer["Last-Modified"]
        said["tag"] = answer["ETag"] in (tag, gzipped)
    if answer.status == 304:
        said["tag"] = answer["ETag"] == tag
    if answer.status not in (200, 206):
        return answer.status, said, b""
    if not (answer["Content-Type"] or "").startswith("multipart/byteranges"):
        return answer.status, said | {"Content-Length": answer["Content-Length"]}, answer.body
    message = BytesParser().parsebytes(f"Content-Type: {answer['Content-Type']}\r\n\r\n".encode() + answer.body)
    parts = [(part["Content-Range"], part["Content-Type"], part.get_payload(decode=True)) for part in message.get_payload()]
    return answer.status, said, parts


def has_range(case):
    return any(field.startswith("Range:") for field in CASES[case])


@pytest.mark.parametrize("case", [case for case in CASES if case not in DIFFERENT])
def test_as_nginx_answers(both, case):
    ours, theirs = (asked(both[name], "GET", "/a.txt", CASES[case]) for name in ["tidegate", "nginx"])
    assert ours == theirs


@pytest.mark.parametrize("case", DIFFERENT)
def test_otherwise_than_nginx(both, case):
    assert tuple(asked(both[name], "GET", "/a.txt", CASES[case])[0] for name in ["tidegate", "nginx"]) == DIFFERENT[case]


@pytest.mark.parametrize("case", [case for case in CASES if case not in DIFFERENT and not has_range(case)])
def test_head_as_nginx(both, case):
    ours, theirs = (asked(both[name], "HEAD", "/a.txt", CASES[case]) for name in ["tidegate", "nginx"])
    assert ours == theirs


def test_ranges_are_for_get(both):
    """RFC 9110 section 14.2; nginx has them for HEAD as well."""
    assert [asked(both[name], "HEAD", "/a.txt", ["Range: bytes=0-4"])[0] for name in ["tidegate", "nginx"]] == [200, 206]


@pytest.mark.parametrize("case", ["whole", "last bytes", "behind the end", "it has the tag", "not changed since that date", "only another"])
def test_an_empty_file(both, case):
    ours, theirs = (asked(both[name], "GET", "/empty.txt", CASES[case]) for name in ["tidegate", "nginx"])
    assert ours == theirs
