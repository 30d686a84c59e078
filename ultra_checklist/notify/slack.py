"""A Slack incoming webhook. Success is status 200 and a body of exactly ``ok``."""

import json
from typing import Self

from ultra_checklist.config import Settings
from ultra_checklist.notify.base import Channel, Delivery, post, refused, unset
from ultra_checklist.notify.text import message


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
        text = escape(message(delivery.payload, delivery.headline, delivery.lang))
        body = {"text": text, "mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
        status, answer = await post(self._url, json.dumps(body).encode(), {}, delivery.seconds)
        if (status, answer.strip()) != (200, "ok"):
            raise refused(status, answer)


def escape(text: str) -> str:
    """Text in which nothing is a mention or a link of Slack's: ``<!channel>`` stays these ten characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
