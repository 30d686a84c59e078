"""What the releases of this machine need: whole journals, templates, variables, programs, a worker that lives."""

import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ultra_checklist import journal
from ultra_checklist.doctor.diagnosis import Diagnosis, remark, skipped, well, wrong
from ultra_checklist.errors import JournalError, StateError, UltraChecklistError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.history import fold
from ultra_checklist.hosts.agent import FOLDER
from ultra_checklist.hosts.carriers import SSH, Carriers
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Manifest, Shelf
from ultra_checklist.mirror import Mirror
from ultra_checklist.model import Item, Template
from ultra_checklist.origins import values_file, with_secrets
from ultra_checklist.probes.base import Probe
from ultra_checklist.release import require_whole
from ultra_checklist.runner import made
from ultra_checklist.sync import Since
from ultra_checklist.template import load
from ultra_checklist.variables import BUILT_IN, Variables
from ultra_checklist.words import Words, joined

SILENT_AFTER: Final = timedelta(minutes=5)
"""A worker that has not looked for so long is taken for dead: cron starts one every minute."""
_DOCKER: Final = "unix:///var/run/docker.sock"
_SECONDS: Final = 2.0
_NAMED: Final = 5
"""How many are named one by one."""


@dataclass(frozen=True)
class Subject:
    """A checklist whose needs are looked at: that of an open release here, or one that was asked for."""

    name: str
    template: Template
    variables: Variables
    file: str
    """Where values of its variables belong."""
    release: str = ""
    """The version; empty: it is no release yet."""
    label: str = ""
    """Of this machine."""

    @property
    def near(self) -> list[Item]:
        """The items whose probes look on this machine."""
        return [item for item in self.template.items if self._carriers.looks_here(item.runs_on)]

    @property
    def from_here(self) -> list[Item]:
        """The same, and those that look over ssh: with variables of this machine."""
        return [
            item
            for item in self.template.items
            if self._carriers.looks_here(item.runs_on) or any(host.startswith(SSH) for host in item.runs_on.hosts)
        ]

    @property
    def _carriers(self) -> Carriers:
        return Carriers(self.label)


def journals(home: Path, *, local: bool) -> tuple[Diagnosis, list[Manifest]]:
    """Whether every journal is whole, also of what this machine said to others; and the releases that are open."""
    shelf, wrongs, there = Shelf(home), list[UltraChecklistError](), 0
    still_open: list[Manifest] = []
    for path in sorted(shelf.root.glob("*/*/*/manifest.json")):
        there += 1
        try:
            manifest = shelf.read(str(path.parent.relative_to(shelf.root)))
            entries = journal.look(path.parent / "journal.jsonl")
            require_whole(
                entries, Mirror(path.parent / "mirror.json", shelf.witness(manifest.key)), manifest, path.parent
            )
        except (JournalError, StateError) as error:
            wrongs.append(error)
            continue
        except OSError as error:
            wrongs.append(StateError(f"{path.parent}: {error.strerror}", remedy=_RIGHTS))
            continue
        if manifest.local is local and fold(entries).ended is None:
            still_open.append(manifest)
    for path in sorted((home / FOLDER).glob("**/journal.jsonl")):
        try:
            journal.look(path)
        except (JournalError, StateError) as error:
            wrongs.append(StateError(error.message, remedy=_MOVE_AWAY))
    if wrongs:
        told = joined([error.message for error in wrongs[:_NAMED]], "; ")
        return wrong("journals", told, wrongs[0].remedy), still_open
    return well("journals", _WHOLE.filled(n=str(there), open=str(len(still_open)))), still_open


def subjects(home: Path, manifests: Iterable[Manifest], here: Machine, label: str) -> Iterator[Subject]:
    """The open releases that this machine proves, whose label is that."""
    for one in manifests:
        if one.machine.digest == here.digest:
            known = with_secrets(one.variables, one.template, home, one.environment)
            file = str(values_file(home, one.environment))
            yield Subject(one.name, one.template, known, file, one.version, label)


def templates(manifests: Iterable[Manifest], own: Path | None) -> Diagnosis:
    """Whether the files from which releases are made and updated can be read."""
    files = {Path(one.template_path) for one in manifests}
    if own is not None and not own.is_dir():
        return wrong("templates", _NO_TEMPLATES.filled(folder=str(own)), _MEND_TEMPLATES)
    files |= set(own.glob("*.md")) if own is not None else set()
    troubles = list[Words]()
    for file in sorted(files):
        try:
            load(file)
        except UltraChecklistError as error:
            troubles.append(error.message)
        except OSError as error:
            troubles.append(Words.same(f"{file}: {error.strerror}"))
    if troubles:
        # A running release has its own copy: what is wrong in the file stops `update` and the next `new`.
        return remark("templates", joined(troubles[:_NAMED], "; "), _LINT)
    return well("templates", _TEMPLATES.filled(n=str(len(files))))


def needs(found: list[Subject], path: str, docker_host: str) -> list[Diagnosis]:
    """Variables, programs and the Docker daemon, of all checklists together."""
    if not found:
        return [well(name, _NOTHING_OPEN) for name in ("variables", "tools", "docker")]
    return [_variables(found), _tools(found, path), _docker(found, docker_host or _DOCKER)]


def worker(home: Path, still_open: int, now: datetime, *, local: bool) -> Diagnosis:
    """Whether somebody has looked at the open releases lately."""
    try:
        file = home / ("since-local.json" if local else "since.json")
        seen = Since.model_validate_json(file.read_bytes()).seen
    except (OSError, ValidationError):
        seen = None
    if not still_open:
        return well("worker", _NO_WORK)
    if seen is None:
        return remark("worker", _NEVER, _START)
    ago = str(max(0, int((now - seen).total_seconds() // 60)))
    if now - seen > SILENT_AFTER:
        return remark("worker", _SILENT.filled(minutes=ago), _START)
    return well("worker", _LOOKED.filled(minutes=ago))


def _variables(found: list[Subject]) -> Diagnosis:
    unset: dict[str, list[str]] = {}
    files: dict[str, Subject] = {}
    for subject in found:
        for item, spec in _specs(subject.from_here):
            missing = subject.variables.fill(dict(spec.options))[1]
            for name in missing:
                if spec.options.get("optional") is True or (not subject.release and name in BUILT_IN):
                    continue
                unset.setdefault(name, []).append(item.id)
                files.setdefault(name, subject)
    if not unset:
        return well("variables", _ALL_SET)
    told = joined([_FOR.filled(name=name, items=_few(items)) for name, items in list(unset.items())[:_NAMED]], ", ")
    first = files[next(iter(unset))]
    line = _WRITE.filled(file=first.file, name=next(iter(unset)))
    secret = {variable.name for variable in first.template.variables if variable.secret}
    again = first.release and not set(unset) <= secret
    remedy = joined((line, _UPDATE.filled(version=first.release))) if again else line
    return remark("variables", _UNSET.filled(n=str(len(unset)), names=told), remedy)


def _tools(found: list[Subject], path: str) -> Diagnosis:
    """Programs are looked for as children would find them."""
    missing: dict[str, list[str]] = {}
    wanted = set[str]()
    for subject in found:
        folder = subject.variables.get("DEPLOY_DIR")
        for item, probe in _probes(subject):
            for program in probe.programs:
                wanted.add(program)
                place = str(Path(folder, program)) if "/" in program and folder else program
                if shutil.which(place, path=path) is None:
                    missing.setdefault(program, []).append(item.id)
    if missing:
        told = joined([_FOR.filled(name=name, items=_few(items)) for name, items in missing.items()], ", ")
        return wrong("tools", _MISSING.filled(names=told), _INSTALL)
    return well("tools", ", ".join(sorted(wanted)) or _NO_TOOLS)


def _docker(found: list[Subject], default: str) -> Diagnosis:
    """Whether this user may speak to the daemons that are asked."""
    hosts = {host for subject in found for _, probe in _probes(subject) if (host := probe.daemon)}
    if any(program == "docker" for subject in found for _, probe in _probes(subject) for program in probe.programs):
        hosts.add("-")
    wanted = sorted({default if host == "-" else host for host in hosts})
    if not wanted:
        return well("docker", _NO_DOCKER)
    for host in wanted:
        try:
            with _reached(host):
                pass
        except PermissionError:
            return wrong("docker", _NO_RIGHTS.filled(host=host), _GROUP)
        except (OSError, ValueError) as error:
            return wrong("docker", _NO_DAEMON.filled(host=host, why=str(error)), _START_DOCKER)
    return well("docker", _DAEMON.filled(hosts=", ".join(wanted)))


def _reached(host: str) -> socket.socket:
    """A connection to a daemon. Raises OSError, or ValueError for an address that is none."""
    kind, _, place = host.partition("://")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        try:
            connection.connect(place)
        except OSError:
            connection.close()
            raise
        return connection
    name, _, port = place.rpartition(":")
    return socket.create_connection((name.strip("[]"), int(port)), _SECONDS)


def _specs(items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    return ((item, spec) for item in items for spec in item.probes)


def _probes(subject: Subject) -> Iterator[tuple[Item, Probe[Any, Any]]]:
    """The probes here whose variables are all set: those are the ones that run."""
    for item, spec in _specs(subject.near):
        probe = made(spec, subject.variables)
        if probe is not None:
            yield item, probe


def _few(items: list[str]) -> str:
    known = list(dict.fromkeys(items))
    return ", ".join(known[:2]) + (f" +{len(known) - 2}" if len(known) > 2 else "")


def nothing_to_look_at(because: str) -> list[Diagnosis]:
    """All of these checks, where the state folder cannot be looked at."""
    return skipped(("journals", "templates", "variables", "tools", "docker", "pass", "worker"), because)


def largest_evidence(home: Path) -> int:
    """Bytes of the largest piece of evidence here; 0 where none can be seen."""
    try:
        return max((blob.stat().st_size for blob in EvidenceStore(home).blobs()), default=0)
    except (OSError, StateError):
        return 0


def search_path(environ: Mapping[str, str]) -> str:
    """Where programs are looked for."""
    return environ.get("PATH", os.defpath)


_RIGHTS = Words(en="Mend the rights of the state folder", ja="状態フォルダの権限を確認してください")
_MOVE_AWAY = Words(
    en="Keep the file as evidence and move its folder away: what other machines ask is answered anew",
    ja="ファイルを証跡として保管し、フォルダを移動してください（依頼には改めて回答します）",
)
_WHOLE = Words(en="{n} releases, {open} open, all whole", ja="リリース {n} 件（進行中 {open} 件）、すべて正常")
_TEMPLATES = Words(en="{n} read without mistakes", ja="{n} 件、誤りなし")
_NO_TEMPLATES = Words(
    en="ULTRA_CHECKLIST_TEMPLATES: {folder} is no folder",
    ja="ULTRA_CHECKLIST_TEMPLATES: {folder} はフォルダではありません",
)
_MEND_TEMPLATES = Words(
    en="Name the folder that holds your templates, or remove the setting",
    ja="テンプレートのフォルダを指定するか、設定を削除してください",
)
_LINT = Words(
    en="Mend them, and see with: ultra-checklist lint TEMPLATE; running releases keep their own copy",
    ja="修正して ultra-checklist lint TEMPLATE で確認してください（進行中のリリースには影響しません）",
)
_NOTHING_OPEN = Words(
    en="no release is open here, so nothing is needed; -t TEMPLATE looks at a template's needs",
    ja="進行中のリリースがないため確認不要です（-t TEMPLATE でテンプレートを指定できます）",
)
_ALL_SET = Words(en="all that probes need are set", ja="プローブに必要なものはすべて設定済み")
_FOR = Words(en="{name} ({items})", ja="{name}（{items}）")
_UNSET = Words(
    en="{n} not set, so their items cannot be told: {names}",
    ja="未設定が {n} 個あり、該当項目は判定不能になります: {names}",
)
_WRITE = Words(en="Write {name}=... into {file}", ja="{file} に {name}=... を書いてください")
_UPDATE = Words(
    en="; of a running release then: ultra-checklist update {version}",
    ja="（進行中のリリースには ultra-checklist update {version} で反映）",
)
_MISSING = Words(en="not on this user's PATH: {names}", ja="PATH に見つかりません: {names}")
_INSTALL = Words(
    en="Install them, or mend PATH (cron has a short one of its own)",
    ja="インストールするか PATH を修正してください（cron の PATH は短いので注意）",
)
_NO_TOOLS = Words(en="none is needed", ja="不要")
_NO_DOCKER = Words(en="no probe asks it", ja="使用するプローブなし")
_NO_RIGHTS = Words(en="{host}: this user may not connect", ja="{host}: このユーザーには接続権限がありません")
_GROUP = Words(
    en="sudo usermod -aG docker $USER, and log in again; the group may do what root may",
    ja="sudo usermod -aG docker $USER を実行して再ログインしてください（グループの権限は root と同等です）",
)
_NO_DAEMON = Words(en="{host} does not answer: {why}", ja="{host} が応答しません: {why}")
_START_DOCKER = Words.same("sudo systemctl start docker")
_DAEMON = Words(en="may connect to {hosts}", ja="{hosts} に接続可能")
_NO_WORK = Words(en="no release is open, so nobody need look", ja="進行中のリリースがないため不要")
_NEVER = Words(
    en="a release is open, and no pass has looked at it yet",
    ja="進行中のリリースがありますが、まだパスの実行がありません",
)
_SILENT = Words(
    en="the last pass was {minutes} minutes ago: ticks are not proved",
    ja="最後のパスは {minutes} 分前で、以降のチェックは検証されていません",
)
_START = Words(
    en="Let cron or systemd start `ultra-checklist sync` every minute, or look why it fails: ultra-checklist sync",
    ja="cron か systemd で `ultra-checklist sync` を毎分実行してください。原因の確認は: ultra-checklist sync",
)
_LOOKED = Words(en="the last pass was {minutes} minutes ago", ja="最後のパスは {minutes} 分前")
