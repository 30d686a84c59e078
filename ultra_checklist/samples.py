"""What probes have seen every so often since the deploy began: a file in the release's folder, JSON a line.

It saves no truth: what was judged stands in the evidence of the proof. Losing the file is a gap, and a gap is
never a pass. One process at a time writes it, under the worker's lock.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ultra_checklist import disk
from ultra_checklist.model import Frozen

FILE = "samples.jsonl"
MAX_SAMPLES = 2000
"""Samples kept of one probe on one machine; the oldest go."""
MAX_LINE = 64 << 10
"""Bytes of one sample; of a larger one is only kept that it was too large."""
MAX_BYTES = 16 << 20
"""Bytes of the whole file; the oldest samples go."""
SLACK = 1.1
"""How far a limit may be exceeded before the file is written anew."""


class Taken(Frozen):
    """One sample as it is stored, redacted."""

    item: str
    probe: int
    """The place among the item's probes."""
    bound_to: str
    """Digest of the item's probes as the manifest has them: under other options it says nothing."""
    host: str = ""
    """The other machine that it speaks of; empty: the one where the release is at home."""
    deploy: int
    """Number of the deploy after whose beginning it was taken."""
    at: datetime
    seen: Any = None
    """The observation; None: it could not see."""
    reason: str = ""
    """The code of why it could not."""


class SampleFile:
    """The samples of one release."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: list[Taken] | None = None
        self._whole = 0
        """Bytes up to the end of the last whole line; what a crash left behind it is dropped."""

    def read(self) -> list[Taken]:
        """All samples, oldest first. What cannot be read is not there."""
        if self._known is None:
            data = b""
            with contextlib.suppress(OSError):
                data = self._path.read_bytes()
            self._whole = data.rfind(b"\n") + 1
            self._known = list(_parse(data[: self._whole].splitlines()))
        return self._known

    def add(self, deploy: int, fresh: Iterable[Taken]) -> None:
        """Keep samples of a deploy; those of the deploys before it go. Raises StateError."""
        old, lines = self.read(), [_line(taken) for taken in fresh]
        if not lines:
            return
        added = list(_parse(lines))
        if any(taken.deploy != deploy for taken in old):
            self._replace([*(taken for taken in old if taken.deploy == deploy), *added])
            return
        if self._path.exists() and self._path.stat().st_size != self._whole:
            disk.cut(self._path, self._whole)
        disk.append(self._path, b"".join(lines))
        self._whole += sum(map(len, lines))
        self._known = [*old, *added]
        counts = Counter((taken.item, taken.probe, taken.host) for taken in self._known)
        if self._whole > MAX_BYTES * SLACK or max(counts.values()) > MAX_SAMPLES * SLACK:
            self._replace(self._known)

    def _replace(self, samples: list[Taken]) -> None:
        kept, counts, size = list[bytes](), Counter[tuple[str, int, str]](), 0
        for taken in reversed(samples):
            line, series = _line(taken), (taken.item, taken.probe, taken.host)
            if counts[series] < MAX_SAMPLES and size + len(line) <= MAX_BYTES:
                counts[series] += 1
                size += len(line)
                kept.append(line)
        data = b"".join(reversed(kept))
        disk.replace(self._path, data)
        self._known, self._whole = list(_parse(data.splitlines())), len(data)


def _line(taken: Taken) -> bytes:
    line = taken.model_dump_json().encode() + b"\n"
    if len(line) <= MAX_LINE:
        return line
    return taken.model_copy(update={"seen": None, "reason": "too-large"}).model_dump_json().encode() + b"\n"


def _parse(lines: Iterable[bytes]) -> Iterable[Taken]:
    for line in lines:
        # A line that another version wrote, or that was damaged, is a gap.
        with contextlib.suppress(ValidationError):
            yield Taken.model_validate_json(line)
