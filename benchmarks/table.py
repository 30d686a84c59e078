"""The rows of a run, and how they get into docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
HEAD = ("row", "wanted", "measured", "against", "ratio", "met")


@dataclass(frozen=True)
class Row:
    """One number: what was wanted, what came out; ``got`` and ``limit`` are compared, smaller is better."""

    key: str
    title: str
    wanted: str
    measured: str
    against: str
    got: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether the number was reached."""
        return self.got <= self.limit

    @property
    def verdict(self) -> str:
        """Yes, or by how much not."""
        if self.met:
            return "yes"
        return "no" if not self.limit else f"no, {self.got / self.limit:.2f} times the number"

    def cells(self) -> tuple[str, ...]:
        """The row in the order of ``HEAD``."""
        return (self.title, self.wanted, self.measured, self.against, f"{self.got:.2f}", self.verdict)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def between(text: str, measured: str) -> str:
    """A document whose part between the markers is replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"


def write(path: Path, machine: Sequence[str], rows: Sequence[Row]) -> None:
    """Put machine and rows into the document."""
    text = path.read_text(encoding="utf-8")
    path.write_text(between(text, "\n".join(machine) + "\n\n" + markdown(rows)), encoding="utf-8")
