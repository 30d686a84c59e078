"""What every command and the library work with: settings, state folder, Notion, workspace."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ultra_checklist import config, disk
from ultra_checklist.config import LOCAL_PAGE
from ultra_checklist.errors import RefusedError, SettingsError, UsageError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Lang
from ultra_checklist.notion.schema import NOT_SET_UP, Workspace
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.bench import Bench, Change, Report
    from ultra_checklist.hosts.agent import Agent, Templates
    from ultra_checklist.hosts.by_ssh import SshCarrier
    from ultra_checklist.hosts.carriers import Carrier, Carriers, Inbox
    from ultra_checklist.notion.client import Notion
    from ultra_checklist.reconcile import Reconciler
    from ultra_checklist.release import Release
    from ultra_checklist.sync import Pass

LOCAL_TOKEN = "ntn_local_cli"  # noqa: S105 - the local Notion's integration, no secret
LOCAL_URL = "http://notion.local"
RESERVE = 30
"""Requests a minute that making a page leaves to the worker, so that ticks do not wait for it."""


@dataclass(frozen=True)
class Desk:
    """What every command works with."""

    settings: config.Settings
    home: Path
    lang: Lang
    waiting: Callable[[float], None] = lambda _seconds: None
    """Told how many seconds it leaves Notion alone, each time that it has to."""
    expecting: Callable[[Collection[str]], None] = lambda _hosts: None
    """Told of which other machines it waits for answers."""

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

    async def find_workspace(self, notion: "Notion") -> None:
        """After the state folder was lost: pin databases that are there. Raises UsageError where there are none."""
        if self.pinned() is not None:
            return
        from ultra_checklist.notion.workspace import Databases

        if not self.local:
            databases = Databases(notion, self.parent_page(None), self.lang, None)
            if await databases.are_there():
                self.pin(await databases.prepare(local=False, hosts=self.asks_by_table))
        self.workspace()

    async def prepare(
        self, notion: "Notion", page: str, *, lang: Lang, adopt: bool = False
    ) -> tuple[Workspace, tuple[Words, ...]]:
        """Make, adopt or repair the two databases, and pin them; returns what was done to them, too.

        ``lang`` is that of columns and options where there are none yet. Raises RefusedError where the token is
        another integration's than before, unless it is to be adopted.
        """
        from ultra_checklist.notion import hosts
        from ultra_checklist.notion.workspace import Databases

        await self.same_bot(notion, adopt=adopt)
        pinned = self.pinned()
        databases = Databases(notion, page, pinned.lang if pinned is not None else lang, pinned)
        workspace = await databases.prepare(local=self.local, hosts=self.asks_by_table)
        self.pin(workspace)
        done = list(databases.done)
        if self.asks_by_table and await hosts.name(notion, workspace, self.settings.host):
            done.append(_NAMED.filled(label=self.settings.host))
        return workspace, tuple(done)

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
    async def notion(self, *, reserve: int = 0, seconds: float | None = None) -> AsyncIterator["Notion"]:
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
            async with Notion(
                token, url, memory=memory, reserve=reserve, index_lag=lag, told=self.waiting
            ) as notion:
                yield notion
            return
        from ultra_checklist.server.app import create_app

        transport = httpx.ASGITransport(app=create_app(self.database))
        async with Notion(LOCAL_TOKEN, LOCAL_URL, transport=transport, index_lag=0.0) as notion:
            yield notion

    def bench(self, notion: "Notion", listener: "Callable[[Change], None] | None" = None) -> "Bench":
        """What a pass works with."""
        from ultra_checklist.bench import Bench
        from ultra_checklist.hooks import Hooks
        from ultra_checklist.machine import this_machine

        made = Bench(
            notion,
            self.workspace(),
            this_machine(),
            self.settings.host,
            hooks=Hooks(self.settings),
            signing_key=self.settings.signing_key,
            carriers=self.carriers(notion),
        )
        if listener is not None:
            made.listener = listener
        return made

    def carriers(self, notion: "Notion | None" = None) -> "Carriers":
        """How other machines are asked; without a connection only which of them can be.

        Raises SettingsError where there is a broker and no key for it.
        """
        from ultra_checklist.hosts.carriers import Carriers

        pinned, broker = self.pinned(), self.settings.broker

        key = self.broker_key if broker is not None and notion is not None else b""

        def by_queue() -> "Carrier":
            from ultra_checklist.hosts.by_celery import CeleryCarrier

            return CeleryCarrier(broker.get_secret_value() if broker is not None else "", key)

        def by_table() -> "Carrier":
            from ultra_checklist.hosts.by_notion import NotionCarrier

            if notion is None or pinned is None:
                raise LookupError("nobody can be asked without a connection")
            return NotionCarrier(notion, pinned, self.seal_key)

        labels = by_queue if broker is not None else by_table if pinned is not None and pinned.hosts else None
        return Carriers(self.settings.host, labels, self.over_ssh, self.settings.host_silence, self.expecting)

    def over_ssh(self, *, shares: bool = True) -> "SshCarrier":
        """Asks machines that have an address; connections are shared unless nothing may be written here."""
        from ultra_checklist.environ import process_environment
        from ultra_checklist.hosts.by_ssh import SshCarrier

        return SshCarrier(self.home, process_environment(), self.settings.ssh_config, shares=shares)

    @property
    def seal_key(self) -> bytes:
        """The key by which machines of the team know each other's tasks and answers."""
        from ultra_checklist.hosts.tasks import key_from

        own = self.settings.agent_key
        return key_from(own.get_secret_value() if own is not None else self.settings.token or LOCAL_TOKEN)

    @property
    def asks_by_table(self) -> bool:
        """Whether machines with labels ask each other through Notion."""
        return bool(self.settings.host) and self.settings.broker is None

    @property
    def broker_key(self) -> bytes:
        """The key of the messages at the broker. Raises SettingsError where there is none."""
        if self.settings.agent_key is None:
            raise SettingsError(_NO_KEY, remedy=_SET_KEY)
        return self.seal_key

    def _inbox(self, bench: "Bench") -> "Inbox | None":
        """Where other machines ask this one, if they do so through Notion."""
        if not (self.asks_by_table and bench.workspace.hosts):
            return None
        from ultra_checklist.hosts.by_notion import NotionInbox

        agent = self.agent([self.settings.host], bench.machine.name, longest=self.settings.deadline / 2)
        return NotionInbox(bench, self.seal_key, agent)

    def agent(
        self,
        labels: Iterable[str],
        machine: str,
        *,
        longest: float | None = None,
        claim: "Callable[[str], bool]" = lambda _task: True,
    ) -> "Agent":
        """Who answers what other machines ask of this one."""
        from ultra_checklist.hosts.agent import Agent

        secrets = self.secrets
        return Agent(self.home, labels, self.copies(), machine, secrets=secrets, longest=longest, claim=claim)

    def copies(self) -> "Templates":
        """The templates that lie here for what other machines ask."""
        from ultra_checklist.hosts.agent import Templates
        from ultra_checklist.template_files import folders

        return Templates(folders(self.settings), self.home)

    async def run_pass(self, notion: "Notion", *, only: str | None = None) -> "Report":
        """Make one pass of the worker."""
        return await self.a_pass(notion, only=only).run()

    def a_pass(
        self,
        notion: "Notion",
        *,
        only: str | None = None,
        listener: "Callable[[Change], None] | None" = None,
        observer: "Callable[[Release], None] | None" = None,
        authors: "Mapping[str, str] | None" = None,
    ) -> "Pass":
        """One pass of the worker, to be made."""
        from ultra_checklist.sync import Pass

        settings, bench = self.settings, self.bench(notion, listener)
        if observer is not None:
            bench.observer = observer
        bench.authors = authors or {}
        bench.inbox = self._inbox(bench)
        return Pass(
            bench,
            self.home,
            secrets=self.secrets,
            close_after=settings.close_after,
            only=only,
            seconds=settings.deadline,
        )

    async def compare(self, notion: "Notion", release: "Release", reconciler: "Reconciler") -> None:
        """Compare all rows of a release with its manifest and take in what people did."""
        from ultra_checklist.compare import compare

        await reconciler.run(await compare(notion, self.workspace(), release))

    async def same_bot(self, notion: "Notion", *, adopt: bool) -> None:
        """Raises RefusedError where the token is another integration's than that of the first ``init``."""
        from ultra_checklist.notion.clicks import ADOPT

        me = await notion.get("users/me")
        pinned = self.pinned()
        if pinned is not None and pinned.bot_id != me["id"] and not adopt:
            raise RefusedError(_OTHER_BOT.filled(name=str(me.get("name") or me["id"])), remedy=ADOPT)

    def parent_page(self, given: str | None) -> str:
        """The id of the parent page. Raises SettingsError when none was named."""
        wanted = given or self.settings.notion_parent_page_id
        if wanted is None:
            if self.local or self.settings.token.startswith("ntn_local"):
                return LOCAL_PAGE
            pinned = self.pinned()
            if pinned is not None:
                return pinned.parent_page
            raise SettingsError(_NO_PARENT, remedy=_NAME_PARENT)
        from notion_client.helpers import extract_page_id

        page = extract_page_id(wanted)
        if page is None:
            raise UsageError(_NO_PAGE.filled(page=repr(wanted)), remedy=_COPY_LINK)
        return str(page)


NO_TOKEN = Words(
    en="there is no NOTION_TOKEN, and --local was not given",
    ja="NOTION_TOKEN が未設定で、--local の指定もありません",
)
_SET_TOKEN = Words(
    en="Set NOTION_TOKEN (and NOTION_PARENT_PAGE_ID) to use Notion, "
    "or add --local to use the built-in local Notion",
    ja="NOTION_TOKEN（と NOTION_PARENT_PAGE_ID）を設定するか、--local を付けて内蔵の Notion を使用してください",
)
_OTHER_BOT = Words(
    en="this state folder belongs to another integration than {name}",
    ja="この状態フォルダは {name} とは別のインテグレーションのものです",
)
_NO_PARENT = Words(en="no parent page was named", ja="親ページが指定されていません")
_NAME_PARENT = Words(
    en="Add --parent PAGE, or set NOTION_PARENT_PAGE_ID to the page's id",
    ja="--parent PAGE を付けるか、NOTION_PARENT_PAGE_ID にページの ID を設定してください",
)
_NO_PAGE = Words(
    en="{page} is no id or address of a Notion page", ja="{page} は Notion ページの ID またはアドレスではありません"
)
_COPY_LINK = Words(en="Copy the page's link in Notion", ja="Notion でページのリンクをコピーしてください")
_NAMED = Words(
    en="this machine stands in the table of hosts as {label}",
    ja="このマシンをホストの表に {label} として登録しました",
)
_NO_KEY = Words(
    en="ULTRA_CHECKLIST_BROKER is set, and ULTRA_CHECKLIST_AGENT_KEY is not",
    ja="ULTRA_CHECKLIST_BROKER が設定されていますが、ULTRA_CHECKLIST_AGENT_KEY が未設定です",
)
_SET_KEY = Words(
    en="Set it to the same long random text on all machines: openssl rand -hex 32",
    ja="全マシンで同じ長いランダムな文字列を設定してください: openssl rand -hex 32",
)
ELSEWHERE = Words(
    en="{key} belongs to {target}, this is {here}", ja="{key} の対象マシンは {target} です（ここは {here}）"
)
RUN_THERE = Words(en="Run it on {target}", ja="{target} で実行してください")
