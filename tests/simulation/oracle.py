"""Says whether what happened was right, from the outside: it knows the network, the disk, the machine and the people.

It shares no code with the engine. Its rules are the promises of the product, written down a second time.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.simulation.model import BOT, CHECKS, RELEASES, Model, Page, Version, plain
from tests.simulation.virtual import BEGIN, Process
from tests.simulation.wire import Exchange
from tests.simulation.world import Ledger

OPERATORS = {"done", "decision", "note", "until", "approved", "attachments", "close", "close_reason"}
SHOWS = {"pass": "Passed", "fail": "Failed", "unknown": "Can't tell", "crash": "Can't tell", "hang": "Can't tell"}
ENDED = ("Complete", "Aborted", "Rolled back", "Superseded")
BREAK_AT = 5
ATTEMPTS = 3
MAX_AGE = 900.0
"""Seconds for which a gate believes a look at the machine, and people's words when Notion does not answer."""


class Violation(AssertionError):
    """A promise was broken."""


@dataclass(frozen=True)
class Fact:
    """What the oracle knows of an item of the checklist."""

    id: str
    switch: str = ""
    sends: bool = False
    until: bool = False
    after: bool = False
    deploys: bool = False
    needs: str = ""
    opens: bool = True
    """It is open from the start, not only when something fails."""
    gated: bool = False
    """The gate before the deploy asks for it."""


@dataclass
class _Sight:
    """What a host has been shown of a row."""

    ticks: list[datetime] = field(default_factory=list)
    """The ticks that it has seen, by the time at which they were made."""
    empty: Process | None = None
    """Who has seen it without a tick since."""
    edited: str = ""
    """When the row had last been edited, by Notion's minutes, as it was seen newest."""
    first_edit: str = ""
    """When the row had last been edited, by Notion's minutes, as it was first seen ticked."""
    first: Process | None = None
    """Who has seen that."""


@dataclass
class Oracle:
    """Listens to the network and looks around when everything is quiet."""

    model: Model
    ledger: Ledger
    facts: dict[str, Fact]
    home: Path
    """The state folder of the target host."""
    durable: Callable[[Path], bytes | None]
    clock: Callable[[], float]
    by_run: bool = False
    """The deploy is a script that is run, not a person's word."""
    sights: dict[tuple[str, str], _Sight] = field(default_factory=dict)
    rest_until: dict[str, tuple[float, Exchange, int]] = field(default_factory=dict)
    failing: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_a_row: Counter[str] = field(default_factory=Counter)
    open_sends: Counter[str] = field(default_factory=Counter)
    forgetful: set[str] = field(default_factory=set)
    """Hosts that could not remember: killed, or with a full disk."""
    read: dict[tuple[str, str], float] = field(default_factory=dict)
    """When a host has read a page last."""
    unsealed: float = 0.0
    """When the release was last known to go on."""
    owed: set[str] = field(default_factory=set)
    """Pages that the worker has put into the trash while somebody wrote in them."""
    warned: set[str] = field(default_factory=set)
    """Processes that have seen rows without one of the columns."""

    def __call__(self, seen: Exchange, phase: str) -> None:
        """Judge one moment of one request."""
        if phase == "sent":
            self._politeness(seen)
            self._ownership(seen)
            self._gone(seen)
            self._green(seen)
            self._complete(seen)
        elif phase == "carried out":
            self._trash(seen)
            self._twice(seen)
        elif phase == "answered":
            self._learn(seen)
        else:
            self._fail(seen)

    # --- politeness

    def _politeness(self, seen: Exchange) -> None:
        host = seen.by.host.name
        until, told_by, step = self.rest_until.get(host, (0.0, seen, 0))
        if seen.sent < until - 0.001 and not self._could_not_know(told_by, step):
            raise Violation(f"a request {until - seen.sent:.1f} s before Retry-After had passed")
        if self.failing[seen.by.name, _identity(seen)] >= ATTEMPTS:
            raise Violation(f"more than {ATTEMPTS} attempts: {seen.method} {seen.path}")
        if self.in_a_row[host] >= BREAK_AT and host not in self.forgetful:
            self.open_sends[seen.by.name] += 1
            if self.open_sends[seen.by.name] > 1:
                raise Violation("more than one request in a pass while Notion does not answer")

    def _gone(self, seen: Exchange) -> None:
        """A column that somebody has deleted says nothing: until it is back, no row is written."""
        page = self.model.pages.get(seen.path.rpartition("/")[2])
        if (
            seen.by.name in self.warned
            and seen.method == "PATCH"
            and page is not None
            and page.now.parent == CHECKS
        ):
            raise Violation("writes a row although it has seen that a column is gone")

    def _could_not_know(self, told_by: Exchange, step: int) -> bool:
        """Whether the process that was told to wait could not tell the next one."""
        if told_by.by.host.name in self.forgetful:
            return True
        kept = "after rename gateway.json" in told_by.by.trail[step:]
        return told_by.by.dead and not kept

    def _learn(self, seen: Exchange) -> None:
        host = seen.by.host.name
        if seen.retry_after is not None:
            until = self.clock() + seen.retry_after
            if until > self.rest_until.get(host, (0.0, seen, 0))[0]:
                self.rest_until[host] = (until, seen, len(seen.by.trail))
        if seen.fault == "truncated" and seen.status == 200:
            return
        if seen.status == 200 and (seen.method == "GET" or seen.path.endswith("/query")):
            pages = seen.answer.get("results", [seen.answer])
            rows = [page for page in pages if page.get("parent", {}).get("data_source_id") == CHECKS]
            if any(len(row["properties"]) < self.model.width[CHECKS] for row in rows):
                self.warned.add(seen.by.name)
        if seen.status < 500 and seen.status not in (409, 429):
            self.in_a_row[host] = 0
            self.forgetful.discard(host)
        if seen.status == 200:
            self.failing[seen.by.name, _identity(seen)] = 0
            self._see(seen.by, seen.answer, listed=seen.path.endswith("/query"))

    def _fail(self, seen: Exchange) -> None:
        """Count what failed in a row; a create whose fate is unknown is looked for, and that look counts."""
        refused = 400 <= seen.status < 500 and seen.status not in (409, 429)
        self.failing[seen.by.name, _identity(seen)] = (
            0 if refused else self.failing[seen.by.name, _identity(seen)] + 1
        )
        create = seen.method == "POST" and not seen.path.endswith("/query")
        unsure = seen.status in (0, 200) or (seen.status >= 500 and seen.status != 529)
        if seen.status == 409 or seen.fault == "refused-connection" or (unsure and not create):
            self.in_a_row[seen.by.host.name] += 1

    # --- ownership

    def _ownership(self, seen: Exchange) -> None:
        if seen.method == "PATCH" and seen.path.startswith("/pages/"):
            touched = OPERATORS & set((seen.body or {}).get("properties", {}))
            if touched:
                raise Violation(f"the worker writes {sorted(touched)}, which belong to people")

    def _trash(self, seen: Exchange) -> None:
        """A row in which somebody has entered something must not stay thrown away.

        Notion knows no condition for a write: what was entered since the row was read is seen in the answer to the
        write, and the row is owed from then on.
        """
        if seen.method == "GET":
            self.read[seen.by.host.name, seen.path.split("/")[-1]] = self.clock()
        trash = (seen.body or {}).get("in_trash")
        if seen.method != "PATCH" or trash is None or seen.status != 200:
            return
        page = self.model.pages[seen.path.split("/")[-1]]
        if not trash:
            self.owed.discard(page.id)
            return
        said = _said(page)
        # What people throw away meanwhile comes back: a check is waived, never deleted.
        others = [p for p in self.model.rows() if p is not page and p.born == page.born]
        others = [p for p in others if not p.now.in_trash or p.now.edited_by != BOT]
        elsewhere = [_said(p, version) for p in others for version in p.versions]
        if page.now.values.get("done") or (any(said) and said not in elsewhere):
            written = max((v.at for v in page.versions if v.edited_by != BOT), default=BEGIN)
            if _seconds(written) <= self.read.get((seen.by.host.name, page.id), 0.0):
                raise Violation("the worker throws away a row in which somebody had entered something")
            self.owed.add(page.id)

    def _twice(self, seen: Exchange) -> None:
        """A create must not make what is there."""
        if not (seen.method == "POST" and seen.path == "/pages" and seen.status == 200):
            return
        made = self.model.pages[seen.answer["id"]]
        same = [p for p in self.model.rows(made.now.parent) if p is not made and not p.now.in_trash]
        # Copies that people make are no making of ours: whether the index shows them yet is luck.
        if any(p.text("key") == made.born and p.versions[0].edited_by == BOT for p in same):
            raise Violation(f"{made.born}: made a second time")

    # --- truth

    def _see(self, by: Process, answer: Any, *, listed: bool) -> None:
        for page in answer.get("results", [answer]):
            if page.get("object") == "page" and page["parent"]["data_source_id"] == CHECKS:
                self._see_row(by, page, listed=listed)

    def _see_row(self, by: Process, shown: dict[str, Any], *, listed: bool) -> None:
        if len(shown["properties"]) < self.model.width[CHECKS]:
            # With a column that is missing nobody works: this was no look.
            return
        page = self.model.pages[shown["id"]]
        edited = shown["last_edited_time"]
        done = next((p["checkbox"] for p in shown["properties"].values() if p["id"] == "done"), False)
        made = [at for at in page.ticks if at.strftime("%Y-%m-%dT%H:%M") <= edited[:16]]
        sight = self.sights.setdefault((by.host.name, page.id), _Sight())
        # Whoever was killed, or could not write, had no way to remember what it saw.
        remembered = sight.empty is not None and not sight.empty.killed and not sight.empty.failed
        # What a list shows may be older than what was seen before; within a minute nobody can tell.
        older = listed and edited <= sight.edited
        sight.edited = max(sight.edited, edited)
        if not done:
            sight.empty = sight.empty if older and remembered else None if older else by
        elif made and made[-1] not in sight.ticks and (remembered or not sight.ticks):
            # Who unticks and ticks between two looks has, for all that can be seen, done nothing.
            sight.ticks.append(made[-1])
            sight.first_edit, sight.first = edited, by
            sight.empty = None
        elif made and sight.first is not None and (sight.first.killed or sight.first.failed):
            # Who saw it first had no way to remember it: to all others it was edited when they saw it.
            sight.first_edit, sight.first = edited, by

    def _fact(self, page: Page) -> Fact | None:
        return self.facts.get(page.born.rpartition("/")[2])

    def _green(self, seen: Exchange) -> None:
        """A request that shows a check as passed must rest on a proof, on the disk and of now."""
        values = (seen.body or {}).get("properties", {})
        if seen.method != "PATCH" or (values.get("result", {}).get("select") or {}).get("name") != "Passed":
            return
        page = self.model.pages[seen.path.split("/")[-1]]
        fact = self._fact(page)
        if fact is not None and fact.deploys and self.by_run:
            last = self.ledger.deploys[-1] if self.ledger.deploys else None
            if last is None or last.code != 0:
                raise Violation("the deploy Passed, and its script has not ended well")
            return
        if fact is None or not fact.switch:
            raise Violation("Passed on a row that nothing can prove")
        if seen.by.host.name != self.home.name:
            raise Violation("Passed, said by another machine")
        lines = self._journal(page)
        marks = [line["kind"] for line in lines if line["kind"] in ("deploy", "deploy-withdrawn")]
        deployed = self._deployed() if marks and marks[-1] == "deploy" else []
        ticks = page.ticks
        if fact.until:
            # What is frozen stays so, also on a row that had to be made again.
            ticks = [t for p in self.model.pages.values() if p.born == page.born for t in p.ticks]
        late = self._last_moment() if fact.until and deployed else "9"
        before = [t for t in ticks if t.strftime("%Y-%m-%dT%H:%M") <= late]
        if not before:
            raise Violation(f"{fact.id}: Passed without a tick")
        runs = [r for r in self.ledger.runs if r.switch == fact.switch and r.host == self.home.name]
        frozen = fact.until and bool(marks)
        if frozen:
            # Ticks of before the deploy that are seen together with it are still proved.
            runs = [r for r in runs if r.outcome == "pass"]
        else:
            runs = [r for r in runs if r.started >= _seconds(self._known_tick(seen.by.host.name, page))]
        if fact.after:
            if not deployed or (self.by_run and self.ledger.deploys[-1].code != 0):
                raise Violation(f"{fact.id}: Passed before any deploy")
            runs = [r for r in runs if r.started >= _seconds(max(deployed))]
        finished = [r for r in runs if r.ended <= seen.sent]
        if not finished:
            raise Violation(f"{fact.id}: Passed without a finished probe of this tick and deploy")
        newest = max(finished, key=lambda r: r.ended)
        if newest.outcome != "pass" and not frozen:
            raise Violation(f"{fact.id}: Passed although the newest look found {newest.outcome}")
        self._proof_on_disk(fact, lines)

    def _complete(self, seen: Exchange) -> None:
        """A release that is shown as complete is one."""
        status = (seen.body or {}).get("properties", {}).get("status", {}).get("select") or {}
        if seen.method != "PATCH" or status.get("name") != "Complete":
            return
        key, now = self.model.pages[seen.path.split("/")[-1]].born, self.clock()
        for fact in self.facts.values():
            if fact.deploys and self.by_run:
                if not self.ledger.deploys or self.ledger.deploys[-1].code != 0:
                    raise Violation("complete, and the deploy has not ended well")
            elif fact.opens:
                self._held(fact, key, self.unsealed - MAX_AGE, now, frozen=fact.until or fact.deploys)

    def closed(self, page: Page) -> bool:
        """Whether the journal says that a release has ended, whatever its page shows."""
        raw = self.durable(self.home / "releases" / page.born / "journal.jsonl") or b""
        return any(json.loads(line)["kind"] == "sealed" for line in raw.decode().splitlines())

    def ended_unseen(self, page: Page) -> bool:
        """Whether a release has ended while its page was in the trash, so that the page does not show it."""
        return not _ended(page) and any(v.in_trash for v in page.versions) and self.closed(page)

    def before(self, version: str) -> None:
        """A command begins."""
        path = self.home / "releases" / f"try/production/{version}" / "journal.jsonl"
        if b'"sealed"' not in (self.durable(path) or b""):
            self.unsealed = self.clock()

    def _known_tick(self, host: str, page: Page) -> datetime:
        seen = self.sights.get((host, page.id), _Sight()).ticks
        if seen and page.versions[0].edited_by != BOT and max(seen) < page.versions[0].at:
            # A copy shows what was ticked before it was made: the tick that is known of the row it was made from.
            others = [self.sights.get((host, p.id), _Sight()) for p in self.model.pages.values() if p is not page
                      and p.born == page.born]  # fmt: skip
            seen = [tick for other in others if other.empty is None for tick in other.ticks] or seen
        return max(seen, default=page.ticks[0] if page.ticks else BEGIN)

    def _last_moment(self) -> str:
        """Until which minute a tick may have come before the deploy, for all that Notion tells of its row."""
        if self.by_run:
            return max((d.strftime("%Y-%m-%dT%H:%M") for d in self._deployed()), default="9")
        item = next((f.id for f in self.facts.values() if f.deploys), "-")
        known = [""]
        for (_, page_id), sight in self.sights.items():
            page = self.model.pages[page_id]
            if page.born.endswith(f"/{item}") and sight.ticks:
                # Any later edit of it hides when its box was ticked.
                later = [v for v in page.versions if v.at > sight.ticks[-1] and v.edited_by != BOT]
                known.append("9" if later else sight.first_edit[:16])
        return max(known)

    def _deployed(self) -> list[datetime]:
        """When the deploying item was ticked, as far as the target host has seen it, or when its script was run."""
        if self.by_run:
            return [BEGIN + timedelta(seconds=deploy.started) for deploy in self.ledger.deploys]
        item = next((f.id for f in self.facts.values() if f.deploys), None)
        rows = [p for p in self.model.pages.values() if item and p.born.endswith(f"/{item}")]
        return [t for page in rows for t in self.sights.get((self.home.name, page.id), _Sight()).ticks]

    def _journal(self, page: Page) -> list[dict[str, Any]]:
        """What a power cut now would leave of the journal of a row's release."""
        key = page.born.rpartition("/")[0]
        raw = self.durable(self.home / "releases" / key / "journal.jsonl") or b""
        return [json.loads(line) for line in raw.decode().splitlines()]

    def _proof_on_disk(self, fact: Fact, lines: list[dict[str, Any]]) -> None:
        proofs = [line["data"] for line in lines if line["kind"] == "proved" and line["data"]["item"] == fact.id]
        proofs = [proof for proof in proofs if proof["outcome"] == "pass"]
        if not proofs:
            raise Violation(f"{fact.id}: Passed, and a power cut now would leave no proof of it in the journal")
        for line in proofs[-1]["lines"]:
            digest = line["evidence"]
            blob = self.durable(self.home / "evidence" / digest[:2] / digest)
            if blob is None or hashlib.sha256(blob).hexdigest() != digest:
                raise Violation(f"{fact.id}: Passed, and a power cut now would leave no evidence of it")

    # --- at any moment

    def always(self) -> None:
        """What holds after every step."""
        for fact in self.facts.values():
            if not fact.sends:
                continue
            rows = [p for p in self.model.pages.values() if p.born.endswith(f"/{fact.id}")]
            ticks = len({at for page in rows for at in page.ticks})
            sent = sum(1 for switch, _ in self.ledger.sent if switch == fact.switch)
            if sent > ticks:
                raise Violation(f"{fact.id}: sent {sent} times for {ticks} ticks")

    def opened(self, version: str, host: str, since: float, *, troubled: bool) -> None:
        """A gate has let something through that was asked for at ``since``."""
        key, now = f"try/production/{version}", self.clock()
        if host != self.home.name:
            raise Violation("a gate opened on another machine")
        page = next(p for p in self.model.rows(RELEASES) if p.born == key)
        if any(_ended(page, v) for v in page.versions if _seconds(v.at) <= since):
            raise Violation("a gate of a release opened that had ended")
        raw = self.durable(self.home / "releases" / key / "journal.jsonl") or b""
        lines = [json.loads(line) for line in raw.decode().splitlines()]
        answers = [line["data"]["outcome"] for line in lines if line["kind"] == "gate"]
        if answers[-1:] != ["open"]:
            raise Violation("a gate opened, and a power cut now would leave no word of it")
        frozen = any(line["kind"] == "deploy" for line in lines)
        for fact in self.facts.values():
            if fact.gated:
                self._held(fact, key, since - (MAX_AGE if troubled else 0.0), now, frozen=frozen and fact.until)

    def _held(self, fact: Fact, key: str, since: float, now: float, *, frozen: bool) -> None:
        """At some moment of the time somebody stood by it, and a probe of the machine that is young enough agreed."""
        versions = []
        for page in self.model.pages.values():
            if page.born == f"{key}/{fact.id}":
                ends = [*(_seconds(v.at) for v in page.versions[1:]), now]
                versions += [v for v, end in zip(page.versions, ends, strict=True) if end >= since or frozen]
        decided = any(v.values.get("decision") and plain(v.values["note"]) for v in versions)
        if not decided and not any(v.values.get("done") for v in versions):
            raise Violation(f"a gate opened, and nobody had ticked {fact.id}")
        if decided or frozen or not fact.switch:
            return
        runs = [r for r in self.ledger.runs if r.switch == fact.switch and r.host == self.home.name]
        newest = max(runs, key=lambda r: r.ended, default=None)
        if newest is None or newest.outcome != "pass":
            raise Violation(f"a gate opened, and the newest look at {fact.id} was no pass")
        if not fact.sends and now - newest.ended > MAX_AGE + (now - since):
            raise Violation(f"a gate opened, and nobody had looked at {fact.id} for {now - newest.ended:.0f} s")

    def answered(self, ticked: list[str]) -> None:
        """A pass has ended that nothing disturbed: every tick that was there when it began has an answer."""
        for page_id in ticked:
            page = self.model.pages[page_id]
            fact = self._fact(page)
            values = page.now.values
            silent = not values.get("result") and not values.get("why")
            release = page.born.rpartition("/")[0]
            if any(p.born == release and _ended(p) for p in self.model.rows(RELEASES)):
                continue
            waits = values.get("done") and silent and values["live"] and not page.now.in_trash
            if fact is not None and waits:
                raise Violation(f"{fact.id}: a tick has waited for more than one pass")

    def unfounded(self) -> set[str]:
        """Rows of open releases that show a verdict although nobody claims anything there any more."""
        ended = {page.born for page in self.model.rows(RELEASES) if _ended(page)}
        living = [page for page in self.model.rows() if not page.now.in_trash and page.now.values.get("live")]
        copies = Counter(page.born for page in living)
        found = set()
        for page in living:
            values, fact = page.now.values, self._fact(page)
            claimed = values.get("done") or values.get("decision")
            # What was proved before the deploy stays; copies in which people wrote say that nobody can tell.
            if claimed or fact is None or fact.until or page.born.rpartition("/")[0] in ended:
                continue
            if _result(page) not in ("", "Waived", "Not applicable") and copies[page.born] == 1:
                found.add(page.id)
        return found

    def forged(self) -> set[str]:
        """Rows that say Passed because a person has typed it, and that nothing proves."""
        found = set()
        for page in self.model.rows():
            values, fact = page.now.values, self._fact(page)
            if (
                fact is None
                or fact.until
                or page.now.in_trash
                or _result(page) != "Passed"
                or not values.get("live")
            ):
                continue
            before = [v for v in page.versions if v.values.get("result") != values["result"]]
            typed = before and page.versions[page.versions.index(before[-1]) + 1].edited_by != BOT
            runs = [r for r in self.ledger.runs if r.switch == fact.switch]
            proved = values.get("done") and runs and max(runs, key=lambda r: r.ended).outcome == "pass"
            if fact.deploys and self.by_run:
                proved = values.get("done") and self.ledger.deploys and self.ledger.deploys[-1].code == 0
            if typed and not proved:
                found.add(page.id)
        return found

    # --- when everything is quiet

    def quiet(self, version: str, world: dict[str, str]) -> None:
        """Judge where everything has come to rest."""
        if self.owed:
            raise Violation("a row in which somebody had entered something stays thrown away")
        prefix = f"try/production/{version}/"
        page = next(p for p in self.model.rows(RELEASES) if f"{p.born}/" == prefix)
        if _ended(page):
            return
        living: dict[str, list[Page]] = {fact: [] for fact in self.facts}
        for page in self.model.rows():
            key = page.text("key")
            if key.startswith(prefix) and not page.now.in_trash:
                living.setdefault(key.removeprefix(prefix), []).append(page)
        for item, pages in living.items():
            if not pages:
                raise Violation(f"{item}: its row is lost")
            claims = [p for p in pages if p.now.values.get("done") or any(_said(p))]
            if len(pages) > max(1, len(claims)):
                raise Violation(f"{item}: {len(pages)} rows")
        for item, pages in living.items():
            if len(pages) > 1:
                if any(self._believed(self.facts[item], page) for page in pages):
                    raise Violation(f"{item}: one of {len(pages)} rows is believed")
            elif not (self.facts[item].after and self._doubled(living)):
                self._one(self.facts[item], pages[0], world, {i: p[0] for i, p in living.items()})

    def told(self) -> None:
        """Whoever is to be told of an ending has been: at least once, and with one key for each."""
        ended = [page.born for page in self.model.rows(RELEASES) if _ended(page)]
        keys = {key for _, key in self.ledger.told}
        # A release whose page is in the trash ends too, and no page shows it.
        gone = [page for page in self.model.rows(RELEASES) if self.ended_unseen(page)]
        if not len(ended) <= len(keys) <= len(ended) + len(gone):
            raise Violation(f"{len(ended)} releases have ended, and a hook was told of {len(keys)}")

    def _believed(self, fact: Fact, page: Page) -> bool:
        """Whether a row says more than that nobody can tell."""
        values, result = page.now.values, _result(page)
        # What opens only in trouble is needed by nobody until then, however many rows it has.
        asleep = not fact.opens and not values["done"] and not result
        return result not in ("", "Can't tell") or (values["settled"] and not asleep)

    def _doubled(self, living: dict[str, list[Page]]) -> bool:
        """Whether it is unclear which row speaks for the deploy."""
        return any(len(pages) > 1 for item, pages in living.items() if self.facts[item].deploys)

    def _one(self, fact: Fact, page: Page, world: dict[str, str], rows: dict[str, Page]) -> None:
        values, result = page.now.values, _result(page)
        if plain(values["title"]) != f"{fact.id} です":
            raise Violation(f"{fact.id}: its title is not the template's")
        deployer = next((f.id for f in self.facts.values() if f.deploys), None)
        deployed = deployer is not None and bool(rows[deployer].now.values["done"])
        if self.by_run:
            deployed = bool(self.ledger.deploys) and self.ledger.deploys[-1].code == 0
        truth = SHOWS[world.get(fact.switch, "pass")] if fact.switch else "Confirmed"
        marks = [line for line in self._journal(page) if line["kind"] == "deploy"]
        begun = self._deployed() or marks
        # Who was killed while filing how the script began or ended may have done so, or not.
        scripts = self.ledger.deploys
        unsure = self.by_run and (len(marks) > len(scripts) or bool(scripts and not scripts[-1].filed))
        if values["decision"] or (fact.until and begun) or fact.deploys or (fact.after and unsure):
            return
        if not values["done"]:
            if result or (values["settled"] and fact.opens):
                raise Violation(f"{fact.id}: not ticked, but {result!r}, settled: {values['settled']}")
        elif fact.after and not deployed:
            if result != "Blocked":
                raise Violation(f"{fact.id}: {result!r} before any deploy")
        elif fact.needs and not rows[fact.needs].now.values["settled"]:
            if result != "Blocked":
                raise Violation(f"{fact.id}: {result!r} although {fact.needs} is open")
        elif fact.switch and not fact.sends and result != truth:
            raise Violation(f"{fact.id}: {result!r}, but the machine says {truth}")
        elif not fact.switch and result not in ("Confirmed", "Waiting"):
            raise Violation(f"{fact.id}: {result!r}, but a person's word is all that it needs")
        if values["settled"] != (result in ("Passed", "Confirmed")) and not (not fact.opens and not result):
            raise Violation(f"{fact.id}: {result!r} and settled: {values['settled']}")


def _ended(release: Page, version: Version | None = None) -> bool:
    return ((version or release.now).values["status"] or {}).get("name") in ENDED


def _said(page: Page, version: Version | None = None) -> tuple[Any, ...]:
    """What people have entered, apart from the tick."""
    values = (version or page.now).values
    note = plain(values.get("note") or [])
    decision = (values.get("decision") or {}).get("name")
    return decision, note, values.get("until"), values.get("approved"), tuple(values.get("attachments") or ())


def _result(page: Page) -> str:
    return str((page.now.values.get("result") or {}).get("name") or "")


def _identity(seen: Exchange) -> str:
    return json.dumps([seen.method, seen.path, seen.body], sort_keys=True)


def _seconds(moment: datetime) -> float:
    return float((moment - BEGIN).total_seconds())


__all__ = ["BOT", "Fact", "Oracle", "Violation"]
