"""LlamaIndex (section 12.8): `govern_tool(tool, session)` is a tool that runs only as a permitted call.

A blocked call is an error result for the model, and the run goes on; so is an escalation. Model points are
not evaluated.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any

from llama_index.core.tools import FunctionTool

from acs_client.integrations.tool_points import ToolPoints
from acs_client.session import Session

__all__ = ["govern_tool"]


def govern_tool(
    tool: FunctionTool | Callable[..., Any], session: Session, *, on_block: str = "error"
) -> FunctionTool:
    """Return a tool made of `tool`, which is not changed; every call is evaluated."""
    if not isinstance(tool, FunctionTool):
        tool = FunctionTool.from_defaults(tool)
    points = ToolPoints(session, "llama-index", on_block)
    name = tool.metadata.get_name()
    context = tool.ctx_param_name
    function, coroutine_function = tool.fn, tool.async_fn

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments by name, and those that the framework adds."""
        bound = inspect.signature(tool.real_fn).bind(*args, **kwargs).arguments
        extra = bound.pop("kwargs", {}) if "kwargs" in bound and "kwargs" not in kwargs else {}
        whole = {**bound, **extra}
        added = {context: whole.pop(context)} if context is not None and context in whole else {}
        return whole, added

    def run(*args: Any, **kwargs: Any) -> Any:
        sent, added = named(args, kwargs)
        return points.run(name, sent, lambda permitted: function(**permitted, **added))

    async def run_async(*args: Any, **kwargs: Any) -> Any:
        sent, added = named(args, kwargs)

        async def call(permitted: dict[str, Any]) -> Any:
            return await coroutine_function(**permitted, **added)

        return await points.run_async(name, sent, call)

    found = copy.copy(tool)
    found._fn, found._async_fn = run, run_async
    real = tool.real_fn
    found._real_fn = functools.wraps(real)(run_async if inspect.iscoroutinefunction(real) else run)
    return found
