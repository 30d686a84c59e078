"""LINE's push message. A retry key makes it go out once, however often it is sent."""

import json
from typing import ClassVar, Self
from uuid import NAMESPACE_URL, uuid5

from ultra_checklist.config import Settings
from ultra_checklist.notify.base import Channel, Delivery, post, refused, unset
from ultra_checklist.notify.text import message
from ultra_checklist.sending import LINE_DONE_BEFORE, LINE_PUSH, LINE_RETRY_KEY, LINE_URL, line_messages


class LineChannel(Channel):
    """Pushes a text to one user, group or room."""

    address: ClassVar[str] = LINE_URL + LINE_PUSH

    def __init__(self, token: str, to: str) -> None:
        self._token = token
        self._to = to

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The channel's token and the receiver's id."""
        if settings.hook_line_token is None:
            raise unset("ULTRA_CHECKLIST_HOOK_LINE_TOKEN")
        if not settings.hook_line_to:
            raise unset("ULTRA_CHECKLIST_HOOK_LINE_TO")
        return cls(settings.hook_line_token.get_secret_value(), settings.hook_line_to)

    async def deliver(self, delivery: Delivery) -> None:
        """Push once; "done before" is success."""
        text = message(delivery.payload, delivery.headline, delivery.lang)
        body = {"to": self._to, "messages": line_messages(text)}
        headers = {
            "Authorization": f"Bearer {self._token}",
            LINE_RETRY_KEY: str(uuid5(NAMESPACE_URL, delivery.key)),
        }
        status, answer = await post(self.address, json.dumps(body).encode(), headers, delivery.seconds)
        if status not in (200, LINE_DONE_BEFORE):
            raise refused(status, answer)
