"""Tools of AutoGen as permitted calls: nothing raises; tickets of escalations are in `session.tickets`."""

import logging
from collections.abc import Mapping
from typing import Any

from autogen_core import CancellationToken
from autogen_core.tools import TextResultContent, ToolResult, ToolSchema, Workbench

from acs_client.calls import denied
from acs_client.errors import Blocked, describe
from acs_client.integrations.tool_points import ToolBlockedError, ToolPoints
from acs_client.session import Session
from acs_client.values import media

__all__ = ["GovernedWorkbench"]

_log = logging.getLogger("acs_client")


class GovernedWorkbench(Workbench):
    """A workbench whose every call is evaluated before it runs and after it returned."""

    def __init__(self, workbench: Workbench, session: Session) -> None:
        self._workbench = workbench
        self._points = ToolPoints(session, "autogen")

    async def list_tools(self) -> list[ToolSchema]:
        """Return the tools of the workbench."""
        tools: list[ToolSchema] = await self._workbench.list_tools()
        return tools

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Run a tool between its two points."""
        results: list[ToolResult] = []

        async def run(args: dict[str, Any]) -> Any:
            result = await self._workbench.call_tool(name, args, cancellation_token, call_id)
            results.append(result)
            if result.is_error:
                raise _ToolError(result.to_text())
            return _value(result)

        try:
            value = await self._points.run_async(name, dict(arguments or {}), run, call_id)
        except _ToolError:
            return results[0]
        except Blocked as blocked:
            return _text(name, describe(blocked.decision), is_error=True)
        except ToolBlockedError as blocked:
            return _text(name, str(blocked), is_error=True)
        except Exception:  # noqa: BLE001  # whatever it is, the tool gave nothing
            _log.exception("the call of `%s` was not permitted, for it could not be evaluated", name)
            return _text(name, "denied by policy: the call could not be evaluated", is_error=True)
        if value == _value(results[0]):
            return results[0]
        if not isinstance(value, str):
            message = "the transform makes something else of the result than a text"
            refused = denied("post_tool_call", "transform_invalid", "write_back", message)
            return _text(name, describe(refused.decision), is_error=True)
        return _text(name, value, is_error=False)

    async def start(self) -> None:
        """Start the workbench."""
        await self._workbench.start()

    async def stop(self) -> None:
        """Stop the workbench."""
        await self._workbench.stop()

    async def reset(self) -> None:
        """Reset the workbench."""
        await self._workbench.reset()

    async def save_state(self) -> Mapping[str, Any]:
        """Return the state of the workbench."""
        state: Mapping[str, Any] = await self._workbench.save_state()
        return state

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore a state of the workbench."""
        await self._workbench.load_state(state)


class _ToolError(Exception):
    """A result that says that it is an error."""


def _value(result: ToolResult) -> Any:
    parts: list[Any] = [
        part.content
        if isinstance(part, TextResultContent)
        else media(part.content.to_base64().encode(), "image/png")
        for part in result.result
    ]
    return "\n".join(parts) if all(isinstance(part, str) for part in parts) else parts


def _text(name: str, text: str, *, is_error: bool) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=is_error)
