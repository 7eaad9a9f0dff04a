"""What 100 reloads leave in memory, a WebSocket opened in each: nothing of the configurations they began under."""

from contextlib import ExitStack

from harness.process import memory
from harness.router import ini
from test_reload import Site, open_socket

TURNS, HOLDING, RULES, TEXT = 100, 10, 2000, 500
# What the texts of one configuration's rules take, to say nothing of what matches them.
ONE = RULES * TEXT


def configured(turn):
    """As many rules, with texts that no other turn has."""
    text = str(turn).rjust(TEXT, "x")
    return ini({"route": [f"^/r{number}$ send:{text}" for number in range(RULES)]})


def test_a_configuration_goes_when_nobody_decides_by_it(stage, echo):
    site = Site(stage)
    silent = stage.upstream(lambda peer: (peer.request(), peer.rest()))
    begin = {"default": f"http:{echo.address}", "workers": 1, "http-timeout": "1h", "disable-logging": "on",
             "route": [f"^/asks auth:http:{silent.address}/", f"^/ws http:{echo.address}"]}
    router = site.start(begin, configured(0))

    def reload(turn):
        site.write({}, configured(turn))
        site.hup()
        return turn

    turns = iter(range(1, 1000))
    for _ in range(HOLDING):
        reload(next(turns))
    before = memory(router.pid)
    asking = []
    for _ in range(HOLDING):
        reload(next(turns))
        asking.append(router.connect().get("/asks"))
        silent.connections(len(asking))
    held = memory(router.pid)
    assert held - before > HOLDING // 2 * ONE, "whoever is not decided on holds all rules: one kept for nothing would be seen"
    for raw in asking:
        raw.reset()
    silent.ended(HOLDING)
    with ExitStack() as stack:
        sockets = []
        for _ in range(TURNS):
            reload(next(turns))
            sockets.append(stack.enter_context(open_socket(router, "/ws")))
        assert memory(router.pid) - held < HOLDING * ONE, "those of all turns would be ten times that"
        for live in sockets:
            live.send("still there")
            assert live.recv(timeout=10) == "still there"
    last = reload(next(turns))
    assert router.get(f"/r{RULES - 1}").body.endswith(b"x%d" % last)
    assert memory(router.pid) - held < HOLDING // 2 * ONE, "and nothing stays of them"
