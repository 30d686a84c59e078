"""What probes see every so often after a deploy: when they look, what is kept, and what the judgement gets."""

import json
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import families
from tests.lab import ELSEWHERE, Lab, item, template
from tests.test_release_time import begin, end
from ultra_checklist import retention, samples
from ultra_checklist.bundle import build
from ultra_checklist.close import Closer
from ultra_checklist.errors import DeadlineError, StateError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import Ending, ProbeSpec, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.samples import SampleFile, Taken
from ultra_checklist.sync import Pass

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _families() -> Iterator[None]:
    with families.installed():
        yield


def watched(path: Path, **options: Any) -> Template:
    spec = ProbeSpec(probe="meter", options={"path": str(path), **options})
    return template(
        item("deploy-script", section="deploy", order=1, deploys=True, probes=(ProbeSpec(probe="run"),)),
        item("watch", section="after", order=2, after_deploy=True, probes=(spec,)),
    )


def start(lab: Lab, folder: Path, **options: Any) -> Path:
    path = folder / "meter"
    path.write_text("one")
    lab.new(watched(path, **options))
    return path


def taken(lab: Lab) -> list[dict[str, Any]]:
    path = lab.release().folder / samples.FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def deployed(lab: Lab) -> None:
    begin(lab)
    end(lab, 0)


def test_before_the_deploy_nothing_is_looked_at(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "watch", done=True)
    lab.sync(minutes=5)
    assert taken(lab) == []


def test_from_the_deploys_beginning_it_looks_though_nobody_has_ticked(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    begin(lab)
    lab.sync(minutes=1)
    assert [(line["item"], line["probe"], line["deploy"], line["seen"]["text"]) for line in taken(lab)] == [
        ("watch", 0, 1, "one")
    ]


def test_it_looks_when_its_time_has_come_and_asks_notion_for_nothing(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    deployed(lab)
    lab.sync(minutes=1)
    for minutes, expected in ((0.5, 1), (0.5, 2), (0.5, 2), (0.48, 3)):
        report = lab.sync(minutes=minutes)
        assert (report.requests, report.writes) == (1, 0)
        assert len(taken(lab)) == expected


def test_the_judgement_gets_what_was_seen_and_says_so_in_its_evidence(lab: Lab, tmp_path: Path) -> None:
    path = start(lab, tmp_path)
    deployed(lab)
    lab.sync(minutes=1)
    path.unlink()
    lab.sync(minutes=1)
    path.write_text("three")
    lab.person("Sato", "watch", done=True)
    lab.sync(minutes=0.2)
    row = lab.row("watch")
    assert (row.result, row.settled) == ("passed", True)
    assert "one gone" in row.why
    proof = lab.release().history.check("watch").proof
    assert proof is not None
    seen = json.loads(EvidenceStore(lab.home).get(proof.lines[0].evidence))["observation"]
    assert seen["past"] == ["one", "gone"]
    assert len(seen["at"]) == 2


def test_a_new_deploy_begins_a_new_series(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    deployed(lab)
    lab.person("Sato", "watch", done=True)
    for _ in range(3):
        lab.sync(minutes=1)
    assert lab.row("watch").result == "passed"
    deployed(lab)
    lab.sync(minutes=1)
    assert lab.row("watch").result == "waiting"
    assert [line["deploy"] for line in taken(lab)] == [2]


def test_a_deploy_that_was_taken_back_is_looked_at_no_more(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    begin(lab)
    lab.release().record("deploy-withdrawn", {"number": 1, "by": None})
    lab.sync(minutes=1)
    assert taken(lab) == []


def test_it_stops_when_it_has_looked_for_long_enough(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, lasts=120.0)
    deployed(lab)
    for _ in range(6):
        lab.sync(minutes=1)
    assert len(taken(lab)) == 3


def test_it_ends_with_the_release_and_the_bundle_is_whole(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    deployed(lab)
    lab.sync(minutes=1)

    async def close(notion: Notion) -> bool:
        release = lab.release()
        return await Closer(lab.bench(notion), release, lab.reconciler(notion, release), lab.home).close(
            Ending.ABORTED, "enough"
        )

    assert lab.run(close)
    count = len(taken(lab))
    lab.sync(minutes=5)
    assert len(taken(lab)) == count
    assert build(lab.release(), EvidenceStore(lab.home), None, tmp_path / "bundle.tar").size > 0
    what, gone, _ = retention.prune(lab.home, 0, plan=True)
    assert lab.release().folder / samples.FILE in gone
    retention.prune(lab.home, 0, plan=False)
    assert what.let_go
    assert taken(lab) == []


def test_it_looks_also_while_notion_is_away(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(lab, tmp_path)
    deployed(lab)

    async def away(*_: object) -> None:
        raise DeadlineError("nobody answers", remedy="")

    monkeypatch.setattr(Pass, "_changed", away)
    with pytest.raises(DeadlineError):
        lab.sync(minutes=1)
    assert len(taken(lab)) == 1


def test_on_another_machine_it_does_not_look(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    deployed(lab)
    lab.machine = ELSEWHERE
    lab.sync(minutes=1)
    assert taken(lab) == []


def test_a_look_that_hangs_takes_a_part_of_the_pass_alone_and_is_a_gap(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path).write_text("hang")
    deployed(lab)

    async def one(notion: Notion) -> None:
        await Pass(lab.bench(notion), lab.home, seconds=1.0).run()

    lab.run(one)
    assert [(line["seen"], line["reason"]) for line in taken(lab)] == [(None, "timeout")]


def test_secrets_stay_out_of_the_file_and_only_its_owner_reads_it(lab: Lab, tmp_path: Path) -> None:
    lab.secrets = ["hunter2-hunter2"]
    start(lab, tmp_path).write_text("token=hunter2-hunter2")
    deployed(lab)
    lab.sync(minutes=1)
    path = lab.release().folder / samples.FILE
    assert b"hunter2-hunter2" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_wording_of_the_probe_does_not_get_what_was_seen_before(lab: Lab, tmp_path: Path) -> None:
    path = start(lab, tmp_path)
    deployed(lab)
    lab.sync(minutes=1)
    release = lab.release()
    other = watched(path, wanted=3)
    release.replace_manifest(release.manifest.model_copy(update={"template": other}))
    lab.person("Sato", "watch", done=True)
    lab.sync(minutes=0.1)
    proof = lab.release().history.check("watch").proof
    assert proof is not None
    assert proof.lines[0].seen.en == "0 of 3"


# --- the file ---


def one(number: int, deploy: int = 1, **more: Any) -> Taken:
    values = {"item": "watch", "probe": 0, "bound_to": "b", "deploy": deploy, "at": NOW + timedelta(minutes=number)}
    return Taken.model_validate(values | {"seen": {"n": number}} | more)


def test_half_a_line_is_dropped_and_nothing_after_it_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    SampleFile(path).add(1, [one(1), one(2)])
    with path.open("ab") as file:
        file.write(b'{"item": "wat')
    assert [t.seen["n"] for t in SampleFile(path).read()] == [1, 2]
    SampleFile(path).add(1, [one(3)])
    assert [t.seen["n"] for t in SampleFile(path).read()] == [1, 2, 3]


def test_damaged_lines_are_gaps(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    SampleFile(path).add(1, [one(1)])
    with path.open("ab") as file:
        file.write(b'not json\n\xff\xfe\n{"item": 3}\n')
    SampleFile(path).add(1, [one(2)])
    assert [t.seen["n"] for t in SampleFile(path).read()] == [1, 2]


def test_what_is_too_large_is_known_to_have_been(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "s.jsonl")
    file.add(1, [one(1, seen={"text": "x" * samples.MAX_LINE})])
    assert [(t.seen, t.reason) for t in file.read()] == [(None, "too-large")]


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_SAMPLES", 10)
    file = SampleFile(tmp_path / "s.jsonl")
    for number in range(30):
        file.add(1, [one(number), one(number, item="other")])
    kept = [t.seen["n"] for t in SampleFile(tmp_path / "s.jsonl").read() if t.item == "watch"]
    assert len(kept) <= 11
    assert kept[-1] == 29
    assert kept == sorted(kept)


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_BYTES", 4000)
    path = tmp_path / "s.jsonl"
    file = SampleFile(path)
    for number in range(100):
        file.add(1, [one(number)])
    assert path.stat().st_size <= 4400
    assert file.read()[-1].seen["n"] == 99


def test_a_folder_in_its_place_is_a_gap_to_read_and_an_error_to_write(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").mkdir()
    file = SampleFile(tmp_path / "s.jsonl")
    assert file.read() == []
    with pytest.raises(StateError):
        file.add(1, [one(1)])
    shutil.rmtree(tmp_path / "s.jsonl")
