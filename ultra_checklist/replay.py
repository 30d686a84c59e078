"""Judges what a bundle has recorded again: the probes' ``judge`` on observations of then, under options of now.

An observation is used only where it was made with the same options, but for those that the family
names as judged alone: of any other there is none, and the answer is "unknown". Pure but for reading the bundle.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.errors import PluginError
from ultra_checklist.model import Finding, Item, Outcome, ProbeSpec, Template, Verdict, Words
from ultra_checklist.probes.base import Observation, Options, Probe, unknown
from ultra_checklist.record import ProofLine
from ultra_checklist.redact import MARK
from ultra_checklist.runner import bad_options, unset, without_optional
from ultra_checklist.variables import Variables
from ultra_checklist.verify import Bundle

_NONE = Words(en="no observation in the bundle", ja="バンドルに観測記録がありません")
_OTHER = Words(
    en="the bundle's observation was made with other options: {names}",
    ja="バンドルの観測記録は別のオプションによるものです: {names}",
)
_REDACTED = Words(
    en="the observation is redacted: it did not pass then, and what is left of it cannot show that it passes",
    ja="観測記録は秘匿化されています。当時は合格しておらず、残った内容からは合格と判定できません",
)
_CRASHED = Words(en="the recorded observation cannot be judged: {error}", ja="観測記録を判定できません: {error}")


@dataclass(frozen=True)
class _Recorded:
    """One observation of the bundle, with the options that it was made with."""

    line: ProofLine
    at: datetime
    options: Mapping[str, Any]
    seen: Any
    redacted: bool


def replay(bundle: Bundle, template: Template, variables: Variables, chosen: Iterable[str] = ()) -> Checked:
    """Judge the chosen items of a template, or all. Raises BundleError if the file changed since."""
    wanted = set(chosen)
    items = [item for item in template.items if not wanted or item.id in wanted]
    return Checked(template, tuple(CheckedItem(i, _judge_item(bundle, i, variables)) for i in items), variables)


def _judge_item(bundle: Bundle, item: Item, variables: Variables) -> tuple[Finding, ...]:
    recorded, findings = _recorded(bundle, item), []
    for spec in item.probes:
        verdict, used = _judge(bundle, spec, variables, recorded)
        if used is not None:
            recorded.remove(used)
        at = used.at if used is not None else bundle.entries[-1].time
        seconds = used.line.seconds if used is not None else 0.0
        findings.append(Finding(probe=spec.probe, verdict=verdict, started=at, seconds=seconds))
    return tuple(without_optional(item.probes, findings))


def _recorded(bundle: Bundle, item: Item) -> list[_Recorded]:
    """The observations behind the last proof of an item."""
    proof = bundle.history.check(item.id).proof
    found = []
    for line in proof.lines if proof is not None else ():
        text = bundle.blob(line.evidence)
        try:
            raw = json.loads(text or b"")
            options, seen, probe = raw["options"], raw["observation"], raw["probe"]
        except (ValueError, KeyError, TypeError, RecursionError):
            # None was made, it was too large, or it is gone from the store.
            continue
        if proof is not None and probe == line.probe:
            found.append(_Recorded(line, proof.at, options, seen, MARK.encode() in (text or b"")))
    return found


def _judge(
    bundle: Bundle, spec: ProbeSpec, variables: Variables, recorded: list[_Recorded]
) -> tuple[Verdict, _Recorded | None]:
    raw, missing = variables.fill(dict(spec.options))
    if missing:
        return unset(missing), None
    try:
        family: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, spec.probe)
        options = family.options_model.model_validate(raw)
    except PluginError as error:
        return unknown("probe-missing", error.message), None
    except ValidationError as error:
        return bad_options(error), None
    then = _variables_then(bundle, variables)
    nearest: list[str] = []
    for one in recorded:
        if one.line.probe != spec.probe:
            continue
        differing = _differing(family, options, then.fill(dict(one.options))[0])
        # What relative paths start at.
        differing += [] if _folder(then) == _folder(variables) else ["DEPLOY_DIR"]
        if not differing:
            return _verdict(family(options), one), one
        nearest = differing if not nearest or len(differing) < len(nearest) else nearest
    if not nearest:
        return unknown("no-observation", _NONE), None
    names = ", ".join(nearest)
    said = _OTHER.filled(names=names)
    return unknown("other-options", said), None


def _variables_then(bundle: Bundle, variables: Variables) -> Variables:
    """The values of then; secrets were not stored, so those of now stand in."""
    secret = {name: v for name, v in variables.values.items() if name in bundle.manifest.secret_names}
    return Variables(values=secret | dict(bundle.manifest.variables.values))


def _differing(family: type[Probe[Options, Observation]], now: Options, raw: Any) -> list[str]:
    """Names of the options that decide what is observed, where those of then were others."""
    try:
        then = family.options_model.model_validate(raw)
    except ValidationError:
        return ["?"]
    aims = type(now).model_fields.keys() - family.judged - {"timeout"}
    return sorted(name for name in aims if getattr(now, name) != getattr(then, name))


def _folder(variables: Variables) -> str:
    return str(variables.fill("${DEPLOY_DIR}")[0])


def _verdict(probe: Probe[Options, Observation], one: _Recorded) -> Verdict:
    try:
        verdict = probe.judge(type(probe).observation_model.model_validate(one.seen))
    except Exception as error:
        told = type(error).__name__
        said = _CRASHED.filled(error=told)
        return unknown("probe-crashed", said)
    if one.redacted and verdict.outcome is Outcome.PASS and one.line.outcome is not Outcome.PASS:
        return unknown("redacted", _REDACTED)
    return verdict
