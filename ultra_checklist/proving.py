"""Whether probes can fail: each one is shown a twin of its situation that is known to be bad.

What a twin is, its family says (`Probe.twins`). A real one is made in a temporary folder, looked at with the real
``observe()``, and judged; of the others a changed observation is judged. Nothing is sent, and nothing outside of
that folder is looked at. A probe that does not fail there would stay green whatever happens.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import PluginError, ProbeCannotTell
from ultra_checklist.model import Item, Outcome, ProbeSpec, Template, Verdict, Words
from ultra_checklist.placeholders import fill
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, child_environment, unknown
from ultra_checklist.redact import Redactor
from ultra_checklist.runner import AT_ONCE, GRACE, bad_options
from ultra_checklist.variables import Variables

Family = Probe[Any, Any]


@dataclass(frozen=True)
class Shown:
    """A twin that a probe was shown, and what it said."""

    what: Words
    replaced: tuple[str, ...]
    """The options that point at the twin, and not at the real thing."""
    verdict: Verdict
    seconds: float

    @property
    def red(self) -> bool:
        """Whether it failed, as it must. "Cannot tell" is no failure."""
        return self.verdict.outcome is Outcome.FAIL


@dataclass(frozen=True)
class Proof:
    """What came of one probe."""

    spec: ProbeSpec
    shown: tuple[Shown, ...] = ()
    problem: Words | None = None
    """Why it was shown none."""

    @property
    def can_fail(self) -> bool:
        """Whether it has failed on every twin, and on one at least."""
        return bool(self.shown) and all(shown.red for shown in self.shown)


@dataclass(frozen=True)
class ProvedItem:
    """An item with its probes' proofs; none: it is a person's word."""

    item: Item
    proofs: tuple[Proof, ...]

    @property
    def result(self) -> str:
        """``can-fail``, ``cannot-fail``, or ``manual`` without probes."""
        if not self.proofs:
            return "manual"
        return "can-fail" if all(proof.can_fail for proof in self.proofs) else "cannot-fail"


@dataclass(frozen=True)
class Proved:
    """A checklist whose probes were shown their twins."""

    template: Template
    items: tuple[ProvedItem, ...]
    placeholders: Mapping[str, str]
    """Variables that are not set, with what stood for them."""

    @property
    def can_fail(self) -> bool:
        """Whether every probe can."""
        return all(item.result != "cannot-fail" for item in self.items)


async def prove(
    template: Template, variables: Variables, chosen: Iterable[str], *, secrets: Iterable[str] = ()
) -> Proved:
    """Show every probe of the chosen items, of all where none is chosen, its twins."""
    wanted = set(chosen)
    items = [item for item in template.items if not wanted or item.id in wanted]
    public = [value.value for value in variables.public().values.values()]
    redactor = Redactor(public=public, public_text=" ".join(item.title for item in template.items))
    redactor.add([*variables.secrets(), *secrets], certain=True)
    placeholders: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="ultra-checklist-twins-") as folder:
        prover = _Prover(variables, redactor, Path(folder), placeholders)
        proofs = await asyncio.gather(*(prover.item(item) for item in items))
    return Proved(template, tuple(proofs), placeholders)


class _Prover:
    def __init__(
        self, variables: Variables, redactor: Redactor, folder: Path, placeholders: dict[str, str]
    ) -> None:
        self._variables, self._redactor, self._folder = variables, redactor, folder
        self._placeholders = placeholders
        self._environment = child_environment(process_environment())
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._count = 0

    async def item(self, item: Item) -> ProvedItem:
        """The proofs of all probes of an item."""
        return ProvedItem(item, tuple(await asyncio.gather(*(self._proof(spec, item) for spec in item.probes))))

    async def _proof(self, spec: ProbeSpec, item: Item) -> Proof:
        try:
            family: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, spec.probe)
            filled, stood = fill(spec, family.options_model, self._variables)
            probe = family(family.options_model.model_validate(filled))
            twins = list(probe.twins())
        except PluginError as error:
            return Proof(spec, problem=error.message)
        except ValidationError as error:
            return Proof(spec, problem=self._clean(bad_options(error)).sentence)
        except Exception as error:
            return Proof(spec, problem=self._clean(_crashed(error)).sentence)
        self._placeholders.update(stood)
        if not twins:
            return Proof(spec, problem=_nothing_wrong(spec.probe, type(probe)))
        return Proof(spec, tuple(await asyncio.gather(*(self._show(probe, twin, item.id) for twin in twins))))

    async def _show(self, probe: Family, twin: Twin, item: str) -> Shown:
        async with self._slots:
            self._count += 1
            folder = self._folder / str(self._count)
            folder.mkdir(mode=0o700)
            context = Context(
                base_dir=folder, environment=self._environment, redactor=self._redactor, item=item, tick=1
            )
            started = monotonic()
            replaced, verdict = await _look(probe, twin, folder, context)
        what = Words(self._redactor.text(twin.what.en), self._redactor.text(twin.what.ja))
        return Shown(what, replaced, self._clean(verdict), round(monotonic() - started, 3))

    def _clean(self, verdict: Verdict) -> Verdict:
        return Verdict.model_validate(self._redactor.data(verdict.model_dump(mode="json")))


async def _look(probe: Family, twin: Twin, folder: Path, context: Context) -> tuple[tuple[str, ...], Verdict]:
    """What a probe says of a twin. Never raises for what a family does: that is "cannot tell"."""
    replaced: tuple[str, ...] = ()
    try:
        if twin.stage is None:
            if twin.seen is None:
                return replaced, _crashed(ValueError("the twin has neither seen nor stage"))
            # What was observed must survive JSON, as evidence does.
            seen = type(probe).observation_model.model_validate_json(twin.seen.model_dump_json())
            return replaced, probe.judge(seen)
        async with asyncio.timeout(probe.options.timeout + GRACE), AsyncExitStack() as stack:
            there, within = await stack.enter_async_context(twin.stage(folder, context))
            replaced = tuple(_replaced(probe.options, there.options))
            return replaced, there.judge(await there.observe(within))
    except ProbeCannotTell as error:
        return replaced, unknown(error.reason, error.message, remedy=error.remedy)
    except TimeoutError:
        return replaced, _crashed(TimeoutError("no answer in time"))
    except (Exception, SystemExit) as error:
        return replaced, _crashed(error)


def _replaced(options: Options, there: Options) -> Iterator[str]:
    for name, field in type(options).model_fields.items():
        if getattr(options, name) != getattr(there, name):
            yield field.alias or name


def _crashed(error: BaseException) -> Verdict:
    told = f"{type(error).__name__}: {error}"
    return unknown(
        "twin-crashed",
        Words(en=f"the twin could not be shown: {told}", ja=f"双子を試せませんでした: {told}"),
    )


def _nothing_wrong(name: str, family: type[Family]) -> Words:
    if family.twins is Probe.twins:
        return Words(
            en=f"the probe {name} has no twin: its family must say what a bad situation is, in a method "
            "`twins()` (see the guide, “A probe of your own”)",
            ja=f"プローブ {name} に双子がありません。`twins()` メソッドで不正な状況を定義してください"
            "（guide の “A probe of your own” を参照）",
        )
    return Words(
        en=f"with these options nothing can make {name} fail: it only passes, or cannot tell. Ask for more",
        ja=f"この設定では {name} は不合格になりません（合格か判定不能のみ）。確認する条件を追加してください",
    )
