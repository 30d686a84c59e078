"""Puts the parts together for a command: settings, state folder, Notion, workspace."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from ultra_checklist import config, disk
from ultra_checklist.cli.boundary import know, language, say, speak
from ultra_checklist.cli.completing import environments, templates
from ultra_checklist.errors import SettingsError, UsageError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Lang
from ultra_checklist.notion.schema import NOT_SET_UP, Workspace
from ultra_checklist.words import Words, joined

F = TypeVar("F", bound=Callable[..., Any])
LOCAL_TOKEN = "ntn_local_cli"  # noqa: S105 - the local Notion's integration, no secret
LOCAL_URL = "http://notion.local"
RESERVE = 30
"""Requests a minute that making a page leaves to the worker, so that ticks do not wait for it."""
LONG_WAIT = 3.0
"""Seconds of waiting for Notion after which a person is told."""


@dataclass(frozen=True)
class Desk:
    """What every command works with."""

    settings: config.Settings
    home: Path
    lang: Lang

    @property
    def local(self) -> bool:
        """Whether the built-in local Notion is used."""
        return self.settings.local

    @property
    def shelf(self) -> Shelf:
        """The releases of this machine."""
        return Shelf(self.home)

    @property
    def secrets(self) -> list[str]:
        """Our own secrets, and those of every environment, to be redacted from everything."""
        return list(self.secret_values().values())

    def secret_values(self) -> dict[str, str]:
        """The same by name."""
        named = {name for manifest in self.shelf.all() for name in manifest.secret_names}
        return config.secret_values(self.settings, named)

    @property
    def database(self) -> Path:
        """The file of the built-in local Notion."""
        return self.home / "local-notion.db"

    def require_notion(self) -> None:
        """Refuse where it is unclear which Notion is meant. Raises SettingsError naming both ways on."""
        if not self.local and not self.settings.token:
            raise SettingsError(NO_TOKEN, remedy=_SET_TOKEN)

    def workspace(self) -> Workspace:
        """The databases that ``init`` pinned. Raises UsageError when there are none yet."""
        found = self.pinned()
        if found is None:
            flag = " --local" if self.local else " --parent PAGE"
            raise UsageError(NOT_SET_UP, remedy=f"ultra-checklist init{flag}")
        return found

    async def find_workspace(self, notion: Any) -> None:
        """After the state folder was lost: pin databases that are there. Raises UsageError where there are none."""
        if self.pinned() is not None:
            return
        from ultra_checklist.cli.notion import parent_page
        from ultra_checklist.notion.workspace import Databases

        if not self.local:
            databases = Databases(notion, parent_page(self, None), self.lang, None)
            if await databases.are_there():
                self.pin(await databases.prepare(local=False))
        self.workspace()

    def pinned(self) -> Workspace | None:
        """The databases that ``init`` pinned, if any."""
        try:
            return Workspace.model_validate_json(self._workspace_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def pin(self, workspace: Workspace) -> None:
        """Remember the databases."""
        disk.replace(self._workspace_file, workspace.model_dump_json(indent=1).encode())

    @property
    def _workspace_file(self) -> Path:
        return self.home / ("workspace-local.json" if self.local else "workspace.json")

    @asynccontextmanager
    async def notion(self, *, reserve: int = 0, seconds: float | None = None) -> AsyncIterator[Any]:
        """A connection to the Notion that was asked for; ``reserve`` requests a minute stay free for others.

        With ``seconds`` each request is sent once and waits no longer, and nothing is remembered of it.
        """
        self.require_notion()
        import httpx

        from ultra_checklist.notion.client import Notion

        if not self.local:
            memory = self.home / "gateway.json"
            url, token = self.settings.notion_base_url, self.settings.token
            lag = self.settings.index_lag
            if seconds is not None:
                async with Notion(token, url, timeout=seconds, attempts=1) as notion:
                    yield notion
                return
            async with Notion(token, url, memory=memory, reserve=reserve, index_lag=lag, told=_waiting) as notion:
                yield notion
            return
        from ultra_checklist.server.app import create_app

        transport = httpx.ASGITransport(app=create_app(self.database))
        async with Notion(LOCAL_TOKEN, LOCAL_URL, transport=transport, index_lag=0.0) as notion:
            yield notion

    def bench(self, notion: Any, listener: Any = None) -> Any:
        """What a pass works with."""
        from ultra_checklist.hooks import Hooks
        from ultra_checklist.machine import this_machine
        from ultra_checklist.reconcile import Bench

        made = Bench(
            notion,
            self.workspace(),
            this_machine(),
            self.settings.host,
            hooks=Hooks(self.settings),
            signing_key=self.settings.signing_key,
        )
        if listener is not None:
            made.listener = listener
        return made

    async def run_pass(self, notion: Any, *, only: str | None = None) -> Any:
        """Make one pass of the worker."""
        return await self.a_pass(notion, only=only).run()

    def a_pass(self, notion: Any, *, only: str | None = None, listener: Any = None) -> Any:
        """One pass of the worker, to be made."""
        from ultra_checklist.sync import Pass

        settings = self.settings
        return Pass(
            self.bench(notion, listener),
            self.home,
            secrets=self.secrets,
            close_after=settings.close_after,
            only=only,
            seconds=settings.deadline,
        )

    async def compare(self, notion: Any, release: Any, reconciler: Any) -> None:
        """Compare all rows of a release with its manifest and take in what people did."""
        from ultra_checklist.compare import compare

        await reconciler.run(await compare(notion, self.workspace(), release))


def _waiting(seconds: float) -> None:
    """Tell a person who waits why."""
    if seconds >= LONG_WAIT and sys.stderr.isatty():
        say(_LEFT_ALONE.filled(seconds=f"{seconds:.0f}"))


def desk(env_file: Path | None, local: bool, lang: str | None) -> Desk:
    """Read the settings and make the state folder ready."""
    speak(lang)
    settings = config.load(env_file, local=local)
    at = Desk(settings, config.prepare_home(settings.home), language())
    know(at.secret_values)
    return at


def spoken(function: F) -> F:
    """The option that chooses our language."""
    return click.option(
        "--lang",
        type=click.Choice(["ja", "en"]),
        help="Language of our words.  [default: your locale]",
    )(function)


def common(function: F) -> F:
    """Options that every command has."""
    options: list[Callable[[F], F]] = [
        click.option("--local", is_flag=True, help="Use the built-in local Notion."),
        click.option(
            "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Read settings from this file."
        ),
        spoken,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def chosen(function: F) -> F:
    """Options that choose one of several releases."""
    told = "The release's environment."
    function = click.option("-e", "--environment", shell_complete=environments, help=told)(function)
    told = "The release's template: a path or a name."
    return click.option("-t", "--template", shell_complete=templates, help=told)(function)


def find_template(name: str | None, settings: config.Settings, environment: str) -> Path:
    """The file of a template: a path, or a name in the templates' folders. Raises UsageError."""
    wanted = name or f"{environment.lower()}_release"
    given = Path(wanted)
    if given.is_file():
        return given.absolute()
    for folder in _folders(settings):
        for file in (folder / wanted, folder / f"{wanted}.md"):
            if file.is_file():
                return file.absolute()
    known = template_names(settings)
    listed = joined(known, ", ") if known else _NONE_FOUND
    raise UsageError(_NO_TEMPLATE.filled(name=repr(wanted)), remedy=_NAME_TEMPLATE.filled(known=listed))


def template_names(settings: config.Settings) -> list[str]:
    """Names of the templates that are found without a path."""
    return sorted({file.stem for folder in _folders(settings) for file in folder.glob("*.md")})


def _folders(settings: config.Settings) -> list[Path]:
    return [folder for folder in (settings.templates, *shipped()) if folder is not None]


def shipped() -> list[Path]:
    """Where the templates of this product lie: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    return [folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir()]


NO_TOKEN = Words(
    en="there is no NOTION_TOKEN, and --local was not given",
    ja="NOTION_TOKEN が未設定で、--local の指定もありません",
)
_SET_TOKEN = Words(
    en="Set NOTION_TOKEN (and NOTION_PARENT_PAGE_ID) to use Notion, "
    "or add --local to use the built-in local Notion",
    ja="NOTION_TOKEN（と NOTION_PARENT_PAGE_ID）を設定するか、--local を付けて内蔵の Notion を使用してください",
)
_LEFT_ALONE = Words(
    en="Notion is left alone for {seconds} s; stop with Ctrl-C, nothing is lost",
    ja="Notion へのアクセスを {seconds} 秒控えます（Ctrl-C で中断でき、何も失われません）",
)
_NO_TEMPLATE = Words(en="there is no template {name}", ja="テンプレート {name} がありません")
_NAME_TEMPLATE = Words(
    en="Name a file, or one of: {known} (-t)", ja="-t でファイルか次の名前を指定してください: {known}"
)
_NONE_FOUND = Words(en="none found", ja="見つかりません")
ELSEWHERE = Words(
    en="{key} belongs to {target}, this is {here}", ja="{key} の対象マシンは {target} です（ここは {here}）"
)
RUN_THERE = Words(en="Run it on {target}", ja="{target} で実行してください")
NO_FORMAT = Words(en="there is no format {name}", ja="形式 {name} はありません")
WROTE = Words(en="wrote {path}", ja="{path} に書き込みました")
CANNOT_WRITE = Words(en="-o {path} cannot be written: {why}", ja="-o {path} に書き込めません: {why}")
NAME_FILE_THERE = Words(
    en="Name a file in a folder that is there", ja="存在するフォルダの中のファイルを指定してください"
)
