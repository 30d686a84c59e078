"""The shape of the code: imports go one way, names say something, nothing grows too large."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ultra_checklist import plugins

PACKAGE = Path(__file__).parent.parent / "ultra_checklist"

LAYERS = (
    (
        "base",
        (
            "words", "errors", "environ", "complaints", "config", "disk", "sieve", "disguise", "shapes", "streaming", "escape", "redact", "plugins",
            "archive", "dsse", "keys", "sending", "trust", "settings_file", "template_files", "unattended",
        ),
    ),
    ("domain", ("model", "record", "variables", "yamldoc", "frontmatter", "traits", "bindings", "references", "template")),
    (
        "domain on top of the template",
        (
            "lint", "parsed", "states", "checked", "account", "comparison", "outline", "wording", "case", "offers", "offers_live", "rulebook",
            "naming", "declarations", "patch", "timing", "suggest", "placeholders",
        ),
    ),
    ("adapters", ("probes", "notion", "reports", "notify")),
    (
        "engine",
        (
            "machine", "manifest", "journal", "check_history", "history", "evidence", "samples", "mirror", "release", "origins",
            "hooks", "runner", "hosts", "checking", "prove", "proving", "situations", "duty", "why", "tally", "plan", "apply", "intake",
            "bench", "roster", "reconcile", "turn", "compare", "standing", "asked", "rollback", "uploads", "recordpage", "predicate", "bundle",
            "verify", "replay", "close", "announce", "aftermath", "sync", "webhook", "lifecycle", "overview", "worker", "witness", "siblings", "retreat",
            "agenda", "notices", "messenger", "terminal", "guarded", "admission", "whose", "answer", "gate", "retention", "chronicle", "recount", "doctor", "heartbeat", "logbook", "figures", "exposition",
        ),
    ),
    ("front", ("desk", "making", "ending", "asking", "telling", "looking", "library")),
    ("shell", ("cli", "__main__")),
)  # fmt: skip
ISLANDS = ("server", "demo")
MAX_MODULE = 400
MAX_FUNCTION = 60
FORBIDDEN = {"util", "utils", "helpers", "common", "core"}
TOO_LARGE: dict[str, str] = {}
"""Modules or functions that may exceed the limits, with the reason."""

LEVEL = {name: level for level, (_, names) in enumerate(LAYERS) for name in names}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield ".".join(parts), path


def imports(path: Path) -> Iterator[str]:
    """Names of our own modules that a file imports, below the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            if node.module == "ultra_checklist":
                yield from (alias.name for alias in node.names)
            elif node.module.startswith("ultra_checklist."):
                yield node.module.removeprefix("ultra_checklist.")
        elif isinstance(node, ast.Import):
            yield from (
                a.name.removeprefix("ultra_checklist.") for a in node.names if a.name.startswith("ultra_checklist.")
            )


ALL = list(modules())


@pytest.mark.parametrize(("name", "path"), ALL, ids=[name for name, _ in ALL])
def test_imports_go_downward(name: str, path: Path) -> None:
    room = name.split(".")[0]
    if room in ISLANDS:
        assert all(target.split(".")[0] == room for target in imports(path)), f"{name} is an island"
        return
    assert room in LEVEL, f"{name}: give it a place in LAYERS"
    for target in imports(path):
        other = target.split(".")[0]
        if other == "__version__":
            continue
        if other in ISLANDS:
            assert room in ("cli", "desk"), f"{name} imports the island {target}: only desk and command line may"
            continue
        assert LEVEL[other] <= LEVEL[room], f"{name} imports {target}, which lies above it"
        if LAYERS[LEVEL[room]][0] == "adapters" and other != room:
            assert LEVEL[other] < LEVEL[room], f"{name} imports its sideways neighbour {target}"


def test_engine_has_no_circles() -> None:
    graph = {name: {t for t in imports(path) if "." not in t} for name, path in ALL if "." not in name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' -> '.join((*trail, name))}"
        if name not in done:
            for target in graph.get(name, ()):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert done


@pytest.mark.parametrize(("name", "path"), ALL, ids=[name for name, _ in ALL])
def test_sizes(name: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert name in TOO_LARGE or len(text.splitlines()) <= MAX_MODULE, f"{name} has more than {MAX_MODULE} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert f"{name}.{node.name}" in TOO_LARGE or _code_lines(node) <= MAX_FUNCTION, f"{name}.{node.name}"


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def test_names_say_something() -> None:
    assert not [name for name, _ in ALL if set(name.split(".")) & FORBIDDEN]


def test_every_built_in_is_registered() -> None:
    """Entry points are read from installed metadata: after adding a line, install the package again."""
    for group, folder in (
        (plugins.PROBES, "probes"),
        (plugins.REPORTS, "reports"),
        (plugins.RELEASE_REPORTS, "reports"),
        (plugins.HOOKS, "notify"),
    ):
        there = {name.split(".")[1] for name, _ in ALL if name.startswith(f"{folder}.")} - {"base", "__init__"}
        values = {point.value.split(":")[0].split(".")[2] for point in plugins.names(group).values()}
        families = {n for n in there if n in values or _registers(PACKAGE / folder / f"{n}.py")}
        assert families == values, f"{folder}: run scripts/setup after adding an entry point"


def _registers(path: Path) -> bool:
    return path.is_file() and "(Probe[" in path.read_text(encoding="utf-8")
