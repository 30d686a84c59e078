"""Two releases whose journals are written down in ``tests/cases/reports``: what reports are made of, always the same."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ultra_checklist.account import Account
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Manifest, Shelf, bound_to
from ultra_checklist.mirror import Mirror
from ultra_checklist.model import Lang
from ultra_checklist.notion.rows import Row
from ultra_checklist.recount import recount
from ultra_checklist.release import Release
from ultra_checklist.template import parse

CASES = Path(__file__).parent.parent / "cases" / "reports"
PEOPLE = {
    "sato": {"id": "00000000-0000-4000-8000-00000000000a", "name": "佐藤"},
    "suzuki": {"id": "00000000-0000-4000-8000-00000000000b", "name": "Suzuki"},
    "tanaka": {"id": "00000000-0000-4000-8000-00000000000c", "name": "田中"},
}
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def stage(home: Path) -> Shelf:
    """A state folder with both releases, the newer one ended an hour before ``NOW``."""
    text = (CASES / "checklist.md").read_text(encoding="utf-8")
    before = text.replace("mode 600", "mode 0600").split("- [ ] No errors")[0]
    for name in ("clean", "tools"):
        start = before.index("- [ ]", before.index(f"id: {name}") - 80)
        before = before[:start] + before[before.index("```\n", before.index(f"id: {name}")) + 4 :]
    before += "- [ ] The old shop is switched off\n  ```yaml check\n  id: old-shop\n  ```\n"
    build(home, "v1.3.0", before, {})
    clean = Row(page_id="clean", done=True, decision="waive", note="only docs differ, see #12", until="2026-03-03")
    build(home, "v1.4.0", text, {"clean": clean, "staging": Row(page_id="staging", done=True, approved=True)})
    return Shelf(home)


def build(home: Path, version: str, text: str, rows: Mapping[str, Row], **more: Any) -> Manifest:
    """One release: its manifest, the journal of its case, its mirror."""
    lines = YAML(typ="safe").load((CASES / f"{version}.yaml").read_text(encoding="utf-8"))
    manifest = Manifest(
        key=f"shop/production/{version}",
        version=version,
        environment="production",
        template=parse(text, path="/srv/shop/checklist.md"),
        template_text=text,
        template_path="/srv/shop/checklist.md",
        commit=lines[0][2]["commit"],
        machine=Machine(digest="a" * 32, name="web-1"),
        product_version="0.1.0",
        created=_time(lines[0][0]),
        page_url=f"https://notion.example/{version}",
        **more,
    )
    shelf = Shelf(home)
    shelf.write(manifest)
    release = Release(shelf, manifest)
    for time, kind, data in lines:
        release.journal.append(kind, _full(manifest, release, kind, data), time=_time(time))
    mirror = Mirror(shelf.folder(manifest.key) / "mirror.json")
    mirror.rows = dict(rows)
    mirror.save()
    return manifest


def account(shelf: Shelf, version: str, lang: Lang) -> Account:
    """The account of one of the releases as of ``NOW``."""
    return recount(Release(shelf, shelf.read(f"shop/production/{version}"), clock=lambda: NOW), lang)


def _full(manifest: Manifest, release: Release, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A line as the engine writes it, from its short form in a case."""
    full = dict(data)
    if "by" in full:
        full["by"] = PEOPLE[full["by"]]
    if kind != "proved":
        return full
    item = manifest.template.item(full["item"])
    assert item is not None
    words = {
        name: value if isinstance(value := full.pop(name, ""), dict) else {"en": value, "ja": value}
        for name in ("expected", "seen", "sentence", "remedy")
    }
    line = {"probe": full.pop("probe"), "outcome": full["outcome"], "reason": full.pop("reason"), **words}
    line |= {"seconds": 0.012, "evidence": "e" * 64}
    ticks = sum(e.kind == "ticked" and e.data["item"] == item.id for e in release.journal.entries())
    facts = f"facts-of-{item.id}-{full['outcome']}"
    return {
        "deploy": 0,
        "tick": ticks,
        "bound_to": bound_to(manifest, item),
        "facts": facts,
        "lines": [line],
    } | full


def _time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
