"""Hooks: who is told of a release's end and of its news, by this machine's settings alone. Runs one of them, once.

Nothing of a hook comes from Notion or from a template: neither its program nor its address.
"""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ultra_checklist.config import Settings
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import HookFailed, PluginError, ProbeCannotTell
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Lang

if TYPE_CHECKING:
    from ultra_checklist.notify.base import Delivery

GRACE = 5.0
"""Seconds beyond its time-out after which a hook is given up."""


class Hooks:
    """The hooks of this machine; without settings there are none."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self.names: tuple[str, ...] = settings.hooks if settings is not None else ()
        self.channels: tuple[str, ...] = settings.channels if settings is not None else ()
        """Who is told of news while a release runs."""
        self.events: frozenset[str] = settings.events if settings is not None else frozenset()
        """Of which kinds of news."""

    async def deliver(self, name: str, payload: Mapping[str, Any], headline: str, lang: Lang) -> None:
        """Run one hook. Raises HookFailed, whatever it does."""
        # Every pass has hooks, and seldom runs one.
        from ultra_checklist.notify.base import Delivery
        from ultra_checklist.probes.base import Context, child_environment

        if self._settings is None or name not in self.names:
            told = "it is not in the settings of this run", "この実行の設定にありません"
            raise HookFailed(*told, permanent=True, unsent=True)
        seconds = self._settings.hook_timeout
        run = Context(environment=child_environment(process_environment())).run
        delivery = Delivery(payload, headline, lang, seconds, run)
        try:
            async with asyncio.timeout(seconds + GRACE):
                await self._run(name, delivery, self._settings)
        except HookFailed:
            raise
        except ProbeCannotTell as error:
            raise HookFailed(error.message.en, error.message.ja) from error
        except PluginError as error:
            raise HookFailed(error.message.en, error.message.ja, permanent=True, unsent=True) from error
        except TimeoutError:
            raise HookFailed(f"not done within {seconds:g} s", f"{seconds:g} 秒以内に終わりません") from None
        except Exception as error:
            # Somebody else's code: whatever it raises is its failure, not ours.
            told_kind = f"{type(error).__name__}: {error}"
            raise HookFailed(told_kind, told_kind) from error

    async def _run(self, name: str, delivery: "Delivery", settings: Settings) -> None:
        from ultra_checklist import plugins
        from ultra_checklist.notify.base import Channel

        hook = plugins.load(plugins.HOOKS, name)
        if inspect.isclass(hook) and issubclass(hook, Channel):
            await hook.from_settings(settings).deliver(delivery)
        elif inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004 - asks whether calling it gives a coroutine
            await hook(dict(delivery.payload))
        else:
            await _in_thread(hook, dict(delivery.payload))


def about(manifest: Manifest) -> dict[str, Any]:
    """Which release a message is about."""
    return {
        "release": manifest.key,
        "template": manifest.template.name,
        "version": manifest.version,
        "environment": manifest.environment,
        "attempt": manifest.attempt,
        "url": manifest.page_url,
        "local": manifest.local,
    }


def cleaned(value: Any, redact: Callable[[str], str]) -> Any:
    """A payload without secrets, in whatever depth they stand."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: cleaned(part, redact) for key, part in value.items()}
    return [cleaned(part, redact) for part in value] if isinstance(value, list | tuple) else value


async def _in_thread(hook: Callable[[dict[str, Any]], object], payload: dict[str, Any]) -> None:
    """Call a hook that blocks. Its thread holds up nobody: neither this loop nor the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def work() -> None:
        failure: Exception | None = None
        try:
            hook(payload)
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):
            # The loop is closed where this was given up long ago.
            loop.call_soon_threadsafe(tell, failure)

    threading.Thread(target=work, name="ultra-checklist-hook", daemon=True).start()
    await done
