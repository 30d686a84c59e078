"""Environment files that are wrong in one thing: on each of them the probe ``dotenv`` must fail."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin
from ultra_checklist.probes.fingerprints import Fingerprints
from ultra_checklist.probes.foreign import DotenvSeen, KeySeen

if TYPE_CHECKING:
    from ultra_checklist.probes.dotenv import DotenvProbe

_KEY = "TWIN_KEY"
_VALUE = "9c1f-value-of-the-twin-7b42"
_STAGING = "sk-3f9a6c1e-value-of-staging"


def twins(probe: "DotenvProbe") -> Iterator[Twin]:
    """One for each thing that is asked of the file."""
    options = probe.options
    good = _good(probe)
    for key in options.equals:
        yield _twin(probe, good | {key: f"not-{good[key]}"}, f"another value of {key}", f"{key} が別の値")
    asked = list(dict.fromkeys([*options.required, *([_KEY] if options.required_in else []), *options.match]))
    for key in asked:
        rest = {name: value for name, value in good.items() if name != key}
        yield _twin(probe, rest, f"{key} missing", f"{key} なし")
        yield _twin(probe, good | {key: ""}, f"{key} empty", f"{key} が空")
    if asked or options.equals:
        key = (asked or list(options.equals))[0]
        yield _twin(probe, good, f"{key} twice", f"{key} が重複", more=_line(key, good[key]))
    for key, pattern in options.match.items():
        text = next((t for t in (_VALUE, "0", "–", "twin twin") if re.fullmatch(pattern, t) is None), _VALUE)
        yield _twin(probe, good | {key: text}, f"{key} of another form", f"{key} の形式が不正")
    for pattern in options.forbidden:
        key = re.sub(r"\[[^]]*\]", "X", pattern).replace("*", "TWIN").replace("?", "X")
        yield _twin(probe, good | {key: _VALUE}, f"{key} is there", f"{key} あり")
    if options.fingerprints is not None:
        yield _twin(probe, good | {_KEY: _STAGING}, "a value of staging", "staging の値")
    if options.urls is not None:
        words, hosts = options.urls.without, options.urls.hosts
        url = f"https://{words[0]}/" if words else "https://elsewhere.invalid/"
        if words or hosts:
            yield _twin(probe, good | {_KEY: url}, f"a URL {url}", f"URL {url}")
    if options.process is not None:
        keys = {key: KeySeen(lines=[1], equal=True, matches=True, process="other") for key in good}
        seen = DotenvSeen(path=options.path, keys=keys, required=[k for k in asked if k not in options.match])
        yield Twin(Words(en="a process with other values", ja="値の異なるプロセス"), seen=seen)


def _good(probe: "DotenvProbe") -> dict[str, str]:
    options = probe.options
    keys = [*options.required, *options.match, *([_KEY] if options.required_in else [])]
    return {_KEY: _VALUE} | dict.fromkeys(keys, _VALUE) | dict(options.equals)


def _twin(probe: "DotenvProbe", values: Mapping[str, str], en: str, ja: str, *, more: str = "") -> Twin:
    return Twin(Words(en=en, ja=ja), stage=_at(probe, "".join(_line(k, v) for k, v in values.items()) + more))


def _line(key: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{quoted}'\n"


def _at(probe: "DotenvProbe", text: str) -> Stage:
    """A stage: this file, a document that asks for one key, and fingerprints of one value."""
    options = probe.options

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        path, document, prints = folder / "twin.env", folder / "twin.md", folder / "twin.fingerprints"
        path.write_text(text, encoding="utf-8")
        changed: dict[str, Any] = {"path": str(path)}
        if options.required_in is not None:
            document.write_text(f"- `{_KEY}`\n", encoding="utf-8")
            changed["required_in"] = str(document)
        if options.fingerprints is not None:
            prints.write_text(Fingerprints.make([(_KEY, _STAGING)]).model_dump_json(), encoding="utf-8")
            changed["fingerprints"] = str(prints)
        if options.process is not None:
            # What the file itself lacks is told without looking at the process.
            changed["process"] = None
        yield probe.like(**changed), context

    return stage
