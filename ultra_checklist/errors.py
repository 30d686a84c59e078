"""Every error of ours: what happened, where, and what to do next.

    UltraChecklistError            exit 4, unexpected
    ├── UsageError                 exit 2: wrong flag, item, setting; nothing was changed
    │   ├── TemplateError          one or many problems, each with file and line
    │   ├── SettingsError          a setting is missing, malformed or unsafe
    │   └── PluginError            a plugin does not load, or two claim one name
    ├── RefusedError               exit 1: the answer is no (for example: a release is already open)
    │   └── BundleError            a bundle is damaged, was altered, or is not what it is held against
    ├── CannotTellError            exit 3: the world did not answer
    │   ├── NotionError            Notion did not answer, or answered with an error
    │   │   └── NotionNotFound     the object is not there, or not shared with the integration
    │   └── DeadlineError          the pass ran out of time
    ├── StateError                 exit 2: the state folder cannot be used
    │   ├── JournalError           a journal's hash chain is broken
    │   └── NoManifestError        no manifest of this release on this machine
    ├── HookFailed                 raised by a hook: shown, tried again, never an exit
    └── ProbeCannotTell            raised by a probe's observe(): becomes the verdict "unknown", never an exit

One boundary, in ``cli.boundary``, turns them into exit codes and sentences.
"""

from collections.abc import Sequence
from typing import ClassVar

from ultra_checklist.words import Words, joined


class UltraChecklistError(Exception):
    """The root. ``remedy`` says what to do next, in words or as a command to copy.

    Both exist in English and Japanese. A plain text is one that needs no translation: a command to copy, or
    what another program says. As a string an error is English: for logs.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, message: Words | str, *, remedy: Words | str = "") -> None:
        self.message = Words.of(message)
        self.remedy = Words.of(remedy)
        super().__init__(self.message.en)


class UsageError(UltraChecklistError):
    """The caller asked for something that does not exist or does not fit; nothing was changed."""

    exit_code = 2


class TemplateError(UsageError):
    """A template has one or more problems; each is a line ``file:line: what, and the nearest right name``."""

    def __init__(self, problems: Sequence[Words]) -> None:
        super().__init__(joined(problems, "\n"), remedy=_MEND)
        self.problems = tuple(problems)


class SettingsError(UsageError):
    """A setting is missing, malformed or unsafe."""


class PluginError(UsageError):
    """A plugin cannot be loaded, or two distributions claim the same name."""


class RefusedError(UltraChecklistError):
    """The answer is no: what was asked for is understood, possible to name, and not allowed now."""

    exit_code = 1


class BundleError(RefusedError):
    """A bundle is damaged, was altered, or is not what it is held against: its key, its journal."""


class CannotTellError(UltraChecklistError):
    """Something outside did not answer, so nothing can be said."""

    exit_code = 3


class NotionError(CannotTellError):
    """Notion could not be reached, or refused.

    ``status`` is the HTTP status (0: no answer at all), ``code`` Notion's error code,
    ``permanent`` says that trying again cannot help.
    """

    def __init__(
        self,
        message: Words | str,
        *,
        status: int = 0,
        code: str = "",
        permanent: bool = False,
        remedy: Words | str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = code
        self.permanent = permanent


class NotionNotFound(NotionError):
    """The object does not exist, or is not shared with the integration (Notion does not tell which)."""


class DeadlineError(CannotTellError):
    """A pass ran out of the time it was given."""


class StateError(UltraChecklistError):
    """The state folder cannot be read or written."""

    exit_code = 2


class JournalError(StateError):
    """A journal is damaged: its hash chain does not hold."""


class NoManifestError(StateError):
    """This machine has no manifest of the release."""


class HookFailed(UltraChecklistError):
    """A hook has not delivered: it is shown on the page and tried again, and undoes nothing.

    The message exists in English and Japanese; ``permanent`` says that trying again at once cannot help,
    ``unsent`` that nobody has got it for certain.
    """

    def __init__(self, en: str, ja: str, *, permanent: bool = False, unsent: bool = False) -> None:
        super().__init__(Words(en=en, ja=ja))
        self.permanent = permanent
        self.unsent = unsent


class ProbeCannotTell(UltraChecklistError):
    """Raised by ``observe()`` when the world cannot be seen: the verdict is ``unknown``.

    ``reason`` is a short stable code such as ``timeout`` or ``permission-denied``;
    the message exists in English and Japanese.
    """

    def __init__(self, reason: str, en: str, ja: str, *, remedy: Words | str = "") -> None:
        super().__init__(Words(en=en, ja=ja), remedy=remedy)
        self.reason = reason


class WrongValue(ValueError):
    """A value that a template or a setting gives cannot be used: one part of a problem that is told as a whole."""

    def __init__(self, en: str, ja: str) -> None:
        super().__init__(en)
        self.words = Words(en=en, ja=ja)


def cause(error: Exception) -> Words:
    """Why a file or a program could not be used, without the number and the path that Python adds."""
    if isinstance(error, UnicodeError):
        return _NOT_UTF8
    return Words.same(getattr(error, "strerror", None) or str(error))


_NOT_UTF8 = Words(en="it is not UTF-8", ja="UTF-8 ではありません")
_MEND = Words(
    en="Mend these lines, then run: ultra-checklist lint",
    ja="該当行を修正し、ultra-checklist lint を実行してください",
)
