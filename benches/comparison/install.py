"""Gets what a comparison needs: the peers from packages, ours from source."""

import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
UWSGI = "2.0.31"
# Servers that end WebSockets, each with what makes it fast.
WEBSOCKETS = ("websockets==17.4", "uvloop==0.23.0")
GEVENT = "gevent==26.9.0"
WS = ("ws@8.23.0", "bufferutil@4.1.0")
PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "strace": "strace",
    "openssl": "openssl",
    "node": "nodejs",
    "npm": "npm",
}
TOOLS = ("wsload", "wsecho", "relay", "fanout")


def work_dir():
    """Where configurations, logs and the virtual environment live."""
    # Cargo runs in ROOT.
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    path = target / "compare"
    path.mkdir(parents=True, exist_ok=True)
    return path


def programs(names, binary=None):
    """Paths of all programs in `names`, installed or built where they are missing."""
    found = {}
    missing = [PACKAGES[name] for name in names if name in PACKAGES and not installed(name)]
    if missing:
        apt(missing)
    for name in names:
        if name in PACKAGES:
            found[name] = installed(name)
    if "uwsgi" in names:
        found["uwsgi"] = uwsgi()
    if "websockets" in names:
        found["websockets"] = python(*WEBSOCKETS)
    if "ws" in names:
        found["ws"] = ws()
    if "tidegate" in names:
        found["tidegate"] = str(pathlib.Path(binary).resolve()) if binary else build_tidegate()
    found.update(build_tools())
    return found


def installed(name):
    """Where a program is; servers are where not everybody looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def apt(packages):
    """Installs Debian packages; RUNLEVEL=1 keeps their services from being started."""
    say(f"installing {' '.join(packages)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    env = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"]
    run(sudo + ["apt-get", "-qq", "update"])
    run(sudo + env + ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages])


def python(*packages):
    """A Python with these packages from PyPI, in a virtual environment of its own."""
    venv = work_dir() / "venv"
    program = venv / "bin" / "python"
    if not program.exists():
        run([sys.executable, "-m", "venv", str(venv)])
    pip = [str(program), "-m", "pip", "-q", "--disable-pip-version-check"]
    there = subprocess.run([*pip, "freeze"], capture_output=True, text=True).stdout.lower().split()
    missing = [package for package in packages if package.lower() not in there]
    if missing:
        say(f"installing {' '.join(missing)}")
        run([*pip, "install", *missing])
    return str(program)


def uwsgi():
    """uWSGI from PyPI, with what its WebSockets need."""
    return str(pathlib.Path(python(f"uwsgi=={UWSGI}", GEVENT)).with_name("uwsgi"))


def ws():
    """The folder of npm's modules with `ws` in it."""
    place = work_dir() / "npm"
    if not (place / "node_modules" / "ws").exists():
        say(f"installing {' '.join(WS)}")
        place.mkdir(exist_ok=True)
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), *WS])
    return str(place / "node_modules")


def build_tidegate():
    say("building tidegate")
    return cargo(["build", "--release", "--bin", "tidegate"])["tidegate"]


def build_tools():
    say("building the load generator, the backend and the relay")
    benches = [argument for tool in TOOLS for argument in ("--bench", tool)]
    made = cargo(["bench", "--no-run", "--profile", "fast", *benches])
    return {tool: made[tool] for tool in TOOLS}


def cargo(arguments, env=None):
    """Runs cargo, in this environment where one is given; returns the executables it made, by name."""
    command = ["cargo", *arguments, "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    made = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            made[message["target"]["name"]] = message["executable"]
    return made


@functools.cache
def certificate():
    """Files of a certificate for `localhost` (ECDSA on P-256), of its key, and of both, made anew for each run."""
    place = work_dir()
    files = [place / name for name in ("certificate.pem", "key.pem", "both.pem")]
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*request, *names, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    files[2].touch(mode=0o600)
    files[2].write_text(files[0].read_text() + files[1].read_text())
    return files


def versions(found):
    """One line of text for each peer that is there."""
    commands = {
        "tidegate": ["--version"],
        "nginx": ["-V"],
        "haproxy": ["-vv"],
        "uwsgi": ["--version"],
        "wrk": ["-v"],
        "node": ["--version"],
        "websockets": ["-m", "websockets", "--version"],
    }
    lines = []
    for name, arguments in commands.items():
        if name in found:
            done = subprocess.run([found[name], *arguments], capture_output=True, text=True)
            first = (done.stdout + done.stderr).strip().splitlines()[:1]
            text = first[0].split(" Copyright")[0] if first else "?"
            library = re.search(r"unning (?:with|on) (?:OpenSSL version : )?(OpenSSL \S+)", done.stdout + done.stderr)
            text += f" with {library[1]}" if library else ""
            text += f" ({digest(found[name])})" if name == "tidegate" else ""
            lines.append({"uwsgi": f"uWSGI {text}", "node": f"Node.js {text}, {WS[0]}"}.get(name, text))
    return lines


def digest(path):
    """The start of a file's SHA-256, by which two builds are told apart."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:8]


def run(command):
    subprocess.run(command, check=True, stdout=sys.stderr)


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)
