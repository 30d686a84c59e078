"""Any address that takes a POST: the message as JSON, signed with HMAC-SHA256 where a secret is set."""

from typing import Self

from ultra_checklist.config import Settings
from ultra_checklist.notify.base import Channel, Delivery, post, refused, unset
from ultra_checklist.sending import SIGNATURE, sign


class WebhookChannel(Channel):
    """Posts to one address; any 2xx is success."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The address and the secret that signs."""
        if settings.hook_webhook_url is None:
            raise unset("ULTRA_CHECKLIST_HOOK_WEBHOOK_URL")
        secret = settings.hook_webhook_secret
        return cls(settings.hook_webhook_url.get_secret_value(), secret.get_secret_value() if secret else "")

    async def deliver(self, delivery: Delivery) -> None:
        """Post once, with the idempotency key that all attempts share."""
        headers = {"Idempotency-Key": delivery.key}
        if self._secret:
            headers[SIGNATURE] = sign(delivery.body, self._secret)
        status, text = await post(self._url, delivery.body, headers, delivery.seconds)
        if not 200 <= status < 300:
            raise refused(status, text)
