"""Whether probes can fail: each one is shown a twin of its situation that is known to be bad.

What a twin is, its family says (`Probe.twins`). A real one is made in a temporary folder, looked at with the real
``observe()``, and judged; of the others a changed observation is judged. Nothing is sent, and nothing outside of
that folder is looked at. A probe that does not fail there would stay green whatever happens.
"""

import asyncio
import re
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
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, child_environment, unknown
from ultra_checklist.redact import Redactor
from ultra_checklist.runner import AT_ONCE, GRACE, bad_options
from ultra_checklist.variables import Value, Variables

PLACEHOLDER = "placeholder"
"""The origin of a value that stands for one that is not set."""
_URL = re.compile(r"URL|URI|RPC|WEBHOOK|ENDPOINT|HOST")
_HEX = "0123456789abcdef"
_ROUNDS = 50

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


def fill(spec: ProbeSpec, model: type[Options], variables: Variables) -> tuple[Any, dict[str, str]]:
    """A probe's options with all variables filled in, and what stood for those that are not set.

    Placeholders are harmless: names of hosts that exist nowhere (RFC 2606), and whatever else has the right shape.
    """
    raw = dict(spec.options)
    names = list(variables.fill(raw)[1])
    tried = dict.fromkeys(names, 0)

    def filled() -> Any:
        values = {name: Value(value=_candidates(name)[place], origin=PLACEHOLDER) for name, place in tried.items()}
        return Variables(values=dict(variables.values) | values).fill(raw)[0]

    for _ in range(_ROUNDS):
        try:
            model.model_validate(filled())
            break
        except ValidationError as error:
            wrong = {
                name
                for problem in error.errors(include_url=False)
                for name in _named(raw, problem["loc"], variables)
            }
            left = [name for name in names if name in wrong and tried[name] + 1 < len(_candidates(name))]
            if not left:
                break
            for name in left:
                tried[name] += 1
    return filled(), {name: _candidates(name)[place] for name, place in tried.items()}


def _named(raw: Any, loc: tuple[Any, ...], variables: Variables) -> set[str]:
    """The variables that stand where a problem is; all of them where it is about the options as a whole."""
    found = raw
    for part in loc:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            # pydantic also names what is not in the data, such as the member of a union.
            continue
    return set(variables.fill(found)[1])


def _candidates(name: str) -> list[str]:
    """Values of many shapes for a variable, the likeliest first."""
    word = "v0.0.0" if name == "VERSION" else name.lower().replace("_", "-")
    url, commit, path = f"https://{word}.invalid", (_HEX * 3)[:40], f"/{word}"
    likely = url if _URL.search(name) else commit if "COMMIT" in name else path if name.endswith("DIR") else word
    others = [
        url, commit, "1", "1000", f"0x{'1' * 40}", (_HEX * 4)[:64], (_HEX * 2)[:32], path, "UTC", "0 3 * * *",
        "placeholder.timer", "true", "0600", "1.0",
    ]  # fmt: skip
    return list(dict.fromkeys([likely, *others]))
