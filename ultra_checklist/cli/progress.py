"""How far a command has come, where a person waits."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ultra_checklist.cli.boundary import language
from ultra_checklist.words import Words

_ROWS = Words(en="rows", ja="行")


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr where a person waits; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_ROWS.say(language()))
        yield lambda done, total: bar.update(task, completed=done, total=total)
