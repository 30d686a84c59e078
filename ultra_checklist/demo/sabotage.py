"""Ways to break the pretend production: for each line of the checklist that a machine can see, one or more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ultra_checklist.demo.world import World


class Moment(StrEnum):
    """When an act of sabotage does what it says."""

    STAGING = "staging"
    """Before the release on staging is made."""
    START = "start"
    DEPLOYED = "deployed"
    """After the deploy, which would mend it."""
    SMOKE = "smoke"
    """Before the smoke tests, when it is known that the backend runs."""
    MONITORING = "monitoring"
    """Before the section on monitoring."""
    RECORD = "record"
    """Before the last section, when everything else was looked at."""


@dataclass(frozen=True)
class Break:
    """One act of sabotage."""

    variant: str
    apply: Callable[[World], object]
    en: str
    ja: str
    moment: Moment = Moment.START
    result: str = "Failed"
    """What the row must show, by its English name; never anything that settles it."""
    names: tuple[str, ...] = ()
    """What its Why must name, in every language; values and names, no sentences."""


Breaks = dict[str, tuple[Break, ...]]


def breaks() -> Breaks:
    """All of them, by item, in the order of the checklist; the first of an item is its usual one."""
    from ultra_checklist.demo import break_after, break_before, break_deploy

    return {**break_before.BREAKS, **break_deploy.BREAKS, **break_after.BREAKS}


def chosen(name: str) -> tuple[str, Break] | None:
    """The act that ``ITEM`` or ``ITEM:VARIANT`` names; None where there is none."""
    item, _, variant = name.partition(":")
    known = breaks().get(item, ())
    return next(((item, one) for one in known if variant in ("", one.variant)), None)


def names() -> Iterator[str]:
    """Every act as ``ITEM:VARIANT``."""
    for item, known in breaks().items():
        for one in known:
            yield f"{item}:{one.variant}"
