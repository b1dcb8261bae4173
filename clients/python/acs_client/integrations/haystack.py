"""Haystack (section 12.8): `govern_tool(tool, session)` is a tool that runs only as a permitted call.

A blocked call gives the model one text as the tool's result, and the run goes on; an escalation raises in
the tool. Model points are not evaluated.
"""

import dataclasses
from typing import Any

from haystack.tools import Tool

from acs_client.integrations.tool_points import ToolBlockedError, ToolPoints
from acs_client.session import Session

__all__ = ["govern_tool"]


def govern_tool(tool: Tool, session: Session, *, on_block: str = "error") -> Tool:
    """Return a copy of a tool whose every call is evaluated; `tool` is not changed."""
    points = ToolPoints(session, "haystack", on_block)
    function, coroutine_function = tool.function, getattr(tool, "async_function", None)

    def run(**args: Any) -> Any:
        try:
            return points.run(tool.name, args, lambda permitted: function(**permitted))
        except ToolBlockedError as blocked:
            return str(blocked)

    async def run_async(**args: Any) -> Any:
        async def call(permitted: dict[str, Any]) -> Any:
            assert coroutine_function is not None  # noqa: S101  # set where this function is used
            return await coroutine_function(**permitted)

        try:
            return await points.run_async(tool.name, args, call)
        except ToolBlockedError as blocked:
            return str(blocked)

    changed: dict[str, Any] = {"function": run if function is not None else None}
    if coroutine_function is not None:
        changed["async_function"] = run_async
    return dataclasses.replace(tool, **changed)
