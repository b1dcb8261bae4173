"""smolagents (section 12.8): `govern_tool(tool, session)` is a tool that runs only as a permitted call.

A blocked call gives the model one text as the tool's result. Code that an agent writes sees that text as a
value and may go on with it: `on_block="raise"` ends such code, unless it catches the error. Executors that
run code in another place send it the source of a tool: they are refused. Model points are not evaluated.
"""

import copy
from typing import Any

from smolagents import Tool

from acs_client.calls import denied
from acs_client.integrations.tool_points import ToolBlockedError, ToolPoints
from acs_client.session import Session

__all__ = ["govern_tool"]


def govern_tool(tool: Tool, session: Session, *, on_block: str = "error") -> Tool:
    """Return a copy of a tool whose every call is evaluated; `tool` is not changed."""
    points = ToolPoints(session, "smolagents", on_block)
    forward = tool.forward

    def run(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(tool.inputs):
            raise TypeError(f"`{tool.name}` takes {len(tool.inputs)} arguments")
        sent = dict(zip(tool.inputs, args, strict=False))
        if sent.keys() & kwargs.keys():
            raise TypeError(f"`{tool.name}` got an argument twice")
        try:
            return points.run(tool.name, {**sent, **kwargs}, lambda permitted: forward(**permitted))
        except ToolBlockedError as blocked:
            return str(blocked)

    def refuse() -> Any:
        message = f"`{tool.name}` would run without its policy where an executor of another place sends it"
        raise denied("pre_tool_call", "adapter_unsupported", "ungoverned", message)

    found = copy.copy(tool)
    found.forward = run
    found.to_dict = refuse  # which says what its class is, and not what it does
    return found
