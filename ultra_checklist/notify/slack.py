"""A Slack incoming webhook. Success is status 200 and a body of exactly ``ok``."""

from typing import Self

from ultra_checklist.config import Settings
from ultra_checklist.notify.base import Channel, Delivery, post, refused, unset
from ultra_checklist.notify.text import message
from ultra_checklist.sending import is_slack_ok, slack_body


class SlackChannel(Channel):
    """Posts a text; its address is the secret."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The webhook's address."""
        if settings.hook_slack_url is None:
            raise unset("ULTRA_CHECKLIST_HOOK_SLACK_URL")
        return cls(settings.hook_slack_url.get_secret_value())

    async def deliver(self, delivery: Delivery) -> None:
        """Post once. Slack knows no idempotency key: a second attempt may be seen twice."""
        text = message(delivery.payload, delivery.headline, delivery.lang)
        status, answer = await post(self._url, slack_body(text), {}, delivery.seconds)
        if not is_slack_ok(status, answer):
            raise refused(status, answer)
