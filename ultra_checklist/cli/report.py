"""``report``: a release told to those who were not there, from the state folder alone."""

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ultra_checklist import plugins
from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import CANNOT_WRITE, NAME_FILE_THERE, WROTE, chosen, common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.errors import NoManifestError, UsageError
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.release import Release

_SAME = Words(en="--against {version} is the same release", ja="--against {version} は同じリリースです")
_NAME_OTHER = Words(
    en="Name another one, or an attempt: {version}~1", ja="別のリリースか、試行を指定してください: {version}~1"
)
_NO_FILE = Words(en="-o {path} is no regular file", ja="-o {path} は通常のファイルではありません")
_NAME_FILE = Words(
    en="Name a file, or leave -o out for stdout", ja="ファイルを指定するか、標準出力なら -o を省いてください"
)


@click.command()
@click.argument("version", shell_complete=versions)
@chosen
@click.option(
    "--format",
    "form",
    default="markdown",
    show_default=True,
    metavar="FORMAT",
    help="html, markdown, json or junit.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write this file, whole or not at all.  [default: stdout]",
)
@click.option("--against", metavar="VERSION", help="Say what differs from this release.")
@common
def report(
    version: str,
    template: str | None,
    environment: str | None,
    form: str,
    output: Path | None,
    against: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """Tell a release, open or ended: results, who ticked, runs, a timeline, and ticks that were not true.

    It reads the journal and asks neither Notion nor the machine. VERSION~N is attempt N.

    \b
    Examples:
      ultra-checklist report v1.4.0 --format html -o v1.4.0.html
      ultra-checklist report v1.4.0 --against v1.3.0
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.comparison import compare
    from ultra_checklist.telling import account_of, attempt_of

    at = desk(env_file, local, lang)
    writer = plugins.writer(plugins.RELEASE_REPORTS, form)
    release = attempt_of(at, version, template, environment)
    account = account_of(at, release)
    if against is not None:
        account = compare(account, account_of(at, _other(at, against, release)))
    text: str = writer(account)
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(text.encode())
        return
    _write(output, text.encode())
    say(WROTE.filled(path=str(output)))


def _other(at: Desk, version: str, release: "Release") -> "Release":
    """The release to compare with: of the same template and environment where there is one."""
    from ultra_checklist.telling import attempt_of

    manifest = release.manifest
    try:
        found = attempt_of(at, version, manifest.template.name, manifest.environment)
    except NoManifestError:
        found = attempt_of(at, version, None, None)
    if found.manifest.key == manifest.key:
        raise UsageError(_SAME.filled(version=version), remedy=_NAME_OTHER.filled(version=version))
    return found


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole: whoever reads it sees the old one or the new one. Raises UsageError."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise UsageError(_NO_FILE.filled(path=str(path)), remedy=_NAME_FILE)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        told = CANNOT_WRITE.filled(path=str(path), why=error.strerror or str(error))
        raise UsageError(told, remedy=NAME_FILE_THERE) from error
