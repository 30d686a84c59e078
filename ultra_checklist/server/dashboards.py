"""Dashboards: views that hold other views as widgets, in rows."""

from typing import Any, Final

from ultra_checklist.server import nodes, validation
from ultra_checklist.server.calls import Call, Json
from ultra_checklist.server.errors import MISSING, failed

_MOST_IN_A_ROW: Final = 4


def of_request(call: Call, view: nodes.Node) -> nodes.Node | None:
    """The dashboard that ``view_id`` of a request names; None where it names another kind of view."""
    if view.data["type"] != "dashboard":
        if "placement" in call.body:
            raise failed("body.placement", "should be not present", call.body["placement"])
        return None
    return view


def place(call: Call, dashboard: nodes.Node, widget: nodes.Node) -> None:
    """Put a new view into a dashboard where the request wants it; without a wish into a row of its own."""
    rows: list[Json] = dashboard.data.setdefault("rows", [])
    given = validation.mapping(call.body.get("placement", {"type": "new_row"}), "body.placement")
    kind = validation.one_of(given.get("type", MISSING), "body.placement.type", ("new_row", "existing_row"))
    index = given.get("row_index", len(rows) if kind == "new_row" else MISSING)
    number = int(validation.number(index, "body.placement.row_index"))
    most = len(rows) if kind == "new_row" else len(rows) - 1
    if not 0 <= number <= most:
        raise failed("body.placement.row_index", f"should be a number from `0` to `{most}`", index)
    entry = {"id": nodes.new_id(), "view_id": widget.id}
    if kind == "new_row":
        rows.insert(number, {"id": nodes.new_id(), "widgets": [entry]})
    elif len(rows[number]["widgets"]) >= _MOST_IN_A_ROW:
        raise failed(
            "body.placement.row_index", f"should name a row with less than `{_MOST_IN_A_ROW}` widgets", index
        )
    else:
        rows[number]["widgets"].append(entry)
    widget.data["dashboard"] = dashboard.id
    nodes.save(call.connection, dashboard)
    nodes.save(call.connection, widget)


def take_out(call: Call, widget: nodes.Node) -> None:
    """Take a view out of its dashboard; a row that is empty then goes too."""
    dashboard = nodes.get(call.connection, widget.data["dashboard"])
    if dashboard is None:
        return
    for row in dashboard.data["rows"]:
        row["widgets"] = [one for one in row["widgets"] if one["view_id"] != widget.id]
    dashboard.data["rows"] = [row for row in dashboard.data["rows"] if row["widgets"]]
    nodes.save(call.connection, dashboard)


def widgets(call: Call, dashboard: nodes.Node) -> list[nodes.Node]:
    """The views in a dashboard."""
    found = nodes.find_all(call.connection, (w["view_id"] for row in _rows(dashboard) for w in row["widgets"]))
    return list(found.values())


def answered(dashboard: nodes.Node) -> Json:
    """The configuration of a dashboard as Notion answers it."""
    rows = [
        {**row, "widgets": [{**widget, "row_index": number} for widget in row["widgets"]]}
        for number, row in enumerate(_rows(dashboard))
    ]
    return {"type": "dashboard", "rows": rows}


def _rows(dashboard: nodes.Node) -> list[dict[str, Any]]:
    return list(dashboard.data.get("rows", ()))
