"""Whether the names in a template lead somewhere: ids, sections, gates, variables."""

from collections.abc import Iterator

from ultra_checklist.frontmatter import Head, unknown
from ultra_checklist.model import Item, ProbeSpec, Template
from ultra_checklist.variables import BUILT_IN, broken_references, references
from ultra_checklist.words import Words, joined

Problem = tuple[int, Words]


def check_references(template: Template, head: Head) -> list[Problem]:
    """All names that are used twice or lead nowhere."""
    return [
        *_twice([(section.id, section.line) for section in template.sections], _SECTION_ID),
        *_twice([(item.id, item.line) for item in template.items if item.id], _ID),
        *_items(template),
        *_circles(template),
        *_gates(template, head),
        *_variables(template),
        *_deploys(template),
        *_people(template),
    ]


def _twice(names: list[tuple[str, int]], kind: Words) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for name, line in names:
        if name in first:
            yield line, _TWICE.filled(kind=kind, name=repr(name), line=str(first[name]))
        first.setdefault(name, line)


def _items(template: Template) -> Iterator[Problem]:
    items = [item.id for item in template.items]
    places = [*items, *(section.id for section in template.sections)]
    for item in template.items:
        for need in item.needs:
            if need not in items:
                yield item.line, joined(("needs", unknown(_ITEM, need, items)), ": ")
        for name in item.when.failed if item.when is not None else ():
            if name not in places:
                yield item.line, joined(("when", unknown(_PLACE, name, places)), ": ")


def _circles(template: Template) -> Iterator[Problem]:
    needs = {item.id: item.needs for item in template.items}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        coming = list(needs[start])
        while coming:
            need = coming.pop()
            if need not in seen:
                seen.add(need)
                coming += needs.get(need, ())
        return seen

    for item in template.items:
        if item.id and item.id in reached(item.id):
            yield item.line, _CIRCLE.filled(id=repr(item.id), over=", ".join(item.needs))


def _gates(template: Template, head: Head) -> Iterator[Problem]:
    sections = [section.id for section in template.sections]
    items = [item.id for item in template.items]
    for gate, line in head.gates:
        for name in gate.sections:
            if name not in sections:
                yield line, _GATE.filled(gate=repr(gate.name), problem=unknown(_SECTION, name, sections))
        for name in gate.guards:
            if name not in items:
                yield line, _GATE.filled(gate=repr(gate.name), problem=unknown(_ITEM, name, items))


def _optional(template: Template, spec: ProbeSpec) -> Iterator[Problem]:
    """What is optional hangs on variables that are settled with the release; secrets are read at each look."""
    named = references(dict(spec.options))
    secret = sorted(named & {variable.name for variable in template.variables if variable.secret})
    if secret:
        yield spec.line, _SECRET.filled(probe=spec.probe, name=secret[0])
    elif not named:
        yield spec.line, _NEVER_UNSET.filled(probe=spec.probe)


def _variables(template: Template) -> Iterator[Problem]:
    known = [*(variable.name for variable in template.variables), *BUILT_IN]
    for item in template.items:
        for spec in item.probes:
            if spec.options.get("optional") is True:
                yield from _optional(template, spec)
            for name in sorted(references(dict(spec.options)) - set(known)):
                yield spec.line, unknown(_VARIABLE, name, known)
            for text in broken_references(dict(spec.options)):
                yield spec.line, _not_a_reference(text)
    for variable in template.variables:
        for name in sorted(references(variable.default or "") - set(known)):
            yield variable.line, joined((variable.name, unknown(_VARIABLE, name, known)), ": ")
        for text in broken_references(variable.default or ""):
            yield variable.line, joined((variable.name, _not_a_reference(text)), ": ")


def _not_a_reference(text: str) -> Words:
    return _NO_REFERENCE.filled(text=repr(text))


def _deploys(template: Template) -> Iterator[Problem]:
    deploying: list[Item] = [item for item in template.items if item.deploys]
    for item in deploying[1:]:
        first = deploying[0]
        yield item.line, _ONE_DEPLOYS.filled(id=repr(first.id), line=str(first.line))
    for item in deploying:
        if item.until_deploy or item.after_deploy:
            yield item.line, _NEITHER
    timed = [item for item in template.items if item.until_deploy or item.after_deploy]
    if timed and not deploying:
        yield timed[0].line, _NO_DEPLOY


def _people(template: Template) -> Iterator[Problem]:
    for item in template.items:
        if item.waive == "approvers" and not template.approvers:
            yield item.line, _NO_APPROVERS
        if 0 < len(template.approvers) < item.approvals:
            listed = str(len(template.approvers))
            yield item.line, _TOO_FEW.filled(n=str(item.approvals), listed=listed)


_SECTION_ID = Words(en="section id", ja="セクション id")
_ID = Words.same("id")
_TWICE = Words(
    en="the {kind} {name} is already used in line {line}", ja="{kind} {name} は {line} 行目ですでに使われています"
)
_ITEM = Words(en="item", ja="項目")
_PLACE = Words(en="item or section", ja="項目またはセクション")
_SECTION = Words(en="section", ja="セクション")
_VARIABLE = Words(en="variable", ja="変数")
_CIRCLE = Words(
    en="needs: {id} waits for itself, over {over}", ja="needs: {id} が {over} を経て自分自身を待っています"
)
_GATE = Words(en="gate {gate}: {problem}", ja="ゲート {gate}: {problem}")
_SECRET = Words(
    en="{probe} cannot be optional: whether the secret {name} is set may change",
    ja="{probe} は optional にできません（秘密情報 {name} の有無は変わることがあります）",
)
_NEVER_UNSET = Words(
    en="{probe} is optional, and names no variable that could be unset",
    ja="{probe} は optional ですが、未設定になり得る変数を参照していません",
)
_NO_REFERENCE = Words(
    en="{text} names no variable: write ${NAME}, or $$ for a dollar sign",
    ja="{text} は変数の参照ではありません。${NAME} と書くか、ドル記号なら $$ と書いてください",
)
_ONE_DEPLOYS = Words(
    en="one item deploys, and {id} in line {line} does already",
    ja="deploys: true は 1 項目だけです（{line} 行目の {id} が指定済み）",
)
_NEITHER = Words(
    en="the item that deploys is neither until nor after the deploy",
    ja="デプロイを行う項目に until / after は指定できません",
)
_NO_DEPLOY = Words(
    en="until/after deploy need an item with `deploys: true`",
    ja="until / after: deploy には `deploys: true` の項目が必要です",
)
_NO_APPROVERS = Words(
    en="waive: approvers needs a list `approvers` (user ids) in the front matter",
    ja="waive: approvers には、フロントマターに `approvers`（ユーザー ID のリスト）が必要です",
)
_TOO_FEW = Words(
    en="approvals: {n} can never be reached, approvers lists {listed}",
    ja="approvals: {n} を満たせません（approvers は {listed} 人）",
)
