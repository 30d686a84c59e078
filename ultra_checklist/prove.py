"""Proves checks of one release: runs what is due and puts verdicts into the journal, evidence first."""

from collections.abc import Iterable
from pathlib import Path

from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.history import ProofLine
from ultra_checklist.manifest import bound_to
from ultra_checklist.model import Finding, Item, combine, digest
from ultra_checklist.origins import with_secrets
from ultra_checklist.release import Release
from ultra_checklist.runner import Runner, summary


class Prover:
    """Runs probes for a release and records what they say."""

    def __init__(self, release: Release, home: Path, secrets: Iterable[str] = ()) -> None:
        self._release = release
        self._evidence = EvidenceStore(home)
        manifest = release.manifest
        variables = with_secrets(manifest.variables, manifest.template, home, manifest.environment)
        self.runner = Runner(variables, secrets=secrets, public_text=manifest.template_text)

    async def prove(self, items: Iterable[Item]) -> list[str]:
        """Run the probes of these items and record the proofs; returns the ids whose facts changed."""
        found = await self.runner.run(items)
        return [item for item, findings in found.items() if self._record(item, findings)]

    def _record(self, item_id: str, findings: list[Finding]) -> bool:
        item = self._release.manifest.template.item(item_id)
        check = self._release.history.check(item_id)
        if item is None or check.tick is None:
            return False
        facts = digest(summary(findings))
        deploy = len(self._release.history.deploys)
        bound = bound_to(self._release.manifest, item)
        old = check.proof
        if old is not None and (old.facts, old.tick, old.deploy, old.bound_to) == (
            facts,
            check.tick.number,
            deploy,
            bound,
        ):
            self._release.record("proved-again", {"item": item_id})
            return False
        # The evidence is on disk before the journal says so, and the journal before anything is shown.
        lines = [
            _line(finding, self._evidence.put(finding.material) if finding.material else "") for finding in findings
        ]
        proof = {
            "item": item_id,
            "tick": check.tick.number,
            "deploy": deploy,
            "bound_to": bound,
            "outcome": combine([finding.verdict.outcome for finding in findings]),
            "facts": facts,
            "lines": [line.model_dump(mode="json") for line in lines],
        }
        self._release.record("proved", proof)
        return True


def _line(finding: Finding, evidence: str) -> ProofLine:
    verdict = finding.verdict
    return ProofLine(
        probe=finding.probe,
        outcome=verdict.outcome,
        reason=verdict.reason,
        expected=verdict.expected,
        seen=verdict.seen,
        sentence=verdict.sentence,
        remedy=verdict.remedy,
        seconds=finding.seconds,
        evidence=evidence,
    )
