"""What an account tells: the story, the ticks that were not true, why a check stands so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.reports.story import NOW, account, stage
from ultra_checklist.account import Account, UntrueTick, human
from ultra_checklist.comparison import compare
from ultra_checklist.manifest import Shelf
from ultra_checklist.recount import recount
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return stage(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def told(shelf: Shelf) -> Account:
    return account(shelf, "v1.4.0", "en")


def untrue(told: Account, item: str) -> UntrueTick:
    return next(tick for tick in told.untrue_ticks if tick.item == item)


def test_a_tick_that_was_contradicted_and_mended(told: Account) -> None:
    tick = untrue(told, "env-mode")
    assert (tick.until_contradicted, tick.until_mended, tick.held) == (5.0, 372.0, False)
    assert tick.by is not None
    assert tick.by.name == "Suzuki"
    assert tick.seen == "0644"


def test_a_tick_that_was_never_mended(told: Account) -> None:
    tick = untrue(told, "clean")
    assert (tick.mended_at, tick.until_mended, tick.withdrawn_at) == (None, None, None)


def test_a_tick_that_was_withdrawn_is_mended_by_the_next_one(told: Account) -> None:
    tick = untrue(told, "logs")
    assert tick.withdrawn_at == datetime(2026, 3, 2, 0, 36, tzinfo=UTC)
    assert tick.until_mended == timedelta(hours=8, minutes=35).total_seconds()


def test_a_tick_that_was_true_at_first_is_told_apart(told: Account) -> None:
    tick = untrue(told, "smoke")
    assert (tick.held, tick.until_mended) == (True, 450.0)


def test_cannot_tell_contradicts_nobody(told: Account) -> None:
    assert [tick.item for tick in told.untrue_ticks] == ["env-mode", "clean", "logs", "smoke"]


def test_results_reasons_and_numbers(told: Account) -> None:
    stands = {check.id: check.standing for check in told.checks}
    assert stands == {
        "staging": "confirmed", "env-mode": "passed", "clean": "waived", "tools": "passed", "deploy": "confirmed",
        "smoke": "passed", "logs": "passed", "payments": "confirmed", "queue": "open", "rollback": "not-open",
    }  # fmt: skip
    clean = told.check("clean")
    assert clean is not None
    assert clean.number == "1.3"
    assert clean.why.startswith("waived by 田中: only docs differ")
    assert clean.decision is not None
    assert clean.decision.holds
    assert sum(told.counts.values()) == len(told.checks)


def test_why_is_in_the_language_of_the_account_also_after_the_end(shelf: Shelf) -> None:
    told = account(shelf, "v1.4.0", "ja")
    assert [check.why for check in told.checks][:2] == ["担当者の確認: 佐藤", "実際 0600"]
    assert told.made_of == "10 = 証明済み 4、担当者の確認 3、免除 1 (田中)、対象外 1、未了 1"


def test_an_honesty_line_that_was_sealed_otherwise_stays_as_it_was_sealed(shelf: Shelf, tmp_path: Path) -> None:
    """Without the mirror the attachments are not known any more: the sealed line still is."""
    release = Release(stage(tmp_path), shelf.read("shop/production/v1.4.0"))
    (release.folder / "mirror.json").unlink()
    told = recount(Release(Shelf(tmp_path), release.manifest), "ja")
    assert told.made_of == "10 = 証明済み 4、担当者の確認 3、免除 1 (田中)、対象外 1、未了 1"
    assert told.check("clean") is not None


def test_a_release_that_runs_still_is_told_too(shelf: Shelf, tmp_path: Path) -> None:
    source = Release(shelf, shelf.read("shop/production/v1.4.0"))
    target = Shelf(tmp_path)
    target.write(source.manifest)
    release = Release(target, source.manifest)
    for entry in source.journal.entries()[:12]:
        release.journal.append(entry.kind, entry.data, time=entry.time)
    told = recount(Release(target, source.manifest, clock=lambda: NOW), "en")
    assert (told.ended, told.ending, told.status) == (None, None, "preparing")
    assert {check.id: check.standing for check in told.checks}["env-mode"] == "failed"
    assert {check.id: check.standing for check in told.checks}["queue"] == "open"


def test_runs_gates_and_broken_glass(told: Account) -> None:
    assert [run.exit_code for run in told.runs] == [1, 0]
    assert [run.number for run in told.broken_glass] == [1]
    assert [answer.outcome for answer in told.gates] == ["closed", "cannot-tell", "open"]
    assert told.deploy is not None
    assert told.deploy.number == 2


def test_the_journals_head_is_the_newest_lines(told: Account, shelf: Shelf) -> None:
    journal = Release(shelf, shelf.read("shop/production/v1.4.0")).journal
    assert (told.journal_head, told.journal_lines) == (journal.head, len(journal.entries()))


def test_what_differs_from_the_release_before(shelf: Shelf, told: Account) -> None:
    against = compare(told, account(shelf, "v1.3.0", "en")).against
    assert against is not None
    assert [c.id for c in against.removed] == ["old-shop"]
    assert [c.id for c in against.reworded] == ["env-mode"]
    assert [(c.id, c.before, c.after) for c in against.results] == [("smoke", "Failed", "Passed")]
    assert {m.code: (m.before, m.after) for m in against.durations} == {
        "until-deploy": (3541.0, 902.0),
        "deploy": (None, 252.0),
        "whole": (5340.0, 33000.0),
    }
    assert (against.untrue_before, against.untrue_after, against.same_commit) == (1, 4, False)


def test_nothing_that_is_known_to_be_secret_is_told(shelf: Shelf) -> None:
    release = Release(shelf, shelf.read("shop/production/v1.4.0"), clock=lambda: NOW)
    text = recount(release, "en", Redactor(["customers wait"])).model_dump_json()
    assert "customers wait" not in text
    assert "[redacted]" in text


@pytest.mark.parametrize(
    ("seconds", "en", "ja"),
    [
        (None, "–", "–"),
        (0.2, "< 1 s", "1 秒未満"),
        (59.6, "1 min", "1 分"),
        (252, "4 min 12 s", "4 分 12 秒"),
        (3605, "1 h", "1 時間"),
        (183_600, "2 d 3 h", "2 日 3 時間"),
    ],
)
def test_durations_are_said_in_their_two_greatest_units(seconds: float | None, en: str, ja: str) -> None:
    assert (human(seconds, "en"), human(seconds, "ja")) == (en, ja)
