"""The machine's form of a check."""

import json

from ultra_checklist.checked import Checked
from ultra_checklist.model import Finding, Lang


def write(checked: Checked, lang: Lang) -> str:
    """JSON with one entry an item; text is in the language asked for."""
    data = {
        "template": checked.template.path,
        "sha256": checked.template.sha256,
        "checks": [
            {
                "id": entry.item.id,
                "section": entry.item.section,
                "title": entry.item.title,
                "result": entry.result,
                "verdicts": [_verdict(finding, lang) for finding in entry.findings],
            }
            for entry in checked.items
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _verdict(finding: Finding, lang: Lang) -> dict[str, object]:
    verdict = finding.verdict
    return {
        "probe": finding.probe,
        "outcome": verdict.outcome.value,
        "expected": verdict.expected.say(lang),
        "seen": verdict.seen.say(lang),
        "reason": verdict.reason,
        "sentence": verdict.sentence.say(lang),
        "remedy": verdict.remedy.say(lang),
        "seconds": finding.seconds,
    }
