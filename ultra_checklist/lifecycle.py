"""A release's beginnings: made new, adopted from Notion, brought up to an edited template."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ultra_checklist import __version__
from ultra_checklist.apply import Creation, Progress, find_release, rows_of
from ultra_checklist.errors import RefusedError, UsageError
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Manifest, Shelf, now, release_key
from ultra_checklist.model import Frozen, Item, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.rows import ReleaseRow
from ultra_checklist.notion.schema import STATUS_WORDS, Workspace
from ultra_checklist.plan import ReleasePlan, new_release
from ultra_checklist.release import Release, releases
from ultra_checklist.variables import Value, Variables
from ultra_checklist.words import Words

Clock = Callable[[], datetime]
_ENDED = ("complete", "rolled-back", "aborted", "superseded")


@dataclass(frozen=True)
class Order:
    """What a release is to be made of; everything is resolved."""

    version: str
    environment: str
    template: Template
    template_text: str
    variables: Variables
    commit: str
    host_label: str
    local: bool


class Opened(Frozen):
    """What ``new`` came to: the release's address, and how much had to be written."""

    key: str
    url: str
    written: int


def manifest_of(order: Order, machine: Machine, attempt: int, clock: Clock = now) -> Manifest:
    """The manifest of a release that is to be made."""
    return Manifest(
        key=release_key(order.template.name, order.environment, order.version, attempt),
        version=order.version,
        environment=order.environment,
        attempt=attempt,
        template=order.template,
        template_text=order.template_text,
        template_path=order.template.path,
        variables=order.variables.public(),
        secret_names=tuple(v.name for v in order.template.variables if v.secret),
        commit=order.commit,
        machine=machine,
        host_label=order.host_label,
        product_version=__version__,
        created=clock(),
        local=order.local,
    )


@dataclass(frozen=True)
class Attempt:
    """Which attempt an order is, and what is there of it: all, only its page in Notion, or nothing."""

    number: int
    release: Release | None = None
    page: ReleaseRow | None = None


async def attempt_for(
    shelf: Shelf, order: Order, notion: Notion, workspace: Workspace, clock: Clock = now
) -> Attempt:
    """The first attempt that has not ended, here or in Notion: attempts before it may be on either side."""
    number = 1
    while True:
        key = release_key(order.template.name, order.environment, order.version, number)
        if (shelf.folder(key) / "manifest.json").exists():
            release = Release(shelf, shelf.read(key), clock)
            if release.open:
                return Attempt(number, release=release)
        else:
            page = await find_release(notion, workspace, key)
            if page is None or page.status not in _ENDED:
                return Attempt(number, page=page)
        number += 1


def rivals(shelf: Shelf, order: Order, key: str) -> list[Release]:
    """Open releases of the same template and environment: only one of them is current."""
    return [
        release
        for release in releases(shelf, local=order.local)
        if release.open
        and release.manifest.key != key
        and release.manifest.template.name == order.template.name
        and release.manifest.environment == order.environment
    ]


async def plan(
    order: Order, machine: Machine, *, notion: Notion, workspace: Workspace, shelf: Shelf
) -> tuple[Manifest, ReleasePlan]:
    """What ``new`` would write."""
    attempt = await attempt_for(shelf, order, notion, workspace)
    there = attempt.release
    manifest = there.manifest if there is not None else manifest_of(order, machine, attempt.number)
    return manifest, new_release(manifest, workspace.lang)


async def create(
    order: Order,
    *,
    notion: Notion,
    workspace: Workspace,
    shelf: Shelf,
    machine: Machine,
    supersede: Callable[[Release], Awaitable[object]] | None,
    queued: bool,
    progress: Progress,
    clock: Clock = now,
) -> Opened:
    """Make a release, or finish one that an earlier run began; a second time nothing is written.

    Raises RefusedError beside another open release, and where Notion has the release but this
    machine has no manifest of it.
    """
    attempt = await attempt_for(shelf, order, notion, workspace, clock)
    release = attempt.release
    fresh = release is None
    if release is None:
        manifest = manifest_of(order, machine, attempt.number, clock)
        others = rivals(shelf, order, manifest.key)
        if others and supersede is None and not queued:
            rival = {"version": others[0].manifest.version, "environment": order.environment}
            raise RefusedError(_STILL_OPEN.filled(template=order.template.name, **rival), remedy=_MAKE_ROOM)
        if attempt.page is not None:
            told = _IN_NOTION.filled(key=manifest.key, status=_status_word(attempt.page.status, workspace))
            raise RefusedError(told, remedy=_GO_THERE.filled(version=order.version))
        if supersede is not None:
            for other in others:
                await supersede(other)
        shelf.write(manifest)
        release = Release(shelf, manifest, clock)
        release.record(
            "created", {"key": manifest.key, "template": manifest.template.sha256, "commit": manifest.commit}
        )
    wanted = new_release(release.manifest, workspace.lang)
    written = await Creation(notion, workspace, release, wanted, progress=progress).run(fresh=fresh)
    return Opened(key=release.manifest.key, url=release.manifest.page_url, written=written)


async def adopt(order: Order, *, notion: Notion, workspace: Workspace, shelf: Shelf, machine: Machine) -> Opened:
    """Take a release over whose manifest is not on this machine: everything is proved again.

    Raises RefusedError when it is here already, is not in Notion, or was made from another template.
    """
    attempt = await attempt_for(shelf, order, notion, workspace)
    if attempt.release is not None:
        told = _HERE_ALREADY.filled(key=attempt.release.manifest.key)
        raise RefusedError(told, remedy="ultra-checklist status")
    manifest, found = manifest_of(order, machine, attempt.number), attempt.page
    if found is None:
        told = _NOT_IN_NOTION.filled(key=manifest.key)
        raise RefusedError(told, remedy=f"ultra-checklist new {order.version}")
    if not found.template.endswith(order.template.sha256):
        raise RefusedError(_OTHER_TEMPLATE.filled(key=manifest.key, template=found.template), remedy=_CHECK_OUT)
    pinned = found.commit or order.commit
    manifest = manifest.model_copy(
        update={
            "commit": pinned,
            "variables": _with_commit(manifest.variables, pinned),
            "page_id": found.page_id,
            "page_url": found.url,
        }
    )
    rows = {
        row.key.removeprefix(f"{manifest.key}/"): row
        for row in await rows_of(notion, workspace, found.page_id, manifest.key)
    }
    known = {item.id: rows[item.id].page_id for item in manifest.items if item.id in rows}
    manifest = manifest.model_copy(update={"rows": known})
    # The journal begins before the manifest names a page: a page without a journal means that lines were lost.
    begun = manifest.model_copy(update={"page_id": "", "page_url": "", "rows": {}})
    shelf.write(begun)
    release = Release(shelf, begun)
    adopted = {"key": manifest.key, "template": manifest.template.sha256, "commit": pinned}
    release.record_all([("adopted", adopted), ("step", {"step": "view"})])
    release.replace_manifest(manifest)
    wanted = new_release(manifest, workspace.lang)
    written = await Creation(notion, workspace, release, wanted).run(fresh=False)
    return Opened(key=manifest.key, url=found.url, written=written)


@dataclass(frozen=True)
class Difference:
    """What an edited template would change in a running release."""

    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    changed: tuple[Item, ...]
    reproved: tuple[str, ...]
    """Ids of the checks that lose their verdict."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(manifest: Manifest, template: Template) -> Difference:
    """Compare a release with the template as it is now. Raises UsageError when it is another checklist."""
    if template.name != manifest.template.name:
        names = {"name": repr(template.name), "wanted": repr(manifest.template.name)}
        raise UsageError(_OTHER_CHECKLIST.filled(path=template.path, **names), remedy=_NAME_RIGHT)
    old = {item.id: item for item in manifest.items}
    new = {item.id: item for item in template.items}
    both = [item for item in template.items if item.id in old]
    return Difference(
        added=tuple(item for item in template.items if item.id not in old),
        removed=tuple(item for item in manifest.items if item.id not in new),
        changed=tuple(item for item in both if _wording(item) != _wording(old[item.id])),
        reproved=tuple(item.id for item in both if _meaning(item) != _meaning(old[item.id])),
    )


async def update(
    release: Release, template: Template, text: str, *, notion: Notion, workspace: Workspace
) -> Difference:
    """Bring a running release up to the template: new rows are made, rows of removed items stop living."""
    found = difference(release.manifest, template)
    if not found:
        return found
    gone = [item.id for item in found.removed]
    rows = {item: page for item, page in release.manifest.rows.items() if item not in gone}
    for item in gone:
        live = {"properties": {workspace.check_ids["live"]: {"checkbox": False}}}
        await notion.patch(f"pages/{release.manifest.rows[item]}", live)
        release.mirror.rows.pop(item, None)
    manifest = release.manifest.model_copy(
        update={"template": template, "template_text": text, "template_path": template.path, "rows": rows}
    )
    release.record(
        "updated",
        {
            "from": release.manifest.template.sha256,
            "to": template.sha256,
            "added": [item.id for item in found.added],
            "removed": gone,
            "changed": list(found.reproved),
        },
    )
    release.replace_manifest(manifest)
    await Creation(notion, workspace, release, new_release(manifest, workspace.lang)).run(fresh=False)
    return found


def template_changed(manifest: Manifest) -> bool:
    """Whether the template's file is no longer what the release was made from."""
    try:
        return Path(manifest.template_path).read_text(encoding="utf-8") != manifest.template_text
    except (OSError, UnicodeDecodeError):
        return True


def _wording(item: Item) -> dict[str, object]:
    return item.model_dump(exclude={"line": True, "probes": {"__all__": {"line"}}})


def _meaning(item: Item) -> dict[str, object]:
    return item.model_dump(exclude={"line": True, "order": True, "title": True, "probes": {"__all__": {"line"}}})


def _with_commit(variables: Variables, commit: str) -> Variables:
    values = dict(variables.values)
    if commit:
        values["COMMIT"] = Value(value=commit, origin="the release's page")
    return Variables(values=values)


def _status_word(status: str, workspace: Workspace) -> str:
    return next((w.say(workspace.lang) for s, w in STATUS_WORDS.items() if s.value == status), status)


_STILL_OPEN = Words(
    en="{version} is still open for {template} in {environment}",
    ja="{template}（{environment}）の {version} がまだ進行中です",
)
_MAKE_ROOM = Words(
    en="Close it first, or end it with --supersede, or prepare beside it with --queued",
    ja="先に終了するか、--supersede で置き換えるか、--queued で並行して準備してください",
)
_IN_NOTION = Words(
    en="{key} is in Notion already ({status}), but this machine has no manifest of it",
    ja="{key} は Notion にありますが（{status}）、このマシンにマニフェストがありません",
)
_GO_THERE = Words(
    en="Go on where it was made; only where that folder or machine is gone: ultra-checklist adopt {version}",
    ja="作成したマシンで続けてください。そのマシンやフォルダが失われた場合のみ: ultra-checklist adopt {version}",
)
_HERE_ALREADY = Words(en="{key} is on this machine already", ja="{key} はすでにこのマシンにあります")
_NOT_IN_NOTION = Words(en="Notion has no open release {key}", ja="進行中のリリース {key} が Notion にありません")
_OTHER_TEMPLATE = Words(
    en="{key} was made from another version of the template: {template}",
    ja="{key} は別の版のテンプレートから作成されています: {template}",
)
_CHECK_OUT = Words(
    en="Check out the template it was made from and name it with -t",
    ja="作成時のテンプレートを取り出し、-t で指定してください",
)
_OTHER_CHECKLIST = Words(
    en="{path} is the checklist {name}; the release was made from {wanted}",
    ja="{path} のチェックリストは {name} ですが、リリースは {wanted} から作成されています",
)
_NAME_RIGHT = Words(en="Name the right template with -t", ja="正しいテンプレートを -t で指定してください")
