"""A tool call between its two points (section 12.3)."""

import dataclasses
from typing import TYPE_CHECKING, Any

from acs_client.decision import Decision
from acs_client.errors import Denied

if TYPE_CHECKING:
    from acs_client.session import Session

__all__ = ["ReplacedError", "ToolCall"]


class ToolCall:
    """A tool call inside `with session.tool(…)`: `args` is what the policy permits to run with."""

    def __init__(self, session: "Session", name: str, decision: Decision, call_id: str | None) -> None:
        self.name = name
        self.args: dict[str, Any] = decision.value
        self.decision = decision
        self._session = session
        self._id = call_id
        self._begun = session.clock.monotonic()
        self.is_settled = False

    def result(self, value: Any) -> Any:
        """Evaluate what the tool returned; return the value to go on with."""
        return self.settle(value, None).value

    def settle(self, value: Any, error: str | None) -> Decision:
        """Evaluate a result or an error at `post_tool_call`."""
        self.is_settled = True
        duration = round((self._session.clock.monotonic() - self._begun) * 1000, 3)
        return self._session.post_tool_call(
            self.name, self.args, value, id=self._id, error=error, duration_ms=duration
        )

    def settle_error(self, error: Exception) -> None:
        """Evaluate what the tool raised: a permit lets it through, a transform replaces it by `Denied`.

        Error texts reach the model too.
        """
        decision = self.settle(None, f"{type(error).__name__}: {error}")
        if decision.transformed and self._session.mode == "enforce":
            raise ReplacedError(decision) from None


class ReplacedError(Denied):
    """A policy has replaced what a tool raised; `value` is what the model may see instead."""

    def __init__(self, decision: Decision) -> None:
        replaced = dataclasses.replace(decision, decision="deny", reason=decision.reason or "error_replaced")
        super().__init__(replaced, cause="service", status=200)
        self.value = decision.value
