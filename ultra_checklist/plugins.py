"""Entry points: built-ins and third parties come through the same door.

A plugin is loaded when its name is first asked for, so listing costs no import.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ultra_checklist.errors import PluginError

PROBES = "ultra_checklist.probes"
REPORTS = "ultra_checklist.reports"
HOOKS = "ultra_checklist.hooks"
RELEASE_REPORTS = "ultra_checklist.release_reports"


@cache
def names(group: str) -> dict[str, EntryPoint]:
    """All plugins of a group by name. Raises PluginError when two distributions claim one name."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda p: p.name):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise PluginError(
                f"two distributions offer {group} {point.name!r}: {_owner(other)} and {_owner(point)}",
                remedy=f"Uninstall one of the two: pip uninstall {_owner(point)}",
            )
        found[point.name] = point
    return found


@cache
def load(group: str, name: str) -> Any:
    """Import one plugin. Raises PluginError naming its distribution when that fails."""
    point = names(group).get(name)
    if point is None:
        known = ", ".join(names(group)) or "none; reinstall the package, its metadata is missing"
        raise PluginError(f"no {group} is called {name!r}", remedy=f"Known: {known}")
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"{group} {name!r} of {_owner(point)} does not load: {type(error).__name__}: {error}",
            remedy=f"Upgrade or uninstall it: pip uninstall {_owner(point)}",
        ) from error


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"
