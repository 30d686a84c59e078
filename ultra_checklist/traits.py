"""What an item's probes are like, before any of them runs."""

from collections.abc import Callable

from ultra_checklist import plugins
from ultra_checklist.errors import PluginError
from ultra_checklist.model import Finding, Item, ProbeSpec

_ORDINARY = 10.0
"""What most probes take at the most."""


def sends(probe: str) -> bool:
    """Whether the probe of that name does more than look. What cannot be loaded does nothing."""
    try:
        return bool(plugins.load(plugins.PROBES, probe).effect != "none")
    except PluginError:
        return False


def has_effect(item: Item) -> bool:
    """Whether a probe of this item does more than look."""
    return any(sends(spec.probe) for spec in item.probes)


def looks_at_home(spec: ProbeSpec) -> bool:
    """Whether a probe looks where its release is at home, whatever its item's ``runs_on`` says."""
    try:
        return bool(plugins.load(plugins.PROBES, spec.probe).at_home)
    except PluginError:
        return False


def looks_away(_item: Item, spec: ProbeSpec) -> bool:
    """Whether a probe looks where its item's ``runs_on`` says; for `Runner.run`."""
    return not looks_at_home(spec)


def placed(item: Item, finding: Finding, is_here: Callable[[str], bool]) -> Finding:
    """A finding of this machine, with the name by which the item knows it where several machines look."""
    several = len(item.runs_on.hosts) > 1 and not looks_at_home(ProbeSpec(probe=finding.probe))
    own = next(filter(is_here, item.runs_on.hosts), "") if several else ""
    return finding.model_copy(update={"host": own})


def longest(item: Item) -> float:
    """Seconds that the probes of an item may take, as far as their options tell before they are filled in."""
    given = (spec.options.get("timeout") for spec in item.probes)
    return max((float(limit) if isinstance(limit, int | float) else _ORDINARY for limit in given), default=0.0)
