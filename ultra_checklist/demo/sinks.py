"""Where pretend messages arrive: a Slack webhook, LINE's Messaging API, and a webhook of the team's own.

Each keeps what it got, so that the pretend operators can read it as people read their phones. Protocols:
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (200 and the body ``ok``),
https://developers.line.biz/en/reference/messaging-api/ (push, validate, quota, bot info, retry keys).
"""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text

SLACK_PATH = "/services/TPRETEND/BPRETEND/pretend-slack-0001"
LINE_TOKEN = "pretend-line-token-0001"  # noqa: S105 - nothing here is real
LINE_TO = "U" + "0123456789abcdef" * 2
WEBHOOK_PATH = "/hooks/pretend-webhook-0001"
MAX_TEXT = 5000
"""Characters of one LINE text message."""
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{4}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Message:
    """What arrived, and where."""

    channel: str
    text: str
    at: datetime

    @property
    def code(self) -> str:
        """The last word of four capital letters; empty where there is none."""
        return next(iter(reversed(_CODE.findall(self.text))), "")


class Slack:
    """One incoming webhook."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.lost = False
        """Whether it accepts messages and shows them to nobody."""
        self.service = Service("slack", self._answer)

    @property
    def url(self) -> str:
        """The webhook's address, which is its secret."""
        return self.service.url + SLACK_PATH

    def _answer(self, request: Request) -> Reply:
        if request.path != SLACK_PATH:
            return as_text("no_service", 404)
        if request.method != "POST":
            return as_text("invalid_payload", 400)
        try:
            text = request.json()["text"]
        except (json.JSONDecodeError, KeyError, TypeError):
            return as_text("invalid_payload", 400)
        if not self.lost:
            self.messages.append(Message("Slack", str(text), request.at))
        return as_text("ok")


class Line:
    """One channel with one friend."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.token = LINE_TOKEN
        self.to = LINE_TO
        self.quota = 200
        self.used = 12
        self.lost = False
        self.basic_id = "@pretend-production"
        self._retried: dict[str, str] = {}
        self.service = Service("line", self._answer)

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _line_error(401, "Authentication failed. Confirm that the access token is valid.")
        match request.method, request.path:
            case "GET", "/v2/bot/info":
                return as_json(
                    {
                        "userId": "U" + "f" * 32,
                        "basicId": self.basic_id,
                        "displayName": "Ultra AutoTrade (pretend)",
                        "chatMode": "bot",
                        "markAsReadMode": "manual",
                    }
                )
            case "GET", "/v2/bot/message/quota":
                return as_json({"type": "limited", "value": self.quota})
            case "GET", "/v2/bot/message/quota/consumption":
                return as_json({"totalUsage": self.used})
            case "POST", "/v2/bot/message/validate/push":
                return self._valid(request) or as_json({})
            case "POST", "/v2/bot/message/push":
                return self._valid(request) or self._push(request)
        return _line_error(404, "Not found")

    @staticmethod
    def _valid(request: Request) -> Reply | None:
        """None where its messages are well formed."""
        try:
            messages = request.json()["messages"]
            good = 1 <= len(messages) <= 5 and all(
                m["type"] == "text" and 1 <= len(m["text"]) <= MAX_TEXT for m in messages
            )
        except (json.JSONDecodeError, KeyError, TypeError):
            good = False
        return None if good else _line_error(400, "The request body has 1 error(s)")

    def _push(self, request: Request) -> Reply:
        body = request.json()
        key = request.headers.get("x-line-retry-key", "")
        if key and not _is_uuid(key):
            return _line_error(400, "The X-Line-Retry-Key header is invalid")
        if key in self._retried:
            return as_json(
                {
                    "message": "The retry key is already accepted",
                    "sentMessages": [{"id": self._retried[key]}],
                },
                409,
            )
        if body.get("to") != self.to:
            return _line_error(400, "Failed to send messages")
        if self.used >= self.quota:
            return _line_error(429, "You have reached your monthly limit.")
        number = f"{int(request.at.timestamp() * 1000)}"
        if key:
            self._retried[key] = number
        self.used += len(body["messages"])
        if not self.lost:
            self.messages += [Message("LINE", m["text"], request.at) for m in body["messages"]]
        return as_json({"sentMessages": [{"id": number, "quoteToken": "pretend"}]})


class Webhook:
    """An address of the team's own that shows what it gets."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.lost = False
        self.service = Service("webhook", self._answer)

    @property
    def url(self) -> str:
        """Its address, which is its secret."""
        return self.service.url + WEBHOOK_PATH

    def _answer(self, request: Request) -> Reply:
        if request.path != WEBHOOK_PATH:
            return as_json({"error": "not found"}, 404)
        if request.method != "POST":
            return as_json({"error": "POST only"}, 405)
        if not self.lost:
            self.messages.append(Message("Webhook", _text_of(request), request.at))
        return Reply(204)


def _text_of(request: Request) -> str:
    """What a person would read of a body: the text in it, or all of it."""
    raw = request.body.decode(errors="replace")
    try:
        body: Any = json.loads(raw)
    except json.JSONDecodeError:
        return raw
    return str(body["text"]) if isinstance(body, dict) and "text" in body else raw


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _line_error(status: int, message: str) -> Reply:
    return as_json({"message": message}, status)
