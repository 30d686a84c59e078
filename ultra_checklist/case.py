"""A line of a checklist among what its document says: what an offer of probes rests on."""

import re
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.wording import Wording

Probe = tuple[str, dict[str, Any]]
HERE, COMMIT = "${DEPLOY_DIR}", "${COMMIT}"
_NOUNS = (
    (r"backend|バックエンド", "BACKEND"),
    (r"frontend|front-end|フロントエンド", "FRONTEND"),
    (r"web ?site|web ?サイト|home ?page|top ?page|トップページ|ホームページ", "SITE"),
    (r"worker|ワーカー", "WORKER"),
)


@dataclass(frozen=True)
class Case:
    """A line, and what the document around it says."""

    words: Wording
    where: str = ""
    """The words around it: headings, and the lines that it is nested in."""
    environment_files: tuple[str, ...] = ()
    """Those that the document names."""
    mentions: str = ""
    """All words of the document."""
    deploy: str = ""
    """The id of the line that deploys by a run that is on record; empty: there is none."""
    timezone: str = "UTC"
    defaults: dict[str, str] = field(default_factory=dict)
    """Defaults for variables that were offered, to be filled in by the offers."""

    def says(self, pattern: str) -> bool:
        """Whether the line has such words."""
        return re.search(pattern, self.words.said, re.ASCII) is not None

    def default(self, name: str, value: str) -> str:
        """A reference to a variable that has a default."""
        self.defaults[name] = value
        return f"${{{name}}}"

    @property
    def noun(self) -> str:
        """What the line speaks of, as a part of a variable's name."""
        for pattern, name in _NOUNS:
            if self.says(pattern):
                return name
        return "BACKEND" if re.search(_NOUNS[0][0], self.mentions) else "SERVICE"

    @property
    def environment_file(self) -> str:
        """The environment file that is meant: the line's, that of the words around it, the document's only one."""
        around = Wording(self.where).environment_files
        for files in (self.words.environment_files, around, self.environment_files):
            if len(files) == 1 or (files and files is not self.environment_files):
                return self.default("ENV_FILE", literal(files[0]))
        return "${ENV_FILE}"


def literal(text: str) -> str:
    """A text of the document's, in which a dollar sign is one."""
    return text.replace("$", "$$")


def number(value: float) -> int | float:
    """Without a point where none is needed."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded
