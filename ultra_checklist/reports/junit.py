"""JUnit XML, for continuous integration: of a check, and of a release's account."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ultra_checklist.account import Account, CheckAccount
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.escape import xml
from ultra_checklist.model import Lang, Outcome, Words

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MANUAL = Words(en="by hand: there is no probe", ja="手動の項目です（プローブなし）")


@dataclass(frozen=True)
class _Case:
    """One test case: ``kind`` is empty for what passes, else ``failure``, ``error`` or ``skipped``."""

    suite: str
    id: str
    title: str
    seconds: float = 0.0
    kind: str = ""
    code: str = ""
    message: str = ""
    detail: str = ""


def write(checked: Checked, lang: Lang) -> str:
    """A suite a section: fail is a failure, unknown an error, an item without probes is skipped."""
    cases = [_of_item(entry, lang) for entry in checked.items]
    titles = {section.id: f"{section.number}. {section.title}" for section in checked.template.sections}
    return _document(checked.template.title, cases, titles.__getitem__, ())


def write_account(account: Account) -> str:
    """A suite a section. Only what is settled passes or is skipped; what is open is an error."""
    cases = [_of_check(check, section.id) for section in account.sections for check in section.checks]
    titles = {section.id: f"{section.number}. {section.title}" for section in account.sections}
    properties = [
        ("release", account.key),
        ("status", account.status),
        ("commit", account.commit),
        ("host", account.host),
        ("made-of", account.made_of),
        ("untrue-ticks", str(len(account.untrue_ticks))),
        ("journal", account.journal_head),
        *(("break-glass", run.break_glass) for run in account.broken_glass),
    ]
    return _document(f"{account.version} {account.title}", cases, titles.__getitem__, properties)


def _of_item(entry: CheckedItem, lang: Lang) -> _Case:
    seconds = sum(finding.seconds for finding in entry.findings)
    case = _Case(entry.item.section, entry.item.id, entry.item.title, seconds)
    if entry.result == "manual":
        return _Case(case.suite, case.id, case.title, 0.0, "skipped", "manual", _MANUAL.say(lang))
    wrong = [f for f in entry.findings if f.verdict.outcome is not Outcome.PASS]
    if not wrong and entry.result == "pass":
        return case
    told = [f.verdict for f in wrong if f.verdict.outcome.value == entry.result]
    message = " / ".join(v.sentence.say(lang) or v.seen.say(lang) for v in told)
    detail = "\n".join(
        f"{f.source}: {f.verdict.sentence.say(lang)}\n  expected {f.verdict.expected.say(lang)}\n"
        f"  seen {f.verdict.seen.say(lang)}\n  next: {f.verdict.remedy.say(lang)}"
        for f in wrong
    )
    kind = "failure" if entry.result == "fail" else "error"
    code = told[0].reason if told else entry.result
    return _Case(case.suite, case.id, case.title, seconds, kind, code, message, detail)


def _of_check(check: CheckAccount, section: str) -> _Case:
    seconds = sum(line.seconds for line in check.verdicts)
    message = check.why or check.result_text
    wrong = (line for line in check.verdicts if line.outcome is not Outcome.PASS)
    detail = "\n".join(
        f"{line.where}: {line.sentence}\n  expected {line.expected}\n  seen {line.seen}\n  next: {line.remedy}"
        for line in wrong
    )
    kind = _kind(check)
    return _Case(section, check.id, f"{check.number} {check.title}", seconds, kind, check.standing, message, detail)


def _kind(check: CheckAccount) -> str:
    if check.standing == "failed":
        return "failure"
    if check.settled:
        return "" if check.standing in ("passed", "confirmed") else "skipped"
    return "skipped" if check.standing == "open" and not check.required else "error"


def _document(
    name: str, cases: Sequence[_Case], title: Callable[[str], str], properties: Iterable[tuple[str, str]]
) -> str:
    lines = [f'<testsuites name="{xml(name)}" {_counts(cases)}>']
    told = [f'    <property name="{xml(key)}" value="{xml(value)}"/>' for key, value in properties]
    for suite in dict.fromkeys(case.suite for case in cases):
        mine = [case for case in cases if case.suite == suite]
        lines.append(f'  <testsuite name="{xml(title(suite))}" {_counts(mine)}>')
        if told:
            lines += ["   <properties>", *told, "   </properties>"]
            told = []
        for case in mine:
            lines += _case(case)
        lines.append("  </testsuite>")
    return _HEAD + "\n".join([*lines, "</testsuites>"]) + "\n"


def _counts(cases: Sequence[_Case]) -> str:
    kinds = [case.kind for case in cases]
    counts = {"tests": len(cases), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    counts["skipped"] = kinds.count("skipped")
    said = " ".join(f'{key}="{count}"' for key, count in counts.items())
    return f'{said} time="{sum(case.seconds for case in cases):.3f}"'


def _case(case: _Case) -> list[str]:
    start = f'classname="{xml(case.suite)}" name="{xml(f"{case.id}: {case.title}")}" time="{case.seconds:.3f}"'
    if not case.kind:
        return [f"    <testcase {start}/>"]
    inner = f'message="{xml(case.message)}"'
    if case.kind == "skipped":
        return [f"    <testcase {start}>", f"      <skipped {inner}/>", "    </testcase>"]
    body = f'      <{case.kind} type="{xml(case.code)}" {inner}>{xml(case.detail)}</{case.kind}>'
    return [f"    <testcase {start}>", body, "    </testcase>"]
