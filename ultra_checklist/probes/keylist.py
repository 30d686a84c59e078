"""The keys that a document asks for: from its tables, lists and code blocks. Pure."""

import re

_KEY = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_IN_CELL = re.compile(r"`([A-Z][A-Z0-9_]*)`|^\s*\**([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\**\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?\**`([A-Z][A-Z0-9_]*)(?:=[^`]*)?`(.*)$")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=")
_REQUIRED_HEAD = re.compile(r"必須|required|mandatory", re.IGNORECASE)
_YES = re.compile(r"^\W*(?:○|◯|〇|✓|✔|☑|✅|◎|●|yes|y|true|x|required|必須|はい|要|1)\W*$", re.IGNORECASE)
_SIGNS = "○◯〇✓✔☑✅◎●"
_OPTIONAL = re.compile(r"任意|optional|不要", re.IGNORECASE)


def required_keys(document: str) -> list[str]:
    """The required keys of a Markdown document, in order, each once.

    A table gives the key in its first cell; where it has a column headed "required" only the rows
    marked there count. Keys marked optional do not count.
    """
    found: list[str] = []
    fenced = False
    column: int | None = None
    in_table = False
    for line in document.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced:
            found += _assigned(line)
            continue
        if not line.strip().startswith("|"):
            in_table, column = False, None
            found += _listed(line)
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not in_table:
            in_table = True
            column = next((i for i, cell in enumerate(cells) if _REQUIRED_HEAD.search(cell)), None)
            continue
        found += _in_row(cells, column)
    return list(dict.fromkeys(found))


def _assigned(line: str) -> list[str]:
    match = _ASSIGNED.match(line)
    return [match.group(1)] if match is not None and not _OPTIONAL.search(line) else []


def _listed(line: str) -> list[str]:
    match = _ITEM.match(line)
    return [match.group(1)] if match is not None and not _OPTIONAL.search(match.group(2)) else []


def _in_row(cells: list[str], column: int | None) -> list[str]:
    match = _IN_CELL.search(cells[0])
    if match is None:
        return []
    key = match.group(1) or match.group(2)
    if _KEY.fullmatch(key) is None:
        return []
    if column is not None and column < len(cells):
        return [key] if _is_yes(cells[column]) else []
    return [] if any(_OPTIONAL.search(cell) for cell in cells[1:]) else [key]


def _is_yes(cell: str) -> bool:
    return any(sign in cell for sign in _SIGNS) or _YES.match(cell) is not None
