"""What the workspace and the integration may do: the plan's limits, and capabilities that can be taken away.

Sizes and plans: developers.notion.com/docs/uploading-small-files and .../docs/sending-larger-files;
capabilities: developers.notion.com/reference/capabilities.
"""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024
READ, UPDATE, INSERT = "read_content", "update_content", "insert_content"
READ_COMMENTS, INSERT_COMMENTS = "read_comments", "insert_comments"
USERS: Final = "user_information"
CAPABILITIES: Final = frozenset((READ, UPDATE, INSERT, READ_COMMENTS, INSERT_COMMENTS, USERS))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a workspace of this plan takes; sizes in bytes."""

    name: str
    largest_file: int
    largest_part: int
    multi_part: bool


PLANS: Final = {
    plan.name: plan
    for plan in (
        Plan("free", 5 * MIB, 5 * MIB, multi_part=False),
        Plan("plus", 5 * 1024 * MIB, 20 * MIB, multi_part=True),
    )
}


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace's plan, what the integration may do, and how many blocks there may be (None: no limit).

    ``emojis`` are its custom emojis: name and address of the picture.
    """

    plan: Plan = PLANS["free"]
    capabilities: frozenset[str] = CAPABILITIES
    block_limit: int | None = None
    emojis: tuple[tuple[str, str], ...] = ()
