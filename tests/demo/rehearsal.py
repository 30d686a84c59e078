"""One release of the pretend production in which one item alone is looked at: quick enough for every sabotage."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.lab import Lab
from tests.shell import Shell
from ultra_checklist.demo.monitor import next_minute
from ultra_checklist.demo.repository import NEW, OLD
from ultra_checklist.demo.sabotage import Break, Moment
from ultra_checklist.demo.story import JOB_SECONDS
from ultra_checklist.demo.world import World
from ultra_checklist.guarded import Guarded
from ultra_checklist.lifecycle import Order
from ultra_checklist.model import Item, Outcome, Template
from ultra_checklist.notion.rows import Row
from ultra_checklist.notion.schema import RESULT_WORDS
from ultra_checklist.origins import pin_commit, resolve
from ultra_checklist.prove import Prover
from ultra_checklist.record import Proof
from ultra_checklist.template import load

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
PRODUCTION, STAGING = (load(TEMPLATES / f"{name}_release.md") for name in ("production", "staging"))
VERSION, STAGING_VERSION = "v1.4.0", "v1.4.0-rc1"
WINDOWS = {"WATCH_MINUTES": "0.1", "WATCH_EVERY": "3", "METRICS_MINUTES": "0.1", "METRICS_EVERY": "3"}
"""Six seconds are enough to be watched here."""
WINDOW = 7.0
"""Seconds after which all of it was seen."""
LINES = 3.0
"""Seconds in which a backend that says something again and again has said it more than once."""
STABLE = 2.0
"""Seconds for which staging has run then: more than the checklist asks for here."""
PATIENCE = 20.0
EVERY = 0.2
"""Seconds between the worker's passes: the pretend production goes on meanwhile."""
STEADY = 1.5
"""Seconds for which what cannot be told must stay so."""
LATER = (Moment.SMOKE, Moment.MONITORING, Moment.RECORD)
RECORDS, DEPLOYS, SMOKE, ROLLBACK = "operator-recorded", "deploy-script", "smoke-api", "rollback-done"
WHO = "Sato"
CODES = {words.en: code for code, words in RESULT_WORDS.items()}
"""Results by their English names."""


class Rehearsal:
    """A pretend production and an engine that looks after it; ``folder`` holds the world and the state."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.lab = Lab(folder)
        secrets = self.lab.home / "environments" / "production.env"
        secrets.parent.mkdir(mode=0o700)
        secrets.write_text("".join(f"{name}={value}\n" for name, value in world.secrets.items()))
        secrets.chmod(0o600)

    def look(self, item_id: str, act: Break | None = None) -> Row:
        """Play what comes before an item, with an act of sabotage at its moment, and tick it; gives its row at rest."""
        item = PRODUCTION.item(item_id)
        assert item is not None
        if act is not None and act.moment is Moment.STAGING:
            act.apply(self.world)
        self._release(item)
        if act is not None and act.moment is Moment.START:
            act.apply(self.world)
        if not item.until_deploy and not (item.id == RECORDS and not self.world.forgetful):
            self._deploy(DEPLOYS, NEW)
            if act is not None and act.moment is Moment.DEPLOYED:
                act.apply(self.world)
            self._sync()
            if act is not None and act.moment in LATER:
                act.apply(self.world)
        self._wait(item)
        if item.id == ROLLBACK:
            self.world.spoil(version=NEW, status=500)
            self._tick(SMOKE)
            self._sync()
            self._deploy(ROLLBACK, OLD)
        for needed in item.needs:
            self._tick(needed)
        self._tick(item.id)
        return self._rest(item, act)

    def proof(self, item_id: str) -> Proof | None:
        """What the probes of an item found last."""
        return self.lab.release(VERSION).history.check(item_id).proof

    def _rest(self, item: Item, act: Break | None) -> Row:
        """Passes of the worker until the row shows what it must, and stays so; else until patience ends."""
        wanted = CODES[act.result if act is not None else "Passed"]
        ends = time.monotonic() + PATIENCE
        steady = 0.0
        while True:
            self._sync()
            row = self._row(item.id)
            proof = self.proof(item.id)
            passes = act is None and proof is not None and proof.outcome is Outcome.PASS
            now = time.monotonic()
            if passes or row.result == wanted == "failed":
                return row
            steady = (steady or now) if row.result == wanted else 0.0
            if (steady and now - steady > STEADY) or now > ends:
                return row
            self._answer(item.id, row)
            time.sleep(EVERY)

    def _wait(self, item: Item) -> None:
        """Let the time go by that an item speaks of, as people do before they tick it; the worker goes on looking."""
        probes = {spec.probe for spec in item.probes}
        seconds = WINDOW if probes & {"watch", "metrics", "events"} else LINES if "log" in probes else 0.0
        if any("stable_for" in spec.options for spec in item.probes):
            seconds = STABLE
        if "schedule" in probes:
            seconds = (next_minute(datetime.now(UTC)) - datetime.now(UTC)).total_seconds() + JOB_SECONDS
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._sync()
            time.sleep(EVERY)

    def _answer(self, item_id: str, row: Row) -> None:
        """Type the codes of the messages that were seen to arrive, as a person does."""
        codes = self.world.codes
        if codes and codes != row.note:
            self._person(item_id, {"Note": {"rich_text": [{"text": {"content": codes}}]}})

    def _release(self, item: Item) -> None:
        world = self.world
        more = dict(WINDOWS)
        if any(spec.probe == "release" for spec in item.probes):
            more["STAGING_RELEASE"] = STAGING_VERSION
            self._staging()
        if any("fingerprints" in spec.options for spec in item.probes):
            out = world.root / "staging.fingerprints"
            shell = Shell(self.lab.home.parent, {"ULTRA_CHECKLIST_HOME": str(self.lab.home)})
            shell.ok("fingerprint", str(world.staging_checkout / ".env.staging"), "-o", str(out))
            more["STAGING_FINGERPRINTS"] = str(out)
        self._new(PRODUCTION, VERSION, "production", {**world.variables, **more})

    def _staging(self) -> None:
        """Staging's checklist, worked through and closed, or all but its last lines."""
        world, lab = self.world, self.lab
        self._new(STAGING, STAGING_VERSION, "staging", world.staging_variables)
        lab.close_after = 0.0
        turn = next(n for n, item in enumerate(STAGING.items) if item.deploys)
        after = STAGING.items[turn + 1 : -1] if world.unfinished else STAGING.items[turn + 1 :]
        for step in (STAGING.items[:turn], STAGING.items[turn : turn + 1], after):
            for item in step:
                self._tick(item.id, STAGING_VERSION)
            self._sync()
        self._sync()
        lab.close_after = 1e9

    def _new(self, template: Template, version: str, where: str, values: dict[str, str]) -> None:
        known = {variable.name for variable in template.variables}
        flags = [f"{name}={value}" for name, value in values.items() if name in known]
        built_in = {"VERSION": version, "ENVIRONMENT": where}
        home = self.lab.home
        variables = resolve(template, flags=flags, home=home, environment=where, built_in=built_in)
        variables, commit = pin_commit(variables, None)
        text = Path(template.path).read_text(encoding="utf-8")
        order = Order(version, where, template, text, variables, commit, "", False)

        self.lab.make(order)

    def _deploy(self, item_id: str, version: str) -> None:
        """Run the deploy's script for an item, as ``run`` does."""
        release = self.lab.release(VERSION)
        item = release.manifest.template.item(item_id)
        assert item is not None
        guarded = Guarded(
            release, item, self.lab.home, Prover(release, self.lab.home), self.world.deploying(version)
        )
        asyncio.run(guarded.begin([]))
        guarded.run(lambda _output: None, {"PATH": self.world.path})

    def _tick(self, item_id: str, version: str = VERSION) -> None:
        self._person(item_id, {"Done": {"checkbox": True}}, version)

    def _person(self, item_id: str, properties: dict[str, object], version: str = VERSION) -> None:
        page = self.lab.release(version).manifest.rows[item_id]
        self.lab.call("PATCH", f"pages/{page}", {"properties": properties}, who=WHO)

    def _row(self, item_id: str) -> Row:
        return self.lab.row(item_id, VERSION)

    def _sync(self) -> None:
        self.lab.now = datetime.now(UTC)
        self.lab.sync()
