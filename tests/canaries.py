"""Canaries: secrets made by a seed, every way in which one may travel, and a search for what came through.

The encodings are written out by hand and share nothing with the product, so that what it overlooks is
found here. ``assert_absent`` looks for the canaries as they are and in the encodings that a reader undoes
without thinking; it is for files, folders and texts alike.
"""

import base64
import html
import json
import random
import shlex
import string
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

LETTERS = string.ascii_letters + string.digits
LINE_WIDTH = 76
Encode = Callable[[str, random.Random], str]


def plain(rng: random.Random) -> str:
    """A password as people make them by machine."""
    return "".join(rng.choice(LETTERS + "!#$%&*+-./:;=?@^_~") for _ in range(rng.randint(12, 40)))


def odd(rng: random.Random) -> str:
    """A password with everything in it that an encoder has an opinion of."""
    body = [rng.choice(LETTERS) for _ in range(10)] + list("\"'\\ <>&%+/é日😀")
    rng.shuffle(body)
    return "Q" + "".join(body) + "z"


def hexadecimal(rng: random.Random) -> str:
    """What ``openssl rand -hex 32`` prints: it looks like a hash."""
    return f"{rng.getrandbits(256):064x}"


def base64_key(rng: random.Random) -> str:
    """32 bytes of a key, as most tools store them."""
    return base64.b64encode(rng.randbytes(32)).decode()


def words(rng: random.Random) -> str:
    """A passphrase."""
    return "-".join(rng.choice(["amber", "falcon", "quartz", "violet", "meadow", "copper"]) for _ in range(4)) + str(rng.randint(10, 99))  # fmt: skip


def address(rng: random.Random) -> str:
    """A database's address with a password in it."""
    return f"postgres://app:{''.join(rng.choice(LETTERS) for _ in range(20))}@db.internal:5432/app"


KINDS: tuple[Callable[[random.Random], str], ...] = (plain, odd, hexadecimal, base64_key, words, address)


def make(seed: int, count: int = 12) -> list[str]:
    """Canaries of every kind in turn."""
    rng = random.Random(seed)
    return [KINDS[n % len(KINDS)](rng) for n in range(count)]


def tokens(seed: int) -> dict[str, str]:
    """Tokens that nobody has registered, known by their shape alone."""
    rng = random.Random(seed)

    def some(count: int, letters: str = LETTERS) -> str:
        return "".join(rng.choice(letters) for _ in range(count))

    key = "\n".join(some(64) for _ in range(6))
    jwt = ".".join(base64.urlsafe_b64encode(t.encode()).decode().rstrip("=") for t in ('{"alg":"HS256","typ":"JWT"}', f'{{"sub":"{some(8)}","iat":1}}', some(32)))  # fmt: skip
    return {
        "notion": "ntn_" + some(46),
        "old notion": "secret_" + some(43),
        "slack bot": f"xoxb-{some(11, string.digits)}-{some(12, string.digits)}-{some(24)}",
        "slack hook": f"https://hooks.slack.com/services/T{some(8)}/B{some(10)}/{some(24)}",
        "github": "ghp_" + some(36),
        "github fine": f"github_pat_{some(22)}_{some(59)}",
        "aws id": "AKIA" + some(16, string.ascii_uppercase + "234567"),
        "google": "AIza" + some(35),
        "jwt": jwt,
        "stripe": "sk_live_" + some(24),
        "line": base64.b64encode(rng.randbytes(128)).decode().rstrip("=") + "=",
        "pem": f"-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----",
        "openssh": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{key}\n-----END OPENSSH PRIVATE KEY-----",
    }


def named(seed: int) -> dict[str, str]:
    """Lines that show a secret beside its name; the value is the secret."""
    rng = random.Random(seed)

    def some(count: int) -> str:
        return "a7" + "".join(rng.choice(LETTERS) for _ in range(count)) + "Z"

    ethereum = f"{rng.getrandbits(256):064x}"
    mnemonic = " ".join(
        rng.choice(["abandon", "ability", "zebra", "zone", "vivid", "trophy", "lemon"]) for _ in range(12)
    )
    values = [some(14) for _ in range(12)]
    return {
        f"DB_PASSWORD={values[0]}": values[0],
        f"export API_TOKEN='{values[1]}'": values[1],
        f'{{"user": "app", "password": "{values[2]}"}}': values[2],
        f"  client_secret: {values[3]}": values[3],
        f"Authorization: Bearer {values[4]}": values[4],
        f"Authorization: Basic {base64.b64encode(b'app:' + values[5].encode()).decode()}": base64.b64encode(b"app:" + values[5].encode()).decode(),
        f"psql --password {values[6]} -h db": values[6],
        f"redis://:{values[7]}@cache:6379/0": values[7],
        f"GET /hook?access_token={values[8]}&x=1 HTTP/1.1": values[8],
        f"aws_secret_access_key = {values[9]}/+{values[9]}": values[9],
        f"WALLET_PRIVATE_KEY=0x{ethereum}": ethereum,
        f'MNEMONIC="{mnemonic}"': mnemonic,
        f"<password>{values[10]}</password>": values[10],
        f'{{"headers": {{"X-Api-Key": "{values[11]}"}}}}': values[11],
    }  # fmt: skip


def _amid(encode: Callable[[bytes], bytes], text: str, rng: random.Random) -> str:
    return encode(rng.randbytes(rng.randint(0, 5)) + text.encode() + rng.randbytes(rng.randint(0, 5))).decode()


def _wrapped(text: str, width: int, end: str = "\n") -> str:
    return end.join(text[start : start + width] for start in range(0, len(text), width))


def _every(text: str, form: str) -> str:
    return "".join(form.format(unit) for unit in memoryview(text.encode("utf-16-le")).cast("H"))


def _coloured(text: str, rng: random.Random) -> str:
    place = rng.randint(1, len(text) - 1)
    return f"{text[:place]}\x1b[{rng.randint(0, 37)}m{text[place:]}\x1b[0m"


ENCODINGS: dict[str, Encode] = {
    "raw": lambda t, _r: t,
    "quoted": lambda t, _r: shlex.quote(t),
    "bash": lambda t, _r: "".join(c if c.isalnum() or ord(c) > 127 else "\\" + c for c in t),
    "json": lambda t, _r: json.dumps(t),
    "json utf-8": lambda t, _r: json.dumps(t, ensure_ascii=False),
    "json in json": lambda t, _r: json.dumps(json.dumps({"v": t})),
    "json slashes": lambda t, _r: json.dumps(t).replace("/", "\\/"),
    "json escapes": lambda t, _r: _every(t, "\\u{:04x}"),
    "json escapes upper": lambda t, _r: _every(t, "\\u{:04X}"),
    "json for html": lambda t, _r: json.dumps(t).replace("<", "\\u003c").replace(">", "\\u003E").replace("&", "\\u0026"),
    "repr": lambda t, _r: repr(t),
    "ascii": lambda t, _r: ascii(t),
    "bytes repr": lambda t, _r: repr(t.encode()),
    "percent": lambda t, _r: quote(t, safe=""),
    "percent lower": lambda t, _r: "".join(c.lower() if "%" in c else c for c in (quote(c, safe="") for c in t)),
    "percent path": lambda t, _r: quote(t),
    "percent all": lambda t, _r: "".join(f"%{b:02X}" for b in t.encode()),
    "percent twice": lambda t, _r: quote(quote(t, safe=""), safe=""),
    "form": lambda t, _r: quote_plus(t),
    "component": lambda t, _r: quote(t, safe="!'()*~"),
    "html": lambda t, _r: html.escape(t),
    "html numbers": lambda t, _r: "".join(f"&#{ord(c)};" for c in t),
    "html hex": lambda t, _r: "".join(f"&#x{ord(c):X};" for c in t),
    "html twice": lambda t, _r: html.escape(html.escape(t)),
    "base64": lambda t, r: _amid(base64.b64encode, t, r),
    "base64 url": lambda t, r: _amid(base64.urlsafe_b64encode, t, r),
    "base64 line 64": lambda t, r: _wrapped(base64.b64encode(r.randbytes(50 + r.randint(0, 5)) + t.encode()).decode(), 64),
    "base64 line 76": lambda t, r: _wrapped(base64.b64encode(r.randbytes(50 + r.randint(0, 5)) + t.encode()).decode(), LINE_WIDTH, "\r\n"),
    "base64 indented": lambda t, r: _wrapped(base64.b64encode(r.randbytes(40) + t.encode()).decode(), 64, "\n    "),
    "base64 in json": lambda t, r: json.dumps(_wrapped(base64.b64encode(r.randbytes(50) + t.encode()).decode(), 64)),
    "base64 percent": lambda t, r: quote(_amid(base64.b64encode, t, r), safe=""),
    "base64 twice": lambda t, _r: base64.b64encode(base64.b64encode(t.encode())).decode(),
    "base32": lambda t, r: _amid(base64.b32encode, t, r),
    "hex": lambda t, _r: t.encode().hex(),
    "hex upper": lambda t, _r: t.encode().hex().upper(),
    "hex colons": lambda t, _r: t.encode().hex(":"),
    "hex blanks": lambda t, _r: t.encode().hex(" ").upper(),
    "numbers": lambda t, _r: json.dumps({"type": "Buffer", "data": list(t.encode())}),
    "coloured": _coloured,
    "coloured base64": lambda t, r: _coloured(_amid(base64.b64encode, t, r), r),
    "coloured percent": lambda t, r: _coloured(quote(t, safe=""), r),
    "coloured letters": lambda t, _r: "".join(f"\x1b[1m{c}\x1b[0m" for c in t),
    "terminal 20": lambda t, r: _wrapped("x" * r.randint(0, 19) + t, 20, "\r\n"),
    "terminal 7": lambda t, _r: _wrapped(t, 7, "\r"),
    "yaml block": lambda t, _r: _wrapped(t, 9, "\n      "),
    "in an address": lambda t, _r: f"https://app:{quote(t, safe='')}@example.com/x",
    "in a header": lambda t, _r: f"Authorization: Bearer {t}",
    "assigned": lambda t, _r: f"export DB_PASSWORD={shlex.quote(t)}",
}  # fmt: skip
"""Every way in which a canary travels, by name."""


def fuzzed(secrets: list[str], seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Outputs that each hold some canaries in some encodings amid noise, with the names of the encodings."""
    rng = random.Random(seed)
    names = list(ENCODINGS)
    for number in range(count):
        chosen = [names[number % len(names)]] + [rng.choice(names) for _ in range(rng.randint(0, 2))]
        parts = [ENCODINGS[name](rng.choice(secrets), rng) for name in chosen]
        noise = [rng.choice(NOISE) for _ in range(len(parts) + 1)]
        yield "+".join(chosen), "".join(a + b for a, b in zip(noise, [*parts, ""], strict=True))


NOISE = (
    "",
    " ",
    "\n",
    "value=",
    "ERROR: ",
    '{"v": ',
    "日本語 ",
    "\x1b[32mok\x1b[0m ",
    "// ",
    "at line 12:\n\t",
    "] ",
    ", ",
)


def readings(text: str) -> set[str]:
    """A text as it is, and as somebody reads it who undoes what terminals and simple encoders do."""
    import re
    from urllib.parse import unquote

    shown = re.sub(r"\x1b\[[0-9;]*m", "", text)
    closed = re.sub(r"[\r\n]+[ \t]*", "", shown)
    unescaped = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), closed)
    found = {text, shown, closed, unquote(closed), unquote(unquote(closed)), unquote(closed.replace("+", " "))}
    found |= {
        html.unescape(html.unescape(closed)),
        re.sub(r"\\+(.)", r"\1", unescaped),
        re.sub(r"""["'\\]""", "", unescaped),
    }
    return found


def traces(secret: str) -> set[str]:
    """What must not be found of a canary: itself, without quotes, in hex, and in base64 wherever it begins."""
    raw = secret.encode()
    found = {secret, "".join(c for c in secret if c not in "\"'\\"), raw.hex(), raw.hex().upper(), raw.hex(":")}
    for offset in range(3):
        core = base64.b64encode(bytes(offset) + raw).decode().rstrip("=")[(0, 2, 3)[offset] : -3]
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return {trace for trace in found if len(trace) >= 8}


def assert_absent(secrets: Iterable[str], *, paths: Iterable[Path] = (), texts: Iterable[str | bytes] = ()) -> None:
    """Fail where a canary is found in these files, in anything below these folders, or in these texts."""
    wanted = {trace for secret in secrets for trace in traces(secret)}
    places: list[tuple[str, str]] = []
    for path in paths:
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            places += [(str(file), file.read_bytes().decode("utf-8", "replace"))]
    places += [
        (f"text {n}", t if isinstance(t, str) else t.decode("utf-8", "replace")) for n, t in enumerate(texts)
    ]
    for name, text in places:
        for reading in readings(text):
            found = [trace for trace in wanted if trace in reading]
            assert not found, (
                f"{name} holds {found[0]!r}: …{reading[max(0, reading.find(found[0]) - 60) :][:160]!r}"
            )
