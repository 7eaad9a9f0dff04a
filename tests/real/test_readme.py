"""README as a new user follows it: its files as they stand there, only the ports are free ones."""

import re
import shlex
import subprocess

from harness import ROOT, VENV
from harness.echoes import echo_all
from harness.process import Process
from harness.router import TIDEGATE
from harness.upstream import free_port

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_in_front_of_a_uwsgi_app(stage):
    app, site = blocks("python")[0], blocks("ini")[0]
    command = re.search(r"^uwsgi --socket .*$", README, re.M)[0]
    worker, front = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    (stage.directory / "app.py").write_text(app)
    (stage.directory / "site.ini").write_text(site.replace("127.0.0.1:3031", worker).replace("http = :8080", f"http = {front}"))
    words = shlex.split(command.replace("127.0.0.1:3031", worker))
    uwsgi = stage.track(Process("uwsgi", [VENV / words[0], *words[1:]], stage.directory))
    uwsgi.wait_for("spawned uWSGI worker 1")
    router = stage.tidegate(arguments=["site.ini"])
    out = subprocess.run(["curl", "-sS", f"http://{front}/"], capture_output=True, timeout=10, check=True).stdout
    assert out == b"hello from a worker\n"
    echo_all(router.url("/echo", "ws"), sizes=[5, 1000], kinds=("text",))


def test_every_ini_file_is_fine(tmp_path):
    for number, text in enumerate(blocks("ini")):
        file = tmp_path / f"{number}.ini"
        file.write_text(text)
        result = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True, timeout=10)
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
