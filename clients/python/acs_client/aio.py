"""The same client and session for `async` code (section 12.2): calls run on the client's own threads.

Cancelling a caller returns at once; what the service then still answers counts for nothing.
"""

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack

from acs_client.client import Client
from acs_client.decision import Decision
from acs_client.errors import Blocked
from acs_client.session import Session, enter_session, leave_session
from acs_client.tool_call import ToolCall

if TYPE_CHECKING:
    from acs_client.options import (
        CallOptions,
        ClientOptions,
        PostToolOptions,
        PreToolOptions,
        RestoreOptions,
        SessionOptions,
        ToolOptions,
    )

__all__ = ["AsyncClient", "AsyncSession", "AsyncToolCall"]

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """A `Client` whose methods are awaited; takes the same arguments."""

    def __init__(self, url: str | None = None, **options: "Unpack[ClientOptions]") -> None:
        self.client = Client(url, **options)
        self._threads = ThreadPoolExecutor(self.client.pool, thread_name_prefix="acs_client")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls that still run end by their own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of the client on its threads, in the caller's context."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: context.run(function, *args, **kwargs))

    async def evaluate(
        self, point: str, snapshot: Mapping[str, Any], **options: "Unpack[CallOptions]"
    ) -> Decision:
        """As `Client.evaluate`."""
        return await self.run(self.client.evaluate, point, snapshot, **options)

    async def evaluate_batch(self, requests: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """As `Client.evaluate_batch`."""
        return await self.run(self.client.evaluate_batch, requests)

    async def resolve(
        self, ticket: Mapping[str, Any], approval: str | None = None, outcome: str | None = None
    ) -> Decision:
        """As `Client.resolve`."""
        return await self.run(self.client.resolve, ticket, approval, outcome)

    async def points(self, manifest: str | None = None) -> frozenset[str]:
        """As `Client.points`."""
        return await self.run(self.client.points, manifest)

    def session(self, agent: str | None = None, **options: "Unpack[SessionOptions]") -> "AsyncSession":
        """As `Client.session`; `approver` may be a coroutine function."""
        session = AsyncSession(self.run)
        if (approver := options.get("approver")) is not None:
            options["approver"] = session.waiting(approver)
        session.sync = self.client.session(agent, **options)
        return session

    def restore(self, exported: Mapping[str, Any], **options: "Unpack[RestoreOptions]") -> "AsyncSession":
        """As `Client.restore`."""
        session = AsyncSession(self.run)
        if (approver := options.get("approver")) is not None:
            options["approver"] = session.waiting(approver)
        session.sync = self.client.restore(exported, **options)
        return session


class AsyncToolCall:
    """A tool call inside `async with session.tool(…)`."""

    def __init__(self, session: "AsyncSession", call: ToolCall) -> None:
        self._session = session
        self.sync = call
        self.name = call.name
        self.args = call.args
        self.decision = call.decision

    async def result(self, value: Any) -> Any:
        """Evaluate what the tool returned; return the value to go on with."""
        return await self._session.run(self.sync.result, value)


class AsyncSession:
    """A `Session` whose methods are awaited; `sync` is that session."""

    sync: Session

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self.run = run
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def over(cls, session: Session) -> "AsyncSession":
        """Return a session of a `Client` for async code, on threads of the running loop."""
        found = cls(asyncio.to_thread)
        found.sync = session
        return found

    def waiting(self, approver: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Return a function that waits for what `approver` answers, on the loop of the caller if it must."""

        async def ask(answer: Awaitable[Any]) -> Any:
            return await answer

        def wait(ticket: dict[str, Any]) -> Any:
            assert self._loop is not None  # noqa: S101  # set by the method that led here
            answer = approver(ticket)
            if not inspect.isawaitable(answer):
                return answer
            return asyncio.run_coroutine_threadsafe(ask(answer), self._loop).result()

        return wait

    async def _call(self, function: Callable[..., Decision], *args: Any, **options: Any) -> Decision:
        self._loop = asyncio.get_running_loop()
        decision: Decision = await self.run(function, *args, **options)
        return decision

    async def __aenter__(self) -> Self:
        await self._call(self.sync.start)
        enter_session(self.sync)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leave_session(self.sync)
        if error is not None:
            self.sync.failed()
        await self.run(self.sync.shutdown)

    async def input(
        self, body: Any, source: str = "user", headers: Mapping[str, str] | None = None
    ) -> Decision:
        """As `Session.input`."""
        return await self._call(self.sync.input, body, source, headers)

    async def pre_model_call(
        self,
        messages: Iterable[Any],
        model: Mapping[str, Any] | str | None = None,
        tools: Iterable[Any] = (),
        request_id: str | None = None,
    ) -> Decision:
        """As `Session.pre_model_call`."""
        return await self._call(self.sync.pre_model_call, messages, model, tools, request_id)

    async def post_model_call(
        self,
        response: Mapping[str, Any],
        model: Mapping[str, Any] | str | None = None,
        usage: Mapping[str, int] | None = None,
        request_id: str | None = None,
    ) -> Decision:
        """As `Session.post_model_call`."""
        return await self._call(self.sync.post_model_call, response, model, usage, request_id)

    async def pre_tool_call(
        self, name: str, args: Mapping[str, Any], id: str | None = None, **options: "Unpack[PreToolOptions]"
    ) -> Decision:
        """As `Session.pre_tool_call`."""
        return await self._call(self.sync.pre_tool_call, name, args, id, **options)

    async def post_tool_call(
        self, name: str, args: Mapping[str, Any], value: Any, **options: "Unpack[PostToolOptions]"
    ) -> Decision:
        """As `Session.post_tool_call`."""
        return await self._call(self.sync.post_tool_call, name, args, value, **options)

    async def output(self, content: Any) -> Decision:
        """As `Session.output`."""
        return await self._call(self.sync.output, content)

    @asynccontextmanager
    async def tool(
        self, name: str, args: Mapping[str, Any], id: str | None = None, **options: "Unpack[ToolOptions]"
    ) -> AsyncIterator[AsyncToolCall]:
        """As `Session.tool`."""
        decision = await self.pre_tool_call(name, args, id, **options)
        call = AsyncToolCall(self, ToolCall(self.sync, name, decision, id))
        try:
            yield call
        except Blocked:
            raise
        except Exception as error:
            if not call.sync.is_settled:
                await self.run(call.sync.settle_error, error)
            raise
        if not call.sync.is_settled:
            await call.result(None)

    def export(self) -> dict[str, Any]:
        """As `Session.export`."""
        return self.sync.export()
