"""Everything we say exists in both languages, is said somewhere, and each error tells what to do next."""

import ast
import re
from collections import Counter

import pytest

from tests import catalogue, error_paths
from tests.catalogue import JAPANESE, Message, name_of, text

MESSAGES = list(catalogue.messages())
_GAP = re.compile(r"\{[a-z_]*\}")
_SAME_IN_BOTH = {" (ticked by {name})", "health factor {}", "the backend", "LOCAL"}
"""English of messages whose Japanese needs no Japanese sign: names of products, or nothing but a name."""
_COMMANDS = ("ultra-checklist ", "sudo ", "git ", "docker ", "timedatectl ", "apt-get ")
"""How a line begins that people copy: it is the same in every language."""
_SENTENCE = re.compile(r"[A-Za-z]{2,}[,:;]? [a-z]{2,}")
_SPOKEN = {"say", "remark", "go_on", "Wrong", "same", "passed", "failed", "unknown"}
"""What takes a text for people, beside our errors."""


ERRORS = {*error_paths.classes()}


def test_there_is_something_to_look_at() -> None:
    assert len(MESSAGES) > 1500
    assert {"UsageError", "NotionError", "Busy"} <= ERRORS


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_is_missing(language: str) -> None:
    assert [message for message in MESSAGES if not getattr(message, language).strip()] == []


def test_each_language_is_itself() -> None:
    assert [m for m in MESSAGES if JAPANESE.search(m.en)] == []
    spoken = [m for m in MESSAGES if re.search("[A-Za-z]", _GAP.sub("", m.en)) and m.en not in _SAME_IN_BOTH]
    assert [m for m in spoken if not JAPANESE.search(m.ja)] == []


def test_both_languages_have_the_same_gaps() -> None:
    def gaps(said: str) -> Counter[str]:
        return Counter(_GAP.findall(said))

    assert [message for message in MESSAGES if gaps(message.en) != gaps(message.ja)] == []


def test_what_is_not_for_japanese_alone_ends_alike() -> None:
    """A sentence does not end with the other language's full stop."""
    assert [m for m in MESSAGES if m.en.endswith("。") or (m.ja.endswith(".") and not m.ja.endswith(".."))] == []


def test_nothing_is_said_in_english_alone() -> None:
    alone = []
    for module, tree in catalogue.sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or name_of(node.func) not in ERRORS | _SPOKEN:
                continue
            for argument in (*node.args, *(word.value for word in node.keywords)):
                said = text(argument)
                if (
                    said
                    and _SENTENCE.search(said.replace("{}", ""))
                    and not said.startswith((*_COMMANDS, "exited, "))
                ):
                    alone.append(f"{module}:{node.lineno}: {said}")
    assert alone == []


def test_each_error_tells_what_to_do_next() -> None:
    found = list(error_paths.error_paths())
    assert len(found) > 130
    assert [path for path in found if not all(step.en and step.ja for step in path.remedy)] == []
    assert {error_paths.exit_code(path.error) for path in found} == {1, 2, 3}


def test_nothing_is_kept_that_nobody_says() -> None:
    named: Counter[str] = Counter()
    kept: list[tuple[str, str]] = []
    for module, tree in catalogue.sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute):
                named[name_of(node)] += 1
            elif isinstance(node, ast.ImportFrom):
                named.update(alias.name for alias in node.names)
        for statement in tree.body:
            value = getattr(statement, "value", None)
            if isinstance(statement, ast.Assign) and isinstance(value, ast.Call) and name_of(value.func) == "Words":
                kept += [(module, name_of(target)) for target in statement.targets]
    assert len(kept) > 500
    # Once where it is kept; a second time where it is said.
    assert [(module, name) for module, name in kept if named[name] < 2] == []


def test_the_catalogue_tells_where_a_message_stands() -> None:
    assert Message("words", 1, "a", "あ").module in {module for module, _ in catalogue.sources()}
