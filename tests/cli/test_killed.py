"""Commands that are killed with SIGKILL at every request they send, before it is carried out and after."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.proxy import Proxy
from tests.shell import COMMAND, SMALL, Served


@pytest.fixture
def proxy(served: Served) -> Iterator[Proxy]:
    served.ok("init")
    (served.folder / "small.md").write_text(SMALL)
    made = Proxy(served.url)
    served.environment |= {"NOTION_BASE_URL": made.url, "ULTRA_CHECKLIST_INDEX_LAG": "0"}
    yield made
    made.close()


def killed(served: Served, proxy: Proxy, request: int, when: str, *command: str) -> bool:
    """Run a command and kill it at its k-th request; False where it ended before that."""
    process = subprocess.Popen(
        [*COMMAND, *command], env=served.full_environment(), cwd=served.folder, stderr=subprocess.PIPE
    )
    first = proxy.count

    def act(number: int, now: str) -> bool:
        if number - first == request and now == when:
            process.kill()
            return True
        return False

    proxy.act = act
    process.communicate()
    proxy.act = lambda _number, _when: False
    return process.returncode == -9


def look(served: Served, version: str) -> Any:
    """All that a release shows, without times and ids."""
    workspace = json.loads((served.home / "workspace.json").read_text())
    rows = served.call("POST", f"data_sources/{workspace['checks']}/query", {})["results"]
    pages = served.call("POST", f"data_sources/{workspace['releases']}/query", {})["results"]

    def text(page: Any, name: str) -> str:
        prop = page["properties"][name]
        value = prop[prop["type"]]
        if isinstance(value, list):
            return "".join(piece["plain_text"] for piece in value)
        return str(value["name"] if isinstance(value, dict) else value)

    own = [page for page in rows if f"/{version}/" in text(page, "Key")]
    page = [page for page in pages if text(page, "Key").endswith(f"/{version}")]
    blocks = [served.call("GET", f"blocks/{one['id']}/children")["results"] for one in page]
    columns = ("Check", "Result", "Why", "Settled", "Live", "Done")
    kinds = [[_kind(block) for block in children] for children in blocks]
    return (
        sorted([text(row, "Key").rpartition("/")[2], *(text(row, name) for name in columns)] for row in own),
        [text(one, "Status") for one in page],
        kinds,
    )


def _kind(block: Any) -> str:
    """A block's type; of the line about hooks, how far they have come."""
    texts = block["paragraph"]["rich_text"] if block["type"] == "paragraph" else []
    words = "".join(piece["plain_text"] for piece in texts)
    return " ".join(words.split()[:3]) if words.startswith("Hooks") else str(block["type"])


@pytest.mark.parametrize("when", ["before", "after"])
def test_new_killed_at_every_request(served: Served, proxy: Proxy, when: str) -> None:
    served.ok("new", "v0", "-t", "small.md", "--queued")
    expected = look(served, "v0")
    step = 1
    while killed(served, proxy, step, when, "new", f"v{step}", "-t", "small.md", "--queued"):
        served.ok("new", f"v{step}", "-t", "small.md", "--queued")
        assert look(served, f"v{step}") == expected, f"killed {when} request {step}"
        before = proxy.count
        served.ok("new", f"v{step}", "-t", "small.md", "--queued")
        assert proxy.count == before
        step += 1
    assert step - 1 == 3 + 3, "one query, the page, its view, and three rows"


@pytest.mark.parametrize("when", ["before", "after"])
def test_sync_and_close_killed_at_every_request(served: Served, proxy: Proxy, when: str) -> None:
    """What shows is the same as without a kill, and the hook was told at least once, with one key for each ending."""
    told = served.folder / "told"
    served.environment["ULTRA_CHECKLIST_HOOK_COMMAND"] = f"sh -c 'cat >> {told}; echo >> {told}'"

    def prepare(version: str) -> None:
        served.ok("new", version, "-t", "small.md", "--queued")
        for item in ("there", "word", "another"):
            served.tick(f"{version}/{item}")

    prepare("v0")
    served.ok("sync")
    synced = look(served, "v0")
    served.ok("close", "v0", "--as", "complete")
    closed = look(served, "v0")
    for command, count, expected in ((["sync"], 5, synced), (["close", "--as", "complete"], 14, closed)):
        step = 1
        while True:
            version = f"{command[0]}{step}"
            prepare(version)
            if command[0] == "close":
                served.ok("sync", "--release", version)
            arguments = (
                [*command, "--release", version] if command[0] == "sync" else [command[0], version, *command[1:]]
            )
            if not killed(served, proxy, step, when, *arguments):
                break
            served.ok(*arguments)
            assert look(served, version) == expected, f"{command[0]} killed {when} request {step}"
            served.ok("close", version, "--as", "aborted", "--reason", "x") if command[0] == "sync" else None
            step += 1
        assert step - 1 >= count, f"{command[0]} was killed at {step - 1} requests"
    messages = [json.loads(line) for line in told.read_text().splitlines()]
    endings = {(message["version"], message["ending"], message["idempotency_key"]) for message in messages}
    assert len({version for version, _, _ in endings}) == len(endings), "one key for each ending"
    assert {v for v, ending, _ in endings if ending == "complete"} >= {"v0", *(f"close{n}" for n in range(1, step))}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sync_that_comments_killed_at_every_request_comments_at_most_once(
    served: Served, proxy: Proxy, when: str
) -> None:
    served.environment["ULTRA_CHECKLIST_NOTIFY"] = "comment"
    (served.folder / "wrong.md").write_text(SMALL.replace('["true"]', '["false"]'))
    step, counts = 1, []
    while True:
        version = f"v{step}"
        served.ok("new", version, "-t", "wrong.md", "--queued")
        served.tick(f"{version}/there")
        was_killed = killed(served, proxy, step, when, "sync", "--release", version)
        for _ in range(2):
            served.ok("sync", "--release", version)
        row = served.row(f"{version}/there")
        assert row["properties"]["Result"]["select"]["name"] == "Failed"
        counts.append(len(served.call("GET", f"comments?block_id={row['id']}")["results"]))
        if not was_killed:
            break
        served.ok("close", version, "--as", "aborted", "--reason", "x")
        step += 1
    assert step - 1 >= 3, "the query, the row, the comment"
    assert counts[-1] == 1
    assert set(counts) <= {0, 1}
    assert counts.count(0) <= (1 if when == "before" else 0), "only where the comment itself was cut off"
