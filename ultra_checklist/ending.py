"""Ends a release on request, by ``close`` or because another takes its place."""

from ultra_checklist.announce import Announcer, is_due
from ultra_checklist.close import Closer
from ultra_checklist.desk import Desk
from ultra_checklist.errors import RefusedError, UsageError
from ultra_checklist.model import Ending
from ultra_checklist.notion.client import Notion
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.release import Release
from ultra_checklist.situations import evaluate
from ultra_checklist.states import Place
from ultra_checklist.words import Words
from ultra_checklist.worker import WAIT, hold


def require_reason(ending: Ending, reason: str) -> None:
    """Raises UsageError where an ending needs a reason and has none."""
    if ending is not Ending.COMPLETE and not reason.strip():
        raise UsageError(_NO_REASON.filled(ending=ending.value), remedy=_ADD_REASON)


def require_open(release: Release) -> None:
    """Raises RefusedError for a release that has ended."""
    if release.history.ended is not None:
        told = _ENDED.filled(key=release.manifest.key, ending=release.history.ended.value)
        raise RefusedError(told, remedy=_NEW_ATTEMPT)


async def end(
    at: Desk, release: Release, ending: Ending, reason: str, *, anyway: bool = False
) -> tuple[Words, ...]:
    """End one release as soon as no pass is running; see ``end_release``."""
    require_reason(ending, reason)
    with hold(at.home, wait=True):
        async with at.notion() as notion:
            return await end_release(at, notion, release, ending, reason, anyway=anyway)


async def end_release(
    at: Desk, notion: Notion, release: Release, ending: Ending, reason: str, *, anyway: bool = False
) -> tuple[Words, ...]:
    """End one release, and tell its hooks; one that has ended so already has what is left of it done.

    Returns what could not be done and is tried again. Raises RefusedError naming what is open when it is to be
    complete and is not. The worker's lock must be held.
    """
    bench = at.bench(notion)
    # Only to be complete depends on what other machines still have to say.
    patience = WAIT if ending is Ending.COMPLETE else None
    prover = Prover(release, at.home, at.secrets, carriers=bench.carriers, patience=patience)
    reconciler = Reconciler(bench, release, prover)
    if reconciler.place is not Place.HERE:
        manifest = release.manifest
        raise RefusedError(_ELSEWHERE.filled(key=manifest.key, host=manifest.machine.name), remedy=_CLOSE_THERE)
    closer, announcer = Closer(bench, release, reconciler, at.home), Announcer(bench, release, reconciler.redact)
    if not (release.history.ended == ending and is_due(bench, release)):
        require_open(release)
    if release.open and release.history.sealed is not None:
        await closer.finish()
    elif release.open:
        await at.compare(notion, release, reconciler)
        if not await closer.close(ending, reason, anyway=anyway):
            told = _NOT_COMPLETE.filled(key=release.manifest.key, items=", ".join(_open_items(reconciler)))
            raise RefusedError(told, remedy=_SETTLE.filled(version=release.manifest.version))
    problems = (*closer.problems, *await announcer.run())
    release.mirror.save()
    return problems


def _open_items(reconciler: Reconciler) -> list[str]:
    """Ids of the required checks that are not settled."""
    view = reconciler.view()
    states = evaluate(view)
    told = reconciler.unanswered
    return [
        item.id
        for item in view.manifest.items
        if item.required and not (states[item.id].settled and item.id not in told)
    ]


_NO_REASON = Words(en="--as {ending} needs a reason", ja="--as {ending} には理由が必要です")
_ADD_REASON = Words(en='Add: --reason "why"', ja='追加してください: --reason "理由"')
_ELSEWHERE = Words(en="{key} belongs to {host}", ja="{key} の対象マシンは {host} です")
_CLOSE_THERE = Words(en="Close it on that machine", ja="そのマシンで終了してください")
_NOT_COMPLETE = Words(en="{key} is not complete: {items}", ja="{key} は完了していません: {items}")
_SETTLE = Words(
    en="Settle these (ultra-checklist status {version}), or end it --as aborted",
    ja="これらを完了するか（ultra-checklist status {version}）、--as aborted で終了してください",
)
_ENDED = Words(en="{key} has ended ({ending})", ja="{key} は終了しています（{ending}）")
_NEW_ATTEMPT = Words(
    en="Start another attempt with: ultra-checklist new", ja="新しい試行を始めるには: ultra-checklist new"
)
