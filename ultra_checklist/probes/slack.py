"""A test message through a Slack incoming webhook.

Success is status 200 and a body of exactly ``ok``; errors are a word of plain text (api.slack.com, changelog
2016-05-17 "Improving error conditions for Incoming Webhooks"). The address cannot tell what became of a message.
"""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from ultra_checklist.model import Effect, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin
from ultra_checklist.probes.messages import (
    SecretUrl,
    Sent,
    accepted,
    fresh_code,
    not_seen,
    occasion,
    parts,
    quoted,
    refusal,
    refused,
    sha256,
    unsure,
    wording,
)
from ultra_checklist.sending import ask, is_slack_ok, slack_body

_NEW_WEBHOOK = Words(
    en="make a new incoming webhook in Slack and set its address, then untick and tick",
    ja="Slack で Incoming Webhook を作り直して設定し、チェックを外して付け直す",
)
_OTHER_CHANNEL = Words(
    en="bind the webhook to a channel that takes messages, then untick and tick",
    ja="投稿できるチャンネルに Webhook を設定し、チェックを外して付け直す",
)
_ADMIN = Words(
    en="ask the workspace's administrators to let the webhook post, then untick and tick",
    ja="ワークスペース管理者に投稿を許可してもらい、チェックを外して付け直す",
)
_REFUSALS = {
    "invalid_payload": (
        Words(en="Slack does not understand the message", ja="Slack がメッセージを解釈できません"),
        _NEW_WEBHOOK,
    ),
    "no_text": (Words(en="Slack misses a text", ja="Slack が本文なしと判断しました"), _NEW_WEBHOOK),
    "user_not_found": (
        Words(en="the webhook's user is gone", ja="Webhook の宛先ユーザーが存在しません"),
        _OTHER_CHANNEL,
    ),
    "channel_not_found": (
        Words(en="the webhook's channel is gone", ja="Webhook のチャンネルが存在しません"),
        _OTHER_CHANNEL,
    ),
    "channel_is_archived": (
        Words(en="the webhook's channel is archived", ja="Webhook のチャンネルはアーカイブ済みです"),
        _OTHER_CHANNEL,
    ),
    "action_prohibited": (
        Words(en="the workspace forbids this webhook to post", ja="ワークスペースの設定で投稿が禁止されています"),
        _ADMIN,
    ),
    "posting_to_general_channel_denied": (
        Words(en="the workspace forbids to post there", ja="ワークスペースの設定で投稿が禁止されています"),
        _ADMIN,
    ),
    "invalid_token": (Words(en="the webhook's address is not valid", ja="Webhook の URL が無効です"), _NEW_WEBHOOK),
    "no_service": (
        Words(
            en="the webhook is gone, switched off, or its address is wrong",
            ja="Webhook が削除・無効化されたか、URL が違います",
        ),
        _NEW_WEBHOOK,
    ),
    "no_active_hooks": (Words(en="the webhook is switched off", ja="Webhook が無効化されています"), _NEW_WEBHOOK),
    "no_team": (
        Words(en="the webhook's workspace is gone", ja="Webhook のワークスペースが存在しません"),
        _NEW_WEBHOOK,
    ),
    "team_disabled": (
        Words(en="the webhook's workspace is switched off", ja="Webhook のワークスペースが停止中です"),
        _ADMIN,
    ),
}
"""Slack's words for a definite no."""


class SlackOptions(Options):
    """Where the message goes."""

    url: SecretUrl = Field(description="The incoming webhook, from a secret variable; it is never shown or stored.")


class SlackProbe(Probe[SlackOptions, Sent]):
    """Posts one test message."""

    name = "slack"
    summary = Words(
        en="a test message through a Slack incoming webhook, with a code to type into Note",
        ja="Slack Incoming Webhook へのテスト通知（届いたコードをメモに入力）",
    )
    options_model: ClassVar[type[Options]] = SlackOptions
    observation_model: ClassVar[type[Observation]] = Sent
    effect: ClassVar[Effect] = "message"
    needs_release = True

    def twins(self) -> Iterator[Twin]:
        """Refused; nothing is sent."""
        gone = Sent(code_sha256="", status=404, said="no_service", gone=False)
        yield Twin(Words(en="Slack answers 404 no_service", ja="Slack の応答 404 no_service"), seen=gone)

    async def observe(self, context: Context) -> Sent:
        """Post it once. Slack knows no idempotency key: nothing is tried again."""
        release, code = occasion(context), fresh_code()
        url = self.options.url.get_secret_value()
        body = slack_body(wording(release, context.item, code))
        answer = await ask("POST", url, body=body, seconds=self.options.timeout)
        return Sent(
            code_sha256=sha256(code),
            status=answer.status,
            trouble=answer.trouble,
            gone=answer.sent,
            said=quoted(answer, (code, *parts(url)), context),
        )

    def judge(self, seen: Sent) -> Verdict:
        """Slack's word first, then the status."""
        if seen.trouble:
            return not_seen(seen, "Slack")
        if is_slack_ok(seen.status, seen.said):
            return accepted(seen, Words.same("200 ok"))
        word = seen.said.strip()
        if word in _REFUSALS:
            sentence, remedy = _REFUSALS[word]
            return refused(seen, word.replace("_", "-"), sentence, remedy)
        if word == "rollup_error":
            return unsure(seen, "server-error", Words(en="Slack is in trouble", ja="Slack 側の障害です"))
        if 200 <= seen.status < 300:
            # A login page, or a proxy's: Slack itself has not answered.
            return not_seen(seen, "Slack", "unexpected-answer")
        return refusal(seen, "Slack")
