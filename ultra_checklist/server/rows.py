"""Rows on their way out: the values of many pages at once, with their relations and roll-ups."""

import sqlite3
from typing import Any, Final

from ultra_checklist.server import (
    formulas,
    media,
    nodes,
    operands,
    plan,
    relations,
    richtext,
    rollups,
    times,
    users,
)
from ultra_checklist.server.calls import Call
from ultra_checklist.server.properties import Json, Property, find, ordered, quoted

CUT: Final = relations.SHOWN
DEEPEST_FORMULA: Final = 10
"""Formulas that ask for one another, at most so many: the last one may be the first again."""
_ROLLED_UP: Final = 5
"""As so many count those behind a roll-up: there are 25 of them."""


class Rows:
    """Reads values of pages of one data source; links and roll-up targets are fetched once for all pages."""

    def __init__(self, call: Call, source: nodes.Node, pages: list[nodes.Node], depth: int = 0) -> None:
        self._call = call
        self._pages = pages
        self.source = source
        self.properties: list[Property] = source.data["properties"]
        self._links: dict[str, dict[str, list[str]]] = {}
        self._options: dict[str, dict[str, Json]] = {}
        self._rollups: dict[str, dict[str, Json]] = {}
        self._users: dict[str, users.User] = {}
        self._formulas: dict[str, formulas.Formula | None] = {}
        self._base = self._depth = depth
        self._steps = 0

    @property
    def connection(self) -> sqlite3.Connection:
        """Where the rows are read from."""
        return self._call.connection

    def related(self, page: nodes.Node, item: Property) -> list[str]:
        """All ids a relation of ``page`` holds."""
        if item["id"] not in self._links:
            ids = (known.id for known in self._pages)
            self._links[item["id"]] = relations.read(self.connection, item, ids)
        return self._links[item["id"]].get(page.id, [])

    def rollup(self, page: nodes.Node, item: Property) -> Json:
        """The answered value of a roll-up: ``{type, number|date|array, function}``."""
        if item["id"] not in self._rollups:
            self._rollups[item["id"]] = self._all_rollups(item)
        return self._rollups[item["id"]][page.id]

    def _all_rollups(self, item: Property) -> dict[str, Json]:
        config = item["config"]
        relation = find(self.properties, config["relation"])
        other = nodes.get(self.connection, config["data_source"])
        target = find(other.data["properties"], config["target"]) if other else None
        if relation is None or other is None or target is None:
            return {page.id: rollups.value(config["function"], []) for page in self._pages}
        shown = {page.id: self.related(page, relation)[:CUT] for page in self._pages}
        found = nodes.find_all(self.connection, {one for some in shown.values() for one in some})
        reader = Rows(self._call, other, list(found.values()), self._depth + _ROLLED_UP)
        return {
            page: rollups.value(
                config["function"], [reader.value(found[one], target) for one in some if one in found]
            )
            for page, some in shown.items()
        }

    def option(self, item: Property, identifier: str) -> Json | None:
        """A chosen option as a page's answer shows it; None if the schema has lost it."""
        if item["id"] not in self._options:
            self._options[item["id"]] = {
                known["id"]: {key: known[key] for key in ("id", "name", "color")}
                for known in item["config"]["options"]
            }
        return self._options[item["id"]].get(identifier)

    def user(self, identifier: str) -> Json:
        """A user as people properties show it."""
        if not self._users:
            self._users = users.everybody(self.connection)
        user = self._users.get(identifier)
        known = user is not None and (user == self._call.actor or self._call.may(plan.USERS))
        return users.full(user) if user and known else users.partial(identifier)

    def value(self, page: nodes.Node, item: Property) -> Json:
        """One value as a page's answer shows it, without its id: ``{type, <type>: ...}``."""
        kind = item["type"]
        if kind == "relation":
            related = self.related(page, item)
            return {
                "type": kind,
                kind: [{"id": one} for one in related[:CUT]],
                "has_more": len(related) > CUT,
            }
        return {"type": kind, kind: self._content(page, item)}

    def _content(self, page: nodes.Node, item: Property) -> Any:
        kind = item["type"]
        stored = page.data["values"].get(item["id"])
        if kind in ("title", "rich_text"):
            return richtext.unpack(stored or "")
        if kind == "checkbox":
            return bool(stored)
        if kind in ("select", "status"):
            return self.option(item, stored) if stored else None
        if kind == "multi_select":
            return [known for one in stored or [] if (known := self.option(item, one))]
        if kind == "people":
            return [self.user(one) for one in stored or []]
        if kind == "files":
            return [{"name": one["name"], **media.answered(self._call, one)} for one in stored or []]
        if kind == "button":
            return {}
        if kind == "unique_id":
            return {"prefix": item["config"]["prefix"], "number": stored}
        return self._computed(page, item) if kind in _COMPUTED else stored

    def _computed(self, page: nodes.Node, item: Property) -> Any:
        kind = item["type"]
        if kind == "rollup":
            return self.rollup(page, item)
        if kind == "formula":
            return self.formula(page, item)
        if kind in ("created_time", "last_edited_time"):
            return times.to_minute(page.created_at if kind == "created_time" else page.edited_at)
        return self.user(page.created_by if kind == "created_by" else page.edited_by)

    def formula(self, page: nodes.Node, item: Property) -> Json:
        """The answered value of a formula: ``{type, string|number|boolean|date|unsupported}``."""
        if item["id"] not in self._formulas:
            self._formulas[item["id"]] = formulas.understood(item["config"]["expression"])
        formula, names = self._formulas[item["id"]], item["config"].get("names", {})
        if formula is None or self._depth >= DEEPEST_FORMULA:
            return operands.UNSUPPORTED

        def prop(name: str) -> Any:
            known = find(self.properties, names.get(name, name))
            if known is None:
                raise operands.Unsupported(name)
            return operands.operand(self.value(page, known))

        # A formula that is asked for by another one spends its steps.
        room = operands.Room(prop, self._call.moment, self._steps if self._depth > self._base else 0)
        self._depth += 1
        try:
            return operands.answered(formula.value(room))
        except (operands.Unsupported, RecursionError):
            return operands.UNSUPPORTED
        finally:
            self._depth -= 1
            self._steps = room.steps

    def answered(self, page: nodes.Node, only: set[str] | None = None) -> Json:
        """The ``properties`` of a page's answer; ``only`` holds the ids that are wanted."""
        return {
            item["name"]: {"id": quoted(item["id"]), **_cut(self.value(page, item))}
            for item in ordered(self.properties)
            if only is None or item["id"] in only
        }


def _cut(value: Json) -> Json:
    # A page's answer shows as many references as that and no word of the others; the rest is behind the
    # property endpoint (developers.notion.com/reference/page-property-values).
    kind = value["type"]
    if kind == "people":
        return value | {kind: value[kind][:CUT]}
    if kind in ("title", "rich_text"):
        mentions = [place for place, item in enumerate(value[kind]) if item["type"] == "mention"]
        return value | {kind: value[kind][: mentions[CUT]]} if len(mentions) > CUT else value
    return value


_COMPUTED: Final = ("rollup", "formula", "created_time", "last_edited_time", "created_by", "last_edited_by")
