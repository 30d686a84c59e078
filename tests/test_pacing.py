"""The pace of requests against both of Notion's limits, played by the local Notion's own counters."""

import random
from collections.abc import Iterator

import pytest

from ultra_checklist.notion.pacing import MINUTE, Pacer, Rate
from ultra_checklist.server.rate import Bucket, Limit, Window

THREE = Rate(requests=3, seconds=1.0, learned=0.0)


def sent(
    pacer: Pacer, limit: Limit, number: int, *, late: float = 0.0, seed: int = 0
) -> Iterator[tuple[float, int]]:
    """When each of so many requests goes out, as early as it may, and by how many seconds it was sent away.

    Each arrives up to ``late`` seconds after it was sent, in order.
    """
    chance, now, arrived, waits = random.Random(seed), 100.0, 0.0, 0.0
    for _ in range(number):
        now += max(waits, pacer.rest(now))
        pacer.sent(now)
        arrived = max(arrived, now + chance.uniform(0, late))
        waits = limit.ask("token", arrived)
        if waits:
            pacer.limited(now, waits)
        yield now, int(waits)


def test_what_a_bucket_saved_up_is_spent_and_nothing_is_sent_away() -> None:
    found = list(sent(Pacer(THREE), Bucket(3, 3), 53))
    assert not [wait for _, wait in found if wait]
    # 3 at once and 3 a second from then on: the 53rd cannot come earlier than 50 thirds of a second.
    assert found[-1][0] - found[0][0] == pytest.approx(50 / 3, abs=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_a_network_that_is_not_even_costs_no_more_than_a_few(seed: int) -> None:
    found = list(sent(Pacer(THREE), Bucket(3, 3), 200, late=0.015, seed=seed))
    assert not [wait for _, wait in found if wait]


def test_a_rest_fills_the_bucket() -> None:
    pacer = Pacer(THREE)
    for _ in range(3):
        pacer.sent(5.0)
    assert pacer.rest(5.0) > 0.3
    assert pacer.rest(7.0) == 0


def test_the_first_refusal_of_a_second_teaches_the_other_limit() -> None:
    pacer = Pacer(Rate())
    found = list(sent(pacer, Bucket(3, 3), 30))
    assert [wait for _, wait in found if wait] == [1]
    assert (pacer.rate.requests, pacer.rate.seconds) == (3, 1.0)


def test_a_limit_that_is_narrower_is_found() -> None:
    pacer = Pacer(Rate())
    found = list(sent(pacer, Bucket(2, 2), 200))
    assert not [wait for _, wait in found[100:] if wait]
    assert pacer.rate.seconds < MINUTE


def test_a_window_is_spent_at_once() -> None:
    found = list(sent(Pacer(Rate()), Window(180, 60), 181))
    assert not [wait for _, wait in found if wait]
    assert found[179][0] == found[0][0]
    assert found[180][0] - found[0][0] == MINUTE


def test_some_of_a_window_stays_free_for_others() -> None:
    pacer = Pacer(Rate(), reserve=30)
    for _ in range(150):
        pacer.sent(1.0)
    assert pacer.rest(1.0) == MINUTE


def test_a_window_that_others_have_spent_is_learned_and_forgotten_after_a_day() -> None:
    pacer = Pacer(Rate())
    for _ in range(50):
        pacer.sent(1.0)
    assert pacer.limited(1.0, 40.0).requests == 49
    pacer.rest(25 * 3600.0)
    assert pacer.rate == Rate()


def test_a_bucket_that_others_have_emptied_before_slows_nobody_down() -> None:
    pacer, limit = Pacer(THREE), Bucket(3, 3)
    for _ in range(3):
        limit.ask("token", 100.0)
    found = list(sent(pacer, limit, 30))
    assert [wait for _, wait in found if wait] == [1]
    assert pacer.rate.seconds == 1.0


def test_a_limit_of_one_a_second_is_found_too() -> None:
    pacer = Pacer(THREE)
    found = list(sent(pacer, Bucket(1, 1), 300))
    assert not [wait for _, wait in found[200:] if wait]


def test_those_that_were_under_way_together_teach_once() -> None:
    pacer = Pacer(Rate())
    for _ in range(8):
        pacer.sent(1.0)
    for late in range(5):
        pacer.limited(1.0 + late / 100, 1.0)
    assert (pacer.rate.requests, pacer.rate.seconds) == (3, 1.0)
