"""``fingerprint``: what production compares its values with, without having those of staging."""

import os
import secrets
import stat
from io import StringIO
from pathlib import Path

import click

from ultra_checklist.cli.boundary import say
from ultra_checklist.errors import RefusedError, UsageError


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, metavar="OUT", type=click.Path(path_type=Path), help="The file to write."
)
def fingerprint(source: Path, output: Path) -> None:
    """Write keyed fingerprints of an environment file's values: run it on staging, take OUT to production.

    OUT holds names of keys, fingerprints and their random key, and no value. Short and common values are left
    out. Whoever has OUT can test guesses against it: it is made for its owner alone, keep it so.

    \b
    Examples:
      ultra-checklist fingerprint .env.staging -o staging.fingerprints
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.probes.fingerprints import Fingerprints

    values = _values(source)
    found = Fingerprints.make(values)
    count = sum(len(listed) for listed in found.keys.values())
    if not count:
        raise RefusedError(
            f"{source} has no value that is worth comparing: all are empty, short or common",
            remedy="Name the environment file that staging runs with",
        )
    _write(output, source, (found.model_dump_json(indent=1) + "\n").encode())
    say(f"wrote {output}: {count} fingerprints of {len(found.keys)} keys")
    if left := sorted({name for name, _ in values} - found.keys.keys()):
        say(f"left out, as short or common: {', '.join(left)}")


def _values(source: Path) -> list[tuple[str, str]]:
    """Every value of an environment file, of names that stand twice both. Raises UsageError."""
    from dotenv.parser import parse_stream

    from ultra_checklist.probes.file import read_file

    try:
        text = read_file(source).decode("utf-8-sig")
    except OSError as error:
        told = "is a symbolic link" if source.is_symlink() else f"cannot be read: {error.strerror}"
        raise UsageError(f"{source} {told}", remedy="Name a regular file that you may read") from None
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8", remedy="Name an environment file") from None
    bindings = list(parse_stream(StringIO(text)))
    broken = [str(binding.original.line) for binding in bindings if binding.error]
    if broken:
        # What cannot be read would be missing, and nobody would notice on production.
        raise UsageError(
            f"{source} cannot be read as KEY=value in line {', '.join(broken)}", remedy="Mend it, then run it again"
        )
    return [(binding.key, binding.value) for binding in bindings if binding.key and binding.value]


def _write(output: Path, source: Path, content: bytes) -> None:
    """Write a file for its owner alone, as a whole, never through a link or over another. Raises UsageError."""
    from ultra_checklist.probes.file import read_file
    from ultra_checklist.probes.fingerprints import Fingerprints

    fresh = output.with_name(f".{output.name}.{secrets.token_hex(6)}")
    try:
        there = output.lstat() if output.exists() or output.is_symlink() else None
        if there is not None and stat.S_ISLNK(there.st_mode):
            raise UsageError(f"-o {output} is a symbolic link", remedy="Name a file, not a link to one")
        if there is not None and (not stat.S_ISREG(there.st_mode) or Fingerprints.parse(read_file(output)) is None):
            told = "is the file itself" if source.exists() and output.samefile(source) else "is another file"
            raise UsageError(f"-o {output} {told}", remedy="Name a new file, or one of fingerprints")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(output)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise UsageError(
            f"-o {output} cannot be written: {error.strerror or error}",
            remedy="Name a file in a folder that is there",
        ) from None
