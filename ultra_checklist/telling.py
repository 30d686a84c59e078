"""Finds a release by what a person calls it, and tells its account."""

import re

from ultra_checklist.account import Account
from ultra_checklist.desk import Desk
from ultra_checklist.errors import NoManifestError
from ultra_checklist.prove import Prover
from ultra_checklist.recount import recount
from ultra_checklist.release import Release, find
from ultra_checklist.words import Words

_ATTEMPT = re.compile(r"(.+)~([1-9]\d*)")


def account_of(at: Desk, release: Release) -> Account:
    """The account, without anything that is known to be secret here."""
    redactor = Prover(release, at.home, secrets=at.secrets).runner.redactor
    return recount(release, at.lang, redactor)


def attempt_of(at: Desk, version: str, template: str | None, environment: str | None) -> Release:
    """The newest attempt of a version, or the one that is named."""
    match = _ATTEMPT.fullmatch(version)
    if match is None:
        return find(at.shelf, version, local=at.local, environment=environment, template=template)
    newest = find(at.shelf, match[1], local=at.local, environment=environment, template=template).manifest
    line = (newest.template.name, newest.environment, newest.version, int(match[2]))
    for manifest in at.shelf.all():
        if (manifest.template.name, manifest.environment, manifest.version, manifest.attempt) == line:
            return Release(at.shelf, manifest)
    raise NoManifestError(_NO_ATTEMPT.filled(version=match[1], n=match[2]), remedy=_LIST)


_NO_ATTEMPT = Words(
    en="no attempt {n} of {version} on this machine", ja="{version} の試行 {n} はこのマシンにありません"
)
_LIST = Words(
    en="ultra-checklist status lists what is here",
    ja="このマシンのリリースは ultra-checklist status で確認できます",
)
