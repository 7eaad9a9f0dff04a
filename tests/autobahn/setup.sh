#!/bin/sh
# setup.sh DIR: Autobahn's wstest (PyPI autobahntestsuite, Python 2 code) as DIR/bin/wstest.
# Needs a Python 2.7: python2.7 on PATH, or one of pyenv's. Exit code 3: there is none.
set -e
dir=${1:?usage: setup.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
suite=autobahntestsuite==25.10.1

# pyenv's shims are on PATH for versions that are not chosen: only one that runs counts.
is_python2() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; }
py2=
for candidate in "$(command -v python2.7 || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
    if [ -n "$candidate" ] && is_python2 "$candidate"; then
        py2=$candidate
        break
    fi
done
[ -n "$py2" ] || exit 3

# The stamp holds what the environment was made from: a changed pin makes it anew.
cmp -s "$here/requirements.txt" "$dir/made-from" && exit 0
rm -rf "$dir" "$dir.tool"
mkdir -p "$(dirname "$dir")"
python3 -m venv "$dir.tool"
"$dir.tool/bin/pip" install -q 'virtualenv<20.22'  # the last that knows Python 2.7
"$dir.tool/bin/virtualenv" -q -p "$py2" "$dir"
"$dir/bin/pip" install -q -r "$here/requirements.txt" 2>"$dir/pip.log" &&
    "$dir/bin/pip" install -q --no-build-isolation --no-deps "$suite" 2>>"$dir/pip.log" ||
    { tail -n 40 "$dir/pip.log" >&2; exit 1; }
rm -rf "$dir.tool"
"$dir/bin/wstest" --help >/dev/null
cp "$here/requirements.txt" "$dir/made-from"
