"""Endings: the journal is sealed, the page gets its record, the rows stop living. Exactly once, resumable.

Every step that writes is in the journal when it is done; a run after a crash goes on at the next one.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ultra_checklist import recordpage, rollback
from ultra_checklist.announce import HEAD
from ultra_checklist.apply import rows_of
from ultra_checklist.bench import Bench
from ultra_checklist.bundle import FILE, build
from ultra_checklist.errors import NotionError, NotionNotFound, RefusedError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.keys import Signer, load_signer
from ultra_checklist.model import Ending
from ultra_checklist.notion.rows import Row, check_properties, minute, parse_row, plain
from ultra_checklist.notion.schema import RESULT_WORDS
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.release import Release
from ultra_checklist.situations import NO_ROW
from ultra_checklist.standing import ReleasePage, count, may_close
from ultra_checklist.states import State
from ultra_checklist.uploads import Uploaded, Uploads, property_value
from ultra_checklist.words import Words


class Closer:
    """Ends one release."""

    def __init__(self, bench: Bench, release: Release, reconciler: Reconciler, home: Path) -> None:
        self._bench = bench
        self._release = release
        self._reconciler = reconciler
        self._uploads = Uploads(bench, release, home, reconciler.redact)
        self.problems: list[Words] = []
        """What could not be written in Notion, in words."""

    async def close(self, ending: Ending, reason: str, *, anyway: bool = False) -> bool:
        """Seal and finish.

        For a completion everything that still holds is proved once more first; for a rollback what speaks of
        the running commit, against the last good one.

        Returns False when that last look found something open. Raises RollbackFails where a rollback has not
        brought back what it must, unless it is to end so ``anyway``; SettingsError when the signing key cannot
        be used.
        """
        self._signer()
        states = await self._last_look() if ending is Ending.COMPLETE else await self._reconciler.run({})
        if ending is Ending.COMPLETE and (
            self._reconciler.unanswered or not may_close(states, self._release.manifest)
        ):
            return False
        proved = await self._rolled_back() if ending is Ending.ROLLED_BACK else []
        failing = rollback.failing(proved)
        if failing and not anyway:
            raise rollback.RollbackFails(self._release.manifest.key, failing, proved[0]["commit"])
        self._release.record("sealed", self._summary(ending, reason, states) | {"rollback": proved})
        await self.finish()
        return True

    async def finish(self) -> None:
        """Do the steps of the ending that are not done yet."""
        sealed = self._release.history.sealed
        if sealed is None:
            raise RefusedError(_NOT_SEALED, remedy="ultra-checklist close VERSION --as ...")
        await self._step("bundle", self._bundle)
        await self._still_fresh()
        uploads = await self._step("uploads", self._upload)
        await self._step("record", lambda: self._append(sealed, uploads))
        await self._step("rows", self._end_rows)
        await self._step("page", lambda: self._end_page(sealed, uploads))
        # Who is to be told is settled with the end itself; telling them comes after it.
        self._release.record("closed", {"ending": sealed["ending"], "hooks": list(self._bench.hooks.names)})
        self._release.mirror.save()

    def _signer(self) -> Signer | None:
        """Who signs the bundle. Raises SettingsError for a key that cannot be used: nothing is sealed then."""
        path = self._bench.signing_key
        return load_signer(path) if path is not None else None

    async def _bundle(self) -> dict[str, Any]:
        """Keep the signed bundle in the release's folder."""
        release = self._release
        built = build(release, EvidenceStore(release.shelf.root.parent), self._signer(), release.folder / FILE)
        return {"sha256": built.sha256, "size": built.size, "keyid": built.keyid}

    async def _rolled_back(self) -> list[dict[str, Any]]:
        """What speaks of the running commit, proved against the last good one."""
        items, commit = rollback.named(self._release.manifest), self._release.last_good()
        if not commit:
            return rollback.untold(items)
        found = await self._reconciler.prove_against(items, commit)
        return [rollback.told(item, commit, lines) for item, lines in found.items()]

    async def _last_look(self) -> Mapping[str, State]:
        """Prove once more what holds throughout, and show the outcome."""
        manifest, history = self._release.manifest, self._release.history
        throughout = [
            item for item in manifest.items
            if item.probes and not item.until_deploy and history.check(item.id).proof is not None
        ]  # fmt: skip
        await self._reconciler.prove_all(throughout)
        return await self._reconciler.run({})

    def _summary(self, ending: Ending, reason: str, states: Mapping[str, State]) -> dict[str, Any]:
        view, release = self._reconciler.view(), self._release
        lang = self._bench.workspace.lang
        first = min((c.tick.at for c in view.history.checks.values() if c.tick is not None), default=None)
        return {
            "ending": ending.value,
            "reason": self._reconciler.redact(reason),
            "commit": release.manifest.commit,
            "operators": [person.model_dump() for person in view.history.people],
            "started": (first or release.manifest.created).isoformat(timespec="seconds"),
            "ended": view.now.isoformat(timespec="seconds"),
            "host": release.manifest.machine.name,
            "made_of": count(view, states).line(lang),
            "journal": release.journal.head,
            "table": [self._table_row(item_id, state) for item_id, state in states.items()],
        }

    def _table_row(self, item_id: str, state: State) -> list[str]:
        release, lang = self._release, self._bench.workspace.lang
        item = release.manifest.template.item(item_id)
        check, row = release.history.check(item_id), release.mirror.rows.get(item_id, NO_ROW)
        section = release.manifest.template.section_of(item) if item is not None else None
        number = (
            f"{section.number}.{section.items.index(item) + 1}" if section is not None and item is not None else ""
        )
        by = check.tick.by if check.tick is not None else check.choosing.by if check.choosing is not None else None
        time = check.proof.at if check.proof is not None else check.tick.at if check.tick is not None else None
        result = RESULT_WORDS[state.result].say(lang) if state.result is not None else "-"
        return [
            number,
            row.title or (item.title if item is not None else item_id),
            result,
            (by.name or by.id) if by is not None else "-",
            release.clock(time),
            row.why,
        ]

    async def _step(self, name: str, work: Any) -> Any:
        steps = self._release.history.steps
        if name not in steps:
            result = await work()
            # Whoever looks for changes after the end must know what the end looked like.
            self._release.mirror.save()
            self._release.record("step", {"step": name, "result": result})
        return self._release.history.steps[name]

    async def _upload(self) -> list[Uploaded]:
        return await self._uploads.run()

    async def _still_fresh(self) -> None:
        """Forget uploads of an earlier run that Notion has dropped, because nothing came to refer to them."""
        steps = self._release.history.steps
        made = steps.get("uploads")
        if made is None or "record" in steps or self._uploads.are_fresh(made):
            return
        try:
            there = await self._written()
        except NotionError as error:
            if not error.permanent:
                raise
            there = True
        if not there:
            del steps["uploads"]

    async def _append(self, sealed: Mapping[str, Any], files: list[Uploaded]) -> dict[str, str]:
        """Append the record to the page, unless an earlier run did so before it was killed.

        Returns the id of the line about the hooks, or what is ``missing`` because the page is gone.
        """
        lang, page = self._bench.workspace.lang, self._release.manifest.page_id
        hooks = self._bench.hooks.names
        told = HEAD.say(lang) + ", ".join(hooks) if hooks else ""
        try:
            if await self._written():
                return {"hooks": ""}
            children = recordpage.body(sealed, files, told, lang)
            answer = await self._bench.notion.create(f"blocks/{page}/children", {"children": children})
        except NotionError as error:
            return {"missing": await self._gone(error)}
        made = answer.get("results") or [{}]
        return {"hooks": str(made[-1].get("id") or "") if hooks else ""}

    async def _written(self) -> bool:
        """Whether the page has its record."""
        title = recordpage.TITLE
        async for child in self._bench.notion.children(self._release.manifest.page_id):
            if child["type"] == "heading_2" and plain(child["heading_2"]["rich_text"]) in (title.en, title.ja):
                return True
        return False

    async def _gone(self, error: NotionError) -> str:
        """Why the page cannot be written: it is in the trash, or not there any more. Raises any other error."""
        if not error.permanent or error.status == 401:
            raise error
        try:
            page = await self._bench.notion.get(f"pages/{self._release.manifest.page_id}")
            if not page["in_trash"]:
                raise error
        except NotionNotFound:
            pass
        told = _GONE.filled(key=self._release.manifest.key, path=str(self._release.journal.path))
        if told not in self.problems:
            self.problems.append(told)
        return error.message.say(self._bench.workspace.lang)[:300]

    async def _end_rows(self) -> int:
        """Let all rows stop living, copies too, and those that somebody has made to point elsewhere."""
        release, bench = self._release, self._bench
        rows = {row.page_id: row for row in release.mirror.rows.values()}
        manifest = release.manifest
        for row in await rows_of(bench.notion, bench.workspace, manifest.page_id, manifest.key):
            rows.setdefault(row.page_id, row)
        items = {page_id: item for item, page_id in manifest.rows.items()}
        ended = 0
        for row in rows.values():
            if not row.live or row.in_trash:
                continue
            answer = await self._end_row(row)
            if answer is not None:
                ended += 1
                if row.page_id in items:
                    release.mirror.see(items[row.page_id], answer)
        return ended

    async def _end_row(self, row: Row) -> Row | None:
        body = {"properties": check_properties({"live": False}, self._bench.workspace)}
        try:
            answer = await self._bench.notion.patch(f"pages/{row.page_id}", body)
        except NotionNotFound:
            return None
        except NotionError as error:
            if error.status == 400:
                page = await self._bench.notion.get(f"pages/{row.page_id}")
                if page["in_trash"] or page["parent"].get("data_source_id") != self._bench.workspace.checks:
                    # Taken away since everything was compared: nobody sees it live.
                    return None
            raise
        self._bench.written += 1
        return self._reconciler.clean(parse_row(answer, self._bench.workspace))

    async def _end_page(self, sealed: Mapping[str, Any], files: list[Uploaded]) -> dict[str, str]:
        page = ReleasePage(self._bench, self._release)
        values = {
            "status": recordpage.STATUS_OF[Ending(sealed["ending"])].value,
            "commit": sealed["commit"],
            "operator": tuple(person["id"] for person in sealed["operators"])[:100],
            "started": minute(datetime.fromisoformat(sealed["started"])),
            "ended": minute(datetime.fromisoformat(sealed["ended"])),
            "made_of": sealed["made_of"],
            "last_look": minute(self._bench.clock()),
            "files": property_value(files),
        }
        try:
            await page.write(values)
            await self._bench.notion.patch(f"pages/{self._release.manifest.page_id}", {"is_locked": True})
        except NotionError as error:
            return {"missing": await self._gone(error)}
        return {}


_NOT_SEALED = Words(en="the release is not sealed", ja="リリースが封印されていません")
_GONE = Words(
    en="{key}: its page is in the trash or gone, so the record is not on it; all of it stays in {path}",
    ja="{key}: ページがゴミ箱にあるか削除されたため、記録を書き込めません。内容はすべて {path} にあります",
)
