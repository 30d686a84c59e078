"""Asks a gate of a release."""

from ultra_checklist.answer import GateAnswer
from ultra_checklist.desk import Desk
from ultra_checklist.errors import CannotTellError, UsageError
from ultra_checklist.gate import Gatekeeper
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Gate
from ultra_checklist.words import Words, nearest
from ultra_checklist.worker import WAIT


def gate_of(manifest: Manifest, name: str | None = None) -> Gate:
    """The gate that is meant: without a name the only one. Raises UsageError naming those that there are."""
    gates = manifest.template.gates
    if not gates:
        raise UsageError(_NO_GATES.filled(key=manifest.key), remedy=_ADD_GATE)
    names = [gate.name for gate in gates]
    if name is None and len(gates) == 1:
        return gates[0]
    if name is None:
        raise UsageError(_SEVERAL.filled(key=manifest.key, names=", ".join(names)), remedy=_CHOOSE)
    if name not in names:
        raise UsageError(_NO_GATE.filled(key=manifest.key, name=repr(name)), remedy=nearest(name, names))
    return gates[names.index(name)]


async def ask(at: Desk, key: str, wanted: Gate, *, wait: float = WAIT) -> GateAnswer:
    """The answer of a gate; a pass that is running is waited for, ``wait`` seconds at most.

    Raises CannotTellError where the databases are not to be found.
    """
    async with at.notion() as notion:
        try:
            await at.find_workspace(notion)
            bench = at.bench(notion)
        except UsageError as error:
            # The release is there and its databases are not: that is no matter of usage.
            raise CannotTellError(error.message, remedy=error.remedy) from error
        keeper = Gatekeeper(bench, at.home, key, secrets=at.secrets, wait=wait, seconds=at.settings.deadline)
        return await keeper.ask(wanted)


_NO_GATES = Words(en="the template of {key} has no gate", ja="{key} のテンプレートにゲートがありません")
_ADD_GATE = Words(
    en="Add one under `gates` of its front matter, then: ultra-checklist update",
    ja="フロントマターの `gates` に追加し、ultra-checklist update を実行してください",
)
_SEVERAL = Words(en="{key} has several gates: {names}", ja="{key} にはゲートが複数あります: {names}")
_CHOOSE = Words(en="Choose one with --gate", ja="--gate で 1 つ指定してください")
_NO_GATE = Words(en="{key} has no gate {name}", ja="{key} にゲート {name} はありません")
