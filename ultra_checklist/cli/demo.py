"""``demo``: a pretend production, the local Notion, its board and the worker, together on this machine."""

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import say
from ultra_checklist.config import default_lang, process_environment
from ultra_checklist.errors import CannotTellError, UsageError
from ultra_checklist.model import Lang, Words

VERSION = "v1.4.0"
PORT = 8642
EVERY = 0.4
"""Seconds between the worker's passes in the demo."""
WAIT = 30.0
"""Seconds after which the demo's people stop waiting for a verdict."""
WAIT_LONG = 300.0
"""The same where Notion misbehaves on purpose."""
DONE = ("Complete", "完了")


@click.command()
@click.option("--auto", is_flag=True, help="Play the operator, print what happens, and exit.")
@click.option("--break", "broken", multiple=True, metavar="ITEM", help="Sabotage this item first.")
@click.option(
    "--rollback", is_flag=True, help="With --auto: take a release that went wrong back, and try it again."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the board.  [default: 8642, or a free one]")
@click.option("--folder", type=click.Path(path_type=Path), help="Build everything here and keep it.")
@click.option("--faults", type=click.Path(path_type=Path), help="Let Notion misbehave as this file says.")
@click.option("--lang", type=click.Choice(["ja", "en"]), help="Language of our words.  [default: your locale]")
def demo(
    auto: bool,
    broken: tuple[str, ...],
    rollback: bool,
    port: int | None,
    folder: Path | None,
    faults: Path | None,
    lang: str | None,
) -> int:
    """A pretend production to try everything on: no account, no server, nothing outside one folder.

    Without --auto it opens a board in which you tick the boxes yourself; Ctrl-C ends it. With --auto it
    exits with 0 when the release completed and 1 when it did not; with --rollback the second attempt counts.

    \b
    Examples:
      ultra-checklist demo
      ultra-checklist demo --auto
      ultra-checklist demo --auto --break env-mode
      ultra-checklist demo --auto --break smoke-api --rollback
    """  # noqa: D301 - click needs the real backspace character
    _known(broken)
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise UsageError(f"--folder {folder} is not empty", remedy="Name a folder that does not exist yet")
    if faults is not None:
        from ultra_checklist.server import misbehaviour

        try:
            misbehaviour.of(None, None, faults)
        except ValueError as error:
            raise UsageError(str(error), remedy="See docs/local-notion.md, or leave the option out") from None
    if "rollback-done" in broken:
        # There is nothing to take back where nothing went wrong.
        broken, rollback = tuple(dict.fromkeys((*broken, "smoke-api"))), True
    words: Lang = "ja" if (lang or default_lang()) == "ja" else "en"
    with _place(folder) as root:
        stage = Stage(root, words, broken, _port(port, auto=auto), faults, rollback=rollback)
        return stage.run(auto=auto)


def _port(asked: int | None, *, auto: bool) -> int:
    """The port asked for; else the usual one while it is free and somebody wants to find it again."""
    if asked is not None or auto:
        return asked or 0
    with socket.socket() as trial:
        return PORT if trial.connect_ex(("127.0.0.1", PORT)) != 0 else 0


def _known(items: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    from ultra_checklist.demo.sabotage import BREAKS

    for item in items:
        if item not in BREAKS:
            near = get_close_matches(item, BREAKS, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(f"--break {item}: nothing to break there", remedy=f"{hint}Known: {', '.join(BREAKS)}")


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="ultra-checklist-demo-") as name:
        yield Path(name)


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

    def run(self, *, auto: bool) -> int:
        """Build, serve, make the release, and let people and worker do their part."""
        from ultra_checklist.demo.world import pretend_production

        with pretend_production(self._root / "world") as world, self._server() as url:
            environment = self._environment(world, url)
            page = self._release(world, environment)
            self._sabotage(world, "start")
            with self._worker(environment):
                if auto:
                    return self._play(world, url, page, environment)
                return self._wait_for_people(world, url, page)

    def _environment(self, world: Any, url: str) -> dict[str, str]:
        """What the product's own processes get: a state folder of the demo's, and nothing of the user's."""
        kept = {
            name: value
            for name, value in process_environment().items()
            if not name.startswith(("ULTRA_", "NOTION_"))
        }
        # In the state folder, so that a person at another terminal needs to know that folder alone.
        settings = {"NOTION_TOKEN": "ntn_local_demo", "NOTION_BASE_URL": url, "ULTRA_CHECKLIST_CLOSE_AFTER": "0"}
        file = self._root / "state" / "settings.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        home = str(self._root / "state")
        return kept | {"PATH": world.path, "ULTRA_CHECKLIST_HOME": home, "PYTHONUNBUFFERED": "1"}

    @contextmanager
    def _server(self) -> Iterator[str]:
        """The local Notion in a process of its own; gives its address."""
        (self._root / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        command = ["serve", "--port", str(self._port), "--db", str(self._root / "notion.db")]
        command += ["--request-log", str(self._root / "requests.jsonl")]
        command += ["--faults", str(self._faults)] if self._faults is not None else []
        with _process(command, dict(process_environment()), stderr=subprocess.DEVNULL) as process:
            line = process.stdout.readline().strip() if process.stdout is not None else ""
            if not line.startswith("ready "):
                raise UsageError(
                    f"the board could not be served on port {self._port}",
                    remedy="Choose another port: --port 0 takes a free one",
                )
            yield line.removeprefix("ready ")

    @contextmanager
    def _worker(self, environment: dict[str, str]) -> Iterator[None]:
        """The worker in a process of its own; what it says is passed on."""
        with _process(["sync", "--watch", str(EVERY)], environment, stderr=subprocess.PIPE) as process:
            reader = threading.Thread(target=_pass_on, args=(process,), daemon=True)
            reader.start()
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
                reader.join(timeout=5)

    def _release(self, world: Any, environment: dict[str, str]) -> str:
        """``init`` and ``new``, as a person would call them; gives the page's address."""
        _call(["init", "--lang", self._lang], environment)
        variables = [f"--var={name}={value}" for name, value in world.variables.items()]
        return _call(["new", VERSION, *variables], environment).strip()

    def _sabotage(self, world: Any, moment: str) -> None:
        from ultra_checklist.demo.sabotage import BREAKS

        for item in self._broken:
            act = BREAKS[item]
            if act.moment == moment:
                act.apply(world)
                say(Words(en=f"sabotage: {act.en}", ja=f"妨害工作: {act.ja}").say(self._lang))

    def _wait_for_people(self, world: Any, url: str, page: str) -> int:
        deploy = f"ULTRA_CHECKLIST_HOME={self._root}/state {_ourselves()} run {VERSION} deploy-script -- "
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
Ctrl-C ends the demo. All releases: {url}
""",
            ja=f"""
本番環境（模擬）のボードを開きました:

    {page}

チェックを付けると、ワーカーが模擬本番サーバ上で確認します:
    {world.checkout}
デプロイ（先にゲートを確認します）。実行後に 4.2 をチェックしてください:
    {deploy}
試しに: chmod 644 {world.checkout}/.env.production
終了は Ctrl-C。リリース一覧: {url}
""",
        )
        say(text.say(self._lang))
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())
        while not stop.wait(1.0):
            continue
        return 0

    def _play(self, world: Any, url: str, page: str, environment: dict[str, str]) -> int:
        """Let the people work; where it went wrong and they may, they roll back and try the version again."""
        from ultra_checklist.demo.operator import Operator
        from ultra_checklist.demo.story import Troupe, play, roll_back

        def run(item: str, command: list[str]) -> tuple[int, str]:
            return _try(["run", VERSION, item, "--", *command], environment)

        wait = WAIT if self._faults is None else WAIT_LONG
        troupe = Troupe(world, run, lambda moment: self._sabotage(world, moment), self._say, wait)
        with Operator(url, _page_id(page)) as operator:
            completed = play(operator, troupe)
            taken_back = not completed and self._rollback and roll_back(operator, troupe)
            if taken_back:
                self._end(environment)
            found = operator.wait_for_status(DONE, wait if completed else 0.0)
            _summary(operator.rows(), found, self._lang)
        if not taken_back:
            return 0 if found.status in DONE else 1
        self._say("── The same version again: attempt 2", "── 同じバージョンの再試行: 2 回目")
        self._broken, self._rollback = (), False
        world.mend()
        return self._play(world, url, self._release(world, environment), environment)

    def _end(self, environment: dict[str, str]) -> None:
        reason = "the new version answers 500" if self._lang == "en" else "新しいバージョンが 500 を返すため"
        _call(["close", VERSION, "--as", "rolled-back", "--reason", reason], environment)
        self._say(f"The release is taken back: {reason}", f"リリースを取り消しました: {reason}")

    def _say(self, en: str, ja: str) -> None:
        say(ja if self._lang == "ja" else en)


def _page_id(address: str) -> str:
    raw = address.rstrip("/")[-32:]
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


_HEADINGS = (
    Words.same("#"),
    Words(en="Check", ja="項目"),
    Words(en="Result", ja="結果"),
    Words(en="Operator", ja="担当者"),
    Words(en="Time", ja="時刻"),
    Words(en="Why", ja="理由"),
)


def _clock(time: str) -> str:
    """A time of Notion's as people here read it."""
    return datetime.fromisoformat(time).astimezone().strftime("%H:%M") if time else "-"


def _summary(rows: Any, page: Any, lang: Lang) -> None:
    """The table of all checks, for eyes and for pipes."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    wide = None if sys.stdout.isatty() else 1000
    console = Console(file=sys.stdout, width=wide, highlight=False)
    table = Table(box=None, pad_edge=False)
    for words in _HEADINGS:
        table.add_column(words.say(lang), overflow="fold")
    for number, row in enumerate(rows, 1):
        told = row.result or "-"
        table.add_row(
            *(
                escape(t)
                for t in (str(number), row.title, told, row.operator or "-", row.checked_at or "-", row.why)
            )
        )
    console.print(table)
    facts = (
        (Words(en="Status", ja="状態"), page.status),
        (Words(en="Commit", ja="コミット"), page.commit),
        (Words(en="Made of", ja="内訳"), page.made_of),
        (Words(en="Page", ja="ページ"), page.url),
    )
    for words, value in facts:
        console.print(f"{words.say(lang)}: {escape(value)}", soft_wrap=True)


@contextmanager
def _process(
    arguments: list[str], environment: dict[str, str], stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """One of our own commands in a process of its own, ended when the block ends."""
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _call(arguments: list[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise CannotTellError(
            f"the demo's `{arguments[0]}` failed:\n{done.stderr}", remedy="Report this with its text"
        )
    return done.stdout


def _try(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """One of our own commands whose exit code is for people to read; also what it said."""
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout


def _ourselves() -> str:
    """How this program is called, for people to copy."""
    own = Path(sys.argv[0])
    return str(own.absolute()) if own.name == "ultra-checklist" else f"{sys.executable} -m ultra_checklist"


def _pass_on(process: subprocess.Popen[str]) -> None:
    """Pass the worker's lines on, until it ends."""
    if process.stderr is not None:
        for line in process.stderr:
            say(f"  worker | {line.rstrip()}")
