"""Who may call: the integration, and persons who come to be with their first call."""

import re
import sqlite3
import unicodedata
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from ultra_checklist.server import plan
from ultra_checklist.server.calls import Call, listing, paged
from ultra_checklist.server.errors import INTEGRATION_ID, INTEGRATION_NAME, ApiError, not_found

LONGEST_NAME: Final = 80
WORKSPACE_NAME: Final = "Workspace"
_PERSONS: Final = uuid.UUID("6a8f0d0e-6f0c-4f1e-9a54-3c9f7d1c2b10")
_BEARER = re.compile(r"Bearer (\S+)\s*", re.IGNORECASE)
_BOT_TOKEN: Final = "ntn_local"  # noqa: S105 a public word of the interface
_PERSON_TOKEN: Final = "ntn_person_"  # noqa: S105 as above


@dataclass(frozen=True, slots=True)
class User:
    """The integration (kind ``bot``) or a person."""

    id: str
    name: str
    kind: str

    @property
    def label(self) -> str:
        """How the request log names the user."""
        return f"person:{self.name}" if self.kind == "person" else "integration"


INTEGRATION: Final = User(INTEGRATION_ID, INTEGRATION_NAME, "bot")


def of_token(header: str | None) -> User:
    """The user an ``Authorization`` header stands for; 401 for every token that is not one of ours."""
    if header is None or not (match := _BEARER.fullmatch(header)):
        raise ApiError(401, "unauthorized", 'Authorization header must use the format "Bearer <token>".')
    token = match[1]
    if token.startswith(_PERSON_TOKEN):
        name = _name(token.removeprefix(_PERSON_TOKEN))
        if name:
            return User(person_id(name), name, "person")
    elif token.startswith(_BOT_TOKEN):
        return INTEGRATION
    raise ApiError(401, "unauthorized", "API token is invalid.")


def _name(encoded: str) -> str:
    # Header bytes arrive as Latin-1; a name may be percent-encoded or plain UTF-8.
    try:
        name = unquote(encoded.encode("latin-1").decode("utf-8"), errors="strict")
    except UnicodeError:
        return ""
    name = unicodedata.normalize("NFC", name).strip()
    return name if name.isprintable() and len(name) <= LONGEST_NAME else ""


def person_id(name: str) -> str:
    """The id of a person: the same name has the same id in every database file."""
    return str(uuid.uuid5(_PERSONS, name))


def known(connection: sqlite3.Connection, user: User) -> bool:
    """Whether the user has called before."""
    return connection.execute("SELECT 1 FROM users WHERE id = ?", (user.id,)).fetchone() is not None


def remember(connection: sqlite3.Connection, user: User) -> None:
    """Add a user at first use."""
    connection.execute("INSERT OR IGNORE INTO users VALUES (?, ?, ?)", (user.id, user.name, user.kind))


def everybody(connection: sqlite3.Connection) -> dict[str, User]:
    """All users by id, persons first, each group by name."""
    rows = connection.execute("SELECT id, name, kind FROM users ORDER BY kind DESC, name")
    return {row[0]: User(*row) for row in rows}


def partial(identifier: str) -> dict[str, Any]:
    """A user as pages and blocks name their authors."""
    return {"object": "user", "id": identifier}


def full(user: User) -> dict[str, Any]:
    """A user as people properties and mentions show them."""
    answer: dict[str, Any] = {
        "object": "user",
        "id": user.id,
        "name": user.name,
        "avatar_url": None,
        "type": user.kind,
    }
    if user.kind == "person":
        answer["person"] = {"email": f"{user.id[:8]}@people.invalid"}
    else:
        answer["bot"] = {}
    return answer


def _detailed(call: Call, user: User) -> dict[str, Any]:
    answer = full(user)
    if user.kind == "bot":
        answer["bot"] = {
            "owner": {"type": "workspace", "workspace": True},
            "workspace_name": WORKSPACE_NAME,
            "workspace_id": "00000000-0000-4000-8000-0000000000f0",
            "workspace_limits": {"max_file_upload_size_in_bytes": call.workspace.plan.largest_file},
        }
    return answer


def me(call: Call) -> dict[str, Any]:
    """GET /v1/users/me."""
    return _detailed(call, call.actor)


def retrieve(call: Call) -> dict[str, Any]:
    """GET /v1/users/{user_id}."""
    identifier = call.identifier("user_id")
    user = everybody(call.connection).get(identifier)
    if user is None or not (user == call.actor or call.may(plan.USERS)):
        raise not_found("user", identifier)
    return _detailed(call, user)


def index(call: Call) -> dict[str, Any]:
    """GET /v1/users."""
    found, cursor = paged(call, list(everybody(call.connection).values()), lambda user: user.id)
    return listing("user", [_detailed(call, user) for user in found], cursor)
