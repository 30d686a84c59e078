"""Secrets that nobody has registered: tokens known by their shape, and values beside a telling name.

Everything here looks at lines as they are read, without colours. A shape is sure; a value beside a name
such as ``password`` is taken for a secret only where it does not read like a word of a sentence.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

Stretch = tuple[int, int]
SECRET_NAME = re.compile(
    r"(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|CREDENTIAL|WEBHOOK|MNEMONIC|SEED|API_?KEY|ACCESS_?KEY)"
    r"|(^|_)(KEY|PW|PASS|AUTH)($|_)",
    re.IGNORECASE,
)

_WORD = re.compile(rb"[A-Za-z0-9_]")
_SHAPES: tuple[tuple[bytes, bytes], ...] = (
    (b"ntn_", rb"ntn_[A-Za-z0-9_%-]{6,4000}"),
    (b"secret_", rb"secret_[A-Za-z0-9]{20,4000}"),
    (b"xox", rb"xox[abeoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{8,4000}"),
    (b"xapp-", rb"xapp-[0-9]-[A-Za-z0-9-]{8,4000}"),
    (b"gh", rb"gh[opsur]_[A-Za-z0-9]{20,4000}"),
    (b"github_pat_", rb"github_pat_[A-Za-z0-9_]{20,4000}"),
    (b"glpat-", rb"glpat-[A-Za-z0-9_-]{20,4000}"),
    (b"AKIA", rb"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (b"ASIA", rb"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (b"AIza", rb"AIza[A-Za-z0-9_-]{35}"),
    (b"eyJ", rb"eyJ[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{8,4000})(?:\.[A-Za-z0-9_-]{0,4000}){1,3}"),
    (b"sk_live_", rb"sk_live_[A-Za-z0-9]{10,4000}"),
    (b"rk_live_", rb"rk_live_[A-Za-z0-9]{10,4000}"),
    (b"sk_test_", rb"sk_test_[A-Za-z0-9]{10,4000}"),
    (b"whsec_", rb"whsec_[A-Za-z0-9+/=]{16,4000}"),
    (b"sk-", rb"sk-(?:(?:ant|proj|svcacct|live|or)-[A-Za-z0-9_-]{16,4000}|[A-Za-z0-9]{32,4000})"),
    (b"npm_", rb"npm_[A-Za-z0-9]{36}"),
    (b"pypi-", rb"pypi-AgE[A-Za-z0-9_-]{30,4000}"),
    (b"SG.", rb"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}"),
    (b"hf_", rb"hf_[A-Za-z0-9]{30,4000}"),
    (b"dop_v1_", rb"dop_v1_[a-f0-9]{64}"),
    (b":AA", rb"(?<=[0-9]{8}:)AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    (b"hooks.slack.com/", rb"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_%-]{1,4000}"),
    (b"/api/webhooks/", rb"(?<=/api/webhooks/)[0-9]{6,32}/[A-Za-z0-9_-]{16,4000}"),
    # Providers of chain nodes put the key into the path.
    (b"infura.io/v3/", rb"(?<=infura\.io/v3/)[A-Za-z0-9_-]{16,4000}"),
    (b".alchemy.com/v2/", rb"(?<=\.alchemy\.com/v2/)[A-Za-z0-9_-]{16,4000}"),
    (b".quiknode.pro/", rb"(?<=\.quiknode\.pro/)[A-Za-z0-9_-]{16,4000}"),
    (b"xprv", rb"xprv[A-HJ-NP-Za-km-z1-9]{90,4000}"),
    (b"AGE-SECRET-KEY-", rb"AGE-SECRET-KEY-1[A-Z0-9]{40,4000}"),
)
_LINE_TOKEN_END = re.compile(rb"=(?![A-Za-z0-9+/=])")
_LINE_TOKEN = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{168,176}=")
_ADDRESS = re.compile(rb"://[^\s/:@\"'<>\0]{0,256}:([^\s/@\"'<>\0]{1,1024})@")
_OPEN_ADDRESS = re.compile(rb"://[^\s/:@\"'<>\0]{0,256}:([^\s/@\"'<>\0]{0,1024})\Z")
_ALONE_SCHEME = re.compile(rb"(?:bearer|basic)[ \t]{1,4}([a-z0-9._~+/=-]{16,8000})")
_RUN = re.compile(rb"[A-Za-z0-9_%./+=~-]+\Z")
_LONG_VALUE = 256
"""Bytes of a value from which on no other name is looked for within it."""
_LONGEST_RUN = 16_384
_OPEN_KEY = re.compile(rb"-----[A-Z ]{1,48}-{0,5}\Z")

_NAMES = (
    b"pass", b"secret", b"token", b"credential", b"key", b"auth", b"pw", b"mnemonic", b"seed", b"webhook",
    b"cookie",
)  # fmt: skip
_SEPARATED = (
    rb"[a-z0-9_.-]{0,48}+(?P<sep>"
    rb"\\{0,8}[\"'`]?(?:[ \t]{0,4}(?::=|=>|=(?!=)|:(?![:/])|%3[ad])[ \t]{0,4})"
    rb"|\\{0,8}[\"'`],?[ \t]{0,4}\\{0,8}[\"'`]?value\\{0,8}[\"'`]?[ \t]{0,4}[:=][ \t]{0,4}"
    rb"|[ \t]{1,4}|>)"
)
_NAME_BEFORE = re.compile(rb"[a-z0-9_.-]{0,48}\Z")
_QUOTED = re.compile(rb"(?P<quote>\\{0,8}[\"'`])(?P<value>(?:(?!(?P=quote))(?:\\.|[^\r\n\0])){0,8000})")
_UNQUOTED = re.compile(rb"(?P<value>(?:[^\s\"'`&<>,;\0]|[,;](?!\s|[A-Za-z0-9_.-]{1,48}[=:]|\Z)){1,8000})")
_SCHEME = re.compile(
    rb"(?P<scheme>bearer|basic|token|apikey|negotiate|bot|digest|aws4-hmac-sha256)[ \t]{1,4}", re.IGNORECASE
)
_LINE_END = re.compile(rb"[\r\n\0\"'`]")
_WORD_END = re.compile(rb"[\s,\"'`\0]")
_WORDS = re.compile(rb"\\{0,8}[\"']?(?P<value>(?:[a-z]{3,8}[ \t,]{1,3}){11,23}[a-z]{3,8})(?![a-z])")
_OPEN_WORDS = re.compile(rb"\\{0,8}[\"']?(?P<value>(?:[a-z]{1,8}[ \t,]{1,3}){0,23}[a-z]{0,8})\Z")
_STRONG = re.compile(
    rb"passw|passphrase|secret|token|credential|mnemonic|(?:seed|recovery)[_.-]?phrase|webhook|^pgpass"
    rb"|(?:api|access|private|signing|encrypt\w*|master|shared|account|auth|deploy|ssh|session|jwt|hmac|crypt\w*|app"
    rb"|license|storage|service)[_.-]?key$"
)
_WEAK = {b"key", b"auth", b"pass", b"pw", b"pwd", b"seed", b"private"}
_INNOCENT = {
    b"public",
    b"primary",
    b"foreign",
    b"partition",
    b"sort",
    b"cache",
    b"row",
    b"shard",
    b"group",
    b"idempotency",
}
_ABOUT = re.compile(
    rb"(?:^|[_.-])(?:ids?|names?|count|type|len|length|size|ttl|expir\w*|lifetime|at|file|path|dir|version|policy|enabled"
    rb"|required|rotation|arn|status|limit|usage|header|field|param|hash|digest|sha\d+|md5|fingerprint|tokens|secrets"
    rb"|passwords|endpoint|uri|ref|index|kind|state|provider|scope|issuer|audience|algorithm|alg|url)$"
    rb"|(?:token|secret|password|key)(?:id|name|count|type|size|ttl|expir\w*|file|path|length|hash|ref|s)$"
)
_NO_VALUE = re.compile(
    r"(?:true|false|null|none|nil|undefined|yes|no|on|off|empty|unset|set|missing|required|optional|changed|expired"
    r"|invalid|string|hidden|masked|secret|password|passwd|token|key|ok|valid|incorrect|default|unknown|enabled|disabled"
    r"|x{3,}|\*{2,}|\.{2,}|-{2,}|<[^<>]*>?|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|\$\(.*|\{\{.*|%\(.*|%[sdrv]|\[redacted\]"
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\(?|[\w.]+[\[(].*|<?class|\(.*\)?)",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"\d+(?:\.\d+)*[A-Za-z%]{0,3}|v\d[\w.+-]*|\.{0,2}/[\w./-]*|\d{4}-\d\d-\d\d.*|\d\d:\d\d.*|https?://[^@?]*"
    r"|[A-Z]?[a-z]+(?:[-_/. ][A-Za-z]?[a-z]*)*|[A-Z_]+|(?:sha\d+|md5):.*|[\w.-]+:\d{1,5}"
)
_READABLE = re.compile(
    r"(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a key is named like a secret, as ``DB_PASSWORD`` is."""
    return SECRET_NAME.search(name) is not None


def is_readable(value: str) -> bool:
    """Whether a value is a hash, a commit id or a UUID: evidence, unless its name says otherwise."""
    return _READABLE.fullmatch(value) is not None


# Most processes that import this redact nothing: the patterns are compiled when they are first used.
@cache
def _shapes() -> tuple[tuple[bytes, re.Pattern[bytes]], ...]:
    return tuple((anchor, re.compile(pattern)) for anchor, pattern in _SHAPES)


@cache
def _named() -> tuple[tuple[bytes, re.Pattern[bytes]], ...]:
    return tuple((anchor, re.compile(re.escape(anchor) + _SEPARATED)) for anchor in _NAMES)


class Shapes:
    """Finds tokens and named secrets in lines. ``public`` says of a value that everybody may read it."""

    def __init__(self, public: Callable[[str], bool]) -> None:
        self._public = public

    def find(self, lines: bytes, *, ended: bool = True) -> tuple[list[Stretch], int]:
        """Secret stretches, in no order, and from where on more bytes may change what was found.

        ``ended`` says that no more bytes belong to the last line.
        """
        found = [
            match.span()
            for anchor, shape in _shapes()
            if anchor in lines
            for match in shape.finditer(lines)
            if _alone(lines, match.start(), anchor)
        ]
        found += _line_tokens(lines)
        opening = len(lines)
        if b"://" in lines:
            found += [m.span(1) for m in _ADDRESS.finditer(lines) if not self._public(_text(m.group(1)))]
        low = lines.lower()
        for anchor, pattern in _named():
            if anchor in low:
                judged = 0
                for match in pattern.finditer(low):
                    if match.start() < judged:
                        continue
                    start, end, secret, reaches = self._beside(lines, low, match)
                    if secret:
                        found.append((start, end))
                    if secret or end - start > _LONG_VALUE:
                        judged = end
                    if reaches == len(lines):
                        opening = min(opening, start)
        if b"bearer" in low or b"basic" in low:
            found += [m.span(1) for m in _ALONE_SCHEME.finditer(low) if _mixed(_text(lines[m.start(1) : m.end(1)]))]
        if ended:
            return found, len(lines)
        return found, min(opening, _opening(lines))

    def is_named_secret(self, name: str, value: str) -> bool:
        """Whether a value under that name in structured data is to be taken out."""
        return self._judge(name.lower().encode(), value, ":", quoted=True, whole=True)

    def _beside(self, lines: bytes, low: bytes, match: re.Match[bytes]) -> tuple[int, int, bool, int]:
        """The stretch of the value beside a name, whether it is a secret, and how far was looked for its end."""
        before = _NAME_BEFORE.search(low, max(0, match.start() - 48), match.start())
        start = before.start() if before is not None else match.start()
        name, sep, at = low[start : match.start("sep")], match.group("sep").strip(b" \t"), match.end()
        option = name.startswith(b"--")
        if (not sep and not option) or (sep == b">" and lines[start - 1 : start] != b"<"):
            return at, at, False, at
        name = name.strip(b"-.")
        if name.endswith((b"mnemonic", b"seed", b"phrase", b"words")):
            words = _WORDS.match(low, at) or _OPEN_WORDS.match(low, at)
            if words is not None and words.end() > words.start("value"):
                return *words.span("value"), words.re is _WORDS, words.end()
        if name.endswith((b"authorization", b"cookie")):
            return _header(lines, at, name)
        quoted = _QUOTED.match(lines, at)
        value = quoted or _UNQUOTED.match(lines, at)
        if value is None:
            return at, at, False, at
        first, last = value.span("value")
        reaches = last
        if quoted is None:
            last = first + len(lines[first:last].rstrip(b")]}."))
        line_start = max(lines.rfind(mark, 0, start) for mark in (b"\n", b"\r", b"\0")) + 1
        whole = not lines[line_start:start].strip(b" \t-\"'") and lines[reaches : reaches + 1] in (
            b"",
            b"\n",
            b"\r",
            b"\0",
        )
        kind = "=" if sep in (b"=", b"%3d") and b" " not in match.group("sep") else "option" if not sep else ":"
        text = _text(lines[first:last])
        return first, last, self._judge(name, text, kind, quoted=quoted is not None, whole=whole), reaches

    def _judge(self, name: bytes, value: str, sep: str, *, quoted: bool, whole: bool) -> bool:
        value = value.strip()
        if len(value) < 4 or _NO_VALUE.fullmatch(value) is not None:
            return False
        # Last, because what is public is looked for in the whole template.
        return _looks_secret(name, value, sep, quoted=quoted, whole=whole) and not self._public(value)


def _looks_secret(name: bytes, value: str, sep: str, *, quoted: bool, whole: bool) -> bool:
    """Whether a value beside a name is a secret by its look."""
    webhook = b"webhook" in name
    if _ABOUT.search(name) is not None and not (webhook and name.endswith(b"url")):
        return False
    parts = set(re.split(rb"[_.-]", name))
    if _STRONG.search(name) is None:
        if not parts & _WEAK or parts & _INNOCENT or is_readable(value) or _PLAIN.fullmatch(value):
            return False
        return _mixed(value) and len(value) >= (6 if parts & {b"pass", b"pw", b"pwd"} else 16) and "/" not in value
    if webhook and value.startswith("http"):
        return "/services/" in value or (len(value) > 24 and _PLAIN.fullmatch(value) is None)
    if value.isdigit():
        return b"pass" in name and len(value) >= 6
    if value.startswith(("http://", "https://", "/", "./", "../")) and b"pass" not in name:
        return False
    if quoted or sep == "=" or whole:
        return value.lower().encode() != name
    return _mixed(value)


def _mixed(value: str) -> bool:
    """Whether a value looks made by chance rather than written: letters with digits, or both cases within."""
    if len(value) < 6 or _PLAIN.fullmatch(value) is not None:
        return False
    inner = value[1:]
    cased = any(c.isupper() for c in inner) and any(c.islower() for c in inner)
    odd = not value.isascii() or any(c.isdigit() or c in "!@#$%^&*+~|" for c in value)
    return any(c.isalpha() for c in value) and (cased or odd)


def _header(lines: bytes, at: int, name: bytes) -> tuple[int, int, bool, int]:
    """What follows ``Authorization`` or ``Cookie``: the credentials without the scheme."""
    quoted = _QUOTED.match(lines, at)
    first, last = quoted.span("value") if quoted is not None else (at, _until(_LINE_END, lines, at))
    if name.endswith(b"cookie"):
        return first, last, b"=" in lines[first:last], last
    scheme = _SCHEME.match(lines, first, last)
    start = first if scheme is None else scheme.end()
    if scheme is None or scheme.group("scheme").lower() not in (b"digest", b"aws4-hmac-sha256"):
        last = min(last, _until(_WORD_END, lines, start))
    text = _text(lines[start:last])
    secret = _mixed(text) if scheme is None else len(text) >= 4 and _NO_VALUE.fullmatch(text) is None
    return start, last, secret, last


def _alone(lines: bytes, start: int, anchor: bytes) -> bool:
    """Whether a token stands there by itself, and is no end of another word."""
    return start == 0 or b"/" in anchor or anchor[:1] == b":" or _WORD.match(lines, start - 1) is None


def _until(end: re.Pattern[bytes], lines: bytes, start: int) -> int:
    found = end.search(lines, start, start + 8000)
    return found.start() if found is not None else min(len(lines), start + 8000)


def _opening(lines: bytes) -> int:
    """Where a shape may have begun that more bytes complete."""
    size = len(lines)
    found = [size]
    for pattern in (_RUN, _OPEN_KEY):
        match = pattern.search(lines, max(0, size - _LONGEST_RUN))
        if match is not None:
            found.append(match.start())
    address = lines.rfind(b"://", max(0, size - 1400))
    if address >= 0:
        match = _OPEN_ADDRESS.match(lines, address)
        if match is not None:
            found.append(match.start(1))
    return min(found)


def _line_tokens(lines: bytes) -> Iterator[Stretch]:
    """Long-lived channel tokens of LINE: some 170 characters of base64 that end in one equals sign."""
    if b"=" not in lines:
        return
    for match in _LINE_TOKEN_END.finditer(lines):
        token = _LINE_TOKEN.search(lines, max(0, match.start() - 176), match.end())
        if token is not None and token.end() == match.end() and _mixed(_text(token.group())):
            yield token.span()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
