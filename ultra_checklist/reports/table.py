"""The form for people: one line an item, and under what is not right what to do."""

import shutil
from typing import TYPE_CHECKING

from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.escape import terminal, visible
from ultra_checklist.model import Finding, Lang, Outcome, Words

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"pass": "✔", "fail": "✘", "unknown": "?", "manual": "·", "skipped": "–"}
_WORDS = {
    "pass": Words(en="pass", ja="合格"),
    "fail": Words(en="fail", ja="不合格"),
    "unknown": Words(en="can't tell", ja="判定不能"),
    "manual": Words(en="by hand", ja="手動"),
    "skipped": Words(en="skipped", ja="対象なし"),
}
_COLORS = {"pass": "green", "fail": "red", "unknown": "yellow", "manual": "dim", "skipped": "dim"}
_EXPECTED = Words(en="expected", ja="期待")
_SEEN = Words(en="seen", ja="実際")
_NEXT = Words(en="next", ja="対処")
_ORIGINS = Words(en="variables", ja="変数")


def write(checked: Checked, lang: Lang) -> str:
    """A table; colours only where a terminal reads it."""
    from rich.console import Console

    # Where nobody's terminal tells a width, lines are not cut.
    width = shutil.get_terminal_size((200, 24)).columns
    console = Console(width=max(width, 60), highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for entry in checked.items:
            _item(console, entry, lang)
        counts = {code: sum(1 for e in checked.items if e.result == code) for code in _WORDS}
        said = ", ".join(f"{n} {_WORDS[code].say(lang)}" for code, n in counts.items() if n)
        console.print(f"\n{len(checked.items)} = {said}")
        _variables(console, checked, lang)
    return captured.get()


def _item(console: "Console", entry: CheckedItem, lang: Lang) -> None:
    from rich.markup import escape

    color, mark, word = _COLORS[entry.result], _MARKS[entry.result], _WORDS[entry.result].say(lang)
    console.print(f"[{color}]{mark} {word:10}[/] {escape(entry.item.id):24} {escape(terminal(entry.item.title))}")
    for finding in entry.findings:
        if finding.verdict.outcome is not Outcome.PASS:
            console.print(escape(visible(_detail(finding, lang), lines=True)))


def _detail(finding: Finding, lang: Lang) -> str:
    verdict = finding.verdict
    lines = [f"    {finding.source}: {verdict.sentence.say(lang)}"]
    if verdict.expected.say(lang):
        lines.append(
            f"      {_EXPECTED.say(lang)} {verdict.expected.say(lang)}, {_SEEN.say(lang)} {verdict.seen.say(lang)}"
        )
    if verdict.remedy.say(lang):
        lines.append(f"      {_NEXT.say(lang)}: {verdict.remedy.say(lang)}")
    return "\n".join(lines)


def _variables(console: "Console", checked: Checked, lang: Lang) -> None:
    from rich.markup import escape

    known = checked.variables.values
    if known:
        console.print(f"\n{_ORIGINS.say(lang)}:")
    for name, value in sorted(known.items()):
        shown = "(secret)" if value.secret else value.value
        console.print(escape(terminal(f"  {name} = {shown}   [{value.origin}]")))
