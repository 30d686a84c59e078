"""Templates that were read before."""

import json
from pathlib import Path

import pytest

from ultra_checklist import parsed, template
from ultra_checklist.errors import TemplateError

TEXT = """---
checklist: shop
title: Shop
lang: en
---

## 1. Before
```yaml section
id: before
```
- [ ] The disk has room
  ```yaml check
  id: disk
  probes:
    - command: {run: ["true"], timeout: 2.5}
  ```

Words between.
"""


def a_template(folder: Path, text: str = TEXT) -> Path:
    path = folder / "shop.md"
    path.write_text(text, encoding="utf-8")
    return path


def kept(home: Path) -> list[Path]:
    return sorted((home / "cache" / "templates").glob("*.json"))


def altered(home: Path) -> None:
    """What is kept gets another title, by which it is known."""
    (file,) = kept(home)
    data = json.loads(file.read_bytes())
    file.write_text(json.dumps(data | {"title": "From memory"}), encoding="utf-8")


def test_what_was_read_before_is_the_same(tmp_path: Path) -> None:
    path = a_template(tmp_path)
    first = parsed.load(path, tmp_path / "home")
    assert first == template.load(path)
    assert parsed.load(path, tmp_path / "home") == first
    altered(tmp_path / "home")
    assert parsed.load(path, tmp_path / "home").title == "From memory"


def test_a_copy_elsewhere_has_its_own_path(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    other.mkdir()
    parsed.load(a_template(tmp_path), home)
    altered(home)
    found = parsed.load(a_template(other), home)
    assert (found.title, found.path) == ("From memory", str(other / "shop.md"))


def test_an_edited_template_is_read_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    parsed.load(a_template(tmp_path), home)
    altered(home)
    assert parsed.load(a_template(tmp_path, TEXT.replace("Shop", "Store")), home).title == "Store"


def test_another_reader_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, path = tmp_path / "home", a_template(tmp_path)
    parsed.load(path, home)
    altered(home)
    monkeypatch.setattr(parsed, "_reader", lambda: b"another version")
    assert parsed.load(path, home).title == "Shop"


def test_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    home, path = tmp_path / "home", a_template(tmp_path)
    parsed.load(path, home)
    (file,) = kept(home)
    file.write_bytes(file.read_bytes()[:100])
    assert parsed.load(path, home).title == "Shop"
    assert parsed.load(path, home) == template.load(path)


def test_mistakes_are_told_each_time_and_not_kept(tmp_path: Path) -> None:
    home, path = tmp_path / "home", a_template(tmp_path, TEXT.replace("id: disk", "id: disk\n  idd: disk"))
    for _ in range(2):
        with pytest.raises(TemplateError, match="idd"):
            parsed.load(path, home)
    assert kept(home) == []


def test_a_template_that_is_not_there_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        parsed.load(tmp_path / "none.md", tmp_path / "home")


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file", encoding="utf-8")
    assert parsed.load(a_template(tmp_path), home).title == "Shop"


def test_a_number_that_json_does_not_know_is_read_each_time(tmp_path: Path) -> None:
    home, probe = tmp_path / "home", 'command: {run: ["true"], timeout: 2.5}'
    path = a_template(tmp_path, TEXT.replace(probe, "http: {url: http://127.0.0.1/, max_seconds: .inf}"))
    for _ in range(2):
        assert parsed.load(path, home).items[0].probes[0].options["max_seconds"] == float("inf")
    assert kept(home) == []


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for number in range(23):
        parsed.load(a_template(tmp_path, TEXT.replace("Shop", f"Shop {number}")), home)
    assert len(kept(home)) == 20
