"""Text in the columns of a terminal: wide characters take two, and Japanese breaks between any two characters."""

import unicodedata
from collections.abc import Iterator

_NOT_FIRST = "、。，．）」』】：；！？ー…々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
"""Characters that no line begins with."""
_NOT_LAST = "（「『【"
"""Characters that no line ends with."""


def cells(text: str) -> int:
    """How many columns a text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, room: int, *, pad: bool = True) -> str:
    """A text in so many columns: cut with a sign where it is longer, filled up where it is shorter."""
    if cells(text) > room:
        text = _beginning(text, room - 1) + "…"
    return text + " " * (room - cells(text)) if pad else text


def fold(text: str, width: int, indent: int = 0) -> list[str]:
    """The lines of a text; all but the first are narrower by ``indent``, which is not a part of them."""
    found: list[str] = []
    line, room = "", width
    for word in _words(text):
        if cells(line + word) > room and line.strip():
            found.append(line.rstrip())
            line, room, word = "", max(width - indent, 2), word.lstrip()
        line += word
        while cells(line) > room:
            head = _beginning(line, room)
            found.append(head)
            line, room = line[len(head) :], max(width - indent, 2)
    return [*found, line.rstrip()] if line.strip() else found


def _beginning(text: str, room: int) -> str:
    """As much of a text as fits; one character at least."""
    size = 0
    for place, char in enumerate(text):
        size += cells(char)
        if size > room and place:
            return text[:place]
    return text


def _words(text: str) -> Iterator[str]:
    """The pieces that stay together; white space stands before them."""
    word = ""
    for char in text:
        if word.strip() and _may_part(word[-1], char):
            yield word
            word = ""
        word += char
    if word:
        yield word


def _may_part(before: str, after: str) -> bool:
    """Whether a line may end between two characters."""
    if after.isspace():
        return True
    if before.isspace() or after in _NOT_FIRST or before in _NOT_LAST:
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"
