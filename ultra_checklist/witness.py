"""What the page is told of gates and deploys as they happen, each with the journal's digest of that moment.

Whoever has seen the page is a witness: a journal that is rewritten later no longer holds that digest.
Everything is told once, also when Notion was away as it happened, or an answer was lost.
"""

from datetime import datetime

from ultra_checklist.bench import Bench
from ultra_checklist.history import News
from ultra_checklist.model import Lang, Words
from ultra_checklist.notion import blocks
from ultra_checklist.notion.client import READ_BACK_BLOCKS, Json
from ultra_checklist.notion.rows import plain
from ultra_checklist.release import Release

_GATE = Words(en="{time} gate {name}: open", ja="{time} ゲート {name}: 開")
_RUN = Words(en="{time} run {number} of {item}: exit {code}", ja="{time} {item} の実行 {number}: 終了コード {code}")
_UNGATED = Words(en="NOT GATED (break-glass: {why})", ja="ゲートなし（緊急: {why}）")
_HEAD = Words(en="journal line {seq}, {hash}", ja="ジャーナル {seq} 行目 {hash}")


class Witness:
    """Tells one release's page what is new."""

    def __init__(self, bench: Bench, release: Release) -> None:
        self._bench = bench
        self._release = release

    async def tell(self) -> int:
        """Append a line for each piece of news; returns how many there were."""
        told = 0
        for news in list(self._release.history.news):
            await self._append(self._text(news, self._bench.workspace.lang))
            self._release.record("told", {"seq": news.seq})
            told += 1
        return told

    async def _append(self, text: str) -> None:
        page, notion = self._release.manifest.page_id, self._bench.notion

        async def there() -> Json | None:
            async for child in notion.children(page):
                if child["type"] == "paragraph" and plain(child["paragraph"]["rich_text"]) == text:
                    return child
            return None

        # A process that was killed after its request and before its line in the journal has told it already.
        if await there() is None:
            self._bench.written += 1
            body = {"children": [blocks.paragraph(text)]}
            await notion.create_once(f"blocks/{page}/children", body, there, delays=READ_BACK_BLOCKS)

    def _text(self, news: News, lang: Lang) -> str:
        if news.kind == "gate":
            said = _GATE.say(lang, name=news.data["gate"])
        else:
            run = next(run for run in self._release.history.runs if run.number == news.data["number"])
            said = _RUN.say(lang, number=run.number, item=run.item, code=run.exit_code)
            if run.break_glass:
                said += ", " + _UNGATED.say(lang, why=run.break_glass)
        head = _HEAD.say(lang, seq=news.seq, hash=news.hash)
        return f"{said.replace('{time}', self._clock(news.time))} – {head}"[:1900]

    def _clock(self, time: datetime) -> str:
        return time.astimezone(self._release.zone).strftime("%Y-%m-%d %H:%M:%S")
