"""Templates: what is understood, and what is refused with file and line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultra_checklist.errors import TemplateError
from ultra_checklist.model import Template
from ultra_checklist.template import load, parse

HERE = Path(__file__).parent
PRODUCTION = HERE.parent / "templates" / "production_release.md"
SEED = HERE / "cases" / "documents" / "22_production_release_checklist.md"

FRONT = "---\nchecklist: try\nlang: ja\ntimezone: Asia/Tokyo\nvars:\n  DIR: {help: x}\n---\n"


def body(text: str) -> str:
    return FRONT + text


def problems(text: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        parse(text, path="t.md")
    return [problem.en for problem in caught.value.problems]


GOOD = body(
    "# Title\n\nprose\n\n## 2. 環境\n```yaml section\nid: env\nuntil: deploy\n```\n"
    "- [ ] 一行目\n      続き `code` と **bold**\n  ```yaml check\n  id: one\n  max_age: 5m\n  probes:\n"
    '    - git: {path: "${DIR}", clean: true}\n  ```\n'
    "- [ ] two\n  ```yaml check\n  id: two\n  deploys: true\n  ```\n\n間の文\n\n"
    "## Later\n```yaml section\nid: later\nafter: deploy\n```\n"
    "- [ ] three\n  ```yaml check\n  id: three\n  needs: [one]\n  when: {failed: [env]}\n  ```\n"
)


def test_a_template_is_understood() -> None:
    template = parse(GOOD, path="t.md")
    assert (template.name, template.lang, template.timezone) == ("try", "ja", "Asia/Tokyo")
    assert [(s.id, s.number, s.title) for s in template.sections] == [("env", 2, "環境"), ("later", 2, "Later")]
    one, two, three = template.items
    assert one.title == "一行目続き code と bold"
    assert (one.until_deploy, one.max_age, one.probes[0].probe) == (True, 300.0, "git")
    assert (two.deploys, two.until_deploy, two.after_deploy) == (True, False, False)
    assert (three.after_deploy, three.needs) == (True, ("one",))
    assert three.when is not None
    assert three.when.failed == ("env",)
    assert [prose.markdown for prose in template.prose] == ["# Title\n\nprose", "間の文"]
    assert GOOD.splitlines()[one.line - 1].startswith("- [ ] 一行目")


def test_line_ends_and_byte_order_marks_do_not_matter() -> None:
    assert [i.id for i in parse(GOOD.replace("\n", "\r\n"), path="t").items] == ["one", "two", "three"]
    assert [i.id for i in parse("\ufeff" + GOOD, path="t").items] == ["one", "two", "three"]


def test_items_below_items_are_read_once_and_in_order() -> None:
    text = FRONT + "## S\n" + "".join(
        f"{'  ' * depth}- [ ] {name}\n{'  ' * depth}  ```yaml check\n{'  ' * depth}  id: {name}\n{'  ' * depth}  ```\n"
        for depth, name in enumerate(("a", "b", "c", "d"))
    )  # fmt: skip
    template = parse(text + "  after\n", path="t.md")
    assert [(item.id, item.order) for item in template.items] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    late = "## S\n- [ ] a\n  - [ ] b\n    ```yaml check\n    id: b\n    ```\n\n  ```yaml check\n  id: a\n  ```\n"
    assert problems(FRONT + late)[0].startswith("t.md:9: the item has no id")
    assert "t.md:15: this `yaml check` block belongs to no item" in problems(FRONT + late)[1]


TEN = """\
---
checklist: try
langg: ja
vars:
  DIR: {help: x}
---
## 1. First
```yaml section
id: first
```
- [ ] a
  ```yaml check
  id: same
  ```
- [ ] b
  ```yaml check
  id: same
  ```
- [ ] c
- [ ] d
  ```yaml check
  id: d
  probs: []
  ```
- [ ] e
  ```yaml check
  id: e
  probes:
    - gitt: {path: x, clean: true}
  ```
- [ ] f
  ```yaml check
  id: f
  probes:
    - file: {path: "${DIRR}", mode: "0600"}
  ```
- [ ] g
  ```yaml check
  id: g
  probes:
    - file: {path: x, mode: 0600}
  ```
- [ ] h
  ```yaml check
  id: h
  probes:
    - git: {path: x}
  ```
- [ ] i
  ```yaml check
  id: i
  needs: [nothing]
  ```
- [x] j
  ```yaml check
  id: j
  ```
"""


def test_ten_mistakes_give_ten_messages_with_file_and_line() -> None:
    found = problems(TEN)
    assert [int(re.match(r"t\.md:(\d+): ", line).group(1)) for line in found] == [  # type: ignore[union-attr]  # each has one
        3, 15, 19, 23, 29, 35, 41, 47, 49, 54,
    ]  # fmt: skip
    for line, word in zip(
        found,
        ("did you mean 'lang'", "'same' is already used in line 11", "lint --fix", "did you mean 'probes'", "did you mean 'git'",
         "did you mean 'DIR'", "write it in quotes", "asserts nothing", "unknown item 'nothing'", "boxes are empty"),
        strict=True,
    ):  # fmt: skip
        assert word in line


ITEM = "## S\n```yaml section\nid: s\n```\n- [ ] x\n  ```yaml check\n  id: x\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "front matter"),
        ("# no front matter\n", "front matter"),
        (FRONT, "there is no item"),
        ("---\nlang: ja\n---\n" + ITEM + "  ```\n", "`checklist`"),
        ("---\nchecklist: Bad Name\n---\n" + ITEM + "  ```\n", "lower-case"),
        ("---\nchecklist: a\nlang: de\n---\n" + ITEM + "  ```\n", "ja or en"),
        ("---\nchecklist: a\ntimezone: Mars\n---\n" + ITEM + "  ```\n", "Asia/Tokyo"),
        ("---\nchecklist: [a\n---\n" + ITEM + "  ```\n", "no valid YAML"),
        ("---\nchecklist: a\nvars: {T: {secret: true, default: x}}\n---\n" + ITEM + "  ```\n", "no secret"),
        ("---\nchecklist: a\ngates: {g: {sections: [nope]}}\n---\n" + ITEM + "  ```\n", "unknown section 'nope'"),
        ("---\nchecklist: a\ngates: {g: {sections: [s], guards: [y]}}\n---\n" + ITEM + "  ```\n", "unknown item 'y'"),
        (body(ITEM + "  id: y\n  ```\n"), "is there twice"),
        (body(ITEM + "  until: tomorrow\n  ```\n"), "takes only `deploy`"),
        (body(ITEM + "  until: deploy\n  after: deploy\n  ```\n"), "not both"),
        (body(ITEM + "  deploys: true\n  until: deploy\n  ```\n"), "neither until nor after"),
        (body(ITEM + "  after: deploy\n  ```\n"), "deploys: true"),
        (body(ITEM + "  max_age: soon\n  ```\n"), "duration"),
        (body(ITEM + "  waive: nobody\n  ```\n"), "anyone"),
        (body(ITEM + "  needs: [x]\n  ```\n"), "waits for itself"),
        (body(ITEM + "  probes:\n    - file: {path: x, mod: '0600'}\n  ```\n"), "did you mean 'mode'"),
        (body(ITEM + "  probes:\n    - file: {mode: '0600'}\n  ```\n"), "needs the option 'path'"),
        (body(ITEM + "  probes: file\n  ```\n"), "probes is a list"),
        (body(ITEM + "  probes:\n    - http: {url: 'ftp://x'}\n  ```\n"), "http://"),
        (body(ITEM + "  ```\n\n```yaml check\nid: y\n```\n"), "belongs to no item"),
        (body(ITEM + "  ```\n\n```yaml chek\nid: y\n```\n"), "yaml check"),
        (body("- [ ] x\n  ```yaml check\n  id: x\n  ```\n"), "before the first"),
        (body("## S\n- [ ] x\n  ```yaml check\n  id: Not An Id\n  ```\n"), "lower-case"),
        (body("## S\n```yaml section\nid: s\n```\n## T\n```yaml section\nid: s\n```\n" + ITEM + "  ```\n"), "already used"),
    ],
)  # fmt: skip
def test_mistakes(text: str, word: str) -> None:
    found = problems(text)
    assert any(word in line for line in found), found
    assert all(re.match(r"t\.md:\d+: ", line) for line in found)


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "t.md"
    path.write_bytes(b"---\nchecklist: a\n---\n\xff\n")
    with pytest.raises(TemplateError, match=r"t\.md:4: this is not UTF-8"):
        load(path)


@given(st.data())
def test_a_damaged_template_is_refused_or_understood_but_never_crashes(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    text = GOOD[:start] + data.draw(st.text(max_size=12)) + GOOD[end:]
    try:
        assert isinstance(parse(text, path="t.md"), Template)
    except TemplateError as error:
        assert error.problems


def test_the_production_checklist_is_all_there() -> None:
    template = load(PRODUCTION)
    assert len(template.items) == 35
    assert [len(section.items) for section in template.sections] == [5, 6, 4, 4, 5, 8, 3]
    ids = {(template.section_of(i).number, template.section_of(i).items.index(i) + 1): i.id for i in template.items}
    assert (ids[2, 2], ids[4, 2], ids[5, 1]) == ("env-mode", "deploy-script", "smoke-api")
    assert template.gates[0].sections == ("preconditions", "environment", "technical")
    timed = {section.id: {(i.until_deploy, i.after_deploy) for i in section.items} for section in template.sections}
    assert timed["preconditions"] == timed["technical"] == {(True, False)}
    assert timed["environment"] == {(False, False)}
    assert timed["smoke"] == timed["monitoring"] == timed["record"] == {(False, True)}
    assert [i.id for i in template.items if i.when] == ["rollback-decided", "rollback-done"]
    assert {v.name for v in template.variables if v.secret} == {
        "SLACK_WEBHOOK_URL",
        "LINE_CHANNEL_TOKEN",
        "NEWS_TOKEN",
        "WEBHOOK_URL",
    }


def test_the_production_checklist_has_the_teams_words_in_their_order() -> None:
    """Every line of the team's document stands in the template, in order, word for word."""
    lines = iter(PRODUCTION.read_text(encoding="utf-8").splitlines())
    for line in SEED.read_text(encoding="utf-8").splitlines():
        assert any(line == ours for ours in lines), line


def test_no_prose_of_the_production_checklist_is_lost() -> None:
    prose = "\n".join(part.markdown for part in load(PRODUCTION).prose)
    for line in SEED.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("- [ ]", "## ", "      ")):
            assert line in prose


@pytest.mark.parametrize(
    ("yaml", "message"),
    [("id: a\n  probes: &x [*x]", "anchors and aliases"), ("id: " + "[" * 3000, "")],
    ids=["an alias that holds itself", "very deep"],
)
def test_yaml_that_would_never_end_is_a_mistake_with_its_line(yaml: str, message: str) -> None:
    found = problems(body(f"## A\n- [ ] i\n  ```yaml check\n  {yaml}\n  ```\n"))
    assert any(re.match(r"t\.md:\d+: ", line) and message in line for line in found)


@pytest.mark.parametrize("text", ["${DIR", "${DIR:-x}", "${}", "a ${DIR}/${ b"])
def test_what_only_looks_like_a_variable_is_a_mistake(text: str) -> None:
    found = problems(
        body(f"## A\n- [ ] i\n  ```yaml check\n  id: a\n  probes:\n    - file: {{path: '{text}'}}\n  ```\n")
    )
    assert len(found) == 1
    assert re.match(r"t\.md:\d+: .*names no variable", found[0])


def test_a_dollar_sign_is_written_twice() -> None:
    text = "## A\n- [ ] i\n  ```yaml check\n  id: a\n  probes:\n    - file: {path: '$${DIR}'}\n  ```\n"
    assert parse(body(text), path="t.md").items[0].probes[0].options["path"] == "$${DIR}"


def test_a_long_chain_of_needs_is_followed() -> None:
    links = "".join(f"- [ ] i\n  ```yaml check\n  id: i{n}\n  needs: [i{n + 1}]\n  ```\n" for n in range(1500))
    last = "- [ ] i\n  ```yaml check\n  id: i1500\n  needs: [i0]\n  ```\n"
    assert len([line for line in problems(body("## A\n" + links + last)) if "waits for itself" in line]) == 1501


def test_what_is_optional_hangs_on_variables_that_are_no_secrets() -> None:
    text = body(
        "## 1. A\n```yaml section\nid: a\n```\n- [ ] x\n  ```yaml check\n  id: x\n  probes:\n"
        "    - file: {path: /a, optional: true}\n    - file: {path: '${S}', optional: true}\n  ```\n"
    ).replace("DIR: {help: x}", "S: {secret: true}")
    told = problems(text)
    assert any("names no variable" in message for message in told)
    assert any("the secret S" in message for message in told)
