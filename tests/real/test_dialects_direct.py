"""The independent WebSocket peers without a router: what each client and each server make of each other."""

import pytest

from harness.dialects import BINARY, DIRECT, SOMETIMES, SPEAKS, TABLES, can_speak, direct_cells, speak, steps
from harness.table import hold_page
from harness.waiting import until


@pytest.mark.parametrize("line, server", direct_cells())
def test_pair(peers, record_property, line, server):
    client, draft = line.split(" ")
    url, env = f"ws://{peers.server(server)}/echo?x=1", peers.env(client)
    with DIRECT.cell(record_property, line, server) as verdict:
        if verdict == SOMETIMES:
            until("one of them", lambda: can_speak(client, draft, url), 30)
        elif verdict not in (SPEAKS, BINARY):
            assert not can_speak(client, draft, url, env=env), "this works after all"
        else:
            speak(client, draft, url, steps(client, draft, verdict), env=env)


def test_dialects_page():
    """docs/dialects.md says what these tests hold to."""
    hold_page(TABLES)
