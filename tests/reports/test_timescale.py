"""The line of time: busy times get the room, quiet ones are folded, order is kept."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ultra_checklist.reports.timescale import FOLD, Timescale

START = datetime(2026, 3, 2, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


def scale(*minutes: float) -> Timescale:
    times = [START + timedelta(minutes=m) for m in minutes]
    return Timescale([(time, time) for time in times], 0.0, 800.0)


def test_twenty_minutes_are_drawn_to_scale() -> None:
    drawn = scale(0, 5, 10, 20)
    assert [s.folded for s in drawn.stretches] == [False]
    assert drawn.x(START + timedelta(minutes=10)) == 400.0


def test_nights_are_folded_and_mornings_are_not() -> None:
    drawn = scale(0, 10, 20, 24 * 60, 24 * 60 + 15, 48 * 60, 48 * 60 + 20)
    assert [s.folded for s in drawn.stretches] == [False, True, False, True, False]
    assert all(s.width == FOLD for s in drawn.stretches if s.folded)


def test_a_run_that_lasts_is_not_quiet() -> None:
    drawn = Timescale([(START, START + timedelta(hours=9)), (START + timedelta(hours=10),) * 2], 0.0, 800.0)
    assert not drawn.stretches[0].folded


def test_labels_are_round_and_name_the_day_where_it_changes() -> None:
    notches = scale(0, 10, 20, 30, 24 * 60, 24 * 60 + 30).notches(TOKYO)
    assert notches[0].text == "09:00"
    assert [notch.day for notch in notches if notch.day] == ["03-02", "03-03"]


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=40))
def test_order_is_kept_within_the_line(minutes: list[float]) -> None:
    drawn = scale(*minutes)
    places = [drawn.x(START + timedelta(minutes=m)) for m in sorted(minutes)]
    assert places == sorted(places)
    assert places[0] >= 0.0
    assert drawn.stretches[-1].x + drawn.stretches[-1].width <= 800.1
    spots = [notch.x for notch in drawn.notches(TOKYO)]
    assert spots
    assert all(b - a > 40 for a, b in pairwise(spots))
