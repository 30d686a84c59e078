"""The file of settings: which one is read, where a setting is to be written, and how."""

from collections.abc import Mapping
from pathlib import Path

from ultra_checklist import config, disk
from ultra_checklist.environ import default_home, process_environment

HERE = Path(".env")


def read(env_file: Path | None = None) -> Path | None:
    """The one file that ``config.load`` reads; None: there is none. Raises SettingsError as that does."""
    if env_file is not None:
        return env_file
    environ = process_environment()
    from_here = config.read_file(HERE) if HERE.is_file() else {}
    home = environ.get("ULTRA_CHECKLIST_HOME") or from_here.get("ULTRA_CHECKLIST_HOME")
    own = Path(home or default_home(environ)).expanduser() / "settings.env"
    return own if own.is_file() else HERE if HERE.is_file() else None


def written(home: Path, env_file: Path | None = None) -> Path:
    """Where a setting is to be written: into the file that is read, so that none of the others is lost.

    A ``./.env`` without any setting of ours is somebody else's. Raises SettingsError as ``config.load`` does.
    """
    file = read(env_file)
    if file is None or (env_file is None and file == HERE and not _is_ours(HERE)):
        return home / "settings.env"
    return file


def write(file: Path, given: Mapping[str, str]) -> None:
    """Set some settings in a file, readable by its owner alone; all other lines stay. Raises StateError.

    The values need no quotes: they hold no blanks and no other signs of a shell.
    """
    file = file.resolve()
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    left = dict(given)
    for place, line in enumerate(lines):
        name = line.partition("=")[0].strip().removeprefix("export ").strip()
        if name in given:
            lines[place] = f"{name}={given[name]}"
            left.pop(name, None)
    lines += [f"{name}={value}" for name, value in left.items()]
    disk.replace(file, ("\n".join(lines) + "\n").encode())


def _is_ours(file: Path) -> bool:
    return any(field.alias in config.read_file(file) for field in config.Settings.model_fields.values())
