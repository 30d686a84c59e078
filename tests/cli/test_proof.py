"""``verify``, ``check --replay`` and signing, as commands in processes of their own."""

import json
from pathlib import Path

import pytest

from tests.sealed import ssh_keys
from tests.shell import SMALL, Served, Shell

KEY = "small/production/v1.0.0"


def closed(shell: Shell, *, keys: Path | None = None) -> Path:
    """The bundle of a release that was aborted; its journal has one look in it."""
    (shell.folder / "small.md").write_text(SMALL, encoding="utf-8")
    more = {"ULTRA_CHECKLIST_SIGNING_KEY": str(keys)} if keys is not None else {}
    shell.ok("init", "--lang", "en")
    shell.ok("new", "v1.0.0", "-t", "small.md")
    assert isinstance(shell, Served)
    shell.tick("there")
    shell.ok("sync")
    shell.ok("close", "v1.0.0", "--as", "aborted", "--reason", "a \u001b[31mtry\u202e", **more)
    return shell.home / "releases" / KEY / "bundle.tar"


def test_a_signed_bundle_is_verified_without_state_folder_or_settings(served: Served, tmp_path: Path) -> None:
    keys, others = ssh_keys(tmp_path), ssh_keys(tmp_path, "other")
    bundle = closed(served, keys=keys.private)
    away = Shell(tmp_path / "away")
    away.folder.mkdir()
    done = away.run("verify", str(bundle), "--key", str(keys.public))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"verified: intact, signed by {keys.signer.public.keyid}\n")
    assert KEY in done.stdout
    assert done.stderr == ""
    unknown = away.run("verify", str(bundle), "--lang", "ja")
    assert unknown.returncode == 3
    assert "署名者は未確認" in unknown.stdout
    assert "--key" in unknown.stderr
    refused = away.run("verify", str(bundle), "--key", str(others.public))
    assert refused.returncode == 1
    assert "not by the key that was given" in refused.stderr
    assert not away.home.exists()


def test_an_unsigned_bundle_is_intact_of_an_unknown_signer(served: Served) -> None:
    bundle = closed(served)
    record = served.call("GET", f"blocks/{_page(served)}/children")["results"]
    head = str(record).partition("Journal head: ")[2][:64]
    done = served.run("verify", str(bundle), "--head", head)
    assert done.returncode == 3
    assert "intact, not signed, signer unknown" in done.stdout
    assert "the digest given is line " in done.stdout
    assert served.run("verify", str(bundle), "--head", "0" * 64).returncode == 1
    assert "\u001b" not in done.stdout
    assert "\u202e" not in done.stdout
    damaged = served.folder / "damaged.tar"
    damaged.write_bytes(bundle.read_bytes().replace(b'"passed"', b'"failed"', 1))
    refused = served.run("verify", str(damaged))
    assert refused.returncode == 1
    assert "journal.jsonl is not what the statement names" in refused.stderr
    assert served.run("verify", "none.tar").returncode == 2
    assert served.run("verify", str(bundle), "--key", "none.pub").returncode == 2
    assert served.run("verify", str(bundle), "--head", "x").returncode == 2


def _page(served: Served) -> str:
    manifest = json.loads((served.home / "releases" / KEY / "manifest.json").read_text())
    return str(manifest["page_id"])


def test_a_key_that_cannot_be_used_ends_nothing(served: Served) -> None:
    (served.folder / "small.md").write_text(SMALL, encoding="utf-8")
    served.ok("init", "--lang", "en")
    served.ok("new", "v1.0.0", "-t", "small.md")
    for each in ("there", "word", "another"):
        served.tick(each)
    setting = {"ULTRA_CHECKLIST_SIGNING_KEY": "lost.key", "ULTRA_CHECKLIST_CLOSE_AFTER": "0"}
    refused = served.run("close", "v1.0.0", "--as", "aborted", "--reason", "x", **setting)
    assert refused.returncode == 2
    assert str(served.home / "lost.key") in refused.stderr
    passed = served.run("sync", **setting)
    assert passed.returncode == 0
    assert f"note: {KEY}: ULTRA_CHECKLIST_SIGNING_KEY" in passed.stderr
    state = json.loads(served.ok("status", "v1.0.0", "--format", "json"))[0]
    assert state["status_code"] == "ready-to-close"
    ssh_keys(served.home, "lost.key")
    assert f"closed {KEY}" in served.run("sync", **setting).stderr
    assert served.run("verify", str(served.home / "releases" / KEY / "bundle.tar")).returncode == 3


def test_what_was_recorded_is_judged_again_under_another_template(served: Served) -> None:
    bundle = str(closed(served))
    own = served.run("check", "--replay", bundle, "--format", "json")
    assert {c["id"]: c["result"] for c in json.loads(own.stdout)["checks"]} == {
        "there": "pass",
        "word": "manual",
        "another": "manual",
    }
    assert own.returncode == 0
    (served.folder / "strict.md").write_text(SMALL.replace("exit: 0", "exit: 7"), encoding="utf-8")
    strict = served.run("check", "strict.md", "there", "--replay", bundle, "--format", "json")
    assert [c["result"] for c in json.loads(strict.stdout)["checks"]] == ["fail"]
    assert strict.returncode == 1
    assert "judged again" in strict.stderr
    (served.folder / "other.md").write_text(SMALL.replace('["true"]', '["false"]'), encoding="utf-8")
    assert served.run("check", "other.md", "--replay", bundle).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check"], 2, "TEMPLATE or VERSION is missing"),
        (["check", "--replay", "none.tar"], 2, "none.tar"),
        (["check", "--replay", "small.md"], 1, "small.md"),
        (["check", "production_release", "--replay", "BUNDLE"], 2, "'small'"),
        (["check", "small.md", "nope", "--replay", "BUNDLE"], 2, "'nope'"),
        (["check", "small.md", "--replay", "BUNDLE", "--var", "X=1"], 2, "X"),
    ],
)
def test_bad_input_gives_one_clear_message(served: Served, arguments: list[str], code: int, words: str) -> None:
    bundle = str(closed(served)) if "BUNDLE" in arguments else ""
    (served.folder / "small.md").write_text(SMALL, encoding="utf-8")
    done = served.run(*(bundle if word == "BUNDLE" else word for word in arguments))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
