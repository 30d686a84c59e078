"""One look for several probes: whoever asks first looks, and all who ask beside it get the same answer.

It lasts for one round of probes: what was seen before a proof is no proof.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Looks:
    """What was looked at in this round; use it with ``async with``, for no look outlives the round."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def __aenter__(self) -> "Looks":
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def once(self, key: Hashable, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``look`` finds, or found for another who asked with this ``key``. Raises what it raised."""
        task: asyncio.Task[T] | None = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(look())
        # Whoever runs out of time takes nothing away from the others.
        return await asyncio.shield(task)
