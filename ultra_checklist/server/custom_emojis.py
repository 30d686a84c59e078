"""Custom emojis of the workspace: those that the server was started with."""

import uuid
from typing import Final

from ultra_checklist.server.calls import Call, Json, paged

_SPACE: Final = uuid.UUID("00000000-0000-4000-8000-0000000000e0")


def index(call: Call) -> Json:
    """GET /v1/custom_emojis, all or the one of a name."""
    wanted = call.option("name")
    found = [
        {"id": str(uuid.uuid5(_SPACE, name)), "name": name, "url": url}
        for name, url in call.workspace.emojis
        if wanted in (None, name)
    ]
    shown, cursor = paged(call, found, lambda emoji: str(emoji["id"]))
    # Of all lists this one has no object of its type's name.
    return {
        "object": "list",
        "type": "custom_emoji",
        "results": list(shown),
        "has_more": cursor is not None,
        "next_cursor": cursor,
    }
