"""Canaries through every door: probes, notes, errors and tracebacks. None may come out on the other side."""

import http.server
import json
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import canaries
from tests.lab import Lab, item, template
from tests.shell import COMMAND, Served, Shell
from ultra_checklist.model import ProbeSpec

OURS = "ntn_local_" + "Zq9" * 8


@contextmanager
def answering(bodies: list[str]) -> Iterator[str]:
    """An HTTP server whose path /N answers with the text N."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[int(self.path[1:])].encode()
            self.send_response(500 if len(body) % 2 else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def dotenv_lines(secrets: list[str]) -> str:
    """An environment file with a canary under each name; some names do not tell."""
    names = ("DB_PASSWORD", "PLAIN_SETTING", "JWT_SECRET", "LICENSE", "ENCRYPTION_KEY", "DATABASE_URL")
    quoted = ("'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'" for s in secrets)
    return "".join(f"{names[n % len(names)]}_{n}={value}\n" for n, value in enumerate(quoted))


def checklist(outputs: int, url: str) -> str:
    """A template whose probes read the files out0, out1, ... and the addresses /0, /1, ... and fail."""
    lines = ["---", "checklist: canary", "title: Canary", "lang: en", "vars:", "  DEPLOY_DIR: {help: folder}"]
    lines += ["  ENV_FILE: {default: .env.production}", "---", "## 1. All", "```yaml section", "id: all", "```"]
    script = "import sys; t = open(sys.argv[1]).read(); print(t); print(t, file=sys.stderr); sys.exit(1)"
    for n in range(outputs):
        run = json.dumps([sys.executable, "-c", script, f"out{n}"])
        lines += [f"- [ ] Output {n}", "  ```yaml check", f"  id: out-{n}", "  probes:"]
        lines += [
            f"    - command: {{run: {run}, exit: 0}}",
            f'    - http: {{url: "{url}/{n}", contains: "^never$"}}',
            "  ```",
        ]
    lines += ["- [ ] Environment", "  ```yaml check", "  id: env", "  probes:"]
    lines += ["    - dotenv: {path: .env.production, equals: {PLAIN_SETTING_1: other}}", "  ```", ""]
    return "\n".join(lines)


def fuzzed_outputs(secrets: list[str], each: int) -> list[str]:
    """Every encoding at least once, several to an output."""
    texts = [text for _, text in canaries.fuzzed(secrets, 5, each * 8)]
    made = ["\n".join(texts[n::8]) for n in range(8)]
    extra = list(canaries.tokens(3).values()) + list(canaries.named(3))
    return [text + "\n" + "\n".join(extra) for text in made]


def test_nothing_of_what_probes_see_comes_out(served: Served) -> None:
    secrets = canaries.make(21, 24)
    wanted = [
        *secrets,
        OURS,
        *canaries.named(3).values(),
        *(t for k, t in canaries.tokens(3).items() if "\n" not in t),
    ]
    outputs = fuzzed_outputs(secrets, 40)
    place = served.folder / "production"
    place.mkdir()
    (place / ".env.production").write_text(dotenv_lines(secrets))
    for n, text in enumerate(outputs):
        (place / f"out{n}").write_text(text)
    with answering(outputs) as url:
        file = served.folder / "canary.md"
        file.write_text(checklist(len(outputs), url))
        said: list[str] = []
        served.environment["NOTION_TOKEN"] = OURS
        for command in (
            ("init",),
            ("check", str(file), "--var", f"DEPLOY_DIR={place}"),
            ("check", str(file), "--var", f"DEPLOY_DIR={place}", "--format", "json"),
            ("new", "v1.0.0", "-t", str(file), "--var", f"DEPLOY_DIR={place}"),
        ):
            done = served.run(*command)
            assert done.returncode in (0, 1), done.stderr
            said += [done.stdout, done.stderr]
        for n in range(len(outputs)):
            served.tick(f"out-{n}")
        served.tick("env")
        for later in (["sync"], ["status"], ["status", "--format", "json"]):
            done = served.run(*later)
            assert done.returncode == 0, done.stderr
            said += [done.stdout, done.stderr]
    assert served.result("out-0") == served.result("env") == "Failed"
    done = served.run("close", "v1.0.0", "--as", "aborted", "--reason", f"leaked {secrets[0]}")
    assert done.returncode == 0, done.stderr
    said += [done.stdout, done.stderr]
    assert len(list((served.home / "evidence").rglob("*/*"))) > len(outputs)
    pages = [json.dumps(served.row(f"out-{n}")) for n in range(2)]
    canaries.assert_absent(
        wanted, paths=[served.home, served.log, served.folder / "notion.db"], texts=[*said, *pages]
    )


RUN = """---
checklist: canary
title: Canary
lang: en
vars:
  DEPLOY_DIR: {help: folder}
  ENV_FILE: {default: .env.production}
---
## 1. All
```yaml section
id: all
```
- [ ] It was deployed
  ```yaml check
  id: deploy
  deploys: true
  probes:
    - run: {log: true, without: Traceback}
  ```
"""


def test_ten_thousand_outputs_of_a_deploy_leave_no_canary_anywhere(served: Served) -> None:
    """Through the terminal, the log in the store, the row, a hook, the bundle, its upload and every report."""
    secrets = canaries.make(77, 24)
    place = served.folder / "production"
    place.mkdir()
    (place / ".env.production").write_text(dotenv_lines(secrets))
    extra = [*canaries.tokens(4).values(), *canaries.named(4)]
    outputs = [text for _, text in canaries.fuzzed(secrets, 9, 10_000)]
    (place / "outputs").write_text("\n".join([*outputs, *extra]))
    heard = served.folder / "heard"
    served.environment["ULTRA_CHECKLIST_HOOK_COMMAND"] = f"tee -a {heard}"
    (served.folder / "canary.md").write_text(RUN)
    said = [served.ok("init"), served.ok("new", "v1", "-t", "canary.md", "--var", f"DEPLOY_DIR={place}")]
    done = served.run("run", "v1", "deploy", "--", "cat", str(place / "outputs"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > len(outputs)
    said += [done.stdout, done.stderr]
    served.tick("deploy")
    ending = served.run("close", "v1", "--as", "aborted", "--reason", f"it said {secrets[0]}")
    assert ending.returncode == 0, ending.stderr
    said += [ending.stdout, ending.stderr]
    for form in ("html", "markdown", "json", "junit"):
        said.append(served.ok("report", "v1", "--format", form))
    assert heard.read_text()
    wanted = [*secrets, *canaries.named(4).values(), *(t for t in canaries.tokens(4).values() if "\n" not in t)]
    paths = [served.home, served.log, served.folder / "notion.db", heard]
    canaries.assert_absent(wanted, paths=paths, texts=[*said, json.dumps(served.row("deploy"))])


def test_a_secret_in_a_note_is_kept_out_of_journal_and_mirror(lab: Lab) -> None:
    secret = canaries.make(5, 1)[0]
    place = lab.home.parent / "production"
    place.mkdir()
    (place / ".env").write_text(f"DB_PASSWORD='{secret}'\n")
    probe = ProbeSpec(probe="command", options={"run": ["false"]}, line=1)
    lab.new(template(item("one", probes=(probe,))), DEPLOY_DIR=str(place), ENV_FILE=".env")
    lab.person("Sato", "one", done=True, decision="Waive", note=f"text:the password is {secret}, I looked")
    lab.sync()
    lab.sync(1)
    choosing = lab.release().history.check("one").choosing
    assert choosing is not None
    assert choosing.note == "the password is [redacted], I looked"
    lines = lab.release().folder.joinpath("journal.jsonl").read_text()
    canaries.assert_absent([secret], paths=[lab.home])
    lab.sync(1)
    assert lab.release().folder.joinpath("journal.jsonl").read_text() == lines, "a redacted note is no new decision"


def test_typed_over_columns_and_reasons_are_redacted_in_the_journal(lab: Lab) -> None:
    secret = canaries.make(6, 1)[0]
    place = lab.home.parent / "production"
    place.mkdir()
    (place / ".env").write_text(f"DB_PASSWORD='{secret}'\n")
    lab.new(template(item("one")), DEPLOY_DIR=str(place), ENV_FILE=".env")
    lab.person("Sato", "one", why=f"text:{'x' * 40} {secret}")
    lab.sync()
    assert "[redacted]" in lab.release().history.check("one").put_right
    canaries.assert_absent([secret], paths=[lab.home])


def test_after_the_end_a_secret_in_a_note_is_flagged_without_it(lab: Lab) -> None:
    secret = canaries.make(7, 1)[0]
    place = lab.home.parent / "production"
    place.mkdir()
    (place / ".env").write_text(f"DB_PASSWORD='{secret}'\n")
    lab.new(template(item("one")), DEPLOY_DIR=str(place), ENV_FILE=".env")
    lab.person("Sato", "one", done=True)
    lab.close_after = 0.0
    for _ in range(3):
        lab.sync(1)
    assert not lab.release().open
    lab.person("Sato", "one", note=f"text:it was {secret}", why=f"text:{'x' * 40} {secret}")
    for _ in range(4):
        lab.sync(61)
    assert any("[redacted]" in what for what in lab.release().history.changed)
    canaries.assert_absent([secret], paths=[lab.home])


BOUNDARY = """
import sys
from pathlib import Path
from ultra_checklist.cli import boundary
from ultra_checklist.cli.wiring import desk
from ultra_checklist.errors import UsageError
import click

def command():
    at = desk(None, False, None)
    text = Path(sys.argv[2]).read_text()
    if sys.argv[1] == "usage":
        raise UsageError(text, remedy=text)
    if sys.argv[1] == "click":
        raise click.BadParameter(text)
    raise RuntimeError(text)

boundary.run(command)
"""


@pytest.mark.parametrize(("way", "code"), [("usage", 2), ("click", 2), ("crash", 4)])
def test_errors_and_tracebacks_hold_no_secret_of_this_process(shell: Shell, way: str, code: int) -> None:
    import subprocess

    from_settings, from_file, from_variable, declared = canaries.make(31, 4)
    (shell.home / "environments").mkdir(parents=True, mode=0o700)
    shell.home.chmod(0o700)
    (shell.home / "settings.env").write_text(f"NOTION_TOKEN='{from_settings}'\n")
    quoted = from_file.replace("\\", "\\\\").replace("'", "\\'")
    (shell.home / "environments" / "production.env").write_text(f"LINE_CHANNEL_TOKEN='{quoted}'\n")
    environment = shell.full_environment() | {
        "ULTRA_CHECKLIST_VAR_API_KEY": from_variable,
        "GITHUB_TOKEN": declared,
    }
    secrets = [from_settings, from_file, from_variable, declared]
    text = shell.folder / "text"
    rng = random.Random(1)
    text.write_text("\n".join(encode(s, rng) for encode in canaries.ENCODINGS.values() for s in secrets))
    command = [COMMAND[0], "-c", BOUNDARY, way, str(text)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=shell.folder, check=False)
    assert done.returncode == code, done.stderr
    logs = list((shell.home / "logs").glob("*")) if code == 4 else []
    assert len(logs) == (1 if code == 4 else 0)
    assert "[redacted]" in done.stderr or "[redacted]" in logs[0].read_text()
    canaries.assert_absent(secrets, paths=logs, texts=[done.stdout, done.stderr])
    assert all(log.stat().st_mode & 0o777 == 0o600 for log in logs)


def test_the_search_itself_finds_canaries(tmp_path: Path) -> None:
    secret = "Zx9-canary-of-this-test"
    rng = random.Random(2)
    for name in ("raw", "percent", "json escapes", "base64", "hex", "coloured", "terminal 7", "html numbers"):
        (tmp_path / "file").write_text(canaries.ENCODINGS[name](secret, rng))
        with pytest.raises(AssertionError, match="holds"):
            canaries.assert_absent([secret], paths=[tmp_path])
    canaries.assert_absent([secret], texts=["nothing here"])
