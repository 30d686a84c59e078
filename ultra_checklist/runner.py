"""Runs the probes of items: fills in variables, holds time-outs, keeps redacted evidence."""

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.config import process_environment
from ultra_checklist.errors import PluginError, ProbeCannotTell
from ultra_checklist.model import Finding, Item, ProbeSpec, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, child_environment, unknown
from ultra_checklist.redact import Redactor
from ultra_checklist.variables import Variables

AT_ONCE = 8
GRACE = 5.0
"""Seconds beyond its own time-out after which a probe is given up."""


class Runner:
    """Runs probes with one set of variables; nothing that it returns or stores holds a secret."""

    def __init__(
        self,
        variables: Variables,
        *,
        secrets: Iterable[str] = (),
        public_text: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        longest: float | None = None,
    ) -> None:
        self._variables = variables
        self._clock = clock
        self._longest = math.inf if longest is None else longest
        self._slots = asyncio.Semaphore(AT_ONCE)
        folder = variables.get("DEPLOY_DIR")
        public = [value.value for value in variables.public().values.values()]
        self.redactor = Redactor([*variables.secrets(), *secrets], public=public)
        self._context = Context(
            base_dir=Path(folder) if folder else None,
            environment=child_environment(process_environment()),
            redactor=self.redactor,
        )
        self._learn_secrets(public_text)

    async def run(self, items: Iterable[Item]) -> dict[str, list[Finding]]:
        """Run all probes of some items side by side; the findings of each item in the template's order."""
        chosen = list(items)
        found = await asyncio.gather(*(self.prove(item) for item in chosen))
        return {item.id: findings for item, findings in zip(chosen, found, strict=True)}

    async def prove(self, item: Item) -> list[Finding]:
        """Run the probes of one item. Never raises for what a probe does: that is the verdict "unknown"."""
        return list(await asyncio.gather(*(self._run_one(spec) for spec in item.probes)))

    async def _run_one(self, spec: ProbeSpec) -> Finding:
        async with self._slots:
            started, timer = self._clock(), asyncio.get_running_loop().time
            begun = timer()
            verdict, seen = await self._verdict(spec)
            seconds = round(timer() - begun, 3)
        clean = Verdict.model_validate(self.redactor.data(verdict.model_dump(mode="json")))
        return Finding(
            probe=spec.probe, verdict=clean, started=started, seconds=seconds, material=self._material(spec, seen)
        )

    async def _verdict(self, spec: ProbeSpec) -> tuple[Verdict, Observation | None]:
        raw, missing = self._variables.fill(dict(spec.options))
        if missing:
            return _unset(missing), None
        try:
            family: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, spec.probe)
            probe = family(family.options_model.model_validate(raw))
        except ValidationError as error:
            return _bad_options(error), None
        except PluginError as error:
            return _crashed("probe-missing", error.message), None
        try:
            limit = min(probe.options.timeout + GRACE, self._longest)
            async with asyncio.timeout(limit):
                seen = await probe.observe(self._context)
            return probe.judge(seen), seen
        except ProbeCannotTell as error:
            words = Words(en=error.en, ja=error.ja)
            return unknown(error.reason, words, remedy=Words.same(error.remedy)), None
        except TimeoutError:
            return _crashed("timeout", f"no answer within {limit:g} s"), None
        except (Exception, SystemExit) as error:
            # Whatever a probe does, the answer is "cannot tell"; it does not end our process either.
            return _crashed("probe-crashed", f"{type(error).__name__}: {error}"), None

    def _material(self, spec: ProbeSpec, seen: Observation | None) -> bytes:
        if seen is None:
            return b""
        raw = {"probe": spec.probe, "options": dict(spec.options), "observation": seen.model_dump(mode="json")}
        return json.dumps(self.redactor.data(raw), ensure_ascii=False, indent=1, sort_keys=True).encode()

    def _learn_secrets(self, public_text: str) -> None:
        """Values of the environment file are secrets, but for those that the template itself names."""
        name = self._variables.get("ENV_FILE")
        if name is None:
            return
        try:
            path = self._context.path(name)
            values = dotenv_values(path, interpolate=False) if path.is_file() else {}
        except (OSError, ProbeCannotTell, UnicodeDecodeError):
            return
        self.redactor.add(value for value in values.values() if value and value not in public_text)


def summary(findings: Iterable[Finding]) -> list[Mapping[str, Any]]:
    """What a proof's facts are made of: each probe's name, outcome, reason and facts."""
    return [
        {"probe": f.probe, "outcome": f.verdict.outcome, "reason": f.verdict.reason, "facts": dict(f.verdict.facts)}
        for f in findings
    ]


def _unset(names: tuple[str, ...]) -> Verdict:
    listed = ", ".join(names)
    return unknown(
        "unset-variable",
        Words(en=f"{listed} is not set", ja=f"{listed} が未設定です"),
        remedy=Words.same(" ".join(f"--var {name}=..." for name in names)),
        variables=list(names),
    )


def _bad_options(error: ValidationError) -> Verdict:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return unknown(
        "bad-options",
        Words(
            en=f"option {where} does not fit: {first['msg']}",
            ja=f"オプション {where} の値が不正です: {first['msg']}",
        ),
        remedy=Words(en="Correct the variable's value", ja="変数の値を直してください"),
    )


def _crashed(reason: str, text: str) -> Verdict:
    return unknown(
        reason,
        Words(en=f"the probe did not finish: {text}", ja=f"プローブが完了しませんでした: {text}"),
        remedy=Words(en="Run it alone: ultra-checklist check", ja="単独で実行: ultra-checklist check"),
    )
