"""Notion's error bodies: one exception that the application turns into an answer."""

import json
import uuid
from typing import Any, Final

INTEGRATION_ID: Final = "00000000-0000-4000-8000-0000000000b0"
INTEGRATION_NAME: Final = "Ultra Checklist"


class ApiError(Exception):
    """An answer that is an error; ``additional_data`` is left out of the body when empty.

    ``retry_after`` is the header of that name, in seconds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        additional_data: dict[str, Any] | None = None,
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.message = message
        self.additional_data = additional_data or {}

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer, with a fresh request id."""
        answer: dict[str, Any] = {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
        }
        if self.additional_data:
            answer["additional_data"] = self.additional_data
        answer["request_id"] = str(uuid.uuid4())
        return answer


def invalid(message: str) -> ApiError:
    """400 ``validation_error`` with this text."""
    return ApiError(400, "validation_error", message)


def failed(path: str, expectation: str, value: Any) -> ApiError:
    """400 in the words of Notion's validator: what ``path`` should be, and what it was instead."""
    return invalid(f"{path.partition('.')[0]} failed validation: {path} {expectation}, instead was {show(value)}.")


def not_found(kind: str, identifier: str) -> ApiError:
    """404 for an object that is missing or not shared; ``kind`` is the word Notion uses for it."""
    hint = (
        "Make sure your integration has capabilities to read user information. With those capabilities, "
        "only members and guests in the integration's workspace are visible."
        if kind == "user"
        else f'Make sure the relevant pages and databases are shared with your integration "{INTEGRATION_NAME}".'
    )
    return ApiError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {identifier}. {hint}",
        {"integration_id": INTEGRATION_ID},
    )


class _Missing:
    """Stands for JavaScript's ``undefined`` in messages."""


MISSING: Final = _Missing()


def show(value: Any) -> str:
    """A value as Notion's validator prints it: JSON between backticks."""
    if value is MISSING:
        return "`undefined`"
    return f"`{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}`"
