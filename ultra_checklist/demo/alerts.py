"""A pretend Alertmanager: which alerts are active, as its API v2 (``gettableAlerts``) lists them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text


class Alertmanager:
    """Knows which alerts are active."""

    def __init__(self) -> None:
        self._alerts: list[dict[str, Any]] = []
        self.service = Service("alertmanager", self._answer)

    def fire(self, name: str, severity: str, summary: str) -> None:
        """Let an alert be active from now on."""
        now = datetime.now(UTC)
        self._alerts.append(
            {
                "labels": {"alertname": name, "severity": severity, "service": "backend"},
                "annotations": {"summary": summary},
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "updatedAt": now.isoformat(),
                "fingerprint": f"{len(self._alerts) + 1:016x}",
                "receivers": [{"name": "pretend"}],
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
                "generatorURL": "",
            }
        )

    def _answer(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return as_json({"error": "this Alertmanager only lets look"}, 405)
        match request.path:
            case "/api/v2/alerts":
                return as_json(self._alerts)
            case "/api/v2/status":
                return as_json({"cluster": {"status": "disabled"}, "versionInfo": {"version": "0.25.0"}})
            case "/-/healthy" | "/-/ready":
                return as_text("OK")
        return as_json({"error": "not found"}, 404)
