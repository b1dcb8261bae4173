"""Semantic Kernel (section 12.8): `govern_kernel(kernel, session)` evaluates the functions of a kernel.

A blocked function gives the model one text as its result, and the run goes on; so does an escalation. Model
points are not evaluated.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from semantic_kernel import Kernel
from semantic_kernel.filters import FilterTypes, FunctionInvocationContext
from semantic_kernel.functions import FunctionResult

from acs_client.integrations.tool_points import ToolBlockedError, ToolPoints
from acs_client.session import Session

__all__ = ["govern_kernel"]


def govern_kernel(
    kernel: Kernel, session: Session, *, names: Mapping[str, str] | None = None, on_block: str = "error"
) -> Kernel:
    """Add a filter to a kernel and return the kernel: every function is a tool, named `plugin-function`.

    `names` gives functions the names that the manifest has for them.

    Add it last: a filter that is added later sees, and may change, what was permitted.
    """
    points = ToolPoints(session, "semantic-kernel", on_block)

    async def evaluate(
        context: FunctionInvocationContext, next: Callable[[FunctionInvocationContext], Awaitable[None]]
    ) -> None:
        async def run(permitted: dict[str, Any]) -> Any:
            for name, value in permitted.items():
                context.arguments[name] = value
            for name in [name for name in context.arguments if name not in permitted]:
                del context.arguments[name]
            await next(context)
            return None if context.result is None else context.result.value

        called = context.function.fully_qualified_name
        name = (names or {}).get(called, called)
        try:
            value = await points.run_async(name, dict(context.arguments), run)
        except ToolBlockedError as blocked:
            value = str(blocked)
        if context.result is None or context.result.value is not value:
            context.result = FunctionResult(function=context.function.metadata, value=value)

    kernel.add_filter(FilterTypes.FUNCTION_INVOCATION, evaluate)
    return kernel
