"""``report``: a release told to those who were not there, from the state folder alone."""

import os
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ultra_checklist import plugins
from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import CANNOT_WRITE, NAME_FILE_THERE, NO_FORMAT, WROTE, Desk, chosen, common, desk
from ultra_checklist.errors import NoManifestError, UsageError
from ultra_checklist.words import Words, nearest

if TYPE_CHECKING:
    from ultra_checklist.account import Account
    from ultra_checklist.release import Release

_NO_ATTEMPT = Words(
    en="no attempt {n} of {version} on this machine", ja="{version} の試行 {n} はこのマシンにありません"
)
_LIST = Words(
    en="ultra-checklist status lists what is here",
    ja="このマシンのリリースは ultra-checklist status で確認できます",
)
_SAME = Words(en="--against {version} is the same release", ja="--against {version} は同じリリースです")
_NAME_OTHER = Words(
    en="Name another one, or an attempt: {version}~1", ja="別のリリースか、試行を指定してください: {version}~1"
)
_NO_FILE = Words(en="-o {path} is no regular file", ja="-o {path} は通常のファイルではありません")
_NAME_FILE = Words(
    en="Name a file, or leave -o out for stdout", ja="ファイルを指定するか、標準出力なら -o を省いてください"
)
_ATTEMPT = re.compile(r"(.+)~([1-9]\d*)")


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

    at = desk(env_file, local, lang)
    known = plugins.names(plugins.RELEASE_REPORTS)
    if form not in known:
        raise UsageError(NO_FORMAT.filled(name=repr(form)), remedy=nearest(form, known))
    writer = plugins.load(plugins.RELEASE_REPORTS, form)
    release = _find(at, version, template, environment)
    account = _told(at, release)
    if against is not None:
        account = compare(account, _told(at, _other(at, against, release)))
    text: str = writer(account)
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(text.encode())
        return
    _write(output, text.encode())
    say(WROTE.filled(path=str(output)))


def _told(at: Desk, release: "Release") -> "Account":
    """The account, without anything that is known to be secret here."""
    from ultra_checklist.prove import Prover
    from ultra_checklist.recount import recount

    redactor = Prover(release, at.home, secrets=at.secrets).runner.redactor
    return recount(release, at.lang, redactor)


def _find(at: Desk, version: str, template: str | None, environment: str | None) -> "Release":
    """The newest attempt of a version, or the one that is named."""
    from ultra_checklist.release import Release, find

    match = _ATTEMPT.fullmatch(version)
    if match is None:
        return find(at.shelf, version, local=at.local, environment=environment, template=template)
    newest = find(at.shelf, match[1], local=at.local, environment=environment, template=template).manifest
    line = (newest.template.name, newest.environment, newest.version, int(match[2]))
    for manifest in at.shelf.all():
        if (manifest.template.name, manifest.environment, manifest.version, manifest.attempt) == line:
            return Release(at.shelf, manifest)
    raise NoManifestError(_NO_ATTEMPT.filled(version=match[1], n=match[2]), remedy=_LIST)


def _other(at: Desk, version: str, release: "Release") -> "Release":
    """The release to compare with: of the same template and environment where there is one."""
    manifest = release.manifest
    try:
        found = _find(at, version, manifest.template.name, manifest.environment)
    except NoManifestError:
        found = _find(at, version, None, None)
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
