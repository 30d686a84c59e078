"""From Notion to the backend: one marked test record is made, the backend's effect is waited for, the record goes.

The record's title ends with a key of release, item and tick: after a crash it is found and not made twice, and what
an earlier tick left behind is cleaned up. Backend and trades are only read (GET).
"""

import asyncio
from collections.abc import Iterator
from typing import ClassVar

from ultra_checklist.model import Effect, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.flow_data import FlowSeen, NotionFlowOptions, why
from ultra_checklist.probes.flow_steps import Flow
from ultra_checklist.probes.messages import AGAIN, occasion


class NotionFlowProbe(Probe[NotionFlowOptions, FlowSeen]):
    """Makes one record and takes it away again."""

    name = "notion-flow"
    summary = Words(
        en="from Notion to the backend with one test record that is cleaned up; nothing is traded",
        ja="テストレコード 1 件で Notion から backend までを確認（後片付けと取引なしの確認を含む）",
    )
    options_model: ClassVar[type[Options]] = NotionFlowOptions
    observation_model: ClassVar[type[Observation]] = FlowSeen
    effect: ClassVar[Effect] = "write"
    needs_release = True

    def twins(self) -> Iterator[Twin]:
        """No effect, a trade, and a record that stays; nothing is written to Notion."""
        good = FlowSeen(title=self.options.marker, record="twin", effect=True, seconds=1.0, cleaned=True)
        still = good.model_copy(update={"effect": False})
        yield Twin(Words(en="the backend does nothing", ja="backend が処理しない"), seen=still)
        if self.options.trades_url:
            traded = good.model_copy(update={"trades_before": 1, "trades_after": 2})
            yield Twin(Words(en="a trade during the test", ja="テスト中の取引"), seen=traded)
        there = good.model_copy(update={"trades_before": 1, "trades_after": 1, "cleaned": False})
        yield Twin(Words(en="a record that stays", ja="残ったテストレコード"), seen=there)

    async def observe(self, context: Context) -> FlowSeen:
        """Make the record, wait, count, clean up. Nothing is made where not everything can be seen first."""
        occasion(context)
        flow = Flow(self.options, context)
        await flow.prepare()
        try:
            await flow.make()
            await flow.wait()
            await flow.count_again()
        except asyncio.CancelledError:
            flow.hurry()
            raise
        finally:
            await flow.clean_up()
        return flow.seen()

    def judge(self, seen: FlowSeen) -> Verdict:
        """A trade first, then the record, the effect, the count, and at last whether it was cleaned up."""
        for verdict in (self._traded(seen), self._made(seen), self._effect(seen), self._counted(seen)):
            if verdict is not None:
                return _with_leftover(verdict, seen)
        return self._cleaned(seen) or passed(
            "effect-seen", expected=self._wanted(), seen=self._told(seen), effect=True, traded=False, cleaned=True
        )

    def _wanted(self) -> Words:
        within = f"{self.options.within:g}"
        if self.options.property:
            what = f"{self.options.property} = {_said(self.options.value)}"
            return Words(en=f"{what} within {within} s", ja=f"{within} 秒以内に {what}")
        return Words(
            en=f"the backend names the record within {within} s", ja=f"{within} 秒以内に backend がレコードを返す"
        )

    def _told(self, seen: FlowSeen) -> Words:
        counted = seen.trades_before is not None
        en, ja = (
            (f", {seen.trades_before} trades as before", f"、取引 {seen.trades_before} 件のまま")
            if counted
            else ("", "")
        )
        return Words(
            en=f"after {seen.seconds:g} s{en}; the record is in the trash",
            ja=f"{seen.seconds:g} 秒後{ja}、レコードはゴミ箱へ移動済み",
        )

    def _traded(self, seen: FlowSeen) -> Verdict | None:
        if seen.trades_after is None or (seen.trades_after == seen.trades_before and seen.trades_same):
            return None
        return failed(
            "traded",
            Words(en="trades appeared while the test ran", ja="テスト中に取引が発生しました"),
            expected=Words(
                en=f"{seen.trades_before} trades, the same ones", ja=f"取引 {seen.trades_before} 件のまま"
            ),
            seen=Words(en=f"{seen.trades_after} trades", ja=f"取引 {seen.trades_after} 件"),
            remedy=Words(
                en="look at them: if the test made them, stop trading; if not, untick and tick to try again",
                ja="内容を確認し、テスト由来なら取引を停止、無関係ならチェックを外して付け直す",
            ),
            traded=True,
        )

    def _made(self, seen: FlowSeen) -> Verdict | None:
        if seen.trouble:
            cause = why(seen.trouble)
            return unknown(
                seen.trouble,
                Words(
                    en=f"the test record could not be made: {cause.en}",
                    ja=f"テストレコードを作成できません: {cause.ja}",
                ),
                expected=self._wanted(),
                seen=Words.same(seen.said),
                remedy=AGAIN,
                made=False,
            )
        if seen.from_start:
            return unknown(
                "no-change-to-see",
                Words(
                    en="the record had the awaited value as it was made, so nothing shows that the backend saw it",
                    ja="作成時点ですでに期待値のため、backend の処理を判定できません",
                ),
                expected=self._wanted(),
                remedy=Words(
                    en="give it another value in `values`, or change the property's default",
                    ja="`values` で別の値を与えるか、プロパティの既定値を変更してください",
                ),
            )
        return None

    def _effect(self, seen: FlowSeen) -> Verdict | None:
        if seen.effect:
            return None
        if seen.effect is None:
            cause = why(seen.looked)
            what = Words.same("Notion") if self.options.property else Words(en="the backend", ja="backend")
            return unknown(
                seen.looked or "cut-short",
                Words(
                    en=f"whether the backend did it could not be seen; {what.en}: {cause.en}",
                    ja=f"backend の処理結果を確認できません（{what.ja}: {cause.ja}）",
                ),
                expected=self._wanted(),
                remedy=AGAIN,
            )
        return failed(
            "no-effect",
            Words(
                en="the backend did nothing with the test record in time",
                ja="backend が時間内にテストレコードを処理しませんでした",
            ),
            expected=self._wanted(),
            seen=Words.same(f"{self.options.property} = {seen.value or '–'}")
            if self.options.property
            else Words(en="it does not name the record", ja="レコードが含まれていません"),
            remedy=Words(
                en="look into the backend's log for the record, then untick and tick",
                ja="backend のログを確認し、チェックを外して付け直す",
            ),
            effect=False,
        )

    def _counted(self, seen: FlowSeen) -> Verdict | None:
        if not self.options.trades_url or seen.trades_after is not None:
            return None
        cause = why(seen.trades_trouble)
        return unknown(
            "trades-unknown",
            Words(
                en=f"whether something was traded could not be seen: {cause.en}",
                ja=f"取引の有無を確認できません: {cause.ja}",
            ),
            expected=Words(en=f"{seen.trades_before} trades as before", ja=f"取引 {seen.trades_before} 件のまま"),
            remedy=AGAIN,
        )

    def _cleaned(self, seen: FlowSeen) -> Verdict | None:
        if seen.cleaned:
            return None
        expected = Words(en="the test record is in the trash", ja="テストレコードはゴミ箱に移動済み")
        remedy = _by_hand(seen)
        if seen.cleaned is None:
            cause = why(seen.cleaning)
            sentence = Words(
                en=f"whether the test record is in the trash is not known: {cause.en}",
                ja=f"テストレコードの後片付けを確認できません: {cause.ja}",
            )
            return unknown("cleanup-unknown", sentence, expected=expected, remedy=remedy)
        return failed(
            "left-behind",
            Words(
                en="the backend did it, but the test record could not be moved to the trash",
                ja="処理は成功しましたが、テストレコードをゴミ箱に移せませんでした",
            ),
            expected=expected,
            seen=Words(en="it is still there", ja="残っています"),
            remedy=remedy,
            cleaned=False,
        )


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_hand(seen: FlowSeen) -> Words:
    return Words(
        en=f"move “{seen.title}” to the trash by hand, then untick and tick",
        ja=f"「{seen.title}」を手動でゴミ箱に移し、チェックを外して付け直す",
    )


def _with_leftover(verdict: Verdict, seen: FlowSeen) -> Verdict:
    """The verdict, which also says what could not be cleaned up."""
    if seen.cleaned or (not seen.record and not seen.unsure):
        return verdict
    known = seen.cleaned is False
    en = "could not be moved to the trash" if known else "may still be there"
    ja = "をゴミ箱に移せませんでした" if known else "が残っている可能性があります"
    by_hand = _by_hand(seen)
    return verdict.model_copy(
        update={
            "sentence": Words(
                en=f"{verdict.sentence.en}; the test record “{seen.title}” {en}",
                ja=f"{verdict.sentence.ja}。テストレコード「{seen.title}」{ja}",
            ),
            "remedy": Words(en=f"{verdict.remedy.en}; {by_hand.en}", ja=f"{verdict.remedy.ja}。{by_hand.ja}"),
            "facts": {**verdict.facts, "cleaned": False},
        }
    )
