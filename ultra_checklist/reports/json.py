"""The machine's form of a check, and of a release's account."""

import json
from datetime import UTC, datetime

from ultra_checklist import escape
from ultra_checklist.account import Account
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
    return _dumped(data)


def write_account(account: Account) -> str:
    """The account as ``docs/schemas/account.json`` describes it."""
    return _dumped(account.model_dump(mode="python"))


def _dumped(data: object) -> str:
    return escape.json(json.dumps(data, ensure_ascii=False, indent=1, default=_plain)) + "\n"


def _plain(value: object) -> str:
    """Times as text; nothing else of an account is unknown to JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    raise TypeError(type(value).__name__)


def _verdict(finding: Finding, lang: Lang) -> dict[str, object]:
    verdict = finding.verdict
    told: dict[str, object] = {
        "probe": finding.probe,
        "outcome": verdict.outcome.value,
        "expected": verdict.expected.say(lang),
        "seen": verdict.seen.say(lang),
        "reason": verdict.reason,
        "sentence": verdict.sentence.say(lang),
        "remedy": verdict.remedy.say(lang),
        "seconds": finding.seconds,
    }
    return told | ({"host": finding.host} if finding.host else {})
