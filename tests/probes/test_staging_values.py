"""Nothing of staging in production: fingerprints, URLs, leftovers; and no value ever leaves."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.shell import COMMAND
from ultra_checklist.model import Verdict
from ultra_checklist.probes.fingerprints import Fingerprints, is_telling, normalised

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
STAGING = {
    "APP_ENV": "staging",
    "NOTION_TOKEN": "ntn_staging-token-0001",
    "DB_PASSWORD": "onlylettersbutsecret",
    "WALLET_ADDRESS": WALLET,
    "PRIVATE_KEY": "0x" + "Ab" * 16 + "cd" * 16,
    "DATABASE_URL": "postgres://app:pg-pass-of-staging@db.staging.internal:5432/app",
    "OCTOBOT_URL": "https://octobot.internal.example.jp/api/",
    "LINE_CHANNEL_ID": "1654321098",
    "DEBUG": "true",
    "PORT": "3000",
    "LOG_LEVEL": "information",
    "TZ": "Asia/Tokyo",
    "REDIS_URL": "redis://localhost:6379",
    "TIMEOUT_MS": "30000",
    "EMPTY": "",
}


def text(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


@pytest.fixture
def production(tmp_path: Path) -> Path:
    path = tmp_path / ".env.production"
    path.write_text("APP_ENV=production\nNOTION_TOKEN=ntn_production-token-0001\n")
    return path


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fingerprints as the command makes them."""
    folder = tmp_path_factory.mktemp("staging")
    (folder / ".env.staging").write_text(text(STAGING))
    path = folder / "staging.fingerprints"
    done = fingerprint(folder / ".env.staging", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert not [value for value in STAGING.values() if len(value) > 8 and value in done.stderr]
    return path


def fingerprint(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "fingerprint", str(source), "-o", str(output)], capture_output=True, text=True, check=False
    )


def compare(path: Path, staging: Path, **options: object) -> Verdict:
    return look("dotenv", {"path": str(path), "fingerprints": str(staging), **options})


def test_the_file_holds_no_value_and_is_its_owners_alone(staging: Path) -> None:
    content = staging.read_text()
    assert not [value for value in STAGING.values() if len(value) > 8 and value in content]
    assert staging.stat().st_mode & 0o7777 == 0o600
    known = json.loads(content)
    assert set(known["keys"]) == {
        "NOTION_TOKEN", "DB_PASSWORD", "WALLET_ADDRESS", "PRIVATE_KEY", "DATABASE_URL", "OCTOBOT_URL", "LINE_CHANNEL_ID"
    }  # fmt: skip


def test_two_runs_share_no_fingerprint(staging: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert fingerprint(staging.parent / ".env.staging", again).returncode == 0
    first, second = (Fingerprints.parse(path.read_bytes()) for path in (staging, again))
    assert first is not None
    assert second is not None
    assert first.key != second.key
    assert not {f for fs in first.keys.values() for f in fs} & {f for fs in second.keys.values() for f in fs}


def test_values_of_production_alone_pass(production: Path, staging: Path) -> None:
    found = compare(production, staging)
    assert said(found) == ("pass", "as-expected")
    assert found.seen.en == "2 keys, none with one of staging's 8 values"


@pytest.mark.parametrize(
    ("line", "theirs"),
    [
        ("NOTION_TOKEN=ntn_staging-token-0001", "NOTION_TOKEN"),
        ("ANOTHER_NAME='ntn_staging-token-0001'", "NOTION_TOKEN"),
        (f"AAVE_ACCOUNT={WALLET.lower()}", "WALLET_ADDRESS"),
        (f"WALLETS=0x{'1' * 40},{WALLET.upper().replace('0X', '0x')}", "WALLET_ADDRESS"),
        (f"SIGNER={'ab' * 16 + 'CD' * 16}", "PRIVATE_KEY"),
        ("DATABASE_URL=postgres://app:pg-pass-of-staging@db.example.jp/app", "DATABASE_URL"),
        ("DB_PASSWORD=pg-pass-of-staging", "DATABASE_URL"),
        ("PGPASSWORD=onlylettersbutsecret", "DB_PASSWORD"),
        ("OCTOBOT_URL=https://octobot.internal.example.jp/api", "OCTOBOT_URL"),
        ("X_ID=1654321098", "LINE_CHANNEL_ID"),
        ("TOKEN=ntn_staging-token-0001\nTOKEN=ntn_production-token-0002", "NOTION_TOKEN"),
    ],
)
def test_a_value_of_staging_is_found_under_any_name(
    production: Path, staging: Path, line: str, theirs: str
) -> None:
    production.write_text(f"APP_ENV=production\n{line}\n")
    found = compare(production, staging)
    assert said(found) == ("fail", "staging-value")
    name = line.partition("=")[0]
    assert found.seen.en == f"{name} = staging {theirs}"
    value = line.partition("=")[2].strip("'")
    assert value not in found.model_dump_json()
    assert said(compare(production, staging, shared=[name])) == ("pass", "as-expected")


@pytest.mark.parametrize(
    "name", ["DEBUG", "PORT", "LOG_LEVEL", "TZ", "REDIS_URL", "TIMEOUT_MS", "EMPTY", "APP_ENV"]
)
def test_short_and_common_values_are_not_compared(production: Path, staging: Path, name: str) -> None:
    production.write_text(f"{name}={STAGING[name]}\n")
    assert said(compare(production, staging)) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        ("", ("unknown", "bad-fingerprints")),
        ("{}", ("unknown", "bad-fingerprints")),
        ("\xff", ("unknown", "bad-fingerprints")),
        ("<html>", ("unknown", "bad-fingerprints")),
        ('{"format": "ultra-checklist-fingerprints/2"}', ("unknown", "bad-fingerprints")),
        (
            Fingerprints.make([]).model_dump_json(),
            ("unknown", "no-fingerprints"),
        ),
    ],
)
def test_without_fingerprints_nothing_can_be_told(
    production: Path, tmp_path: Path, content: str, verdict: tuple[str, str]
) -> None:
    path = tmp_path / "fingerprints"
    path.write_bytes(content.encode("latin-1"))
    found = compare(production, path)
    assert said(found) == verdict
    assert "ultra-checklist fingerprint" in found.remedy.en


def test_a_missing_or_linked_fingerprint_file_cannot_be_told(
    production: Path, staging: Path, tmp_path: Path
) -> None:
    assert said(compare(production, tmp_path / "none")) == ("unknown", "no-fingerprints")
    (tmp_path / "link").symlink_to(staging)
    assert said(compare(production, tmp_path / "link")) == ("unknown", "no-fingerprints")


def test_an_empty_file_does_not_pass(production: Path, staging: Path) -> None:
    production.write_text("# nothing\n")
    assert said(compare(production, staging)) == ("fail", "no-keys")


@pytest.mark.parametrize(
    ("prepare", "code", "words"),
    [
        ("ln -s real in", 2, "is a symbolic link"),
        ("true", 2, "cannot be read"),
        ("mkdir in", 2, "cannot be read"),
        ("mkfifo in", 2, "cannot be read"),
        ("printf 'A=\\377\\n' > in", 2, "is not UTF-8"),
        ("printf 'A=secret-value-1\\n=x\\n' > in", 2, "line 2"),
        ("printf 'A=true\\n' > in", 1, "worth comparing"),
        ("cp real in; ln -s real out", 2, "is a symbolic link"),
        ("cp real in; ln -s none out", 2, "is a symbolic link"),
        ("cp real in; ln in out", 2, "is the file itself"),
        ("cp real in; echo mine > out", 2, "is another file"),
        ("cp real in; mkdir out", 2, "is another file"),
    ],
)
def test_what_the_command_refuses(tmp_path: Path, prepare: str, code: int, words: str) -> None:
    (tmp_path / "real").write_text("A=secret-value-1\n")
    subprocess.run(["sh", "-c", prepare], cwd=tmp_path, check=True)
    before = {path.name: path.lstat() for path in tmp_path.iterdir()}
    done = fingerprint(tmp_path / "in", tmp_path / "out")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "secret-value-1" not in done.stderr
    assert {path.name: path.lstat().st_ino for path in tmp_path.iterdir()} == {
        name: status.st_ino for name, status in before.items()
    }


def test_fingerprints_are_replaced_by_newer_ones(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("A=secret-value-1\n")
    assert fingerprint(tmp_path / "in", tmp_path / "out").returncode == 0
    first = (tmp_path / "out").read_bytes()
    assert fingerprint(tmp_path / "in", tmp_path / "out").returncode == 0
    assert (tmp_path / "out").read_bytes() != first
    done = fingerprint(tmp_path / "in", tmp_path / "none" / "out")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("value", "name", "telling"),
    [
        ("production", "APP_ENV", False),
        ("true", "A_TOKEN", False),
        ("xxxxxxxxxxxx", "A_TOKEN", False),
        ("${OTHER}-suffix", "A_TOKEN", False),
        ("/var/lib/autotrade", "DATA_DIR", False),
        ("2026-01-02", "SINCE", False),
        ("127.0.0.1:8080", "LISTEN", False),
        ("http://localhost:3000/", "URL", False),
        ("1000000000", "WEI", False),
        ("python 3.11", "RUNTIME", True),
        ("abandon ability able about above absent absorb abstract absurd abuse access accident", "WORDS", True),
        ("onlyletters", "NAME", False),
        ("onlyletters", "API_KEY", True),
    ],
)
def test_what_is_worth_comparing(value: str, name: str, telling: bool) -> None:
    assert is_telling(value, name) is telling


def test_forms_that_are_the_same_value() -> None:
    assert normalised(f" {WALLET} ") == normalised(WALLET[2:].upper()) == WALLET.lower()
    assert normalised("https://a.example/x/") == "https://a.example/x"
    assert normalised("Case/Matters/") == "Case/Matters/"


@pytest.mark.parametrize(
    ("value", "rules", "verdict"),
    [
        ("https://api.example.jp/v1", {}, ("pass", "as-expected")),
        ("https://latest.example.jp/contest/developer", {}, ("pass", "as-expected")),
        ("postgres://app:staging-pw@db.internal/app", {}, ("pass", "as-expected")),
        ("plain localhost text", {}, ("pass", "as-expected")),
        ("sqlite:///var/lib/app.db", {"hosts": ["*.jp"]}, ("fail", "url-elsewhere")),
        ("http://localhost:8000", {}, ("fail", "url-elsewhere")),
        ("http://[::1]:8000", {}, ("fail", "url-elsewhere")),
        ("https://api-staging.example.jp", {}, ("fail", "url-elsewhere")),
        ("https://api.example.jp/sandbox/v1", {}, ("fail", "url-elsewhere")),
        ("https://eth-sepolia.g.example.net/v2/KEY", {}, ("fail", "url-elsewhere")),
        ("https://testnet2.example.jp", {}, ("fail", "url-elsewhere")),
        ("https://notify-api.line.me/api/notify", {}, ("fail", "url-elsewhere")),
        ("https://a.example.jp,https://STAGING.example.jp", {}, ("fail", "url-elsewhere")),
        ("https://[broken/x", {}, ("fail", "url-elsewhere")),
        ("https://api.line.me/v2", {"hosts": ["api.line.me", "*.example.jp"]}, ("pass", "as-expected")),
        ("https://api.line.me.evil.example/v2", {"hosts": ["api.line.me"]}, ("fail", "url-elsewhere")),
        ("http://localhost:8000", {"allow": ["THE_*"]}, ("pass", "as-expected")),
        ("http://green.example.jp", {"without": ["green"]}, ("fail", "url-elsewhere")),
    ],
)
def test_urls_lead_to_production(
    production: Path, value: str, rules: dict[str, object], verdict: tuple[str, str]
) -> None:
    production.write_text(f"APP_ENV=production\nTHE_URL={value}\n")
    found = look("dotenv", {"path": str(production), "urls": rules})
    assert said(found) == verdict
    for secret in ("/v2/KEY", "staging-pw"):
        assert secret not in found.model_dump_json()


def test_leftovers_are_found_by_pattern(production: Path) -> None:
    options = {"path": str(production), "forbidden": ["LINE_NOTIFY_*"]}
    assert said(look("dotenv", options)) == ("pass", "as-expected")
    with production.open("a") as file:
        file.write("LINE_NOTIFY_TOKEN=abc\n")
    found = look("dotenv", options)
    assert said(found) == ("fail", "forbidden-key")
    assert "LINE_NOTIFY_TOKEN" in found.seen.en
