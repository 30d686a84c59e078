"""Finds any of many byte strings in a text without looking at every byte."""

from collections.abc import Iterable, Iterator

MIN_FORM = 7
"""Bytes of the shortest form that is looked for."""
_PART = 256
"""Words that are looked through together once it is known that there is something."""
_GRADES = ((8, 8, "Q"), (8, 4, "I"), (4, 4, "I"))
"""Steps, bytes of a word and its kind: the longer the forms, the more seldom is a word met by chance."""


class Forms:
    """Byte strings that are looked for together, in sieves by their length."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        sieves = [_Sieve(*grade) for grade in _GRADES]
        self._heads: dict[bytes, list[bytes]] = {}
        self._short: set[bytes] = set()
        self.longest = 0
        for form in {form for form in forms if len(form) >= MIN_FORM}:
            next(sieve for sieve in sieves if len(form) >= sieve.shortest).take(form)
            self._heads.setdefault(form[:4], []).append(form)
            self._short.update(form[:length] for length in range(1, 4))
            self.longest = max(self.longest, len(form))
        self._sieves = [sieve for sieve in sieves if sieve.words()]

    def find(self, text: bytes) -> list[tuple[int, int]]:
        """Stretches that are forms, in order; those that overlap are one."""
        return joined(stretch for sieve in self._sieves for stretch in sieve.find(text))

    def begun(self, text: bytes) -> int:
        """Where the longest beginning of a form stands at a text's end; the length where there is none."""
        size = len(text)
        heads = self._heads
        for start in range(max(0, size - self.longest + 1), size - 3):
            forms = heads.get(text[start : start + 4])
            if forms is not None:
                rest = text[start:]
                if any(len(form) > len(rest) and form.startswith(rest) for form in forms):
                    return start
        for start in range(max(0, size - 3), size):
            if text[start:] in self._short:
                return start
        return size


class _Sieve:
    """Wherever a form begins, one of its words stands at a multiple of the step: only there is looked."""

    def __init__(self, step: int, width: int, kind: str) -> None:
        self._step, self._width, self._kind = step, width, kind
        self.shortest = step + width - 1
        self.known: dict[int, list[tuple[bytes, int]]] = {}
        self._words: frozenset[int] = frozenset()

    def words(self) -> frozenset[int]:
        """The words that are looked for, once all forms are taken."""
        self._words = frozenset(self.known)
        return self._words

    def take(self, form: bytes) -> None:
        """Look for this form too, by its most uncommon word at each phase of the step."""
        for phase in range(self._step):
            places = range(phase, len(form) - self._width + 1, self._step)
            offset = max(places, key=lambda at: _rarity(form[at : at + self._width]))
            word = memoryview(form[offset : offset + self._width]).cast("B").cast(self._kind)[0]  # type: ignore[call-overload] # the kinds are those of _GRADES
            self.known.setdefault(word, []).append((form, offset))

    def find(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where the forms stand."""
        padded = memoryview(text + bytes(-len(text) % self._width))
        view = padded.cast("B").cast(self._kind)[:: self._step // self._width]  # type: ignore[call-overload] # as above
        known = self._words
        if known.isdisjoint(view):
            return
        for part in range(0, len(view), _PART):
            words = view[part : part + _PART]
            if known.isdisjoint(words):
                continue
            for index, word in enumerate(words, part):
                if word in known:
                    yield from self._there(text, word, index * self._step)

    def _there(self, text: bytes, word: int, place: int) -> Iterator[tuple[int, int]]:
        for form, offset in self.known[word]:
            start = place - offset
            if start >= 0 and text.startswith(form, start):
                yield start, start + len(form)


def joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same stretches in order, with those made one that overlap."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _rarity(word: bytes) -> int:
    """How seldom a word will be met in a text."""
    kinds = sum(1 if byte in b"etaoinsrhldcu \t" else 3 if 97 <= byte <= 122 else 5 for byte in word)
    return kinds - 8 * (len(set(word)) < 3)
