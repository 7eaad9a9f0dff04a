"""Autobahn's cases with frames of our own, so that they run where its wstest cannot: `echo:`, and tunnels of each mode."""

import threading
import zlib

import pytest

from harness import websocket
from harness.cases import CASES, QUIET, close, fragments
from harness.raw import Closed
from harness.stage import staged
from harness.websocket import BINARY, CLOSE, TEXT, frame

MODES = ["guard", "track", "pass"]
# Bad text in a message that is not over: not seen by these, and by ws behind them when it is over.
LATE = "6.4"


@pytest.fixture(scope="module", params=["echo", *MODES])
def site(request):
    with staged(request.node) as stage:
        if request.param == "echo":
            options = {"default": "echo:"}
        else:
            # npm's ws is as strict as all these cases but 6.4; it does what a tunnel leaves to the server.
            options = {"default": f"http:{stage.node_echo()[0]}", "websockets-mode": request.param}
        router = stage.tidegate({**options, "websockets-max-size": 65536})
        router.mode = request.param
        yield router


class Client:
    """A WebSocket whose messages are reassembled, and inflated where that was agreed."""

    def __init__(self, site, offer=None):
        self.raw = site.connect()
        fields = [f"Sec-WebSocket-Extensions: {offer}"] if offer else []
        self.answer = websocket.open_websocket(self.raw, "/", *fields)
        self.agreed = parameters(self.answer["Sec-WebSocket-Extensions"])
        self.inflater = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def event(self):
        """The next message or control frame as (opcode, payload)."""
        kind, parts, compressed = None, [], False
        while True:
            opcode, payload, fin, rsv = websocket.read_whole_frame(self.raw)
            if opcode >= CLOSE:
                assert fin and not rsv
                return opcode, payload
            assert (opcode == 0) == (kind is not None), "fragments out of order"
            kind, compressed = kind or opcode, compressed or rsv == 4
            parts.append(payload)
            if fin:
                data = b"".join(parts)
                return kind, self.inflate(data) if compressed else data

    def inflate(self, data):
        if self.inflater is None or "server_no_context_takeover" in self.agreed:
            self.inflater = zlib.decompressobj(-int(self.agreed.get("server_max_window_bits", 15)))
        return self.inflater.decompress(data + b"\0\0\xff\xff")


def parameters(extensions):
    """Parameters of the one extension agreed to."""
    words = [word.strip().partition("=") for word in (extensions or "").split(";")]
    return {name.strip(): value.strip('" ') for name, _, value in words}


def play(site, case):
    """What was wrong with a case, or None."""
    came = []
    try:
        with Client(site) as client:
            try:
                for step in case.steps:
                    if step is QUIET:
                        assert client.raw.is_silent(0.05), f"early: {client.raw.buffer!r}"
                    else:
                        client.raw.send(step)
                if case.we_close and not case.expect:
                    client.raw.send(close(1000))
            except ConnectionError:
                pass  # the other end may have seen enough; what it said is still read
            while (event := client.event())[0] != CLOSE:
                came.append(event)
                if case.we_close and came == case.expect:
                    client.raw.send(close(1000))
            code = int.from_bytes(event[1][:2], "big") if event[1] else None
            if came != case.expect:
                return f"{case.id}: {came!r:.200}"
            if code not in case.end:
                return f"{case.id}: closed with {code}"
            if not case.we_close:
                client.raw.send(close(code))
            if not client.raw.is_ended(5):
                return f"{case.id}: left open"
    except (Closed, TimeoutError, AssertionError) as error:
        return f"{case.id}: {error!r} after {came!r:.200}"
    return None


@pytest.mark.parametrize("group", dict.fromkeys(case.group for case in CASES))
def test_cases(site, group):
    if group == LATE and site.mode in ("track", "pass"):
        pytest.skip("ws says so when the message is over")
    faults = [fault for case in CASES if case.group == group and (fault := play(site, case))]
    assert not faults, "\n".join(faults)


MEGABYTE = 1 << 20
LARGE = [
    ("9.1.6", TEXT, 16 * MEGABYTE, None, None), ("9.2.6", BINARY, 16 * MEGABYTE, None, None),
    ("9.3.1", TEXT, 4 * MEGABYTE, 64, None), ("9.4.9", BINARY, 4 * MEGABYTE, 4 * MEGABYTE, None),
    ("9.5.1", TEXT, MEGABYTE, None, 64), ("9.6.6", BINARY, MEGABYTE, None, 2048),
]


@pytest.mark.parametrize("opcode, size, piece, chop", [row[1:] for row in LARGE], ids=[row[0] for row in LARGE])
def test_large(site, opcode, size, piece, chop):
    """Sent from a thread: who echoes while it reads must not wait for us."""
    payload = (b"BAsd7&jh23" * (size // 10 + 1))[:size]
    sent = b"".join(fragments(payload, piece, opcode)) if piece else frame(payload, opcode)
    steps = [sent[at:at + chop] for at in range(0, len(sent), chop)] if chop else [sent]
    with Client(site) as client:
        writer = threading.Thread(target=lambda: [client.raw.send(step) for step in steps], daemon=True)
        writer.start()
        came = client.event()
        writer.join(10)
        assert came == (opcode, payload)


@pytest.mark.parametrize("opcode, size", [(TEXT, 0), (TEXT, 4096), (BINARY, 0), (BINARY, 4096)],
                         ids=["9.7.1", "9.7.6", "9.8.1", "9.8.6"])
def test_many(site, opcode, size):
    sent = frame(b"*" * size, opcode)
    with Client(site) as client:
        for _ in range(1000):
            client.raw.send(sent)
            assert client.event() == (opcode, b"*" * size)


WORDS = b'{"created_at": "Thu Jun 22 2012", "text": "' + "Wer reitet so spät durch Nacht und Wind? ".encode() * 9 + b'"}, '
OFFERS = {
    "12": "permessage-deflate; client_max_window_bits",
    "13.2": "permessage-deflate; client_max_window_bits; server_no_context_takeover",
    "13.3": "permessage-deflate; client_max_window_bits; server_max_window_bits=9",
    "13.4": "permessage-deflate; client_max_window_bits; server_max_window_bits=15",
    "13.5": "permessage-deflate; client_max_window_bits; server_no_context_takeover; server_max_window_bits=9",
    "13.6": "permessage-deflate; client_max_window_bits; server_no_context_takeover; server_max_window_bits=15",
    "13.7": "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; "
            "server_no_context_takeover, permessage-deflate",
}
# (payload, size of a frame, how many): as Autobahn's rows 1, 4, 10, 11 and 15, in fewer messages.
SIZES = [(16, None, 40), (1024, None, 40), (131072, None, 5), (8192, 256, 10), (131072, 256, 3)]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_compressed(site, offer):
    data = (WORDS * (400_000 // len(WORDS))) + bytes(range(256)) * 256
    with Client(site, offer) as client:
        assert "permessage-deflate" in client.agreed, client.answer.fields
        first = parameters(offer.split(",")[0])
        assert ("server_no_context_takeover" in client.agreed) >= ("server_no_context_takeover" in first)
        if first.get("server_max_window_bits") == "9":
            assert client.agreed["server_max_window_bits"] == "9"
        deflater = None
        at = 0
        for size, piece, count in SIZES:
            for _ in range(count):
                message = (data[at:] + data)[:size]
                at = (at + size) % len(data)
                if deflater is None or "client_no_context_takeover" in client.agreed:
                    deflater = zlib.compressobj(wbits=-int(client.agreed.get("client_max_window_bits") or 15))
                packed = (deflater.compress(message) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
                client.raw.send(compressed(packed, piece))
                assert client.event() == (BINARY, message)


def compressed(packed, piece):
    """A compressed binary message in frames of `piece` bytes."""
    first, *rest = fragments(packed, piece or max(len(packed), 1), BINARY)
    return b"".join([bytes([first[0] | 0x40]) + first[1:], *rest])
