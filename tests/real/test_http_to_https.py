"""`http-to-https`: a listener that sends everybody on to https, and what a reload makes of it."""

import signal

from harness.raw import Raw
from harness.upstream import free_port, http_ok
from harness.waiting import until


def test_everybody_is_sent_on(stage):
    upstream = stage.upstream(http_ok).address
    ports = [free_port(), free_port()]
    listeners = [f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]},8443"]
    router = stage.tidegate({"http-to-https": listeners, "default": f"http:{upstream}"})
    assert router.get("/").status == 200, "the other listener"
    for port, at in zip(ports, ["a.example", "a.example:8443"], strict=True):
        with Raw.connect(port) as raw:
            for _ in range(2):
                response = raw.get("/x//../y?q=%41", host="a.example:80").response()
                assert (response.status, response["Location"]) == (301, f"https://{at}/y?q=%41")
        with Raw.connect(port) as raw:
            raw.send(b"GET / HTTP/1.0\r\n\r\n")
            assert raw.response().status == 400
    until("the lines", lambda: sum("end=to-https" in line for line in router.access()) == 4)


def test_a_reload_makes_it_one_and_none(stage):
    upstream = stage.upstream(http_ok).address
    at = f"127.0.0.1:{free_port()}"
    rest = f"\nhttp = 127.0.0.1:0\nworkers = 1\nadmin = off\ndefault = http:{upstream}\n"
    router = stage.tidegate({"http-to-https": at, "default": f"http:{upstream}"})
    file = stage.directory / "tidegate.ini"
    for key, status in [("http", 200), ("http-to-https", 301)]:
        file.write_text(f"[tidegate]\n{key} = {at}{rest}")
        before = router.log().count("reload: done")
        router.process.signal(signal.SIGHUP)
        until("the reload", lambda: router.log().count("reload: done") > before)
        with Raw.connect(int(at.partition(":")[2])) as raw:
            assert raw.get("/").response().status == status
