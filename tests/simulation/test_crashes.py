"""A kill at any I/O step costs nothing: the same command once more, and everything is as if nobody had been killed."""

import pytest

from tests.simulation.crashes import SCENES, killed, steps_of, undisturbed


@pytest.mark.parametrize("power_cut", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("name", SCENES)
def test_a_kill_at_every_step_leaves_no_trace(
    name: str, power_cut: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    steps, expected = steps_of(name), undisturbed(name)
    assert steps > 20
    wrong = [step for step in range(1, steps + 1) if killed(name, step, power_cut=power_cut) != expected]
    with capsys.disabled():
        print(f"\n{name}: killed at each of {steps} I/O steps{' and power cut' * power_cut}, {len(wrong)} wrong")
    assert wrong == []
