"""Brings one release's rows in line with the truth: intake, proof, states, writes, and again if people moved.

Level-based: it compares what is with what should be, so twice, late or after a crash is the same as once.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from ultra_checklist.bench import Bench, Change
from ultra_checklist.duty import due, next_look
from ultra_checklist.intake import Line, answers_seen, deploy_line, deploy_pending, is_taken_in, lines_of
from ultra_checklist.model import Item
from ultra_checklist.notion.rows import Row, check_properties, parse_row
from ultra_checklist.plan import RowPlanner, Values, difference
from ultra_checklist.prove import Prover
from ultra_checklist.record import ProofLine
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release
from ultra_checklist.situations import View, evaluate
from ultra_checklist.states import Place, State

ROUNDS = 5
"""How often a pass looks again because people moved while it wrote."""


class Reconciler:
    """One release in one pass."""

    def __init__(self, bench: Bench, release: Release, prover: Prover) -> None:
        self._bench = bench
        self._release = release
        self._prover = prover
        self.place = Place.HERE if release.manifest.machine.digest == bench.machine.digest else Place.WRONG_MACHINE
        self.unanswered: frozenset[str] = frozenset()
        """Items of which other machines had not answered when all were to be looked at once more."""
        self.unread: frozenset[str] = frozenset()
        """Items whose rows people have changed since they were taken in."""

    def view(self) -> View:
        """The release as the states are worked out from."""
        release = self._release
        return View(
            manifest=release.manifest,
            history=release.history,
            rows=release.mirror.rows,
            now=self._bench.clock(),
            place=self.place,
            out_of_reach=self._bench.carriers.is_out_of_reach,
            last_good=release.last_good,
        )

    async def run(self, rows: Mapping[str, Row]) -> dict[str, State]:
        """Take the rows in, prove what is due, write what differs; returns the states at the end."""
        states: dict[str, State] = {}
        for _ in range(ROUNDS):
            self._take(await self._fresh(rows))
            states = await self._prove()
            rows = await self._write(states)
            if not rows:
                break
        return states

    async def see(self, rows: Mapping[str, Row]) -> None:
        """Take in what is gone from rows that are about to be read again: a tick that comes back is a new one."""
        checks = self._release.history.check
        gone = {item: row for item, row in rows.items() if not row.done and checks(item).tick is not None}
        self._take(await self._fresh(gone, read=False))

    async def sample(self, seconds: float | None) -> None:
        """Let those probes look that do so every so often after a deploy; reads no row."""
        if self.place is not Place.HERE or self._release.history.sealed is not None:
            return
        items = self._release.manifest.items
        await self._prover.sample([item for item in items if not item.until_deploy], seconds)

    async def prove(self) -> dict[str, State]:
        """Look at what is due, without a word to Notion; what it should show stays to be written."""
        return await self._prove()

    async def prove_all(self, items: list[Item]) -> dict[str, State]:
        """Look at these items now, due or not."""
        await self._prover.prove(items)
        self.unanswered = self._prover.pending
        self._plan_looks(items)
        return await self._prove()

    async def prove_against(self, items: list[Item], commit: str) -> dict[str, list[ProofLine]]:
        """Look at these items as if ``commit`` were the release's; the journal takes nothing in."""
        return await self._prover.prove_against(items, commit)

    def redact(self, text: str) -> str:
        """Text without the secrets that this release's probes know of."""
        return self._prover.runner.redactor.text(text)

    def clean(self, row: Row) -> Row:
        """A row without secrets that somebody typed into its note, which goes into the mirror and the journal."""
        return without_secrets(row, self._prover.runner.redactor)

    async def _fresh(self, rows: Mapping[str, Row], *, read: bool = True) -> dict[str, Row]:
        """The rows without those that are older than what is known; where that is unclear, the page is read.

        Without ``read`` those are left out too.
        """
        mirror, history = self._release.mirror, self._release.history
        fresh: dict[str, Row] = {}
        for item, seen in rows.items():
            row = self.clean(seen)
            stale = mirror.is_stale(item, row)
            check, known = history.check(item), mirror.rows.get(item)
            taken = check.edited
            if known is None:
                # The mirror is gone: what was taken in may have been newer, or of another page.
                stale = None if row.edited <= taken else stale
            elif known.page_id == row.page_id and not stale and row.edited <= taken:
                # A process that was killed had perhaps taken in more than the mirror shows.
                behind = known.edited < taken or not is_taken_in(known, check)
                stale = (True if row.edited < taken else None) if behind else stale
            if stale is None and read:
                page = await self._bench.notion.get(f"pages/{row.page_id}")
                if page["parent"].get("data_source_id") != self._bench.workspace.checks:
                    # Somebody has moved it away since: the next comparison makes it anew.
                    mirror.compared = None
                    continue
                fresh[item] = self.clean(parse_row(page, self._bench.workspace))
            elif stale is False:
                fresh[item] = row
        return fresh

    def _take(self, rows: Mapping[str, Row]) -> None:
        mirror = self._release.mirror
        for item_id, seen in rows.items():
            mirror.see(item_id, seen)
        if self.place is not Place.HERE:
            return
        for item in self._release.manifest.items:
            row = rows.get(item.id)
            if row is None:
                continue
            ours = row.edited_by == self._bench.workspace.bot_id
            ours_now = [v for v in (mirror.written.get(item.id), mirror.tried.get(item.id)) if v is not None]
            by = self._bench.person_of(row)
            lines = lines_of(self.view(), item, row, by, ours_now, ours=ours, redact=self.redact)
            self._release.record_all(lines)

    async def _prove(self) -> dict[str, State]:
        """Run due probes until the states stand still: one check's proof may open another."""
        items = self._release.manifest.items
        done: set[str] = set()
        while True:
            view = self.view()
            if self.place is not Place.HERE:
                return evaluate(view)
            self._release.record_all(answers_seen(view, self._bench.person_of))
            states = evaluate(view)
            coming = deploy_pending(view, states)
            wanted = [
                item for item in due(items, states, self._release.mirror.looks, view.now) if item.id not in done
            ]
            if coming is not None:
                # The deploy has run by now: what was proved before it must not be looked at again.
                checks = view.history.checks
                wanted = [i for i in wanted if not (i.until_deploy and checks[i.id].definite is not None)]
            if wanted:
                await self._prover.prove(wanted)
                self._plan_looks(wanted)
                done |= {item.id for item in wanted}
                continue
            self._record_shown(states)
            if coming is None:
                return states
            kind, data = deploy_line(view, coming, self._bench.machine.name)
            self._release.record(kind, data)
            done = {item for item in done if not _of_after(self._release, item)}

    def _plan_looks(self, items: list[Item]) -> None:
        now = self._bench.clock()
        for item in (item for item in items if item.id not in self._prover.pending):
            check = self._release.history.check(item.id)
            self._release.mirror.looks[item.id] = next_look(item, check, self._release.history, now)

    def _record_shown(self, states: Mapping[str, State]) -> None:
        lines: list[Line] = []
        for item, state in states.items():
            shown = self._release.history.check(item).shown
            if (state.result, state.settled) != (shown.result, shown.settled):
                result = state.result.value if state.result is not None else ""
                lines.append(
                    ("shown", {"item": item, "result": result, "settled": state.settled, "why": state.why})
                )
        self._release.record_all(lines)

    async def _write(self, states: Mapping[str, State]) -> dict[str, Row]:
        """Write the rows that differ; returns those that people changed meanwhile."""
        mirror, bench = self._release.mirror, self._bench
        planner = RowPlanner(self.view(), states, bench.workspace.lang, bench.machine)
        jobs: list[tuple[Item, Row, Values, Values]] = []
        for item in self._release.manifest.items:
            row = mirror.rows.get(item.id)
            state = states[item.id]
            waits = state.rule == 3 or (bool(item.runs_on) and state.why == "not-looked-yet")
            if row is None or row.in_trash or (waits and state.result is None and not row.result):
                # Another worker's row, one that claims nothing, or one that others are asked for: left alone.
                continue
            wanted = planner.wanted(item, mirror.written.get(item.id))
            changes = difference(row, wanted)
            if self._release.page_in_trash:
                # Notion shows no relation to a page in the trash, and brings it back with the page.
                changes.pop("release", None)
            if changes:
                mirror.tried[item.id] = wanted
                jobs.append((item, row, wanted, changes))
            else:
                mirror.written[item.id] = wanted
                mirror.tried.pop(item.id, None)
        self._release.mirror.save()
        writes = (self._patch(row, changes) for _, row, _, changes in jobs)
        answers = await asyncio.gather(*writes, return_exceptions=True)
        moved: dict[str, Row] = {}
        for (item, row, wanted, changes), answer in zip(jobs, answers, strict=True):
            if isinstance(answer, BaseException):
                continue
            mirror.written[item.id] = wanted
            mirror.tried.pop(item.id, None)
            if answer.asked != row.asked or self._is_news(item, answer):
                moved[item.id] = answer
            else:
                mirror.see(item.id, answer)
            if "result" in changes or "why" in changes:
                bench.listener(Change(self._release.manifest.key, item, states[item.id], wanted["why"]))
        mirror.save()
        self.unread = frozenset(moved)
        # What did arrive is kept, then the pass fails; the next one writes the rest.
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return moved

    def _is_news(self, item: Item, row: Row) -> bool:
        """Whether the row says something that the journal does not know, be it that a killed process knew it."""
        return self.place is Place.HERE and not is_taken_in(row, self._release.history.check(item.id))

    async def _patch(self, row: Row, changes: Values) -> Row:
        body: dict[str, Any] = {}
        values = {code: value for code, value in changes.items() if code != "icon"}
        if values:
            body["properties"] = check_properties(values, self._bench.workspace)
        if "icon" in changes:
            body["icon"] = {"type": "emoji", "emoji": changes["icon"]}
        self._bench.written += 1
        answer = await self._bench.notion.patch(f"pages/{row.page_id}", body)
        return self.clean(parse_row(answer, self._bench.workspace))


def without_secrets(row: Row, redactor: Redactor, *columns: str) -> Row:
    """The same row with its note redacted, and other columns of text."""
    typed = {code: str(getattr(row, code)) for code in ("note", *columns)}
    safe = {code: redactor.text(text) for code, text in typed.items()}
    return row if safe == typed else row.model_copy(update=safe)


def _of_after(release: Release, item_id: str) -> bool:
    item = release.manifest.template.item(item_id)
    return item is not None and item.after_deploy
