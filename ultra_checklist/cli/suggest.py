"""``suggest``: from any Markdown checklist to a template, as a patch that a person accepts."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ultra_checklist.cli.boundary import go_on, language, remark, say, speak
from ultra_checklist.cli.wiring import spoken
from ultra_checklist.errors import UsageError
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.suggest import Suggested, Suggestion

WHY_ROOM = 60
"""Columns for the words that decided."""


@click.command()
@click.argument("doc", metavar="DOC", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Change DOC itself; without it the patch goes to stdout.")
@click.option("--format", "form", type=click.Choice(["diff", "json"]), default="diff", show_default=True)
@spoken
def suggest(doc: Path, write: bool, form: str, lang: str | None) -> None:
    """Propose ids and probes for the lines of any Markdown checklist, Japanese or English.

    What is proposed comes from the words of each line, and only from probes and options that there are. What the
    words do not tell is a variable, or a person's word: a wrong probe is worse than none. Lines that have an id
    stay as they are. Read the patch before you take it.

    \b
    Examples:
      ultra-checklist suggest RELEASE.md                  # the patch on stdout, the reasons on stderr
      ultra-checklist suggest RELEASE.md | git apply      # or: | patch -p1
      ultra-checklist suggest RELEASE.md --write && ultra-checklist lint RELEASE.md
      ultra-checklist suggest RELEASE.md --format json
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.suggest import suggest as propose

    speak(lang)
    name = _name(doc)
    found = propose(_text(doc), path=str(doc), stem=doc.stem, name=name)
    if form == "json":
        click.echo(json.dumps(_data(doc, found), ensure_ascii=False, indent=1))
    elif not write:
        sys.stdout.buffer.write(found.diff.encode())
        sys.stdout.flush()
    if not found.suggestions:
        say(_NOTHING.filled(path=str(doc)))
        return
    if write:
        _write(doc, found.text)
    if form != "json":
        _tell(found)
    say(
        _COUNT.filled(n=str(len(found.suggestions)), probed=str(sum(bool(one.probes) for one in found.suggestions)))
    )
    for words in found.remarks:
        remark(words)
    if found.variables:
        remark(_VARIABLES.filled(names=", ".join(found.variables)))
    if write:
        say(_WROTE.filled(path=str(doc)))
        go_on(f"ultra-checklist lint {doc}")


def _name(doc: Path) -> str:
    """The file's path in the patch: from here, where it lies below."""
    whole = doc.absolute()
    here = Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) and ".." not in doc.parts else doc.name


def _text(doc: Path) -> str:
    try:
        return doc.read_bytes().decode()
    except OSError as error:
        raise UsageError(
            _UNREADABLE.filled(path=str(doc), why=error.strerror or str(error)), remedy=_NAME_FILE
        ) from None
    except UnicodeDecodeError:
        raise UsageError(_NO_UTF8.filled(path=str(doc)), remedy=_SAVE_UTF8) from None


def _write(doc: Path, text: str) -> None:
    try:
        doc.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(
            _UNWRITABLE.filled(path=str(doc), why=error.strerror or str(error)), remedy=_NAME_FILE
        ) from None


def _data(doc: Path, found: "Suggested") -> dict[str, object]:
    """For programs."""
    suggestions = [
        {"line": one.line, "title": one.title, "id": one.id}
        | one.keys
        | {"probes": [{name: options} for name, options in one.probes]}
        | {"because": one.because.say(language()), "confidence": one.confidence}
        for one in found.suggestions
    ]
    remarks = [words.say(language()) for words in found.remarks]
    return {"doc": str(doc), "suggestions": suggestions, "variables": list(found.variables), "remarks": remarks}


def _tell(found: "Suggested") -> None:
    """One row a line: where it is, its id, what would look at it, by which words, how sure they are."""
    from ultra_checklist.cli.columns import fit

    rows = [_row(one) for one in found.suggestions]
    head = tuple(words.say(language()) for words in _COLUMNS)
    widths = [max(_cells(row[column]) for row in (head, *rows)) for column in range(len(head))]
    widths[3] = min(widths[3], WHY_ROOM)
    for row in (head, *rows):
        say("  ".join(fit(text, width) for text, width in zip(row, widths, strict=True)).rstrip())


def _row(one: "Suggestion") -> tuple[str, ...]:
    sure = _CONFIDENCE[one.confidence].say(language())
    what = ", ".join(one.families) or "–"
    return str(one.line), one.id, what, one.because.say(language()), sure


def _cells(text: str) -> int:
    from ultra_checklist.cli.columns import cells

    return cells(text)


_COLUMNS = (
    Words(en="line", ja="行"),
    Words.same("id"),
    Words(en="probes", ja="プローブ"),
    Words(en="because", ja="根拠"),
    Words(en="sure", ja="確度"),
)
_CONFIDENCE = {
    "high": Words(en="high", ja="高"),
    "medium": Words(en="medium", ja="中"),
    "none": Words(en="–", ja="–"),
}
_NOTHING = Words(
    en="{path}: every line has an id, nothing to suggest", ja="{path}: すべての行に id があります。提案はありません"
)
_COUNT = Words(
    en="{n} lines get an id, {probed} of them probes; the others are a person's word",
    ja="{n} 行に id を、そのうち {probed} 行にプローブを提案します。ほかは担当者の確認です",
)
_VARIABLES = Words(en="to be filled in: {names}", ja="値を決める変数: {names}")
_WROTE = Words(en="wrote them into {path}", ja="{path} に書き込みました")
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_UNWRITABLE = Words(en="{path} cannot be written: {why}", ja="{path} に書き込めません: {why}")
_NAME_FILE = Words(en="Name a Markdown file", ja="Markdown ファイルを指定してください")
_NO_UTF8 = Words(en="{path} is not UTF-8", ja="{path} は UTF-8 ではありません")
_SAVE_UTF8 = Words(en="Save it as UTF-8", ja="UTF-8 で保存してください")
