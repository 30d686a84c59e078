"""Words for people, in English and Japanese: what an error, a verdict, a row or a page says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self

Lang = Literal["en", "ja"]
LANGS: Final[tuple[Lang, ...]] = ("en", "ja")


@dataclass(frozen=True, slots=True)
class Words:
    """One thing said in both languages.

    No model of pydantic's, though part of many: help and errors are told without importing it.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    en: str
    ja: str

    @classmethod
    def same(cls, text: str) -> Self:
        """Text that needs no translation: a path, a mode, a number, a command to copy."""
        return cls(en=text, ja=text)

    @classmethod
    def of(cls, text: "Words | str") -> "Words":
        """Words as they are, and text that needs no translation as words."""
        return cls.same(text) if isinstance(text, str) else text

    def say(self, lang: Lang, **gaps: object) -> str:
        """The words in one language, with their ``{gaps}`` filled."""
        text = self.ja if lang == "ja" else self.en
        return _fill(text, {name: str(value) for name, value in gaps.items()}) if gaps else text

    def filled(self, **gaps: "Words | str") -> "Words":
        """The same words with their ``{gaps}`` filled, each in its language."""
        both = {name: Words.of(gap) for name, gap in gaps.items()}
        return Words(
            en=_fill(self.en, {name: gap.en for name, gap in both.items()}),
            ja=_fill(self.ja, {name: gap.ja for name, gap in both.items()}),
        )


def _fill(text: str, gaps: Mapping[str, str]) -> str:
    """Fill gaps; what fills one is not looked at again, be there braces in it or not."""
    pieces = text.split("{")
    found = [pieces[0]]
    for piece in pieces[1:]:
        name, brace, rest = piece.partition("}")
        found.append(gaps[name] + rest if brace and name in gaps else "{" + piece)
    return "".join(found)


NOTHING = Words.same("")

_NEAREST = Words(en="did you mean '{near}'?", ja="「{near}」のことですか")
_KNOWN = Words(en="known: {known}", ja="使えるもの: {known}")
_NONE = Words(en="none", ja="なし")


def joined(parts: Iterable[Words | str], between: Words | str = "") -> Words:
    """Several things said after one another."""
    said, link = [Words.of(part) for part in parts], Words.of(between)
    return Words(en=link.en.join(one.en for one in said), ja=link.ja.join(one.ja for one in said))


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> Words:
    """The right name that is like a wrong one, else all names that are known."""
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=cutoff)
    if near:
        return _NEAREST.filled(near=near[0])
    return _KNOWN.filled(known=", ".join(names) or _NONE)
