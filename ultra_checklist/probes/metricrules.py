"""Rules on metrics, and whether samples keep them."""

import re
from collections.abc import Callable, Iterator, Sequence

from pydantic import Field, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import failed, passed, unknown
from ultra_checklist.probes.prometheus import Series, selector

SHOWN = 3
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class Rule(Frozen):
    """One metric or expression, and its limits. Every series that it gives must keep them."""

    metric: str | None = None
    expr: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    max: float | None = None
    min: float | None = None
    equals: float | None = None
    increase_max: float | None = Field(default=None, ge=0)
    window: float = Field(default=0.0, ge=0, le=604_800, alias="for")
    """Seconds over which the limits must have held, since the deploy began at most."""
    tolerate: float = Field(default=0.0, ge=0)
    """Seconds in a row that the value may be beyond a limit within the window."""
    absent: float | None = None
    """What it counts as where it is not there; None: that cannot be told."""

    @model_validator(mode="after")
    def _asserts(self) -> "Rule":
        if (self.metric is None) == (self.expr is None):
            raise WrongValue("name one of metric and expr", "metric と expr のどちらか一方を指定してください")
        if self.metric is not None and _NAME.fullmatch(self.metric) is None:
            raise WrongValue(
                f"{self.metric!r} is no name of a metric: use labels, or expr with prometheus",
                f"{self.metric!r} はメトリクス名ではありません。labels か、prometheus で expr を使ってください",
            )
        if self.expr is not None and (self.labels or self.increase_max is not None or not self.expr.strip()):
            raise WrongValue(
                "labels and increase_max belong to `metric`; an expr is not empty",
                "labels と increase_max は `metric` と一緒に使います。expr は空にできません",
            )
        if all(limit is None for limit in (self.max, self.min, self.equals, self.increase_max)):
            raise WrongValue(
                "this asserts nothing: add max, min, equals or increase_max",
                "確認する内容がありません。max、min、equals、increase_max のいずれかを指定してください",
            )
        if self.window and self.increase_max is not None:
            raise WrongValue(
                "increase_max counts from the deploy: it has no `for`",
                "increase_max はデプロイから数えるため、`for` と一緒に使えません",
            )
        if self.tolerate and self.tolerate >= self.window:
            raise WrongValue("tolerate is a part of `for`", "tolerate は `for` と一緒に使います")
        return self

    @property
    def query(self) -> str:
        """What is asked."""
        return self.expr if self.expr is not None else selector(self.metric or "", self.labels)

    @property
    def told(self) -> str:
        """What it is called."""
        return self.query[:120]

    def breaks(self, value: float) -> bool:
        """Whether a value is beyond a limit."""
        return (
            (self.max is not None and value > self.max)
            or (self.min is not None and value < self.min)
            or (self.equals is not None and value != self.equals)
        )

    @property
    def limits(self) -> str:
        """The limits in signs."""
        signs = (("<=", self.max), (">=", self.min), ("=", self.equals))
        told = [f"{self.told} {sign} {limit:g}" for sign, limit in signs if limit is not None]
        if self.increase_max is not None:
            told.append(f"{self.told}: +{self.increase_max:g}")
        return ", ".join(told)


class RuleSeen(Frozen):
    """What was told for one rule."""

    series: list[Series]
    step: float = 0.0
    """Seconds between two values of a series; 0: there is one each."""
    window: float = 0.0
    """Seconds from the first to the last of them."""
    increases: list[Series] | None = None
    """By how much counters grew since the deploy began; None: that is not known, or not asked."""


def beyond(rule: Rule) -> Iterator[tuple[Words, RuleSeen]]:
    """What would be told of a rule where a limit is not kept, for each limit."""
    values: list[float] = []
    if rule.max is not None:
        values.append(rule.max + max(1.0, abs(rule.max)))
    if rule.min is not None:
        values.append(rule.min - max(1.0, abs(rule.min)))
    if rule.equals is not None:
        values.append(rule.equals + max(1.0, abs(rule.equals)))
    # Over a window it must be so for longer than it may be.
    count = int(rule.tolerate) + 2 if rule.window else 1
    for value in values:
        series = [Series(labels={}, values=[value] * count)]
        told = RuleSeen(series=series, step=1.0 if rule.window else 0.0, window=rule.window)
        yield Words.same(f"{rule.told} = {value:g}"), told
    if rule.increase_max is not None:
        grown = rule.increase_max * 2 + 1
        series = [Series(labels={}, values=[grown])]
        yield Words.same(f"{rule.told} +{grown:g}"), RuleSeen(series=series, increases=series)


def judged(rule: Rule, seen: RuleSeen, at: float, stale: float, coverage: float, remedy: Words) -> Verdict:
    """The verdict of one rule."""
    series = seen.series
    if not series and rule.absent is not None:
        series = [Series(labels={}, values=[rule.absent], at=None)]
        grown = None if seen.increases is None else [Series(labels={}, values=[0.0])]
        seen = RuleSeen(series=series, window=seen.window, increases=grown)
    if not series:
        return _cannot(rule, remedy, "absent", "is not there", "がありません")
    tests: Sequence[Callable[[], Verdict | None]] = (
        lambda: _beyond(rule, seen, remedy),
        lambda: _grown(rule, seen, remedy),
        lambda: _stale(rule, series, at, stale, remedy),
        lambda: _covered(rule, seen, coverage, remedy) if seen.step else _numbers(rule, seen, remedy),
        lambda: _running(rule, seen),
    )
    for test in tests:
        verdict = test()
        if verdict is not None:
            return verdict
    shown = seen.increases if rule.increase_max is not None and seen.increases else series
    return passed("within-limits", expected=Words.same(rule.limits), seen=Words.same(_list(rule, shown)))


def _cannot(rule: Rule, remedy: Words, reason: str, en: str, ja: str) -> Verdict:
    return unknown(
        reason,
        Words(en=f"{rule.told} {en}", ja=f"{rule.told} {ja}"),
        expected=Words.same(rule.limits),
        remedy=remedy,
        rule=rule.told,
    )


def _beyond(rule: Rule, seen: RuleSeen, remedy: Words) -> Verdict | None:
    """Whether a value is, or was for longer than it may be, beyond a limit."""
    found = [one for one in seen.series if _longest(rule, one) * (seen.step or 1.0) > rule.tolerate]
    if not found:
        return None
    return failed(
        "beyond-limit",
        Words(en=f"{rule.told} is beyond its limit", ja=f"{rule.told} が範囲外です"),
        expected=Words.same(rule.limits),
        seen=Words.same(_list(rule, found)),
        remedy=remedy,
        rule=rule.told,
    )


def _longest(rule: Rule, series: Series) -> int:
    """How many values in a row are beyond a limit; what is not known ends a row."""
    longest = row = 0
    for value in series.values:
        row = row + 1 if isinstance(value, float) and rule.breaks(value) else 0
        longest = max(longest, row)
    return longest


def _grown(rule: Rule, seen: RuleSeen, remedy: Words) -> Verdict | None:
    if rule.increase_max is None:
        return None
    if seen.increases is None:
        return unknown(
            "no-baseline",
            Words(
                en=f"what {rule.told} was as the deploy began is not known",
                ja=f"デプロイ開始時の {rule.told} が記録されていません",
            ),
            expected=Words.same(rule.limits),
            remedy=Words(en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"),
            rule=rule.told,
        )
    most = rule.increase_max
    grown = [one for one in seen.increases if isinstance(one.values[0], float) and one.values[0] > most]
    if not grown:
        return None
    return failed(
        "grown",
        Words(
            en=f"{rule.told} has grown too much since the deploy began",
            ja=f"{rule.told} がデプロイ開始以降に増えすぎています",
        ),
        expected=Words.same(rule.limits),
        seen=Words.same(_list(rule, grown, sign="+")),
        remedy=remedy,
        rule=rule.told,
    )


def _stale(rule: Rule, series: Sequence[Series], at: float, stale: float, remedy: Words) -> Verdict | None:
    ages = [at - one.at for one in series if one.at is not None]
    if ages and max(ages) > stale:
        told = f"{max(ages):.0f} s"
        return _cannot(rule, remedy, "stale", f"is {told} old", f"のサンプルが {told} 前のものです")
    if ages and min(ages) < -stale:
        told = f"{-min(ages):.0f} s"
        return _cannot(rule, remedy, "clock-skew", f"is of {told} ahead", f"のサンプルが {told} 未来のものです")
    return None


def _numbers(rule: Rule, seen: RuleSeen, remedy: Words) -> Verdict | None:
    wrong = [one for one in (*seen.series, *(seen.increases or ())) if not isinstance(one.values[0], float)]
    if not wrong:
        return None
    told = _list(rule, wrong)
    return _cannot(rule, remedy, "not-a-number", f"is no number: {told}", f"が数値ではありません: {told}")


def _covered(rule: Rule, seen: RuleSeen, coverage: float, remedy: Words) -> Verdict | None:
    """Whether there are numbers for enough of the window, and for its end."""
    moments = [
        any(isinstance(value, float) for value in column)
        for column in zip(*(one.values for one in seen.series), strict=True)
    ]
    part = sum(moments) / len(moments) if moments else 0.0
    if part >= coverage and moments[-1]:
        return None
    if part >= coverage:
        return _cannot(rule, remedy, "stale", "has no sample of this moment", "の現在のサンプルがありません")
    texts = any(isinstance(value, str) for one in seen.series for value in one.values)
    told = f"{part:.0%}"
    return _cannot(
        rule,
        remedy,
        "not-a-number" if texts else "coverage",
        f"has numbers for {told} of the time only",
        f"の数値が期間の {told} しかありません",
    )


def _running(rule: Rule, seen: RuleSeen) -> Verdict | None:
    # The moments asked for do not meet the window's ends to the millisecond.
    if seen.window >= rule.window - 1:
        return None
    done, whole = int(seen.window // 60), rule.window / 60
    return unknown(
        "window-running",
        Words(en="the time to be watched is not over", ja="監視時間がまだ終わっていません"),
        expected=Words.same(rule.limits),
        seen=Words(en=f"{done} of {whole:g} min, within limits", ja=f"{whole:g} 分中 {done} 分、範囲内"),
        rule=rule.told,
    )


def _list(rule: Rule, series: Sequence[Series], sign: str = "") -> str:
    """Series with their worst value, a few of them."""
    shown = []
    for one in series[:SHOWN]:
        labels = {name: value for name, value in one.labels.items() if name != "__name__"}
        worst = next((v for v in one.values if isinstance(v, float) and rule.breaks(v)), None)
        value = worst if worst is not None else next((v for v in reversed(one.values) if v is not None), "-")
        told = f"{sign}{value:g}" if isinstance(value, float) else str(value)
        shown.append(f"{selector('', labels)[:100]} {told}".strip())
    more = f", … {len(series) - SHOWN}" if len(series) > SHOWN else ""
    return ", ".join(shown) + more
