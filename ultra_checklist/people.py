"""Who edited a row: a person, or an integration. Asked of Notion once and remembered."""

from pathlib import Path

from pydantic import Field, ValidationError

from ultra_checklist.errors import NotionError
from ultra_checklist.history import Person
from ultra_checklist.manifest import write_whole
from ultra_checklist.model import Frozen
from ultra_checklist.notion.client import Json, Notion


class Known(Frozen):
    """A user of Notion as far as it matters here."""

    name: str
    person: bool


class PeopleFile(Frozen):
    """The people as they are stored."""

    users: dict[str, Known] = Field(default_factory=dict)


class People:
    """Users by id; unknown ones cost one request, once."""

    def __init__(self, home: Path, notion: Notion) -> None:
        self._path = home / "people.json"
        self._notion = notion
        try:
            self._users = dict(PeopleFile.model_validate_json(self._path.read_bytes()).users)
        except (FileNotFoundError, ValidationError):
            self._users = {}

    async def person(self, user_id: str) -> Person | None:
        """The person of that id; None for an integration."""
        known = self._users.get(user_id)
        if known is None:
            known = await self._ask(user_id)
            self._users[user_id] = known
            self._save()
        return Person(id=user_id, name=known.name) if known.person else None

    def learn(self, users: list[Json]) -> None:
        """Remember users that came along with another answer."""
        self._users |= {user["id"]: _known(user) for user in users}
        self._save()

    def name(self, user_id: str) -> str:
        """The name of somebody seen before, else the id."""
        known = self._users.get(user_id)
        return known.name if known is not None and known.name else user_id

    async def _ask(self, user_id: str) -> Known:
        try:
            return _known(await self._notion.get(f"users/{user_id}"))
        except NotionError as error:
            if not error.permanent:
                raise
            # Without the capability to read users Notion hides names; it is still not this integration.
            return Known(name="", person=True)

    def _save(self) -> None:
        write_whole(self._path, PeopleFile(users=self._users).model_dump(mode="json"))


def _known(user: Json) -> Known:
    return Known(name=str(user.get("name") or ""), person=user.get("type") != "bot")
