"""Whose an open check is, and what they can do about it: by the code of why it is open. Pure."""

from collections.abc import Mapping

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.hosts.carriers import NOBODY
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import NOTHING, Frozen, Item, Outcome, Words
from ultra_checklist.record import Proof, ProofLine
from ultra_checklist.states import State
from ultra_checklist.words import joined


class Turn(Frozen):
    """Who is to act, and what they can do."""

    whose: Words
    todo: Words


_NOBODY = Words(en="nobody has ticked it", ja="未チェック")
_MACHINE = Words(en="the machine (ticked by {by})", ja="マシン（チェック: {by}）")
_TICKER = Words(en="{by}, who ticked it", ja="チェックした {by}")
_DECIDER = Words(en="{by}, who decided", ja="判断した {by}")
_ANYBODY = Words(en="whoever may decide", ja="判断できる人")

_TURNS: Mapping[str, tuple[Words, Words]] = {
    "not-ticked": (_NOBODY, Words(en="make it true, then tick Done in Notion", ja="実施し、Notion でチェックする")),
    "failed": (
        _MACHINE,
        Words(en="mend the machine: it turns green by itself", ja="マシンを直す（自動で緑に戻ります）"),
    ),
    "unknown": (
        _MACHINE,
        Words(
            en="let the probe see it: ultra-checklist check {version} {item}",
            ja="プローブが確認できるようにする: ultra-checklist check {version} {item}",
        ),
    ),
    "not-looked-yet": (
        _MACHINE,
        Words(en="let the worker look: ultra-checklist sync", ja="ワーカーに確認させる: ultra-checklist sync"),
    ),
    "window": (_MACHINE, Words(en="wait until the window is over", ja="観測期間の終了を待つ")),
    "before-deploy": (
        Words(en="the deploy", ja="デプロイ"),
        Words(en="deploy first, then it is looked at", ja="先にデプロイする"),
    ),
    "gate-first": (
        Words(en="the gate", ja="ゲート"),
        Words(en="settle what the gate asks for first", ja="先にゲートの対象項目を済ませる"),
    ),
    "run-first": (
        _NOBODY,
        Words(
            en="run it with `ultra-checklist run`, then tick Done",
            ja="`ultra-checklist run` で実行し、チェックする",
        ),
    ),
    "needs": (
        Words(en="those that it needs: {needs}", ja="先に必要な項目: {needs}"),
        Words(en="settle those first", ja="それらを先に済ませる"),
    ),
    "word-before-deploy": (
        _TICKER,
        Words(en="look again, then untick and tick", ja="確認し直し、チェックを外して付け直す"),
    ),
    "no-person": (
        Words(en="a person (an integration ticked it)", ja="担当者（連携によるチェックです）"),
        Words(en="untick it, and tick it yourself", ja="チェックを外し、自分で付け直す"),
    ),
    "attachment-missing": (_TICKER, Words(en="attach: {evidence}", ja="添付する: {evidence}")),
    "answer-missing": (
        _TICKER,
        Words(
            en="read the test message where it arrives, and type its 4-letter code into Note",
            ja="届いたテストメッセージを確認し、4 文字のコードを「メモ」に入力する",
        ),
    ),
    "second-person-missing": (
        Words(en="a second person, not {by}", ja="{by} 以外の二人目"),
        Words(en="set Approved in Notion", ja="Notion の承認欄を付ける"),
    ),
    "ticked-late": (
        _ANYBODY,
        Words(en="decide Waive, with the reason in Note", ja="「免除」を選び、メモに理由を書く"),
    ),
    "frozen": (
        Words(en="{by}; frozen when the deploy started", ja="{by}（デプロイ開始時のまま固定）"),
        Words(en="decide Waive, with the reason in Note", ja="「免除」を選び、メモに理由を書く"),
    ),
    "no-note": (_ANYBODY, Words(en="write the reason of the decision in Note", ja="判断の理由をメモに書く")),
    "not-allowed": (_DECIDER, Words(en="take the decision back", ja="判断を取り消す")),
    "expired": (
        _DECIDER,
        Words(en="renew Until, or take the decision back", ja="期限を更新するか、判断を取り消す"),
    ),
    "wrong-person": (
        Words(en="somebody who may decide", ja="判断の権限がある人"),
        Words(en="take it back and let them decide", ja="取り消し、権限がある人が判断する"),
    ),
    "other-facts": (
        _DECIDER,
        Words(en="look again, then change the Note to renew it", ja="確認し直し、メモを書き直して判断し直す"),
    ),
    "unclear-person": (
        Words(en="whoever decided, alone", ja="判断する人（単独で）"),
        Words(en="take it back, wait a minute, decide again", ja="取り消し、1 分待ってから判断し直す"),
    ),
    "not-an-operator": (
        Words(en="one of the operators, not {by}", ja="operators の一人（{by} 以外）"),
        Words(en="untick it, and let one of them tick it", ja="チェックを外し、担当者が付け直す"),
    ),
    "approvals-missing": (
        Words(en="the next person who approves", ja="次の承認者"),
        Words(en="take Approved out, wait a minute, set it again", ja="承認を外し、1 分待ってから付け直す"),
    ),
    "approved-by-the-same": (
        Words(en="a second person, not {by}", ja="{by} 以外の二人目"),
        Words(en="take Approved out, and set it yourself", ja="承認を外し、自分で付け直す"),
    ),
    "approval-not-allowed": (
        Words(en="one of the approvers", ja="approvers の一人"),
        Words(en="take Approved out, and set it yourself", ja="承認を外し、自分で付け直す"),
    ),
    "approval-other-facts": (
        Words(en="the second person", ja="二人目の承認者"),
        Words(
            en="look again, take Approved out, wait a minute, set it again",
            ja="確認し直し、承認を外して 1 分後に付け直す",
        ),
    ),
    "approval-unclear": (
        Words(en="the second person", ja="二人目の承認者"),
        Words(en="take Approved out, wait a minute, set it again", ja="承認を外し、1 分待ってから付け直す"),
    ),
    "other-label": (
        Words(en="{label}, which cannot be asked from here", ja="{label}（ここから問い合わせる手段なし）"),
        Words(
            en="set ULTRA_CHECKLIST_HOST on each machine and run `ultra-checklist init` there, or name a broker",
            ja="各マシンに ULTRA_CHECKLIST_HOST を設定し `ultra-checklist init` を実行するか、ブローカーを指定する",
        ),
    ),
    "wrong-machine": (
        Words(en="the worker on {host}", ja="{host} のワーカー"),
        Words(en="run the worker on {host}", ja="{host} でワーカーを実行する"),
    ),
    "doubled": (
        Words(en="whoever copied the row", ja="行を複製した人"),
        Words(en="keep one of the rows and delete the others", ja="一つの行を残し、ほかを削除する"),
    ),
    "altered": (
        Words(en="whoever altered the row by hand", ja="行を手で変更した人"),
        Words(
            en="it was put right just now: look at the row, then ask again",
            ja="修正済み。行を確認し、もう一度ゲートを確認する",
        ),
    ),
}
_ASKED = (
    Words.same("{label}"),
    Words(
        en="let its worker or agent answer; see there: ultra-checklist doctor",
        ja="そのマシンのワーカーまたはエージェントに回答させる（確認: そこで ultra-checklist doctor）",
    ),
)
_ON = Words(en="on {host}: {step}", ja="{host} で: {step}")
_SOMEBODY = Words(en="somebody", ja="不明")


def turn_of(manifest: Manifest, item: Item, state: State, check: CheckHistory, proof: Proof | None) -> Turn:
    """Whose turn it is with a check that is not settled."""
    whose, todo = _ASKED if state.why == "not-looked-yet" and item.runs_on else _TURNS[state.why]
    if state.why in ("failed", "unknown") and proof is not None:
        todo = _remedies(proof) or todo
    decided = state.rule == 5 and check.choosing is not None
    by = check.choosing.by if decided and check.choosing is not None else check.tick.by if check.tick else None
    gaps = {
        "by": Words.same(by.name or by.id) if by is not None else _SOMEBODY,
        "needs": Words.same(", ".join(item.needs)),
        "evidence": Words.same(item.evidence),
        "label": Words.same(str(item.runs_on)),
        "host": Words.same(manifest.machine.name),
        "version": Words.same(manifest.version),
        "item": Words.same(item.id),
    }
    return Turn(whose=whose.filled(**gaps), todo=todo.filled(**gaps))


def _remedies(proof: Proof) -> Words | None:
    """What the probes that did not pass propose."""
    lines = [line for line in proof.lines if line.outcome is not Outcome.PASS and line.remedy != NOTHING]
    if not lines:
        return None
    # Many are commands, and are pasted: what stands between two must be harmless to a shell.
    return joined(list(dict.fromkeys(map(_where, lines))), "; ")


def _where(line: ProofLine) -> Words:
    """What a probe proposes, and on which machine if not where the release is at home."""
    if not line.host or line.probe == NOBODY:
        return line.remedy
    return _ON.filled(host=line.host, step=line.remedy)
