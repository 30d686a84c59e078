"""Entry points: built-ins and third parties come through the same door.

A plugin is loaded when its name is first asked for, so listing costs no import.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ultra_checklist.errors import PluginError, UsageError
from ultra_checklist.words import Words, nearest

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
            both = {"one": _owner(other), "other": _owner(point)}
            raise PluginError(
                _TWICE.filled(group=group, name=repr(point.name), **both),
                remedy=_UNINSTALL_ONE.filled(owner=_owner(point)),
            )
        found[point.name] = point
    return found


@cache
def load(group: str, name: str) -> Any:
    """Import one plugin. Raises PluginError naming its distribution when that fails."""
    point = names(group).get(name)
    if point is None:
        remedy = _KNOWN.filled(known=", ".join(names(group))) if names(group) else _NO_METADATA
        raise PluginError(_NO_PLUGIN.filled(group=group, name=repr(name)), remedy=remedy)
    try:
        return point.load()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        told = _BROKEN.filled(group=group, name=repr(name), owner=_owner(point), why=why)
        raise PluginError(told, remedy=_UNINSTALL.filled(owner=_owner(point))) from error


def writer(group: str, form: str) -> Any:
    """The report of a format that somebody asked for. Raises UsageError naming the formats that there are."""
    known = names(group)
    if form not in known:
        raise UsageError(_NO_FORMAT.filled(name=repr(form)), remedy=nearest(form, known))
    return load(group, form)


def _owner(point: EntryPoint) -> Words:
    return Words.same(point.dist.name) if point.dist is not None else _UNKNOWN


_TWICE = Words(
    en="two distributions offer {group} {name}: {one} and {other}",
    ja="{group} {name} が 2 つの配布物にあります: {one} と {other}",
)
_UNINSTALL_ONE = Words(
    en="Uninstall one of the two: pip uninstall {owner}",
    ja="どちらかをアンインストールしてください: pip uninstall {owner}",
)
_KNOWN = Words(en="Known: {known}", ja="使えるもの: {known}")
_NO_METADATA = Words(
    en="Reinstall the package: its metadata is missing",
    ja="パッケージを再インストールしてください（メタデータがありません）",
)
_NO_PLUGIN = Words(en="no {group} is called {name}", ja="{group} に {name} はありません")
_BROKEN = Words(
    en="{group} {name} of {owner} does not load: {why}",
    ja="{group} {name}（{owner}）を読み込めません: {why}",
)
_UNINSTALL = Words(
    en="Upgrade or uninstall it: pip uninstall {owner}",
    ja="更新するか、アンインストールしてください: pip uninstall {owner}",
)
_UNKNOWN = Words(en="an unknown distribution", ja="不明な配布物")
_NO_FORMAT = Words(en="there is no format {name}", ja="形式 {name} はありません")
