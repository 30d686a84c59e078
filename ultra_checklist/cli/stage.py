"""The stage of the demo: pretend production, local Notion, worker, releases, and the people at work."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.children import attempt, call, ourselves, pass_on, process
from ultra_checklist.cli.notion import OTHER_PORT
from ultra_checklist.cli.summary import summary
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import UsageError
from ultra_checklist.model import Lang, Template, Words

if TYPE_CHECKING:
    from ultra_checklist.demo.sabotage import Moment
    from ultra_checklist.demo.world import World

TOKEN = "ntn_local_demo"  # noqa: S105 - the local Notion takes every token that begins so
VERSION, STAGING_VERSION = "v1.4.0", "v1.4.0-rc1"
TEMPLATE, STAGING_TEMPLATE = "production_release", "staging_release"
EVERY = 0.4
"""Seconds between the worker's passes in the demo."""
WAIT = 60.0
"""Seconds after which the demo's people stop waiting for a verdict."""
WAIT_LONG = 300.0
"""The same where Notion misbehaves on purpose."""
TELL_EVERY = 0.2
WATCH_SLACK = 1.0
"""Seconds that are watched beyond the window, so that the last look at it is taken."""
DONE = ("Complete", "完了")

_NO_BOARD = Words(
    en="the board could not be served on port {port}", ja="ポート {port} でボードを開始できませんでした"
)


class Stage:
    """Everything that runs in the demo."""

    def __init__(
        self, root: Path, lang: Lang, broken: tuple[str, ...], port: int, faults: Path | None, *, rollback: bool
    ) -> None:
        self._root = root
        self._lang = lang
        self._broken = broken
        self._port = port
        self._faults = faults
        self._rollback = rollback
        self._home = root / "state"

    def run(self, *, auto: bool) -> int:
        """Build, serve, make the releases, and let people and worker do their part."""
        from ultra_checklist.demo.newsroom import Newsroom
        from ultra_checklist.demo.world import pretend_production

        with ExitStack() as stack:
            world = stack.enter_context(pretend_production(self._root / "world"))
            url = stack.enter_context(self._server())
            newsroom = Newsroom(url, world)
            stack.callback(newsroom.close)
            environment = self._environment(world, url)
            call(["init", "--lang", self._lang], environment)
            self._sabotage(world, "staging")
            more = {"NEWS_SOURCE": newsroom.source, "NOTION_API_URL": url, **self._staging(world, url, environment)}
            page = self._release(world, environment, more)
            self._sabotage(world, "start")
            stack.enter_context(self._worker(environment))
            stack.enter_context(self._messages(world))
            self._tell_windows()
            if auto:
                return self._play(world, url, page, environment, more)
            return self._wait_for_people(world, url, page)

    def _environment(self, world: "World", url: str) -> dict[str, str]:
        """What the product's own processes get: a state folder of the demo's, and one setting of the user's."""
        kept = {
            name: value
            for name, value in process_environment().items()
            if name == "ULTRA_CHECKLIST_INDEX_LAG" or not name.startswith(("ULTRA_", "NOTION_", "DOCKER_"))
        }
        # In the state folder, so that a person at another terminal needs to know that folder alone.
        settings = {"NOTION_TOKEN": TOKEN, "NOTION_BASE_URL": url, "ULTRA_CHECKLIST_CLOSE_AFTER": "0"}
        _write(self._home / "settings.env", settings)
        _write(self._home / "environments" / "production.env", {**world.secrets, "NEWS_TOKEN": TOKEN})
        return kept | {
            "PATH": world.path,
            "DOCKER_HOST": world.docker.service.url,
            "ULTRA_CHECKLIST_HOME": str(self._home),
            "PYTHONUNBUFFERED": "1",
        }

    @contextmanager
    def _server(self) -> Iterator[str]:
        """The local Notion in a process of its own; gives its address."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = ["serve", "--port", str(self._port), "--db", str(self._root / "notion.db")]
        command += ["--request-log", str(self._root / "requests.jsonl")]
        command += ["--faults", str(self._faults)] if self._faults is not None else []
        with process(command, dict(process_environment()), stderr=subprocess.DEVNULL) as child:
            line = child.stdout.readline().strip() if child.stdout is not None else ""
            if not line.startswith("ready "):
                raise UsageError(_NO_BOARD.filled(port=str(self._port)), remedy=OTHER_PORT)
            yield line.removeprefix("ready ")

    @contextmanager
    def _worker(self, environment: dict[str, str]) -> Iterator[None]:
        """The worker in a process of its own; what it says is passed on."""
        with process(
            ["sync", "--watch", str(EVERY), "--lang", self._lang], environment, stderr=subprocess.PIPE
        ) as child:
            reader = threading.Thread(target=pass_on, args=(child,), daemon=True)
            reader.start()
            try:
                yield
            finally:
                child.send_signal(signal.SIGTERM)
                child.wait()
                reader.join(timeout=5)

    @contextmanager
    def _messages(self, world: "World") -> Iterator[None]:
        """Show what arrives at the pretend Slack, LINE and webhook, as phones would."""
        end = threading.Event()

        def show() -> None:
            shown = 0
            while not end.wait(TELL_EVERY):
                messages = world.messages
                for message in messages[shown:]:
                    text = message.text.strip().replace("\n", "\n    ")
                    self._say(
                        f"  {message.channel} shows:\n    {text}", f"  {message.channel} に届きました:\n    {text}"
                    )
                shown = len(messages)

        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _staging(self, world: "World", url: str, environment: dict[str, str]) -> dict[str, str]:
        """The release on staging, made, worked through and closed; gives the variables that speak of it."""
        from ultra_checklist.demo.operator import Operator
        from ultra_checklist.demo.story import play_staging

        page = _new(STAGING_TEMPLATE, STAGING_VERSION, "staging", world.staging_variables, environment)
        with Operator(url, _page_id(page)) as operator:
            play_staging(operator, lambda: attempt(["sync"], environment), unfinished=world.unfinished)
        return {"STAGING_RELEASE": STAGING_VERSION, **self._fingerprints(world, environment)}

    def _fingerprints(self, world: "World", environment: dict[str, str]) -> dict[str, str]:
        """The fingerprints of staging's values, where the product can take them."""
        from ultra_checklist.cli.main import COMMANDS

        if "fingerprint" not in COMMANDS:
            return {}
        out = self._root / "world" / "staging.fingerprints"
        call(["fingerprint", str(world.staging_checkout / ".env.staging"), "-o", str(out)], environment)
        return {"STAGING_FINGERPRINTS": str(out)}

    @staticmethod
    def _release(world: "World", environment: dict[str, str], more: dict[str, str]) -> str:
        """``new``, as a person would call it; gives the page's address."""
        return _new(TEMPLATE, VERSION, "production", {**world.variables, **more}, environment)

    def _sabotage(self, world: "World", moment: "Moment | str") -> None:
        from ultra_checklist.demo.sabotage import chosen

        for name in self._broken:
            found = chosen(name)
            if found is not None and found[1].moment == moment:
                found[1].apply(world)
                self._say(f"sabotage: {found[1].en}", f"妨害工作: {found[1].ja}")
                item = _template(TEMPLATE).item(found[0])
                if item is None or not item.probes:
                    self._say(
                        f"  nothing proves {found[0]} today: its tick is a person's word, and this goes unnoticed",
                        f"  {found[0]} を確認するプローブはまだありません（担当者の申告のため気付かれません）",
                    )

    def _tell_windows(self) -> None:
        from ultra_checklist.demo.world import WINDOWS

        told = ", ".join(f"{name}={value}" for name, value in WINDOWS.items())
        self._say(
            f"Time windows are short here, by variables of the checklist: {told}",
            f"デモのため、時間枠をチェックリストの変数で短くしています: {told}",
        )

    def _wait_for_people(self, world: "World", url: str, page: str) -> int:
        deploy = f"ULTRA_CHECKLIST_HOME={self._home} {ourselves()} run {VERSION} deploy-script -- "
        deploy += " ".join(world.deploying())
        text = Words(
            en=f"""
The board of the pretend production is open:

    {page}

Tick boxes there; the worker proves them on the pretend production server:
    {world.checkout}
Deploy with (it asks the gate first), and then tick line 4.2:
    {deploy}
Try: chmod 644 {world.checkout}/.env.production
Test messages arrive in this terminal. Ctrl-C ends the demo. All releases: {url}
""",
            ja=f"""
本番環境（模擬）のボードを開きました:

    {page}

チェックを付けると、ワーカーが模擬本番サーバ上で確認します:
    {world.checkout}
デプロイ（先にゲートを確認します）。実行後に 4.2 をチェックしてください:
    {deploy}
試しに: chmod 644 {world.checkout}/.env.production
テスト通知はこの端末に届きます。終了は Ctrl-C。リリース一覧: {url}
""",
        )
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())
        say(text)
        while not stop.wait(1.0):
            continue
        return 0

    def _play(self, world: "World", url: str, page: str, environment: dict[str, str], more: dict[str, str]) -> int:
        """Let the people work; where it went wrong and they may, they roll back and try the version again."""
        from ultra_checklist.demo.operator import Operator
        from ultra_checklist.demo.story import Troupe, play, roll_back

        def run(item: str, command: list[str]) -> tuple[int, str]:
            return attempt(["run", VERSION, item, "--lang", self._lang, "--", *command], environment)

        wait = WAIT if self._faults is None else WAIT_LONG
        troupe = Troupe(world, run, lambda moment: self._sabotage(world, moment), self._say, wait, *_watched())
        with Operator(url, _page_id(page)) as operator:
            completed = play(operator, troupe)
            taken_back = not completed and self._rollback and roll_back(operator, troupe)
            if taken_back:
                self._end(environment)
            found = operator.wait_for_status(DONE, wait if completed else 0.0)
            summary(operator.rows(), found, self._lang)
        if not taken_back:
            return 0 if found.status in DONE else 1
        self._say("── The same version again: attempt 2", "── 同じバージョンの再試行: 2 回目")
        self._broken, self._rollback = (), False
        world.mend()
        return self._play(world, url, self._release(world, environment, more), environment, more)

    def _end(self, environment: dict[str, str]) -> None:
        reason = "the new version does not do" if self._lang == "en" else "新しいバージョンに問題があるため"
        call(["close", VERSION, "--as", "rolled-back", "--reason", reason], environment)
        self._say(f"The release is taken back: {reason}", f"リリースを取り消しました: {reason}")

    @staticmethod
    def _say(en: str, ja: str) -> None:
        say(Words(en=en, ja=ja))


def _new(template: str, version: str, where: str, variables: dict[str, str], environment: dict[str, str]) -> str:
    """Make a release with those of the variables that its template knows; gives the page's address."""
    known = {variable.name for variable in _template(template).variables}
    given = [f"--var={name}={value}" for name, value in variables.items() if name in known]
    return call(["new", version, "-t", template, "-e", where, *given], environment).strip()


def _template(name: str) -> Template:
    """A template as it is shipped."""
    from ultra_checklist.template import load
    from ultra_checklist.template_files import shipped

    return load(next(folder / f"{name}.md" for folder in shipped()))


def _watched() -> tuple[float, bool]:
    """For how many seconds the people watch, and whether jobs must have run; only what a probe looks at counts."""
    from ultra_checklist.demo.world import WATCH_SECONDS

    probes = {spec.probe for item in _template(TEMPLATE).items for spec in item.probes}
    seconds = WATCH_SECONDS + WATCH_SLACK if probes & {"watch", "metrics", "events"} else 0.0
    return seconds, "schedule" in probes


def _write(path: Path, values: dict[str, str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
    path.chmod(0o600)


def _page_id(address: str) -> str:
    raw = address.rstrip("/")[-32:]
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
