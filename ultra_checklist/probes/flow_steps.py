"""The steps of a Notion flow: look first, make the record, wait for its effect, count trades, clean up."""

import asyncio
from typing import Any, Final

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import digest
from ultra_checklist.probes.base import Context
from ultra_checklist.probes.flow_data import FlowSeen, NotionFlowOptions, why
from ultra_checklist.probes.messages import identity, occasion, sha256
from ultra_checklist.probes.notion_record import Json, Records, Reply, committed, member, read, written
from ultra_checklist.sending import ask, safe
from ultra_checklist.words import Words

CLEAN_UP: Final = 12.0
"""Seconds at the end that are kept for the last count and for cleaning up."""
HURRY: Final = 2.0
"""Seconds for cleaning up where the pass has no more time."""
ONE_LOOK: Final = 5.0
LARGEST: Final = 1 << 20
"""Bytes of the backend's answer."""


class Flow:
    """One run; ``known`` becomes the observation."""

    def __init__(self, options: NotionFlowOptions, context: Context) -> None:
        release = occasion(context)
        self._options, self._context = options, context
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + options.timeout
        self._records = Records(options.base_url, options.token.get_secret_value(), context.redactor)
        family = identity(context, options.data_source).replace(f"\n{context.tick}\n", "\n", 1)
        self._prefix = f"uc-{sha256(family)[:12]}-"
        self._key = f"{self._prefix}{context.tick}"
        self._title_property = options.title_property
        self._schema: dict[str, Json] = {}
        self._older: list[str] = []
        self._since = self._clock()
        self._trades: tuple[int, str] | None = None
        self.known: dict[str, Any] = {"title": f"{options.marker} {safe(release.version)} {self._key}"}

    @property
    def _wait_end(self) -> float:
        return self._end - CLEAN_UP - self._options.quiet

    def seen(self) -> FlowSeen:
        """The observation."""
        return FlowSeen.model_validate(self.known)

    async def prepare(self) -> None:
        """Look at all that must be known before something is made. Raises ProbeCannotTell: nothing was made."""
        until = self._wait_end - self._options.within
        if self._options.trades_url:
            found = await self._count(until)
            if isinstance(found, str):
                cause = why(found)
                raise _cannot(
                    "trades-unknown",
                    f"the trades cannot be counted: {cause.en}",
                    f"取引を数えられません: {cause.ja}",
                )
            self._trades = found
            self.known["trades_before"] = found[0]
        reply = await self._records.call("GET", f"data_sources/{self._options.data_source}", until=until)
        self._refuse(reply)
        properties = reply.data.get("properties")
        if not isinstance(properties, dict) or not all(isinstance(item, dict) for item in properties.values()):
            self._refuse(Reply(reason="unexpected-answer"))
        self._schema = properties or {}
        self._check_schema()
        reply, there = await self._find(until)
        self._refuse(reply)
        if self._key in there:
            self.known |= {"record": there.pop(self._key), "found": True}
        self._older = list(there.values())

    async def make(self) -> None:
        """Make the record, unless it is there; after an answer that tells nothing, look for it."""
        self._since = self._clock()
        if self.known.get("found"):
            return
        until = self._wait_end - self._options.within
        parent = {"type": "data_source_id", "data_source_id": self._options.data_source}
        body = {"parent": parent, "properties": self._properties()}
        # As long as no answer has come, it may have been made.
        self.known["unsure"] = True
        reply = await self._records.call("POST", "pages", body, until=until, repeat=False)
        record = str(reply.data.get("id") or "") if not reply.reason else committed(reply)
        if not record and not (reply.reason and reply.certain):
            record = await self._look_for()
        self.known["unsure"] = not record and not (reply.reason and reply.certain)
        if not record:
            self.known |= {"trouble": reply.reason or "unexpected-answer", "said": reply.said}
            return
        self.known["record"] = record
        self._since = self._clock()
        if not reply.reason and self._options.property:
            self.known["from_start"] = read(reply.data, self._options.property) == self._options.value

    async def wait(self) -> None:
        """Look again and again until the effect is there, or time is up."""
        if not self.known.get("record") or self.known.get("from_start"):
            return
        until = min(self._since + self._options.within, self._wait_end)
        while True:
            effect, looked = await self._look()
            self.known |= {"effect": effect, "looked": looked}
            now = self._clock()
            if effect:
                self.known["seconds"] = round(now - self._since, 1)
            if effect is False and until <= now < self._since + self._options.within:
                # So much time was lost before that less was left than the backend may take.
                self.known |= {"effect": None, "looked": "cut-short"}
            if effect or looked == "record-gone" or now >= until:
                return
            await asyncio.sleep(min(self._options.every, until - now))

    async def count_again(self) -> None:
        """Count the trades once more, some quiet seconds later."""
        if self._trades is None or not self.known.get("record"):
            return
        await asyncio.sleep(self._options.quiet)
        found = await self._count(self._clock() + ONE_LOOK)
        if isinstance(found, str):
            self.known["trades_trouble"] = found
        else:
            self.known |= {"trades_after": found[0], "trades_same": found[1] == self._trades[1]}

    def hurry(self) -> None:
        """There is no time left but a moment."""
        self._end = min(self._end, self._clock() + HURRY)

    async def clean_up(self) -> None:
        """Put the record into the trash, and what earlier ticks have left; how that went is in the observation."""
        if self.known.get("unsure"):
            _, there = await self._find(self._end)
            self.known["record"] = there.get(self._key, "")
        if self.known.get("record"):
            cleaned, cleaning = await self._records.trash(self.known["record"], until=self._end)
            self.known |= {"cleaned": cleaned, "cleaning": "" if cleaned else cleaning}
        for page in self._older:
            cleaned, _ = await self._records.trash(page, until=self._end)
            self.known["older"] = self.known.get("older", 0) + bool(cleaned)

    async def _find(self, until: float) -> tuple[Reply, dict[str, str]]:
        return await self._records.find(self._options.data_source, self._title_property, self._prefix, until=until)

    async def _look_for(self) -> str:
        """The record after a lost answer: Notion's index may lag behind what was written, by a minute."""
        until = min(self._clock() + self._options.within, self._wait_end)
        while True:
            _, there = await self._find(until)
            now = self._clock()
            if self._key in there or now >= until:
                return there.get(self._key, "")
            await asyncio.sleep(min(self._options.every, until - now))

    async def _look(self) -> tuple[bool | None, str]:
        until = self._clock() + ONE_LOOK
        if self._options.effect_url:
            return await self._named_by_backend(until)
        reply = await self._records.call("GET", f"pages/{self.known['record']}", until=until)
        if reply.reason:
            return None, reply.reason
        if reply.data.get("in_trash"):
            return None, "record-gone"
        value = read(reply.data, self._options.property)
        self.known["value"] = "" if value is None else str(value).lower() if isinstance(value, bool) else value
        return value == self._options.value, ""

    async def _named_by_backend(self, until: float) -> tuple[bool | None, str]:
        record = str(self.known["record"])
        found = await self._get(self._options.effect_url.replace("{record}", record), until)
        if found == "not-found" and "{record}" in self._options.effect_url:
            # Asked for this very record, the backend says that it does not know it (yet).
            return False, ""
        if isinstance(found, str):
            return None, found
        text = str(found[0]).replace("-", "").lower()
        return record.replace("-", "").lower() in text, ""

    async def _count(self, until: float) -> tuple[int, str] | str:
        """How many trades there are, with a digest of them; or why that cannot be told."""
        found = await self._get(self._options.trades_url, until)
        if isinstance(found, str):
            return found
        data = found[0]
        for name in filter(None, self._options.trades_path.split(".")):
            data = data.get(name) if isinstance(data, dict) else None
        if isinstance(data, list):
            return len(data), digest(data)
        return (data, "") if isinstance(data, int) and not isinstance(data, bool) else "no-count"

    async def _get(self, url: str, until: float) -> tuple[Any] | str:
        """The JSON at one of the backend's addresses, in a tuple; or why it cannot be read."""
        headers = {name: value.get_secret_value() for name, value in self._options.headers.items()}
        seconds = min(ONE_LOOK, until - self._clock())
        if seconds <= 0:
            return "timeout"
        answer = await ask("GET", url, headers=headers, seconds=seconds, limit=LARGEST)
        if answer.trouble:
            return answer.trouble
        if answer.status != 200:
            reasons = {401: "unauthorized", 403: "not-allowed", 404: "not-found", 429: "rate-limited"}
            kind = "server-error" if answer.status >= 500 else "redirect" if answer.status < 400 else "refused"
            return reasons.get(answer.status, kind)
        try:
            return (answer.json(),)
        except ValueError:
            return "not-json"

    def _refuse(self, reply: Reply) -> None:
        if reply.reason:
            cause, said = why(reply.reason), f" ({reply.said})" if reply.said else ""
            raise _cannot(reply.reason, f"Notion: {cause.en}{said}", f"Notion: {cause.ja}{said}")

    def _check_schema(self) -> None:
        options, kinds = self._options, {name: str(item.get("type")) for name, item in self._schema.items()}
        titles = [name for name, kind in kinds.items() if kind == "title"]
        self._title_property = options.title_property or (titles[0] if titles else "")
        if self._title_property not in titles:
            raise _property(self._title_property or "title", "is no title", "がタイトルではありません")
        if options.property and kinds.get(options.property) not in ("select", "status", "checkbox"):
            raise _property(
                options.property,
                "is no select, status or checkbox",
                "が選択・ステータス・チェックボックスではありません",
            )
        if options.property and (kinds[options.property] == "checkbox") != isinstance(options.value, bool):
            raise _property(options.property, "cannot have that value", "にその値は設定できません")
        if kinds.get(options.property) == "status":
            known = member(self._schema[options.property], "status", "options")
            if options.value not in [member(one, "name") for one in known or ()]:
                raise _property(
                    options.property, f"has no option {options.value}", f"に {options.value} がありません"
                )
        for name, value in options.values.items():
            if written(kinds.get(name, ""), value) is None:
                raise _property(name, "is not there, or cannot be written", "が存在しないか、書き込めません")

    def _properties(self) -> Json:
        title = {"title": [{"text": {"content": self.known["title"]}}]}
        more = {name: written(self._schema[name]["type"], value) for name, value in self._options.values.items()}
        return {**more, self._title_property: title}


def _property(name: str, en: str, ja: str) -> ProbeCannotTell:
    return _cannot(
        "bad-property", f"the data source's property {name} {en}", f"データソースのプロパティ {name} {ja}"
    )


def _cannot(reason: str, en: str, ja: str) -> ProbeCannotTell:
    return ProbeCannotTell(
        reason,
        f"nothing was made: {en}",
        f"テストレコードは作成していません: {ja}",
        remedy=Words(
            en="share the data source with the token's integration and check the options, then untick and tick",
            ja="データソースをインテグレーションに共有し、オプションを確認してから、チェックを付け直してください",
        ),
    )
