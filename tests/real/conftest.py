"""Fixtures of the tests with real peers. What a test starts is ended by its id, and shown when the test fails."""

import threading

import pytest
from websockets.sync.server import serve

from harness.dialects import TABLES
from harness.hosts import Hosts
from harness.peers import Peers
from harness.stage import staged
from harness.table import seen_in


@pytest.fixture
def stage(request):
    with staged(request.node) as stage:
        yield stage


@pytest.fixture(scope="module")
def module_stage(request):
    with staged(request.node) as stage:
        yield stage


@pytest.fixture(scope="module")
def peers(module_stage):
    """Independent WebSocket servers and clients: `peers.server("eventlet")`."""
    return Peers(module_stage)


@pytest.fixture
def tidegate(stage):
    """Starts tidegate: `tidegate({"http-to": address})`."""
    return stage.tidegate


@pytest.fixture
def hosts(stage):
    """Names that can change while a router runs that was started with `before=hosts.before`."""
    return Hosts(stage)


@pytest.fixture
def echo():
    """A server that echoes, and remembers how each of its WebSockets ended."""
    ends = []

    def run(socket):
        try:
            for message in socket:
                socket.send(message)
        finally:
            ends.append((socket.close_code, socket.close_reason))

    with serve(run, "127.0.0.1", 0, max_size=64 << 20, ping_interval=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.ends = ends
        server.address = f"127.0.0.1:{server.socket.getsockname()[1]}"
        yield server
        server.shutdown()


@pytest.fixture
def sockets():
    """WebSocket servers that know how many they hold: `sockets()` starts one."""
    running = []

    def start():
        held, ends = set(), []

        def run(socket):
            held.add(socket)
            try:
                for message in socket:
                    socket.send(message)
            finally:
                held.discard(socket)
                ends.append(socket.close_code)

        server = serve(run, "127.0.0.1", 0, ping_interval=None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.held, server.ends, server.address = held, ends, f"127.0.0.1:{server.socket.getsockname()[1]}"
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()


class Subject:
    """Either router under the same scenario. What the scenario saw is judged: tidegate must do it right; uWSGI's
    own router is there to show that the scenario catches the fault."""

    def __init__(self, name, stage):
        self.name, self.stage = name, stage
        self.is_tidegate = name == "tidegate"

    def start(self, options, **process):
        start = self.stage.tidegate if self.is_tidegate else self.stage.uwsgi_router
        return start(options, **process)

    def judge(self, right, saw):
        if self.is_tidegate:
            assert right, saw
        else:
            assert not right, f"uWSGI's router does this right after all: {saw}"


@pytest.fixture(params=["tidegate", "uwsgi-router"])
def subject(request, stage):
    return Subject(request.param, stage)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Adds command lines and logs of what a failed test had started."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for node in item.listchain():
        for stage in getattr(node, "stages", []):
            for process in stage.processes:
                report.sections.append((f"{process.name} (pid {process.pid})", process.describe()))


def pytest_terminal_summary(terminalreporter):
    """Shows the tables of who spoke what to whom in this run."""
    seen = seen_in(report for reports in terminalreporter.stats.values() for report in reports)
    for table in TABLES:
        if table.name in seen:
            terminalreporter.section(f"who speaks what to whom: {table.title[0].lower()}{table.title[1:]}")
            terminalreporter.write_line(table.render(seen[table.name]))
