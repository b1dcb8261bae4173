"""The two points of a tool, for frameworks where a tool is what can be governed (section 12.8).

A tool runs only behind a permit. A block gives the model one text, and so does an error that a policy
replaces; everything else that goes wrong is raised before the tool ran, or instead of its result.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from acs_client.aio import AsyncSession
from acs_client.errors import Blocked, Escalated, describe
from acs_client.govern import returned
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall

__all__ = ["ToolBlockedError", "ToolPoints"]


class ToolBlockedError(Exception):
    """A tool gave nothing that the model may see but this text."""


class ToolPoints:
    """Evaluates tool calls in one session; `on_block="raise"` stops the run at a block."""

    def __init__(self, session: Session, framework: str, on_block: str = "error") -> None:
        if on_block not in {"error", "raise"}:
            raise ValueError('`on_block` is "error" or "raise"')
        self._session = session.as_agent(framework=framework)
        self._on_block = on_block

    def run(self, name: str, args: Mapping[str, Any], tool: Callable[[dict[str, Any]], Any]) -> Any:
        """Return what is permitted of what `tool` returned for the permitted arguments.

        Raises `ToolBlockedError` with the text for the model, and `Escalated` when a person decides.
        """
        try:
            with self._session.tool(name, args) as call:
                result = tool(call.args)
                return returned(result, call.result(result))
        except Blocked as blocked:
            raise self._told(blocked) from blocked

    async def run_async(
        self,
        name: str,
        args: Mapping[str, Any],
        tool: Callable[[dict[str, Any]], Awaitable[Any]],
        call_id: str | None = None,
    ) -> Any:
        """As `run`, for a coroutine function."""
        session = AsyncSession.over(self._session)
        try:
            decision = await session.pre_tool_call(name, args, id=call_id)
            call = ToolCall(self._session, name, decision, call_id)
            try:
                result = await tool(call.args)
            except Exception as error:
                await session.run(call.settle_error, error)
                raise
            return returned(result, await session.run(call.result, result))
        except Blocked as blocked:
            raise self._told(blocked) from blocked

    def _told(self, blocked: Blocked) -> Exception:
        if isinstance(blocked, Escalated) or self._on_block == "raise":
            return blocked
        if isinstance(blocked, ReplacedError) and isinstance(blocked.value, str):
            return ToolBlockedError(blocked.value)
        return ToolBlockedError(describe(blocked.decision))
