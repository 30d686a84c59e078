"""The one line beside a box: expected, seen, remedy, in the language of the databases. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.model import Item, Lang, Outcome, Result, Words, combine
from ultra_checklist.notion.schema import RESULT_WORDS
from ultra_checklist.record import WINDOW_RUNNING, Proof, ProofLine
from ultra_checklist.states import State

MAX_WHY = 1900
"""Characters; Notion takes 2,000 in one piece."""

MOST_NAMED = 5
"""Failed checks that are named where they open another one; the rest is counted."""

ICONS = {
    None: "⬜",
    "passed": "✅",
    "failed": "❌",
    "cannot-tell": "❓",
    "waiting": "⏳",
    "blocked": "⛔",
    "confirmed": "☑️",
    "waived": "🎫",
    "not-applicable": "➖",
}

_OUTCOMES: Mapping[Outcome, Words] = {
    Outcome.PASS: RESULT_WORDS[Result.PASSED],
    Outcome.FAIL: RESULT_WORDS[Result.FAILED],
    Outcome.UNKNOWN: RESULT_WORDS[Result.CANNOT_TELL],
}
_SAYINGS: Mapping[str, Words] = {
    "not-open": Words(en="not open: nothing it depends on has failed", ja="未開放: 条件となる不合格がありません"),
    "no-manifest": Words(
        en="no manifest on this machine; run: ultra-checklist adopt {version}",
        ja="このマシンにマニフェストがありません。実行: ultra-checklist adopt {version}",
    ),
    "damaged-journal": Words(
        en="the journal on this machine is damaged: move the release's folder away, then: "
        "ultra-checklist adopt {version}",
        ja="このマシンのジャーナルが壊れています。リリースのフォルダーを退避してから実行: "
        "ultra-checklist adopt {version}",
    ),
    "doubled": Words(
        en="several rows claim to be this check: keep one and delete the others",
        ja="同じ項目の行が複数あります。一つを残して、ほかは削除してください",
    ),
    "wrong-machine": Words(
        en="this worker runs on {here}, the release is for {target}: run it there",
        ja="このワーカーは {here} で動いています。リリース対象は {target} です。対象機で実行してください",
    ),
    "nothing-to-waive": Words(en="passed, nothing to waive", ja="合格しているため免除は不要です"),
    "no-note": Words(
        en="the decision waits for a Note: write the reason there",
        ja="判断にはメモが必要です。理由を「メモ」に書いてください",
    ),
    "not-allowed": Words(
        en="this decision is not allowed here: take it back",
        ja="この項目ではこの判断はできません。取り消してください",
    ),
    "expired": Words(
        en="the decision has expired (Until): renew the date or take it back",
        ja="判断の期限が切れています。期限を更新するか取り消してください",
    ),
    "wrong-person": Words(
        en="the decision must be made by a person who may: take it back and let them decide",
        ja="判断できる人による判断が必要です。取り消して、その人が判断してください",
    ),
    "unclear-person": Words(
        en="who decided cannot be told: the decision must be made by a person, alone between two looks; take it "
        "back, wait a minute, decide again",
        ja="誰の判断か特定できません。判断を取り消し、1 分待ってから、判断する人が単独で付け直してください",
    ),
    "other-facts": Words(
        en="the decision was made on other facts than now: look again, then change the Note to renew it",
        ja="判断時と事実が変わっています。確認のうえ、メモを書き直して判断し直してください",
    ),
    "waived": Words(en="waived by {by}: {note}", ja="免除（{by}）: {note}"),
    "not-applicable": Words(en="not applicable, says {by}: {note}", ja="対象外（{by}）: {note}"),
    "ticked-late": Words(
        en="ticked after the deploy had started: this cannot be proved any more; decide Waive with the reason",
        ja="デプロイ開始後のチェックのため、もう証明できません。理由を書いて「免除」を選んでください",
    ),
    "before-deploy": Words(
        en="blocked: no deploy has ended with exit 0 yet; it is looked at after that",
        ja="デプロイがまだ正常終了していません。終了後に確認します",
    ),
    "opened": Words(
        en="failed: {items}; last good commit: {commit}", ja="不合格: {items}、直前の正常コミット: {commit}"
    ),
    "needs": Words(en="blocked: first {needs}", ja="先に必要: {needs}"),
    "confirmed": Words(en="a person's word: {by}", ja="担当者の確認: {by}"),
    "word-before-deploy": Words(
        en="ticked before the newest deploy: look again, then untick and tick",
        ja="最新のデプロイより前のチェックです。確認し直して、チェックを外して付け直してください",
    ),
    "no-person": Words(
        en="not ticked by a person: untick it, and tick it yourself",
        ja="人によるチェックではありません。外してから、ご自身で付け直してください",
    ),
    "not-an-operator": Words(
        en="ticked by {by}, whom the checklist does not list under operators: let one of them untick and tick it",
        ja="{by} はこのチェックリストの operators に含まれていません。担当者が外してから付け直してください",
    ),
    "attachment-missing": Words(en="attach: {evidence}", ja="添付が必要: {evidence}"),
    "answer-missing": Words(
        en="type the 4-letter code of the test message into Note, where it has arrived; codes missing: {codes}",
        ja="届いたテストメッセージの 4 文字のコードを「メモ」に入力してください（残り {codes} 件）",
    ),
    "second-person-missing": Words(
        en="waits for the approval of a second person (Approved)", ja="二人目の承認を待っています（承認欄）"
    ),
    "approvals-missing": Words(
        en="approved by {approvers}: {count} of {needed}; the next person takes Approved out, waits a minute and "
        "sets it again",
        ja="承認済み: {approvers}（{needed} 人中 {count} 人）。次の方は承認を外し、"
        "1 分待ってから付け直してください",
    ),
    "approved-by-the-same": Words(
        en="{by} has ticked and approved: another person must approve; take Approved out, and let them set it",
        ja="チェックと承認が同じ人（{by}）です。承認を外し、別の人が付け直してください",
    ),
    "approval-not-allowed": Words(
        en="approved by somebody whom the checklist does not list under approvers: take Approved out, and let one "
        "of them set it",
        ja="approvers に含まれない人の承認です。承認を外し、承認者が付け直してください",
    ),
    "approval-other-facts": Words(
        en="approved for another tick or on other facts than now: look again, take Approved out, wait a minute and "
        "set it again",
        ja="承認時とチェックまたは事実が変わっています。確認のうえ承認を外し、1 分待ってから付け直してください",
    ),
    "approval-unclear": Words(
        en="Approved came in one look with something else, or from an integration: who approved cannot be told; "
        "take Approved out, wait a minute, and let the second person set it again",
        ja="承認と他の操作が同時に届いたため、誰の承認か特定できません。承認を外し、"
        "1 分待ってから、二人目が付け直してください",
    ),
    "not-looked-yet": Words(en="not looked at yet", ja="まだ確認していません"),
    "asked": Words(en="asked {hosts}, no answer yet", ja="{hosts} に確認中"),
    "host": Words(en="{host}: {text}", ja="{host}: {text}"),
    "was": Words(en="was {result} {time}", ja="以前: {result} {time}"),
    "put-right": Words(en="put right: {what}", ja="修正しました: {what}"),
    "last-definite": Words(en="last definite: {result} {time}", ja="最後の確定判定: {result} {time}"),
    "expected": Words(en="expected {text}", ja="期待 {text}"),
    "seen": Words(en="seen {text}", ja="実際 {text}"),
    "remedy": Words(en="remedy: {text}", ja="対処: {text}"),
    "somebody": Words(en="somebody", ja="不明"),
    "no-commit": Words(en="not known", ja="不明"),
    "local": Words(en="LOCAL", ja="LOCAL"),
}


def say(code: str, lang: Lang, **values: str) -> str:
    """One of our sentences with its gaps filled."""
    return _SAYINGS[code].say(lang, **values)


class Writer:
    """Writes the Why of the checks of one release."""

    def __init__(self, lang: Lang, zone: ZoneInfo, **names: str) -> None:
        self._lang = lang
        self._zone = zone
        self._names = names

    def why(
        self,
        state: State,
        item: Item,
        check: CheckHistory,
        proof: Proof | None,
        *,
        needs: str = "",
        opened: str = "",
    ) -> str:
        """What the row's Why says in this state. ``needs`` and ``opened`` speak of other checks."""
        text = self._join(self._main(state, item, check, proof, needs), opened)
        if check.put_right:
            text = self._join(text, say("put-right", self._lang, what=check.put_right))
        return _cut(text)

    def opened(self, failed: Sequence[Item], last_good: str) -> str:
        """Why an item with a condition is open, and where a rollback leads; empty where nothing has failed."""
        if not failed:
            return ""
        more = f" +{len(failed) - MOST_NAMED}" if len(failed) > MOST_NAMED else ""
        items = ", ".join(item.title for item in failed[:MOST_NAMED]) + more
        return say("opened", self._lang, items=items, commit=last_good[:12] or say("no-commit", self._lang))

    def _main(self, state: State, item: Item, check: CheckHistory, proof: Proof | None, needs: str) -> str:
        if state.rule == 5:
            below = self.proved(proof, check) if proof is not None else ""
            return self._join(say(state.why, self._lang), below)
        if state.why == "not-ticked":
            return self._was(check)
        if state.why == "window" and proof is not None:
            return self._running(proof)
        if state.why in ("passed", "failed", "unknown", "frozen") and proof is not None:
            return self.proved(proof, check)
        if state.why == "frozen" and state.result is Result.CONFIRMED:
            return say("confirmed", self._lang, **self._gaps(state, item, check, needs))
        if state.why == "not-looked-yet" and item.runs_on:
            return say("asked", self._lang, hosts=str(item.runs_on))
        if state.why in _SAYINGS:
            seen = self.proved(proof, check) if state.rule == 14 and proof is not None else ""
            return self._join(say(state.why, self._lang, **self._gaps(state, item, check, needs, proof)), seen)
        return ""

    def _gaps(
        self, state: State, item: Item, check: CheckHistory, needs: str, proof: Proof | None = None
    ) -> dict[str, str]:
        by = check.choosing.by if check.choosing is not None and state.rule == 6 else None
        if by is None and check.tick is not None:
            by = check.tick.by
        approvers = check.approvers(proof.facts if proof is not None else "")
        return {
            **self._names,
            "by": (by.name or by.id) if by is not None else say("somebody", self._lang),
            "note": check.choosing.note if check.choosing is not None else "",
            "needs": needs,
            "evidence": item.evidence,
            "approvers": ", ".join(person.name or person.id for person in approvers),
            "count": str(len(approvers)),
            "needed": str(item.approvals),
            "codes": str(len(check.unanswered(proof))),
        }

    def _was(self, check: CheckHistory) -> str:
        if check.was is None:
            return ""
        return say(
            "was", self._lang, result=RESULT_WORDS[check.was].say(self._lang), time=self._clock(check.was_at)
        )

    def proved(self, proof: Proof, check: CheckHistory) -> str:
        """What the probes found: those that did not pass come alone, else all of them."""
        telling = [line for line in proof.lines if line.outcome is proof.outcome] or list(proof.lines)
        told = [self._line(line) for line in telling] + self._other_hosts(proof, telling)
        text = "; ".join(dict.fromkeys(filter(None, told)))
        if proof.outcome is Outcome.UNKNOWN and check.definite is not None:
            result = _OUTCOMES[check.definite.outcome]
            clock = self._clock(check.definite.at)
            text = self._join(text, say("last-definite", self._lang, result=result.say(self._lang), time=clock))
        return text

    def _other_hosts(self, proof: Proof, telling: Sequence[ProofLine]) -> list[str]:
        """What those hosts say that are not heard in the lines that tell."""
        heard = {line.host for line in telling if self._text(line)}
        said: dict[str, list[Outcome]] = {}
        for line in proof.lines:
            if line.host and line.host not in heard:
                said.setdefault(line.host, []).append(line.outcome)
        return [self._on(host, _OUTCOMES[combine(outcomes)].say(self._lang)) for host, outcomes in said.items()]

    def _on(self, host: str, text: str) -> str:
        return say("host", self._lang, host=host, text=text) if host and text else text

    def _running(self, proof: Proof) -> str:
        """How far the windows are; what cannot be told beside them is said too."""
        open_lines = [line for line in proof.lines if line.outcome is Outcome.UNKNOWN]
        told = (
            line.seen.say(self._lang) if line.reason == WINDOW_RUNNING and line.seen.en else self._line(line)
            for line in open_lines
        )
        return "; ".join(dict.fromkeys(filter(None, told)))

    def _line(self, line: ProofLine) -> str:
        return self._on(line.host, self._text(line))

    def _text(self, line: ProofLine) -> str:
        lang = self._lang
        parts = []
        if line.outcome is not Outcome.PASS and line.expected.say(lang):
            parts.append(say("expected", lang, text=line.expected.say(lang)))
        if line.seen.say(lang):
            parts.append(say("seen", lang, text=line.seen.say(lang)))
        if line.sentence.say(lang):
            parts.append(line.sentence.say(lang))
        if line.remedy.say(lang):
            parts.append(say("remedy", lang, text=line.remedy.say(lang)))
        return ("、" if lang == "ja" else ", ").join(parts)

    def _clock(self, time: datetime | None) -> str:
        return time.astimezone(self._zone).strftime("%H:%M") if time is not None else ""

    @staticmethod
    def _join(*parts: str) -> str:
        return " – ".join(part for part in parts if part)


def _cut(text: str) -> str:
    """One line of bounded length, whatever a probe said."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_WHY else line[: MAX_WHY - 1] + "…"
