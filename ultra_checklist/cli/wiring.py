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
from ultra_checklist.cli.boundary import know
from ultra_checklist.errors import SettingsError, UsageError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Lang
from ultra_checklist.notion.schema import Workspace

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
            raise SettingsError(
                "there is no NOTION_TOKEN, and --local was not given",
                remedy="Set NOTION_TOKEN (and NOTION_PARENT_PAGE_ID) to use Notion, "
                "or add --local to use the built-in local Notion",
            )

    def workspace(self) -> Workspace:
        """The databases that ``init`` pinned. Raises UsageError when there are none yet."""
        found = self.pinned()
        if found is None:
            flag = " --local" if self.local else " --parent PAGE"
            raise UsageError("the two databases are not set up yet", remedy=f"ultra-checklist init{flag}")
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
    async def notion(self, *, reserve: int = 0) -> AsyncIterator[Any]:
        """A connection to the Notion that was asked for; ``reserve`` requests a minute stay free for others."""
        self.require_notion()
        import httpx

        from ultra_checklist.notion.client import Notion

        if not self.local:
            memory = self.home / "gateway.json"
            url, token = self.settings.notion_base_url, self.settings.token
            lag = self.settings.index_lag
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

    async def run_pass(self, notion: Any, *, only: str | None = None, listener: Any = None) -> Any:
        """One pass of the worker."""
        from ultra_checklist.sync import Pass

        settings = self.settings
        return await Pass(
            self.bench(notion, listener),
            self.home,
            secrets=self.secrets,
            close_after=settings.close_after,
            only=only,
            seconds=settings.deadline,
        ).run()

    async def compare(self, notion: Any, release: Any, reconciler: Any) -> None:
        """Compare all rows of a release with its manifest and take in what people did."""
        from ultra_checklist.compare import compare

        await reconciler.run(await compare(notion, self.workspace(), release))


def _waiting(seconds: float) -> None:
    """Tell a person who waits why."""
    if seconds >= LONG_WAIT and sys.stderr.isatty():
        from ultra_checklist.cli.boundary import say

        say(f"Notion is left alone for {seconds:.0f} s; stop with Ctrl-C, nothing is lost")


def desk(env_file: Path | None, local: bool, lang: str | None) -> Desk:
    """Read the settings and make the state folder ready."""
    settings = config.load(env_file, local=local)
    at = Desk(
        settings, config.prepare_home(settings.home), "ja" if (lang or config.default_lang()) == "ja" else "en"
    )
    know(at.secret_values)
    return at


def common(function: F) -> F:
    """Options that every command has."""
    options = [
        click.option("--local", is_flag=True, help="Use the built-in local Notion."),
        click.option(
            "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Read settings from this file."
        ),
        click.option(
            "--lang", type=click.Choice(["ja", "en"]), help="Language of our words.  [default: your locale]"
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def chosen(function: F) -> F:
    """Options that choose one of several releases."""
    function = click.option("-e", "--environment", help="The release's environment.")(function)
    return click.option("-t", "--template", help="The release's template: a path or a name.")(function)


def find_template(name: str | None, settings: config.Settings, environment: str) -> Path:
    """The file of a template: a path, or a name in the templates' folders. Raises UsageError."""
    wanted = name or f"{environment.lower()}_release"
    given = Path(wanted)
    if given.is_file():
        return given.absolute()
    folders = [folder for folder in (settings.templates, *shipped()) if folder is not None]
    for folder in folders:
        for file in (folder / wanted, folder / f"{wanted}.md"):
            if file.is_file():
                return file.absolute()
    known = sorted({file.stem for folder in folders for file in folder.glob("*.md")})
    raise UsageError(
        f"there is no template {wanted!r}",
        remedy=f"Name a file, or one of: {', '.join(known) or 'none found'} (-t)",
    )


def shipped() -> list[Path]:
    """Where the templates of this product lie: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    return [folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir()]
