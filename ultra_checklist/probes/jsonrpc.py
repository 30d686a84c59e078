"""Reads an Ethereum chain by JSON-RPC over HTTP: five read-only methods, decoded by hand.

Methods and encodings: the Ethereum execution APIs (quantities and data in hexadecimal) and the contract ABI
specification of Solidity (words of 32 bytes, an address in the last 20 of its word).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.probes.fetch import Asker

READ_ONLY = frozenset({"eth_chainId", "eth_getBlockByNumber", "eth_getCode", "eth_call", "eth_getTransactionCount"})
REMEDY = (
    "curl -sS -H 'content-type: application/json' "
    '--data \'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}\' "$RPC_URL"'
)
UINT256_MAX = 2**256 - 1
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_LIMITED = (-32005, 429)
"""Codes with which providers say that they have been asked too often (EIP-1474: limit exceeded)."""


@dataclass(frozen=True)
class Block:
    """A block's number, hash, and time in seconds since 1970."""

    number: int
    hash: str
    time: int


class Node:
    """One node that is asked; what it must not be quoted with is taken out by ``clean``."""

    def __init__(self, asker: Asker, url: str, clean: Callable[[str], str]) -> None:
        self._asker = asker
        self._url = url
        self._clean = clean
        self._keys = [part for part in re.split(r"[/?&=#]", url.partition(urlsplit(url).netloc)[2]) if part]

    async def chain_id(self) -> int:
        """The id of its chain (EIP-155)."""
        return self._quantity(await self._call("eth_chainId"))

    async def block(self, number: int | None = None) -> Block:
        """The newest block, or that of a number."""
        raw = await self._call("eth_getBlockByNumber", "latest" if number is None else hex(number), False)
        if raw is None:
            raise self._asker.cannot(
                "no-block", f"it does not know block {number}", f"ブロック {number} がまだありません"
            )
        if not isinstance(raw, dict) or not isinstance(raw.get("hash"), str) or not _HASH.fullmatch(raw["hash"]):
            raise self._malformed()
        found = Block(self._quantity(raw.get("number")), raw["hash"].lower(), self._quantity(raw.get("timestamp")))
        if number not in (None, found.number):
            raise self._malformed()
        return found

    async def transactions(self, address: str, block: int) -> int:
        """How many transactions an account had sent by that block: its nonce."""
        return self._quantity(await self._call("eth_getTransactionCount", address, hex(block)))

    async def has_code(self, address: str, block: int) -> bool:
        """Whether there is a contract."""
        return len(self._bytes(await self._call("eth_getCode", address, hex(block)))) > 0

    async def words(self, address: str, selector: str, block: int, count: int, argument: str = "") -> list[int]:
        """What a view function returns: so many words, as unsigned numbers. ``argument`` is an address."""
        data = selector + (argument.removeprefix("0x").lower().rjust(64, "0") if argument else "")
        raw = self._bytes(await self._call("eth_call", {"to": address, "data": data}, hex(block)))
        if len(raw) < 32 * count:
            raise self._asker.cannot(
                "not-aave",
                f"{address} does not answer as the contract that it must be",
                f"{address} は想定したコントラクトの応答をしません",
            )
        return [int.from_bytes(raw[32 * n : 32 * n + 32]) for n in range(count)]

    async def address(self, contract: str, selector: str, block: int) -> str:
        """What a view function without arguments returns: an address."""
        (word,) = await self.words(contract, selector, block, 1)
        if not 0 < word < 2**160:
            raise self._asker.cannot(
                "not-aave",
                f"{contract} does not answer with an address",
                f"{contract} がアドレスを返しません",
            )
        return f"0x{word:040x}"

    async def _call(self, method: str, *params: Any) -> Any:
        if method not in READ_ONLY:
            raise ValueError(f"{method} is no read-only method")
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = await self._asker.json(self._url, method="POST", data=request)
        if not isinstance(answer, dict) or answer.get("id") not in (1, None):
            raise self._malformed()
        error = answer.get("error")
        if error is not None:
            raise self._refused(method, error)
        if "result" not in answer or answer.get("id") is None:
            raise self._malformed()
        return answer["result"]

    def _refused(self, method: str, error: Any) -> ProbeCannotTell:
        code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
        said = str(message)[:200]
        for key in self._keys:
            said = said.replace(key, "***")
        said = f"{method}: {self._clean(said)} ({code})"
        limited, reverted = code in _LIMITED, "revert" in said.lower()
        reason = "rate-limited" if limited else "not-aave" if reverted else "rpc-error"
        return self._asker.cannot(reason, f"it refuses {said}", f"エラー応答 {said}")

    def _quantity(self, raw: Any) -> int:
        if not isinstance(raw, str) or _QUANTITY.fullmatch(raw) is None:
            raise self._malformed()
        return int(raw, 16)

    def _bytes(self, raw: Any) -> bytes:
        if not isinstance(raw, str) or _DATA.fullmatch(raw) is None:
            raise self._malformed()
        return bytes.fromhex(raw[2:])

    def _malformed(self) -> ProbeCannotTell:
        return self._asker.cannot(
            "malformed", "its answer is not that of an Ethereum node", "Ethereum ノードの応答ではありません"
        )
