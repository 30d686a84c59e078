"""A test message as JSON to any address, signed where a secret is set, as the hooks at a release's end are."""

import json
from collections.abc import Iterator
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field, SecretStr

from ultra_checklist.model import Effect, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin
from ultra_checklist.probes.messages import (
    SecretUrl,
    Sent,
    accepted,
    fresh_code,
    identity,
    not_seen,
    occasion,
    parts,
    quoted,
    refusal,
    sha256,
    wording,
)
from ultra_checklist.sending import SIGNATURE, ask, sign


class WebhookOptions(Options):
    """Where the message goes."""

    url: SecretUrl = Field(description="The address, from a secret variable; it is never shown or stored.")
    secret: SecretStr | None = Field(
        default=None,
        description="Signs the body, from a secret variable: `X-Ultra-Checklist-Signature: sha256=HMAC`.",
    )


class WebhookProbe(Probe[WebhookOptions, Sent]):
    """Posts one test message."""

    name = "webhook"
    summary = Words(
        en="a test message as JSON to a webhook, with a code to type into Note",
        ja="Webhook へのテスト通知（JSON、届いたコードをメモに入力）",
    )
    options_model: ClassVar[type[Options]] = WebhookOptions
    observation_model: ClassVar[type[Observation]] = Sent
    effect: ClassVar[Effect] = "message"
    needs_release = True

    def twins(self) -> Iterator[Twin]:
        """Refused; nothing is sent."""
        gone = Sent(code_sha256="", status=404, gone=False)
        yield Twin(Words(en="the receiver answers 404", ja="送信先の応答 404"), seen=gone)

    async def observe(self, context: Context) -> Sent:
        """Post it once, with the idempotency key of this tick."""
        release, code = occasion(context), fresh_code()
        url = self.options.url.get_secret_value()
        secret = self.options.secret.get_secret_value() if self.options.secret is not None else ""
        key = str(uuid5(NAMESPACE_URL, identity(context, sha256(url))))
        payload = {
            "event": "test",
            "text": wording(release, context.item, code),
            "code": code,
            "release": release.key,
            "version": release.version,
            "item": context.item,
            "idempotency_key": key,
        }
        body = json.dumps(payload, ensure_ascii=False, sort_keys=True).encode()
        headers = {"Idempotency-Key": key} | ({SIGNATURE: sign(body, secret)} if secret else {})
        answer = await ask("POST", url, body=body, headers=headers, seconds=self.options.timeout)
        return Sent(
            code_sha256=sha256(code),
            status=answer.status,
            trouble=answer.trouble,
            gone=answer.sent,
            said=quoted(answer, (code, secret, *parts(url)), context),
        )

    def judge(self, seen: Sent) -> Verdict:
        """Any 2xx is success."""
        if seen.trouble:
            return not_seen(seen, "Webhook")
        if 200 <= seen.status < 300:
            return accepted(seen, Words.same(f"HTTP {seen.status}"))
        return refusal(seen, "Webhook")
