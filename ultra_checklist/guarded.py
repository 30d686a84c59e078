"""Commands that are run for an item: the record of their beginning, their log, and the record of their end.

The record is on the disk before the command begins, and a deploy splits the release's time from that moment.
From then on only the journal's own short lock is needed, so that a long command holds up no pass.
"""

import getpass
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ultra_checklist.environ import process_environment
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.intake import deploy_begun
from ultra_checklist.model import Gate, Item, Template
from ultra_checklist.prove import Prover
from ultra_checklist.record import RunRecord
from ultra_checklist.release import Release
from ultra_checklist.terminal import Ended, Session

NOT_STARTED = 125
GIT_SECONDS = 20.0
MAX_LOG = 4 << 30
"""Bytes kept of one log; what comes after that is still shown, and said to be missing."""
_INTERPRETERS = ("sh", "bash", "dash", "zsh", "python", "python3", "env", "sudo", "nice", "ionice", "time")
_OURS = ("NOTION_", "ULTRA_CHECKLIST_")


def guards_of(template: Template, item: Item) -> list[Gate]:
    """The gates to ask before a command is run for an item. What opens only in trouble is never gated."""
    return [] if item.when is not None else [gate for gate in template.gates if item.id in gate.guards]


class Guarded:
    """One run of a command for an item."""

    def __init__(self, release: Release, item: Item, home: Path, prover: Prover, argv: Sequence[str]) -> None:
        self._release = release
        self.item = item
        self._store = EvidenceStore(home)
        self._prover = prover
        self._redactor = prover.runner.redactor
        self.argv = list(argv)
        self._checkout = release.manifest.variables.get("DEPLOY_DIR") or ""
        self.record: RunRecord | None = None
        self.code = NOT_STARTED
        """The command's exit code, once there is one."""

    @property
    def key(self) -> str:
        """The release's key."""
        return self._release.manifest.key

    @property
    def url(self) -> str:
        """The address of the release's page."""
        return self._release.manifest.page_url

    @property
    def head(self) -> str:
        """The digest of the journal's last line: whoever is told it is a witness."""
        return self._release.journal.head

    async def begin(self, gates: Sequence[str], break_glass: str = "") -> RunRecord:
        """File the beginning, and the deploy's mark where this item deploys. Raises StateError."""
        release, item = self._release, self.item
        number = len(release.history.runs) + 1
        deploy = len(release.history.deploys) + 1 if item.deploys else 0
        # Other machines may take a while over it: only then is it the moment in which the deploy begins.
        before = await self._prover.baselines(deploy) if deploy else []
        script = script_of(self.argv, Path.cwd())
        started = {
            "number": number,
            "item": item.id,
            "argv": [self._redactor.text(word) for word in self.argv],
            "host": release.manifest.machine.name,
            "os_user": os_user(process_environment()),
            **_script_facts(script, self._checkout, release.manifest.commit),
            "commit": _head(self._checkout),
            "gates": list(gates),
            "break_glass": self._redactor.text(break_glass),
            "deploy": deploy,
        }
        lines: list[tuple[str, Mapping[str, Any]]] = [("run-started", started)]
        if deploy:
            mark = deploy_begun(release.manifest, release.history, release.now(), release.manifest.machine.name)
            lines += [*before, ("deploy", mark)]
        release.record_all(lines)
        self.record = release.history.runs[-1]
        return self.record

    def run(self, show: Callable[[bytes], object], environment: Mapping[str, str]) -> Ended:
        """Run the command; ``show`` gets its output, redacted. Files the end. Raises NotStarted, StateError."""
        stream, log = self._redactor.stream(), self._store.writer(MAX_LOG)

        def pass_on(clean: bytes) -> None:
            log.write(clean)
            show(clean)

        kept = {name: value for name, value in environment.items() if not name.startswith(_OURS)}
        try:
            ended = Session(
                self.argv,
                lambda data: pass_on(stream.feed(data)),
                cwd=Path.cwd(),
                environment=kept,
                pause=lambda: pass_on(stream.pause()),
            ).run()
        except BaseException:
            log.abort()
            self._file({"exit_code": NOT_STARTED}, began=False)
            raise
        self.code = ended.code
        pass_on(stream.finish())
        blob = log.commit()
        found = {"log": blob.digest, "log_bytes": blob.size, "log_complete": blob.complete}
        self._file({"exit_code": ended.code, "signals": ended.signals, **found}, began=True)
        return ended

    def _file(self, end: Mapping[str, Any], *, began: bool) -> None:
        run = self.record
        if run is None:
            raise RuntimeError("a run that has not begun has no end")
        lines: list[tuple[str, Mapping[str, Any]]] = [
            ("run-ended", {"number": run.number, "commit_after": _head(self._checkout), **end})
        ]
        if run.deploy and began:
            lines.append(("deploy-ended", {"number": run.deploy, "exit_code": end["exit_code"]}))
        elif run.deploy:
            lines.append(("deploy-withdrawn", {"number": run.deploy, "by": None}))
        self._release.record_all(lines)
        self.record = next(r for r in self._release.history.runs if r.number == run.number)


def missing(argv: Sequence[str]) -> bool:
    """Whether there is no such command."""
    return shutil.which(argv[0]) is None


def script_of(argv: Sequence[str], folder: Path) -> Path | None:
    """The file that a command runs, as an absolute path: the program itself, or what an interpreter is given."""
    program = shutil.which(argv[0])
    if program is not None and Path(argv[0]).name in _INTERPRETERS:
        words = [word for word in argv[1:] if not word.startswith("-") and "=" not in word]
        while words and Path(words[0]).name in _INTERPRETERS:
            words = words[1:]
        given = folder / words[0] if words else None
        return given.resolve() if given is not None and given.is_file() else Path(program)
    return Path(program).resolve() if program is not None else None


def os_user(environment: Mapping[str, str]) -> str:
    """Who runs this, as the system knows it; behind sudo also who called it."""
    try:
        name = getpass.getuser() if os.geteuid() != 0 else "root"
    except (KeyError, OSError):
        name = str(os.geteuid())
    before = environment.get("SUDO_USER", "")
    return f"{before} ({name})" if before and before != name else name


def _script_facts(script: Path | None, checkout: str, commit: str) -> dict[str, Any]:
    if script is None:
        return {}
    try:
        data = script.read_bytes()
    except OSError:
        return {"script": str(script)}
    found = {"script": str(script), "script_sha256": hashlib.sha256(data).hexdigest()}
    return found | {"script_as_pinned": _as_pinned(script, data, checkout, commit)}


def _as_pinned(script: Path, data: bytes, checkout: str, commit: str) -> bool | None:
    """Whether the commit has this content under this path; None: that cannot be told."""
    top = _git(checkout, "rev-parse", "--show-toplevel") if commit else ""
    if not top or not script.is_relative_to(Path(top).resolve()):
        return None
    name = script.relative_to(Path(top).resolve())
    if not _git(checkout, "rev-parse", "--verify", "-q", f"{commit}^{{commit}}"):
        return None
    blob = _git(checkout, "rev-parse", "--verify", "-q", f"{commit}:{name}")
    algorithm = hashlib.sha256 if len(blob) == 64 else hashlib.sha1
    return blob == algorithm(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _head(checkout: str) -> str:
    return _git(checkout, "rev-parse", "--verify", "-q", "HEAD")


def _git(checkout: str, *arguments: str) -> str:
    """What git answers in one line; empty where it cannot be asked, or says no."""
    if not checkout:
        return ""
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    try:
        done = subprocess.run(
            ["git", *safe, "-C", checkout, *arguments],  # noqa: S607 - git is found where everybody finds it
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**process_environment(), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
