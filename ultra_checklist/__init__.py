"""A release checklist in Notion whose ticks are proved by probes on the real machine."""

from typing import Final

__version__: Final = "0.1.0"
