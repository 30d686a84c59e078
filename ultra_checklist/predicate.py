"""What a bundle's statement says of a release: a pure function of manifest, journal and the parts of the bundle.

Because it is one, whoever has the bundle works it out again and compares; ``docs/bundle.md`` explains
the fields, ``docs/schemas/release-predicate.json`` is their schema. Another meaning of a field is another
``PREDICATE_TYPE``.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.dsse import statement
from ultra_checklist.history import History, fold
from ultra_checklist.journal import Entry
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Decision, Ending, Frozen, Item, Outcome, Result
from ultra_checklist.record import Choosing, DeployMark, Person, Proof, RunRecord

PREDICATE_TYPE = "urn:ultra-checklist:predicate:release:v1"
SIGNED = (
    "Detects changes of this bundle by anybody without the signing key. It does not show that the person or the "
    "machine that held the key, or wrote the journal, told the truth."
)
UNSIGNED = (
    "Not signed: detects damage and careless changes. Whoever makes the whole bundle anew is not detected; compare "
    "the journal's head with the one on the release's page."
)


class Said(Frozen):
    """Base of the predicate's parts: names in lowerCamelCase, as in-toto asks."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class Artefact(Said):
    """A file of the bundle, or one that is only named: too large, or gone from the evidence store."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int | None = Field(default=None, ge=0, description="Bytes; null where it is not in the bundle.")
    included: bool = True


class Head(Said):
    """The journal as it was sealed."""

    head: str = Field(description="SHA-256 of its last line, the seal; the whole history follows from it.")
    lines: int
    announced: str = Field(description="Its head just before the seal, as the release's page shows it.")


class Deploy(Said):
    """A deploy mark."""

    number: int
    started: str
    ended: str | None
    exit_code: int | None
    host: str
    by: Person | None
    withdrawn: bool


class Run(Said):
    """A command that was run for an item."""

    number: int
    item: str
    argv: tuple[str, ...]
    started: str
    ended: str | None
    exit_code: int | None
    host: str
    os_user: str
    script: str
    script_sha256: str
    commit: str
    gates: tuple[str, ...]
    break_glass: str
    deploy: int
    log: str = Field(description="SHA-256 of the redacted log; empty where there is none.")
    log_bytes: int
    log_complete: bool


class Judged(Said):
    """One probe's verdict."""

    probe: str
    outcome: Outcome
    reason: str
    expected: str
    seen: str
    sentence: str
    evidence: str = Field(description="SHA-256 of the recorded observation; empty where nothing was seen.")


class Proved(Said):
    """What the probes of a check said together, last."""

    outcome: Outcome
    at: str
    deploy: int = Field(description="How many deploys there had been.")
    facts: str = Field(description="Digest of what was judged.")
    verdicts: tuple[Judged, ...]


class Decided(Said):
    """An operator's decision."""

    decision: Decision
    note: str
    until: str
    by: Person | None
    facts: str
    at: str


class Check(Said):
    """One line of the checklist, as it stood at the end."""

    id: str
    number: str
    title: str
    section: str
    required: bool
    result: Result | None = Field(description="What its row showed; null: nothing.")
    settled: bool
    ticked: str | None = Field(description="When its tick was first seen.")
    by: Person | None = Field(description="Who ticked it.")
    approved_by: tuple[Person, ...]
    proof: Proved | None
    decision: Decided | None


class Release(Said):
    """Which release it is."""

    key: str
    version: str
    environment: str
    attempt: int
    commit: str
    host: str
    machine: str = Field(description="Digest of the machine's id.")
    template: str
    template_sha256: str
    created: str
    local: bool = Field(description="true: it was kept in the built-in local Notion.")
    product: str = Field(description="The version of Ultra Checklist that made it.")


class Predicate(Said):
    """What happened to a release, sealed at its end."""

    release: Release
    ending: Ending
    reason: str
    started: str
    ended: str
    operators: tuple[Person, ...]
    made_of: str = Field(description="The honesty line: what the checks rest on.")
    journal: Head
    deploys: tuple[Deploy, ...]
    runs: tuple[Run, ...]
    checks: tuple[Check, ...]
    artefacts: tuple[Artefact, ...]
    signer: str = Field(description="Id of the key that signs; empty: it is not signed.")
    claim: str = Field(description="What may be concluded from it, and what not.")


def sealed_part(entries: Sequence[Entry]) -> list[Entry]:
    """The journal up to its seal; what is written after it, while the ending is carried out, is not in the bundle.

    Empty where it is not sealed.
    """
    seals = [place for place, entry in enumerate(entries, 1) if entry.kind == "sealed"]
    return list(entries[: seals[-1]]) if seals else []


def statement_of(
    manifest: Manifest, entries: Sequence[Entry], artefacts: Sequence[Artefact], signer: str
) -> dict[str, Any]:
    """The statement of a release whose journal ends with its seal."""
    said = _predicate(manifest, entries, artefacts, signer)
    return statement(
        list(_subjects(manifest, artefacts)), PREDICATE_TYPE, said.model_dump(mode="json", by_alias=True)
    )


def _predicate(
    manifest: Manifest, entries: Sequence[Entry], artefacts: Sequence[Artefact], signer: str
) -> Predicate:
    history, seal = fold(entries), entries[-1]
    return Predicate(
        release=_release(manifest),
        ending=Ending(seal.data["ending"]),
        reason=seal.data.get("reason", ""),
        started=seal.data.get("started", ""),
        ended=_time(seal.time),
        operators=tuple(Person.model_validate(raw) for raw in seal.data.get("operators", ())),
        made_of=seal.data.get("made_of", ""),
        journal=Head(head=seal.hash, lines=len(entries), announced=seal.data.get("journal", "")),
        deploys=tuple(_deploy(mark) for mark in history.deploys),
        runs=tuple(_run(run) for run in history.runs),
        checks=tuple(_check(manifest, history, item) for item in manifest.items),
        artefacts=tuple(artefacts),
        signer=signer,
        claim=SIGNED if signer else UNSIGNED,
    )


def _subjects(manifest: Manifest, artefacts: Sequence[Artefact]) -> Iterable[dict[str, Any]]:
    if manifest.commit:
        yield {"name": "commit", "digest": {"gitCommit": manifest.commit}}
    for one in artefacts:
        yield {"name": one.name, "digest": {"sha256": one.sha256}}


def _release(manifest: Manifest) -> Release:
    return Release(
        key=manifest.key,
        version=manifest.version,
        environment=manifest.environment,
        attempt=manifest.attempt,
        commit=manifest.commit,
        host=manifest.machine.name,
        machine=manifest.machine.digest,
        template=manifest.template.name,
        template_sha256=manifest.template.sha256,
        created=_time(manifest.created),
        local=manifest.local,
        product=manifest.product_version,
    )


def _deploy(mark: DeployMark) -> Deploy:
    return Deploy(
        number=mark.number,
        started=_time(mark.started),
        ended=_time(mark.ended) if mark.ended is not None else None,
        exit_code=mark.exit_code,
        host=mark.host,
        by=mark.by,
        withdrawn=mark.withdrawn,
    )


def _run(run: RunRecord) -> Run:
    same = {name: getattr(run, name) for name in Run.model_fields if name not in ("started", "ended")}
    return Run(started=_time(run.started), ended=_time(run.ended) if run.ended is not None else None, **same)


def _check(manifest: Manifest, history: History, item: Item) -> Check:
    check: CheckHistory = history.check(item.id)
    section = manifest.template.section_of(item)
    return Check(
        id=item.id,
        number=f"{section.number}.{section.items.index(item) + 1}",
        title=item.title,
        section=section.title,
        required=item.required,
        result=check.shown.result,
        settled=check.shown.settled,
        ticked=_time(check.tick.at) if check.tick is not None else None,
        by=check.tick.by if check.tick is not None else None,
        approved_by=check.approved_by,
        proof=_proof(check.proof) if check.proof is not None else None,
        decision=_decision(check.choosing) if check.choosing is not None else None,
    )


def _proof(proof: Proof) -> Proved:
    verdicts = tuple(
        Judged(
            probe=line.probe,
            outcome=line.outcome,
            reason=line.reason,
            expected=line.expected.en,
            seen=line.seen.en,
            sentence=line.sentence.en,
            evidence=line.evidence,
        )
        for line in proof.lines
    )
    return Proved(
        outcome=proof.outcome, at=_time(proof.at), deploy=proof.deploy, facts=proof.facts, verdicts=verdicts
    )


def _decision(choosing: Choosing) -> Decided:
    return Decided(
        decision=choosing.decision,
        note=choosing.note,
        until=choosing.until,
        by=choosing.by,
        facts=choosing.facts,
        at=_time(choosing.at),
    )


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
