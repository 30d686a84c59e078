"""What is found in the lines of a log, and what of it is the same."""

from dataclasses import dataclass

import pytest

from ultra_checklist.probes.loglevels import Rules, compiled
from ultra_checklist.probes.loglines import MAX_KINDS, PIECE, Kind, Reader, Stream
from ultra_checklist.probes.logtime import time_of

LEVELS = frozenset({"ERROR", "SEVERE"})
FATAL = frozenset({"CRITICAL", "FATAL", "EMERGENCY"})


@dataclass
class Found:
    kinds: list[Kind]
    lines: int
    other: int

    def told(self) -> list[tuple[str, int, bool]]:
        return [(kind.cause or kind.first, kind.count, kind.fatal) for kind in self.kinds]


def found(text: str | bytes, fatal: str = "", allow: str = "", piece: int = 0) -> Found:
    reader = Reader(Rules(LEVELS, FATAL, compiled([fatal] if fatal else []), compiled([allow] if allow else [])))
    stream = Stream(reader, "app.log")
    data = text if isinstance(text, bytes) else text.encode()
    size = piece or max(1, len(data))
    for place in range(0, len(data), size):
        stream.feed(data[place : place + size])
    stream.finish()
    return Found(reader.kinds(), reader.lines, reader.other)


def python(number: int, second: int, where: str = "pay") -> str:
    return f"""\
2026-03-01 10:00:{second:02d},123 ERROR app: request {number} failed
Traceback (most recent call last):
  File "/app/web.py", line 12, in handle
    return {where}(request)
           ^^^^^^^^^^^^
  File "/app/{where}.py", line 3, in {where}
    raise KeyError(order)
KeyError: 'order-{number}'
"""


NODE = """\
TypeError: Cannot read properties of undefined (reading 'x')
    at pay (/app/pay.js:1:2)
    at Object.<anonymous> (/app/index.js:3:2)
"""
JAVA = """\
2026-03-01 10:00:01.000 ERROR [main] c.e.Pay - boom
java.lang.IllegalStateException: no 12
\tat com.e.Pay.pay(Pay.java:12)
\tat com.e.Web.handle(Web.java:13)
Caused by: java.io.IOException: the peer is at last gone
\tat com.e.Net.read(Net.java:1)
\t... 12 more
"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.pay(0xc000012345, 0x1d)
\t/app/main.go:12 +0x1d
main.(*Server).Do(...)
\t/app/main.go:13
exit status 2
"""
GO_SERVED = """\
2026/03/01 10:00:00 http: panic serving 127.0.0.1:1234: boom
goroutine 35 [running]:
net/http.(*conn).serve.func1()
\t/usr/lib/go/server.go:12 +0x1d
created by net/http.(*Server).Serve in goroutine 1
\t/usr/lib/go/server.go:12 +0x1d
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 3, in <module>
  |     raise ExceptionGroup("m", [ValueError(1)])
  | ExceptionGroup: m (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------
all is well
"""
CHAINED = """\
Traceback (most recent call last):
  File "/app/a.py", line 1, in f
    g()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 2, in f
    h()
app.errors.Refused: no
2026-03-01 10:00:05 INFO next
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (python(1, 1), [("KeyError: 'order-1'", 1, False)]),
        (NODE, [("TypeError: Cannot read properties of undefined (reading 'x')", 1, False)]),
        ("Uncaught " + NODE, [("Uncaught TypeError: Cannot read properties of undefined (reading 'x')", 1, False)]),
        (JAVA, [("java.lang.IllegalStateException: no 12", 1, False)]),
        (GO, [("panic: runtime error: index out of range [5] with length 3", 1, False)]),
        (GO_SERVED, [("2026/03/01 10:00:00 http: panic serving 127.0.0.1:1234: boom", 1, False)]),
        (GROUP, [("ExceptionGroup: m (1 sub-exception)", 1, False)]),
        (CHAINED, [("app.errors.Refused: no", 1, False)]),
        ("2026-03-01 10:00:00 CRITICAL no money\n", [("2026-03-01 10:00:00 CRITICAL no money", 1, True)]),
        ("[error] 12#0: upstream timed out\n", [("[error] 12#0: upstream timed out", 1, False)]),
        ("ts=1 level=error msg=no\n", [("ts=1 level=error msg=no", 1, False)]),
        ("\x1b[31mERROR\x1b[0m red\n", [("ERROR red", 1, False)]),
        ("a last line without its end: FATAL", [("a last line without its end: FATAL", 1, True)]),
        ("ERROR of Windows\r\n", [("ERROR of Windows", 1, False)]),
        ("INFO done, 0 ERROR, 0 FATAL\n", []),
        ("no errors, no exceptions, do not panic\n", []),
        ("WARNING ValueError: swallowed\n", []),
        ('{"level":"error","message":"no db","time":1764000000}\n', [("no db", 1, False)]),
        ('{"level":60,"msg":"gone","time":1764000000123}\n', [("gone", 1, True)]),
        ('{"level":30,"msg":"ERROR is only a word"}\n', []),
        ('{"severity":"WARNING","message":"slow","stack":"Error: x\\n    at f (/a.js:1:2)"}\n', [("Error: x", 1, False)]),
        ('{"level":"error", not json}\n', [('{"level":"error", not json}', 1, False)]),
        ('{"level":"error","err":{"message":"m","stack":"RangeError: r\\n    at f (/a.js:1)"}}\n',
         [("RangeError: r", 1, False)]),
    ],
)  # fmt: skip
def test_what_counts(text: str, told: list[tuple[str, int, bool]]) -> None:
    assert found(text).told() == told


@pytest.mark.parametrize("text", [python(1, 1), NODE, JAVA, GO, GO_SERVED, GROUP, CHAINED])
def test_a_trace_is_one_whatever_pieces_it_comes_in(text: str) -> None:
    whole = found(text)
    assert len(whole.kinds) == 1
    for piece in (1, 7, 64):
        assert found(text, piece=piece) == whole


def test_the_same_at_another_time_with_other_numbers_is_the_same() -> None:
    (kind,) = found("".join(python(n, n * 5) for n in range(5))).kinds
    assert (kind.count, kind.spans) == (5, [5.0, 10.0, 15.0, 20.0])
    assert kind.first.startswith("2026-03-01 10:00:00,123 ERROR app: request 0 failed")
    assert [k.count for k in found(python(1, 1) + python(2, 2, where="ship")).kinds] == [1, 1]
    bare = python(1, 1).partition("\n")[2]
    assert [k.count for k in found(bare * 3).kinds] == [3]
    assert [k.count for k in found(CHAINED * 3).kinds] == [3]
    assert [k.count for k in found(GO + GO.replace("0xc000012345", "0xc0000f").replace("[5]", "[7]")).kinds] == [2]
    assert [k.count for k in found(JAVA + JAVA.replace("no 12", "another text")).kinds] == [2]
    assert [k.count for k in found(JAVA + JAVA.replace("java.io.IOException", "java.io.EOFException")).kinds] == [
        1,
        1,
    ]
    lines = "ERROR order 6f1c2f7e-0000-4000-8000-00000000000a of 'bob' lost\n"
    lines += "ERROR order abcdefab-cdef-4abc-8def-abcdefabcdef of 'alice' lost\n"
    assert [k.count for k in found(lines).kinds] == [2]


def test_spans_are_the_shortest() -> None:
    text = "".join(f"2026-03-01 10:{minute:02d}:00 ERROR x\n" for minute in (0, 10, 11, 12, 30))
    (kind,) = found(text).kinds
    assert kind.spans[:3] == [60.0, 120.0, 720.0]


def test_without_times_all_is_of_one_moment() -> None:
    (kind,) = found(NODE * 3).kinds
    assert kind.spans == [0.0, 0.0]
    (kind,) = found("2026-03-01 10:00:00 INFO a\n" + NODE + "2026-03-01 10:05:00 INFO b\n" + NODE).kinds
    assert kind.spans == [300.0]


def test_patterns() -> None:
    assert found("order book is empty\n", fatal="order book").told() == [("order book is empty", 1, True)]
    assert found(python(1, 1), fatal="raise KeyError").told()[0][2]
    assert found(python(1, 1) + NODE, allow=r"request \d+ failed").told()[0][0].startswith("TypeError")
    assert found(python(1, 1), allow="^KeyError").kinds == []
    assert found("CRITICAL but known\n", allow="known").kinds == []
    assert found("日本語の致命的エラー\n", fatal="致命的").told() == [("日本語の致命的エラー", 1, True)]


@pytest.mark.parametrize(
    "pattern",
    [
        "money$",
        "^no money",
        r"\Ano money",
        r"no money\Z",
        "(?i)NO  ?MONEY",
        r"no\s+money",
        "(?<!x)no money",
        "(?s)no.money",
    ],
)
def test_patterns_are_of_lines(pattern: str) -> None:
    text = "no\nmoney\r\nso\n" * 50 + "no money\r\nxno moneyx\n" + "no\nmon" * 50
    told = found(text, fatal=pattern)
    assert ("no money", True) in [(kind.first, kind.fatal) for kind in told.kinds]
    assert told == found(text, fatal=pattern, piece=1)


def test_levels_of_ones_own() -> None:
    reader = Reader(Rules(frozenset({"重大", "ÉCHEC"}), FATAL))
    stream = Stream(reader, "x")
    stream.feed("INFO a\n2026-03-01 10:00:00 重大 b\nÉCHEC c\n".encode())
    stream.finish()
    assert sorted(kind.first[-1] for kind in reader.kinds()) == ["b", "c"]


def test_bytes_that_are_no_text_are_read_on() -> None:
    assert found(b"\xff\xfe\x80 ERROR \xe3\x81\nok\n").told() == [("\ufffd\ufffd\ufffd ERROR \ufffd", 1, False)]
    assert found(b"\0" * 5000 + b"CRITICAL after a hole\n").told() == [("CRITICAL after a hole", 1, True)]
    assert found("CRITICAL wide\n".encode("utf-16-le")).told() == [("CRITICAL wide", 1, True)]


def test_of_a_huge_line_all_is_looked_at_and_little_kept() -> None:
    told = found(b"x" * (5 * PIECE) + b" MARK " + b"y" * (5 * PIECE) + b"\nok\n", fatal="MARK", piece=PIECE)
    assert [kind.fatal for kind in told.kinds] == [True]
    assert len(told.kinds[0].first) <= 300


def test_kinds_are_bounded() -> None:
    words = ["".join(chr(97 + n // 26**k % 26) for k in range(3)) for n in range(MAX_KINDS + 50)]
    many = found("".join(f"ERROR {word} is gone\n" for word in words) + "CRITICAL and this\n")
    assert (len(many.kinds), many.other) == (MAX_KINDS + 1, 50)
    assert many.kinds[0].fatal


def test_a_trace_that_never_ends_hides_nothing() -> None:
    text = "ERROR a\n" + "    more\n" * 3000 + "  2026-03-01 10:00:00 CRITICAL inside\n    CRITICAL too\nINFO b\n"
    assert any(kind.fatal for kind in found(text).kinds)
    assert found(text).lines == 3004


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ("2026-03-01 10:00:00,5 x", "2026-03-01 10:00:01,750 x", 1.25),
        ("2026-02-28T23:59:59Z x", "2026-03-01T00:00:01.5Z x", 2.5),
        ("Mar  1 09:59:59 web app[1]: x", "Mar  1 10:00:00 web app[1]: x", 1),
        ('1.2.3.4 - - [01/Mar/2026:10:00:00 +0900] "GET"', '1.2.3.4 - - [01/Mar/2026:10:01:00 +0900] "GET"', 60),
        ('{"time":1764000000}', '{"time":1764000001}', 1),
        ('{"ts":1764000000.25}', '{"ts":1764000001.5}', 1.25),
        ('{"time":1764000000123}', '{"time":1764000000623}', 0.5),
        ("[10:00:00] x", "[10:00:09] x", 9),
    ],
)
def test_times(earlier: str, later: str, seconds: float) -> None:
    first, second = time_of(earlier), time_of(later)
    assert first is not None
    assert second is not None
    assert round(second - first, 3) == seconds


@pytest.mark.parametrize("text", ["", "no time", "12:3", "2026-13-01 10:00:00", "order 1764000000", "  10:00:00"])
def test_no_time(text: str) -> None:
    assert time_of(text) is None
