"""Makes a story that breaks a promise shorter, for as long as it still breaks one."""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.play import play
from tests.simulation.story import Story


def shrink(story: Story) -> Story:
    """The shortest story found that still breaks a promise; the given one must."""
    best, smaller = story, True
    while smaller:
        smaller = False
        for attempt in _smaller(best):
            if play(attempt).violation:
                best, smaller = attempt, True
                break
    return best


def _smaller(story: Story) -> Iterator[Story]:
    steps = story.steps
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps), size):
            yield _with(story, steps[:start] + steps[start + size :])
        size //= 2
    for number, step in enumerate(steps):
        for extra in ("during", "beside", "kill"):
            if extra in step:
                less = {key: value for key, value in step.items() if key != extra}
                yield _with(story, [*steps[:number], less, *steps[number + 1 :]])
    for item in story.items:
        if len(story.items) > 1 and not any(item in str(step) for step in steps):
            yield replace(story, items=tuple(i for i in story.items if i != item))


def _with(story: Story, steps: list[dict[str, object]]) -> Story:
    return replace(story, steps=steps)
