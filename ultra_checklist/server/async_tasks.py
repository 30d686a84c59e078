"""Work that Notion does later and answers for with a task: here it is done by then, as the task will tell."""

import secrets
from typing import Final

from ultra_checklist.server import nodes, times
from ultra_checklist.server.calls import Call, Json
from ultra_checklist.server.errors import not_found

POLL: Final = 2
"""Seconds after which Notion wants to be asked how far it is."""


def answered(call: Call, name: str, result: Json) -> Json:
    """The result itself, or, to a caller who allows it, the task that has it."""
    if call.body.get("allow_async") is not True:
        return result
    identifier = f"task_{secrets.token_hex(16)}"
    task = nodes.Node(
        id=identifier,
        kind="async_task",
        parent_kind="workspace",
        parent_id="",
        position=1,
        data={"name": name, "result": result},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    nodes.insert(call.connection, task)
    return {**_told(call, task), "status": "queued", "poll_after_seconds": POLL}


def retrieve(call: Call) -> Json:
    """GET /v1/async_tasks/{task_id}."""
    task = nodes.get(call.connection, call.path["task_id"])
    if task is None or task.kind != "async_task":
        raise not_found("async_task", call.path["task_id"])
    return {**_told(call, task), "status": "succeeded", "result": task.data["result"]}


def _told(call: Call, task: nodes.Node) -> Json:
    return {
        "object": "async_task",
        "id": task.id,
        "status_url": f"{call.base_url}/v1/async_tasks/{task.id}",
        "created_time": times.to_milliseconds(task.created_at),
        "operation": {"surface": "rest", "name": task.data["name"]},
    }
