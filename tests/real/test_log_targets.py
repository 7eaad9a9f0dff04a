"""Where the access log goes, and how lines of one's own look: the format uWSGI's documents print, and a real rsyslogd."""

import re
import signal

from harness import websocket
from harness.process import Process
from harness.upstream import http_ok
from harness.waiting import until
from test_access_log import lines, socket_end

# As uWSGI's documentation of log formatting prints it for NCSA's combined format.
NCSA = '%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(size) "%(referer)" "%(uagent)"'


def test_a_line_as_uwsgi_writes_it(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "log-format": NCSA})
    router.get("/a%20b?c=d", "Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==", "User-Agent: tester")
    line = re.fullmatch(r'127\.0\.0\.1 - Aladdin \[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] "GET (\S+) HTTP/1.1" 200 \d+ "-" "tester"',
                        lines(router, 1)[0])
    assert line and line[1] == "/a%20b?c=d", router.access()


def test_fields_of_the_request_cannot_forge_a_line(stage):
    form = "%(var.HTTP_X_ID)|%(uri)|%(end)|%(detail)"
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "log-format": form})
    router.get("/x", 'X-Id: a" 200|\\x0d\x1b[31m'.replace("\x1b", "\xe9"))
    with router.connect() as raw:
        raw.send("nonsense\r\n\r\n").response()
    first, second = lines(router, 2)
    assert first == "a\\x22 200|\\x5Cx0d\\xE9[31m|/x|done|-"
    assert second.startswith("-|-|bad-request|"), "what could not be read has no method and no target"


def test_a_websocket_in_a_line_of_its_own(stage):
    form = "%(method) %(uri) %(status) %(tunnel) %(end) %(in) %(size) %(messages_in) %(closed_by) %(draft)"
    router = stage.tidegate({"default": f"http:{stage.upstream(socket_end).address}", "log-format": form})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/live")
        raw.send(websocket.frame(b"hello"))
        assert websocket.read_frame(raw)[1] == b"hello"
    opened, ended = [line.split(" ") for line in lines(router, 2)]
    assert opened[:3] == ["GET", "/live", "101"] and opened[4] == "open"
    assert ended[:4] == ["CLOSE", "websocket", "101", opened[3]]
    assert ended[5:8] == ["11", "7", "1"] and ended[9] == "13"


def rsyslogd(stage):
    """A daemon at a unix socket and at a UDP port of its own, and the file it writes."""
    directory = stage.directory
    socket, file = directory / "log.sock", directory / "syslog.txt"
    config = directory / "rsyslog.conf"
    config.write_text(
        f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{socket}" CreatePath="on")\n'
        'template(name="all" type="string" string="%syslogfacility-text%.%syslogseverity-text% %programname%|%msg%\\n")\n'
        f'action(type="omfile" file="{file}" template="all")\n')
    command = ["rsyslogd", "-n", "-f", config, "-i", directory / "rsyslogd.pid"]
    daemon = stage.track(Process("rsyslogd", command, directory))
    until("rsyslogd's socket", socket.exists, 10)
    return daemon, socket, file


def test_to_a_syslog_daemon_that_is_restarted(stage):
    daemon, socket, file = rsyslogd(stage)
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "logto": f"rsyslog:{socket},site,local3",
                             "log-format": "%(method) %(uri) %(status)"})
    router.get("/one")
    until("the first line", lambda: file.exists() and "/one" in file.read_text(), 10)
    assert file.read_text() == "local3.info site| GET /one 200\n"
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    router.get("/nobody-hears")
    router.process.wait_for("a log cannot be written", 10)
    rsyslogd(stage)

    def heard():
        router.get("/two")
        return "/two" in file.read_text()

    until("lines at the new daemon", heard, 10, pause=0.2)
    assert "/nobody-hears" not in file.read_text()
    router.process.wait_for("a log can be written again", 10)
