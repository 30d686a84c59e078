"""What a Notion flow is told, what it sees, and its reasons in words."""

import re
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Words
from ultra_checklist.probes.base import Observation, Options
from ultra_checklist.probes.messages import TROUBLES

MARGIN: Final = 30.0
"""Seconds beyond the wait that asking Notion, making the record and cleaning up may take."""
WORDS: Final = {
    **TROUBLES,
    "unauthorized": Words(en="the token is not valid", ja="トークンが無効です"),
    "not-allowed": Words(en="the integration may not do that", ja="インテグレーションに権限がありません"),
    "not-found": Words(
        en="it is not there, or not shared with the integration",
        ja="存在しないか、インテグレーションに共有されていません",
    ),
    "rate-limited": Words(en="too many requests", ja="リクエスト数の上限に達しました"),
    "server-error": Words(en="it is in trouble", ja="障害が発生しています"),
    "invalid": Words(en="the request does not fit", ja="リクエストが不正です"),
    "conflict": Words(en="somebody changed it at the same time", ja="同時に変更されました"),
    "refused": Words(en="it refuses the request", ja="リクエストが拒否されました"),
    "redirect": Words(en="it redirects", ja="リダイレクトされました"),
    "not-json": Words(en="the answer is no JSON", ja="応答が JSON ではありません"),
    "no-count": Words(en="there is no number and no list at that path", ja="指定のパスに件数も一覧もありません"),
    "record-gone": Words(
        en="somebody put the test record into the trash meanwhile", ja="テストレコードが途中でゴミ箱に移されました"
    ),
    "cut-short": Words(en="the look was cut short", ja="確認が中断されました"),
}
"""What each reason is in words."""


class NotionFlowOptions(Options):
    """Where the record is made, and what must come of it."""

    timeout: float = Field(default=120.0, gt=0, le=3600, description="Seconds after which the answer is unknown.")
    token: SecretStr = Field(description="Token of an integration that may write there, from a secret variable.")
    data_source: str = Field(description="Id of the safe data source, in which nothing that is traded stands.")
    base_url: str = Field(default="https://api.notion.com", description="Another address of Notion's API.")
    title_property: str = Field(default="", description="The title's name.  Default: the data source tells it.")
    marker: str = Field(
        default="[release test]",
        min_length=3,
        max_length=100,
        description="The title of every test record begins so.",
    )
    values: dict[str, str | bool | float] = Field(
        default_factory=dict, description="More properties that the record is made with, such as {Status: New}."
    )
    property: str = Field(default="", description="The select, status or checkbox that the backend sets.")
    value: str | bool | None = Field(default=None, description="What it must become.")
    effect_url: str = Field(
        default="",
        description="Instead: an address (GET) whose JSON must name the record's id; {record} stands for the id.",
    )
    within: float = Field(default=60.0, gt=0, le=1800, description="Seconds in which that must be seen.")
    every: float = Field(default=2.0, ge=0.05, le=60, description="Seconds between looks.")
    trades_url: str = Field(
        default="", description="An address (GET) of all trades: their count must stay the same."
    )
    trades_path: str = Field(
        default="", description="Dotted path to the count, or to the list.  Default: the whole answer."
    )
    quiet: float = Field(
        default=5.0, ge=0, le=600, description="Seconds after the effect in which none may follow."
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers for these two addresses; they are never recorded."
    )

    @field_validator("data_source")
    @classmethod
    def _an_id(cls, value: str) -> str:
        if re.fullmatch(r"[0-9a-f]{32}", value.replace("-", "").lower()) is None:
            raise WrongValue(
                "it is no id: 32 hexadecimal digits, as in the data source's link",
                "ID ではありません（データソースのリンクにある 16 進数 32 桁）",
            )
        return value

    @field_validator("base_url", "effect_url", "trades_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
        except ValueError:
            raise WrongValue(
                "it is no http:// or https:// address", "http:// または https:// のアドレスではありません"
            ) from None
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc):
            raise WrongValue(
                "it is no plain http:// or https:// address",
                "単純な http:// または https:// のアドレスではありません",
            )
        return value

    @model_validator(mode="after")
    def _asserts_something(self) -> Self:
        if bool(self.property) == bool(self.effect_url):
            raise WrongValue(
                "say what to wait for: either property and value, or effect_url",
                "何を待つかを、property と value、または effect_url のどちらかで指定してください",
            )
        if bool(self.property) != (self.value is not None):
            raise WrongValue("property and value belong together", "property と value は一緒に指定します")
        if self.property and self.values.get(self.property) == self.value:
            raise WrongValue(
                "the record would have the awaited value from the start",
                "レコードが最初から待つべき値を持っています",
            )
        if self.timeout < self.within + self.quiet + MARGIN:
            raise WrongValue(
                f"timeout must be {MARGIN:g} s longer than within and quiet together",
                f"timeout は within と quiet の合計より {MARGIN:g} 秒以上長くしてください",
            )
        return self


class FlowSeen(Observation):
    """What became of one test record."""

    title: str
    record: str = ""
    """Its id in Notion; empty: none was made, or it is not known."""
    found: bool = False
    """It was there already, from an earlier run for the same tick."""
    trouble: str = ""
    """Why there is none."""
    said: str = ""
    """Notion's words of that."""
    unsure: bool = False
    """It may have been made all the same."""
    from_start: bool = False
    """It had the awaited value as it was made."""
    effect: bool | None = None
    """None: the last look could not see it, for the reason in ``looked``."""
    looked: str = ""
    value: str = ""
    """What the property was at the last look."""
    seconds: float | None = None
    """From the record's making to the effect."""
    trades_before: int | None = None
    trades_after: int | None = None
    trades_same: bool = True
    """False: the count is of a list, and others stand in it."""
    trades_trouble: str = ""
    cleaned: bool | None = None
    """None: that is not known, or there was nothing to clean up."""
    cleaning: str = ""
    """Why it is not in the trash."""
    older: int = 0
    """Records of earlier ticks that were put into the trash as well."""


def why(reason: str) -> Words:
    """A reason in words."""
    return WORDS.get(reason, WORDS["cut-short"])
