"""The turn of each release in a pass, once Notion has said what was changed.

Imported while Notion is asked: a pass needs it only then.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ultra_checklist.aftermath import Aftermath
from ultra_checklist.announce import Announcer, is_due
from ultra_checklist.asked import Asked, asked, may_try
from ultra_checklist.bench import Bench, Report
from ultra_checklist.compare import compare
from ultra_checklist.duty import is_quiet
from ultra_checklist.errors import NotionError, SettingsError
from ultra_checklist.intake import is_taken_in
from ultra_checklist.model import Ending, Result
from ultra_checklist.notion import schema
from ultra_checklist.notion.rows import Row, check_properties
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release
from ultra_checklist.rollback import RollbackFails
from ultra_checklist.roster import Roster
from ultra_checklist.situations import evaluate
from ultra_checklist.standing import ReleasePage, may_close
from ultra_checklist.states import Place, State
from ultra_checklist.why import say
from ultra_checklist.witness import Witness
from ultra_checklist.words import Words, joined

if TYPE_CHECKING:
    from ultra_checklist.close import Closer

COMPARE_EVERY = timedelta(minutes=15)
COMPARE_QUIET = timedelta(days=1)
"""The same while nobody has touched the release for an hour: what is altered then is found at the next tick."""
UNFINISHED_AFTER = timedelta(minutes=10)
"""Making a release may take that long; a page that is unfinished then was given up."""


class Turn:
    """The open releases of one pass, by their ``keys``, each in its turn; what is done goes into the ``report``."""

    def __init__(
        self,
        bench: Bench,
        home: Path,
        roster: Roster,
        keys: Sequence[str],
        report: Report,
        *,
        secrets: Iterable[str],
        close_after: float,
        only: str | None,
        seconds: float | None,
    ) -> None:
        self._bench = bench
        self._home = home
        self._roster = roster
        self._keys = keys
        self._report = report
        self._secrets = tuple(secrets)
        self._close_after = close_after
        self._only = only
        self._seconds = seconds
        self._shown: list[str] = []
        """Keys of the releases of this machine whose rows are as they should be."""

    async def sample(self) -> None:
        """Let probes look that do so every so often after a deploy, also while Notion is away."""
        seconds = None if self._seconds is None else self._seconds / 4
        begun = [one.key for one in self._roster.standings if one.deployed and one.key in self._keys]
        loaded = (self._roster.load(key) for key in begun)
        reconcilers = [Reconciler(self._bench, r, self._prover(r)) for r in loaded if r is not None]
        await asyncio.gather(*(reconciler.sample(seconds) for reconciler in reconcilers))

    async def take(self, changed: Mapping[str, Row]) -> tuple[str, ...]:
        """Work off what people have changed, release by release, and tell whoever is to be told.

        Returns the keys of those that are open still. Raises NotionError and UsageError as the pass does.
        """
        report, still_open = self._report, list[str]()
        refused: NotionError | None = None
        for key in self._keys:
            release = self._roster.load(key)
            if release is None:
                # Damaged since the pass began: the next one misses it and asks for all rows.
                still_open.append(key)
                continue
            try:
                await self._one(release, changed, report)
            except SettingsError as error:
                # A signing key that is missing ends no release without a signature, and holds up no other.
                told = joined((error.message, error.remedy), "; ")
                report.problems.append(joined((key, told), ": "))
            except NotionError as error:
                # One release that Notion refuses holds up no other; it is looked at again at the next pass.
                if not error.permanent or error.status == 401:
                    raise
                if error.status == 400:
                    await name_missing_columns(self._bench)
                refused = error
            self._bench.observer(release)
            if release.open:
                still_open.append(key)
        report.problems[:0] = [joined((e.message, e.remedy), "; ") for e in self._roster.damaged.values()]
        report.damaged = list(self._roster.damaged)
        report.problems += await self._announce()
        report.problems += await self._notify()
        if refused is not None:
            raise refused
        await self._strangers(changed.values())
        if self._only is None:
            report.problems += await Aftermath(self._bench, self._home, self._roster, self._redactor).look()
        return tuple(still_open)

    async def _one(self, release: Release, changed: Mapping[str, Row], report: Report) -> None:
        bench, manifest = self._bench, release.manifest
        if not manifest.page_id or len(manifest.rows) < len(manifest.items):
            if bench.clock() - manifest.created > UNFINISHED_AFTER:
                report.problems.append(_UNFINISHED.filled(key=manifest.key))
            return
        if release.history.sealed is not None:
            # From then on nothing is taken in; what is left of the ending is done.
            await self._finish(release, report)
            return
        own = {item: changed[page_id] for item, page_id in manifest.rows.items() if page_id in changed}
        rows = {item: row for item, row in own.items() if _is_news(release, item, row)}
        compared = self._must_compare(release, changed.values())
        reconciler = Reconciler(bench, release, self._prover(release))
        if compared:
            await reconciler.see(rows)
            rows = await compare(bench.notion, bench.workspace, release)
        try:
            states = await reconciler.run(rows)
        except NotionError as error:
            if not error.permanent or error.status == 401 or compared:
                raise
            # A row that Notion refuses to change was trashed or moved.
            states = await reconciler.run(await compare(bench.notion, bench.workspace, release))
        if release.page_in_trash:
            report.problems.append(_IN_TRASH.filled(key=manifest.key))
        else:
            await ReleasePage(bench, release).show(reconciler.view(), states)
            if reconciler.place is Place.HERE:
                await Witness(bench, release).tell()
            await self._maybe_close(release, reconciler, states, report)
        release.mirror.save()
        if reconciler.place is Place.HERE:
            self._shown.append(manifest.key)

    def _must_compare(self, release: Release, changed: Iterable[Row]) -> bool:
        """Whether all rows must be compared with the manifest now: by age, or because something is odd."""
        mirror, manifest, now = release.mirror, release.manifest, self._bench.clock()
        every = COMPARE_QUIET if is_quiet(release.history, now) else COMPARE_EVERY
        # A clock that was set back must not put the next comparison off.
        if mirror.compared is None or not timedelta() <= now - mirror.compared < every:
            return True
        if any(item not in mirror.rows for item in manifest.rows):
            return True
        if any(check.copies > 1 for check in release.history.checks.values()):
            return True
        known, prefix = set(manifest.rows.values()), f"{manifest.key}/"
        # Where the page is in the trash its rows point nowhere.
        odd = [r for r in changed if (not r.release if r.page_id in known else r.key.startswith(prefix))]
        return bool(odd) or release.page_in_trash

    async def _maybe_close(
        self, release: Release, reconciler: Reconciler, states: Mapping[str, State], report: Report
    ) -> None:
        if reconciler.place is not Place.HERE:
            return
        wish, now = asked(release.mirror.page), self._bench.clock()
        if wish is not None and wish.ending is not Ending.COMPLETE:
            # Nothing else is done meanwhile: whoever chose Aborted must not find the release complete.
            if may_try(wish, release.history, now):
                await self._close(release, reconciler, wish, report)
        elif release.history.ready_at is not None and may_close(states, release.manifest):
            waited = (now - release.history.ready_at).total_seconds()
            if wish is not None or waited >= self._close_after:
                await self._close(release, reconciler, wish, report)

    async def _finish(self, release: Release, report: Report) -> None:
        """Do what is left of an ending that a killed process began."""
        reconciler = Reconciler(self._bench, release, self._prover(release))
        if reconciler.place is Place.HERE:
            closer = self._closer(release, reconciler)
            await closer.finish()
            release.mirror.save()
            report.problems += closer.problems
            report.closed.append(release.manifest.key)

    def _closer(self, release: Release, reconciler: Reconciler) -> "Closer":
        # Most passes end no release, and do not wait for all that an ending needs.
        from ultra_checklist.close import Closer

        return Closer(self._bench, release, reconciler, self._home)

    async def _close(self, release: Release, reconciler: Reconciler, wish: Asked | None, report: Report) -> None:
        """End a release, after its page and all of its rows were read once more; without a wish it is complete."""
        await reconciler.run(await compare(self._bench.notion, self._bench.workspace, release))
        if asked(release.mirror.page) != wish:
            # Somebody has changed their mind since the page was read last: the next pass sees to it.
            return
        ending = wish or Asked(ending=Ending.COMPLETE, reason="")
        closer = self._closer(release, reconciler)
        try:
            await closer.close(ending.ending, ending.reason)
        except RollbackFails as fails:
            release.record("close-refused", ending.model_dump(mode="json") | {"items": list(fails.items)})
            report.problems.append(fails.message)
        report.problems += closer.problems
        if not release.open:
            report.closed.append(release.manifest.key)

    async def _announce(self) -> list[Words]:
        """Tell the hooks of releases that have ended, where that is due; returns what failed."""
        problems: list[Words] = []
        for one in self._roster.standings:
            own = one.machine == self._bench.machine.digest and self._only in (None, one.key)
            if not own or not (one.untold or one.key in self._report.closed):
                continue
            release = self._roster.load(one.key)
            if release is not None and release.history.hooks and is_due(self._bench, release):
                redact = self._prover(release).runner.redactor.text
                problems += await Announcer(self._bench, release, redact).run()
                release.mirror.save()
        return problems

    async def _notify(self) -> list[Words]:
        """Tell people of news of the open releases; returns what has begun to fail."""
        problems: list[Words] = []
        if not self._bench.hooks.channels:
            return problems
        from ultra_checklist.messenger import Messenger

        for release in map(self._roster.load, self._shown):
            if release is not None:
                view = Reconciler(self._bench, release, self._prover(release)).view()
                problems += await Messenger(self._bench, release, self._redactor).run(view, evaluate(view))
                release.mirror.save()
        return problems

    async def _strangers(self, changed: Iterable[Row]) -> None:
        """Rows of this machine whose release has no manifest or no sound journal here: nobody can stand by them."""
        bench, damaged = self._bench, self._roster.damaged
        suspects = [row for row in changed if row.live and not row.in_trash and row.host in self._roster.hosts]
        if not suspects:
            return
        # Read again: somebody may have made a release since the pass began.
        known, ours = set[str](), set[str]()
        for manifest in self._roster.manifests():
            if manifest.key not in damaged:
                known.add(manifest.key)
                ours.update(manifest.rows.values())
        ended = {one.key for one in self._roster.standings if not one.open}
        for row in suspects:
            if row.page_id in ours:
                continue
            release_key = row.key.rpartition("/")[0]
            if release_key in ended and self._only is None:
                # A copy that was made while the release ended.
                bench.written += 1
                body = {"properties": check_properties({"live": False}, bench.workspace)}
                await bench.notion.patch(f"pages/{row.page_id}", body)
            claims = row.done or bool(row.decision) or bool(row.result)
            if release_key in known or not claims:
                continue
            version = release_key.rpartition("/")[2]
            reason = "damaged-journal" if release_key in damaged else "no-manifest"
            why = say(reason, bench.workspace.lang, version=version)
            values = {"result": Result.CANNOT_TELL.value, "settled": False, "why": why}
            if any(getattr(row, code) != value for code, value in values.items()):
                bench.written += 1
                body = {"properties": check_properties(values, bench.workspace)}
                await bench.notion.patch(f"pages/{row.page_id}", body)

    def _redactor(self, release: Release) -> Redactor:
        return self._prover(release).runner.redactor

    def _prover(self, release: Release) -> Prover:
        # One slow probe must leave time for all others.
        longest = None if self._seconds is None else self._seconds / 2
        carriers = self._bench.carriers
        return Prover(release, self._home, self._secrets, self._bench.clock, longest, carriers=carriers)


async def name_missing_columns(bench: Bench) -> None:
    """A refused request mostly means that a column is gone: say which. Raises UsageError."""
    workspace = bench.workspace
    for source, columns, ids, title in (
        (workspace.checks, schema.CHECK_COLUMNS, workspace.check_ids, schema.CHECKS_TITLE),
        (workspace.releases, schema.RELEASE_COLUMNS, workspace.release_ids, schema.RELEASES_TITLE),
    ):
        answer = await bench.notion.get(f"data_sources/{source}")
        found = schema.match(columns, answer["properties"], ids)
        found.require(title.say(workspace.lang), workspace.lang)


def _is_news(release: Release, item: str, row: Row) -> bool:
    """Whether a row is not as the mirror knows it, or says what the journal does not know."""
    known = release.mirror.rows.get(item)
    if known is None or known.asked != row.asked or known.shown != row.shown or known.in_trash != row.in_trash:
        return True
    return not is_taken_in(row, release.history.check(item))


_UNFINISHED = Words(
    en="{key}: its page is unfinished; run `new` again to finish it",
    ja="{key}: ページが作成途中です。`new` を再実行して完了してください",
)
_IN_TRASH = Words(
    en="{key}: its page is in Notion's trash; restore it, or end the release with `close`",
    ja="{key}: ページが Notion のゴミ箱にあります。復元するか、`close` でリリースを終了してください",
)
