"""The rollback card: what failed after the deploy, where a rollback leads, how it is run, and how it is ended.

Pure but for the other releases of this machine, which know the version of a commit.
"""

import shlex
from collections.abc import Mapping, Sequence

from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Frozen, Item, Lang, Words
from ultra_checklist.release import Release
from ultra_checklist.situations import View, failing
from ultra_checklist.states import State
from ultra_checklist.streaming import MARK

Address = tuple[str, str]
"""A release's version, and the options that a command needs besides it."""
COMMAND = "COMMAND..."
"""Stands for a command that nobody can know."""


class Retreat(Frozen):
    """What a person needs at the moment in which going back is considered."""

    failed: tuple[str, ...]
    """Ids of what failed and opens the rollback."""
    commit: str
    """The last good commit; empty: not known."""
    version: str = ""
    """The release of that commit; empty: not known."""
    item: str = ""
    """The item for which the rollback is run; empty: no probe proves one."""
    command: str = ""
    """The line to copy; empty where there is no such item."""
    close: str


def retreat(release: Release, view: View, states: Mapping[str, State], lang: Lang | None = None) -> Retreat | None:
    """The card, while something that opens other items has failed after the deploy; else None.

    ``lang`` is its reader's language, otherwise the team's.
    """
    manifest, opened = release.manifest, [i for i in release.manifest.items if i.when is not None]
    failed = {f.id for item in opened for f in failing(manifest, item, states)}
    if not failed or not view.history.deploys or view.history.sealed is not None:
        return None
    commit = view.last_good()
    version = _version_of(release, commit)
    item = next((i.id for i in opened if any(_proves_itself(spec.probe, spec.options, i) for spec in i.probes)), "")
    named = address(release)
    name, choice = named
    reason = Words(en="why", ja="理由").say(lang or manifest.template.lang)
    return Retreat(
        failed=tuple(i.id for i in manifest.items if i.id in failed),
        commit=commit,
        version=version,
        item=item,
        command=run_line(named, item, _way_back(view, version, commit)) if item else "",
        close=f'ultra-checklist close {name}{choice} --as rolled-back --reason "{reason}"',
    )


def address(release: Release) -> Address:
    """How a command names a release. Reads the manifests of all releases here."""
    manifest = release.manifest
    options = " --local" if manifest.local else ""
    same = {_line(m) for m in release.shelf.all() if (m.version, m.local) == (manifest.version, manifest.local)}
    if len(same) > 1:
        options += f" -e {shlex.quote(manifest.environment)} -t {shlex.quote(manifest.template.name)}"
    return shlex.quote(manifest.version), options


def run_line(named: Address, item: str, argv: Sequence[str]) -> str:
    """The line that runs a command for an item; without one, with a place for it."""
    name, options = named
    told = shlex.join(argv) if argv else COMMAND
    return f"ultra-checklist run {name} {item}{options} -- {told}"


def deploy_argv(view: View, item: Item) -> list[str]:
    """The command of the deploy: that of the last time, else its probe's script with the version; empty: none."""
    last = next((run.argv for run in reversed(view.history.runs) if run.item == item.id), ())
    if last:
        return [] if _is_redacted(last) else list(last)
    for spec in item.probes:
        if spec.probe == "run" and spec.options.get("script"):
            script, missing = view.manifest.variables.fill(str(spec.options["script"]))
            if script and not missing:
                return [script, view.manifest.version]
    return []


def _way_back(view: View, version: str, commit: str) -> list[str]:
    """The command of the deploy with the last good version in the place of this one; empty: it cannot be known."""
    manifest = view.manifest
    argv = next((list(run.argv) for run in reversed(view.history.runs) if run.deploy), [])
    places = {manifest.version: version or commit, manifest.commit: commit or version}
    back = [places.get(word) or word for word in argv]
    return back if back != argv and not _is_redacted(back) else []


def _is_redacted(argv: Sequence[str]) -> bool:
    return any(MARK in word for word in argv)


def _proves_itself(probe: str, options: Mapping[str, object], item: Item) -> bool:
    """Whether a probe looks at the run of its own item."""
    return probe == "run" and options.get("item", item.id) == item.id


def _version_of(release: Release, commit: str) -> str:
    """The version of the newest other release here that had this commit, of the same checklist and environment."""
    own = release.manifest
    fitting = [
        m
        for m in release.shelf.all()
        if commit and m.commit == commit and _line(m) == _line(own) and m.key != own.key
    ]
    return max(fitting, key=lambda m: m.created).version if fitting else ""


def _line(manifest: Manifest) -> tuple[str, str]:
    return manifest.template.name, manifest.environment
