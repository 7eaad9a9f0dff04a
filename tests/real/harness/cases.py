"""Autobahn's cases 1 to 7 and 10 as a table of our own: what is sent, what must come back, and how it must end."""

from dataclasses import dataclass
from itertools import product

from .websocket import BINARY, CLOSE, PING, PONG, TEXT, frame

CONTINUATION = 0
NORMAL = (1000,)
PROTOCOL, UTF8 = (1002,), (1007,)
HELLO = b"Hello, world!"
GREEK = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
UMLAUTS = "Hello-µ@ßöäüàá-UTF-8!!".encode()
BAD_BYTES = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"


class Quiet:
    """A step in which nothing may come, and the connection stays open."""


QUIET = Quiet()


@dataclass
class Case:
    """`steps` are written one by one. `expect` is what then comes, in order; an end of NORMAL is for us to ask for,
    any other Close is the peer's own, with one of these codes (None: with no code)."""

    id: str
    steps: list
    expect: list = ()
    end: tuple = NORMAL
    we_close: bool = True

    @property
    def group(self):
        return self.id.rsplit(".", 1)[0]


def bytewise(data):
    return [data[at:at + 1] for at in range(len(data))]


def fragments(payload, size, opcode=TEXT):
    """A message in frames of `size` bytes."""
    parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(part, opcode if at == 0 else CONTINUATION, fin=at == last) for at, part in enumerate(parts)]


def numbered(group, rows):
    return [Case(f"{group}.{number}", **row) for number, row in enumerate(rows, 1)]


def fault(*steps, expect=(), end=PROTOCOL):
    return {"steps": list(steps), "expect": list(expect), "end": end, "we_close": False}


def good(*steps, expect=()):
    return {"steps": list(steps), "expect": list(expect)}


def framing(opcode, letter):
    sizes = [0, 125, 126, 127, 128, 65535, 65536]
    rows = [good(frame(letter * size, opcode), expect=[(opcode, letter * size)]) for size in sizes]
    whole = frame(letter * 65536, opcode)
    chops = [whole[at:at + 997] for at in range(0, len(whole), 997)]
    return [*rows, good(*chops, expect=[(opcode, letter * 65536)])]


def pings():
    def ping(payload, chop=False):
        sent = frame(payload, PING)
        return good(*(bytewise(sent) if chop else [sent]), expect=[(PONG, payload)])

    ten = [b"payload-%d" % number for number in range(10)]
    all_ten = b"".join(frame(payload, PING) for payload in ten)
    pongs = [(PONG, payload) for payload in ten]
    return [
        ping(b""), ping(HELLO), ping(BAD_BYTES), ping(b"\xfe" * 125), fault(frame(b"\xfe" * 126, PING)),
        ping(b"\xfe" * 125, chop=True), good(frame(b"", PONG)), good(frame(b"unsolicited pong payload", PONG)),
        good(frame(b"unsolicited pong payload", PONG), frame(HELLO, PING), expect=[(PONG, HELLO)]),
        good(all_ten, expect=pongs), good(*bytewise(all_ten), expect=pongs),
    ]


def reserved_bits():
    hello, ping = frame(HELLO, TEXT), frame(b"", PING)
    echoed = [(TEXT, HELLO)]
    return [
        fault(frame(HELLO, TEXT, rsv=1)),
        fault(hello + frame(HELLO, TEXT, rsv=2) + ping, expect=echoed),
        fault(hello, frame(HELLO, TEXT, rsv=3), ping, expect=echoed),
        fault(*bytewise(hello + frame(HELLO, TEXT, rsv=4) + ping), expect=echoed),
        fault(frame(BAD_BYTES, BINARY, rsv=5)), fault(frame(HELLO, PING, rsv=6)), fault(frame(b"", CLOSE, rsv=7)),
    ]


def opcodes(first):
    hello, ping = frame(HELLO, TEXT), frame(b"", PING)
    return [
        fault(frame(b"", first)), fault(frame(b"reserved opcode payload", first + 1)),
        fault(hello + frame(b"", first + 2) + ping, expect=[(TEXT, HELLO)]),
        fault(hello + frame(HELLO, first + 3) + ping, expect=[(TEXT, HELLO)]),
        fault(*bytewise(hello + frame(HELLO, first + 4) + ping), expect=[(TEXT, HELLO)]),
    ]


def fragmented():
    def open_(payload, opcode=TEXT):
        return frame(payload, opcode, fin=False)

    def more(payload, fin=True):
        return frame(payload, CONTINUATION, fin=fin)

    two = open_(b"fragment1") + more(b"fragment2")
    message = [(TEXT, b"fragment1fragment2")]
    with_ping = [open_(b"fragment1"), frame(HELLO, PING), more(b"fragment2")]
    ping_first = [(PONG, HELLO), *message]

    def chops(data):
        return [[data], [data[:9], data[9:]], bytewise(data)]

    rows = [fault(open_(b"fragment1", PING) + more(b"fragment2")), fault(open_(b"fragment1", PONG) + more(b"fragment2"))]
    rows += [good(*steps, expect=message) for steps in chops(two)]
    rows += [good(*steps, expect=ping_first)
             for steps in ([b"".join(with_ping)], with_ping, bytewise(b"".join(with_ping)))]
    for fin in (True, False):
        rows += [fault(*steps) for steps in chops(more(b"non-continuation payload", fin) + frame(HELLO, TEXT))]
    rows.append(fault(two + more(b"fragment3", fin=False) + frame(b"fragment4", TEXT), expect=message))
    rows += [fault((more(b"fragment1", fin) + open_(b"fragment2") + more(b"fragment3")) * 2) for fin in (False, True)]
    rows.append(fault(open_(b"fragment1") + frame(b"fragment2", TEXT)))
    first = [open_(b"fragment1"), more(b"fragment2", fin=False), frame(b"pongme 1!", PING)]
    rest = [more(b"fragment3", fin=False), more(b"fragment4", fin=False), frame(b"pongme 2!", PING), more(b"fragment5")]
    whole = (TEXT, b"fragment1fragment2fragment3fragment4fragment5")
    expect = [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"), whole]
    rows += [good(b"".join(first), b"".join(rest), expect=expect), good(*first, *rest, expect=expect)]
    return rows


def texts():
    """6.1 to 6.4: empty fragments, text cut anywhere, and faults that show before the message is over."""
    empty, last = frame(b"", CONTINUATION, fin=False), frame(b"", CONTINUATION)
    begin = frame(b"", TEXT, fin=False)
    middle = frame(b"middle frame payload", CONTINUATION, fin=False)
    yield from numbered("6.1", [
        good(frame(b"", TEXT), expect=[(TEXT, b"")]), good(begin + empty + last, expect=[(TEXT, b"")]),
        good(begin + middle + last, expect=[(TEXT, b"middle frame payload")]),
    ])
    yield from numbered("6.2", [
        good(frame(UMLAUTS, TEXT), expect=[(TEXT, UMLAUTS)]),
        good(*fragments(UMLAUTS, 15), expect=[(TEXT, UMLAUTS)]),
        good(*fragments(UMLAUTS, 1), expect=[(TEXT, UMLAUTS)]), good(*fragments(GREEK, 1), expect=[(TEXT, GREEK)]),
    ])
    surrogate = GREEK + b"\xed\xa0\x80edited"
    yield from numbered("6.3", [fault(frame(surrogate, TEXT), end=UTF8), fault(*fragments(surrogate, 1), end=UTF8)])
    # What follows is never sent: the fault shows in the byte before.
    large = GREEK + b"\xf4\x90\x80\x80edited"
    whole = frame(large, TEXT)
    head = len(whole) - len(large)
    yield from numbered("6.4", [
        fault(frame(large[:11], TEXT, fin=False), QUIET, frame(large[11:15], CONTINUATION, fin=False), end=UTF8),
        fault(frame(large[:12], TEXT, fin=False), QUIET, frame(large[12:13], CONTINUATION, fin=False), end=UTF8),
        fault(whole[:head + 11], QUIET, whole[head + 11:head + 15], end=UTF8),
        fault(whole[:head + 12], QUIET, whole[head + 12:head + 13], end=UTF8),
    ])


# 6.5 to 6.23: the sequences of Markus Kuhn's UTF-8 test, and Mozilla's non-characters; Python says which are valid.
LONELY = [bytes(byte for start in range(first, last) for byte in (start, 0x20))
          for first, last in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))]
CUT = [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80",
       b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]
NON_CHARACTERS = [chr(plane << 16 | 0xFFFE | last).encode() for plane in range(17) for last in (0, 1)]
SEQUENCES = [
    [b"hello\x24world", b"hello\xc2\xa2world", b"hello\xe2\x82\xacworld", b"hello\xf0\xa4\xad\xa2world", GREEK],
    [GREEK[:size] for size in range(1, len(GREEK) + 1)],
    [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
    [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
    [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"],
    [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80"],
    [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:size] for size in range(2, 7)), bytes(range(0x80, 0xBF))],
    LONELY,
    CUT,
    [b"".join(CUT)],
    [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
    [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
    [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
    [b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf"],
    [high + low for high, low in product((b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"),
                                         (b"\xed\xb0\x80", b"\xed\xbf\xbf"))],
    NON_CHARACTERS,
    [b"\xef\xbf" + bytes([last]) for last in range(0xB9, 0xC0)],
]


def sequences():
    for group, rows in enumerate(SEQUENCES, 5):
        for number, data in enumerate(rows, 1):
            try:
                data.decode()
                row = good(frame(data, TEXT), expect=[(TEXT, data)])
            except UnicodeDecodeError:
                row = fault(frame(data, TEXT), end=UTF8)
            yield Case(f"6.{group}.{number}", **row)


def close(code=None, reason=b""):
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def closing():
    hello, ping, normal = frame(b"Hello World!", TEXT), frame(b"", PING), close(1000)
    after = [good(hello, expect=[(TEXT, b"Hello World!")])]
    after += [fault(normal + late, end=NORMAL) for late in (close(), ping, hello)]
    after.append(fault(frame(b"fragment1", TEXT, fin=False) + normal + frame(b"fragment2", CONTINUATION), end=NORMAL))
    large = b"BAsd7&jh23" * 26215
    after.append(fault(frame(large, TEXT) + hello + normal + ping, end=NORMAL,
                       expect=[(TEXT, large), (TEXT, b"Hello World!")]))
    yield from numbered("7.1", after)
    yield from numbered("7.3", [
        fault(close(), end=(None, 1000)), fault(frame(b"a", CLOSE)), fault(normal, end=NORMAL),
        fault(close(1000, b"Hello World!"), end=NORMAL), fault(close(1000, b"*" * 123), end=NORMAL),
        fault(close(1000, b"*" * 124)),
    ])
    yield Case("7.5.1", **fault(close(1000, GREEK + b"\xed\xa0\x80edited"), end=PROTOCOL + UTF8))
    valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
    yield from numbered("7.7", [fault(close(code), end=(1000, code)) for code in valid])
    invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999]
    yield from numbered("7.9", [fault(close(code)) for code in invalid])
    yield from numbered("7.13", [fault(close(code), end=(1000, 1002, code)) for code in (5000, 65535)])


CASES = [
    *numbered("1.1", framing(TEXT, b"*")), *numbered("1.2", framing(BINARY, b"\xfe")), *numbered("2", pings()),
    *numbered("3", reserved_bits()), *numbered("4.1", opcodes(3)), *numbered("4.2", opcodes(11)),
    *numbered("5", fragmented()), *texts(), *sequences(), *closing(),
    Case("10.1.1", **good(*fragments(b"*" * 65536, 1300), expect=[(TEXT, b"*" * 65536)])),
]
