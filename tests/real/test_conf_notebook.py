"""conf/notebook.ini in front of a real Jupyter server: pages, API and a kernel that computes."""

import json
import urllib.request
import uuid

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness import ROOT
from harness.conf import conf
from harness.process import Process
from harness.upstream import free_port, http_ok

JUPYTER = ROOT / ".tools" / "jupyter" / "bin" / "jupyter-server"
TOKEN = "0123456789abcdef"


@pytest.fixture
def router(stage):
    port = free_port()
    home = stage.directory / "home"
    home.mkdir()
    command = [JUPYTER, "--ip", "127.0.0.1", "--port", port, "--no-browser", "--allow-root", "--ServerApp.base_url=/notebooks/",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}",
               "--ServerApp.iopub_data_rate_limit=1e9"]
    folders = {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_CONFIG_DIR": str(home), "IPYTHONDIR": str(home)}
    jupyter = stage.track(Process("jupyter", command, stage.directory, env=folders))
    jupyter.wait_for("is running at", 60)
    site = stage.upstream(http_ok)
    return conf(stage, "notebook.ini", {":8080": "127.0.0.1:0", "127.0.0.1:8000": site.address, "127.0.0.1:8888": f"127.0.0.1:{port}"})


def api(router, path, body=None):
    """What the server's API says, once asked through the router."""
    request = urllib.request.Request(router.url(f"/notebooks/api/{path}"), data=body, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def computed(socket, code):
    """What a kernel prints when it runs `code`."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "u", "session": "s", "version": "5.4", "date": ""}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    socket.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
    while True:
        message = json.loads(socket.recv(timeout=60))
        if message["parent_header"].get("msg_id") == header["msg_id"] and message["msg_type"] == "stream":
            return message["content"]["text"]


def test_a_kernel_computes(router):
    assert api(router, "status")["started"]
    kernel = api(router, "kernels", b"{}")["id"]
    channels = router.url(f"/notebooks/api/kernels/{kernel}/channels?token={TOKEN}", "ws")
    with connect(channels, origin=router.url("").rstrip("/"), max_size=None, open_timeout=60) as socket:
        assert computed(socket, "print(6 * 7)") == "42\n"
        size = 3 << 20
        assert len(computed(socket, f"print('x' * {size}, end='')")) == size, "more than the usual megabyte"
    with pytest.raises(InvalidStatus) as refused:
        connect(channels, origin="http://elsewhere.example")
    assert refused.value.response.status_code == 403


def test_the_prefix_and_the_rest(router):
    moved = router.get("/notebooks")
    assert (moved.status, moved["Location"]) == (301, "/notebooks/")
    assert router.get("/").status == 200
    assert router.get("/notebooks/api/contents").status in (302, 403), "asked by nobody Jupyter knows"
