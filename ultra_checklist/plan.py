"""What Notion should show: of a new release, and of every row at every pass. Pure data, so a dry run is free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.history import History
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Item, Lang, Words
from ultra_checklist.notion import blocks
from ultra_checklist.notion.rows import Row, minute
from ultra_checklist.notion.schema import CHECK_COLUMNS, Workspace
from ultra_checklist.record import Proof
from ultra_checklist.situations import NO_ROW, View, current_proof, evaluate, failing, zone_of
from ultra_checklist.states import State
from ultra_checklist.why import ICONS, Writer

Values = dict[str, Any]
_UNTIMED = ("result", "why", "settled", "operator")
_FROZEN = ("why", "evidence", "checked_at", "operator")

_HEAD = Words(
    en="Release {version} ({environment}), commit {commit}, on {host}. Tick Done; the worker proves it and writes "
    "the result beside it. To settle a check without a proof, set Decision and write the reason in Note.",
    ja="リリース {version}（{environment}）、コミット {commit}、対象 {host}。「実施済み」にチェックすると、"
    "ワーカーが実機で確認し、結果を横に書き込みます。証明なしで済ませる場合は「判断」を選び、「メモ」に理由を書いてください。",
)
_LOCAL = Words(
    en="LOCAL: this page is in the built-in local Notion, not in Notion.",
    ja="LOCAL: このページは内蔵のローカル Notion にあり、本物の Notion ではありません。",
)
_PROSE = Words(en="The checklist's text", ja="チェックリスト本文")
_VIEW = Words(en="Checks", ja="チェック")


@dataclass(frozen=True)
class ReleasePlan:
    """All that creating a release's page would write."""

    page: dict[str, Any]
    """Values of the release's columns."""
    children: list[blocks.Block]
    rows: dict[str, Values]
    """Values of each item's row."""


def new_release(manifest: Manifest, lang: Lang) -> ReleasePlan:
    """The page and rows of a release that is to be made."""
    page = {
        "title": title(manifest),
        "key": manifest.key,
        "environment": manifest.environment,
        "status": "preparing",
        "commit": manifest.commit,
        "template": f"{manifest.template.name} sha256:{manifest.template.sha256}",
        "last_look": minute(manifest.created),
    }
    return ReleasePlan(page, head(manifest, lang), new_rows(manifest, lang))


def title(manifest: Manifest) -> str:
    """The title of a release's page."""
    local = " [LOCAL]" if manifest.local else ""
    return f"{manifest.name} {manifest.template.title}{local}"


def head(manifest: Manifest, lang: Lang) -> list[blocks.Block]:
    """The short head of the page and the checklist's prose, folded."""
    gaps = {
        "version": manifest.version,
        "environment": manifest.environment,
        "commit": manifest.commit[:12] or "-",
        "host": manifest.machine.name,
    }
    found = [blocks.callout(_HEAD.say(lang, **gaps), "📋")]
    if manifest.local:
        found.append(blocks.paragraph(_LOCAL.say(lang)))
    return [*found, *_prose(manifest, lang)]


def new_rows(manifest: Manifest, lang: Lang) -> dict[str, Values]:
    """The values of rows when they are made: what the first look would show, and nothing of the operator's."""
    view = View(manifest, History(), {}, manifest.created)
    planner = RowPlanner(view, evaluate(view), lang, manifest.machine)
    return {item.id: planner.wanted(item, None) for item in manifest.items}


def standing(manifest: Manifest, item: Item) -> Values:
    """The values of a row that never change while the release runs."""
    section = manifest.template.section_of(item)
    return {
        "title": item.title,
        "section": f"{section.number:02d} {section.title}",
        "order": item.order,
        "key": manifest.row_key(item.id),
        "release": (manifest.page_id,),
        "host": manifest.host_label or manifest.machine.name,
        "live": True,
    }


class RowPlanner:
    """Works out what each row of a release should show."""

    def __init__(self, view: View, states: Mapping[str, State], lang: Lang, here: Machine) -> None:
        self._view = view
        self._states = states
        zone = zone_of(view)
        target, other = view.manifest.machine.told_from(here)
        names = {"here": other, "target": target, "version": view.manifest.version}
        self._writer = Writer(lang, zone, **names)

    def wanted(self, item: Item, written: Mapping[str, Any] | None) -> Values:
        """The worker's columns of one row; ``written`` is what it wrote there last."""
        view, state = self._view, self._states[item.id]
        check, row = view.history.check(item.id), view.rows.get(item.id, NO_ROW)
        result = state.result.value if state.result is not None else ""
        base = standing(view.manifest, item) | {
            "result": result,
            "settled": state.settled,
            "icon": ICONS[result or None],
        }
        frozen = state.rule in (1, 7) and state.why != "ticked-late"
        if frozen and written is not None and written.get("result") == result:
            # It was shown before it was frozen or sealed: exactly that stays.
            return base | {code: written[code] for code in _FROZEN if code in written}
        proof = (
            current_proof(view.manifest, view.history, item) if state.rule in (4, 5, 6, 7, 11, 12, 13, 14) else None
        )
        values = base | {
            "why": self._writer.why(state, item, check, proof, needs=self._needs(item), opened=self._opened(item)),
            "operator": _operator(state, check),
            "evidence": _evidence(proof),
            "checked_at": minute(_time(state, check, proof)),
        }
        if all(_same(values[code], getattr(row, code)) for code in _UNTIMED):
            # Equal facts seen again are no news: the row keeps the time at which they were first seen.
            values |= {"checked_at": row.checked_at, "evidence": row.evidence}
        return values

    def _opened(self, item: Item) -> str:
        failed = failing(self._view.manifest, item, self._states)
        return self._writer.opened(failed, self._view.last_good()) if failed else ""

    def _needs(self, item: Item) -> str:
        open_needs = [n for n in item.needs if not self._states[n].settled]
        names = {i.id: i.title for i in self._view.manifest.items}
        return ", ".join(names[n] for n in open_needs)


def difference(row: Row, wanted: Mapping[str, Any]) -> Values:
    """The values that must be written so that the row shows what it should."""
    return {code: value for code, value in wanted.items() if not _same(value, getattr(row, code))}


def linked_view(workspace: Workspace, page_id: str) -> dict[str, Any]:
    """The view of a release's own checks on its page, grouped by section."""
    ids, lang = workspace.check_ids, workspace.lang
    shown = [{"property_id": ids[c.code], "visible": c.code not in _HIDDEN} for c in CHECK_COLUMNS if c.code in ids]
    return {
        "data_source_id": workspace.checks,
        "name": _VIEW.say(lang),
        "type": "table",
        "create_database": {"parent": {"type": "page_id", "page_id": page_id}},
        "filter": {"property": ids["release"], "relation": {"contains": page_id}},
        "sorts": [{"property": ids["order"], "direction": "ascending"}],
        "configuration": {
            "type": "table",
            "properties": shown,
            "wrap_cells": True,
            "group_by": {
                "type": "text",
                "property_id": ids["section"],
                "group_by": "exact",
                "sort": {"type": "ascending"},
            },
        },
    }


_HIDDEN = ("section", "order", "live", "host", "key", "release", "settled")


def _prose(manifest: Manifest, lang: Lang) -> list[blocks.Block]:
    titles = {section.id: f"{section.number}. {section.title}" for section in manifest.template.sections}
    found: list[blocks.Block] = []
    for prose in manifest.template.prose:
        made = blocks.markdown(prose.markdown)
        if made and prose.section in titles:
            found.append(blocks.heading(titles.pop(prose.section), 3))
        found += made
    size = blocks.MAX_CHILDREN
    return [blocks.toggle(_PROSE.say(lang), found[i : i + size]) for i in range(0, len(found), size)]


def _operator(state: State, check: CheckHistory) -> tuple[str, ...]:
    by = check.tick.by if check.tick is not None else None
    if by is None and state.rule == 6 and check.choosing is not None:
        by = check.choosing.by
    return (by.id,) if by is not None else ()


def _evidence(proof: Proof | None) -> str:
    if proof is None:
        return ""
    return " ".join(f"sha256:{line.evidence[:16]}" for line in proof.lines if line.evidence)


def _time(state: State, check: CheckHistory, proof: Proof | None) -> Any:
    if state.rule == 6 and check.choosing is not None:
        return check.choosing.at
    if proof is not None:
        return proof.at
    return check.tick.at if state.rule in (7, 10) and check.tick is not None else None


def _same(one: Any, other: Any) -> bool:
    return (list(one) if isinstance(one, tuple) else one) == (list(other) if isinstance(other, tuple) else other)
