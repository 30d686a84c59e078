"""A release checklist in Notion whose ticks are proved by probes on the real machine.

The public API is what ``ultra_checklist.library`` holds; its names can be imported from here, too::

    from ultra_checklist import UltraChecklist

    releases = UltraChecklist(local=True)
    releases.prepare()
    print(releases.new("v1.0.0", template="my_checklist.md").url)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ultra_checklist.library import (
        Account,
        Bundle,
        Checked,
        Ending,
        GateAnswer,
        Opened,
        Report,
        Result,
        Template,
        UltraChecklist,
        UltraChecklistError,
        load_template,
        verify_bundle,
    )

__version__: Final = "0.1.0"
__all__ = [
    "Account",
    "Bundle",
    "Checked",
    "Ending",
    "GateAnswer",
    "Opened",
    "Report",
    "Result",
    "Template",
    "UltraChecklist",
    "UltraChecklistError",
    "__version__",
    "load_template",
    "verify_bundle",
]


def __getattr__(name: str) -> Any:
    """Import the library when it is first asked for: commands do not pay for what they do not use."""
    if name in __all__:
        return getattr(import_module("ultra_checklist.library"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
