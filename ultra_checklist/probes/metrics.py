"""Metrics within limits: what an exporter tells now, or what Prometheus knows of a time.

What is absent, stale or no number is never within limits: it cannot be told. Counters are compared with what they
were when the deploy began.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, passed, unknown
from ultra_checklist.probes.fetch import origin
from ultra_checklist.probes.metricrules import Rule, RuleSeen, beyond, judged
from ultra_checklist.probes.prometheus import MAX_SERIES, Series, Source, asked

POINTS = 120
"""Moments within a window at which a value is asked for."""
LOOKBACK = 300
"""Seconds that samples may be old in the answer to a query, unless Prometheus is told otherwise."""
STARTED = "process_start_time_seconds"
"""What client libraries tell of the process: another value means that counters began anew."""


class MetricsOptions(Options):
    """Where samples come from, and what they must be."""

    scrape: str | None = Field(default=None, description="Address of an exporter's page, such as `…/metrics`.")
    prometheus: str | None = Field(default=None, description="Address of a Prometheus server, asked by PromQL.")
    rules: list[Rule] = Field(
        min_length=1, description="List of rules, each with `metric` or `expr` and a limit: see the guide."
    )
    max_staleness: float = Field(default=300.0, gt=0, description="Seconds that a sample may be old.")
    coverage: float = Field(default=0.95, gt=0, le=1, description="Least part of a window that must have samples.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send; they are never recorded.")
    verify_tls: bool = Field(default=True, description="false: accept any certificate.")

    @field_validator("scrape", "prometheus")
    @classmethod
    def _plain_address(cls, value: str | None) -> str | None:
        """Refuse without quoting: an address may hold a key."""
        if value is None:
            return None
        if not value.startswith(("http://", "https://")) or origin(value).endswith(
            ("?", "//None:80", "//None:443")
        ):
            raise WrongValue(
                "this is no http:// or https:// address", "http:// または https:// のアドレスではありません"
            )
        if "@" in value.split("/")[2]:
            raise WrongValue(
                "a password does not belong into an address: use `headers` with a secret variable",
                "アドレスにパスワードを含めないでください。`headers` で秘密の変数を使ってください",
            )
        return value

    @model_validator(mode="after")
    def _one_source(self) -> "MetricsOptions":
        if (self.scrape is None) == (self.prometheus is None):
            raise WrongValue(
                "name one source: scrape or prometheus", "scrape と prometheus のどちらか一方を指定してください"
            )
        if self.prometheus is not None and ("?" in self.prometheus or "#" in self.prometheus):
            raise WrongValue(
                "the address of a Prometheus server ends before `/api`: it has no `?` and no `#`",
                "Prometheus サーバーのアドレスは `/api` の手前までで、`?` や `#` を含みません",
            )
        if self.scrape is not None and any(rule.expr or rule.window for rule in self.rules):
            raise WrongValue(
                "`expr` and `for` need `prometheus`: a page tells of this moment alone",
                "`expr` と `for` には `prometheus` が必要です（メトリクスのページが示すのは現在の値だけです）",
            )
        if self.max_staleness < LOOKBACK and any(rule.expr and not rule.window for rule in self.rules):
            # Prometheus before lookback_delta could be asked for takes samples as old as that, and does not tell.
            raise WrongValue(
                f"an `expr` may rest on samples {LOOKBACK} s old: use `metric`, or a longer max_staleness",
                f"`expr` は最大 {LOOKBACK} 秒前のサンプルも使います。`metric` か、長い max_staleness が必要です",
            )
        return self


class MetricsSeen(Observation):
    """What was told for each rule."""

    place: str
    """Scheme, host and port."""
    at: float
    """When it was asked, in seconds since 1970."""
    rules: list[RuleSeen]
    started: float | None = None
    """When the process behind a page began."""


class MetricsProbe(Probe[MetricsOptions, MetricsSeen]):
    """Asks an exporter or a Prometheus server."""

    name = "metrics"
    summary = Words(
        en="metrics within limits, now or over a time: an exporter's page, or PromQL",
        ja="メトリクスが範囲内（現在または期間）: エクスポーターのページ・PromQL",
    )
    options_model: ClassVar[type[Options]] = MetricsOptions
    observation_model: ClassVar[type[Observation]] = MetricsSeen
    judged: ClassVar[frozenset[str]] = frozenset({"coverage"})

    @property
    def wants_baseline(self) -> bool:
        """An increase is counted from the deploy's beginning."""
        return any(rule.increase_max is not None for rule in self.options.rules)

    def twins(self) -> Iterator[Twin]:
        """For each limit of each rule a value beyond it."""
        for place, rule in enumerate(self.options.rules):
            for what, bad in beyond(rule):
                good = [
                    RuleSeen(series=[Series(labels={}, values=[0.0])], increases=[]) for _ in self.options.rules
                ]
                rules = [*good[:place], bad, *good[place + 1 :]]
                yield Twin(what, seen=MetricsSeen(place="twin", at=0.0, rules=rules))

    @property
    def place(self) -> str:
        """The host that it asks."""
        return origin(self.options.scrape or self.options.prometheus or "")

    async def observe(self, context: Context) -> MetricsSeen:
        """Ask once for a page, or for each rule."""
        options = self.options
        before = context.baseline if isinstance(context.baseline, MetricsSeen) else None
        if before is not None and len(before.rules) != len(options.rules):
            before = None
        url = options.scrape or options.prometheus or ""

        async def ask(source: Source) -> MetricsSeen:
            if options.scrape is not None:
                key = ("scrape", url, options.verify_tls, *sorted(options.headers.items()))
                return self._page(source, await context.once(key, source.scrape), before)
            return await self._server(source, before, _deployed(context))

        seen: MetricsSeen = await asked(url, options.headers, options.verify_tls, options.timeout, ask)
        return seen

    def _page(self, source: Source, found: Sequence[tuple[str, Series]], before: MetricsSeen | None) -> MetricsSeen:
        at = time.time()
        starts = [series.values[0] for name, series in found if name == STARTED]
        started = starts[0] if len(starts) == 1 and isinstance(starts[0], float) else None
        anew = before is not None and before.started != started
        rules = []
        for place, rule in enumerate(self.options.rules):
            series = [one for name, one in found if name == rule.metric and _has(one.labels, rule.labels)]
            self._bounded(source, rule, series)
            known = before.rules[place].series if before is not None else None
            increases = None
            if rule.increase_max is not None and known is not None:
                increases = [_increased(one, [] if anew else known, one.values) for one in series]
            rules.append(RuleSeen(series=series, increases=increases))
        return MetricsSeen(place=source.name, at=at, rules=rules, started=started)

    async def _server(self, source: Source, before: MetricsSeen | None, deployed: float | None) -> MetricsSeen:
        at, rules = time.time(), []
        for place, rule in enumerate(self.options.rules):
            known = None if before is None else (before.at, before.rules[place].series)
            rules.append(await self._rule(source, rule, at, deployed, known))
        return MetricsSeen(place=source.name, at=at, rules=rules)

    async def _rule(
        self,
        source: Source,
        rule: Rule,
        at: float,
        deployed: float | None,
        before: tuple[float, list[Series]] | None,
    ) -> RuleSeen:
        expr, stale = rule.query, self.options.max_staleness
        if rule.window:
            start = max(at - rule.window, min(deployed or 0.0, at))
            step = max(1.0, round(rule.window / POINTS))
            series = await source.query_range(expr, start, at, step)
            self._bounded(source, rule, series)
            return RuleSeen(series=series, step=step, window=round(at - start, 3))
        series = await source.query(expr, at, stale)
        self._bounded(source, rule, series)
        if rule.metric is None:
            return RuleSeen(series=series)
        # The value itself comes with the time of the question: only this tells when the sample was taken.
        times = await source.query(f"timestamp({expr})", at, stale)
        taken = {_key(one.labels): one.values[0] for one in times if isinstance(one.values[0], float)}
        timed = [one.model_copy(update={"at": taken.get(_key(one.labels))}) for one in series]
        if rule.increase_max is None or before is None:
            return RuleSeen(series=timed)
        since, known = before
        raw = await source.samples(expr, since, at)
        increases = [_increased(one, known, raw.get(_key(one.labels), one.values)) for one in timed]
        return RuleSeen(series=timed, increases=increases)

    def _bounded(self, source: Source, rule: Rule, series: Sequence[Series]) -> None:
        if len(series) > MAX_SERIES:
            raise source.cannot(
                "too-many-series",
                f"{rule.told} are {len(series)} series: name labels, or sum them up",
                f"{rule.told} の系列が {len(series)} 個あります。labels で絞るか集約してください",
            )

    def judge(self, seen: MetricsSeen) -> Verdict:
        """One rule that fails fails; else one of which nothing can be said; else one whose time is not over."""
        options = self.options
        if len(seen.rules) != len(options.rules):
            return unknown(
                "other-rules",
                Words(en="it was looked for other rules", ja="別のルールでの観測です"),
                remedy=Words(en="look again: ultra-checklist check", ja="再確認: ultra-checklist check"),
            )
        verdicts = [
            judged(rule, told, seen.at, options.max_staleness, options.coverage, self._remedy(seen.place, rule))
            for rule, told in zip(options.rules, seen.rules, strict=True)
        ]
        for wanted in ("fail", "unknown"):
            some = [verdict for verdict in verdicts if verdict.outcome == wanted]
            # A window that still runs is the least of what may be wrong.
            some.sort(key=lambda verdict: verdict.reason == "window-running")
            if some:
                return some[0]
        return passed(
            "within-limits",
            expected=_joined([verdict.expected for verdict in verdicts]),
            seen=_joined([verdict.seen for verdict in verdicts]),
            rules=len(verdicts),
        )

    def _remedy(self, place: str, rule: Rule) -> Words:
        if self.options.prometheus is not None:
            # In single quotes, which PromQL does not need.
            query = rule.query.replace("'", "'\\''")
            return Words.same(f"curl -sG {place}/api/v1/query --data-urlencode 'query={query}'")
        return Words(en=f"look at the page of {place}: {rule.told}", ja=f"{place} のページで確認: {rule.told}")


def _joined(words: Sequence[Words]) -> Words:
    shown = [word for word in words if word.en][:5]
    return Words(en="; ".join(word.en for word in shown), ja="; ".join(word.ja for word in shown))


def _deployed(context: Context) -> float | None:
    """When the newest deploy began, where one is on record."""
    deploys = [] if context.release is None else [mark for mark in context.release.deploys if not mark.withdrawn]
    began: datetime | None = deploys[-1].started if deploys else None
    return None if began is None else began.timestamp()


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in labels.items() if name != "__name__"))


def _increased(series: Series, before: Sequence[Series], samples: Sequence[Any]) -> Series:
    """By how much a counter grew over these samples; one that was not there before, or fell, began at nothing."""
    known = next((one.values[0] for one in before if _key(one.labels) == _key(series.labels)), 0.0)
    total: float | str = 0.0
    last = known
    for value in samples:
        if not isinstance(value, float) or not isinstance(last, float):
            total = "NaN"
            break
        total = float(total) + (value - last if value >= last else value)
        last = value
    return series.model_copy(update={"values": [total]})
