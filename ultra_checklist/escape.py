"""Text of people as data: one function a sink, so that nothing that somebody typed is obeyed by what shows it.

Control characters, half surrogate pairs and characters that turn or hide text are never passed on: they are
shown as signs instead, so that whoever reads sees that they are there.
"""

import re

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_HIDDEN = "\u00ad\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_NO_TEXT = "\ud800-\udfff\ufffe\uffff"
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f{_BIDI}{_HIDDEN}{_NO_TEXT}]")
_UNSAFE_JSON = re.compile(f"[\x7f-\x9f{_BIDI}{_HIDDEN}{_NO_TEXT}]")
_MARKDOWN = re.compile(r"[\\`*~\[\]<>|&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"\A(\d+(?=[.)])|(?=[#+=:-]))")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with what cannot be seen shown as signs: ESC as ``␛``, a bidi override as ``[U+202E]``.

    Line breaks and tabs become spaces; with ``lines`` they stay.
    """
    return _UNSAFE.sub(lambda match: _sign(match[0], lines=lines), text.replace("\r\n", "\n"))


def shorten(text: str, limit: int) -> str:
    """The text, cut after ``limit`` characters with the number of all of them said."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,})"


def terminal(text: str, limit: int = 1000) -> str:
    """For a terminal: one line, nothing that moves the cursor, colours or turns what follows."""
    return shorten(visible(text), limit)


def markdown(text: str, limit: int = 1000) -> str:
    """For Markdown: one line without markup, links, images, HTML, table borders or mentions."""
    plain = shorten(visible(text), limit).strip()
    escaped = _MARKDOWN.sub(lambda match: "\\" + match[0], plain)
    # A backslash stops neither mentions nor bare addresses everywhere: a space without width does.
    for part in ("@", "://", "www."):
        escaped = escaped.replace(part, part[0] + "&#8203;" + part[1:])
    return _AT_START.sub(r"\1\\", escaped)


def code(text: str, limit: int = 1000) -> str:
    """For Markdown: one line as code, whatever backticks it holds, in a table too."""
    plain = shorten(visible(text), limit).strip().replace("|", "\\|")
    if not plain:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"


def xml(text: str, limit: int = 4000) -> str:
    """For XML: characters that it cannot hold are shown as signs; markup is escaped."""
    plain = shorten(visible(text, lines=True), limit)
    for sign, name in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("\n", "&#10;"),
        ("\t", "&#9;"),
    ):
        plain = plain.replace(sign, name)
    return plain


def json(text: str) -> str:
    """For JSON that was dumped: what hides or turns text is written as an escape, so nothing is lost."""
    return _UNSAFE_JSON.sub(lambda match: _units(match[0]), text)


def css(text: str) -> str:
    """For a string in CSS, with its quotes: everything but ASCII letters and digits as an escape."""
    kept = (c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in visible(text))
    return f'"{"".join(kept)}"'


def label(text: str) -> str:
    """For the value of a Prometheus label, without its quotes."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')


def _sign(char: str, *, lines: bool) -> str:
    if char in "\n\t" or char in "\u2028\u2029":
        return char if lines and char in "\n\t" else " "
    number = ord(char)
    if number < 0x20:
        return chr(0x2400 + number)
    return "␡" if number == 0x7F else f"[U+{number:04X}]"


def _units(char: str) -> str:
    number = ord(char)
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
