"""Runs the probes of items: fills in variables, holds time-outs, keeps redacted evidence."""

import asyncio
import contextlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.complaints import complaint
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import PluginError, ProbeCannotTell
from ultra_checklist.model import Finding, Item, ProbeSpec, Verdict, Words
from ultra_checklist.placeholders import fill
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Sample, child_environment, unknown
from ultra_checklist.probes.looks import Looks
from ultra_checklist.record import ReleaseRecord, Sibling, Sought
from ultra_checklist.redact import Redactor
from ultra_checklist.samples import Taken
from ultra_checklist.siblings import Siblings
from ultra_checklist.variables import Variables
from ultra_checklist.words import joined

AT_ONCE = 32
"""Probes that look side by side: most of their time they wait."""
AT_ONCE_EACH = 8
"""Of those, probes that ask the same place: a server with a few workers must not fail because it is looked at."""
UNSET = "unset-variable"
GRACE = 5.0
"""Seconds beyond its own time-out after which a probe is given up."""


@dataclass(frozen=True)
class Sampled:
    """A probe that looks every so many seconds after a deploy has begun."""

    item: Item
    place: int
    every: float
    lasts: float | None
    """Seconds after the deploy's end; None: until the release ends."""


def by_flag(name: str) -> Words:
    """How a variable gets a value on the command line."""
    return Words.same(f"--var {name}=...")


def all_of_them(_item: Item, _spec: ProbeSpec) -> bool:
    """Leaves no probe out."""
    return True


class Runner:
    """Runs probes with one set of variables; nothing that it returns or stores holds a secret.

    Without ``material`` the findings have none: what was seen is judged and forgotten. ``set_it`` says how a
    variable gets its value; ``present`` is the time by the clock of samples and deploys, if it is not this one's.
    """

    def __init__(
        self,
        variables: Variables,
        *,
        secrets: Iterable[str] = (),
        public_text: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        longest: float | None = None,
        record: Callable[[], ReleaseRecord | None] = lambda: None,
        blob: Callable[[str], Path] = Path,
        last_good: Callable[[], str] = str,
        sibling: Callable[[Sought], Sibling] | None = None,
        baseline: Callable[[str, int], bytes | None] = lambda _item, _place: None,
        tick: Callable[[str], int] = lambda _item: 0,
        samples: Callable[[str, int], Iterable[Taken]] = lambda _item, _place: (),
        material: bool = True,
        present: Callable[[], datetime] | None = None,
        set_it: Callable[[str], Words] = by_flag,
    ) -> None:
        self._record = record
        self._set_it = set_it
        self._present = present or clock
        self._tick = tick
        self._keeps_material = material
        self._baseline = baseline
        self._samples = samples
        self._variables = variables
        self._clock = clock
        self._longest = math.inf if longest is None else longest
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._places: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE_EACH))
        folder = variables.get("DEPLOY_DIR")
        public = [value.value for value in variables.public().values.values()]
        self.redactor = Redactor(public=public, public_text=public_text)
        self.redactor.add([*variables.secrets(), *secrets], certain=True)
        self._context = Context(
            base_dir=Path(folder) if folder else None,
            environment=child_environment(process_environment()),
            redactor=self.redactor,
            blob=blob,
            clock=clock,
            last_good=last_good,
            sibling=sibling or Siblings(),
        )
        self._learn_secrets()

    def clean(self, finding: Finding) -> Finding:
        """A finding of another machine without what is secret here, and without an observation nobody can read."""
        verdict = Verdict.model_validate(self.redactor.data(finding.verdict.model_dump(mode="json")))
        material = b""
        with contextlib.suppress(ValueError, RecursionError):
            raw = json.loads(finding.material)
            if isinstance(raw, dict) and isinstance(raw.get("observation"), dict):
                material = _packed(self.redactor.data(raw))
        return finding.model_copy(update={"verdict": verdict, "material": material})

    def now(self) -> datetime:
        """The present."""
        return self._clock()

    async def run(
        self, items: Iterable[Item], runs: Callable[[Item, ProbeSpec], bool] = all_of_them
    ) -> dict[str, list[Finding]]:
        """Run the probes of some items side by side, those that ``runs`` lets; findings in the template's order.

        Never raises for what a probe does: that is the verdict "unknown".
        """
        chosen = list(items)
        async with Looks() as looks:
            found = await asyncio.gather(*(self._prove(item, runs, looks) for item in chosen))
        return {item.id: findings for item, findings in zip(chosen, found, strict=True)}

    async def prove(self, item: Item, runs: Callable[[Item, ProbeSpec], bool] = all_of_them) -> list[Finding]:
        """The same for one item."""
        return (await self.run([item], runs))[item.id]

    async def _prove(self, item: Item, runs: Callable[[Item, ProbeSpec], bool], looks: Looks) -> list[Finding]:
        tick, release = self._tick(item.id), self._record()
        context = replace(self._context, item=item.id, tick=tick, release=release, looks=looks)
        chosen = [(place, spec) for place, spec in enumerate(item.probes) if runs(item, spec)]
        runs_of_probes = (self._run_one(spec, context, place) for place, spec in chosen)
        return without_optional([spec for _, spec in chosen], list(await asyncio.gather(*runs_of_probes)))

    async def baselines(self, items: Iterable[Item]) -> list[tuple[str, int, Finding]]:
        """Let those look that must know how things are as a deploy begins, with item and place among its probes."""
        wanted = [
            (item.id, place, spec) for item in items for place, spec in enumerate(item.probes) if self._wants(spec)
        ]
        context = replace(self._context, release=self._record())
        looks = (self._run_one(spec, replace(context, item=item), -1) for item, _, spec in wanted)
        found = await asyncio.gather(*looks)
        return [(item, place, finding) for (item, place, _), finding in zip(wanted, found, strict=True)]

    def sampled(self, items: Iterable[Item], *, elsewhere: bool = False) -> list[Sampled]:
        """The probes of these items that look every so often after a deploy has begun.

        ``elsewhere``: on machines with variables of their own, so that it does not matter whether ours are set.
        """
        found: list[Sampled] = []
        for item in items:
            for place, spec in enumerate(item.probes):
                probe = made(spec, self._variables, anyhow=elsewhere)
                if probe is not None and probe.sample_every is not None:
                    found.append(Sampled(item, place, probe.sample_every, probe.sample_for))
        return found

    async def sample(self, wanted: Iterable[Sampled], seconds: float | None = None) -> list[Finding]:
        """Let these look once, in so many seconds all together; what has not seen by then could not see."""
        loop = asyncio.get_running_loop()
        limit = None if seconds is None else loop.time() + seconds
        context = replace(self._context, release=self._record(), sampling=True)

        async def one(this: Sampled) -> Finding:
            started, spec = self._clock(), this.item.probes[this.place]
            try:
                async with asyncio.timeout_at(limit):
                    return await self._run_one(spec, replace(context, item=this.item.id), this.place)
            except TimeoutError:
                late = _crashed("timeout", _NO_TIME)
                return Finding(probe=spec.probe, verdict=late, started=started, seconds=seconds or 0.0)

        return list(await asyncio.gather(*(one(this) for this in wanted)))

    def wants_baseline(self, item: Item) -> bool:
        """Whether a probe of this item must look as a deploy begins, on a machine with variables of its own."""
        return any(self._wants(spec, elsewhere=True) for spec in item.probes)

    def _wants(self, spec: ProbeSpec, *, elsewhere: bool = False) -> bool:
        probe = made(spec, self._variables, anyhow=elsewhere)
        return probe is not None and probe.wants_baseline

    async def _run_one(self, spec: ProbeSpec, context: Context, place: int) -> Finding:
        async with self._slots:
            started, timer = self._clock(), asyncio.get_running_loop().time
            begun = timer()
            verdict, seen = await self._verdict(spec, context, place)
            seconds = round(timer() - begun, 3)
        clean = Verdict.model_validate(self.redactor.data(verdict.model_dump(mode="json")))
        return Finding(
            probe=spec.probe, verdict=clean, started=started, seconds=seconds, material=self._material(spec, seen)
        )

    async def _verdict(self, spec: ProbeSpec, context: Context, place: int) -> tuple[Verdict, Observation | None]:
        raw, missing = self._variables.fill(dict(spec.options))
        if missing:
            return unset(missing, self._set_it), None
        try:
            family: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, spec.probe)
            probe = family(family.options_model.model_validate(raw))
        except ValidationError as error:
            return bad_options(error), None
        except PluginError as error:
            return _crashed("probe-missing", error.message), None
        try:
            if probe.wants_baseline:
                context = replace(context, baseline=self._before(probe, context.item, place))
            if probe.sample_every is not None and not context.sampling:
                seen_before = self._seen(probe, context.item, place)
                context = replace(context, samples=seen_before, clock=self._present)
            limit = min(probe.options.timeout + GRACE, self._longest)
            async with self._places[probe.place] if probe.place else nullcontext(), asyncio.timeout(limit):
                seen = await probe.observe(context)
            return probe.judge(seen), seen
        except ProbeCannotTell as error:
            return unknown(error.reason, error.message, remedy=error.remedy), None
        except TimeoutError:
            return _crashed("timeout", _NO_ANSWER.filled(seconds=f"{limit:g}")), None
        except (Exception, SystemExit) as error:
            # Whatever a probe does, the answer is "cannot tell"; it does not end our process either.
            return _crashed("probe-crashed", Words.same(f"{type(error).__name__}: {error}")), None

    def _before(self, probe: Probe[Options, Observation], item: str, place: int) -> Observation | None:
        """What a probe saw as the newest deploy began; None where that is not known, or not understood any more."""
        raw = self._baseline(item, place)
        try:
            return probe.observation_model.model_validate(json.loads(raw)["observation"]) if raw else None
        except (ValueError, KeyError, TypeError):
            return None

    def _seen(self, probe: Probe[Options, Observation], item: str, place: int) -> tuple[Sample, ...]:
        """What a probe has seen since the newest deploy began; what is not understood any more is a gap."""
        found: list[Sample] = []
        for taken in self._samples(item, place):
            seen, reason = None, taken.reason
            if taken.seen is not None:
                try:
                    seen = probe.observation_model.model_validate(taken.seen)
                except ValidationError:
                    reason = "unreadable"
            found.append(Sample(taken.at, seen, reason))
        return tuple(found)

    def _material(self, spec: ProbeSpec, seen: Observation | None) -> bytes:
        if seen is None or not self._keeps_material:
            return b""
        raw = {"probe": spec.probe, "options": dict(spec.options), "observation": seen.model_dump(mode="json")}
        return _packed(self.redactor.data(raw))

    def _learn_secrets(self) -> None:
        """Values of the environment file are secrets, but for those that the template itself names."""
        name = self._variables.get("ENV_FILE")
        if name is None:
            return
        from dotenv import dotenv_values

        try:
            path = self._context.path(name)
            values = dotenv_values(path, interpolate=False) if path.is_file() else {}
        except (OSError, ProbeCannotTell, UnicodeDecodeError):
            return
        self.redactor.learn(values)


def _packed(material: Any) -> bytes:
    return json.dumps(material, ensure_ascii=False, indent=1, sort_keys=True).encode()


def made(spec: ProbeSpec, variables: Variables, *, anyhow: bool = False) -> Probe[Options, Observation] | None:
    """A probe with its options; None where they do not fit, or a variable is missing.

    ``anyhow``: something harmless stands for a variable that is missing.
    """
    raw, missing = variables.fill(dict(spec.options))
    try:
        family: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, spec.probe)
        if missing and anyhow:
            raw, missing = fill(spec, family.options_model, variables)[0], ()
        return None if missing else family(family.options_model.model_validate(raw))
    except (PluginError, ValidationError):
        return None


def summary(findings: Iterable[Finding]) -> list[Mapping[str, Any]]:
    """What a proof's facts are made of: each probe's name, outcome, reason and facts."""
    return [
        {"probe": f.probe, "outcome": f.verdict.outcome, "reason": f.verdict.reason, "facts": dict(f.verdict.facts)}
        | ({"host": f.host} if f.host else {})
        for f in findings
    ]


def without_optional(probes: Iterable[ProbeSpec], findings: list[Finding]) -> list[Finding]:
    """The findings of an item's probes without those that may be left out; where all would be, they stay."""
    kept = [
        finding
        for spec, finding in zip(probes, findings, strict=True)
        if not (spec.options.get("optional") is True and finding.verdict.reason == UNSET)
    ]
    return kept or findings


def unset(names: tuple[str, ...], set_it: Callable[[str], Words] = by_flag) -> Verdict:
    """The verdict where variables have no value; ``set_it`` says how one gets it."""
    listed = ", ".join(names)
    return unknown(
        UNSET,
        Words(en=f"{listed} is not set", ja=f"{listed} が未設定です"),
        remedy=joined(map(set_it, names), " "),
        variables=list(names),
    )


def bad_options(error: ValidationError) -> Verdict:
    """The verdict where options do not fit once their variables are filled in."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return unknown(
        "bad-options",
        _BAD_OPTION.filled(where=where, why=complaint(first)),
        remedy=Words(en="Correct the variable's value", ja="変数の値を直してください"),
    )


def maybe_sent(tick: int) -> Verdict:
    """The verdict where the one run that a tick allows was begun, and nothing is known of its end."""
    return unknown("may-have-been-sent", _MAYBE_SENT, remedy=_TICK_AGAIN, tick=tick)


def _crashed(reason: str, why: Words) -> Verdict:
    return unknown(
        reason,
        _NOT_FINISHED.filled(why=why),
        remedy=Words(en="Run it alone: ultra-checklist check", ja="単独で実行: ultra-checklist check"),
    )


_BAD_OPTION = Words(en="option {where} does not fit: {why}", ja="オプション {where} の値が不正です: {why}")
_NOT_FINISHED = Words(en="the probe did not finish: {why}", ja="プローブが完了しませんでした: {why}")
_NO_TIME = Words(en="the pass had no more time for it", ja="パスの制限時間に達しました")
_NO_ANSWER = Words(en="no answer within {seconds} s", ja="{seconds} 秒以内に応答がありません")
_MAYBE_SENT = Words(
    en="it may have been sent already, and what came of it is not known",
    ja="すでに送信された可能性があり、その結果は不明です",
)
_TICK_AGAIN = Words(
    en="look whether it arrived, then untick and tick to send it again",
    ja="届いたか確認し、チェックを外して付け直すと再送します",
)
