"""A pretend production in a folder and on loopback: git, a backend that is deployed, and all that it works with."""

import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ultra_checklist.demo import control, junit, repository
from ultra_checklist.demo.alerts import Alertmanager
from ultra_checklist.demo.chain import ACCOUNT, CHAIN_ID, PROVIDER, Chain, Node, Position
from ultra_checklist.demo.container import Container, image_of
from ultra_checklist.demo.docker_api import DockerApi
from ultra_checklist.demo.monitor import CRON, Monitor
from ultra_checklist.demo.octobot import OctoBot
from ultra_checklist.demo.prometheus import Prometheus
from ultra_checklist.demo.repository import NEW, SCRIPT
from ultra_checklist.demo.service import Request, Service
from ultra_checklist.demo.sinks import LINE_TO, Line, Message, Slack, Webhook

WATCH_SECONDS = 15.0
"""How long the people watch after a deploy."""
LOOK_EVERY = 8.0
"""Seconds between looks meanwhile. A look speaks for twice that: on a busy machine too, all of it is seen."""
STAGING_HOURS = 26.0
"""Hours for which the staging backend pretends to have run."""
WINDOWS = {
    "STAGING_SECONDS": "1",
    "RUNNING_SECONDS": "0.2",
    "LOG_SECONDS": "1",
    "WATCH_MINUTES": f"{WATCH_SECONDS / 60:g}",
    "WATCH_EVERY": f"{LOOK_EVERY:g}",
    "WATCH_LASTING": "2",
    "METRICS_MINUTES": f"{WATCH_SECONDS / 60:g}",
    "METRICS_EVERY": f"{LOOK_EVERY:g}",
    "EVENTS_TOLERANCE": "2",
    "MONITOR_DAILY": CRON["daily"],
    "MONITOR_WEEKLY": CRON["weekly"],
    "MONITOR_GRACE": "2",
    "FLOW_WITHIN": "10",
    "FLOW_QUIET": "1",
}
"""Time windows of the checklist, short enough for a demo."""


@dataclass
class World:
    """The pretend production. ``checkout`` stands at the old release; the tag of the new one is there."""

    root: Path
    commit: str
    """That of the new release."""
    container: Container
    staging: Container
    docker: DockerApi
    chain: Chain
    nodes: tuple[Node, Node]
    octobot: OctoBot
    slack: Slack
    line: Line
    webhook: Webhook
    alertmanager: Alertmanager
    prometheus: Prometheus
    monitor: Monitor
    forgetful: bool = False
    """Whether its people record who works, and since when, only after the deploy."""
    unfinished: bool = False
    """Whether its people leave a line of staging's checklist open."""
    staging_ref: str = NEW
    """What was released on staging."""
    newsroom: str = ""
    """How the backend treats news from Notion: empty (well), or what is wrong with it."""
    silent: set[str] = field(default_factory=set)
    """Items for which its people neither attach nor answer anything."""

    @property
    def checkout(self) -> Path:
        """The repository on the pretend production server."""
        return self.root / "production"

    @property
    def staging_checkout(self) -> Path:
        """The repository on the pretend staging server."""
        return self.root / "staging"

    @property
    def run_folder(self) -> Path:
        """What the running backend keeps: process id, release, log."""
        return self.checkout / "run"

    @property
    def environment_file(self) -> Path:
        """The environment file of production."""
        return self.checkout / ".env.production"

    @property
    def junit(self) -> Path:
        """The reports of the tests."""
        return self.root / "ci" / "junit"

    @property
    def evidence(self) -> Path:
        """The evidence store of the product that looks after this production."""
        return self.root.parent / "state" / "evidence"

    @property
    def url(self) -> str:
        """The backend's read-only address."""
        return f"{self.container.url}/health"

    @property
    def path(self) -> str:
        """A PATH with stand-ins for tools that this machine may not have."""
        return f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"

    @property
    def variables(self) -> dict[str, str]:
        """Values for the checklist's variables; the secrets are elsewhere."""
        return {
            "DEPLOY_DIR": str(self.checkout),
            "GIT_REMOTE": "origin",
            "BACKEND_URL": self.url,
            "BACKEND_LOG": "run/backend.log",
            "BACKEND_CONTAINER": self.container.name,
            "BACKEND_IMAGE": image_of(self.commit),
            "METRICS_URL": f"{self.container.url}/metrics",
            "EVENTS_URL": f"{self.container.url}/events",
            "PROMETHEUS_URL": self.prometheus.service.url,
            "ALERTMANAGER_URL": self.alertmanager.service.url,
            "OCTOBOT_URL": self.octobot.service.url,
            "AAVE_RPC_URL": self.nodes[0].service.url,
            "AAVE_RPC_URL_2": self.nodes[1].service.url,
            "AAVE_PROVIDER": PROVIDER,
            "AAVE_ACCOUNT": ACCOUNT,
            "AAVE_CHAIN_ID": str(CHAIN_ID),
            "MIN_HEALTH_FACTOR": "1.5",
            "MIN_COLLATERAL": "50000",
            "TRADE_PAIRS": "BTC/USDT, ETH/USDT",
            "MAX_TRADES": "0",
            "WALLET": ACCOUNT,
            "TEST_SUITES": "unit, integration, e2e",
            "LINE_API_URL": self.line.service.url,
            "LINE_TO": LINE_TO,
            "MONITOR_LOG_DIR": str(self.monitor.folder),
            "MONITOR_CRONTAB": "scripts/crontab",
            "JUNIT_DIR": str(self.junit),
            "STAGING_URL": f"{self.staging.url}/health",
            **WINDOWS,
        }

    @property
    def secrets(self) -> dict[str, str]:
        """Values for the checklist's secret variables."""
        return {
            "SLACK_WEBHOOK_URL": self.slack.url,
            "LINE_CHANNEL_TOKEN": self.line.token,
            "WEBHOOK_URL": self.webhook.url,
        }

    @property
    def services(self) -> tuple[Service, ...]:
        """All that serve in this process."""
        parts = (*self.nodes, self.octobot, self.slack, self.line, self.webhook, self.alertmanager, self.prometheus)
        return (*(part.service for part in parts), self.docker.service)

    @property
    def violations(self) -> list[Request]:
        """Requests that did more than look where only looking is allowed."""
        return [request for part in (*self.nodes, self.octobot, self.docker) for request in part.violations]

    @property
    def messages(self) -> list[Message]:
        """All messages that arrived, oldest first."""
        found = [message for sink in (self.slack, self.line, self.webhook) for message in sink.messages]
        return sorted(found, key=lambda message: message.at)

    @property
    def codes(self) -> str:
        """The codes of all messages that arrived, as a person types them into a note."""
        return " ".join(dict.fromkeys(message.code for message in self.messages if message.code))

    @property
    def staging_variables(self) -> dict[str, str]:
        """Values for the variables of staging's checklist."""
        return {
            "DEPLOY_DIR": str(self.staging_checkout),
            "BACKEND_URL": f"{self.staging.url}/health",
            "RELEASE_REF": self.staging_ref,
        }

    def git(self, *arguments: str) -> str:
        """Run git in the checkout. Raises CalledProcessError."""
        return repository.git(self.checkout, *arguments)

    def deploying(self, tag: str = NEW) -> list[str]:
        """The command that deploys a version."""
        return [str(self.checkout / SCRIPT), tag]

    def spoil(self, **values: object) -> None:
        """Set something of the running backend wrong; with ``version`` for that version alone."""
        control.put(self.run_folder, **values)

    def mend(self) -> None:
        """Put right what does not lie in files: backend, chain, bot, and every service that fails."""
        (self.run_folder / control.FILE).unlink(missing_ok=True)
        for service in self.services:
            service.fault = None
        self.chain.chain_id, self.chain.positions = CHAIN_ID, {ACCOUNT: Position()}
        self.nodes[0].lag = self.nodes[1].lag = 0.0
        self.docker.hidden, self.newsroom = False, ""
        self.slack.lost = self.line.lost = self.webhook.lost = False
        self.container.start_again()

    def push_to_main(self) -> None:
        """Somebody pushes to main, and the server hears of it: the branch moves, the release does not."""
        main = self.git("rev-parse", "origin/main")
        tree = self.git("rev-parse", f"{main}^{{tree}}")
        commit = self.git("commit-tree", tree, "-p", main, "-m", "Work on the next release")
        self.git("push", "--quiet", "origin", f"{commit}:refs/heads/main")


@contextmanager
def pretend_production(root: Path) -> Iterator[World]:
    """Build it below ``root``, start all that runs in it, and end that with the block; the files stay."""
    repository.build(root)
    repository.tools(root)
    production, staging = root / "production", root / "staging"
    with ExitStack() as stack:
        # The path of a socket must be short, and that of ``root`` may not be.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ultra-world-")))
        container = Container("ultra-backend", production / "run", production / ".env.production")
        other = Container("ultra-staging", staging / "run", staging / ".env.staging", hours=STAGING_HOURS)
        for one in (container, other):
            stack.callback(one.close)
            one.start()
        chain = Chain()
        world = World(
            root=root,
            commit=repository.git(production, "rev-parse", NEW),
            container=container,
            staging=other,
            docker=DockerApi(sockets / "docker.sock", container),
            chain=chain,
            nodes=(Node("rpc-1", chain), Node("rpc-2", chain)),
            octobot=OctoBot(),
            slack=Slack(),
            line=Line(),
            webhook=Webhook(),
            alertmanager=Alertmanager(),
            prometheus=Prometheus(lambda: fetch(f"{container.url}/metrics")),
            monitor=Monitor(root / "monitor"),
        )
        for service in world.services:
            stack.callback(service.close)
        for clock in (world.prometheus, world.monitor):
            stack.callback(clock.close)
            clock.start()
        junit.write(world.junit, world.commit, datetime.now(UTC))
        yield world


def fetch(url: str) -> str:
    """What an address answers, whatever the environment says of proxies. Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=2) as answer:
        text: str = answer.read().decode()
        return text
