"""Hooks: who is told of an ending, at least once and with one key, and what is shown of those that fail."""

import asyncio
import hashlib
import hmac
import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, item, template
from tests.shell import SMALL, Served
from ultra_checklist import announce, plugins
from ultra_checklist.config import Settings, load
from ultra_checklist.errors import HookFailed, SettingsError
from ultra_checklist.hooks import Hooks
from ultra_checklist.notify.line import LineChannel
from ultra_checklist.overview import overview

PAYLOAD = {
    "event": "closed", "release": "small/production/v1", "version": "v1", "ending": "complete", "reason": "",
    "commit": "c" * 40, "operators": [{"id": "1", "name": "佐藤"}], "started": "2026-11-24T09:00:00+00:00",
    "ended": "2026-11-24T10:00:00+00:00", "host": "web-1", "made_of": "1 = 1 proved", "journal": "d" * 64,
    "url": "https://notion.example/p/1", "local": False, "rollback": [], "idempotency_key": "ab" * 32,
}  # fmt: skip


class Receiver:
    """Somebody out there: an HTTP server on loopback that keeps what it gets and answers as it was told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((self.path, headers, body))
                status, answer, more = receiver.answers.pop(0) if receiver.answers else (200, b"ok", {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts in a row follow each other without a pause."""
    monkeypatch.setattr(announce, "PAUSE", 0.0)


def settings(**values: str) -> Settings:
    return load(environ={f"ULTRA_CHECKLIST_{name}": value for name, value in values.items()})


def deliver(name: str, given: Settings, payload: dict[str, Any] | None = None) -> None:
    asyncio.run(Hooks(given).deliver(name, payload or PAYLOAD, "v1 (production): Complete", "en"))


# --- channels


def test_a_webhook_gets_signed_json_and_the_key(receiver: Receiver) -> None:
    given = settings(HOOK_WEBHOOK_URL=receiver.url, HOOK_WEBHOOK_SECRET="shared secret")
    deliver("webhook", given)
    path, headers, body = receiver.got[0]
    assert path == "/hook"
    assert json.loads(body) == PAYLOAD
    assert headers["idempotency-key"] == PAYLOAD["idempotency_key"]
    wanted = "sha256=" + hmac.new(b"shared secret", body, hashlib.sha256).hexdigest()
    assert headers["x-ultra-checklist-signature"] == wanted
    deliver("webhook", settings(HOOK_WEBHOOK_URL=receiver.url))
    assert "x-ultra-checklist-signature" not in receiver.got[1][1]


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (410, True), (429, False), (500, False)])
def test_an_answer_that_is_no_success_fails(receiver: Receiver, status: int, permanent: bool) -> None:
    receiver.answers.append((status, b"go away\nplease", {}))
    with pytest.raises(HookFailed, match=f"HTTP {status}: go away please") as failed:
        deliver("webhook", settings(HOOK_WEBHOOK_URL=receiver.url))
    assert failed.value.permanent is permanent


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    receiver.answers.append((307, b"", {"location": receiver.url + "/elsewhere"}))
    with pytest.raises(HookFailed, match="HTTP 307"):
        deliver("webhook", settings(HOOK_WEBHOOK_URL=receiver.url))
    assert [path for path, _, _ in receiver.got] == ["/hook"]


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    deliver("webhook", settings(HOOK_WEBHOOK_URL=receiver.url))
    assert len(receiver.got) == 1


def test_nobody_there_is_told_without_the_address() -> None:
    url = "http://127.0.0.1:9/services/topsecret"
    for name, given in (
        ("webhook", settings(HOOK_WEBHOOK_URL=url)),
        ("slack", settings(HOOK_SLACK_URL="nonsense")),
    ):
        with pytest.raises(HookFailed) as failed:
            deliver(name, given)
        assert "topsecret" not in str(failed.value)
        assert "nonsense" not in str(failed.value)


def test_slack_succeeds_only_with_ok(receiver: Receiver) -> None:
    given = settings(HOOK_SLACK_URL=receiver.url)
    deliver("slack", given)
    receiver.answers += [(200, b"<html>login</html>", {}), (404, b"no_service", {})]
    for _ in range(2):
        with pytest.raises(HookFailed):
            deliver("slack", given)


def test_what_people_typed_mentions_nobody_in_slack(receiver: Receiver) -> None:
    hostile = PAYLOAD | {
        "reason": "<!channel> @here <https://evil.example|click>\n\x1b[31mred \u202eback",
        "operators": [{"id": "1", "name": "<@U123>"}],
    }
    deliver("slack", settings(HOOK_SLACK_URL=receiver.url), hostile)
    body = json.loads(receiver.got[0][2])
    text = body["text"]
    assert "<" not in text
    assert "@" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Reason: &lt;!channel&gt; ＠here &lt;https://evil.example|click&gt; [31mred back" in text
    assert (body["mrkdwn"], body["link_names"], body["unfurl_links"]) == (False, False, False)
    assert "Journal: " + "d" * 64 in text


def test_line_is_pushed_once_however_often_it_is_sent(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineChannel, "address", receiver.url)
    given = settings(HOOK_LINE_TOKEN="line token 123", HOOK_LINE_TO="U1")
    deliver("line", given)
    receiver.answers.append((409, b'{"message": "The retry key is already accepted"}', {}))
    deliver("line", given)
    keys = {headers["x-line-retry-key"] for _, headers, _ in receiver.got}
    assert len(keys) == 1
    _, headers, body = receiver.got[0]
    assert headers["authorization"] == "Bearer line token 123"
    assert json.loads(body)["to"] == "U1"
    assert "佐藤" in json.loads(body)["messages"][0]["text"]
    with pytest.raises(HookFailed, match="ULTRA_CHECKLIST_HOOK_LINE_TO is not set"):
        deliver("line", settings(HOOK_LINE_TOKEN="line token 123"))


def test_a_command_gets_json_on_stdin_and_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_TOKEN", "ntn_secret")
    out = tmp_path / "a b.json"
    code = "import json,os,sys; json.dump([json.load(sys.stdin), dict(os.environ)], open(sys.argv[1], 'w'))"
    deliver("command", settings(HOOK_COMMAND=json.dumps([sys.executable, "-c", code, str(out)])))
    payload, environment = json.loads(out.read_text())
    assert payload == PAYLOAD
    assert "NOTION_TOKEN" not in environment
    assert "PATH" in environment


def test_a_command_is_no_shell() -> None:
    assert settings(HOOK_COMMAND="notify 'two words' $HOME; true").hook_argv == (
        "notify",
        "two words",
        "$HOME;",
        "true",
    )
    with pytest.raises(SettingsError, match="HOOK_COMMAND"):
        settings(HOOK_COMMAND="notify 'open")
    with pytest.raises(SettingsError, match="HOOK_COMMAND"):
        settings(HOOK_COMMAND='["a", 1]')


def test_a_command_that_fails_or_hangs_is_told_and_leaves_no_child(tmp_path: Path) -> None:
    with pytest.raises(HookFailed, match="exit 3: no such channel"):
        deliver("command", settings(HOOK_COMMAND="sh -c 'echo no such channel >&2; exit 3'"))
    with pytest.raises(HookFailed, match="could not be started"):
        deliver("command", settings(HOOK_COMMAND=str(tmp_path / "missing")))
    pid = tmp_path / "pid"
    script = (
        f"import subprocess, sys; print(subprocess.Popen(['sleep', '1000']).pid, file=open({str(pid)!r}, 'w')); "
    )
    script += "sys.stdin.read(); import time; time.sleep(1000)"
    with pytest.raises(HookFailed, match="did not end within 1 s"):
        deliver("command", settings(HOOK_COMMAND=json.dumps([sys.executable, "-c", script]), HOOK_TIMEOUT="1"))
    status = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


# --- hooks of other packages


@pytest.fixture
def plugin() -> Iterator[Callable[[str, str], None]]:
    known, made = plugins.names(plugins.HOOKS), []

    def register(name: str, function: str) -> None:
        known[name] = EntryPoint(name, f"tests.test_hooks:{function}", plugins.HOOKS)
        made.append(name)

    yield register
    for name in made:
        del known[name]
    plugins.load.cache_clear()


CALLS: list[dict[str, Any]] = []


def plain_hook(payload: dict[str, Any]) -> None:
    CALLS.append(payload)


async def coming_hook(payload: dict[str, Any]) -> None:
    CALLS.append(payload)


def raising_hook(_payload: dict[str, Any]) -> None:
    raise RuntimeError("out of paper")


def hanging_hook(_payload: dict[str, Any]) -> None:
    threading.Event().wait()


def test_a_hook_of_another_package_is_any_callable(
    plugin: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    CALLS.clear()
    for name in ("plain", "coming", "raising", "hanging"):
        plugin(name, f"{name}_hook")
    given = settings(HOOK_PLUGINS="plain, coming,raising,hanging,absent", HOOK_TIMEOUT="0.1")
    assert given.hooks == ("plain", "coming", "raising", "hanging", "absent")
    deliver("plain", given)
    deliver("coming", given)
    assert CALLS == [PAYLOAD, PAYLOAD]
    with pytest.raises(HookFailed, match="RuntimeError: out of paper"):
        deliver("raising", given)
    monkeypatch.setattr("ultra_checklist.hooks.GRACE", 0.0)
    with pytest.raises(HookFailed, match="not done within"):
        deliver("hanging", given)
    with pytest.raises(HookFailed, match=r"no ultra_checklist\.hooks is called 'absent'"):
        deliver("absent", given)
    with pytest.raises(HookFailed, match="not in the settings"):
        deliver("plain", settings())


def test_all_secrets_of_the_settings_are_known_to_redaction() -> None:
    given = settings(
        HOOK_WEBHOOK_URL="https://a.example/1", HOOK_WEBHOOK_SECRET="b", HOOK_SLACK_URL="c", HOOK_LINE_TOKEN="d"
    )
    assert {"https://a.example/1", "b", "c", "d"} <= set(given.secrets.values())
    assert "https://a.example/1" not in repr(given)


# --- endings


def ended(lab: Lab, given: Settings) -> None:
    """A release that completes at once."""
    lab.hooks = Hooks(given)
    lab.close_after = 0.0
    lab.new(template(item("word")))
    lab.person("Sato", "word", done=True)
    lab.sync(minutes=1)


def paragraphs(lab: Lab) -> list[str]:
    children = lab.call("GET", f"blocks/{lab.release().manifest.page_id}/children")["results"]
    texts = [block["paragraph"]["rich_text"] for block in children if block["type"] == "paragraph"]
    return ["".join(piece["plain_text"] for piece in text) for text in texts]


def test_an_ending_is_told_after_it_and_shown_on_the_page(lab: Lab, receiver: Receiver) -> None:
    ended(lab, settings(HOOK_WEBHOOK_URL=receiver.url, HOOK_SLACK_URL=receiver.url))
    assert not lab.release().open
    assert len(receiver.got) == 2
    told = json.loads(next(body for _, headers, body in receiver.got if "idempotency-key" in headers))
    sealed = lab.release().history.sealed
    assert sealed is not None
    assert (told["ending"], told["event"], told["journal"]) == ("complete", "closed", sealed["journal"])
    assert told["url"] == lab.release().manifest.page_url
    shown = [text for text in paragraphs(lab) if text.startswith("Hooks: ")]
    assert len(shown) == 1
    assert "webhook done" in shown[0]
    assert "slack done" in shown[0]
    before = len(lab.requests())
    lab.sync(minutes=1)
    assert len(lab.requests()) - before <= 2, "the query, and once an hour the look for later changes"
    before = len(lab.requests())
    lab.sync(minutes=1)
    assert len(lab.requests()) - before == 1
    assert len(receiver.got) == 2


def test_a_hook_that_fails_undoes_nothing_and_is_tried_again_with_the_same_key(
    lab: Lab, receiver: Receiver
) -> None:
    receiver.answers += [(500, b"down", {})] * 3
    ended(lab, settings(HOOK_WEBHOOK_URL=receiver.url))
    assert lab.page().status == "complete"
    assert len(receiver.got) == 2, "two attempts in a row"
    shown = next(text for text in paragraphs(lab) if text.startswith("Hooks: "))
    assert "webhook failed (HTTP 500: down), tried again at" in shown
    notes = overview(lab.release(), "en")["notes"]
    assert any("webhook failed (HTTP 500: down)" in note for note in notes)
    lab.sync(minutes=0.5)
    assert len(receiver.got) == 2, "not before it is due"
    report = lab.sync(minutes=1)
    assert len(receiver.got) == 4
    assert report.problems == []
    assert len({headers["idempotency-key"] for _, headers, _ in receiver.got}) == 1
    assert any("webhook done" in text for text in paragraphs(lab))
    assert not any("webhook" in note for note in overview(lab.release(), "en")["notes"])


def test_a_hook_that_never_works_is_given_up_after_a_day_and_said_to_be(lab: Lab, receiver: Receiver) -> None:
    receiver.answers += [(410, b"gone", {})] * 1000
    ended(lab, settings(HOOK_WEBHOOK_URL=receiver.url))
    problems = []
    for _ in range(60):
        problems += lab.sync(minutes=30).problems
    assert "hook webhook failed (HTTP 410: gone)" in problems[0].en
    tried = len(receiver.got)
    assert 6 <= tried <= 12
    assert lab.release().history.hooks["webhook"].given_up
    assert any("webhook given up (HTTP 410: gone)" in text for text in paragraphs(lab))
    lab.sync(minutes=60 * 24)
    assert len(receiver.got) == tried
    assert any("given up" in note for note in overview(lab.release(), "en")["notes"])


def test_a_clock_that_was_set_back_puts_no_attempt_off_for_ever(lab: Lab, receiver: Receiver) -> None:
    receiver.answers += [(410, b"gone", {})]
    ended(lab, settings(HOOK_WEBHOOK_URL=receiver.url))
    lab.now -= timedelta(days=3)
    lab.sync()
    assert lab.release().history.hooks["webhook"].done is not None


def test_nothing_of_a_secret_reaches_hooks_page_or_journal(lab: Lab, receiver: Receiver) -> None:
    receiver.answers += [(400, b"bad url " + receiver.url.encode(), {})]
    given = settings(HOOK_WEBHOOK_URL=receiver.url)
    lab.secrets = list(given.secrets.values())
    ended(lab, given)
    assert lab.release().history.hooks["webhook"].why.en == "HTTP 400: bad url [redacted]"
    assert receiver.url not in " ".join(paragraphs(lab))
    assert receiver.url not in lab.release().journal.path.read_text()


def test_close_on_the_command_line_tells_the_hooks(served: Served, tmp_path: Path) -> None:
    served.ok("init")
    (served.folder / "small.md").write_text(SMALL)
    out = tmp_path / "told"
    served.environment["ULTRA_CHECKLIST_HOOK_COMMAND"] = f"sh -c 'cat >> {out}; echo >> {out}; test -e {out}.ok'"
    served.ok("new", "v1", "-t", "small.md")
    done = served.run("close", "v1", "--as", "aborted", "--reason", "wrong tag")
    assert done.returncode == 0
    assert "hook command failed (exit 1)" in done.stderr
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert {one["idempotency_key"] for one in told} == {told[0]["idempotency_key"]}
    assert (told[0]["ending"], told[0]["reason"]) == ("aborted", "wrong tag")
    assert "hook" in served.ok("status", "v1").lower()
    again = served.run("close", "v1", "--as", "aborted", "--reason", "wrong tag")
    assert again.returncode == 1
    assert "has ended" in again.stderr
