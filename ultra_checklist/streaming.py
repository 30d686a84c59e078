"""Takes secrets out of a stream of bytes, whatever the chunks in which it comes.

Two sieves, one behind the other: the first finds registered values in their disguises, the second
tokens and named values in lines. Each passes on at once what cannot be a part of a secret any more, and
holds the rest back; its memory does not grow with the stream.
"""

import re
from collections.abc import Iterable

from ultra_checklist.disguise import (
    COLOUR,
    Places,
    colour_places,
    hangs_on,
    readings,
    unfinished,
)
from ultra_checklist.shapes import Shapes
from ultra_checklist.sieve import Forms, joined

MARK = "[redacted]"
_MARK = MARK.encode()
_SLICE = 1 << 16
_LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at together."""
_LONGEST_HELD = 1 << 17
_LINE_CONTEXT = 1 << 10
_WORD = 24
"""Characters of a word that are shown before it is known how it goes on."""
_HARMLESS = 4
"""Bytes of a secret's beginning that a person at a terminal may see while it has not gone on."""
_STAYS = re.compile(COLOUR.pattern + rb"|\0")
_LINE_BREAK = re.compile(rb"\r?\n|\r")
_BREAKS = re.compile(rb"[\r\n\0]")
_KEY_BEGINS = re.compile(rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(rb"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(
    rb"[\s|>\"'+,\\]*(?:[A-Za-z0-9+/=]{1,400}|(?:Proc-Type|DEK-Info|Comment|Version|Hash):.{0,200})?[\s\"',\\nr]*"
)
_KEY_LINE_END = re.compile(rb"[A-Za-z0-9+/=]{32,400}\s*\Z")
_KEY_LINES = 400
"""Lines of a private key without an end, after which it is over."""


class RedactingStream:
    """One stream: ``feed`` bytes, pass on what it returns, and ``finish`` at the end.

    However the stream is cut into chunks, the joined output is that of ``Redactor.text`` for the whole.
    """

    def __init__(self, forms: Forms, shapes: Shapes) -> None:
        self._values = _Values(forms)
        self._lines = _Lines(shapes)

    def feed(self, data: bytes) -> bytes:
        """What can be passed on, now that these bytes have come."""
        out: list[bytes] = []
        for start in range(0, len(data), _SLICE):
            clean = self._values.feed(data[start : start + _SLICE])
            if clean:
                out.append(self._lines.feed(clean))
        return b"".join(out)

    def pause(self) -> bytes:
        """What can be shown because nothing has come for a moment, such as a prompt that ends in a word.

        At most four bytes of a secret are among it, and whatever follows of that secret is still taken
        out. Without it the last word of a line stays back until the next byte comes.
        """
        return self._lines.feed(self._values.pause()) + self._lines.pause()

    def finish(self, *, cut: bool = False) -> bytes:
        """The rest. ``cut`` says that the stream went on: the beginning of a secret at its end goes too."""
        return self._lines.feed(self._values.finish(cut=cut)) + self._lines.finish()


class _Values:
    """Registered values, in any disguise."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._held = b""
        self._sent = 0
        """Bytes of what is held that were passed on already."""

    def feed(self, data: bytes) -> bytes:
        """Find forms; hold back from where one may have begun."""
        whole = self._held + data
        text = whole[: unfinished(whole)]
        stretches, limit = self._found(text)
        if len(text) - limit > max(_LONGEST_HELD, 16 * self._forms.longest):
            # Nothing but colours and line breaks for so long: that is no secret any more.
            limit = len(text)
        out = _marked(text, stretches, self._sent, limit)
        context = hangs_on(text, limit)
        self._held = context + whole[limit:]
        self._sent = len(context) + max(0, self._sent - limit)
        return out

    def _found(self, text: bytes, *, cut: bool = False) -> tuple[list[tuple[int, int]], int]:
        """Where forms stand, and where one may have begun; what has begun counts where the text was cut."""
        stretches: list[tuple[int, int]] = []
        limit = len(text)
        for reading, plain in readings(text):
            found = self._forms.find(plain)
            begun = self._forms.begun(plain)
            if cut and len(plain) - begun >= _HARMLESS:
                found = joined([*found, (begun, len(plain))])
            if found:
                places = reading.places(text)
                stretches += [(places.begin(start), places.end(end)) for start, end in found]
            if begun < len(plain):
                limit = min(limit, reading.from_end(text, len(plain) - begun))
        stretches = joined(stretches)
        limit = _before_colour(text, limit)
        for start, end in stretches:
            if start < limit < end:
                limit = start
        return stretches, limit

    def pause(self) -> bytes:
        """The first few bytes of what is held."""
        fresh = self._held[self._sent : _HARMLESS + (1 if self._held[:1] == b"\n" else 0)]
        if len(self._held) > _HARMLESS + 1:
            return b""
        self._sent += len(fresh)
        return fresh

    def finish(self, *, cut: bool) -> bytes:
        """What is held, which has become no form."""
        text, self._held = self._held, b""
        stretches, _ = self._found(text, cut=cut)
        return _marked(text, stretches, self._sent, len(text))


class _Lines:
    """Tokens, named values and private keys, line by line."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._line = b""
        self._sent = 0
        self._key = 0
        """Lines of a private key that have come; 0: there is none."""

    def feed(self, data: bytes) -> bytes:
        """Whole lines go through; of the last one, what cannot be part of a secret."""
        if not data:
            return b""
        text = self._line + data
        end = max(text.rfind(b"\n"), text.rfind(b"\r"), text.rfind(b"\0")) + 1
        out = b""
        if end:
            out = self._through(text[:end], len(text[:end]), ended=True)
            text, self._sent = text[end:], 0
        self._line = text
        return out + self._open_line() if text else out

    def _open_line(self) -> bytes:
        text = self._line
        if self._key or _KEY_BEGINS.search(text) is not None:
            if len(text) <= _LONGEST_LINE:
                begin = _KEY_BEGINS.search(text)
                if self._key or begin is None or begin.start() <= self._sent:
                    return b""
                return self._through(text[: begin.start()], begin.start(), ended=True, keep=True)
            self._key = 0
        out = self._through(text, len(text), ended=False)
        if len(text) > _LONGEST_LINE and self._sent > _LINE_CONTEXT:
            drop = self._sent - _LINE_CONTEXT
            blank = text.rfind(b" ", max(0, drop - _LINE_CONTEXT), drop)
            drop = blank if blank > 0 else drop
            self._line, self._sent = text[drop:], self._sent - drop
        return out

    def _through(self, text: bytes, limit: int, *, ended: bool, keep: bool = False) -> bytes:
        plain = COLOUR.sub(b"", text) if b"\x1b" in text else text
        if ended and (self._key or b"PRIVATE KEY" in plain) and not keep:
            return self._without_keys(text, plain)
        found, opening = self._shapes.find(plain, ended=ended)
        stretches = joined(found)
        for start, end in stretches:
            if start < opening < end:
                opening = start
        there = colour_places(text) if plain is not text and (found or opening < len(plain)) else None
        if opening < len(plain):
            limit = opening if there is None else there.begin(opening)
        out = _marked(text, _there(stretches, there), self._sent, limit)
        self._sent = max(self._sent, limit)
        return out

    def _without_keys(self, text: bytes, plain: bytes) -> bytes:
        """Whole lines, some of which belong to a private key; those leave no more than one mark."""
        found, gone = self._key_stretches(plain)
        found += self._shapes.find(plain)[0]
        stretches = [(s, e) for s, e in joined(found) if not any(a < e and s < b for a, b in gone)]
        there = colour_places(text) if plain is not text else None
        return _marked(text, _there(stretches, there), self._sent, len(text), _there(gone, there))

    def _key_stretches(self, plain: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Stretches of keys that become a mark, and those that go without one."""
        found: list[tuple[int, int]] = []
        gone: list[tuple[int, int]] = []
        start = 0
        while start < len(plain):
            brk = _BREAKS.search(plain, start)
            stop = brk.start() if brk is not None else len(plain)
            after = brk.end() if brk is not None and plain[stop : stop + 1] != b"\0" else stop
            if self._key:
                self._go_on(plain, start, stop, after, found, gone)
            else:
                self._begin(plain, start, stop, found)
            start = max(after, stop + 1)
        return found, gone

    def _begin(self, plain: bytes, start: int, stop: int, found: list[tuple[int, int]]) -> None:
        at = start
        while begin := _KEY_BEGINS.search(plain, at, stop):
            end = _KEY_ENDS.search(plain, begin.end(), stop)
            found.append((begin.start(), end.end() if end is not None else stop))
            if end is None:
                self._key = 1
                return
            at = end.end()

    def _go_on(
        self, plain: bytes, start: int, stop: int, after: int,
        found: list[tuple[int, int]], gone: list[tuple[int, int]],
    ) -> None:  # fmt: skip
        end = _KEY_ENDS.search(plain, start, stop)
        line_end = _KEY_LINE_END.search(plain, start, stop)
        self._key += 1
        if end is not None:
            self._key = 0
            rest = plain[end.end() : stop].strip(b" \t\"',;\\")
            gone.append((start, end.end() if rest else after))
            self._begin(plain, end.end(), stop, found)
        elif _KEY_LINE.fullmatch(plain, start, stop) is not None and self._key <= _KEY_LINES:
            gone.append((start, after))
        elif line_end is not None and self._key <= _KEY_LINES:
            found.append(line_end.span())
        else:
            self._key = 0
            self._begin(plain, start, stop, found)

    def pause(self) -> bytes:
        """The word at the end of a line, where nothing makes it look like a secret."""
        text = self._line
        held = text[self._sent :]
        if not held or self._key or b"-----BEGIN" in text:
            return b""
        plain = COLOUR.sub(b"", text)
        found, _ = self._shapes.find(plain)
        word = re.search(rb"[A-Za-z0-9_%./+=~-]*\Z", plain)
        start = word.start() if word is not None else len(plain)
        _, beside = self._shapes.find(plain + b"\1" * 4, ended=False)
        shown = COLOUR.sub(b"", held)
        if (
            any(end > start for _, end in found)
            or len(shown) > min(len(plain) - start, _WORD)
            or beside < len(plain)
        ):
            return b""
        self._sent = len(text)
        return held

    def finish(self) -> bytes:
        """The last line, which no line break ended."""
        text, self._line = self._line, b""
        out = self._through(text, len(text), ended=True) if text else b""
        self._sent = 0
        return out


def _before_colour(text: bytes, place: int) -> int:
    """The place, or where the colour begins within which it is."""
    begin = text.rfind(b"\x1b", max(0, place - 80), place)
    colour = COLOUR.match(text, begin) if begin >= 0 else None
    return begin if colour is not None and colour.end() > place else place


def _there(stretches: list[tuple[int, int]], places: Places | None) -> list[tuple[int, int]]:
    """The same stretches in the text with its colours."""
    if places is None:
        return stretches
    return joined((places.begin(start), places.end(end)) for start, end in stretches)


def _marked(
    text: bytes,
    stretches: Iterable[tuple[int, int]],
    sent: int,
    limit: int,
    gone: Iterable[tuple[int, int]] = (),
) -> bytes:
    """The text from what was sent up to a limit, with stretches replaced by marks, and others taken out."""
    out: list[bytes] = []
    at = sent
    for start, end, mark in sorted([(s, e, _MARK) for s, e in stretches] + [(s, e, b"") for s, e in gone]):
        if end > at and start < limit:
            out += [text[at : max(start, at)], mark, _kept(text[max(start, at) : end], breaks=bool(mark))]
            at = end
    out.append(text[at:limit])
    return b"".join(out)


def _kept(text: bytes, *, breaks: bool) -> bytes:
    """What must stay of a stretch that is taken out: colours, NULs, and the last line break."""
    lines = _LINE_BREAK.findall(text) if breaks else []
    return b"".join(_STAYS.findall(text)) + b"".join(lines[-1:])
