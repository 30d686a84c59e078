"""Test messages in the hands of the worker: one a tick, never by age or retry, and none without a tick."""

from collections.abc import Iterator

import pytest

from tests.lab import Lab, item, template
from tests.probes.outside import Outside, Reply, listening
from tests.shell import Shell
from ultra_checklist.model import ProbeSpec

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


def test_check_sends_nothing(shell: Shell, receiver: Outside) -> None:
    (shell.folder / "small.md").write_text(TEMPLATE)
    done = shell.run(
        "check", "-t", "small.md", "--lang", "en", ULTRA_CHECKLIST_VAR_HOOK=receiver.url + "/topsecret"
    )
    assert "topsecret" not in done.stdout + done.stderr
    assert receiver.asked == []
