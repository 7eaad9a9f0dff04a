"""wrk: many keep-alive connections at once, without one error."""

import re
import subprocess

import pytest


def load(url, *more):
    result = subprocess.run(["wrk", "-t2", "-c64", "-d3s", *more, url], capture_output=True, text=True, timeout=30)
    requests = int(re.search(r"(\d+) requests in", result.stdout)[1])
    assert "Socket errors" not in result.stdout, result.stdout
    assert "Non-2xx" not in result.stdout, result.stdout
    return requests


@pytest.mark.parametrize("workers", [1, 2])
def test_nginx_behind(stage, workers):
    address, _ = stage.nginx()
    (stage.directory / "www" / "small.txt").write_text("x" * 100)
    router = stage.tidegate({"default": f"http:{address}", "workers": workers})
    assert load(router.url("/small.txt")) > 500


def test_uwsgi_behind(stage):
    address, _ = stage.uwsgi("gevent", "--listen", "100")
    router = stage.tidegate({"http-to": address})
    assert load(router.url("/hello")) > 100


def test_a_connection_for_each_request(stage):
    address, _ = stage.nginx()
    (stage.directory / "www" / "small.txt").write_text("x" * 100)
    router = stage.tidegate({"default": f"http:{address}"})
    assert load(router.url("/small.txt"), "-H", "Connection: close") > 200
