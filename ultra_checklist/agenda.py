"""What is open in a release, in whose hands it is, and the one thing to do next: for people and for programs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from ultra_checklist.chronicle import numbers
from ultra_checklist.model import NOTHING, Frozen, Gate, Item, Words
from ultra_checklist.record import WINDOW_RUNNING
from ultra_checklist.release import Release
from ultra_checklist.retreat import Address, Retreat, address, deploy_argv, run_line
from ultra_checklist.situations import View, current_proof
from ultra_checklist.standing import may_close
from ultra_checklist.states import Place, State
from ultra_checklist.whose import Turn, turn_of

NAMED = 5
"""Checks that one piece of the next step names; the rest is counted."""


class Hand(StrEnum):
    """In whose hands a check is."""

    MACHINE = "machine"
    OPERATOR = "operator"
    SECOND = "second-person"
    TIME = "time"
    NOBODY = "nobody"
    """Nobody has ticked it, and it could be ticked now."""
    LATER = "later"
    """The deploy, or another check, comes first."""
    ELSEWHERE = "elsewhere"
    """Another machine's worker."""


_HANDS = {
    "failed": Hand.MACHINE,
    "unknown": Hand.MACHINE,
    "not-looked-yet": Hand.MACHINE,
    "window": Hand.TIME,
    "before-deploy": Hand.LATER,
    "needs": Hand.LATER,
    "gate-first": Hand.LATER,
    "not-ticked": Hand.NOBODY,
    "run-first": Hand.NOBODY,
    "second-person-missing": Hand.SECOND,
    "approvals-missing": Hand.SECOND,
    "approved-by-the-same": Hand.SECOND,
    "approval-not-allowed": Hand.SECOND,
    "approval-other-facts": Hand.SECOND,
    "approval-unclear": Hand.SECOND,
    "other-label": Hand.ELSEWHERE,
    "wrong-machine": Hand.ELSEWHERE,
}


class Step(Frozen):
    """What is to be done next with a release, and the line to copy for it, if there is one."""

    todo: Words
    command: str = ""


@dataclass(frozen=True)
class Agenda:
    """One release at one moment."""

    release: Release
    view: View
    states: Mapping[str, State]
    retreat: Retreat | None
    close_after: float

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The number of each item as people name it, such as ``4.2``."""
        return numbers(self.release.manifest)

    @cached_property
    def address(self) -> Address:
        """How a command names the release."""
        return address(self.release)

    def hand(self, item: Item) -> Hand | None:
        """In whose hands a check is; None: it is settled, or the release has ended."""
        history = self.view.history
        if self.states[item.id].settled or history.sealed is not None or history.ended is not None:
            return None
        return _HANDS.get(self._reason(item), Hand.OPERATOR)

    def turn(self, item: Item) -> Turn | None:
        """Whose turn it is with a check, and what they can do; None as for ``hand``."""
        if self.hand(item) is None:
            return None
        manifest, history = self.release.manifest, self.view.history
        state = replace(self.states[item.id], why=self._reason(item))
        return turn_of(manifest, item, state, history.check(item.id), current_proof(manifest, history, item))

    def _reason(self, item: Item) -> str:
        """Why a check is open; of one that nobody has ticked, what comes before that."""
        why = self.states[item.id].why
        if why != "not-ticked":
            return why
        if any(not self.states[need].settled for need in item.needs):
            return "needs"
        if item.after_deploy and not self._deployed():
            return "before-deploy"
        if self.retreat is not None and item.id == self.retreat.item:
            return "run-first"
        if item is self._deploys() and item.probes and not self._deployed():
            return "run-first" if all(map(self._is_ready, self._gates())) else "gate-first"
        return why

    def step(self) -> Step:
        """What to do next."""
        return self._over() or self._trouble() or self._deploying() or _joined(self._pieces())

    def _over(self) -> Step | None:
        """Where nothing is left to be done with the checks, or nothing can be done here."""
        release, history = self.release, self.view.history
        name, options = self.address
        if history.ended is not None:
            return Step(todo=_ENDED, command=f"ultra-checklist report {name}{options} --format html -o {name}.html")
        if self.view.place is not Place.HERE:
            return Step(todo=_THERE.filled(host=release.manifest.machine.name))
        if history.sealed is not None:
            return Step(todo=_FINISH, command=f"ultra-checklist sync{_local(release)}")
        if may_close(self.states, release.manifest):
            left = history.ready_at and history.ready_at + timedelta(seconds=self.close_after)
            todo = _CLOSE_AT.filled(time=release.clock(left)) if left and left > self.view.now else _CLOSE
            return Step(todo=todo, command=f"ultra-checklist close {name}{options} --as complete")
        return None

    def _trouble(self) -> Step | None:
        if self.retreat is None:
            return None
        failed = self._names(i for i in self.release.manifest.items if i.id in self.retreat.failed)
        todo = _BACK.filled(items=failed) if self.retreat.command else _BACK_BY_HAND.filled(items=failed)
        return Step(todo=todo, command=self.retreat.command)

    def _deploying(self) -> Step | None:
        """While a deploy runs, and after one that has failed."""
        deploy, item = self.view.history.deploy, self._deploys()
        if deploy is None or deploy.withdrawn or deploy.stands or item is None:
            return None
        if deploy.ended is None:
            return Step(todo=_RUNNING.filled(time=self.release.clock(deploy.started)))
        return Step(
            todo=_FAILED.filled(code=str(deploy.exit_code)),
            command=run_line(self.address, item.id, deploy_argv(self.view, item)),
        )

    def _pieces(self) -> list[tuple[Words, str]]:
        """Everything that can be done now, each with its command, the most pressing first."""
        deploy = self._deploy_piece()
        held = None if self._deployed() else self._deploys()
        found: list[tuple[Words, str]] = []
        for codes, words, command in _PIECES:
            items = [i for i in self._open() if (self._code(i) in codes) and i is not held]
            if items:
                name, options = self.address
                line = command.format(local=_local(self.release), name=name, options=options, item=items[0].id)
                found.append(
                    (words.filled(n=str(len(items)), items=self._names(items), seen=self._seen(items[0])), line)
                )
        if deploy is not None:
            found.append(deploy)
        return found or [(_NOTHING_NOW, "")]

    def _open(self) -> list[Item]:
        return [i for i in self.release.manifest.items if i.required and not self.states[i.id].settled]

    def _code(self, item: Item) -> str:
        """What is to be done with an open check: how it failed, or in whose hands it is."""
        hand, why = self.hand(item), self.states[item.id].why
        if why == "not-looked-yet" and item.runs_on:
            return "asked"
        return why if hand is Hand.MACHINE or why == "answer-missing" else str(hand)

    def _deploys(self) -> Item | None:
        return next((i for i in self.release.manifest.items if i.deploys), None)

    def _deployed(self) -> bool:
        deploy = self.view.history.deploy
        return deploy is not None and deploy.stands

    def _deploy_piece(self) -> tuple[Words, str] | None:
        """The deploy, once all that its gates ask for is settled; without an item for it, the gates."""
        if self._deployed():
            return None
        item, gates = self._deploys(), self._gates()
        if not all(self._is_ready(gate) for gate in gates):
            return None
        name, options = self.address
        if item is None:
            asked = self.view.history.gates
            gate = next((g.name for g in gates if g.name not in asked or asked[g.name].outcome != "open"), "")
            return (
                (_GATE.filled(gate=gate), f"ultra-checklist gate {name}{options} --gate {gate}") if gate else None
            )
        if not gates and any(i is not item and self.hand(i) is not Hand.LATER for i in self._open()):
            return None
        if item.probes:
            said = _DEPLOY_GATED if gates else _DEPLOY
            return said, run_line(self.address, item.id, deploy_argv(self.view, item))
        ask = f"ultra-checklist gate {name}{options} --gate {gates[0].name}" if gates else ""
        return (_BY_HAND_GATED if gates else _BY_HAND).filled(items=self._names([item])), ask

    def _gates(self) -> list[Gate]:
        """The gates before the deploy; where no item deploys, all."""
        item = self._deploys()
        gates = self.release.manifest.template.gates
        return [g for g in gates if item is None or item.id in g.guards or g.name == "deploy"]

    def _is_ready(self, gate: Gate) -> bool:
        items = self.release.manifest.items
        return all(self.states[i.id].settled for i in items if i.section in gate.sections and i.required)

    def _seen(self, item: Item) -> Words:
        """How far the windows of a check are, in brackets."""
        proof = current_proof(self.view.manifest, self.view.history, item)
        lines = proof.lines if proof is not None and proof.window_running else ()
        seen = next((line.seen for line in lines if line.reason == WINDOW_RUNNING and line.seen.en), None)
        return Words(en=f" ({seen.en})", ja=f"（{seen.ja}）") if seen is not None else NOTHING

    def _names(self, items: Iterable[Item]) -> Words:
        named = [self.numbers[item.id] for item in items]
        more = f" +{len(named) - NAMED}" if len(named) > NAMED else ""
        return Words(en=", ".join(named[:NAMED]) + more, ja="、".join(named[:NAMED]) + more)


def _local(release: Release) -> str:
    return " --local" if release.manifest.local else ""


def _joined(pieces: Sequence[tuple[Words, str]]) -> Step:
    """All pieces in one sentence; of their commands the first."""
    todo = Words(en="; ".join(w.en for w, _ in pieces), ja="。".join(w.ja for w, _ in pieces))
    return Step(todo=todo, command=next((command for _, command in pieces if command), ""))


_ENDED = Words(
    en="nothing: the release has ended; its report", ja="なし（リリースは終了済み）。レポートを出力するには"
)
_THERE = Words(
    en="nothing can be told here: run the worker and `status` on {host}",
    ja="このマシンでは判定できません。{host} でワーカーと `status` を実行する",
)
_FINISH = Words(
    en="the ending was cut off: the next pass finishes it", ja="終了処理が途中です。次のパスで完了させる"
)
_CLOSE = Words(en="everything is settled: close the release", ja="すべて確定しました。リリースを終了する")
_CLOSE_AT = Words(
    en="everything is settled: it closes by itself at {time}; or close it now",
    ja="すべて確定しました。{time} に自動で終了します。すぐ終了するには",
)
_BACK = Words(
    en="{items} failed after the deploy: mend it, or roll back",
    ja="デプロイ後に {items} が不合格。直すか、ロールバックする",
)
_BACK_BY_HAND = Words(
    en="{items} failed after the deploy: mend it, or roll back by hand",
    ja="デプロイ後に {items} が不合格。直すか、手動でロールバックする",
)
_RUNNING = Words(
    en="wait: the deploy has been running since {time}", ja="デプロイ実行中（{time} 開始）。終了を待つ"
)
_FAILED = Words(
    en="the deploy ended with exit code {code}: read its log, mend it, and run it again",
    ja="デプロイが終了コード {code} で失敗。ログを確認して直し、再実行する",
)
_NOTHING_NOW = Words(
    en="nothing can be done now: see what comes first", ja="今できることはありません。先に必要な項目を確認"
)
_GATE = Words(en="ask the gate {gate}", ja="ゲート {gate} を確認する")
_DEPLOY_GATED = Words(
    en="run the deploy, which asks the gate first", ja="デプロイを実行する（先にゲートを確認します）"
)
_DEPLOY = Words(en="run the deploy", ja="デプロイを実行する")
_BY_HAND_GATED = Words(
    en="ask the gate; when it is open deploy, then tick {items}",
    ja="ゲートを確認し、開いたらデプロイして {items} にチェックする",
)
_BY_HAND = Words(en="deploy, then tick {items}", ja="デプロイして {items} にチェックする")

_PIECES: tuple[tuple[tuple[str, ...], Words, str], ...] = (
    (("failed",), Words(en="mend {items}", ja="{items} を直す"), ""),
    (
        ("unknown",),
        Words(en="let the probes of {items} see", ja="{items} を判定できるようにする"),
        "ultra-checklist check {name} {item}{options}",
    ),
    (
        ("not-looked-yet",),
        Words(en="let the worker look", ja="ワーカーに確認させる"),
        "ultra-checklist sync{local}",
    ),
    (
        ("asked",),
        Words(
            en="let other machines answer for {items}: their worker or agent must run, and a pass here takes it in",
            ja="{items} はほかのマシンの回答待ち（そこのワーカーかエージェントと、ここの次のパスが必要）",
        ),
        "ultra-checklist sync{local}",
    ),
    (
        ("answer-missing",),
        Words(en="type the codes of {items} into Note", ja="{items} のコードを「メモ」に入力する"),
        "",
    ),
    ((str(Hand.OPERATOR),), Words(en="complete {items} in Notion", ja="Notion で {items} の不足を補う"), ""),
    ((str(Hand.SECOND),), Words(en="a second person approves {items}", ja="二人目が {items} を承認する"), ""),
    (
        (str(Hand.NOBODY),),
        Words(en="tick {n} in Notion: {items}", ja="Notion で {n} 項目にチェックする（{items}）"),
        "",
    ),
    (
        (str(Hand.ELSEWHERE),),
        Words(en="let the other worker do {items}", ja="別のワーカーで {items} を確認する"),
        "",
    ),
    ((str(Hand.TIME),), Words(en="wait for {items}{seen}", ja="{items} の観測終了を待つ{seen}"), ""),
)
