"""How fast the local Notion answers: simple reads a second, and queries over many rows.

Run with ``python benchmarks/local_notion.py [--rows 10000]``. The server is a process of its own, pinned to one
core; one client asks over one connection that stays open, on another core where there is one. Each figure is
the median of several rounds.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ultra_checklist.server.app import create_app

PAGE = "00000000-0000-4000-8000-000000000001"
HEADERS = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
ROUNDS = 7
SCHEMA: dict[str, Any] = {
    "Name": {"title": {}},
    "Live": {"checkbox": {}},
    "Done": {"checkbox": {}},
    "Result": {"select": {"options": [{"name": "Passed"}, {"name": "Failed"}]}},
    "Decision": {"select": {"options": [{"name": "Waive"}]}},
    "Note": {"rich_text": {}},
    "Settled": {"checkbox": {}},
}
LIVE = {"property": "Live", "checkbox": {"equals": True}}
# What the worker asks: rows on which people wait for it.
WAITING = {
    "or": [
        {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2100-01-01"}},
        {
            "and": [
                LIVE,
                {"property": "Done", "checkbox": {"equals": True}},
                {"property": "Result", "select": {"is_empty": True}},
            ]
        },
        {
            "and": [
                LIVE,
                {"property": "Done", "checkbox": {"equals": False}},
                {"property": "Decision", "select": {"is_empty": True}},
                {"property": "Result", "select": {"is_not_empty": True}},
            ]
        },
        {
            "and": [
                LIVE,
                {"property": "Decision", "select": {"is_not_empty": True}},
                {"property": "Note", "rich_text": {"is_not_empty": True}},
                {"property": "Settled", "checkbox": {"equals": False}},
            ]
        },
    ]
}


def fill(database: Path, rows: int, waiting: int) -> str:
    """A data source of ``rows`` settled rows, of which ``waiting`` wait for the worker; its id."""

    async def run() -> str:
        app = create_app(database)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://notion.local", headers=HEADERS
        ) as client:
            parent = {"type": "page_id", "page_id": PAGE}
            body = {"parent": parent, "initial_data_source": {"properties": SCHEMA}}
            source = (await client.post("/v1/databases", json=body)).json()["data_sources"][0]["id"]
            for number in range(rows):
                # The last hundred rows belong to releases that are still open.
                live, waits = number >= rows - 100, number >= rows - waiting
                properties = {
                    "Name": {"title": [{"text": {"content": f"Row {number}"}}]},
                    "Live": {"checkbox": live},
                    "Done": {"checkbox": True},
                    "Result": {"select": None if waits else {"name": "Passed"}},
                    "Settled": {"checkbox": not waits},
                }
                page = {"parent": {"data_source_id": source}, "properties": properties}
                (await client.post("/v1/pages", json=page)).raise_for_status()
        app.state.store.close()
        return str(source)

    return asyncio.run(run())


def rate(call: Callable[[], httpx.Response], seconds: float = 0.5) -> float:
    """How often a second, the median of the rounds."""
    figures = []
    for _ in range(ROUNDS):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            call().raise_for_status()
            count += 1
        figures.append(count / (time.perf_counter() - began))
    return statistics.median(figures)


def measure(folder: Path, rows: int, waiting: int) -> list[tuple[str, float]]:
    """The figures of one file."""
    database = folder / f"{rows}-{waiting}.db"
    source = fill(database, rows, waiting)
    command = [sys.executable, "-m", "ultra_checklist.server", "--port", "0", "--db", str(database)]
    core = min(os.sched_getaffinity(0))
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    url = (server.stdout or sys.stdin).readline().split()[1]
    with httpx.Client(base_url=url, headers=HEADERS, timeout=60) as client:
        found = client.post(f"/v1/data_sources/{source}/query", json={"filter": WAITING}).json()["results"]
        if len(found) != min(waiting, 100):
            raise SystemExit(f"the query found {len(found)} rows instead of {min(waiting, 100)}")
        figures = [
            (f"GET page, {rows} rows", rate(lambda: client.get(f"/v1/pages/{found[0]['id'] if found else PAGE}"))),
            (
                f"worker's query, {rows} rows, {waiting} found",
                rate(lambda: client.post(f"/v1/data_sources/{source}/query", json={"filter": WAITING})),
            ),
        ]
    server.terminate()
    server.wait(timeout=30)
    return figures


def main() -> None:
    """Print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        for some in (100, rows):
            for waiting in (0, 10, 100):
                for name, figure in measure(Path(folder), some, waiting):
                    sys.stdout.write(f"{name:<45} {figure:>8.0f}/s {1000 / figure:>8.2f} ms\n")


if __name__ == "__main__":
    main()
