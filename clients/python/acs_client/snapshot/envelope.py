"""The members of a snapshot that a session keeps (section 12.4): who runs, when, and what was counted."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

from acs_client.snapshot.clock import Clock
from acs_client.snapshot.counts import Budgets, Counters
from acs_client.snapshot.labels import Labels
from acs_client.snapshot.provenance import Provenance
from acs_client.tracing import current_trace
from acs_client.values import SnapshotError

__all__ = ["Brought", "Envelope", "called", "present"]

Brought = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None

_KEPT = frozenset(
    {"session", "intervention_point", "timestamp", "budgets", "trace", "tenant", "approvals", "counters"}
)
_FILLED = frozenset({"session", "budgets"})  # of which a host says a part
_KEPT_OF_AGENT = frozenset({"id", "version", "name", "framework"})


class Envelope:
    """Builds `envelope`, `ifc` and `provenance` for each point."""

    def __init__(
        self,
        clock: Clock,
        *,
        session_id: str,
        agent: Mapping[str, Any],
        tenant: Mapping[str, Any] | None,
        approval_window_seconds: int | None,
        brought: Brought,
        counters: Counters,
        labels: Labels,
        provenance: Provenance,
    ) -> None:
        self.clock = clock
        self.session_id = session_id
        self.agent = agent
        self.budgets = Budgets()
        self.counters = counters
        self.labels = labels
        self.provenance = provenance
        self.started_at = clock.timestamp()
        self.elapsed_before = 0.0
        self._begun = clock.monotonic()
        self._tenant = tenant
        self._window = approval_window_seconds
        self._brought = brought
        self._told: Mapping[str, Any] = {}
        self.escalations: list[float] = []
        self._lock = threading.Lock()

    def of_agent(self, members: Mapping[str, Any]) -> "Envelope":
        """Return this envelope for another agent of the session; what is counted is shared."""
        found = copy.copy(self)
        found.agent = {**self.agent, **members}
        return found

    def of_host(self, told: Mapping[str, Any]) -> "Envelope":
        """Return this envelope with members that a host says itself; what is counted is shared."""
        found = copy.copy(self)
        found._told = told
        found.session_id = told["session"]["id"]
        return found

    def seconds(self) -> float:
        """Return how long the session has run, to three decimals."""
        return round(self.elapsed_before + self.clock.monotonic() - self._begun, 3)

    def escalated(self) -> None:
        """Count a request for approval."""
        with self._lock:
            self.escalations.append(self.clock.now())

    def export(self) -> dict[str, Any]:
        """Return what is kept as JSON."""
        budgets = self.budgets
        return {
            "started_at": self.started_at,
            "elapsed_seconds": self.seconds(),
            "calls": budgets.calls,
            "tokens": budgets.tokens,
            "cost_usd": budgets.cost,
            "errors": budgets.errors,
            "labels": list(self.labels),
            "escalations": list(self.escalations),
            "counters": self.counters.export(),
            "provenance": self.provenance.export(),
        }

    def restore(self, exported: Mapping[str, Any]) -> None:
        """Restore what `export` gave."""
        self.started_at = exported["started_at"]
        self.elapsed_before = float(exported["elapsed_seconds"])
        self.budgets = Budgets(*(exported[name] for name in ("calls", "tokens", "cost_usd", "errors")))
        self.escalations = list(exported["escalations"])
        self.counters.restore(exported["counters"])
        self.labels.add(exported["labels"])
        if "provenance" in exported:
            self.provenance.restore(exported["provenance"])

    def members(self, point: str, calls: int | None) -> dict[str, Any]:
        """Return the members for a snapshot of `point`; `calls` stands for the count of tool calls.

        Raises `SnapshotError` when the host brings a name that the session keeps itself.
        """
        budgets = self.budgets
        envelope: dict[str, Any] = {
            "agent": self.agent,
            "session": {"id": self.session_id, "started_at": self.started_at},
            "intervention_point": point,
            "timestamp": self.clock.timestamp(),
            "budgets": {
                "tool_call_count": budgets.calls if calls is None else calls,
                "token_count": budgets.tokens,
                "elapsed_seconds": self.seconds(),
                "cost_usd": float(budgets.cost),
            },
        }
        current = current_trace()
        kept = {
            "trace": current and current.ids,
            "tenant": self._tenant,
            "approvals": self._approvals(),
            "counters": self.counters.member(),
        }
        envelope |= present(**kept)
        for name, value in self._told.items():
            envelope[name] = {**envelope[name], **value} if name in _FILLED else value
        if self._brought is not None:
            envelope = _joined(envelope, called(self._brought))
        labels = list(self.labels)
        known = {
            "ifc": {"source_labels": labels} if labels else None,
            "provenance": self.provenance.member(labels),
        }
        return {"envelope": envelope, **present(**known)}

    def _approvals(self) -> dict[str, int] | None:
        if self._window is None:
            return None
        after = self.clock.now() - self._window
        with self._lock:
            count = sum(moment > after for moment in self.escalations)
        return {"count": count, "window_seconds": self._window}


def present(**members: Any) -> dict[str, Any]:
    """Return the members that are not `None`: what is not known is absent."""
    return {name: value for name, value in members.items() if value is not None}


def called(brought: Brought) -> Mapping[str, Any]:
    """Return what the host brings now."""
    return (brought() if callable(brought) else brought) or {}


def _joined(envelope: dict[str, Any], brought: Mapping[str, Any]) -> dict[str, Any]:
    agent = brought.get("agent", {})
    kept = sorted((_KEPT & brought.keys()) | (_KEPT_OF_AGENT & agent.keys()))
    if kept:
        raise SnapshotError(f"`envelope` has what the session keeps itself: {', '.join(kept)}")
    return {**brought, **envelope, "agent": {**envelope["agent"], **agent}}
