"""What stands in the words of a checklist's line: files, keys, addresses, limits, times, names of tools."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

TOOLS = {
    "git": "git", "docker": "docker", "docker compose": "docker compose", "docker-compose": "docker-compose",
    "systemd": "systemctl", "systemctl": "systemctl", "kubectl": "kubectl", "helm": "helm",
    "terraform": "terraform",
    "ansible": "ansible", "node": "node", "node.js": "node", "npm": "npm", "yarn": "yarn", "pnpm": "pnpm",
    "pm2": "pm2",
    "python": "python3", "python3": "python3", "pip": "pip", "uv": "uv", "ruby": "ruby", "php": "php",
    "java": "java",
    "go": "go", "cargo": "cargo", "make": "make", "curl": "curl", "jq": "jq", "rsync": "rsync",
    "openssl": "openssl",
    "nginx": "nginx", "psql": "psql", "mysql": "mysql", "redis-cli": "redis-cli", "aws": "aws", "aws cli": "aws",
    "gcloud": "gcloud", "gh": "gh", "podman": "podman", "ffmpeg": "ffmpeg", "cron": "crontab", "crontab": "crontab",
}  # fmt: skip
"""Programs as people write them, and what they are called on the machine."""
COMMON_WORDS = frozenset({"go", "make", "node", "cron", "java", "python"})
"""Of these, the ones that mean something else in a sentence: they count only as code."""

_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_URL = re.compile(r"https?://[^\s<>\"'`）)、。，]+[^\s<>\"'`）)、。，.,;:!?]")
_PATH = re.compile(
    r"(?<![\w/.-])((?:~?/|\.{1,2}/)?(?:[\w@.-]+/)*(?:\.env[\w.-]*|[\w@.-]+\.(?:env|sh|bash|py|rb|js|md|txt|"
    r"ya?ml|json|toml|"
    r"ini|conf|cfg|log|pem|crt|key|service|timer|socket|xml|sql|lock|properties|tf)))(?![\w/])",
    re.ASCII,
)
_FILE = re.compile(r"(?:~?/|\.{1,2}/)?[\w@.*-]+(?:/[\w@.*-]+)*/?")
_PAIR = re.compile(r"([A-Z][A-Z0-9_]*)\s?[=＝]\s?(\S+)")
_KEY = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_METHODS = ("POST", "PATCH", "DELETE", "HEAD", "OPTIONS")
_MODE = re.compile(r"(?<![\w.:/-])(0?[0-7]{3})(?![\w%:/-]|\.\d)", re.ASCII)
_SPAN = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?:[-–~〜]\s*\d+(?:\.\d+)?\s*)?(?:-|more\s)?(milliseconds?|ms|ミリ秒|seconds?|"
    r"secs?|s|秒|minutes?|mins?|"
    r"m|分間?|hours?|hrs?|h|時間|days?|d|日間?)(?![a-z])",
    re.ASCII,
)
_SPELLED = {
    "half an hour": 1800.0, "an hour": 3600.0, "one hour": 3600.0, "two hours": 7200.0, "three hours": 10800.0,
    "ten minutes": 600.0, "fifteen minutes": 900.0, "thirty minutes": 1800.0, "a day": 86400.0, "a week": 604800.0,
}  # fmt: skip
_UNITS = (
    (("ms", "milli", "ミリ"), 0.001), (("s", "秒"), 1.0), (("m", "分"), 60.0), (("h", "時"), 3600.0), (("d",
    "日"), 86400.0),
)  # fmt: skip
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|％|percent|パーセント)")
_CRON = re.compile(r"(?:[\d*/,-]+\s+){4}[\d*/,a-zA-Z-]+|@(?:hourly|daily|weekly|monthly)")


def flat(text: str) -> str:
    """A text as rules compare it: without width, case, and marks of Markdown."""
    return unicodedata.normalize("NFKC", re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", text)).lower()


@dataclass(frozen=True)
class Wording:
    """The words of one line."""

    markdown: str

    @cached_property
    def said(self) -> str:
        """All of it, as rules compare it; of a link its words."""
        return " ".join(flat(_LINK.sub(r"\1", self.markdown)).split())

    @cached_property
    def code(self) -> tuple[str, ...]:
        """What stands between backticks."""
        return tuple(" ".join(found[1].split()) for found in _CODE.findall(self.markdown))

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """Addresses of the web; the targets of links are no part of the words."""
        return tuple(dict.fromkeys(_URL.findall(_LINK.sub(r"\1", self.markdown))))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of files: what looks like one, between backticks or without."""
        text = _URL.sub(" ", _LINK.sub(r"\1", self.markdown))
        quoted = [part for span in self.code for part in span.split()]
        slashed = [part for part in quoted if "/" in part[1:] and _FILE.fullmatch(part) and "//" not in part]
        rooted = [part for part in quoted if re.fullmatch(r"/(?:etc|var|opt|srv|usr|home|data)/?[\w./-]*", part)]
        found = [*_PATH.findall(text), *slashed, *rooted]
        # What is named within a longer path is that path.
        whole = [one for one in found if not any(one != other and other.endswith("/" + one) for other in found)]
        return tuple(sorted(dict.fromkeys(whole), key=lambda path: self.markdown.find(path)))

    def files_like(self, *endings: str) -> tuple[str, ...]:
        """Those that end so."""
        return tuple(path for path in self.files if path.rstrip("/").endswith(endings))

    @cached_property
    def scripts(self) -> tuple[str, ...]:
        """Those of them that can be run."""
        named = [p for p in self.files if p.endswith((".sh", ".bash", ".py", ".rb", ".js")) and "*" not in p]
        bins = [p for p in self.files if re.search(r"(?:^|/)(?:bin|scripts?)/[\w.-]+$", p)]
        return tuple(dict.fromkeys([*named, *bins]))

    @cached_property
    def environment_files(self) -> tuple[str, ...]:
        """Those of them that hold an environment."""
        return tuple(p for p in self.files if p.endswith(".env") or "/.env" in p or p.startswith(".env"))

    @cached_property
    def documents(self) -> tuple[str, ...]:
        """Those of them that people read; those that lie behind a link, too."""
        behind = [target for _, target in _LINK.findall(self.markdown) if "://" not in target]
        return tuple(dict.fromkeys([*self.files_like(".md", ".txt"), *(b for b in behind if b.endswith(".md"))]))

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Units of systemd."""
        return tuple(p for p in self.files_like(".service", ".timer", ".socket") if re.fullmatch(r"[\w@.-]+", p))

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Keys of an environment with the values that they must have: as code, or as one word of the sentence."""
        spans = [*self.code, *_CODE.sub(" ", self.markdown).split()]
        found = [match for span in spans if (match := _PAIR.fullmatch(span.rstrip(".,;、。"))) is not None]
        return tuple((match[1], match[2].strip("\"'")) for match in found)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys of an environment that are named alone, as code; without, those that can be nothing else."""
        bare = re.findall(
            r"(?<![\w/.=-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w/=-])", _CODE.sub(" ", self.markdown), re.ASCII
        )
        named = [span for span in self.code if _KEY.fullmatch(span) and len(span) > 3 and span not in _METHODS]
        return tuple(dict.fromkeys([*named, *bare]))

    @cached_property
    def mode(self) -> str:
        """Permission bits, as ``0600``; empty where none are named."""
        found = _MODE.search(unicodedata.normalize("NFKC", self.markdown.replace("`", " ")))
        return found[1].rjust(4, "0") if found is not None else ""

    @cached_property
    def seconds(self) -> tuple[float, ...]:
        """Lengths of time; of ``1-2 h`` the one that is asked for at least."""
        text = self.said
        found = [(m.start(), float(m[1]) * _unit(m[2])) for m in _SPAN.finditer(text)]
        found += [(at, length) for words, length in _SPELLED.items() if (at := text.find(words)) >= 0]
        return tuple(length for _, length in sorted(found))

    @cached_property
    def percents(self) -> tuple[float, ...]:
        """Parts of a hundred."""
        return tuple(float(found) for found in _PERCENT.findall(self.said))

    @cached_property
    def crons(self) -> tuple[str, ...]:
        """When a job runs, as cron has it."""
        return tuple(found[0] for span in self.code if (found := _CRON.fullmatch(span)) is not None)

    @cached_property
    def tools(self) -> tuple[tuple[str, str], ...]:
        """Programs that are named, each with the least version that stands behind it, or without."""
        found: dict[str, str] = {}
        places: dict[str, int] = {}
        code = {span.lower() for span in self.code}
        rest = self.said
        for words in sorted(TOOLS, key=lambda name: -len(name)):
            match = re.search(rf"(?<![\w./-]){re.escape(words)}(?![\w/-]|\.\w)", rest, re.ASCII)
            if match is None:
                continue
            least = _version(rest[match.end() : match.end() + 24])
            if words in COMMON_WORDS and words not in code and not least:
                continue
            # What is a part of a longer name is not named itself.
            rest = re.sub(rf"(?<![\w./-]){re.escape(words)}(?![\w/-])", lambda one: "\0" * len(one[0]), rest)
            found[words], places[words] = least, match.start()
        placed = sorted(found, key=lambda name: places[name])
        return tuple({TOOLS[words]: found[words] for words in placed}.items())

    def names(self, *without: Iterable[str]) -> tuple[str, ...]:
        """What else stands between backticks and is one plain name."""
        taken = {part for group in without for part in group}
        return tuple(
            s for s in self.code if s not in taken and re.fullmatch(r"[a-z][a-z0-9]*(?:[-_.@][a-z0-9]+)*", s)
        )


def _version(behind: str) -> str:
    """The least version that the words behind a program's name ask for."""
    found = re.match(
        r"\s*(?:\(|version\s|v|>=?\s?|≥\s?|バージョン\s?)*\s*(\d+(?:\.\d+)*)(?:\.x)?\s*\+?(?!\s*(?:%|個|件|台|"
        r"分|秒))",
        behind,
    )
    return found[1] if found is not None else ""


def _unit(name: str) -> float:
    return next(length for starts, length in _UNITS if name.startswith(starts))
