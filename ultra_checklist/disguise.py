r"""The disguises in which a value travels, and how to see through them.

What a terminal, an encoder or a shell puts between the characters of a value is taken out of a text:
colours, line breaks, quotes, backslashes; and what is written as ``%41``, ``\u0041``, ``\x41`` or
``&#65;`` is read as what it means. In such a bare text a value can only stand as it is, or as one of a
few ``forms``, base64 for example. A place in the bare text can be told in the text itself.
"""

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from ultra_checklist.sieve import MIN_FORM

_DROPPED = b"\"'\\"
_HEX = rb"[0-9A-Fa-f]"
_COLOUR = rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}[@-~]|[()][AB012])"
COLOUR = re.compile(_COLOUR)
"""A sequence that a terminal takes as an order, such as a colour."""
_OPEN_COLOUR = re.compile(rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|[()])?\Z")
_INDENTED = re.compile(rb"\n[ \t]+")
_RETURNED = re.compile(rb"\r[ \t]+")
_GAP = re.compile(rb"[\r\n](?:[ \t]|" + _COLOUR + rb")*|\0|" + _COLOUR)
"""What stands between two characters without being one."""
_ESCAPE = re.compile(
    rb"%%(?:25){0,16}%(h)s{2}"
    rb"|\\{1,16}(?:u001[bB]|x1[bB]|033)\[[0-?]{0,64}[@-~]"
    rb"|\\{1,16}(?:u[dD][89abAB]%(h)s{2}\\{1,16}u[dD][c-fC-F]%(h)s{2}|u\{%(h)s{1,6}\}|u%(h)s{4}|U%(h)s{8}|x%(h)s{2}"
    rb"|[0-7]{3}|[nrt])"
    rb"|&(?:amp;){0,8}(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX]%(h)s{1,6});"
    rb"|\xe2\x80[\x8b-\x8f]|\xc2\xad" % {b"h": _HEX}
)
"""What stands for another character, or for none that is seen."""
_ESCAPE_OR_QUOTE = re.compile(_ESCAPE.pattern + rb"|[\"'\\]")
_QUOTE = re.compile(rb"[\"'\\]")
_OPEN_ESCAPE = re.compile(
    rb"(?:%%(?:25){0,16}%(h)s?"
    rb"|\\{1,16}(?:u001[bB]|x1[bB]|033)(?:\[[0-?]{0,64})?"
    rb"|\\{1,16}(?:u[dD][89abAB]%(h)s{2}(?:\\{1,16}(?:u(?:[dD](?:[c-fC-F]%(h)s?)?)?)?)?"
    rb"|u(?:\{%(h)s{0,6}|%(h)s{0,3})?|U%(h)s{0,7}|x%(h)s?|[0-7]{1,2})?"
    rb"|&(?:amp;){0,8}(?:#(?:[0-9]{0,7}|[xX]%(h)s{0,6})|[a-z]{0,4})?"
    rb"|\xe2\x80?|\xc2)\Z" % {b"h": _HEX}
)
_LONGEST_ESCAPE = 192
_NEAR = 1024
_NAMES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b"", b"apos": b""}


def bare(data: bytes) -> bytes:
    """What a text says when everything that only disguises is taken away."""
    return _read(_joined_lines(data)).translate(None, _DROPPED)


def _joined_lines(data: bytes) -> bytes:
    """The text without colours, line breaks and the indentation after them."""
    if b"\x1b" in data:
        data = COLOUR.sub(b"", data)
    if b"\n " in data or b"\n\t" in data:
        data = _INDENTED.sub(b"", data)
    if b"\r " in data or b"\r\t" in data:
        data = _RETURNED.sub(b"", data)
    return data.translate(None, b"\r\n\0")


def _read(data: bytes) -> bytes:
    """The text with its escapes read."""
    if b"%" in data or b"\\" in data or b"&" in data or b"\xe2\x80" in data or b"\xc2\xad" in data:
        return _ESCAPE.sub(_meaning, data)
    return data


def unfinished(data: bytes) -> int:
    """Where a colour or an escape begins that more bytes may still complete; the length where there is none."""
    colour = _OPEN_COLOUR.search(data, max(0, len(data) - _LONGEST_ESCAPE))
    size = colour.start() if colour is not None else len(data)
    near = max(0, size - _NEAR)
    last = data[near:size]
    if not any(mark in last for mark in (b"%", b"\\", b"&", b"\xe2", b"\xc2")):
        return size
    plain = _joined_lines(last)
    escape = _OPEN_ESCAPE.search(plain, max(0, len(plain) - _LONGEST_ESCAPE))
    return near + Places(last, _GAP, _nothing).begin(escape.start()) if escape is not None else size


def hangs_on(data: bytes, end: int) -> bytes:
    """What before a place decides how the bytes after it are read: a line break swallows the indentation."""
    last = data[max(0, end - _NEAR) : end]
    return b"\n" if COLOUR.sub(b"", last).rstrip(b" \t").endswith((b"\n", b"\r")) else b""


class Places:
    """Tells for places in a text that was read where they are in the text before.

    ``tokens`` finds what was read as something else, ``meaning`` says as what; ``below`` are the places of
    an earlier reading.
    """

    def __init__(
        self,
        data: bytes,
        tokens: re.Pattern[bytes],
        meaning: Callable[[re.Match[bytes]], bytes],
        below: "Places | None" = None,
    ) -> None:
        self._below = below
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._read: list[int] = []
        """Where in the text that was read each token's meaning ends."""
        shift = 0
        for token in tokens.finditer(data):
            start, end = token.span()
            shift += end - start - len(meaning(token))
            self._starts.append(start)
            self._ends.append(end)
            self._read.append(end - shift)

    def begin(self, place: int) -> int:
        """Where the byte at that place stands, or the escape that means it."""
        behind = bisect_right(self._read, place)
        found = place + self._shift(behind)
        if behind < len(self._starts):
            found = min(found, self._starts[behind])
        return found if self._below is None else self._below.begin(found)

    def end(self, place: int) -> int:
        """Where the byte before that place ends, or the escape that means it."""
        behind = bisect_right(self._read, place - 1)
        found = place - 1 + self._shift(behind)
        inside = behind < len(self._starts) and found >= self._starts[behind]
        found = self._ends[behind] if inside else found + 1
        return found if self._below is None else self._below.end(found)

    def _shift(self, behind: int) -> int:
        return self._ends[behind - 1] - self._read[behind - 1] if behind else 0


def colour_places(data: bytes) -> Places:
    """Where the bytes of a text without colours stand in the text."""
    return Places(data, COLOUR, _nothing)


class Reading:
    """A way of reading a text that has no colours and line breaks any more, and where what is read stands."""

    def __init__(self, *, escapes: bool) -> None:
        self._escapes = escapes

    def read(self, joined_lines: bytes) -> bytes:
        """The bare text; without ``escapes`` those are taken as they stand."""
        return (_read(joined_lines) if self._escapes else joined_lines).translate(None, _DROPPED)

    def places(self, data: bytes) -> Places:
        """Where the bytes of the bare text stand in the text."""
        tokens = _ESCAPE_OR_QUOTE if self._escapes else _QUOTE
        return Places(_joined_lines(data), tokens, _dropped, Places(data, _GAP, _nothing))

    def from_end(self, data: bytes, size: int) -> int:
        """Where the last ``size`` bytes of the bare text begin in the text."""
        start = max(0, data.rfind(b"\n", 0, max(0, len(data) - 2 * size - 512)))
        tail = data[start:]
        length = len(self.read(_joined_lines(tail)))
        if length < size:
            start, tail, length = 0, data, len(self.read(_joined_lines(data)))
        return start + self.places(tail).begin(length - size)


READ = Reading(escapes=True)
"""Escapes mean what they stand for."""
UNREAD = Reading(escapes=False)
"""Escapes are taken as they stand: half of one before a value must not swallow its beginning."""


def readings(data: bytes) -> list[tuple[Reading, bytes]]:
    """The bare texts in which to look for values: one, or two where escapes can be taken in two ways."""
    lines = _joined_lines(data)
    read = _read(lines)
    bare_text = read.translate(None, _DROPPED)
    return [(READ, bare_text)] if read == lines else [(READ, bare_text), (UNREAD, UNREAD.read(lines))]


_BYTES = (
    *((byte, between) for byte in ("%02x", "%02X") for between in (b"", b":", b" ", b"-")),
    *((byte, between) for byte in ("0x%02x", "0x%02X", "%d") for between in (b",", b", ")),
)
"""How bytes are written as numbers, one by one."""


def forms_of(value: str) -> set[bytes]:
    """How a value may look in a bare text; each form has eight bytes or more."""
    text = value.strip()
    raw = text.encode("utf-8", "surrogatepass")
    forms = set(_plainly(raw))
    forms.update(
        _plainly(b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode("utf-8", "replace") for c in text))
    )
    for source in {
        raw,
        raw + b"\n",
        value.encode("utf-8", "surrogatepass"),
        text.encode("utf-16-le", "surrogatepass"),
    }:
        once = list(_base64(source))
        forms.update(once)
        forms.update(_base32(source))
    # What Kubernetes does to a value that was encoded already.
    forms.update(twice for once in _whole_base64(raw) for twice in _base64(once))
    for byte, between in _BYTES:
        forms.add(between.join((byte % number).encode() for number in raw))
    return {form for form in forms if len(form) >= MIN_FORM + 1}


def _plainly(raw: bytes) -> Iterator[bytes]:
    form = bare(raw)
    # A value with an escape of its own reads as itself where that was escaped once more, sign by sign.
    for reading in (form, _joined_lines(raw).translate(None, _DROPPED)):
        yield reading
        yield reading.replace(b" ", b"+")
    # Half an escape at its end reads otherwise together with what follows it.
    yield form[: unfinished(form)]
    yield bare(raw[: unfinished(raw)])


def _base64(raw: bytes) -> Iterator[bytes]:
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        # The characters at both ends also depend on the neighbouring bytes: they are no part of the form.
        core = encoded[(offset * 4 + 2) // 3 : (offset + len(raw)) * 4 // 3]
        if len(core) >= MIN_FORM + 1:
            yield core
            yield core.replace(b"+", b"-").replace(b"/", b"_")


def _whole_base64(raw: bytes) -> Iterator[bytes]:
    """A value that was encoded alone, without the end that depends on a line break after it."""
    yield base64.b64encode(raw)[: len(raw) // 3 * 4]


def _base32(raw: bytes) -> Iterator[bytes]:
    for offset in range(5):
        encoded = base64.b32encode(bytes(offset) + raw).rstrip(b"=")
        core = encoded[(offset * 8 + 4) // 5 : (offset + len(raw)) * 8 // 5]
        if len(core) >= MIN_FORM + 1:
            yield core


def _dropped(token: re.Match[bytes]) -> bytes:
    return _meaning(token).translate(None, _DROPPED)


def _nothing(_token: re.Match[bytes]) -> bytes:
    return b""


def _meaning(token: re.Match[bytes]) -> bytes:
    """What an escape stands for."""
    text = token.group()
    match text[:1]:
        case b"%":
            return bytes([int(text[-2:], 16)])
        case b"&":
            return _entity(text.strip(b"&;").rpartition(b";")[2])
        case b"\\":
            return b"" if b"[" in text else _escape(text.lstrip(b"\\"))
        case _:
            return b""


def _entity(name: bytes) -> bytes:
    if name[:1] == b"#":
        return _character(int(b"0" + name[1:], 0) if name[1:2] in b"xX" else int(name[1:]))
    return _NAMES.get(name, b"&")


def _escape(text: bytes) -> bytes:
    kind, rest = text[:1], text[1:]
    if not kind:
        return b""
    if kind == b"x":
        return bytes([int(rest, 16)])
    if kind in b"uU":
        digits = rest.strip(b"{}")
        if b"u" in digits:
            high, _, low = digits.partition(b"\\")
            return _character(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low.lstrip(b"\\u"), 16) & 0x3FF))
        return _character(int(digits, 16))
    if kind == b"t":
        return b"\t"
    return b"" if kind in b"nr" else bytes([int(text, 8) & 0xFF])


def _character(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else b"?"
