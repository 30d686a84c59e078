"""Reads the request log of a local Notion and says where a worker broke a promise. Standard library only.

It knows nothing of how the engine works: it looks at what was asked of Notion, and in which order, and shares no
code with it. ``scripts/check-log LOG`` runs it; on which rules it could not judge it says so.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PEOPLES = {
    "Done", "実施済み", "Decision", "判断", "Note", "メモ", "Until", "期限", "Approved", "承認",
    "Attachments", "添付", "Close", "終了操作", "Close reason", "終了理由",
}  # fmt: skip
"""Columns in which people write, in both languages."""
PASSED = {"Passed", "合格"}
ATTEMPTS = 3
BREAK_AT = 5
SLACK = 0.05
"""Seconds by which two clocks of one machine, and the log's milliseconds, may differ."""
_LOST = {"truncated_json", "truncated_length", "dropped"}


class BadLog(Exception):
    """A line that is no request."""


@dataclass
class Request:
    """One line of the log."""

    line: int
    start: float
    end: float
    method: str
    path: str
    status: int | None
    body: Any
    bot: bool
    run: str
    fault: str
    retry_after: float | None
    done: bool
    """Whether it was carried out."""
    id: str
    columns: dict[str, str]
    """Column names, and what the request calls them."""

    @property
    def failed(self) -> bool:
        """Whether its sender has no usable answer."""
        return self.status is None or self.status in (409, 429) or self.status >= 500 or self.fault in _LOST

    @property
    def reads(self) -> bool:
        return self.method == "GET" or self.path.endswith(("/query", "/search"))

    @property
    def identity(self) -> str:
        return json.dumps([self.method, self.path, self.body], sort_keys=True)

    def of_page(self) -> str:
        """The page that it changes or reads; empty for others."""
        parts = self.path.strip("/").split("/")
        return parts[2] if parts[:2] == ["v1", "pages"] and len(parts) == 3 else ""

    def value(self, *names: str) -> Any:
        """What it writes into a column of one of these names; None where it does not."""
        properties = (self.body or {}).get("properties") or {}
        for name in names:
            given = properties.get(self.columns.get(name, name))
            if given is not None:
                return next((v for k, v in given.items() if k not in ("type", "id")), None)
        return None


@dataclass
class Row:
    """What the log tells of one page that was made."""

    key: str
    host: str
    record: bool = False
    """The worker made it without a key: the test record of a probe, and no row of a checklist."""
    done: bool = False
    passed: bool = False
    result: str = ""
    live: bool = True
    gone: bool = False
    said: bool = False
    """Whether a person has written into it."""
    ticked_at: float | None = None
    unticked_at: float | None = None


@dataclass
class Finding:
    """A broken promise."""

    line: int
    rule: str
    text: str


@dataclass
class Log:
    """All requests in the order in which they were answered, and when the worker last read something."""

    requests: list[Request]
    lag: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def bots(self) -> list[Request]:
        return [request for request in self.requests if request.bot]

    def runs(self) -> dict[str, list[Request]]:
        """The worker's requests by the pass that sent them."""
        found: dict[str, list[Request]] = {}
        for request in self.bots:
            if request.run:
                found.setdefault(request.run, []).append(request)
        return found


def read(text: str) -> list[Request]:
    """The requests of a log. Raises BadLog."""
    found: list[Request] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            start = datetime.fromisoformat(raw["time"]).timestamp()
            path = str(raw["path"]).partition("?")[0]
            status = None if raw["status"] is None else int(raw["status"])
            actor = str(raw.get("actor") or "")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadLog(f"line {number} is no line of a request log: {error!r}") from None
        if not path.startswith("/v1/"):
            continue
        agent = str(raw.get("agent") or "")
        done = bool(raw.get("carried_out", status == 200 and "agent" not in raw))
        found.append(
            Request(
                line=number,
                start=start,
                end=start + float(raw.get("ms") or 0) / 1000,
                method=str(raw["method"]),
                path=path,
                status=status,
                body=raw.get("body"),
                bot=actor == "integration" and (not agent or agent.startswith("ultra-checklist/")),
                run=agent.partition("(run ")[2].rstrip(")"),
                fault=str(raw.get("fault") or ""),
                retry_after=raw.get("retry_after"),
                done=done,
                id=str(raw.get("id") or ""),
                columns=dict(raw.get("columns") or {}),
            )
        )
    _name_columns(found)
    return found


def _name_columns(requests: list[Request]) -> None:
    """Requests that were not carried out call columns by ids; others have told which those are."""
    names: dict[str, str] = {}
    for request in requests:
        names |= {called: name for name, called in request.columns.items()}
    for request in requests:
        if not request.columns and isinstance(request.body, dict):
            given = request.body.get("properties")
            if isinstance(given, dict) and request.path.startswith("/v1/pages"):
                request.columns = {names.get(str(called), str(called)): str(called) for called in given}


def only_people_write_their_columns(log: Log) -> Iterator[Finding]:
    """No PATCH of the worker's holds a column of people's."""
    for request in log.bots:
        touched = PEOPLES & set(request.columns)
        if request.method == "PATCH" and request.of_page() and touched:
            yield Finding(request.line, "columns", f"the worker writes {', '.join(sorted(touched))}")


def retry_after_is_kept(log: Log) -> Iterator[Finding]:
    """Nothing is sent before the time that Notion asked for."""
    until, told = 0.0, 0
    waits = sorted((r.end, r.retry_after, r.line) for r in log.bots if r.retry_after)
    for request in sorted(log.bots, key=lambda r: r.start):
        while waits and waits[0][0] < request.start - SLACK:
            end, seconds, line = waits.pop(0)
            if end + seconds > until:
                until, told = end + seconds, line
        if request.start < until - SLACK:
            early = until - request.start
            yield Finding(
                request.line, "retry-after", f"{early:.1f} s before Retry-After of line {told} has passed"
            )


def three_attempts(log: Log) -> Iterator[Finding]:
    """One request is sent three times at most in a pass."""
    for requests in log.runs().values():
        attempts: dict[str, int] = {}
        for request in sorted(requests, key=lambda r: r.start):
            count = attempts.get(request.identity, 0) + 1
            attempts[request.identity] = count if request.failed else 0
            if count > ATTEMPTS:
                yield Finding(request.line, "attempts", f"attempt {count}: {request.method} {request.path}")


def breaker(log: Log) -> Iterator[Finding]:
    """Five failures in a row, and the pass sends no more; the next pass sends one request to see."""
    open_since: float | None = None
    for requests in log.runs().values():
        trial = open_since is not None
        row, broken = 0, None
        for request in sorted(requests, key=lambda r: r.end):
            if broken is not None and request.start > broken + SLACK:
                yield Finding(request.line, "breaker", "sent although Notion had failed five times in a row")
            if not request.failed:
                row, broken, open_since, trial = 0, None, None, False
            elif request.status not in (429, 529) and (request.reads or request.method == "PATCH"):
                row += 1
                if (row >= BREAK_AT or trial) and broken is None:
                    broken = open_since = request.end


def made_once(log: Log) -> Iterator[Finding]:
    """No second living page of a key is made by the worker."""
    living: dict[tuple[str, str], str] = {}
    for request, row in _replay(log):
        parent = str(((request.body or {}).get("parent") or {}).get("data_source_id") or "")
        if request.method == "POST" and row is not None and row.key and request.bot:
            other = log.rows.get(living.get((parent, row.key), ""))
            if other is not None and not other.gone and other.key == row.key:
                yield Finding(request.line, "once", f"{row.key} is made a second time")
            living[parent, row.key] = request.id


def passed_means_ticked(log: Log) -> Iterator[Finding]:
    """Passed is written only to rows that were ticked when the worker last looked."""
    looked = 0.0
    for request, row in _replay(log):
        if request.bot and request.reads and not request.failed:
            looked = max(looked, request.start - log.lag)
        if request.bot and row is not None and _option(request.value("Result", "結果")) in PASSED:
            known = row.unticked_at is None or row.unticked_at < looked
            if not row.done and (row.ticked_at is None or known):
                yield Finding(request.line, "passed", f"{row.key}: Passed, and nobody has ticked it")
    clean = [r[0].start for r in _clean_passes(log)]
    for row in log.rows.values():
        later = [start for start in clean if start > (row.unticked_at or 0) + log.lag]
        if row.passed and row.live and not row.done and not row.gone and len(later) >= 2:
            yield Finding(log.requests[-1].line, "passed", f"{row.key}: stays Passed without a tick")


def ticks_are_answered(log: Log) -> Iterator[Finding]:
    """While Notion answers, no tick waits for more than one further pass."""
    for _ in _replay(log):
        pass
    passes = _clean_passes(log)
    for row in log.rows.values():
        if row.done and row.live and not row.gone and not row.result and not row.host and row.ticked_at:
            later = [run for run in passes if run[0].start > row.ticked_at + log.lag + SLACK]
            if len(later) >= 2:
                yield Finding(
                    log.requests[-1].line, "waiting", f"{row.key}: ticked, {len(later)} passes, no answer"
                )


def nothing_is_thrown_away(log: Log) -> Iterator[Finding]:
    """The worker deletes nothing, and what it trashes holds nobody's words."""
    trashed: dict[str, int] = {}
    for request, row in _replay(log):
        if request.bot and request.method == "DELETE":
            yield Finding(request.line, "lost", f"the worker deletes {request.path}")
        if row is not None and request.done and "in_trash" in (request.body or {}):
            trashed.pop(request.of_page(), None)
            if request.bot and request.body["in_trash"] and row.said and not row.record:
                trashed[request.of_page()] = request.line
    for page, line in trashed.items():
        yield Finding(line, "lost", f"{log.rows[page].key}: trashed although a person had written into it")


RULES: tuple[Callable[[Log], Iterator[Finding]], ...] = (
    only_people_write_their_columns,
    retry_after_is_kept,
    three_attempts,
    breaker,
    made_once,
    passed_means_ticked,
    ticks_are_answered,
    nothing_is_thrown_away,
)


def _clean_passes(log: Log) -> list[list[Request]]:
    """Passes in which every answer came, and which asked for rows."""
    runs = [sorted(run, key=lambda r: r.start) for run in log.runs().values()]
    return [run for run in runs if run[0].path.endswith("/query") and not any(r.failed for r in run)]


def _replay(log: Log) -> Iterator[tuple[Request, Row | None]]:
    """Every request with the row that it is about, as the row is after people's and before the worker's write."""
    log.rows = {}
    for request in log.requests:
        row = log.rows.get(request.of_page())
        if request.method == "POST" and request.path == "/v1/pages" and request.done:
            key = _text(request.value("Key", "キー"))
            row = log.rows[request.id] = Row(
                key, _text(request.value("Host", "ホスト")), record=request.bot and not key
            )
            if not request.bot:
                _apply(request, row)
        elif row is not None and not request.bot:
            _apply(request, row)
        yield request, row
        if row is not None and request.bot:
            _apply(request, row)


def _apply(request: Request, row: Row) -> None:
    if not request.done:
        return
    body = request.body if isinstance(request.body, dict) else {}
    if not request.bot and PEOPLES & set(request.columns):
        row.said = True
    done = request.value("Done", "実施済み")
    if done is not None and bool(done) is not row.done:
        row.done = bool(done)
        if row.done:
            row.ticked_at = request.end
        else:
            row.unticked_at = request.end
    if {"Result", "結果"} & set(request.columns):
        row.result = _option(request.value("Result", "結果"))
        row.passed = row.result in PASSED
    live = request.value("Live", "有効")
    row.live = row.live if live is None else bool(live)
    row.gone = bool(body.get("in_trash", row.gone))
    key = request.value("Key", "キー")
    row.key = row.key if key is None else _text(key)


def _option(value: Any) -> str:
    return str((value or {}).get("name") or "") if isinstance(value, dict) else ""


def _text(pieces: Any) -> str:
    if not isinstance(pieces, list):
        return ""
    return "".join(str(piece.get("text", {}).get("content") or piece.get("plain_text") or "") for piece in pieces)


def check(log: Log) -> list[Finding]:
    """All broken promises."""
    return sorted((found for rule in RULES for found in rule(log)), key=lambda found: found.line)


def main(arguments: Iterable[str] | None = None) -> int:
    """0 where all promises were kept, 1 where one was broken, 2 where the log cannot be read."""
    parser = argparse.ArgumentParser(prog="check-log", description="Checks request logs of the local Notion.")
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="written by serve --request-log LOG")
    parser.add_argument("--lag", type=float, default=0.0, help="seconds by which its queries lagged  [default: 0]")
    given = parser.parse_args(None if arguments is None else list(arguments))
    worst = 0
    for path in given.logs:
        try:
            requests = read(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, BadLog) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
        log = Log(requests, given.lag)
        found = check(log)
        runs = log.runs()
        faults = sum(1 for request in log.bots if request.fault)
        counted = (
            f"{len(log.bots)} requests of the worker in {len(runs)} passes, {faults} faults, {len(log.rows)} pages"
        )
        print(f"{path}: {counted}: {len(RULES)} rules, {len(found)} violations")
        if not runs and log.bots:
            print(f"{path}: no names of passes in it: attempts, breaker and waiting ticks were not judged")
        for one in found:
            print(f"{path}:{one.line}: {one.rule}: {one.text}")
        worst = max(worst, int(bool(found)))
    return worst


if __name__ == "__main__":
    sys.exit(main())
