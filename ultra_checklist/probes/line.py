"""A test message through LINE's Messaging API, after asking whether it would be taken and whether any is left.

Facts: developers.line.biz, "Messaging API reference" (validate, quota, consumption, push) and "Retry failed API
requests": of requests with the same retry key one is carried out; the others are answered 409.
"""

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field, SecretStr, field_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Effect, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, unknown
from ultra_checklist.probes.messages import (
    AGAIN,
    Sent,
    accepted,
    fresh_code,
    identity,
    not_seen,
    occasion,
    quoted,
    refusal,
    refused,
    sha256,
    wording,
)
from ultra_checklist.sending import (
    LINE_DONE_BEFORE,
    LINE_PUSH,
    LINE_RETRY_KEY,
    LINE_URL,
    Answer,
    ask,
    line_messages,
)

VALIDATE = "/v2/bot/message/validate/push"
QUOTA = "/v2/bot/message/quota"
CONSUMPTION = "/v2/bot/message/quota/consumption"
_MONTHLY_LIMIT = "reached your monthly limit"
_FIRST_TRY = 0.6
"""Share of the time that is left which the first push may take; the rest is for a second one."""


class LineOptions(Options):
    """Where the message goes."""

    timeout: float = Field(default=30.0, gt=0, le=3600, description="Seconds after which the answer is unknown.")
    token: SecretStr = Field(description="The channel access token, from a secret variable; never shown or stored.")
    to: str = Field(min_length=1, description="Id of the user, group or room.")
    min_left: int = Field(default=1, ge=1, description="Messages that must be left of this month's quota.")
    base_url: str = Field(default=LINE_URL, description="Another address of the API.")

    @field_validator("base_url")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or "@" in value:
            raise WrongValue(
                "it is no plain http:// or https:// address",
                "単純な http:// または https:// のアドレスではありません",
            )
        return value.rstrip("/")


class LineSeen(Sent):
    """What LINE answered, up to the first answer that let nothing more be asked."""

    stage: Literal["validate", "quota", "consumption", "push"]
    """The last request."""
    quota: int | None = None
    """Messages that this month allows; None: it is not limited, or was not reached."""
    used: int | None = None
    repeated: bool = False
    """The push was sent a second time, because the first got no usable answer."""
    messages: list[str] = Field(default_factory=list)
    """Ids of what was sent."""
    request: str = ""
    """LINE's id of the request, for its support."""


class LineProbe(Probe[LineOptions, LineSeen]):
    """Pushes one test message."""

    name = "line"
    summary = Words(
        en="a test message through LINE, with the month's quota and a code to type into Note",
        ja="LINE へのテスト通知と当月の残り通数（届いたコードをメモに入力）",
    )
    options_model: ClassVar[type[Options]] = LineOptions
    observation_model: ClassVar[type[Observation]] = LineSeen
    effect: ClassVar[Effect] = "message"
    needs_release = True

    def twins(self) -> Iterator[Twin]:
        """Refused, and nothing left of the month's messages; nothing is sent."""
        refused = LineSeen(code_sha256="", stage="push", status=400, said="twin", gone=False)
        yield Twin(Words(en="LINE answers 400", ja="LINE の応答 400"), seen=refused)
        few = LineSeen(
            code_sha256="", stage="consumption", status=200, quota=self.options.min_left, used=1, gone=False
        )
        yield Twin(Words(en="too few messages left", ja="残り通数不足"), seen=few)

    async def observe(self, context: Context) -> LineSeen:
        """Validate, read quota and consumption, then push; a push without a usable answer is repeated once."""
        release, code = occasion(context), fresh_code()
        return await _Talk(self.options, context, code).run(wording(release, context.item, code))

    def judge(self, seen: LineSeen) -> Verdict:
        """What came before the push, then the push."""
        if seen.trouble:
            return not_seen(seen, "LINE")
        left = _left(seen)
        if left is not None and left < self.options.min_left and seen.stage == "consumption":
            return self._used_up(seen)
        if seen.status == 200 and seen.stage == "push":
            return accepted(seen, _told(left, seen))
        if seen.status == LINE_DONE_BEFORE and seen.stage == "push":
            return accepted(seen, _told(left, seen)) if seen.repeated else _sent_before(seen)
        if seen.status == 429 and _MONTHLY_LIMIT in seen.said:
            return self._used_up(seen)
        if seen.stage == "validate" and seen.status == 400:
            return refused(
                seen,
                "invalid",
                Words(en="LINE finds the message invalid", ja="LINE がメッセージを不正と判断しました"),
            )
        return refusal(seen, "LINE")

    def _used_up(self, seen: LineSeen) -> Verdict:
        numbers = f"{seen.used}/{seen.quota}" if seen.quota is not None else "429"
        return failed(
            "quota-used-up",
            Words(
                en="LINE would not deliver an alert: this month's messages are used up",
                ja="当月の LINE 送信可能数が残っていないため、警報も届きません",
            ),
            expected=Words(en=f">= {self.options.min_left} left", ja=f"残り {self.options.min_left} 通以上"),
            seen=Words(en=f"{numbers} used", ja=f"{numbers} 使用済み"),
            remedy=Words(
                en="raise the plan or its extra messages in LINE Official Account Manager, then untick and tick",
                ja="LINE Official Account Manager でプランまたは追加メッセージ数を変更し、チェックを外して付け直す",
            ),
            quota=seen.quota,
            used=seen.used,
        )


class _Talk:
    """The requests of one message."""

    def __init__(self, options: LineOptions, context: Context, code: str) -> None:
        import asyncio

        self._options, self._context, self._code = options, context, code
        self._token = options.token.get_secret_value()
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + options.timeout
        self._known: dict[str, Any] = {}

    async def run(self, text: str) -> LineSeen:
        """Ask, and send at last."""
        messages = line_messages(text)
        answer = await self._ask("POST", VALIDATE, {"messages": messages})
        if answer.status != 200:
            return self._seen("validate", answer, gone=False)
        for stage, path in (("quota", QUOTA), ("consumption", CONSUMPTION)):
            answer = await self._ask("GET", path)
            if answer.status != 200:
                return self._seen(stage, answer, gone=False)
            number = _number(stage, answer)
            if number is False:
                return self._seen(stage, answer, gone=False, trouble="unexpected-answer")
            self._known["quota" if stage == "quota" else "used"] = number
        so_far = self._seen("consumption", answer, gone=False)
        left = _left(so_far)
        if left is not None and left < self._options.min_left:
            return so_far
        return await self._push({"to": self._options.to, "messages": messages})

    async def _push(self, body: dict[str, Any]) -> LineSeen:
        place = sha256(f"{self._options.base_url} {self._options.to}")
        key = {LINE_RETRY_KEY: str(uuid5(NAMESPACE_URL, identity(self._context, place)))}
        answer = await self._ask("POST", LINE_PUSH, body, key, share=_FIRST_TRY)
        if answer.trouble or answer.status >= 500:
            # The key makes this safe: it goes out once, however often it is sent.
            self._known["repeated"] = answer.sent
            answer = await self._ask("POST", LINE_PUSH, body, key)
        data = _mapping(answer)
        if answer.status == 200 and data is None:
            return self._seen("push", answer, gone=True, trouble="unexpected-answer")
        sent = (data or {}).get("sentMessages")
        ids = [str(one.get("id", "")) for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []
        gone = answer.sent or bool(self._known.get("repeated"))
        return self._seen("push", answer, gone=gone, messages=ids[:5])

    async def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        share: float = 1.0,
    ) -> Answer:
        left = self._until - self._clock()
        if left <= 0:
            return Answer(trouble="timeout", sent=False)
        return await ask(
            method,
            self._options.base_url + path,
            seconds=left * share,
            headers={"Authorization": f"Bearer {self._token}"} | (headers or {}),
            body=None if body is None else json.dumps(body).encode(),
        )

    def _seen(self, stage: Any, answer: Answer, *, gone: bool, trouble: str = "", **more: Any) -> LineSeen:
        return LineSeen(
            code_sha256=sha256(self._code),
            stage=stage,
            status=answer.status,
            trouble=trouble or answer.trouble,
            gone=gone,
            said=quoted(answer, (self._code, self._token), self._context) if answer.status != 200 else "",
            request=answer.headers.get("x-line-request-id", "")[:64],
            **self._known,
            **more,
        )


def _mapping(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer; None where it is none."""
    try:
        data = answer.json()
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _number(stage: str, answer: Answer) -> int | Literal[False] | None:
    """The quota (None: it is not limited) or what was used of it; False: the answer does not tell."""
    data = _mapping(answer) or {}
    if stage == "quota" and data.get("type") == "none":
        return None
    value = data.get("value" if stage == "quota" else "totalUsage")
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(value) if good and value is not None else False


def _left(seen: LineSeen) -> int | None:
    return None if seen.quota is None or seen.used is None else seen.quota - seen.used


def _told(left: int | None, seen: LineSeen) -> Words:
    if left is None:
        return Words(en=f"{seen.status}, no limit this month", ja=f"{seen.status}、当月の上限なし")
    return Words(
        en=f"{seen.status}, {left} of {seen.quota} messages were left",
        ja=f"{seen.status}、送信前の残り {left}/{seen.quota} 通",
    )


def _sent_before(seen: LineSeen) -> Verdict:
    return unknown(
        "sent-before",
        Words(
            en="LINE has accepted this tick's message before; its code is not known any more",
            ja="このチェックのメッセージは送信済みで、そのコードは記録に残っていません",
        ),
        remedy=AGAIN,
        status=seen.status,
    )
