"""Test messages in the hands of the worker: one a tick, never by age or retry, and none without a tick."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.lab import Lab, item, template
from tests.probes.outside import Outside, Reply, listening
from tests.shell import Served
from ultra_checklist.model import ProbeSpec
from ultra_checklist.release import Release

TEMPLATE = """---
checklist: small
title: Small
lang: en
vars:
  HOOK: {secret: true}
---
## 1. Now
```yaml section
id: now
```
- [ ] They were told
  ```yaml check
  id: told
  probes:
    - slack: {url: "${HOOK}"}
    - webhook: {url: "${HOOK}"}
  ```
"""


@pytest.fixture
def receiver() -> Iterator[Outside]:
    with listening() as server:
        yield server


def test_one_message_a_tick(lab: Lab, receiver: Outside) -> None:
    spec = ProbeSpec(probe="webhook", options={"url": receiver.url + "/in"})
    lab.new(template(item("told", probes=(spec,))))
    lab.sync()
    assert receiver.asked == []
    lab.person("Sato", "told", done=True)
    lab.sync()
    for _ in range(3):
        lab.sync(minutes=60)
    assert len(receiver.asked) == 1
    lab.person("Sato", "told", done=False)
    lab.sync(minutes=5)
    lab.person("Sato", "told", done=True)
    lab.sync(minutes=5)
    lab.sync(minutes=60)
    first, second = receiver.asked
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert first.json["item"] == second.json["item"] == "told"


def test_a_message_that_got_no_answer_is_not_sent_again_by_itself(lab: Lab, receiver: Outside) -> None:
    receiver.replies = [Reply(503, b"later")]
    spec = ProbeSpec(probe="webhook", options={"url": receiver.url + "/in"})
    lab.new(template(item("told", probes=(spec,))))
    lab.person("Sato", "told", done=True)
    for _ in range(4):
        lab.sync(minutes=60)
    assert len(receiver.asked) == 1
    assert lab.row("told").result == "cannot-tell"


class Killed(BaseException):
    """The process has ended here."""


def test_a_thousand_passes_over_a_failing_channel_send_once_a_tick(
    lab: Lab, receiver: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, file = random.Random(55), Release.record_all

    def deadly(release: Release, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        moment = rng.random()
        if moment < 0.1:
            raise Killed
        file(release, lines)
        if moment > 0.9:
            raise Killed

    receiver.replies = [Reply(status, b"no") for _ in range(500) for status in (503, 404, 429)]
    spec = ProbeSpec(probe="webhook", options={"url": receiver.url + "/in"})
    lab.new(template(item("told", probes=(spec,))))
    monkeypatch.setattr(Release, "record_all", deadly)
    ticks, done, deaths = 0, False, 0
    for _ in range(1000):
        if rng.random() < 0.05:
            done = not done
            ticks += done
            lab.person("Sato", "told", done=done)
        try:
            lab.sync(minutes=rng.choice((1, 1, 10, 60)))
        except Killed:
            deaths += 1
        assert len(receiver.asked) <= ticks
    assert deaths > 10
    assert len(receiver.asked) > ticks / 2


@pytest.fixture
def released(served: Served, receiver: Outside) -> Served:
    """A release whose messages were sent once, for a tick."""
    served.ok("init")
    (served.folder / "small.md").write_text(TEMPLATE)
    secrets = served.home / "environments" / "production.env"
    secrets.parent.mkdir(mode=0o700, exist_ok=True)
    secrets.write_text(f"HOOK={receiver.url}/topsecret\n")
    secrets.chmod(0o600)
    served.ok("new", "v1", "-t", "small.md")
    served.tick("told")
    served.ok("sync")
    assert len(receiver.asked) == 2
    return served


def test_check_sends_nothing(released: Served, receiver: Outside) -> None:
    for source in ("v1", "small.md"):
        done = released.run("check", source, "--format", "json")
        assert done.returncode == 0, done.stderr
        assert [one["result"] for one in json.loads(done.stdout)["checks"]] == ["skipped"]
        assert "topsecret" not in done.stdout + done.stderr
    assert len(receiver.asked) == 2


def test_with_effects_it_sends_once_more_and_the_row_stays_as_it_was(released: Served, receiver: Outside) -> None:
    before = released.result("told")
    done = released.run("check", "v1", "--with-effects", "told", "--format", "json")
    verdicts = json.loads(done.stdout)["checks"][0]["verdicts"]
    assert [one["probe"] for one in verdicts] == ["slack", "webhook"]
    assert len(receiver.asked) == 4
    keys = [asked.headers["idempotency-key"] for asked in receiver.asked if "idempotency-key" in asked.headers]
    assert len(set(keys)) == len(keys) == 2
    released.ok("sync")
    assert (released.result("told"), len(receiver.asked)) == (before, 4)


def test_effects_without_a_release_are_refused(released: Served, receiver: Outside) -> None:
    done = released.run("check", "small.md", "--with-effects", "told")
    assert (done.returncode, len(receiver.asked)) == (2, 2)
    assert "--with-effects is for a release" in done.stderr
    assert released.run("check", "v1", "--with-effects", "nobody").returncode == 2
