"""What people and saboteurs have set on the pretend backend: a file in its run folder, read at each look."""

import json
import os
from pathlib import Path
from typing import Any

FILE, RELEASE = "control.json", "release"


def release(run_folder: Path) -> tuple[str, str]:
    """Version and commit that were deployed last."""
    version, commit = (run_folder / RELEASE).read_text(encoding="utf-8").split()
    return version, commit


def read(run_folder: Path) -> dict[str, Any]:
    """All that is set; nothing where the file is not there."""
    try:
        found: dict[str, Any] = json.loads((run_folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def put(run_folder: Path, **values: Any) -> None:
    """Set some, keep the others; None takes one back. Readers see the old file or the new one."""
    kept = {**read(run_folder), **values}
    draft = run_folder / f"{FILE}.{os.getpid()}"
    draft.write_text(json.dumps({k: v for k, v in kept.items() if v is not None}), encoding="utf-8")
    draft.replace(run_folder / FILE)


def of_version(run_folder: Path, version: str = "") -> dict[str, Any]:
    """What is set for a version, the deployed one if none is named; ``version`` may bind it to one alone."""
    found, asked = read(run_folder), version or release(run_folder)[0]
    return found if found.get("version", asked) == asked else {}
