"""What the probes share that send a test message: for which tick, with which code, and what an answer means.

A message goes out once for a tick. That a channel accepts it does not say that it arrives: the code that is in
it and nowhere else does, once the operator has typed it into Note. Only its digest is kept.
"""

import hashlib
import secrets
import string
from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import NOTHING, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, failed, passed, unknown
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.sending import Answer, safe

CODE_LENGTH: Final = 4
SECRET_PIECE: Final = 8
"""Characters from which on a piece of an address's path may be a secret."""
SAID: Final = 200
"""Characters of an answer that are kept."""
LATER: Final = (408, 425, 429)
"""Statuses below 500 after which trying again later may help."""
NOT_ALLOWED: Final = (401, 403, 407)

AGAIN: Final = Words(en="untick and tick to send it again", ja="チェックを外して付け直すと再送します")
LOOK_FIRST: Final = Words(
    en="look whether it arrived, then untick and tick to send it again",
    ja="届いたか確認し、チェックを外して付け直すと再送します",
)
TROUBLES: Final = {
    "timeout": Words(en="no answer came in time", ja="時間内に応答がありません"),
    "dns": Words(en="the host's name is not known", ja="ホスト名を解決できません"),
    "connection-refused": Words(en="nobody accepts connections there", ja="接続が拒否されました"),
    "tls": Words(en="the TLS connection failed", ja="TLS 接続に失敗しました"),
    "no-connection": Words(en="there is no connection", ja="接続できません"),
    "not-sendable": Words(
        en="with this address or token no request can be made", ja="このアドレスまたはトークンでは送信できません"
    ),
    "no-answer": Words(
        en="the connection broke, or the answer is no HTTP", ja="接続が切れたか、応答が HTTP ではありません"
    ),
    "unexpected-answer": Words(
        en="the answer is not what this service answers", ja="このサービスの応答ではありません"
    ),
}
"""What each kind of trouble is in words."""


def _is_address(value: SecretStr) -> SecretStr:
    # The address is a secret: the complaint must not hold it.
    try:
        parts = urlsplit(value.get_secret_value())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise WrongValue("it is no http:// or https:// address", "http:// または https:// のアドレスではありません")
    return value


SecretUrl = Annotated[SecretStr, AfterValidator(_is_address)]
"""An address that nobody may see."""


class Sent(Observation):
    """What came of one test message."""

    code_sha256: str
    """Of the code that was in it, upper case, UTF-8."""
    status: int = 0
    """HTTP status of the last answer; 0: none came."""
    trouble: str = ""
    """Why none came, or none that could be read."""
    gone: bool = True
    """False: it is certain that the message did not go out."""
    said: str = ""
    """The beginning of the answer, without code and secrets."""


def occasion(context: Context) -> ReleaseRecord:
    """The release for which a message may go out now. Raises ProbeCannotTell without release or tick."""
    release = context.require_release()
    if context.tick < 1:
        raise ProbeCannotTell(
            "not-ticked",
            "it is done once for a tick, and nobody has ticked this check",
            "チェック 1 回につき 1 度だけ実行します（まだチェックされていません）",
            remedy="ultra-checklist sync",
        )
    return release


def identity(context: Context, *more: str) -> str:
    """What names one message or record: the release, the item, the tick, and ``more``. The same after a crash."""
    release = occasion(context)
    return "\n".join((release.key, release.created.isoformat(), context.item, str(context.tick), *more))


def fresh_code() -> str:
    """Four letters by chance."""
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(CODE_LENGTH))


def sha256(text: str) -> str:
    """The digest of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def wording(release: ReleaseRecord, item: str, code: str) -> str:
    """The message: what it is, of which release, and what its receivers must do."""
    return (
        "リリースの通知テストです。対応は不要です / Release test, please ignore\n"
        f"{safe(release.version)} ({safe(release.key)})\n"
        f"リリース担当者のみ: コード {code} をチェック「{safe(item)}」のメモに入力してください\n"
        f"Release operator only: type the code {code} into the Note of the check {safe(item)}"
    )


def quoted(answer: Answer, hidden: Iterable[str], context: Context) -> str:
    """The beginning of an answer, in which nothing of ``hidden`` is left: a server may send back what it got."""
    text = " ".join(answer.text.split())
    for secret in sorted((one for one in hidden if one), key=len, reverse=True):
        text = text.replace(secret, "****")
    return context.redactor.text(text, cut=answer.cut)[:SAID]


def parts(url: str) -> tuple[str, ...]:
    """An address, and what of it may be a secret by itself."""
    split = urlsplit(url)
    pieces = [piece for piece in split.path.split("/") if len(piece) >= SECRET_PIECE]
    return (url, split.path.strip("/"), split.query, *pieces)


def accepted(seen: Sent, told: Words, **facts: object) -> Verdict:
    """The verdict on a message that was taken; the row then waits for the code."""
    verdict = passed(
        "accepted", expected=Words(en="accepted", ja="受理"), seen=told, status=seen.status, accepted=True, **facts
    )
    return verdict.model_copy(update={"answer": seen.code_sha256})


def not_seen(seen: Sent, channel: str, trouble: str = "") -> Verdict:
    """The verdict where no answer came that could be used."""
    reason = trouble or seen.trouble
    words = TROUBLES.get(reason, TROUBLES["no-answer"])
    return unknown(
        reason,
        Words(en=f"{channel}: {words.en}", ja=f"{channel}: {words.ja}"),
        expected=Words(en="accepted", ja="受理"),
        seen=_status(seen),
        remedy=LOOK_FIRST if seen.gone else AGAIN,
        gone=seen.gone,
    )


def refusal(seen: Sent, channel: str) -> Verdict:
    """The verdict on a status that is no success: what may be someone's in between, or pass by, is unknown."""
    status = seen.status
    if status in NOT_ALLOWED:
        return unsure(
            seen,
            "not-allowed",
            Words(
                en=f"{channel} does not let us in: is the address or the token the right one?",
                ja=f"{channel} に拒否されました（アドレスまたはトークンを確認してください）",
            ),
        )
    if status in LATER or status >= 500:
        return unsure(
            seen,
            "rate-limited" if status == 429 else "server-error",
            Words(en=f"{channel} is in trouble", ja=f"{channel} 側の障害または制限です"),
        )
    if 300 <= status < 400:
        return refused(seen, "redirect", Words(en=f"{channel} redirects", ja=f"{channel} がリダイレクトしました"))
    return refused(seen, "refused", Words(en=f"{channel} refuses it", ja=f"{channel} に受理されませんでした"))


def refused(seen: Sent, reason: str, sentence: Words, remedy: Words = NOTHING) -> Verdict:
    """A definite no."""
    return failed(
        reason,
        sentence,
        expected=Words(en="accepted", ja="受理"),
        seen=_status(seen),
        remedy=remedy
        if remedy != NOTHING
        else Words(
            en="correct the address or the receiver, then untick and tick",
            ja="アドレスまたは宛先を直し、チェックを外して付け直す",
        ),
        status=seen.status,
    )


def unsure(seen: Sent, reason: str, sentence: Words) -> Verdict:
    """Neither yes nor no."""
    return unknown(
        reason,
        sentence,
        expected=Words(en="accepted", ja="受理"),
        seen=_status(seen),
        remedy=LOOK_FIRST if seen.gone and seen.status >= 500 else AGAIN,
        status=seen.status,
    )


def _status(seen: Sent) -> Words:
    if not seen.status:
        return NOTHING
    return Words.same(f"HTTP {seen.status}" + (f": {seen.said}" if seen.said else ""))
