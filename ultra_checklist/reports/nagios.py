"""One line for Nagios, Icinga and their kin: OK, CRITICAL or UNKNOWN, and numbers to draw.

The exit code of ``check`` fits: monitoring plugins tell their state by it.
"""

from ultra_checklist.checked import Checked, CheckedItem, outcome_of
from ultra_checklist.escape import shorten, visible
from ultra_checklist.model import Lang, Outcome, Words

_STATES = {Outcome.PASS: "OK", Outcome.FAIL: "CRITICAL", Outcome.UNKNOWN: "UNKNOWN"}
_COUNTS = {
    "pass": Words(en="pass", ja="合格"),
    "fail": Words(en="fail", ja="不合格"),
    "unknown": Words(en="can't tell", ja="判定不能"),
    "manual": Words(en="by hand", ja="手動"),
}
_LIMIT = 200
"""Characters said of one item: monitoring shows one line, and cuts at 4 KiB."""


def write(checked: Checked, lang: Lang) -> str:
    """State and counts in the first line, then a line for each item that does not pass."""
    counts = {code: sum(1 for entry in checked.items if entry.result == code) for code in _COUNTS}
    said = ", ".join(f"{n} {_COUNTS[code].say(lang)}" for code, n in counts.items() if n)
    numbers = " ".join(f"{code}={n}" for code, n in counts.items())
    seconds = sum(finding.seconds for entry in checked.items for finding in entry.findings)
    first = (
        f"{_clean(checked.template.name)} {_STATES[outcome_of(checked)]}: {said} | {numbers} time={seconds:.3f}s"
    )
    wrong = [_line(entry, lang) for entry in checked.items if entry.result in ("fail", "unknown")]
    return "\n".join([first, *wrong]) + "\n"


def _line(entry: CheckedItem, lang: Lang) -> str:
    told = (f.verdict for f in entry.findings if f.verdict.outcome.value == entry.result)
    text = " / ".join(verdict.sentence.say(lang) or verdict.seen.say(lang) for verdict in told)
    return shorten(_clean(f"{entry.item.id} {_COUNTS[entry.result].say(lang)}: {text}"), _LIMIT)


def _clean(text: str) -> str:
    """A bar would begin the numbers."""
    return visible(text).replace("|", "¦")
