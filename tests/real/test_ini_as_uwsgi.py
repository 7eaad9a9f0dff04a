"""One ini text, read by tidegate and by a real uWSGI: blocks, placeholders, the environment and includes come to the same options."""

import re
import subprocess

import pytest

from harness import VENV
from harness.process import Process
from harness.router import TIDEGATE

ENVIRONMENT = {"STAGE": "blue", "EMPTY": "", "TWO": "a b"}
# What a text comes to is seen in the headers that its rules add, in their order.
TEXTS = {
    "for": """
for = a b  c
say item %(_) of %(_)
say then %(_)
endfor =
say end
""",
    "for of one": "for = alone\nsay %(_)\nendfor =\n",
    "for-times": "for-times = 4\nsay %(_)\nendfor =\n",
    "for-readline": "for-readline = {here}/lines\nsay <%(_)>\nendfor =\n",
    "if-env": "if-env = STAGE\nsay %(_)\nendif =\nif-env = NOBODY\nsay never\nendif =\n",
    "if-env of a value": "if-env = STAGE=blue\nsay yes\nend-if =\nif-env = STAGE=red\nsay never\nendif =\n",
    "if-env of an empty one": "ifenv = EMPTY\nsay it is there\nendif =\n",
    "if-not-env": "if-not-env = STAGE\nsay never\nendif =\nif-not-env = NOBODY\nsay nobody\nendif =\n",
    "if-not-env of a value": "if-not-env = STAGE=red\nsay not red\nendif =\nif-not-env = STAGE=blue\nsay never\nendif =\n",
    "if-exists": "if-exists = {here}/lines\nsay %(_)\nendif =\nif-exists = {here}\nsay a directory too\nendif =\nifexists = {here}/none\nsay never\nendif =\n",
    "if-not-exists": "if-not-exists = {here}/lines\nsay never\nendif =\nif-not-exists = {here}/none\nsay none\nendif =\n",
    "if-file": "if-file = {here}/lines\nsay %(_)\nendif =\nif-file = {here}\nsay never\nendif =\nif-file = {here}/none\nsay never\nendif =\n",
    "if-not-file": "if-not-file = {here}/lines\nsay never\nendif =\nif-not-file = {here}\nsay no file\nendif =\n",
    "if-dir": "if-dir = {here}\nsay %(_)\nendif =\nif-dir = {here}/lines\nsay never\nendif =\nifdir = {here}/none\nsay never\nendif =\nif-directory = {here}\nsay so\nendif =\n",
    "if-not-dir": "if-not-dir = {here}\nsay never\nendif =\nif-not-dir = {here}/lines\nsay a file\nendif =\n",
    "if-opt": "colour = red\nif-opt = colour\nsay %(_)\nendif =\nif-opt = colour=red\nsay red\nendif =\nif-opt = colour=blue\nsay never\nendif =\nif-opt = nothing\nsay never\nendif =\n",
    "if-opt of one further down": "if-opt = later\nsay never\nendif =\nlater = 1\nsay %(later)\n",
    "if-not-opt": "colour = red\nif-not-opt = colour\nsay never\nendif =\nif-not-opt = colour=blue\nsay not blue\nendif =\nif-not-opt = nothing\nsay nothing\nendif =\n",
    "if-hostname": "if-hostname = %h\nsay here\nendif =\nif-hostname = elsewhere.invalid\nsay never\nendif =\nif-not-hostname = elsewhere.invalid\nsay not there\nendif =\n",
    "magic variables": "say %d|%s|%n|%h|%k|100%%\n",
    "magic variables of an include": "include = {here}/more.ini\nsay %s\n",
    "placeholders": "set-placeholder = one=1\nset-ph = two=2\nset = three=3\nsay %(one)%(two)%(three)\n",
    "placeholders in placeholders": "base = /srv\nroot = %(base)/site\nsay %(root)/x\n",
    "the environment": "say $(STAGE)-$(EMPTY)-$(TWO)\n",
    "white space, comments and equal signs": "  say   a=b == c   \n; say never\n# say never\n\n\tsay tab\nsay a ; not a comment\n",
    "blocks one after the other": "for = a b\nsay %(_)\nendfor =\nif-env = STAGE\nsay %(_)\nendif =\nfor = c\nsay %(_)\nendfor =\n",
}
# text -> (ours, uWSGI's)
DIFFERENT = {
    # uWSGI leaves the item of a question that is answered by no as it is written.
    "if-not-env = NOBODY\nsay <%(_)>\nendif =\n": (["<NOBODY>"], ["<%(_)>"]),
    # `else` is new here: uWSGI 2.0 takes it for an option nobody knows, and reads on.
    "if-env = STAGE\nsay yes\nelse =\nsay no\nendif =\n": (["yes"], ["yes", "no"]),
    "if-env = NOBODY\nsay yes\nelse =\nsay no\nendif =\n": (["no"], []),
    # What a block is about is known here before the block is read; there the list is taken as it is written, and so is a name.
    "names = red green\nfor = %(names)\nsay %(_)\nendfor =\n": (["red", "green"], ["red green"]),
    "for = $(TWO)\nsay %(_)\nendfor =\n": (["a", "b"], ["a b"]),
    "base = {here}\nif-file = %(base)/lines\nsay yes\nendif =\n": (["yes"], []),
    # In names of keys items are put here only.
    "for = 1 2\nmine%(_) = v%(_)\nendfor =\nsay %(mine1)%(mine2)\n": (["v1v2"], ["%(mine1)%(mine2)"]),
    # The last one counts, as it does for every key that is no list.
    "where = first\nwhere = second\nsay %(where)\n": (["second"], ["first"]),
}
# What is refused here, and read somehow by uWSGI.
REFUSED = {
    "say $(NOBODY)\n": "the environment variable NOBODY is not set",
    "say 50%q\n": '"%q" means nothing here',
    "say %(nobody)\n": "%(nobody) is not set",
    "for = a\nfor = b\nsay %(_)\nendfor =\nendfor =\n": "blocks do not stand in each other",
    "if-env = STAGE\nsay %(_)\n": "the endif is missing",
    "endfor =\n": "there is no block that this could belong to",
}


def written(stage, text):
    """The file that both read."""
    here = stage.directory
    (here / "lines").write_text("first line\nsecond\n")
    (here / "more.ini").write_text(f"[uwsgi]\n{said('say included from %s in %d')}\n")
    file = here / "both.ini"
    file.write_text(f"[uwsgi]\nhttp = 127.0.0.1:0\nadmin = off\nhttp-to = 127.0.0.1:1\n{said(text).replace('{here}', str(here))}\nroute-run = return:200\n")
    return file


def said(text):
    return re.sub(r"(?m)^(\s*)say ", r"\1route-run = addheader:X-Said: ", text)


def here(stage, file):
    """What tidegate makes of it."""
    router = stage.tidegate(arguments=[file], env=ENVIRONMENT)
    return [value for name, value in router.get("/").fields if name == "X-Said"]


def there(stage, file):
    """What uWSGI makes of it: it shows its configuration, and ends, since it has nothing to do."""
    shown = stage.track(Process("uwsgi", [VENV / "uwsgi", "--show-config", "--no-server", file], stage.directory, env=ENVIRONMENT))
    shown.wait_for(";end of configuration")
    options = shown.log().partition("[uwsgi]\n")[2].partition(";end of configuration")[0]
    return re.findall(r"(?m)^route-run = addheader:X-Said: ?(.*)$", options)


@pytest.mark.parametrize("name", TEXTS)
def test_both_read_the_same(stage, name):
    file = written(stage, TEXTS[name])
    ours = here(stage, file)
    assert ours == [value.strip() for value in there(stage, file)]
    assert ours and "never" not in " ".join(ours)


@pytest.mark.parametrize("text", DIFFERENT)
def test_both_read_otherwise(stage, text):
    file = written(stage, text)
    assert (here(stage, file), there(stage, file)) == DIFFERENT[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_read_by_guessing_is_refused(stage, text):
    run = subprocess.run([TIDEGATE, "check", written(stage, text)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and REFUSED[text] in run.stderr, run.stderr
