"""Reads samples: from an exporter's page, or from a Prometheus server by PromQL.

Formats: the text exposition format 0.0.4 and OpenMetrics (prometheus.io/docs/instrumenting/exposition_formats), and
the HTTP API under ``/api/v1`` (prometheus.io/docs/prometheus/latest/querying/api): errors come as JSON with
``status: error``; an empty result is a success there, and none here. Addresses are named by scheme, host and port
alone, since paths and queries may hold keys.
"""

import asyncio
import json
import math
import shlex
from collections.abc import Mapping
from typing import Any

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Frozen
from ultra_checklist.probes.fetch import BAD_STATUS, bad_status, origin, telling, unreached
from ultra_checklist.trust import trust

MAX_BODY = 16 << 20
MAX_SERIES = 100
"""Series to which one rule may apply."""
_STATUS = BAD_STATUS | {404: ("not-found", "there is no such page", "そのページはありません")}


class Series(Frozen):
    """One series of samples, evenly spaced in time; a single one where the moment is asked for."""

    labels: dict[str, str]
    values: list[float | str | None]
    """``NaN``, ``+Inf`` and ``-Inf`` are texts, since JSON has no such numbers; None: there was no sample."""
    at: float | None = None
    """When the newest sample was taken, where that is told."""


class Source:
    """Asks one address."""

    def __init__(self, url: str, headers: Mapping[str, str], client: Any) -> None:
        self._url, self._headers, self._client = url, headers, client
        self.name = origin(url)

    async def scrape(self) -> list[tuple[str, Series]]:
        """All samples of an exporter's page, with their names. Raises ProbeCannotTell."""
        accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4"
        status, kind, text = await self._get(self._url, {}, {"Accept": accept})
        if status != 200:
            raise self._status(status)
        try:
            # A page that says it is a web page may still parse by chance.
            found = None if "html" in kind or "json" in kind else _parsed(text, openmetrics="openmetrics" in kind)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            found = None
        if found is None:
            raise self.cannot(
                "not-metrics", "its answer is no page of metrics", "応答がメトリクス形式ではありません"
            )
        return found

    async def query(self, expr: str, at: float, lookback: float) -> list[Series]:
        """The value of an expression at a moment; ``lookback`` seconds may its samples be old."""
        question = {"query": expr, "time": f"{at:.3f}", "lookback_delta": f"{max(1, round(lookback))}s"}
        kind, result = await self._ask("query", question)
        if kind in ("scalar", "string"):
            result = [{"metric": {}, "value": result}]
        if kind not in ("vector", "scalar"):
            raise self._not_prometheus() if kind != "matrix" else self._bad_query("a range, not a value")
        try:
            return [Series(labels=one["metric"], values=[number(one["value"][1])]) for one in result]
        except (KeyError, TypeError, IndexError, ValueError):
            raise self._not_prometheus() from None

    async def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """The values of an expression over a time, one every ``step`` seconds."""
        question = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        kind, result = await self._ask("query_range", question)
        if kind != "matrix":
            raise self._not_prometheus()
        count = math.floor((end - start) / step + 1e-6) + 1
        try:
            return [
                Series(labels=one["metric"], values=_spaced(one["values"], start, step, count)) for one in result
            ]
        except (KeyError, TypeError, IndexError, ValueError):
            raise self._not_prometheus() from None

    async def samples(self, expr: str, start: float, end: float) -> dict[tuple[tuple[str, str], ...], list[Any]]:
        """All samples of a selector as they were taken between two moments, by labels without the name."""
        question = {"query": f"{expr}[{max(1, round((end - start) * 1000))}ms]", "time": f"{end:.3f}"}
        kind, result = await self._ask("query", question)
        if kind != "matrix":
            raise self._not_prometheus()
        try:
            return {
                tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__")): [
                    number(value) for _, value in one["values"]
                ]
                for one in result
            }
        except (KeyError, TypeError, IndexError, ValueError, AttributeError):
            raise self._not_prometheus() from None

    async def _ask(self, path: str, question: dict[str, str]) -> tuple[str, Any]:
        status, _, text = await self._get(f"{self._url.rstrip('/')}/api/v1/{path}", question, {})
        try:
            answer = json.loads(text)
            told = answer["status"]
        except (ValueError, KeyError, TypeError, RecursionError):
            # Proxies and logins answer with pages of their own, under any status.
            raise self._status(status) if status != 200 else self._not_prometheus() from None
        if told != "success" or status != 200:
            error, kind = str(answer.get("error", ""))[:200], answer.get("errorType")
            if kind in ("bad_data", "execution"):
                raise self._bad_query(error)
            raise self._status(status, error)
        # Before Prometheus 3 notes on the query came as warnings too; others say that data is missing.
        notes = [str(note) for note in answer.get("warnings") or [] if not str(note).startswith("PromQL info")]
        if notes:
            raise self.cannot(
                "partial", f"its answer may not be whole: {notes[0][:200]}", f"応答が不完全です: {notes[0][:200]}"
            )
        data = answer.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("result"), list):
            raise self._not_prometheus()
        return str(data.get("resultType")), data["result"]

    async def _get(self, url: str, question: dict[str, str], headers: dict[str, str]) -> tuple[int, str, str]:
        # Without a question the address keeps its own.
        more = {"params": question} if question else {}
        async with self._client.stream("GET", url, headers={**headers, **self._headers}, **more) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes(65536):
                body += chunk
                if len(body) > MAX_BODY:
                    raise self.cannot(
                        "too-large",
                        f"its answer has more than {MAX_BODY} bytes",
                        f"応答が {MAX_BODY} バイトを超えました",
                    )
            if answer.is_redirect:
                raise self.cannot(
                    "redirect", "it redirects, perhaps to a login", "別の場所へリダイレクトされました"
                )
            try:
                return answer.status_code, str(answer.headers.get("content-type", "")), body.decode()
            except UnicodeDecodeError:
                raise self.cannot(
                    "not-text", "its answer is no UTF-8 text", "応答が UTF-8 ではありません"
                ) from None

    def _status(self, status: int, error: str = "") -> ProbeCannotTell:
        reason, en, ja = bad_status(status, _STATUS)
        more = f": {error}" if error else ""
        return self.cannot(reason, f"{en} (HTTP {status}){more}", f"{ja}（HTTP {status}）{more}")

    def _bad_query(self, why: str) -> ProbeCannotTell:
        return self.cannot(
            "bad-query", f"it does not understand the query: {why}", f"クエリを解釈できません: {why}"
        )

    def _not_prometheus(self) -> ProbeCannotTell:
        return self.cannot(
            "not-prometheus", "its answer is none of a Prometheus server", "Prometheus の応答ではありません"
        )

    def cannot(self, reason: str, en: str, ja: str) -> ProbeCannotTell:
        """What to raise when there is no good answer."""
        return ProbeCannotTell(
            reason, f"{self.name}: {en}", f"{self.name}: {ja}", remedy=f"curl -sv {shlex.quote(self.name)}"
        )


async def asked(url: str, headers: Mapping[str, str], verify_tls: bool, seconds: float, ask: Any) -> Any:
    """What ``ask`` gives when it is called with the source at ``url``. Raises ProbeCannotTell."""
    import httpx

    source = Source(url, headers, None)
    with telling(source.cannot, seconds, unreached):
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=seconds, verify=trust(url, verify=verify_tls)
            ) as client,
        ):
            return await ask(Source(url, headers, client))


def number(value: object) -> float | str:
    """A sample's value, as JSON can hold it. Raises ValueError, TypeError."""
    if not isinstance(value, str | int | float):
        raise TypeError("a sample's value is a number or a text")
    read = float(value)
    if math.isfinite(read):
        return read
    return "NaN" if math.isnan(read) else "+Inf" if read > 0 else "-Inf"


def selector(name: str, labels: Mapping[str, str]) -> str:
    """The PromQL selector of a metric with these labels."""
    inside = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def _parsed(text: str, *, openmetrics: bool) -> list[tuple[str, Series]] | None:
    """The samples of a page; None where it is cut or none. Raises ValueError and what else the parsers raise."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
    from prometheus_client.parser import text_string_to_metric_families as families

    if text and not text.endswith("\n"):
        # "The last line must end with a line feed character": so this one was cut.
        return None
    found = []
    for family in (open_families if openmetrics else families)(text):
        for sample in family.samples:
            at = None if sample.timestamp is None else float(sample.timestamp)
            found.append((sample.name, Series(labels=sample.labels, values=[number(sample.value)], at=at)))
    return found


def _spaced(pairs: list[Any], start: float, step: float, count: int) -> list[float | str | None]:
    """Samples by their places in the time that was asked for."""
    values: list[float | str | None] = [None] * count
    for at, value in pairs:
        place = round((float(at) - start) / step)
        if 0 <= place < count:
            values[place] = number(value)
    return values
