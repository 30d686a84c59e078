"""Bugs on purpose: each replaces one seam of the engine, and the stories must notice.

``python -m tests.simulation.mutants`` plays stories against each until one breaks a promise.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.simulation.play import play
from tests.simulation.story import generate
from ultra_checklist import (
    answer,
    compare,
    disk,
    duty,
    evidence,
    gate,
    history,
    intake,
    journal,
    model,
    plan,
    prove,
    reconcile,
    release,
    situations,
    sync,
)
from ultra_checklist import apply as rendering
from ultra_checklist.errors import NotionError
from ultra_checklist.model import Outcome
from ultra_checklist.notion import client, failures, retry, rows
from ultra_checklist.states import Look

Mutant = Callable[[], AbstractContextManager[Any]]


def _blind_retry() -> Any:
    async def create(self: client.Notion, path: str, body: Any, *, spent: int = 0) -> Any:
        method = "PATCH" if path.endswith("/children") else "POST"
        return await self._send(method, path, body=body, repeatable=True, attempt=spent)

    return patch.object(client.Notion, "create", create)


def _done_in_a_patch() -> Any:
    original = rows.check_properties

    def properties(values: Any, workspace: Any) -> Any:
        return original(values, workspace) | {workspace.check_ids["done"]: {"checkbox": True}}

    return patch.object(reconcile, "check_properties", properties)


@contextmanager
def _no_fsync() -> Iterator[None]:
    def into(path: Path, flags: int, data: bytes) -> None:
        handle = disk.system.open(path, flags)
        rest = data
        while rest:
            rest = rest[disk.system.write(handle, rest) :]
        disk.system.close(handle)

    with patch.object(disk, "_into", into):
        yield


def _no_folder_fsync() -> Any:
    return patch.object(disk, "sync_folder", lambda path: None)


def _no_overlap() -> Any:
    return patch.object(sync, "OVERLAP", timedelta())


def _retry_after_cut() -> Any:
    original = failures._retry_after

    def cut(headers: Any) -> float | None:
        found = original(headers)
        return None if found is None else min(found, 60.0)

    return patch.object(failures, "_retry_after", cut)


def _retry_after_forgotten() -> Any:
    return patch.object(client.Notion, "_remember", lambda self: None)


def _effect_again_after_a_crash() -> Any:
    return patch.object(prove.Prover, "_spent", lambda self, item: False)


def _intent_after_the_effect() -> Any:
    original = release.Release.record_all

    def late(self: Any, lines: Any) -> None:
        original(self, [line for line in lines if line[0] != "sending"])

    return patch.object(release.Release, "record_all", late)


def _no_read_back() -> Any:
    async def once(self: client.Notion, path: str, body: Any, look: Any, *, delays: Any = ()) -> Any:
        for attempt in range(3):
            with contextlib.suppress(failures.UnknownOutcome):
                return await self.create(path, body, spent=attempt)
        raise NotionError("gave up")

    return patch.object(client.Notion, "create_once", once)


@contextmanager
def _impatient_read_back() -> Iterator[None]:
    async def look_for(self: client.Notion, look: Any, delays: Any = ()) -> Any:
        return await look()

    with patch.object(client.Notion, "look_for", look_for):
        yield


def _no_intents() -> Any:
    return patch.dict(history._HANDLERS, {"rows-intended": lambda history, entry: None})


def _no_evidence() -> Any:
    import hashlib

    return patch.object(evidence.EvidenceStore, "put", lambda self, data: hashlib.sha256(data).hexdigest())


def _journal_in_memory() -> Any:
    def extend(self: journal.Journal, lines: Any, *, time: Any = None) -> Any:
        known = self.entries()
        fresh: list[journal.Entry] = []
        for kind, data in lines:
            previous = (known + fresh)[-1] if known or fresh else None
            fresh.append(journal._chain(previous, kind, data, time))
        self._entries = known + fresh
        return fresh

    return patch.object(journal.Journal, "extend", extend)


def _proof_of_another_tick() -> Any:
    def current(manifest: Any, past: Any, item: Any) -> Any:
        check = past.check(item.id)
        return check.proof if check.tick is not None else None

    original = history._ticked

    def ticked(past: Any, entry: Any) -> None:
        check = past.check(entry.data["item"])
        proof = check.proof or kept.get(id(check))
        original(past, entry)
        check.proof = proof

    def unticked(past: Any, entry: Any) -> None:
        check = past.check(entry.data["item"])
        kept[id(check)] = check.proof
        was(past, entry)

    kept: dict[int, Any] = {}
    was = history._unticked
    handlers = patch.dict(history._HANDLERS, {"ticked": ticked, "unticked": unticked})
    return _both(patch.object(situations, "current_proof", current), handlers)


def _proof_of_another_deploy() -> Any:
    def deployed(past: Any, entry: Any) -> None:
        kept = {item: past.check(item).proof for item in entry.data.get("voids", ())}
        original(past, entry)
        for item, proof in kept.items():
            past.check(item).proof = proof

    def current(manifest: Any, past: Any, item: Any) -> Any:
        proof, tick = past.check(item.id).proof, past.check(item.id).tick
        return proof if proof is not None and tick is not None and proof.tick == tick.number else None

    original = history._deployed
    handlers = patch.dict(history._HANDLERS, {"deploy": deployed})
    return _both(patch.object(situations, "current_proof", current), handlers)


def _lagging_rows_believed() -> Any:
    async def fresh(self: Any, rows: Any) -> Any:
        return dict(rows)

    return patch.object(reconcile.Reconciler, "_fresh", fresh)


def _truncated_query_believed() -> Any:
    original = client.Notion._send

    async def send(self: client.Notion, *args: Any, **more: Any) -> Any:
        answer = await original(self, *args, **more)
        answer.pop("request_status", None)
        return answer

    return patch.object(client.Notion, "_send", send)


def _copies_thrown_away() -> Any:
    return patch.object(compare, "_says_more", lambda copy, kept: False)


def _unknown_is_a_pass() -> Any:
    def combine(outcomes: Any) -> Outcome:
        return Outcome.FAIL if Outcome.FAIL in outcomes else Outcome.PASS

    return patch.object(model, "combine", combine)


def _never_proved_again() -> Any:
    return patch.object(reconcile, "next_look", lambda item, check, past, now: now + timedelta(days=99))


def _answers_ignored() -> Any:
    original = reconcile.Reconciler._write

    async def write(self: Any, states: Any) -> Any:
        moved = await original(self, states)
        for item, row in moved.items():
            self._release.mirror.see(item, row)
        return {}

    return patch.object(reconcile.Reconciler, "_write", write)


def _no_breaker() -> Any:
    return patch.object(retry.Retries, "broken", False)


def _many_attempts() -> Any:
    return _both(patch.object(retry, "ATTEMPTS", 6), patch.object(retry, "_BACK_OFF", (0.5,) * 9))


def _no_lock() -> Any:
    @contextmanager
    def free(path: Path, *, wait: bool = True) -> Iterator[None]:
        yield

    return patch.object(disk, "locked", free)


def _gone_column_is_an_empty_box() -> Any:
    return patch.object(rows, "_require_columns", lambda page, workspace: None)


def _forgets_who_waits() -> Any:
    """Edits alone are asked for; rows on which people wait since an interrupted pass are not."""
    original = sync.Pass._filter

    def edited(self: Any, since: Any, keys: Any) -> Any:
        found = original(self, since, keys)
        return found["or"][0] if "or" in found else found

    async def run(self: Any) -> Any:
        try:
            return await was(self)
        finally:
            if self._bench.notion.server_time is not None:
                seen = sync.Since(seen=self._bench.notion.server_time)
                disk.replace(self._path, seen.model_dump_json().encode())

    was = sync.Pass._run
    return _both(patch.object(sync.Pass, "_filter", edited), patch.object(sync.Pass, "_run", run))


def _frozen_is_proved_again() -> Any:
    original = situations.situation

    def situation(view: Any, item: Any, others: Any) -> Any:
        import dataclasses

        return dataclasses.replace(original(view, item, others), until_deploy=False)

    return patch.object(situations, "situation", situation)


def _late_ticks_count() -> Any:
    return patch.object(intake, "_coming_deploy", lambda view: None)


def _any_deploy_will_do() -> Any:
    """A tick of the deploying item is believed although nothing marks the deploy."""
    original = situations.situation

    def situation(view: Any, item: Any, others: Any) -> Any:
        import dataclasses

        return dataclasses.replace(original(view, item, others), deployed=True)

    return patch.object(situations, "situation", situation)


def _titles_left_alone() -> Any:
    original = plan.difference

    def difference(row: Any, wanted: Any) -> Any:
        return {code: value for code, value in original(row, wanted).items() if code != "title"}

    return patch.object(reconcile, "difference", difference)


def _failures_left_alone() -> Any:
    original = duty.due

    def due(items: Any, states: Any, looks: Any, now: Any) -> Any:
        return [item for item in original(items, states, looks, now) if states[item.id].look is not Look.BACK_OFF]

    return patch.object(reconcile, "due", due)


def _missing_rows_left_alone() -> Any:
    async def untouched(notion: Any, workspace: Any, release: Any) -> Any:
        await asyncio.sleep(0)
        release.mirror.compared = release.now()
        return dict(release.mirror.rows)

    return _both(patch.object(sync, "compare", untouched), patch.object(rendering, "READ_BACK_BLOCKS", (0.0,)))


@contextmanager
def _both(*patches: AbstractContextManager[Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def _open_gate() -> Any:
    return patch.object(answer, "_settled", lambda *_: True)


def _old_looks_believed() -> Any:
    return _both(patch.object(answer, "_known", lambda *_: True), patch.object(answer, "_young", lambda *_: True))


def _answer_not_filed() -> Any:
    return patch.object(gate.Gatekeeper, "_filed", lambda _self, given: given)


def _copied_tick_sends() -> Any:
    return patch.dict(history._HANDLERS, {"copy-speaks": lambda _history, _entry: None})


def _killed_knowledge_forgotten() -> Any:
    """What the journal knows and the mirror does not is not compared with the rows."""
    return _both(*(patch.object(module, "is_taken_in", lambda *_: True) for module in (sync, reconcile)))


MUTANTS: dict[str, Mutant] = {
    "a create is sent again blindly": _blind_retry,
    "Done in a PATCH": _done_in_a_patch,
    "no fsync of files": _no_fsync,
    "no fsync of folders": _no_folder_fsync,
    "no overlap for times that keep minutes": _no_overlap,
    "Retry-After cut at 60 s": _retry_after_cut,
    "Retry-After forgotten between processes": _retry_after_forgotten,
    "an effect repeated after a crash": _effect_again_after_a_crash,
    "no intent before an effect": _intent_after_the_effect,
    "no read-back after a lost answer": _no_read_back,
    "read-back gives up at once": _impatient_read_back,
    "no memory of rows that may have been made": _no_intents,
    "evidence not stored": _no_evidence,
    "journal kept in memory": _journal_in_memory,
    "a proof of another tick": _proof_of_another_tick,
    "a proof of another deploy": _proof_of_another_deploy,
    "rows from a lagging index believed": _lagging_rows_believed,
    "a truncated query believed": _truncated_query_believed,
    "ticked copies thrown away": _copies_thrown_away,
    "unknown is a pass": _unknown_is_a_pass,
    "what passed is never proved again": _never_proved_again,
    "what people did while we wrote is ignored": _answers_ignored,
    "no breaker": _no_breaker,
    "six attempts": _many_attempts,
    "no lock": _no_lock,
    "a column that is gone is an empty box": _gone_column_is_an_empty_box,
    "forgets who waits since a cut-off pass": _forgets_who_waits,
    "what is frozen is proved again": _frozen_is_proved_again,
    "late ticks count": _late_ticks_count,
    "checks of after the deploy proved before it": _any_deploy_will_do,
    "titles are not put back": _titles_left_alone,
    "what failed is not looked at again": _failures_left_alone,
    "rows are not compared with the manifest": _missing_rows_left_alone,
    "a gate opens whatever is open": _open_gate,
    "a gate believes old looks": _old_looks_believed,
    "a gate's answer is not filed": _answer_not_filed,
    "a copied tick sends again": _copied_tick_sends,
    "what a killed pass knew is forgotten": _killed_knowledge_forgotten,
}


def hunt(name: str, seeds: int) -> tuple[int, str] | None:
    """The first seed whose story notices a mutant, and what it says; None: none of so many."""
    with MUTANTS[name]():
        for seed in range(seeds):
            violation = play(generate(str(seed))).violation
            if violation:
                return seed, violation
    return None


def _hunted(job: tuple[str, int]) -> tuple[str, tuple[int, str] | None]:
    return job[0], hunt(*job)


def main() -> int:
    """Hunt all mutants; 1 where one gets away."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many stories against each  [default: 10000]")
    parser.add_argument("names", nargs="*", help="which mutants  [default: all]")
    given = parser.parse_args()
    escaped = 0
    jobs = [(name, given.seeds) for name in given.names or MUTANTS]
    with multiprocessing.Pool() as pool:
        for name, found in pool.imap(_hunted, jobs):
            escaped += found is None
            told = f"seed {found[0]:>5}: {found[1][:110]}" if found is not None else "GOT AWAY"
            print(f"{name:48} {told}", flush=True)
    print(f"{len(jobs) - escaped} of {len(jobs)} caught")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
