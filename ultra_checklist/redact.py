"""Secrets become marks before anything is stored, sent, logged or raised.

A value counts as secret when it is eight characters or longer and was registered, when it has the shape
of a known token, or when it stands beside a name that says so. Registered values are found in the
encodings they travel in, and when colours or line breaks split them. Commit ids, hashes and UUIDs stay
readable: they are evidence.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ultra_checklist.disguise import forms_of, readings
from ultra_checklist.shapes import Shapes, is_readable, is_secret_name
from ultra_checklist.sieve import Forms
from ultra_checklist.streaming import MARK, RedactingStream

__all__ = ["MARK", "MIN_LENGTH", "RedactingStream", "Redactor", "is_secret_name"]

MIN_LENGTH = 8
_QUICK = 1024
"""Characters of a line up to which is looked first whether there is anything to take out."""
_REMEMBERED = 4096
"""Lines without a secret that are remembered: names of facts come again and again."""
_LINE = 16
"""Characters from which on a line of a longer value is a secret of its own."""
_ORDINARY = re.compile(
    r"[a-z]+|[A-Z]+|[A-Z][a-z]+|[\d.,:/]+|[A-Z][a-z]+/[A-Z][A-Za-z_]+|\d+(?:\.\d+)*[A-Za-z]{0,3}"
    r"|(?:/[a-z][a-z._-]*)+/?|(?:https?://)?(?:localhost|[a-z-]+(?:\.[a-z-]+)*|\d+(?:\.\d+){3})(?::\d+)?(?:/[a-z._-]*)*"
)


class Redactor:
    """Knows the secret values and takes them out of text, streams and JSON-able data.

    ``public`` values, and those that stand in ``public_text``, are everybody's: they are left readable.
    """

    def __init__(self, secrets: Iterable[str] = (), *, public: Iterable[str] = (), public_text: str = "") -> None:
        self._public = set(public)
        self._public_text = public_text
        self._secrets: set[str] = set()
        self._forms: Forms | None = None
        self._harmless: set[str] = set()
        self._shapes = Shapes(self._is_public)
        self.add(secrets)

    def add(self, secrets: Iterable[str], *, certain: bool = False) -> None:
        """Register more values. Short ones and public ones are left readable.

        So are hashes and UUIDs, unless it is ``certain``, by their names, that they are secrets.
        """
        fresh = {part for value in secrets for part in _parts(value) if self._is_secret(part, certain)}
        if not fresh <= self._secrets:
            self._secrets |= fresh
            self._forms = None
            self._harmless.clear()

    def learn(self, values: Mapping[str, str | None]) -> None:
        """Register the values of an environment: those named like secrets, and all but the ordinary ones."""
        self.add((value for name, value in values.items() if value and is_secret_name(name)), certain=True)
        self.add(value for value in values.values() if value and _ORDINARY.fullmatch(value) is None)

    def text(self, text: str, *, cut: bool = False) -> str:
        """The text with every secret replaced by a mark.

        ``cut`` says that more had followed: what may be the beginning of a secret at its end goes too.
        """
        if not cut and len(text) <= _QUICK and self._is_harmless(text):
            return text
        data = text.encode("utf-8", "surrogatepass")
        stream = self.stream()
        clean = stream.feed(data) + stream.finish(cut=cut)
        if clean == data:
            return text
        try:
            return clean.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return clean.decode("utf-8", "replace")

    def stream(self) -> RedactingStream:
        """A redactor of one stream of bytes, with what is registered by now."""
        return RedactingStream(self._all_forms(), self._shapes)

    def _all_forms(self) -> Forms:
        if self._forms is None:
            self._forms = Forms(form for value in self._secrets for form in forms_of(value))
        return self._forms

    def _is_harmless(self, text: str) -> bool:
        """Whether one plain line holds no secret: what a stream finds in it without the cost of a stream.

        Of what has colours or several lines nothing is said here: no.
        """
        if text in self._harmless:
            return True
        data = text.encode("utf-8", "surrogatepass")
        if any(mark in data for mark in (b"\x1b", b"\n", b"\r", b"\0", b"PRIVATE KEY")):
            return False
        forms = self._all_forms()
        if any(forms.find(plain) for _, plain in readings(data)) or self._shapes.find(data)[0]:
            return False
        if len(self._harmless) < _REMEMBERED:
            self._harmless.add(text)
        return True

    def data(self, value: Any) -> Any:
        """The same JSON-able structure with every string, keys included, redacted.

        A secret is also found where it is split over the texts of a list, as Notion splits long ones.
        """
        texts: dict[tuple[object, ...], list[str]] = {}
        _gather(value, (), texts)
        clean = {path: iter(self._together(found)) for path, found in texts.items()}
        return self._rebuilt(value, (), clean)

    def _together(self, texts: list[str]) -> list[str]:
        """Each text redacted, and what is split over neighbours too."""
        if len(texts) > 1 and not any("\0" in text for text in texts):
            # A NUL is nothing to whoever looks for a split secret, and it is kept.
            whole = self.text("\0".join(texts)).split("\0")
            if len(whole) == len(texts):
                return whole
        return [self.text(text) for text in texts]

    def _rebuilt(self, value: object, path: tuple[object, ...], clean: dict[tuple[object, ...], Any]) -> object:
        if isinstance(value, str):
            return next(clean[path])
        if isinstance(value, Mapping):
            return {
                self.text(key) if isinstance(key, str) else key: self._named(
                    key, item, self._rebuilt(item, (*path, key), clean)
                )
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._rebuilt(item, path, clean) for item in value]
        return value

    def _named(self, name: object, value: object, clean: object) -> object:
        """A value in structured data, taken out where its name tells that it is a secret."""
        told = isinstance(name, str) and isinstance(value, str) and self._shapes.is_named_secret(name, value)
        return MARK if told else clean

    def _is_public(self, value: str) -> bool:
        return value in self._public or (len(value) > 2 and value in self._public_text)

    def _is_secret(self, value: str, certain: bool) -> bool:
        return len(value) >= MIN_LENGTH and not self._is_public(value) and (certain or not is_readable(value))


def _gather(value: object, path: tuple[object, ...], texts: dict[tuple[object, ...], list[str]]) -> None:
    if isinstance(value, str):
        texts.setdefault(path, []).append(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _gather(item, (*path, key), texts)
    elif isinstance(value, list | tuple):
        for item in value:
            _gather(item, path, texts)


def _parts(value: str) -> Iterable[str]:
    """A value, and what of it may appear alone: its lines, the password of an address, what JSON holds."""
    yield value
    yield value.strip()
    lines = value.replace("\\n", "\n").splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _LINE and not line.startswith("-----"))
    if "://" in value:
        yield from _address(value)
    if value[:1] in "{[":
        try:
            data = json.loads(value)
        except ValueError:
            return
        yield from _leaves(data)


def _address(value: str) -> Iterable[str]:
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return
    for secret in (parts.password, parts.query):
        if secret:
            yield secret
            yield unquote(secret)
    yield from (field.partition("=")[2] for field in parts.query.split("&"))


def _leaves(data: object, name: str = "") -> Iterable[str]:
    if isinstance(data, str):
        if is_secret_name(name) and not name.lower().endswith("_id"):
            yield from _parts(data)
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from _leaves(item, str(key))
    elif isinstance(data, list):
        for item in data:
            yield from _leaves(item, name)
