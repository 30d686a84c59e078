"""An HTTP endpoint, read-only: status, body, latency, and which commit answers.

No proxy or credential of the environment is used, no cookie is kept, and no redirect to another place is
followed, so that the answer is that of the address which was asked.
"""

import json
import math
import re
import shlex
from collections.abc import Iterable
from time import monotonic
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Outcome, Verdict, Words
from ultra_checklist.probes import commits, moved, provider, tls
from ultra_checklist.probes.base import (
    CommitId,
    Context,
    Observation,
    OneOrMore,
    Options,
    Pattern,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.probes.fetch import MAX_BODY, at_path, origin, unconnected
from ultra_checklist.trust import trust

KEPT = 2000
MAX_REDIRECTS = 3
SHORT = 12


class HttpOptions(Options):
    """What an endpoint must answer."""

    url: str = Field(description="The address; it is only read.")
    method: Literal["GET", "HEAD", "OPTIONS"] = Field(default="GET", description="Read-only methods alone.")
    status: OneOrMore = Field(default=[200], description="Good status codes: one, or a list.")
    contains: Pattern | None = Field(default=None, description="Regular expression that the body must match.")
    json_values: dict[str, Any] = Field(
        default_factory=dict, alias="json", description="Values by dotted path that the JSON body must have."
    )
    commit: CommitId | None = Field(
        default=None, description="The commit that the answer must name as the running one."
    )
    changed: list[str] = Field(
        default_factory=list,
        description="Dotted paths whose values must differ from when the deploy began, such as a start time.",
    )
    max_seconds: float | None = Field(
        default=None, gt=0, description="Longest good time of an answer; with `repeat` the 95th percentile of all."
    )
    repeat: int = Field(default=1, ge=1, le=100, description="How many answers in a row must be good.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send; they are never recorded.")
    bearer: SecretStr | None = Field(
        default=None,
        description="A provider's token, from a secret variable, sent as `Authorization: Bearer`; https alone. "
        "Where the provider refuses it or cannot answer (401, 403, 429, 5xx, no JSON) nothing can be told.",
    )
    verify_tls: bool = Field(default=True, description="false: accept any certificate.")
    tls_days: int | None = Field(
        default=None, ge=1, description="Least days for which the certificate is still valid."
    )

    @field_validator("url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongValue(
                f"{value!r} is no http:// or https:// address",
                f"{value!r} は http:// または https:// のアドレスではありません",
            )
        if parts.username or parts.password:
            raise WrongValue(
                "a password does not belong into an address: use `headers` with a secret variable",
                "アドレスにパスワードを含めないでください。`headers` で秘密の変数を使ってください",
            )
        return value

    @field_validator("headers")
    @classmethod
    def _sendable(cls, value: dict[str, str]) -> dict[str, str]:
        return provider.sendable(value)

    @field_validator("bearer")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        return provider.one_word(value)

    @model_validator(mode="after")
    def _over_tls(self) -> "HttpOptions":
        provider.require_tls(self.url, token=self.bearer is not None, certificate=self.tls_days is not None)
        return self


class HttpSeen(Observation):
    """What an endpoint answered."""

    url: str
    status: int
    """0: there was no answer, since the certificate has expired."""
    seconds: float
    """How long it took; of several answers the 95th percentile."""
    answers: int = 1
    """How many answers were had: fewer than asked for where one was not good."""
    tls_days: float | None = None
    """Days for which the certificate is still valid; below 0: it has expired."""
    elsewhere: str = ""
    """Scheme, host and port of a redirect that was not followed."""
    contains: bool | None = None
    values: dict[str, Any] = Field(default_factory=dict)
    moving: dict[str, Any] = Field(default_factory=dict)
    """Values under the paths of `changed`."""
    before: dict[str, Any] | None = None
    """The same as the deploy began; None: that was not seen."""
    commits: list[str] = Field(default_factory=list)
    """What looks like a commit in the body: values under telling JSON keys first."""
    body: str = ""
    is_json: bool = True
    """False: the body should have been JSON and is not."""


class HttpProbe(Probe[HttpOptions, HttpSeen]):
    """Asks one address."""

    name = "http"
    summary = Words(
        en="an HTTP endpoint, read-only: status, body, commit, latency",
        ja="HTTP エンドポイント（read-only）: ステータス・本文・コミット・応答時間",
    )
    options_model: ClassVar[type[Options]] = HttpOptions
    observation_model: ClassVar[type[Observation]] = HttpSeen
    judged: ClassVar[frozenset[str]] = frozenset({"max_seconds"})

    @property
    def wants_baseline(self) -> bool:
        """A value that must have changed must be known from before."""
        return bool(self.options.changed)

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.http_twins import twins

        return twins(self)

    @property
    def place(self) -> str:
        """The host that it asks."""
        return origin(self.options.url)

    async def observe(self, context: Context) -> HttpSeen:
        """Ask until an answer is not good, follow redirects of the same origin, read at most 1 MiB of each."""
        import asyncio

        import httpx

        options = self.options
        if options.bearer is not None:
            context.redactor.add([options.bearer.get_secret_value()], certain=True)
        try:
            async with (
                asyncio.timeout(options.timeout),
                httpx.AsyncClient(
                    trust_env=False,
                    follow_redirects=False,
                    timeout=options.timeout,
                    verify=trust(options.url, verify=options.verify_tls),
                ) as client,
            ):
                return await self._ask_all(client, context)
        except (TimeoutError, httpx.TimeoutException):
            raise self._cannot(
                "timeout", f"no answer within {options.timeout:g} s", f"{options.timeout:g} 秒以内に応答なし"
            ) from None
        except httpx.ConnectError as error:
            if options.tls_days is not None and tls.has_expired(error):
                return HttpSeen(url=options.url, status=0, seconds=0.0, tls_days=-1.0)
            raise self._cannot(*unconnected(error)) from error
        except httpx.HTTPError as error:
            text = context.redactor.text(f"{type(error).__name__}: {error}")
            raise self._cannot("no-answer", f"no usable answer: {text}", f"応答を解釈できません: {text}") from error

    async def _ask_all(self, client: Any, context: Context) -> HttpSeen:
        times: list[float] = []
        while True:
            seen = await self._ask(client, context)
            times.append(seen.seconds)
            if len(times) == self.options.repeat or not self._is_good(seen):
                slow = sorted(times)[math.ceil(0.95 * len(times)) - 1]
                return seen.model_copy(update={"seconds": slow, "answers": len(times)})

    def _is_good(self, seen: HttpSeen) -> bool:
        """Whether one answer is good, whatever time it took."""
        wrong = (self._provider(seen), self._status(seen), self._body(seen), self._changed(seen))
        return not any(wrong) and self._commit(seen).outcome is Outcome.PASS

    async def _ask(self, client: Any, context: Context) -> HttpSeen:
        headers = dict(self.options.headers)
        if self.options.bearer is not None:
            headers["Authorization"] = f"Bearer {self.options.bearer.get_secret_value()}"
        url, start, elsewhere = self.options.url, monotonic(), ""
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream(self.options.method, url, headers=headers) as answer:
                target = answer.headers.get("location") if answer.is_redirect else None
                if target is not None:
                    following = str(answer.url.join(target))
                    if origin(following) == origin(url):
                        url = following
                        continue
                    elsewhere = origin(following)
                body = await _bounded(answer)
                seen = self._seen(answer.status_code, monotonic() - start, body, elsewhere, context)
                left = tls.days_left(answer) if self.options.tls_days is not None else None
                return seen.model_copy(update={"tls_days": left})
        raise self._cannot("redirects", "more than 3 redirects", "リダイレクトが 3 回を超えました")

    def _seen(self, status: int, seconds: float, body: bytes, elsewhere: str, context: Context) -> HttpSeen:
        text = body.decode(errors="replace")
        options = self.options
        data = _parse(text) if options.json_values or options.commit or options.changed else None
        return HttpSeen(
            url=options.url,
            status=status,
            seconds=round(seconds, 3),
            elsewhere=elsewhere,
            contains=None if options.contains is None else re.search(options.contains, text) is not None,
            values={path: context.redactor.data(at_path(data, path)) for path in options.json_values},
            moving={path: context.redactor.data(at_path(data, path)) for path in options.changed},
            before=context.baseline.moving if isinstance(context.baseline, HttpSeen) else None,
            commits=list(dict.fromkeys(commits.named(data, text)))[:20] if options.commit else [],
            body=context.redactor.text(text, cut=len(body) >= MAX_BODY)[:KEPT],
            is_json=not options.json_values or data is not None,
        )

    def _cannot(self, reason: str, en: str, ja: str) -> ProbeCannotTell:
        url = self.options.url
        return ProbeCannotTell(
            reason,
            f"{url}: {en}",
            f"{url}: {ja}",
            remedy=f"curl -v --max-time {self.options.timeout:g} {shlex.quote(url)}",
        )

    def judge(self, seen: HttpSeen) -> Verdict:
        """The certificate, redirect and status, then body, values, time, and at last the commit."""
        limit = self.options.tls_days
        for verdict in (
            tls.judge(seen.tls_days, limit, self.options.url) if limit is not None else None,
            self._provider(seen), self._status(seen), self._body(seen), self._changed(seen), self._time(seen),
        ):  # fmt: skip
            if verdict is not None:
                return verdict
        return self._commit(seen)

    def _remedy(self) -> Words:
        return Words.same(f"curl -i {shlex.quote(self.options.url)}")

    def _provider(self, seen: HttpSeen) -> Verdict | None:
        if self.options.bearer is None or seen.elsewhere:
            return None
        good = seen.status in self.options.status
        return provider.judge(seen.url, seen.status, good=good, is_json=seen.is_json)

    def _changed(self, seen: HttpSeen) -> Verdict | None:
        paths = self.options.changed
        return moved.judge(seen.url, paths, seen.moving, seen.before, self._remedy()) if paths else None

    def _status(self, seen: HttpSeen) -> Verdict | None:
        good = ", ".join(str(code) for code in self.options.status)
        if seen.elsewhere:
            return failed(
                "redirect",
                Words(en="it redirects to another place", ja="別の場所へリダイレクトされました"),
                expected=Words.same(good),
                seen=Words.same(f"{seen.status} → {seen.elsewhere}"),
                remedy=self._remedy(),
                status=seen.status,
                elsewhere=seen.elsewhere,
            )
        if seen.status in self.options.status:
            return None
        return failed(
            "status",
            Words(en=f"{seen.url} answers {seen.status}", ja=f"{seen.url} の応答は {seen.status} です"),
            expected=Words.same(good),
            seen=Words.same(str(seen.status)),
            remedy=self._remedy(),
            status=seen.status,
        )

    def _body(self, seen: HttpSeen) -> Verdict | None:
        wrong = {path: value for path, value in seen.values.items() if value != self.options.json_values[path]}
        if seen.contains is not False and not wrong:
            return None
        wanted = {path: self.options.json_values[path] for path in wrong}
        return failed(
            "body",
            Words(en="the answer's body is not what it must be", ja="応答の本文が期待と異なります"),
            expected=Words.same(_short(wanted) if wrong else self.options.contains or ""),
            seen=Words.same(_short(wrong)) if wrong else Words(en="no match", ja="該当なし"),
            remedy=self._remedy(),
            values=wrong,
            contains=seen.contains,
        )

    def _time(self, seen: HttpSeen) -> Verdict | None:
        limit = self.options.max_seconds
        if limit is None or seen.seconds <= limit:
            return None
        return failed(
            "slow",
            Words(en="the answer takes too long", ja="応答が遅すぎます"),
            expected=Words.same(f"<= {limit:g} s"),
            seen=Words.same(f"{seen.seconds:g} s"),
            remedy=self._remedy(),
            slow=True,
        )

    def _told(self, seen: HttpSeen, *more: str) -> Words:
        """A good answer in short: without what would differ every time."""
        many = [f"{self.options.repeat} x"] if self.options.repeat > 1 else []
        return Words.same(" ".join([*many, ", ".join([str(seen.status), *more])]))

    def _commit(self, seen: HttpSeen) -> Verdict:
        wanted = self.options.commit
        if wanted is None:
            return passed(
                "as-expected", expected=Words.same(str(seen.status)), seen=self._told(seen), status=seen.status
            )
        expected = Words.same(wanted[:SHORT])
        if any(commits.same(found, wanted) for found in seen.commits):
            told = self._told(seen, wanted[:SHORT])
            return passed("as-expected", expected=expected, seen=told, status=seen.status, commit=wanted)
        others = [found for found in seen.commits if len(found) == 40] or seen.commits
        if others:
            return failed(
                "other-commit",
                Words(en="another commit is running", ja="別のコミットが動作しています"),
                expected=expected,
                seen=Words.same(others[0][:SHORT]),
                remedy=self._remedy(),
                commit=others[0],
            )
        return unknown(
            "no-commit",
            Words(en="the answer does not name the running commit", ja="応答に動作中のコミットが含まれていません"),
            expected=expected,
            seen=Words.same(str(seen.status)),
            remedy=Words(
                en='let the endpoint answer its commit, for example as {"commit": "..."}',
                ja='エンドポイントがコミットを返すようにしてください。例: {"commit": "..."}',
            ),
            commit="",
        )


async def _bounded(answer: Any) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return bytes(body[:MAX_BODY])


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)[:200]
