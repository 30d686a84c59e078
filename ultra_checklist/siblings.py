"""Another release, as a probe may know it: sealed in a bundle, or on record on this machine."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ultra_checklist.errors import NoManifestError, UsageError
from ultra_checklist.manifest import Manifest, Shelf
from ultra_checklist.model import Ending
from ultra_checklist.record import Sibling, SiblingRow, Sought
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.history import History
    from ultra_checklist.release import Release


class Siblings:
    """Finds other releases than the one for which is looked, whose manifest is ``own``."""

    def __init__(self, shelf: Shelf | None = None, *, local: bool = False, own: Manifest | None = None) -> None:
        self._shelf = shelf
        self._local = local
        self._own = own

    def __call__(self, sought: Sought) -> Sibling:
        """The release that is sought; the newest attempt of it.

        Raises NoManifestError where there is none, UsageError where several fit or there is no such file,
        BundleError for a bundle that is not intact or not signed by that key, StateError for a damaged journal.
        """
        if sought.bundle is None:
            release = self._here(sought)
            return _told(release.manifest, release.history)
        from ultra_checklist.keys import load_public
        from ultra_checklist.verify import verify

        key = load_public(sought.key) if sought.key is not None else None
        found = verify(sought.bundle, key)
        return _told(found.manifest, found.history, keyid=found.keyid, signer_known=found.signer_known)

    def _here(self, sought: Sought) -> "Release":
        from ultra_checklist.release import Release

        shelf = self._shelf
        fitting = [
            m
            for m in (shelf.all() if shelf is not None else ())
            if m.version == sought.version
            and m.local is self._local
            and sought.environment in ("", m.environment)
            and sought.template in ("", m.template.name)
            and (self._own is None or _line(m) != _line(self._own))
        ]
        if shelf is None or not fitting:
            raise NoManifestError(_NONE.filled(version=sought.version), remedy="ultra-checklist status")
        if len({_line(m) for m in fitting}) > 1:
            listed = ", ".join(m.key for m in fitting)
            raise UsageError(_SEVERAL.filled(version=sought.version, listed=listed), remedy=_NARROW)
        return Release(shelf, max(fitting, key=lambda m: m.attempt))


def _line(manifest: Manifest) -> tuple[str, str]:
    return manifest.template.name, manifest.environment


def _told(manifest: Manifest, history: "History", *, keyid: str = "", signer_known: bool = False) -> Sibling:
    seal: Mapping[str, Any] = history.sealed or {}
    deployed = [mark.ended for mark in history.deploys if mark.stands and mark.ended is not None]
    ended: datetime | None = history.ended_at if seal else None
    return Sibling(
        key=manifest.key,
        version=manifest.version,
        template=manifest.template.name,
        environment=manifest.environment,
        commit=manifest.commit,
        host=manifest.machine.name,
        ending=Ending(seal["ending"]) if seal else None,
        ended=ended,
        deployed=max(deployed) if deployed else None,
        made_of=str(seal.get("made_of", "")),
        keyid=keyid,
        signer_known=signer_known,
        rows=tuple(_row(manifest, history, item.id, item.required) for item in manifest.items),
    )


def _row(manifest: Manifest, history: "History", item_id: str, required: bool) -> SiblingRow:
    check = history.check(item_id)
    item = manifest.template.item(item_id)
    return SiblingRow(
        id=item_id,
        title=item.title if item is not None else "",
        required=required,
        result=check.shown.result,
        settled=check.shown.settled,
        note=check.choosing.note if check.choosing is not None else "",
    )


_NONE = Words(
    en="no release {version} is on record on this machine", ja="リリース {version} の記録がこのマシンにありません"
)
_SEVERAL = Words(
    en="{version} names several releases: {listed}", ja="{version} に該当するリリースが複数あります: {listed}"
)
_NARROW = Words(
    en="Name one with the probe's options template and environment",
    ja="プローブのオプション template と environment で 1 つに絞ってください",
)
