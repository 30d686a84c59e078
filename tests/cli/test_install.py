"""``install``: what cron and systemd would run is really run; nothing of anybody else's is touched."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell import SMALL, Shell
from ultra_checklist.errors import RefusedError, UsageError
from ultra_checklist.unattended import Worker, crontab_block, service, timer, with_block, without_block

OTHERS = b"# mine\n\nMAILTO=ops\n*/5 * * * * /usr/bin/date +\\%F >> /tmp/x \xff\n"
CRONTAB = """#!/bin/sh
# A crontab(1) of one user, kept in the file of $CRONTAB_FILE.
case "$1" in
-l) if [ -n "$CRONTAB_BROKEN" ]; then echo "crontab: you may not use it" >&2; exit 1; fi
    if [ ! -e "$CRONTAB_FILE" ]; then echo "no crontab for me" >&2; exit 1; fi
    cat "$CRONTAB_FILE" ;;
-)  cat > "$CRONTAB_FILE.new"
    if [ -n "$(tail -c 1 "$CRONTAB_FILE.new")" ]; then echo "premature EOF" >&2; exit 1; fi
    mv "$CRONTAB_FILE.new" "$CRONTAB_FILE" ;;
*)  exit 2 ;;
esac
"""


@pytest.fixture
def cron(tmp_path: Path) -> Shell:
    """A shell whose state folder has a name with everything that could be misread, and a crontab of its own."""
    folder = tmp_path / 'it\'s 100% "mine" $HOME'
    programs = tmp_path / "bin"
    for made in (folder, programs):
        made.mkdir()
    (programs / "crontab").write_text(CRONTAB)
    (programs / "crontab").chmod(0o755)
    given = {"PATH": f"{programs}:{os.environ['PATH']}", "CRONTAB_FILE": str(tmp_path / "tab")}
    return Shell(folder, given | {"XDG_CONFIG_HOME": str(tmp_path / "config dir"), "HOME": str(tmp_path)})


def as_cron(shell: Shell, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of a crontab as cron does: in /bin/sh, with hardly any environment, at home."""
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    environment = {"HOME": str(shell.folder), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    kept = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return subprocess.run(
        ["/bin/sh", "-c", command], env=environment | kept, cwd="/", capture_output=True, text=True, check=False
    )


def test_the_line_in_the_crontab_works(cron: Shell) -> None:
    (cron.folder / "small.md").write_text(SMALL)
    cron.ok("init", "--local")
    cron.ok("new", "v1.0.0", "--local", "-t", "small.md")
    shown = cron.ok("install", "cron", "--local")
    cron.ok("install", "cron", "--local", "--write")
    written = Path(cron.environment["CRONTAB_FILE"]).read_text()
    assert written == shown
    _, sync, aside, _ = written.splitlines()
    assert not (cron.home / "since-local.json").exists()
    done = as_cron(cron, sync)
    log = cron.home / "logs" / "sync.log"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (cron.home / "since-local.json").exists()
    assert log.read_text() == ""
    (cron.home / "workspace-local.json").unlink()
    assert as_cron(cron, sync).returncode == 2
    assert "ultra-checklist init" in log.read_text()
    as_cron(cron, aside)
    assert log.exists()
    log.write_text("x" * 2 * 1024 * 1024)
    assert as_cron(cron, aside).stderr == ""
    assert not log.exists()
    assert (cron.home / "logs" / "sync.log.1").stat().st_size == 2 * 1024 * 1024


@pytest.mark.parametrize("others", [b"", OTHERS, OTHERS + b"# no end"], ids=["none", "some", "without an end"])
def test_it_is_there_once_and_other_lines_stay_byte_for_byte(cron: Shell, others: bytes) -> None:
    tab = Path(cron.environment["CRONTAB_FILE"])
    if others:
        tab.write_bytes(others)
    cron.ok("install", "cron", "--write", "--local")
    once = tab.read_bytes()
    assert once.startswith(others)
    assert once.count(b" sync ") == 3
    assert "already" in cron.run("install", "cron", "--write", "--local").stderr
    assert tab.read_bytes() == once
    tab.write_bytes(once + OTHERS)
    cron.ok("install", "cron", "--write", "--local", "--lang", "ja")
    assert tab.read_bytes() == once.replace(b"--lang en", b"--lang ja") + OTHERS
    cron.ok("install", "cron", "--remove")
    cron.ok("install", "cron", "--remove")
    glue = b"\n" if others and not others.endswith(b"\n") else b""
    assert tab.read_bytes() == others + glue + OTHERS


def test_a_crontab_that_cannot_be_read_is_not_replaced(cron: Shell) -> None:
    tab = Path(cron.environment["CRONTAB_FILE"])
    tab.write_bytes(OTHERS)
    done = cron.run("install", "cron", "--write", "--local", CRONTAB_BROKEN="1")
    assert done.returncode == 3
    assert "you may not use it" in done.stderr
    assert tab.read_bytes() == OTHERS
    missing = cron.run("install", "cron", "--write", "--local", PATH="/nowhere")
    assert missing.returncode == 3
    assert "install systemd" in missing.stderr


def test_torn_marks_are_left_to_a_person() -> None:
    home = Path("/srv/home")
    block = crontab_block(Worker(("/bin/true",), home, 1.0))
    begin, *_, end = block.splitlines(keepends=True)
    for torn in (begin, end, block + begin, block + block, end + begin):
        with pytest.raises(RefusedError, match="one pair"):
            with_block(torn.encode(), block, home)
        with pytest.raises(RefusedError, match="one pair"):
            without_block(torn.encode(), home)
    other = crontab_block(Worker(("/bin/true",), Path("/srv/home2"), 1.0)).encode()
    assert with_block(other, block, home) == other + block.encode()


@pytest.mark.parametrize(
    ("home", "words"), [("/a\nb", "control"), ("/a\\b", "backslash"), ("/" + "a" * 500, "990 bytes")]
)
def test_what_cannot_stand_in_a_crontab_is_refused(home: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        crontab_block(Worker(("/bin/true",), Path(home), 1.0))


def test_units_are_written_once_and_taken_out_again(cron: Shell) -> None:
    folder = Path(cron.environment["XDG_CONFIG_HOME"]) / "systemd" / "user"
    done = cron.run("install", "systemd", "--scope", "user", "--local", "--write")
    assert done.returncode == 0, done.stderr
    assert "systemctl --user daemon-reload && systemctl --user enable --now ultra-checklist.timer" in done.stderr
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert sorted(texts) == ["ultra-checklist.service", "ultra-checklist.timer"]
    assert "TimeoutStartSec=300\n" in texts["ultra-checklist.service"]
    cron.ok("install", "systemd", "--scope", "user", "--local", "--write")
    assert {path.name: path.read_text() for path in folder.iterdir()} == texts
    wants = folder / "timers.target.wants"
    wants.mkdir()
    (wants / "ultra-checklist.timer").symlink_to(folder / "ultra-checklist.timer")
    cron.ok("install", "systemd", "--scope", "user", "--remove")
    assert [path.name for path in folder.rglob("*")] == ["timers.target.wants"]
    assert "nothing of ours" in cron.run("install", "systemd", "--scope", "user", "--remove").stderr


def test_units_of_somebody_else_stay(cron: Shell) -> None:
    folder = Path(cron.environment["XDG_CONFIG_HOME"]) / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "ultra-checklist.timer").write_text("[Timer]\n")
    for what in ("--write", "--remove"):
        done = cron.run("install", "systemd", "--scope", "user", "--local", what)
        assert done.returncode == 1
        assert "was not made for" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["ultra-checklist.timer"]


@pytest.mark.parametrize("scope", ["user", "system"])
def test_systemd_itself_finds_no_fault(tmp_path: Path, scope: str) -> None:
    if shutil.which("systemd-analyze") is None:
        assert not os.environ.get("CI"), "systemd-analyze is needed"
        pytest.skip("systemd-analyze is not installed")
    home = tmp_path / 'it\'s 100% "mine" $HOME \\'
    worker = Worker(("/bin/echo", "--env-file", str(home / "x.env")), home, 270.0, "daemon")
    for name, text in (
        ("ultra-checklist.service", service(worker, scope)),
        ("ultra-checklist.timer", timer(worker)),
    ):
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", f"--{scope}", "verify", "--man=no", *map(str, tmp_path.glob("ultra-checklist.*"))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "ultra-checklist" in line]
    assert ours == []
    assert "User=daemon" in service(worker, "system")
    assert "User=" not in service(worker, "user")


def test_what_the_worker_will_not_have_is_said(cron: Shell) -> None:
    done = cron.run("install", "cron", NOTION_TOKEN="ntn_" + "a" * 20)
    assert "settings.env" in done.stderr
    assert "ntn_a" not in done.stdout + done.stderr
    (cron.folder / ".env").write_text("NOTION_TOKEN=ntn_" + "a" * 20 + "\n")
    done = cron.run("install", "cron")
    assert f"--env-file '{cron.folder}".replace("'", "").split("it")[0] in done.stdout.replace("'", "")
    assert "settings.env" not in done.stderr


def test_both_at_once_is_wrong_usage(cron: Shell) -> None:
    done = cron.run("install", "cron", "--write", "--remove")
    assert done.returncode == 2
    assert not Path(cron.environment["CRONTAB_FILE"]).exists()
