"""Every place at which a command or a pass gives up, gathered from the source: what it says and which step it names."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tests.catalogue import name_of, sources, text
from ultra_checklist import errors
from ultra_checklist.words import Words

UNKNOWN = Words.same("…")
"""Words that are made elsewhere: what another error said, or another program."""


@dataclass(frozen=True)
class ErrorPath:
    """One call of an error of ours."""

    module: str
    line: int
    error: str
    message: tuple[Words, ...]
    """Alternatives, where the place has several."""
    remedy: tuple[Words, ...]


@dataclass(frozen=True)
class ErrorClass:
    """An error of ours, and where it is made."""

    module: str
    tree: ast.Module
    node: ast.ClassDef

    @property
    def bases(self) -> set[str]:
        return {name_of(base) for base in self.node.bases}


@cache
def classes() -> Mapping[str, ErrorClass]:
    """Our errors by name, those that end at a terminal."""
    there = {
        node.name: ErrorClass(module, tree, node)
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    names = {"UltraChecklistError"}
    while (
        more := {name for name, one in there.items() if one.bases & names}
        - names
        - {"HookFailed", "ProbeCannotTell"}
    ):
        names |= more
    return {name: there[name] for name in names - {"UltraChecklistError"}}


def exit_code(error: str) -> int:
    """The exit code of an error by its name, or by the name of what it is made from."""
    while not hasattr(errors, error):
        (error,) = classes()[error].bases
    code: int = getattr(errors, error).exit_code
    return code


def own_step(error: ast.ClassDef) -> ast.Call | None:
    """The call of the parent's ``__init__`` in a class that brings its own words, None where it takes them."""
    for node in ast.walk(error):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            if "remedy" in {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}:
                return None
            return next(call for call in ast.walk(node) if isinstance(call, ast.Call) and _is_init(call))
    return None


def _is_init(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"


def error_paths() -> Iterator[ErrorPath]:
    """All of them in the order of the source. Raises AssertionError where an error names no next step."""
    known = classes()
    words = _constants()
    for module, tree in sources():
        for node in sorted(_calls(tree), key=lambda call: call.lineno):
            name = name_of(node.func)
            if name not in known:
                continue
            own = own_step(known[name].node)
            told, find = (node, _Reader(module, words, _locals(tree, node.lineno)).read)
            if own is not None:
                told, find = own, _Reader(known[name].module, words, _locals(known[name].tree, own.lineno)).read
            given = {word.arg: word.value for word in told.keywords}
            assert told.args, f"{module}:{node.lineno}: {name} without words"
            assert "remedy" in given, f"{module}:{node.lineno}: {name} names no next step"
            yield ErrorPath(module, node.lineno, name, find(told.args[0]), find(given["remedy"]))


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _constants() -> Mapping[str, Words]:
    """Words that a module keeps, by name. A name has the same words wherever it is known."""
    found: dict[str, Words] = {}
    for module, tree in sources():
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                said = _literal(statement.value)
                for target in statement.targets:
                    if said is not None:
                        found[f"{module}.{name_of(target)}"] = said
                        found.setdefault(name_of(target), said)
    return found


def _locals(tree: ast.Module, line: int) -> dict[str, list[ast.expr]]:
    """What names stand for on a line, of what is assigned in the innermost function around it."""
    around: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(max(around, key=lambda one: one.lineno)) if around else ():
        if isinstance(node, ast.Assign) and node.lineno <= line:
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _literal(call: ast.Call) -> Words | None:
    if name_of(call.func) == "same" and call.args:
        said = text(call.args[0])
        return Words.same(said) if said is not None else None
    given = {word.arg: text(word.value) for word in call.keywords}
    en, ja = given.get("en"), given.get("ja")
    return Words(en=en, ja=ja) if name_of(call.func) == "Words" and en is not None and ja is not None else None


@dataclass(frozen=True)
class _Reader:
    module: str
    words: Mapping[str, Words]
    local: Mapping[str, list[ast.expr]]
    depth: int = 0

    def read(self, node: ast.expr) -> tuple[Words, ...]:
        """The words that an expression comes to; alternatives one after the other."""
        if isinstance(node, ast.IfExp):
            return self.read(node.body) + self.read(node.orelse)
        if isinstance(node, ast.BoolOp):
            return tuple(said for value in node.values for said in self.read(value))
        if isinstance(node, ast.Call):
            return self._call(node)
        said = text(node)
        if said is not None:
            return (Words.same(said),)
        name = name_of(node)
        assigned = self.local.get(name)
        if assigned and self.depth < 4:
            # The nearest assignment; where branches assign, one of them.
            return _Reader(self.module, self.words, self.local, self.depth + 1).read(assigned[-1])
        return (self.words.get(f"{self.module}.{name}") or self.words.get(name, UNKNOWN),)

    def _call(self, node: ast.Call) -> tuple[Words, ...]:
        literal = _literal(node)
        if literal is not None:
            return (literal,)
        if name_of(node.func) == "nearest":
            return self.words["words._NEAREST"], self.words["words._KNOWN"]
        if name_of(node.func) in ("filled", "of") and isinstance(node.func, ast.Attribute):
            return self.read(node.func.value) if name_of(node.func) == "filled" else self.read(node.args[0])
        if name_of(node.func) == "joined" and node.args and isinstance(node.args[0], ast.Tuple):
            parts = [self.read(part)[0] for part in node.args[0].elts]
            between = self.read(node.args[1])[0] if len(node.args) > 1 else Words.same("")
            return (Words(en=between.en.join(p.en for p in parts), ja=between.ja.join(p.ja for p in parts)),)
        return (UNKNOWN,)
