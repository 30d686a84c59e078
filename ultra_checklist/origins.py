"""Where the values of a template's variables come from, in order: flags, files, environment, defaults."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from ultra_checklist.environ import variable_environment
from ultra_checklist.errors import UsageError, cause
from ultra_checklist.model import Template
from ultra_checklist.variables import BUILT_IN, DEFAULT, Value, Variables, merge
from ultra_checklist.words import Words, nearest

GIT_TIMEOUT = 20.0


def values_file(home: Path, environment: str) -> Path:
    """Where this machine's values of variables and its secrets for an environment are."""
    return home / "environments" / f"{environment}.env"


def resolve(
    template: Template,
    *,
    flags: Sequence[str] = (),
    files: Sequence[Path] = (),
    home: Path,
    environment: str,
    built_in: Mapping[str, str],
) -> Variables:
    """Gather all values. Raises UsageError for unknown names and for secrets given by ``--var``.

    ``built_in`` gives VERSION and ENVIRONMENT; a flag may override them where no release is made.
    """
    declared = {variable.name: variable for variable in template.variables}
    secrets = {name for name, variable in declared.items() if variable.secret}
    given = dict(_flag(text) for text in flags)
    _known(given, declared, "--var")
    own = values_file(home, environment)
    for name in given:
        if name in secrets:
            raise UsageError(_SECRET.filled(name=name), remedy=_PUT_INTO.filled(file=str(own)))
    layers = [_layer(given.items(), "--var", secrets)]
    for file in files:
        values = _read(file)
        _known(values, declared, f"--var-file {file}")
        layers.append(_layer(values.items(), f"--var-file {file}", secrets))
    if own.is_file():
        layers.append(_layer(_read(own).items(), str(own), secrets))
    process = {name: value for name, value in variable_environment().items() if name in declared}
    layers.append(_layer(process.items(), "environment", secrets))
    layers.append(_layer(built_in.items(), "built in", set()))
    defaults = ((name, v.default) for name, v in declared.items() if v.default is not None)
    layers.append(_layer(defaults, DEFAULT, secrets))
    return merge(*layers)


def pin_commit(variables: Variables, wanted: str | None) -> tuple[Variables, str]:
    """Resolve the release's commit: ``--commit``, else RELEASE_REF, in DEPLOY_DIR; add it as COMMIT.

    Returns the commit, empty when there is no checkout to ask. Raises UsageError when the checkout
    does not know the name that was asked for.
    """
    if wanted is None and variables.get("COMMIT"):
        return variables, str(variables.get("COMMIT"))
    (filled, folder), unset = variables.fill(["${RELEASE_REF}", "${DEPLOY_DIR}"])
    checkout = "" if "DEPLOY_DIR" in unset else folder
    ref = wanted or ("" if "RELEASE_REF" in unset else filled)
    if not checkout or not ref:
        if wanted:
            raise UsageError(_NO_CHECKOUT.filled(ref=wanted), remedy=_ADD_CHECKOUT)
        return variables, ""
    commit = _commit_of(Path(checkout), ref)
    if commit is None:
        told = _NO_COMMIT.filled(ref=repr(ref), checkout=checkout)
        raise UsageError(told, remedy=_FETCH.filled(checkout=checkout))
    return variables.with_commit(commit, f"{ref} in {checkout}"), commit


def with_secrets(public: Variables, template: Template, home: Path, environment: str) -> Variables:
    """Add the secrets to stored variables; they are read afresh at each look and never stored."""
    secret = {variable.name for variable in template.variables if variable.secret}
    own = values_file(home, environment)
    found: dict[str, Value] = {}
    sources = [(str(own), _read(own) if own.is_file() else {}), ("environment", variable_environment())]
    for origin, values in sources:
        for name in secret & values.keys():
            if values[name]:
                found.setdefault(name, Value(value=values[name], origin=origin, secret=True))
    return Variables(values=dict(public.values) | found)


def _flag(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError(_NO_VALUE.filled(text=repr(text)), remedy=_EXAMPLE)
    return name, value


def _known(names: Iterable[str], declared: Mapping[str, object], where: str) -> None:
    for name in names:
        if name not in declared and name not in BUILT_IN:
            told = _NO_VARIABLE.filled(where=where, name=name)
            raise UsageError(told, remedy=nearest(name, [*declared, *BUILT_IN]))


def _layer(values: Iterable[tuple[str, str]], origin: str, secrets: set[str]) -> list[tuple[str, Value]]:
    return [(name, Value(value=value, origin=origin, secret=name in secrets)) for name, value in values]


def _read(path: Path) -> dict[str, str]:
    try:
        path.stat()
        return {k: v for k, v in dotenv_values(path, interpolate=False).items() if v is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(_UNREADABLE.filled(path=str(path), why=cause(error)), remedy=_NAME_FILE) from error


def _commit_of(checkout: Path, ref: str) -> str | None:
    argv = ["git", "-C", str(checkout), "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        told = _NO_GIT.filled(ref=repr(ref), why=cause(error))
        raise UsageError(told, remedy=_INSTALL) from error
    if "dubious ownership" in done.stderr:
        raise UsageError(
            _FOREIGN.filled(checkout=str(checkout)),
            remedy=f"git config --global --add safe.directory {checkout}",
        )
    return done.stdout.strip() or None if done.returncode == 0 else None


_SECRET = Words(
    en="--var {name}: a secret on the command line is seen by every process of this machine",
    ja="--var {name}: コマンドラインの秘密情報は、このマシンの全プロセスから見えます",
)
_PUT_INTO = Words(en="Put it into {file}, or use --var-file", ja="{file} に書くか、--var-file を使用してください")
_NO_CHECKOUT = Words(
    en="--commit {ref} cannot be resolved: DEPLOY_DIR is not set",
    ja="--commit {ref} を特定できません（DEPLOY_DIR が未設定です）",
)
_ADD_CHECKOUT = Words(
    en="Add: --var DEPLOY_DIR=/path/to/the/checkout",
    ja="追加してください: --var DEPLOY_DIR=/path/to/the/checkout",
)
_NO_COMMIT = Words(
    en="{ref} names no commit in DEPLOY_DIR {checkout}", ja="DEPLOY_DIR {checkout} に {ref} のコミットがありません"
)
_FETCH = Words(
    en="git -C {checkout} fetch --tags, or name another one with --commit",
    ja="git -C {checkout} fetch --tags を実行するか、--commit で別のものを指定してください",
)
_NO_VALUE = Words(en="--var {text}: expected NAME=VALUE", ja="--var {text}: NAME=VALUE の形で指定してください")
_EXAMPLE = Words(en="For example: --var DEPLOY_DIR=/srv/app", ja="例: --var DEPLOY_DIR=/srv/app")
_NO_VARIABLE = Words(
    en="{where}: the template has no variable {name}", ja="{where}: テンプレートに変数 {name} がありません"
)
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_NAME_FILE = Words(en="Name a file with NAME=VALUE lines", ja="NAME=VALUE の行からなるファイルを指定してください")
_NO_GIT = Words(en="git cannot be asked for {ref}: {why}", ja="git で {ref} を確認できません: {why}")
_INSTALL = Words(
    en="Install git, or look why it does not answer",
    ja="git をインストールするか、応答しない原因を確認してください",
)
_FOREIGN = Words(
    en="{checkout} belongs to another user, so git refuses it",
    ja="{checkout} は別のユーザーの所有のため、git が拒否します",
)
