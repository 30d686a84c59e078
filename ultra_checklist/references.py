"""Whether the names in a template lead somewhere: ids, sections, gates, variables."""

from collections.abc import Iterator

from ultra_checklist.frontmatter import Head, unknown
from ultra_checklist.model import Item, ProbeSpec, Template
from ultra_checklist.variables import BUILT_IN, broken_references, references

Problem = tuple[int, str]


def check_references(template: Template, head: Head) -> list[Problem]:
    """All names that are used twice or lead nowhere."""
    return [
        *_twice([(section.id, section.line) for section in template.sections], "section id"),
        *_twice([(item.id, item.line) for item in template.items if item.id], "id"),
        *_items(template),
        *_circles(template),
        *_gates(template, head),
        *_variables(template),
        *_deploys(template),
        *_people(template),
    ]


def _twice(names: list[tuple[str, int]], kind: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for name, line in names:
        if name in first:
            yield line, f"the {kind} {name!r} is already used in line {first[name]}"
        first.setdefault(name, line)


def _items(template: Template) -> Iterator[Problem]:
    items = [item.id for item in template.items]
    places = [*items, *(section.id for section in template.sections)]
    for item in template.items:
        for need in item.needs:
            if need not in items:
                yield item.line, f"needs: {unknown('item', need, items)}"
        for name in item.when.failed if item.when is not None else ():
            if name not in places:
                yield item.line, f"when: {unknown('item or section', name, places)}"


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
            yield item.line, f"needs: {item.id!r} waits for itself, over {', '.join(item.needs)}"


def _gates(template: Template, head: Head) -> Iterator[Problem]:
    sections = [section.id for section in template.sections]
    items = [item.id for item in template.items]
    for gate, line in head.gates:
        for name in gate.sections:
            if name not in sections:
                yield line, f"gate {gate.name!r}: {unknown('section', name, sections)}"
        for name in gate.guards:
            if name not in items:
                yield line, f"gate {gate.name!r}: {unknown('item', name, items)}"


def _optional(template: Template, spec: ProbeSpec) -> Iterator[Problem]:
    """What is optional hangs on variables that are settled with the release; secrets are read at each look."""
    named = references(dict(spec.options))
    secret = sorted(named & {variable.name for variable in template.variables if variable.secret})
    if secret:
        yield spec.line, f"{spec.probe} cannot be optional: whether the secret {secret[0]} is set may change"
    elif not named:
        yield spec.line, f"{spec.probe} is optional, and names no variable that could be unset"


def _variables(template: Template) -> Iterator[Problem]:
    known = [*(variable.name for variable in template.variables), *BUILT_IN]
    for item in template.items:
        for spec in item.probes:
            if spec.options.get("optional") is True:
                yield from _optional(template, spec)
            for name in sorted(references(dict(spec.options)) - set(known)):
                yield spec.line, unknown("variable", name, known)
            for text in broken_references(dict(spec.options)):
                yield spec.line, _not_a_reference(text)
    for variable in template.variables:
        for name in sorted(references(variable.default or "") - set(known)):
            yield variable.line, f"{variable.name}: {unknown('variable', name, known)}"
        for text in broken_references(variable.default or ""):
            yield variable.line, f"{variable.name}: {_not_a_reference(text)}"


def _not_a_reference(text: str) -> str:
    return f"{text!r} names no variable: write ${{NAME}}, or $$ for a dollar sign"


def _deploys(template: Template) -> Iterator[Problem]:
    deploying: list[Item] = [item for item in template.items if item.deploys]
    for item in deploying[1:]:
        yield item.line, f"one item deploys, and {deploying[0].id!r} in line {deploying[0].line} does already"
    for item in deploying:
        if item.until_deploy or item.after_deploy:
            yield item.line, "the item that deploys is neither until nor after the deploy"
    timed = [item for item in template.items if item.until_deploy or item.after_deploy]
    if timed and not deploying:
        yield timed[0].line, "until/after deploy need an item with `deploys: true`"


def _people(template: Template) -> Iterator[Problem]:
    for item in template.items:
        if item.waive == "approvers" and not template.approvers:
            yield item.line, "waive: approvers needs a list `approvers` (user ids) in the front matter"
        if 0 < len(template.approvers) < item.approvals:
            listed = len(template.approvers)
            yield item.line, f"approvals: {item.approvals} can never be reached, approvers lists {listed}"
