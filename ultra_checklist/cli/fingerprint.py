"""``fingerprint``: what production compares its values with, without having those of staging."""

import os
import secrets
import stat
from io import StringIO
from pathlib import Path

import click

from ultra_checklist.cli.boundary import say, speak
from ultra_checklist.cli.wiring import CANNOT_WRITE, NAME_FILE_THERE, spoken
from ultra_checklist.errors import RefusedError, UsageError
from ultra_checklist.words import Words


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, metavar="OUT", type=click.Path(path_type=Path), help="The file to write."
)
@spoken
def fingerprint(source: Path, output: Path, lang: str | None) -> None:
    """Write keyed fingerprints of an environment file's values: run it on staging, take OUT to production.

    OUT holds names of keys, fingerprints and their random key, and no value. Short and common values are left
    out. Whoever has OUT can test guesses against it: it is made for its owner alone, keep it so.

    \b
    Examples:
      ultra-checklist fingerprint .env.staging -o staging.fingerprints
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.probes.fingerprints import Fingerprints

    speak(lang)
    values = _values(source)
    found = Fingerprints.make(values)
    count = sum(len(listed) for listed in found.keys.values())
    if not count:
        raise RefusedError(_NO_VALUE.filled(file=str(source)), remedy=_NAME_STAGING)
    _write(output, source, (found.model_dump_json(indent=1) + "\n").encode())
    say(_WROTE.filled(path=str(output), n=str(count), keys=str(len(found.keys))))
    if left := sorted({name for name, _ in values} - found.keys.keys()):
        say(_LEFT_OUT.filled(names=", ".join(left)))


def _values(source: Path) -> list[tuple[str, str]]:
    """Every value of an environment file, of names that stand twice both. Raises UsageError."""
    from dotenv.parser import parse_stream

    from ultra_checklist.probes.file import read_file

    try:
        text = read_file(source).decode("utf-8-sig")
    except OSError as error:
        unreadable = _UNREADABLE.filled(file=str(source), why=error.strerror or str(error))
        told = _LINK.filled(file=str(source)) if source.is_symlink() else unreadable
        raise UsageError(told, remedy=_NAME_READABLE) from None
    except UnicodeDecodeError:
        raise UsageError(_NO_UTF8.filled(file=str(source)), remedy=_NAME_ENVIRONMENT) from None
    bindings = list(parse_stream(StringIO(text)))
    broken = [str(binding.original.line) for binding in bindings if binding.error]
    if broken:
        # What cannot be read would be missing, and nobody would notice on production.
        raise UsageError(_BROKEN.filled(file=str(source), lines=", ".join(broken)), remedy=_MEND)
    return [(binding.key, binding.value) for binding in bindings if binding.key and binding.value]


def _write(output: Path, source: Path, content: bytes) -> None:
    """Write a file for its owner alone, as a whole, never through a link or over another. Raises UsageError."""
    from ultra_checklist.probes.file import read_file
    from ultra_checklist.probes.fingerprints import Fingerprints

    fresh = output.with_name(f".{output.name}.{secrets.token_hex(6)}")
    try:
        there = output.lstat() if output.exists() or output.is_symlink() else None
        if there is not None and stat.S_ISLNK(there.st_mode):
            raise UsageError(_LINK.filled(file=f"-o {output}"), remedy=_NO_LINK)
        if there is not None and (not stat.S_ISREG(there.st_mode) or Fingerprints.parse(read_file(output)) is None):
            told = _ITSELF if source.exists() and output.samefile(source) else _ANOTHER
            raise UsageError(told.filled(path=str(output)), remedy=_NAME_NEW)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(output)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        why = CANNOT_WRITE.filled(path=str(output), why=error.strerror or str(error))
        raise UsageError(why, remedy=NAME_FILE_THERE) from None


_NO_VALUE = Words(
    en="{file} has no value that is worth comparing: all are empty, short or common",
    ja="{file} に比較に使える値がありません（すべて空か、短いか、ありふれた値です）",
)
_NAME_STAGING = Words(
    en="Name the environment file that staging runs with", ja="ステージングで使用中の環境ファイルを指定してください"
)
_WROTE = Words(
    en="wrote {path}: {n} fingerprints of {keys} keys", ja="{path} に書き込みました: {keys} キー、指紋 {n} 件"
)
_LEFT_OUT = Words(en="left out, as short or common: {names}", ja="短いかありふれた値のため除外: {names}")
_UNREADABLE = Words(en="{file} cannot be read: {why}", ja="{file} を読み込めません: {why}")
_LINK = Words(en="{file} is a symbolic link", ja="{file} はシンボリックリンクです")
_NAME_READABLE = Words(en="Name a regular file that you may read", ja="読み込める通常のファイルを指定してください")
_NO_UTF8 = Words(en="{file} is not UTF-8", ja="{file} は UTF-8 ではありません")
_NAME_ENVIRONMENT = Words(en="Name an environment file", ja="環境ファイルを指定してください")
_BROKEN = Words(
    en="{file} cannot be read as KEY=value in line {lines}",
    ja="{file} の {lines} 行目が KEY=value の形ではありません",
)
_MEND = Words(en="Mend it, then run it again", ja="修正してから再実行してください")
_NO_LINK = Words(en="Name a file, not a link to one", ja="リンクではなくファイルを指定してください")
_ITSELF = Words(en="-o {path} is the file itself", ja="-o {path} は入力ファイルそのものです")
_ANOTHER = Words(en="-o {path} is another file", ja="-o {path} は別のファイルです")
_NAME_NEW = Words(
    en="Name a new file, or one of fingerprints", ja="新しいファイルか、指紋のファイルを指定してください"
)
