"""YAML 1.2 with the line of every key, so that every complaint can say where.

Octal-looking numbers are refused: ``mode: 0600`` means 600 in one YAML and 384 in another.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.words import Words

Path = tuple[str | int, ...]
_OCTAL = re.compile(r"[-+]?0o?[0-7]+")


@dataclass
class Document:
    """Plain data with the line (1-based, in the file) of each of its parts, and what is wrong with it."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, Words]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    """Identities of the nodes that were read: one that comes again was named by an alias."""

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest part around it that is known."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, first_line: int) -> Document:
    """Read YAML that begins at ``first_line`` of its file. Never raises for what is in the text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    document = Document(lines={(): first_line})
    try:
        node = YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark is not None else 0)
        document.problems.append((line, _NO_YAML.filled(why=str(error.problem or error.context))))
        return document
    except YAMLError as error:
        document.problems.append((first_line, _NO_YAML.filled(why=str(error).splitlines()[0])))
        return document
    except RecursionError:
        document.problems.append((first_line, _TOO_DEEP))
        return document
    if node is not None:
        document.data = _value(node, (), first_line, document)
    return document


def _value(node: Any, path: Path, first_line: int, document: Document) -> Any:
    document.lines.setdefault(path, first_line + node.start_mark.line)
    if id(node) in document.read:
        # An alias may hold itself, or multiply a few lines to millions.
        line = first_line + node.start_mark.line
        document.problems.append((line, _ALIAS))
        return None
    document.read.add(id(node))
    if node.id == "mapping":
        return _mapping(node, path, first_line, document)
    if node.id == "sequence":
        return [_value(child, (*path, i), first_line, document) for i, child in enumerate(node.value)]
    return _scalar(node, first_line, document)


def _mapping(node: Any, path: Path, first_line: int, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        line = first_line + key_node.start_mark.line
        if key in found:
            document.problems.append((line, _TWICE.filled(key=repr(key))))
        document.lines[(*path, key)] = line
        found[key] = _value(value_node, (*path, key), first_line, document)
    return found


def _scalar(node: Any, first_line: int, document: Document) -> Any:
    text = str(node.value)
    match str(node.tag).rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            if _OCTAL.fullmatch(text) and text not in ("0", "-0", "+0"):
                line = first_line + node.start_mark.line
                document.problems.append((line, _OCTAL_LOOKING.filled(text=text)))
                return text
            return int(text.replace("_", ""), 0)
        case "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return text


_NO_YAML = Words(en="this is no valid YAML: {why}", ja="YAML として読めません: {why}")
_TOO_DEEP = Words(en="this YAML is nested too deeply", ja="YAML の入れ子が深すぎます")
_ALIAS = Words(
    en="anchors and aliases (&, *) are not supported: write it out",
    ja="アンカーとエイリアス（&、*）は使えません。展開して書いてください",
)
_TWICE = Words(en="the key {key} is there twice", ja="キー {key} が重複しています")
_OCTAL_LOOKING = Words(
    en='{text} looks octal: write it in quotes, "{text}"',
    ja='{text} は 8 進数と紛らわしいため、引用符で囲んでください: "{text}"',
)
