"""The dotenv probe on real files; no value of a secret ever comes out of it."""

from pathlib import Path

import pytest

from tests.probes.looking import look, said
from ultra_checklist.model import Verdict
from ultra_checklist.probes.keylist import required_keys

GOOD = "APP_ENV=production\nexport API_KEY='s3cret-value-1'\nEMPTY_OK=\n"


def env(folder: Path, text: str) -> Path:
    path = folder / ".env.production"
    path.write_bytes(text.encode())
    return path


def judge(path: Path, **options: object) -> Verdict:
    return look("dotenv", {"path": str(path), **options})


APP = {"equals": {"APP_ENV": "production"}}
KEYS = {"required": ["APP_ENV", "API_KEY"]}


@pytest.mark.parametrize(
    ("text", "options", "verdict"),
    [
        (GOOD, APP, ("pass", "as-expected")),
        (GOOD, KEYS, ("pass", "as-expected")),
        (GOOD.replace("\n", "\r\n"), APP, ("pass", "as-expected")),
        ("\ufeff" + GOOD, APP, ("pass", "as-expected")),
        ('APP_ENV="production"\n', APP, ("pass", "as-expected")),
        ("APP_ENV=staging\n", APP, ("fail", "wrong-value")),
        ("APP_ENV=Production\n", APP, ("fail", "wrong-value")),
        ("APP_ENV=\n", APP, ("fail", "empty-value")),
        ("APP_ENV\n", APP, ("fail", "empty-value")),
        ("OTHER=1\n", APP, ("fail", "missing-key")),
        ("", APP, ("fail", "missing-key")),
        ("APP_ENV=staging\nAPP_ENV=production\n", APP, ("fail", "duplicate-key")),
        ("# APP_ENV=production\n", APP, ("fail", "missing-key")),
        ("APP_ENV=production\nAPI_KEY=changeme\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=<your key>\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=TODO\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=xxxx\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=ここに入力\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=your_api_key\n", KEYS, ("fail", "placeholder")),
        ("APP_ENV=production\nAPI_KEY=example.com-is-fine\n", KEYS, ("pass", "as-expected")),
        ("APP_ENV=production\nAPI_KEY=   \n", KEYS, ("fail", "empty-value")),
        ("APP_ENV=production\nAPI_KEY=abc\nB=1\nB=2\n", KEYS, ("fail", "duplicate-key")),
        ("APP_ENV=production\n=broken line\n", APP, ("fail", "syntax")),
        (GOOD, {"forbidden": ["API_KEY"]}, ("fail", "forbidden-key")),
        (GOOD, {"match": {"API_KEY": "s3cret-.*"}}, ("pass", "as-expected")),
        (GOOD, {"match": {"API_KEY": "[0-9]+"}}, ("fail", "no-match")),
        ('APP_ENV=production\nAPI_KEY="line one\nline two"\n', KEYS, ("pass", "as-expected")),
    ],
)
def test_contents(tmp_path: Path, text: str, options: dict[str, object], verdict: tuple[str, str]) -> None:
    found = judge(env(tmp_path, text), **options)
    assert said(found) == verdict
    if verdict[0] == "fail":
        assert found.remedy.en
        assert found.sentence.en
        assert found.sentence.ja != ""


def test_no_secret_value_comes_out(tmp_path: Path) -> None:
    secret = "tr4ding-t0ken-value"
    path = env(tmp_path, f"APP_ENV=production\nAPI_TOKEN={secret}\n")
    for options in (
        {"equals": {"API_TOKEN": "another"}},
        {"match": {"API_TOKEN": "[0-9]"}},
        {"forbidden": ["API_TOKEN"]},
    ):
        found = judge(path, **options)
        assert said(found)[0] == "fail"
        assert secret not in found.model_dump_json()


def test_missing_file_and_symbolic_link(tmp_path: Path) -> None:
    assert said(judge(tmp_path / "none", **APP)) == ("fail", "missing")
    link = tmp_path / "link"
    link.symlink_to(env(tmp_path, GOOD))
    assert said(judge(link, **APP)) == ("fail", "symlink")


def test_bytes_that_are_no_text_cannot_be_told(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(b"APP_ENV=\xff\xfe\n")
    assert said(judge(path, **APP)) == ("unknown", "not-utf-8")


def test_the_keys_of_a_document_are_asked_for(tmp_path: Path) -> None:
    document = tmp_path / "config.md"
    document.write_text("| キー | 必須 |\n|---|---|\n| `APP_ENV` | ○ |\n| `API_KEY` | 必須 |\n| `LOG` | 任意 |\n")
    path = env(tmp_path, GOOD)
    assert said(judge(path, required_in=str(document))) == ("pass", "as-expected")
    path.write_text("APP_ENV=production\n")
    found = judge(path, required_in=str(document))
    assert said(found) == ("fail", "missing-key")
    assert "API_KEY" in found.seen.en


def test_a_document_that_is_missing_or_names_nothing_cannot_be_told(tmp_path: Path) -> None:
    path = env(tmp_path, GOOD)
    assert said(judge(path, required_in=str(tmp_path / "none.md"))) == ("unknown", "document-not-readable")
    (tmp_path / "empty.md").write_text("# nothing here\n")
    assert said(judge(path, required_in=str(tmp_path / "empty.md"))) == ("unknown", "no-required-keys")


def test_a_probe_that_asserts_nothing_is_refused(tmp_path: Path) -> None:
    found = judge(env(tmp_path, GOOD))
    assert said(found) == ("unknown", "bad-options")
    assert "asserts nothing" in found.sentence.en


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ("| Key | Meaning |\n|---|---|\n| `A_KEY` | x |\n| B_KEY | y |\n", ["A_KEY", "B_KEY"]),
        ("| Key | Required |\n|---|---|\n| `A` | yes |\n| `B` | no |\n| `C` | ✓ |\n", ["A", "C"]),
        ("- `A_KEY`: what it is\n- `B_KEY=value`\n* `C_KEY` (任意)\n- text\n", ["A_KEY", "B_KEY"]),
        ("```env\nA_KEY=1\n# comment\nexport B_KEY=\n```\n", ["A_KEY", "B_KEY"]),
        ("text about `A_KEY` in a sentence\n", []),
        ("| `A` |\n|---|\n| `A_KEY` |\n\n| `A_KEY` |\n|---|\n| `A_KEY` |\n", ["A_KEY"]),
    ],
)
def test_keys_of_documents(document: str, keys: list[str]) -> None:
    assert required_keys(document) == keys
