"""A release after a pass, in numbers. Reads journal and history, asks nobody."""

from collections import Counter
from datetime import datetime

from ultra_checklist.duty import due
from ultra_checklist.hosts.carriers import Carriers
from ultra_checklist.logbook import Figures
from ultra_checklist.release import Release
from ultra_checklist.situations import View, evaluate
from ultra_checklist.states import Place


def figures(release: Release, carriers: Carriers) -> Figures:
    """How an open release of this machine stands; ``carriers`` know the other machines."""
    manifest, now = release.manifest, release.now()
    reach = carriers.is_out_of_reach
    view = View(manifest, release.history, release.mirror.rows, now, Place.HERE, reach, release.last_good)
    states = evaluate(view)
    results = Counter(state.result.value if state.result is not None else "open" for state in states.values())
    return Figures(results=dict(results), due=len(due(manifest.items, states, release.mirror.looks, now)))


def verdicts(release: Release, since: datetime) -> Counter[str]:
    """The verdicts of a release since then, by outcome."""
    found: Counter[str] = Counter()
    for entry in release.journal.entries():
        if entry.time < since:
            continue
        if entry.kind == "proved":
            found[str(entry.data["outcome"])] += 1
        elif entry.kind == "proved-again":
            proofs = (release.history.check(item).proof for item in entry.data["items"])
            found.update(proof.outcome.value for proof in proofs if proof is not None)
    return found
