"""TAP, the Test Anything Protocol: one line an item, in the order of the checklist."""

import json

from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.escape import visible
from ultra_checklist.model import Finding, Lang, Outcome, Words

_MANUAL = Words(en="by hand", ja="手動")


def write(checked: Checked, lang: Lang) -> str:
    """TAP version 13; "cannot tell" is not ok, an item without probes is skipped."""
    lines = ["TAP version 13", f"1..{len(checked.items)}"]
    for number, entry in enumerate(checked.items, 1):
        lines += _item(number, entry, lang)
    return "\n".join(lines) + "\n"


def _item(number: int, entry: CheckedItem, lang: Lang) -> list[str]:
    good = entry.result in ("pass", "manual")
    said = _description(f"{entry.item.id} {entry.item.title}")
    skip = f" # SKIP {_MANUAL.say(lang)}" if entry.result == "manual" else ""
    lines = [f"{'ok' if good else 'not ok'} {number} - {said}{skip}"]
    if not good:
        lines.append("  ---")
        for finding in entry.findings:
            if finding.verdict.outcome is not Outcome.PASS:
                lines += _detail(finding, lang)
        lines.append("  ...")
    return lines


def _detail(finding: Finding, lang: Lang) -> list[str]:
    verdict = finding.verdict
    told = {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "message": verdict.sentence.say(lang),
        "expected": verdict.expected.say(lang),
        "seen": verdict.seen.say(lang),
        "next": verdict.remedy.say(lang),
    }
    # JSON's strings are YAML's too.
    inner = (f"    {key}: {json.dumps(visible(text), ensure_ascii=False)}" for key, text in told.items() if text)
    name = json.dumps(finding.source) if finding.host else finding.probe
    return [f"  {name}:", *inner]


def _description(text: str) -> str:
    """``#`` begins a directive and a backslash escapes."""
    return visible(text).replace("\\", "\\\\").replace("#", "\\#")
