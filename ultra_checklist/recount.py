"""Makes the account of a release from its manifest, journal and mirror. Asks neither Notion nor the machine.

It tells what is on record, on whatever machine the state folder lies.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ultra_checklist.account import (
    Account,
    CheckAccount,
    DecisionAccount,
    SectionAccount,
    Standing,
    VerdictLine,
)
from ultra_checklist.check_history import CheckHistory
from ultra_checklist.chronicle import Chronicle, chronicle, numbers
from ultra_checklist.model import Ending, Item, Lang, Result, Status, Words
from ultra_checklist.notion.schema import RESULT_WORDS, STATUS_WORDS
from ultra_checklist.record import ProofLine
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release
from ultra_checklist.situations import NO_ROW, View, evaluate, failing
from ultra_checklist.standing import deciders, status_of
from ultra_checklist.states import State
from ultra_checklist.tally import tally
from ultra_checklist.why import Writer

_OPEN = Words(en="Open", ja="未了")
_NOT_OPEN = Words(en="Not needed", ja="未開放")
_WHY = 5
"""Place of the reason in a row of the sealed table."""


def recount(release: Release, lang: Lang, redactor: Redactor | None = None) -> Account:
    """The account of a release in one language; ``redactor`` takes out what it knows to be secret."""
    account = _Teller(release, lang).account()
    if redactor is None:
        return account
    return Account.model_validate(redactor.data(account.model_dump()))


@dataclass(frozen=True)
class _Judged:
    """A check's state as it stands, and as it was worked out before the release was sealed."""

    state: State
    before: State


class _Teller:
    """Tells one release in one language."""

    def __init__(self, release: Release, lang: Lang) -> None:
        self._release = release
        self._manifest = release.manifest
        self._lang = lang
        self._story: Chronicle = chronicle(release.manifest, release.journal.entries(), lang)
        self._view = View(release.manifest, release.history, release.mirror.rows, release.now())
        self._states = evaluate(self._view)
        self._numbers = numbers(release.manifest)
        self._judged = self._judge()
        machine = release.manifest.machine.name
        names = {"here": machine, "target": machine, "version": release.manifest.version}
        self._writer = Writer(lang, ZoneInfo(release.manifest.template.timezone), **names)

    def _judge(self) -> Mapping[str, _Judged]:
        """Once sealed, states say no more why: that comes from the moment before."""
        history = self._view.history
        if history.sealed is None:
            return {item: _Judged(state, state) for item, state in self._states.items()}
        unsealed = replace(history, sealed=None, ended=None)
        before = evaluate(replace(self._view, history=unsealed, now=history.ended_at or self._view.now))
        return {item: _Judged(state, before[item]) for item, state in self._states.items()}

    def account(self) -> Account:
        """Everything together."""
        manifest, history = self._manifest, self._view.history
        entries = self._release.journal.entries()
        sections = self._sections()
        counts = Counter(check.standing for section in sections for check in section.checks)
        status = status_of(self._view, self._states)
        sealed = history.sealed or {}
        ending = Ending(sealed["ending"]) if sealed else None
        code = Status(ending.value) if ending is not None else status
        return Account(
            lang=self._lang,
            made=self._view.now,
            product_version=manifest.product_version,
            key=manifest.key,
            title=manifest.template.title,
            version=manifest.version,
            environment=manifest.environment,
            attempt=manifest.attempt,
            local=manifest.local,
            timezone=manifest.template.timezone,
            url=manifest.page_url,
            status=code.value,
            status_text=STATUS_WORDS[code].say(self._lang),
            ending=ending,
            reason=str(sealed.get("reason", "")),
            commit=str(sealed.get("commit") or manifest.commit),
            host=manifest.machine.name,
            operators=tuple(history.people),
            started=self._started(),
            ended=history.ended_at,
            made_of=self._made_of(),
            template=manifest.template.name,
            template_sha256=manifest.template.sha256,
            journal_head=entries[-1].hash if entries else "",
            journal_lines=len(entries),
            counts=dict(counts),
            sections=sections,
            runs=tuple(history.runs),
            deploys=tuple(history.deploys),
            gates=tuple(self._story.gates),
            untrue_ticks=tuple(self._story.untrue),
            events=tuple(self._story.events),
            changed=tuple(history.changed),
        )

    def _started(self) -> datetime:
        """When the first box was ticked; before that, when the release was made."""
        ticked = (event.at for event in self._story.events if event.kind == "ticked")
        return min(ticked, default=self._manifest.created)

    def _made_of(self) -> str:
        """The honesty line; a sealed one is never told otherwise than as it was sealed."""
        counted = tally(self._manifest, self._states, self._view.rows, deciders(self._view, self._states))
        sealed = self._view.history.sealed
        if sealed is None or sealed["made_of"] in (counted.line("en"), counted.line("ja")):
            return counted.line(self._lang)
        return str(sealed["made_of"])

    def _sections(self) -> tuple[SectionAccount, ...]:
        return tuple(
            SectionAccount(
                id=section.id,
                number=section.number,
                title=section.title,
                checks=tuple(self._check(item) for item in section.items),
            )
            for section in self._manifest.template.sections
        )

    def _check(self, item: Item) -> CheckAccount:
        check, judged = self._view.history.check(item.id), self._judged[item.id]
        row, state = self._view.rows.get(item.id, NO_ROW), judged.state
        standing = _standing(judged)
        return CheckAccount(
            id=item.id,
            number=self._numbers[item.id],
            title=item.title,
            required=item.required,
            standing=standing,
            result=state.result,
            result_text=self._result_text(state.result, standing),
            settled=state.settled,
            why=self._why(item, check, judged),
            ticked_by=check.tick.by if check.tick is not None else None,
            ticked_at=check.tick.at if check.tick is not None else None,
            ticks=check.ticks,
            proved_at=check.proof.at if check.proof is not None else None,
            verdicts=tuple(self._line(line) for line in check.proof.lines) if check.proof is not None else (),
            decision=_decision(check, state),
            approved_by=check.approved_by,
            attachments=len(row.attachments),
            phases=tuple(self._story.phases.get(item.id, ())),
        )

    def _result_text(self, result: Result | None, standing: Standing) -> str:
        if result is not None:
            return RESULT_WORDS[result].say(self._lang)
        return (_NOT_OPEN if standing == "not-open" else _OPEN).say(self._lang)

    def _why(self, item: Item, check: CheckHistory, judged: _Judged) -> str:
        """Why it stands so. Where the seal and the moment before differ, in the words that were sealed."""
        sealed = self._view.history.sealed
        if sealed is not None and judged.before.result is not judged.state.result:
            rows: Mapping[str, Sequence[str]] = dict(zip(self._states, sealed.get("table", ()), strict=False))
            return str(rows[item.id][_WHY]) if item.id in rows else ""
        needs = [i.title for i in self._manifest.items if i.id in item.needs and not self._states[i.id].settled]
        failed = failing(self._manifest, item, {i: judged.before for i, judged in self._judged.items()})
        opened = self._writer.opened(failed, self._release.last_good()) if failed else ""
        return self._writer.why(judged.before, item, check, check.proof, needs=", ".join(needs), opened=opened)

    def _line(self, line: ProofLine) -> VerdictLine:
        return VerdictLine(
            probe=line.probe,
            outcome=line.outcome,
            reason=line.reason,
            expected=line.expected.say(self._lang),
            seen=line.seen.say(self._lang),
            sentence=line.sentence.say(self._lang),
            remedy=line.remedy.say(self._lang),
            seconds=line.seconds,
            evidence=line.evidence,
            host=line.host,
        )


def _standing(judged: _Judged) -> Standing:
    result = judged.state.result
    if result is not None:
        return result.value
    # Settled without a result: its condition did not come about.
    return "not-open" if judged.state.settled else "open"


def _decision(check: CheckHistory, state: State) -> DecisionAccount | None:
    made = check.choosing
    if made is None:
        return None
    holds = state.settled and state.result in (Result.WAIVED, Result.NOT_APPLICABLE)
    return DecisionAccount(
        decision=made.decision, note=made.note, until=made.until, by=made.by, at=made.at, holds=holds
    )
