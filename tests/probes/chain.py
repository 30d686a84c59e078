"""A real node of an Ethereum chain (anvil) with a pretend Aave market on it."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent / "node"
MAX = 2**256 - 1
USD = 10**8
"""The market's BASE_CURRENCY_UNIT."""
WAD = 10**18
KEY = "qk7Zp2wX9rT4"
"""Stands in the node's address."""
PUT = "0x59bb8fb3"
"""Selector of ``put(address,uint256,uint256,uint256)`` of ``market.vy``."""


def binary() -> str:
    """Anvil's path. Skips where it is missing; fails in CI."""
    for found in sorted((HERE / "node_modules").glob("@foundry-rs/anvil-*/bin/anvil")):
        return str(found)
    if (known := shutil.which("anvil")) is not None:
        return known
    reason = "anvil is not installed (npm install --no-package-lock in tests/probes/node/)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Chain:
    """A node that runs, and its market."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(trust_env=False)
        self.sender: str = self.call("eth_accounts")[0]
        code = (HERE / "market.hex").read_text().strip()
        self.market: str = self._send({"data": code})["contractAddress"]

    def call(self, method: str, *params: Any) -> Any:
        """One request; the answer's result."""
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        answer = self.http.post(self.url, json=request).json()
        assert "error" not in answer, answer
        return answer["result"]

    def put(self, account: str, collateral: float, debt: float, health: float | None = None) -> None:
        """Give an account a position, in whole units of the base currency; no health factor: it has no debt."""
        words = [int(account, 16), int(collateral * USD), int(debt * USD)]
        words.append(MAX if health is None else int(health * WAD))
        self._send({"to": self.market, "data": PUT + "".join(f"{word:064x}" for word in words)})

    def _send(self, transaction: dict[str, str]) -> Any:
        sent = self.call("eth_sendTransaction", {"from": self.sender, **transaction})
        # A busy node answers before the block is there.
        ends = time.monotonic() + 30
        while (receipt := self.call("eth_getTransactionReceipt", sent)) is None and time.monotonic() < ends:
            time.sleep(0.02)
        assert receipt["status"] == "0x1", receipt
        return receipt


@contextmanager
def anvil(chain_id: int = 1) -> Iterator[Chain]:
    """A node on a free port, ended afterwards."""
    command = [binary(), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id)]
    with (
        tempfile.NamedTemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            # As an RPC provider's address, with a key in it.
            chain = Chain(f"http://127.0.0.1:{_port(Path(log.name), process)}/?apikey={KEY}")
            yield chain
            chain.http.close()
        finally:
            process.kill()


def _port(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """The port that the node has chosen, once it listens."""
    deadline = monotonic() + 30
    while monotonic() < deadline and process.poll() is None:
        if found := re.search(r"Listening on [^:]+:(\d+)", log.read_text()):
            return found.group(1)
        sleep(0.02)
    raise AssertionError(f"anvil did not start: {log.read_text()}")
