"""A pretend Ethereum chain with an Aave v3 market: JSON-RPC that only lets look, on two nodes.

Selectors and encodings are those of aave-v3-origin and the contract ABI: IPoolAddressesProvider (getPool,
getPriceOracle), IPool (getUserAccountData, getUserConfiguration, ADDRESSES_PROVIDER), IPriceOracleGetter
(BASE_CURRENCY_UNIT). Every other method, a transaction above all, is refused and counts as a violation.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.demo.service import Reply, Request, Service, as_json

CHAIN_ID = 1
PROVIDER = "0x2f39d218133afab8f2b819b1066c7e434ad94e9e"
POOL = "0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2"
ORACLE = "0x54586be62e3c3580375ae3723c145253060ca0c2"
ACCOUNT = "0x00000000000000000000000000000000000a11ce"
STAGING_ACCOUNT = "0x00000000000000000000000000000000000b0b00"
BLOCK_SECONDS = 2
"""Seconds from one block to the next."""
CODE = "0x60806040"
WAD = 10**18
UNIT = 10**8
"""Aave's base currency has eight decimals."""
NO_DEBT = 2**256 - 1


@dataclass
class Position:
    """An account in the market; amounts in the base currency."""

    collateral: int = 100_000
    debt: int = 44_594
    threshold: int = 8250
    """Liquidation threshold in basis points."""
    ltv: int = 8000

    @property
    def health_factor(self) -> int:
        """Collateral times threshold over debt, times 10**18; without debt the greatest number there is."""
        return self.collateral * self.threshold * WAD // (10_000 * self.debt) if self.debt else NO_DEBT

    def words(self) -> list[int]:
        """What getUserAccountData returns."""
        free = max(self.collateral * self.ltv // 10_000 - self.debt, 0)
        amounts = [self.collateral * UNIT, self.debt * UNIT, free * UNIT]
        return [*amounts, self.threshold, self.ltv, self.health_factor]


@dataclass
class Chain:
    """What all its nodes agree on."""

    chain_id: int = CHAIN_ID
    positions: dict[str, Position] = field(default_factory=lambda: {ACCOUNT: Position()})
    contracts: dict[str, str] = field(default_factory=lambda: dict.fromkeys((PROVIDER, POOL, ORACLE), CODE))
    transactions: int = 412
    """How many the account has sent."""


class Node:
    """One node of the chain, which may lag behind or tell something else."""

    def __init__(self, name: str, chain: Chain) -> None:
        self.chain = chain
        self.lag = 0.0
        """Seconds by which its newest block is old."""
        self.violations: list[Request] = []
        self.service = Service(name, self._answer)

    def _answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return as_json({"error": "POST only"}, 405)
        try:
            asked = request.json()
        except json.JSONDecodeError:
            return as_json(_error(None, -32700, "parse error"))
        if isinstance(asked, list):
            return as_json([self._one(request, call) for call in asked])
        return as_json(self._one(request, asked))

    def _one(self, request: Request, call: Any) -> dict[str, Any]:
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return _error(None, -32600, "invalid request")
        number, method, params = call.get("id"), call["method"], call.get("params") or []
        try:
            return {"jsonrpc": "2.0", "id": number, "result": self._result(method, params)}
        except KeyError:
            self.violations.append(request)
            return _error(number, -32601, f"the method {method} does not exist/is not available")
        except (IndexError, ValueError, TypeError, AttributeError):
            return _error(number, -32602, "invalid argument")

    def _result(self, method: str, params: list[Any]) -> Any:
        """Raises KeyError for a method that does more than look."""
        match method:
            case "eth_chainId":
                return hex(self.chain.chain_id)
            case "net_version":
                return str(self.chain.chain_id)
            case "eth_blockNumber":
                return hex(self._newest())
            case "eth_getBlockByNumber":
                return self._block(params[0])
            case "eth_getCode":
                return self.chain.contracts.get(params[0].lower(), "0x")
            case "eth_getTransactionCount":
                return hex(self.chain.transactions if params[0].lower() in self.chain.positions else 0)
            case "eth_getBalance":
                return hex(3 * WAD if params[0].lower() in self.chain.positions else 0)
            case "eth_call":
                return self._call(params[0]["to"].lower(), params[0].get("data") or params[0]["input"])
        raise KeyError(method)

    def _newest(self) -> int:
        return int((time.time() - self.lag) // BLOCK_SECONDS)

    def _block(self, tag: str) -> dict[str, Any] | None:
        newest = self._newest()
        named = {"latest": newest, "safe": newest - 8, "finalized": newest - 16, "pending": newest, "earliest": 0}
        number = named[tag] if tag in named else int(tag, 16)
        if not 0 <= number <= newest:
            return None
        return {
            "number": hex(number),
            "hash": _hash(number),
            "parentHash": _hash(number - 1),
            "timestamp": hex(number * BLOCK_SECONDS),
            "transactions": [],
        }

    def _call(self, contract: str, data: str) -> str:
        """What a view function returns; an address without code returns nothing."""
        if contract not in self.chain.contracts:
            return "0x"
        words = self._words(contract, data[:10], data[10:])
        return "0x" + "".join(f"{word:064x}" for word in words)

    def _words(self, contract: str, selector: str, argument: str) -> list[int]:
        position = self.chain.positions.get(f"0x{argument[-40:].lower()}")
        known = {
            (PROVIDER, "0x026b1d5f"): [int(POOL, 16)],  # getPool()
            (PROVIDER, "0xfca513a8"): [int(ORACLE, 16)],  # getPriceOracle()
            (POOL, "0x0542975c"): [int(PROVIDER, 16)],  # ADDRESSES_PROVIDER()
            (POOL, "0xbf92857c"): (position or Position(0, 0, 0, 0)).words(),  # getUserAccountData(address)
            (POOL, "0x4417a583"): [6 if position is not None else 0],  # getUserConfiguration(address)
            (ORACLE, "0x8c89b64f"): [UNIT],  # BASE_CURRENCY_UNIT()
        }
        if (contract, selector) not in known:
            raise ValueError("execution reverted")
        return known[contract, selector]


def _hash(number: int) -> str:
    return f"0x{hashlib.sha256(f'block {number}'.encode()).hexdigest()}"


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
