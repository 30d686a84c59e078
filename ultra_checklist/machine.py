"""Which machine this is: a release's probes speak of one machine only."""

import hashlib
import socket
from pathlib import Path

from ultra_checklist.model import Frozen

_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Machine(Frozen):
    """A machine by a digest of its machine-id (machine-id(5) asks not to publish the id itself)."""

    digest: str
    name: str

    def told_from(self, other: "Machine") -> tuple[str, str]:
        """Names for this one and another: with a part of the digest where the host names are the same."""
        if self.name != other.name:
            return self.name, other.name
        return f"{self.name} ({self.digest[:8]})", f"{other.name} ({other.digest[:8]})"


def this_machine() -> Machine:
    """The machine this runs on; where it has no machine-id, its host name stands in."""
    name = socket.gethostname()
    identity = next((text for text in map(_read, _ID_FILES) if text), f"hostname:{name}")
    digest = hashlib.sha256(f"ultra-checklist:{identity}".encode()).hexdigest()[:32]
    return Machine(digest=digest, name=name)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
