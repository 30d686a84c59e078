"""Endings: the journal is sealed, the page gets its record, the rows stop living. Exactly once, resumable.

Every step that writes is in the journal when it is done; a run after a crash goes on at the next one.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ultra_checklist.apply import rows_of
from ultra_checklist.bundle import FILE, build
from ultra_checklist.errors import NotionError, NotionNotFound, RefusedError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.keys import Signer, load_signer
from ultra_checklist.model import Ending, Status, Words
from ultra_checklist.notion import blocks
from ultra_checklist.notion.rows import Row, check_properties, minute, parse_row
from ultra_checklist.notion.schema import ENDING_WORDS, RESULT_WORDS, STATUS_WORDS
from ultra_checklist.reconcile import Bench, Reconciler
from ultra_checklist.release import Release
from ultra_checklist.situations import NO_ROW
from ultra_checklist.standing import ReleasePage, deciders, may_close
from ultra_checklist.states import State
from ultra_checklist.tally import tally

MAX_LOG = 4 << 20
"""Bytes kept of a log that is uploaded: its newest part."""

_RECORD = Words(en="Record of the release", ja="リリース記録")
_COLUMNS = (
    Words(en="#", ja="#"),
    Words(en="Check", ja="項目"),
    Words(en="Result", ja="結果"),
    Words(en="Operator", ja="担当者"),
    Words(en="Time", ja="時刻"),
    Words(en="Why", ja="理由"),
)
_FACTS = (
    ("ending", Words(en="Ending", ja="終了")),
    ("reason", Words(en="Reason", ja="理由")),
    ("commit", Words(en="Commit", ja="コミット")),
    ("operators", Words(en="Operators", ja="担当者")),
    ("started", Words(en="Started", ja="開始")),
    ("ended", Words(en="Ended", ja="終了時刻")),
    ("host", Words(en="Host", ja="ホスト")),
    ("made_of", Words(en="Made of", ja="内訳")),
    ("journal", Words(en="Journal head", ja="ジャーナル先頭ダイジェスト")),
)
_STATUS = {
    Ending.COMPLETE: Status.COMPLETE,
    Ending.ROLLED_BACK: Status.ROLLED_BACK,
    Ending.ABORTED: Status.ABORTED,
    Ending.SUPERSEDED: Status.SUPERSEDED,
}


class Closer:
    """Ends one release."""

    def __init__(self, bench: Bench, release: Release, reconciler: Reconciler, home: Path) -> None:
        self._bench = bench
        self._release = release
        self._reconciler = reconciler
        self._home = home

    async def close(self, ending: Ending, reason: str) -> bool:
        """Seal and finish. For a completion everything that still holds is proved once more first.

        Returns False when that last look found something open. Raises RefusedError when a completion is
        asked for while checks are open, SettingsError when the signing key cannot be used.
        """
        self._signer()
        states = await self._last_look() if ending is Ending.COMPLETE else await self._reconciler.run({})
        if ending is Ending.COMPLETE and not may_close(states, self._release.manifest):
            return False
        self._release.record("sealed", self._summary(ending, reason, states))
        await self.finish()
        return True

    async def finish(self) -> None:
        """Do the steps of the ending that are not done yet."""
        sealed = self._release.history.sealed
        if sealed is None:
            raise RefusedError("the release is not sealed", remedy="ultra-checklist close VERSION --as ...")
        await self._step("bundle", self._bundle)
        uploads = await self._step("uploads", self._upload)
        await self._step("record", lambda: self._append(sealed, uploads))
        await self._step("rows", self._end_rows)
        await self._step("page", lambda: self._end_page(sealed, uploads))
        self._release.record("closed", {"ending": sealed["ending"]})
        self._release.mirror.save()

    def _signer(self) -> Signer | None:
        """Who signs the bundle. Raises SettingsError for a key that cannot be used: nothing is sealed then."""
        path = self._bench.signing_key
        return load_signer(path) if path is not None else None

    async def _bundle(self) -> dict[str, Any]:
        """Keep the signed bundle in the release's folder."""
        release = self._release
        built = build(release, EvidenceStore(self._home), self._signer(), release.folder / FILE)
        return {"sha256": built.sha256, "size": built.size, "keyid": built.keyid}

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
        counted = tally(release.manifest, states, view.rows, deciders(view, states))
        return {
            "ending": ending.value,
            "reason": reason,
            "commit": release.manifest.commit,
            "operators": [person.model_dump() for person in view.history.people],
            "started": (first or release.manifest.created).isoformat(timespec="seconds"),
            "ended": view.now.isoformat(timespec="seconds"),
            "host": release.manifest.machine.name,
            "made_of": counted.line(lang),
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

    async def _upload(self) -> list[dict[str, str]]:
        """Upload the journal, the record as JSON, and the backend's log; returns names and upload ids."""
        release, limit = self._release, min(MAX_LOG, self._bench.workspace.max_upload)
        version = release.manifest.version
        files = {
            f"{version}.journal.log.txt": self._journal_text().encode(),
            f"{version}.record.json": json.dumps(
                dict(release.history.sealed or {}), ensure_ascii=False, indent=1
            ).encode(),
        }
        log = self._backend_log()
        if log:
            files[f"{version}.backend.log.txt"] = log
        made = []
        for name, content in files.items():
            kind = "application/json" if name.endswith(".json") else "text/plain"
            made.append({"name": name, "id": await self._bench.notion.upload(name, content[-limit:], kind)})
        return made

    def _journal_text(self) -> str:
        lines = []
        for entry in self._release.journal.entries():
            time = entry.time.astimezone(self._release.zone).isoformat(timespec="seconds")
            data = json.dumps(dict(entry.data), ensure_ascii=False, sort_keys=True)
            lines.append(f"{time} {entry.seq} {entry.kind} {data} {entry.hash[:16]}")
        return "\n".join(lines) + "\n"

    def _backend_log(self) -> bytes:
        """The newest part of the backend's log, redacted; empty where none is named or readable."""
        variables = self._release.manifest.variables
        (name, folder), _ = variables.fill(["${BACKEND_LOG}", "${DEPLOY_DIR}"])
        path = Path(folder) / name
        try:
            text = path.read_bytes()[-MAX_LOG:].decode(errors="replace") if name else ""
        except OSError:
            return b""
        return self._reconciler.redact(text).encode()

    async def _append(self, sealed: Mapping[str, Any], uploads: list[dict[str, str]]) -> bool:
        """Append the record to the page, unless an earlier run did so before it was killed."""
        lang, page = self._bench.workspace.lang, self._release.manifest.page_id
        title = _RECORD.say(lang)
        async for child in self._bench.notion.children(page):
            if child["type"] == "heading_2" and title in str(child["heading_2"]):
                return False
        facts = [f"{words.say(lang)}: {_fact(code, sealed, lang)}" for code, words in _FACTS if sealed.get(code)]
        body = [blocks.heading(title), blocks.paragraph("\n".join(facts))]
        body += blocks.table([words.say(lang) for words in _COLUMNS], sealed["table"])
        body += [blocks.file_block(file["id"], file["name"]) for file in uploads]
        await self._bench.notion.create(f"blocks/{page}/children", {"children": body})
        return True

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
        return parse_row(answer, self._bench.workspace)

    async def _end_page(self, sealed: Mapping[str, Any], uploads: list[dict[str, str]]) -> bool:
        page = ReleasePage(self._bench, self._release)
        await page.write(
            {
                "status": _STATUS[Ending(sealed["ending"])].value,
                "commit": sealed["commit"],
                "operator": tuple(person["id"] for person in sealed["operators"])[:100],
                "started": minute(datetime.fromisoformat(sealed["started"])),
                "ended": minute(datetime.fromisoformat(sealed["ended"])),
                "made_of": sealed["made_of"],
                "last_look": minute(self._bench.clock()),
                "files": [
                    {"type": "file_upload", "file_upload": {"id": file["id"]}, "name": file["name"]}
                    for file in uploads
                ],
            }
        )
        await self._bench.notion.patch(f"pages/{self._release.manifest.page_id}", {"is_locked": True})
        return True


def _fact(code: str, sealed: Mapping[str, Any], lang: Any) -> str:
    value = sealed[code]
    if code == "operators":
        return ", ".join(person["name"] or person["id"] for person in value)
    if code == "ending":
        ending = Ending(value)
        return (ENDING_WORDS.get(ending) or STATUS_WORDS[_STATUS[ending]]).say(lang)
    return str(value)
