"""The library: what the command line does, for programs. This is the public API, with what it returns.

Everything here waits until it is done, and runs an event loop of its own: from a coroutine call it by
``asyncio.to_thread``. What goes wrong is raised as an ``UltraChecklistError``, whose text says what happened and
whose ``remedy`` says what to do next.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ultra_checklist import config, plugins
from ultra_checklist.account import Account
from ultra_checklist.answer import GateAnswer
from ultra_checklist.asking import ask, gate_of
from ultra_checklist.bench import Report
from ultra_checklist.checked import Checked
from ultra_checklist.desk import Desk
from ultra_checklist.ending import end
from ultra_checklist.environ import default_lang, process_environment
from ultra_checklist.errors import UltraChecklistError
from ultra_checklist.keys import load_public
from ultra_checklist.lifecycle import Opened
from ultra_checklist.looking import look, subject_of
from ultra_checklist.making import make, order, require_one
from ultra_checklist.model import Ending, Lang, Result, Template
from ultra_checklist.release import find, releases
from ultra_checklist.telling import account_of, attempt_of
from ultra_checklist.template import load
from ultra_checklist.verify import Bundle, verify
from ultra_checklist.words import Words
from ultra_checklist.worker import WAIT, hold

T = TypeVar("T")

__all__ = [
    "Account",
    "Bundle",
    "Checked",
    "Ending",
    "GateAnswer",
    "Opened",
    "Report",
    "Result",
    "Template",
    "UltraChecklist",
    "UltraChecklistError",
    "load_template",
    "verify_bundle",
]


class UltraChecklist:
    """The releases of one state folder, in Notion or in the built-in local Notion."""

    def __init__(
        self,
        *,
        home: str | Path | None = None,
        local: bool | None = None,
        env_file: str | Path | None = None,
        lang: Lang | None = None,
    ) -> None:
        """Read the settings as the commands do, and make the state folder where it is missing.

        ``home`` is the state folder (otherwise ``ULTRA_CHECKLIST_HOME``), ``local`` chooses the built-in local
        Notion (otherwise ``ULTRA_CHECKLIST_LOCAL``), ``lang`` is the language of accounts and reports (otherwise
        the locale's). Raises SettingsError, StateError.
        """
        environ = dict(process_environment())
        if home is not None:
            environ["ULTRA_CHECKLIST_HOME"] = str(Path(home).absolute())
        if local is not None:
            environ["ULTRA_CHECKLIST_LOCAL"] = "1" if local else "0"
        settings = config.load(Path(env_file) if env_file is not None else None, environ=environ)
        self._desk = Desk(settings, config.prepare_home(settings.home), lang or default_lang())

    @property
    def home(self) -> Path:
        """The state folder."""
        return self._desk.home

    def prepare(self, *, parent: str | None = None, lang: Lang | None = None) -> tuple[Words, ...]:
        """Make, adopt or repair the two databases; returns what was done, nothing where all is well.

        ``parent`` is the id or address of the Notion page that holds them (otherwise ``NOTION_PARENT_PAGE_ID``);
        ``lang`` the language of columns and options, which is fixed the first time. Raises SettingsError,
        UsageError, RefusedError, NotionError.
        """
        at = self._desk
        at.require_notion()
        page = at.parent_page(parent)

        async def prepared() -> tuple[Words, ...]:
            async with at.notion() as notion:
                return (await at.prepare(notion, page, lang=lang or at.lang))[1]

        return _wait(prepared())

    def new(
        self,
        version: str,
        *,
        template: str | Path | None = None,
        environment: str | None = None,
        variables: Mapping[str, str] | None = None,
        variable_files: Iterable[str | Path] = (),
        commit: str | None = None,
        supersede: bool = False,
        queued: bool = False,
    ) -> Opened:
        """Make the page of a release with a row for every item; what is there already is not written again.

        ``template`` is a path or a name; ``variables`` win over ``variable_files``, the environment and defaults.
        Raises TemplateError for mistakes in the template, UsageError, RefusedError where another release of the
        same template and environment is open (``supersede`` ends it, ``queued`` leaves it), NotionError.
        """
        at = self._desk
        at.require_notion()
        require_one(supersede=supersede, queued=queued)
        wanted = order(
            at,
            version,
            template=str(template) if template is not None else None,
            environment=environment,
            commit=commit,
            flags=_flags(variables),
            files=_paths(variable_files),
        )
        return _wait(make(at, wanted, supersede=supersede, queued=queued))

    def sync(self, version: str | None = None, *, environment: str | None = None) -> Report:
        """Make one pass of the worker, over all open releases or one; a pass that is running is waited for.

        Raises NotionError where Notion does not answer, StateError for a damaged state folder.
        """
        at = self._desk
        at.require_notion()
        only = None
        if version is not None:
            only = find(at.shelf, version, local=at.local, environment=environment).manifest.key

        async def one_pass() -> Report:
            async with at.notion() as notion:
                await at.find_workspace(notion)
                with hold(at.home, wait=True):
                    return await at.run_pass(notion, only=only)

        return _wait(one_pass())

    def gate(
        self, version: str, gate: str | None = None, *, environment: str | None = None, wait: float = WAIT
    ) -> GateAnswer:
        """May what a gate guards begin? Only ``answer.is_open`` is a yes; without a name the template's only gate.

        A running pass is waited for, ``wait`` seconds at most. Raises NoManifestError, UsageError for a gate that
        there is not, CannotTellError where the databases are not to be found.
        """
        at = self._desk
        at.require_notion()
        manifest = find(at.shelf, version, local=at.local, environment=environment).manifest
        return _wait(ask(at, manifest.key, gate_of(manifest, gate), wait=wait))

    def close(
        self,
        version: str,
        ending: Ending,
        reason: str = "",
        *,
        environment: str | None = None,
        anyway: bool = False,
    ) -> tuple[Words, ...]:
        """End a release; returns what could not be done yet and is tried again by the next passes.

        Every ending but ``complete`` needs a ``reason``; ``anyway`` rolls back although checks fail on the last
        good commit. Raises RefusedError naming what is open, UsageError, NotionError.
        """
        at = self._desk
        at.require_notion()
        release = find(at.shelf, version, local=at.local, environment=environment)
        return _wait(end(at, release, ending, reason, anyway=anyway))

    def account(self, version: str, *, template: str | None = None, environment: str | None = None) -> Account:
        """Everything about a release, open or ended: status, checks, people, timeline. Asks nobody.

        ``VERSION~N`` is attempt N. Raises NoManifestError, UsageError where several releases fit, JournalError.
        """
        return account_of(self._desk, attempt_of(self._desk, version, template, environment))

    def accounts(self) -> list[Account]:
        """The accounts of all releases of this state folder, oldest first."""
        at = self._desk
        return [account_of(at, release) for release in releases(at.shelf, local=at.local)]

    def report(
        self, version: str, form: str = "markdown", *, template: str | None = None, environment: str | None = None
    ) -> str:
        """A release's report as ``html``, ``markdown``, ``json`` or ``junit``, or as a plug-in writes it.

        Raises UsageError for a form that there is not, and what ``account`` raises.
        """
        write = plugins.writer(plugins.RELEASE_REPORTS, form)
        return str(write(self.account(version, template=template, environment=environment)))

    def check(
        self,
        template: str | Path,
        items: Sequence[str] = (),
        *,
        environment: str | None = None,
        variables: Mapping[str, str] | None = None,
        variable_files: Iterable[str | Path] = (),
    ) -> Checked:
        """Run the probes of a template, or of a running release named by its version, here and now.

        It touches no Notion, and sends and writes nothing. Without ``items`` those of all items. Raises
        TemplateError, UsageError, NoManifestError, CannotTellError for a release of another machine.
        """
        at = self._desk
        subject = subject_of(
            at, str(template), environment=environment, flags=_flags(variables), files=_paths(variable_files)
        )
        return _wait(look(at, subject, items))


def load_template(path: str | Path) -> Template:
    """Read a template. Raises TemplateError naming every mistake with file and line."""
    return load(Path(path))


def verify_bundle(bundle: str | Path, *, key: str | Path | None = None, head: str = "") -> Bundle:
    """Look whether a release's bundle is what it was, from the file alone.

    ``key`` is the file of the signer's public key; only with it ``signer_known`` can be true. ``head`` is the
    journal's head as the release's page shows it. Raises BundleError for a bundle that is not whole or was altered.
    """
    return verify(Path(bundle), load_public(Path(key)) if key is not None else None, head.strip().lower())


def _flags(variables: Mapping[str, str] | None) -> list[str]:
    return [f"{name}={value}" for name, value in (variables or {}).items()]


def _paths(files: Iterable[str | Path]) -> list[Path]:
    return [Path(file) for file in files]


def _wait(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)
