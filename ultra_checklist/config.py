"""Settings: the only reader of settings files; with ``environ`` that of the process environment."""

import contextlib
import json
import os
import shlex
import stat
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from ultra_checklist.complaints import complaint
from ultra_checklist.environ import default_home, variable_environment
from ultra_checklist.errors import SettingsError, StateError, WrongValue, cause
from ultra_checklist.words import Words

COMMENT: Final = "comment"
"""The channel that is no hook: a comment in Notion."""
EVENTS: Final = ("contradicted", "gate", "deploy", "gap", "rollback")
"""Kinds of news while a release runs."""
LOCAL_PAGE: Final = "00000000-0000-4000-8000-000000000001"
"""The one page of a new local Notion."""


class Settings(BaseModel):
    """One model for all settings; it holds what ``load`` gives it and reads nothing by itself."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    notion_token: SecretStr | None = Field(
        default=None, alias="NOTION_TOKEN", description="Secret of your Notion integration (ntn_...)."
    )
    notion_parent_page_id: str | None = Field(
        default=None,
        alias="NOTION_PARENT_PAGE_ID",
        description="The page under which the two databases are made; share it with the integration.",
    )
    notion_base_url: str = Field(
        default="https://api.notion.com",
        alias="NOTION_BASE_URL",
        description="Another address of the API, such as a local Notion: http://127.0.0.1:8642",
    )
    home: Path = Field(
        default=Path("~/.local/state/ultra-checklist"),
        alias="ULTRA_CHECKLIST_HOME",
        description="State and evidence; only you can read it (0700).",
    )
    local: bool = Field(
        default=False, alias="ULTRA_CHECKLIST_LOCAL", description="1: use the built-in local Notion."
    )
    templates: Path | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_TEMPLATES",
        description="A folder with your own templates; the built-in ones are found without it.",
    )
    environment: str = Field(
        default="production",
        alias="ULTRA_CHECKLIST_ENVIRONMENT",
        description="What `-e` is when it is not given.",
    )
    host: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
        alias="ULTRA_CHECKLIST_HOST",
        description="Label of this machine, for items with `runs_on`; empty: it is none of those that they name.",
    )
    agent_key: SecretStr | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_AGENT_KEY",
        description="Secret by which the machines of a team know each other's tasks and answers; without it "
        "NOTION_TOKEN is that.",
    )

    broker: SecretStr | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_BROKER",
        description="Address of the broker through which agents are asked, such as redis://HOST:6379/0; without it "
        "machines with labels are asked through Notion.",
    )
    host_silence: float = Field(
        default=180.0,
        gt=0,
        alias="ULTRA_CHECKLIST_HOST_SILENCE",
        description="Seconds, beside what its probes may take, after which another machine that has not answered "
        "is said to be silent and is asked again.",
    )
    ssh_config: Path | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_SSH_CONFIG",
        description="A file of OpenSSH's settings for `runs_on: ssh://...`; empty: your own.",
    )

    close_after: float = Field(
        default=600.0,
        ge=0,
        alias="ULTRA_CHECKLIST_CLOSE_AFTER",
        description="Seconds between everything being settled and the release closing by itself.",
    )

    signing_key: Path | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_SIGNING_KEY",
        description="File of the Ed25519 private key that signs bundles: PEM or OpenSSH, no passphrase, mode 0600; "
        "a relative path starts at the state folder. Empty: bundles are not signed.",
    )

    deadline: float = Field(
        default=240.0,
        ge=10,
        alias="ULTRA_CHECKLIST_DEADLINE",
        description="Seconds that one pass of sync may last; what is left then is done by the next one.",
    )

    heartbeat_url: SecretStr | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_HEARTBEAT_URL",
        description="An address of healthchecks.io's kind that hears of every pass: start, success, fail.",
    )
    metrics_file: Path | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_METRICS_FILE",
        description="A file that gets metrics for Prometheus after every pass; a relative path starts at the state "
        "folder.",
    )

    index_lag: float = Field(
        default=60.0,
        ge=0,
        alias="ULTRA_CHECKLIST_INDEX_LAG",
        description="Seconds by which Notion's queries may lag behind writes: so long is looked for a row whose "
        "answer was lost, before it is made again.",
    )

    hook_command: str = Field(
        default="",
        alias="ULTRA_CHECKLIST_HOOK_COMMAND",
        description="Hook: a program with arguments, run without a shell when a release has ended; JSON on stdin.",
    )
    hook_webhook_url: SecretStr | None = Field(
        default=None, alias="ULTRA_CHECKLIST_HOOK_WEBHOOK_URL", description="Hook: an address that gets the JSON."
    )
    hook_webhook_secret: SecretStr | None = Field(
        default=None,
        alias="ULTRA_CHECKLIST_HOOK_WEBHOOK_SECRET",
        description="Signs it: X-Ultra-Checklist-Signature: sha256=HMAC of the body.",
    )
    hook_slack_url: SecretStr | None = Field(
        default=None, alias="ULTRA_CHECKLIST_HOOK_SLACK_URL", description="Hook: a Slack incoming webhook."
    )
    hook_line_token: SecretStr | None = Field(
        default=None, alias="ULTRA_CHECKLIST_HOOK_LINE_TOKEN", description="Hook: LINE, the channel access token."
    )
    hook_line_to: str = Field(
        default="", alias="ULTRA_CHECKLIST_HOOK_LINE_TO", description="LINE: id of the user, group or room."
    )
    hook_plugins: str = Field(
        default="",
        alias="ULTRA_CHECKLIST_HOOK_PLUGINS",
        description="Hooks of other packages: names of entry points ultra_checklist.hooks, with commas.",
    )
    hook_timeout: float = Field(
        default=30.0,
        gt=0,
        le=300,
        alias="ULTRA_CHECKLIST_HOOK_TIMEOUT",
        description="Seconds that one attempt of a hook may take.",
    )

    notify: str = Field(
        default="",
        alias="ULTRA_CHECKLIST_NOTIFY",
        description="Who is told of news while a release runs, with commas: comment (in Notion), slack, line, "
        "webhook, command, which take the settings of the hooks of that name. Empty: nobody.",
    )
    notify_events: str = Field(
        default=",".join(EVENTS),
        alias="ULTRA_CHECKLIST_NOTIFY_EVENTS",
        description="Of which news, with commas: a ticked check that fails, a gate that opened, a deploy that "
        "began or ended, a gap while something is watched, a failure that opens the rollback.",
    )

    @field_validator("notify")
    @classmethod
    def _known_channels(cls, value: str, known: ValidationInfo) -> str:
        unknown = set(_listed(value)) - {COMMENT, *_hooks_of(known.data)}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise WrongValue(
                f"{names}: neither {COMMENT} nor a hook whose ULTRA_CHECKLIST_HOOK_... are set",
                f"{names}: {COMMENT} でも、ULTRA_CHECKLIST_HOOK_... を設定したフックでもありません",
            )
        return value

    @field_validator("notify_events")
    @classmethod
    def _known_events(cls, value: str) -> str:
        if not set(_listed(value)) <= set(EVENTS):
            names = ", ".join(EVENTS)
            raise WrongValue(f"only these are known: {names}", f"使えるのは次のものだけです: {names}")
        return value

    @field_validator("hook_command")
    @classmethod
    def _an_argv(cls, value: str) -> str:
        _argv(value)
        return value

    @property
    def token(self) -> str:
        """The token in plain text, empty where there is none."""
        return self.notion_token.get_secret_value() if self.notion_token is not None else ""

    @property
    def secrets(self) -> dict[str, str]:
        """Every secret among the settings by its name, in plain text: to be redacted from everything."""
        values = ((field.alias or name, getattr(self, name)) for name, field in type(self).model_fields.items())
        return {
            name: v.get_secret_value() for name, v in values if isinstance(v, SecretStr) and v.get_secret_value()
        }

    @property
    def hook_argv(self) -> tuple[str, ...]:
        """The program of the hook and its arguments; empty where there is none."""
        return _argv(self.hook_command)

    @property
    def hooks(self) -> tuple[str, ...]:
        """Names of the hooks that are set up."""
        return _hooks_of(dict(self))

    @property
    def channels(self) -> tuple[str, ...]:
        """Who is told of news while a release runs: ``comment``, or the name of a hook."""
        return _listed(self.notify)

    @property
    def events(self) -> frozenset[str]:
        """Of which kinds of news."""
        return frozenset(_listed(self.notify_events))


def _listed(text: str) -> tuple[str, ...]:
    """The names in a list with commas, each once."""
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))


def _hooks_of(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the hooks whose settings are given."""
    there = {
        "command": given.get("hook_command"),
        "webhook": given.get("hook_webhook_url"),
        "slack": given.get("hook_slack_url"),
        "line": given.get("hook_line_token") or given.get("hook_line_to"),
    }
    names = [name for name, value in there.items() if value]
    return tuple(dict.fromkeys([*names, *_listed(str(given.get("hook_plugins") or ""))]))


def load(
    env_file: Path | None = None, *, local: bool | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings: the environment wins over one file.

    The file is ``--env-file``, else ``settings.env`` in the state folder, else ``./.env``.
    Raises SettingsError naming the setting that is wrong.
    """
    environ = os.environ if environ is None else environ
    if env_file is not None and not env_file.is_file():
        raise SettingsError(_NO_FILE.filled(file=str(env_file)), remedy=_NAME_FILE)
    values: dict[str, Any] = {}
    here = Path(".env")
    if env_file is not None:
        values = read_file(env_file)
    else:
        from_here = read_file(here) if here.is_file() else {}
        home = environ.get("ULTRA_CHECKLIST_HOME") or from_here.get("ULTRA_CHECKLIST_HOME") or ""
        own = Path(home or default_home(environ)).expanduser() / "settings.env"
        values = read_file(own) if own.is_file() else from_here
        if home and "ULTRA_CHECKLIST_HOME" not in values:
            values["ULTRA_CHECKLIST_HOME"] = home
    values.setdefault("ULTRA_CHECKLIST_HOME", str(default_home(environ)))
    names = {field.alias: name for name, field in Settings.model_fields.items()}
    values = {k: v for k, v in values.items() if k in names}
    values |= {k: environ[k] for k in names if k is not None and environ.get(k)}
    if local:
        values["ULTRA_CHECKLIST_LOCAL"] = "1"
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        told = _WRONG.filled(setting=str(first["loc"][0]), why=complaint(first))
        raise SettingsError(told, remedy=_MEND_SETTING) from None
    home = settings.home.expanduser().absolute()
    files = {name: getattr(settings, name) for name in ("signing_key", "metrics_file")}
    found = {name: home / path.expanduser() for name, path in files.items() if path is not None}
    return settings.model_copy(update={"home": home, **found})


def prepare_home(home: Path) -> Path:
    """Make the state folder, readable by its owner alone. Raises StateError when that cannot be."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = home.stat()
        if mode.st_uid == os.geteuid() and stat.S_IMODE(mode.st_mode) & 0o077:
            home.chmod(0o700)
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        probe = home / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        told = _NO_HOME.filled(home=str(home), why=error.strerror or str(error))
        raise StateError(told, remedy=_OTHER_HOME) from error
    return home


def secret_values(settings: Settings, named: Collection[str] = ()) -> dict[str, str]:
    """Values by name that nobody may see: those of our settings and of every environment's variables.

    Names that tell of a secret count, and those that are ``named``. What cannot be read is left out.
    """
    from ultra_checklist.shapes import is_secret_name

    files = [settings.home / "settings.env", Path(".env"), *sorted(settings.home.glob("environments/*.env"))]
    found = variable_environment()
    for file in files:
        with contextlib.suppress(OSError, SettingsError):
            found |= {f"{name} {file.name}": value for name, value in read_file(file).items()}
    secret = {name: value for name, value in found.items() if _bare(name) in named or is_secret_name(_bare(name))}
    return secret | settings.secrets


def _bare(name: str) -> str:
    return name.partition(" ")[0]


def example() -> str:
    """The text of ``.env.example``: every setting with a line that says what it is."""
    lines = ["# Settings of Ultra Checklist. Copy to settings.env in the state folder, or to ./.env", ""]
    for field in Settings.model_fields.values():
        default = "" if field.default is None else str(field.default)
        default = "0" if field.default is False else default.removesuffix(".0")
        lines += [f"# {field.description}", f"{field.alias}={default}", ""]
    return "\n".join(lines)


def _argv(text: str) -> tuple[str, ...]:
    """A program and its arguments, written as a shell would have them, or as a JSON list. Raises ValueError."""
    if text.lstrip().startswith("["):
        parts = json.loads(text)
        if not all(isinstance(part, str) for part in parts):
            raise WrongValue("a list of strings is wanted", "文字列のリストで指定してください")
        return tuple(parts)
    return tuple(shlex.split(text))


def read_file(path: Path) -> dict[str, Any]:
    """What a file of settings sets. Raises SettingsError naming the line that is none."""
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(_UNREADABLE.filled(path=str(path), why=cause(error)), remedy=_MEND_FILE) from error
    broken = next((binding for binding in parse_stream(StringIO(text)) if binding.error), None)
    if broken is not None:
        told = _NO_SETTING.filled(path=str(path), line=str(broken.original.line))
        raise SettingsError(told, remedy=_WRITE_SETTING)
    return {k: v for k, v in dotenv_values(stream=StringIO(text), interpolate=False).items() if v}


_NO_FILE = Words(en="--env-file {file}: there is no such file", ja="--env-file {file}: ファイルがありません")
_NAME_FILE = Words(en="Name an existing file", ja="存在するファイルを指定してください")
_WRONG = Words(en="the setting {setting} cannot be used: {why}", ja="設定 {setting} の値が不正です: {why}")
_MEND_SETTING = Words(
    en="Mend it in the environment or in settings.env", ja="環境変数または settings.env を修正してください"
)
_NO_HOME = Words(
    en="the state folder {home} cannot be used: {why}", ja="状態フォルダ {home} を使用できません: {why}"
)
_OTHER_HOME = Words(
    en="Make it writable for this user, or set ULTRA_CHECKLIST_HOME to another folder",
    ja="このユーザーで書き込めるようにするか、ULTRA_CHECKLIST_HOME で別のフォルダを指定してください",
)
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_MEND_FILE = Words(en="Mend or remove that file", ja="ファイルを修正するか、削除してください")
_NO_SETTING = Words(en="{path}:{line}: this line is no setting", ja="{path}:{line}: 設定として読めない行です")
_WRITE_SETTING = Words(en="Write it as NAME=value, or remove it", ja="NAME=value の形で書くか、削除してください")
