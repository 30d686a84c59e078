"""Pages made while answers are lost, and days of a worker: a part of what the long forms play."""

import pytest

from tests.simulation import creates, month


@pytest.mark.parametrize("lag", creates.LAGS)
@pytest.mark.parametrize("share", creates.SHARES)
def test_every_row_is_made_once_though_answers_are_lost(share: float, lag: float) -> None:
    made = [creates.make(str(seed), share, lag) for seed in range(2)]
    assert [(one.doubled, one.missing) for one in made] == [(0, 0)] * len(made)
    assert {one.runs for one in made} <= {1, 2}
    assert sum(one.lost for one in made) > 2 * creates.ROWS * share / 2


def test_a_worker_that_finds_nothing_new_asks_once_a_pass() -> None:
    first, both = month.live(1), month.live(2)
    assert (first.wrong, both.wrong) == (0, 0)
    assert both.requests - first.requests <= 1.01 * (both.passes - first.passes)
    assert both.bytes < 2**20
