"""A pretend OctoBot: the part of its web interface's API that only looks.

Paths and answers follow OctoBot's classic web interface (``/api/ping`` answers a JSON string). There the same
paths cancel orders and close positions when they get a POST, so everything but GET counts as a violation.
"""

import time
from datetime import UTC, datetime
from typing import Any

from ultra_checklist.demo.service import Reply, Request, Service, as_json

VERSION = "OctoBot 2.0.9"
HOUR = 3600.0


class OctoBot:
    """Runs for some hours, and traded before that."""

    def __init__(self) -> None:
        now = time.time()
        self.started = now - 30 * HOUR
        self.trades = [
            _trade("BTC/USDT", "buy", 0.01, 60_000.0, now - 6 * HOUR),
            _trade("ETH/USDT", "sell", 0.2, 3_000.0, now - 4 * HOUR),
        ]
        self.orders: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.violations: list[Request] = []
        self.service = Service("octobot", self._answer)

    def trade(self, symbol: str, side: str, amount: float, price: float) -> None:
        """Trade now."""
        self.trades.append(_trade(symbol, side, amount, price, time.time()))

    def _answer(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            self.violations.append(request)
            return as_json({"error": "this OctoBot only lets look"}, 405)
        match request.path:
            case "/api/ping":
                # It tells the local time of its process.
                since = datetime.fromtimestamp(self.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
                return as_json(f"Running since {since}.")
            case "/api/version" | "/api/upgrade_version":
                return as_json(VERSION)
            case "/api/trades":
                return as_json(self.trades)
            case "/api/orders":
                return as_json(self.orders)
            case "/api/positions":
                return as_json(self.positions)
            case "/api/historical_portfolio_value" | "/api/pnl_history":
                return as_json([])
        return as_json({"error": "not found"}, 404)


def _trade(symbol: str, side: str, amount: float, price: float, at: float) -> dict[str, Any]:
    return {
        "id": f"pretend-{symbol}-{at:.3f}",
        "symbol": symbol,
        "type": f"{side}_limit",
        "side": side,
        "amount": amount,
        "price": price,
        "cost": amount * price,
        "total": amount * price,
        "market": symbol.partition("/")[2],
        "exchange": "pretend",
        "time": at,
        "date": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "fee_cost": 0.0,
        "fee_currency": "USDT",
        "ref_market_cost": amount * price,
        "SoR": "Real",
    }
