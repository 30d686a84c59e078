"""The evidence store: redacted raw material under its SHA-256, in files only the owner can read."""

import hashlib
from pathlib import Path

from ultra_checklist import disk

MAX_BLOB = 4 << 20
"""Bytes kept of one piece of evidence; the rest is cut and said to be."""


class EvidenceStore:
    """Content-addressed files below one folder. Callers redact before they put something in."""

    def __init__(self, home: Path) -> None:
        self.root = home / "evidence"

    def put(self, data: bytes) -> str:
        """Keep a blob; it is on disk when its digest (hex) is returned. Raises StateError when it cannot."""
        if len(data) > MAX_BLOB:
            data = data[:MAX_BLOB] + f"\n[cut: {len(data)} bytes]\n".encode()
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        disk.keep(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """A blob by its digest. Raises FileNotFoundError."""
        return self.path(digest).read_bytes()

    def path(self, digest: str) -> Path:
        """Where a blob lies."""
        return self.root / digest[:2] / digest
