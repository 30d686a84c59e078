"""What the process environment says, for those who are not to wait for the settings to be imported."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ultra_checklist.words import Lang

if TYPE_CHECKING:
    from pathlib import Path

PATHS: Final = ("ULTRA_CHECKLIST_SIGNING_KEY",)
"""Settings that are named like secrets and hold the path of one."""
VARIABLE_PREFIX: Final = "ULTRA_CHECKLIST_VAR_"


def process_environment() -> Mapping[str, str]:
    """The process environment, for those who pass an allow-listed part of it to children."""
    return os.environ


def variable_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Template variables given through the environment as ``ULTRA_CHECKLIST_VAR_NAME``."""
    environ = os.environ if environ is None else environ
    found = ((key.removeprefix(VARIABLE_PREFIX), v) for key, v in environ.items())
    return {name: value for name, value in found if VARIABLE_PREFIX + name in environ}


def default_home(environ: Mapping[str, str]) -> "Path":
    """The state folder where nothing is said of it."""
    from pathlib import Path

    state = environ.get("XDG_STATE_HOME")
    return Path(state or "~/.local/state").expanduser() / "ultra-checklist"


def default_lang() -> Lang:
    """The language of the person at this terminal: Japanese where the locale says so."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "ja" if value.startswith("ja") else "en"
    import locale

    return "ja" if (locale.getlocale()[0] or "").startswith("ja") else "en"
