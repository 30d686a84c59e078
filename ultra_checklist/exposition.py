"""The logbook for Prometheus: a text file, for the node exporter's textfile collector."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ultra_checklist import __version__
from ultra_checklist.escape import label
from ultra_checklist.logbook import LogbookFile
from ultra_checklist.model import Outcome, Result

_PASSES = ("idle", "worked", "failed")
_RESULTS = (*(result.value for result in Result), "open")
_MODE = 0o644
"""The node exporter is another user."""


def text(file: LogbookFile) -> str:
    """All metrics. Labels are keys and codes: no titles, no names, nothing that people typed."""
    last, releases = file.last, file.releases
    lines = [
        *_metric("build_info", "gauge", "The version that made the last pass.", {f'version="{__version__}"': 1}),
        *_metric(
            "passes_total",
            "counter",
            "Passes by outcome: idle changed nothing, worked did, failed could not be made.",
            {f'outcome="{outcome}"': file.passes.get(outcome, 0) for outcome in _PASSES},
        ),
        *_metric("requests_total", "counter", "Requests to Notion.", {"": file.requests}),
        *_metric("limited_requests_total", "counter", "Of these turned away: too many.", {"": file.limited}),
        *_metric("writes_total", "counter", "Rows and pages written.", {"": file.writes}),
        *_metric(
            "verdicts_total",
            "counter",
            "Verdicts on checks by outcome.",
            {f'outcome="{outcome.value}"': file.verdicts.get(outcome.value, 0) for outcome in Outcome},
        ),
        *_metric(
            "last_pass_timestamp_seconds", "gauge", "When the last pass ended.", _when(last.at if last else None)
        ),
        *_metric("last_pass_duration_seconds", "gauge", "How long it took.", {"": last.seconds} if last else {}),
        *_metric(
            "last_success_timestamp_seconds",
            "gauge",
            "When the last pass that did not fail ended.",
            _when(file.succeeded),
        ),
        *_metric("open_releases", "gauge", "Open releases of this machine.", {"": len(releases)}),
        *_metric(
            "release_checks",
            "gauge",
            "Checks of an open release by result; open: none yet.",
            {
                f'release="{label(key)}",result="{result}"': known.results.get(result, 0)
                for key, known in sorted(releases.items())
                for result in _RESULTS
            },
        ),
        *_metric(
            "release_due_checks",
            "gauge",
            "Checks of an open release whose probes were still due after the pass.",
            {f'release="{label(key)}"': known.due for key, known in sorted(releases.items())},
        ),
    ]
    return "\n".join(lines) + "\n"


def write(path: Path, content: str) -> None:
    """Replace the file in one step, readable by all. Raises OSError."""
    # Not *.prom, so that nobody reads it half written.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(content, encoding="utf-8")
        fresh.chmod(_MODE)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _when(time: datetime | None) -> dict[str, float]:
    return {"": round(time.timestamp(), 3)} if time is not None else {}


def _metric(name: str, kind: str, about: str, samples: Mapping[str, float]) -> Iterable[str]:
    """One metric with its samples by labels; nothing where there is none."""
    if samples:
        yield f"# HELP ultra_checklist_{name} {about}"
        yield f"# TYPE ultra_checklist_{name} {kind}"
    for labels, value in samples.items():
        yield f"ultra_checklist_{name}{{{labels}}} {value!r}" if labels else f"ultra_checklist_{name} {value!r}"
