"""`govern` and `@governed`: a function that runs only as a permitted tool call (section 12.6)."""

import atexit
import functools
import importlib
import inspect
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, overload

from acs_client.calls import denied
from acs_client.client import Client
from acs_client.session import Session, current_session
from acs_client.values import SnapshotError, encode, to_json

__all__ = ["govern", "governed", "returned"]

# The package of an object or of a base of it, and the integration: what governs it, or `None` for an agent.
_FRAMEWORKS = {
    "agents": ("openai_agents", "govern"),
    "haystack": ("haystack", "govern_tool"),
    "llama_index": ("llama_index", "govern_tool"),
    "semantic_kernel": ("semantic_kernel", "govern_kernel"),
    "smolagents": ("smolagents", "govern_tool"),
    "autogen_core": ("autogen", None),
    "crewai": ("crewai", None),
    "google.adk": ("google_adk", None),
    "langchain_core": ("langchain", None),
    "mcp": ("mcp", None),
    "pydantic_ai": ("pydantic_ai", None),
}
_PLAIN = (str, int, float, bool, type(None), list, dict)
_process_sessions: dict[tuple[int, str], Session] = {}  # by process: one that was forked has its own
_lock = threading.Lock()


T = TypeVar("T")


def govern(
    tool: T,
    *,
    agent: str | None = None,
    session: Session | None = None,
    name: str | None = None,
    **options: Any,
) -> T:
    """Return `tool` governed: each call is evaluated before it runs and after it returned.

    A function gives a function of the same signature, a coroutine function one of its kind. An object of a
    framework gives what the framework's integration returns. The session is `session`, else the current
    one, else one of `agent` that lasts as long as the process; without any, a call raises `Denied`.
    """
    integration, function = _integration_of(tool)
    if integration is not None:
        module = f"acs_client.integrations.{integration}"
        if function is None:
            raise TypeError(f"a {type(tool).__name__} is governed with its whole agent: see `{module}`")
        found = getattr(importlib.import_module(module), function)
        return cast("T", found(tool, session=_session_of(session, agent, name or "agent"), **options))
    if not callable(tool):
        raise TypeError(f"a {type(tool).__name__} is neither a function nor an object of a known framework")
    if options:
        raise TypeError(f"unknown options of a function: {', '.join(sorted(options))}")
    call = _Governed(tool, name, session, agent)
    if _is_coroutine_function(tool):

        @functools.wraps(tool)
        async def governed_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await call.run_async(args, kwargs)

        return cast("T", governed_coroutine)
    if inspect.isgeneratorfunction(tool) or inspect.isasyncgenfunction(tool):
        raise TypeError("a generator function cannot be governed: return the whole result")

    @functools.wraps(tool)
    def governed_function(*args: Any, **kwargs: Any) -> Any:
        return call.run(args, kwargs)

    return cast("T", governed_function)


@overload
def governed(tool: T, /) -> T: ...
@overload
def governed(
    *, name: str | None = None, agent: str | None = None, session: Session | None = None
) -> Callable[[T], T]: ...
def governed(tool: Any = None, /, **options: Any) -> Any:
    """Govern the function below: `@governed`, or `@governed(name=…, agent=…)`."""
    if tool is not None:
        return govern(tool)
    return functools.partial(_decorate, options)


def _decorate(options: dict[str, Any], tool: Any) -> Any:
    return govern(tool, **options)


class _Governed:
    def __init__(
        self, tool: Callable[..., Any], name: str | None, session: Session | None, agent: str | None
    ) -> None:
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        while isinstance(tool, functools.partial):  # what it brings is an argument like any other
            self._args, self._kwargs = (*tool.args, *self._args), {**tool.keywords, **self._kwargs}
            tool = tool.func
        self._tool, self._session, self._agent = tool, session, agent
        self._name = name or str(getattr(tool, "__name__", type(tool).__name__))
        self._signature = inspect.signature(tool)
        self._receiver = _receiver_of(tool, self._signature)

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound, session = self._bound(args, kwargs), _session_of(self._session, self._agent, self._name)
        sent = self._sent(bound, session)
        with session.tool(self._name, sent) as call:
            if session.mode == "enforce":
                self._unchanged(bound, session, sent)
                self._write_back(bound, sent, call.args)
            result = self._tool(*bound.args, **bound.kwargs)
            return returned(result, call.result(result))

    async def run_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from acs_client.aio import AsyncSession  # noqa: PLC0415  # most functions need none of it

        bound, sync = self._bound(args, kwargs), _session_of(self._session, self._agent, self._name)
        sent = self._sent(bound, sync)
        async with AsyncSession.over(sync).tool(self._name, sent) as call:
            if sync.mode == "enforce":
                self._unchanged(bound, sync, sent)
                self._write_back(bound, sent, call.args)
            result = await self._tool(*bound.args, **bound.kwargs)
            return returned(result, await call.result(result))

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        bound = self._signature.bind(*self._args, *args, **{**self._kwargs, **kwargs})
        bound.apply_defaults()
        return bound

    def _sent(self, bound: inspect.BoundArguments, session: Session) -> dict[str, Any]:
        """Return what is sent of the arguments: every one by name, defaults included."""
        named: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if name == self._receiver:
                continue
            is_extra = self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            added = value if is_extra else {name: value}
            if named.keys() & added.keys() and session.mode == "enforce":
                raise _not_sent("two arguments have one name: the policy would see one of them")
            named |= added
        if session.mode != "enforce":  # the session reports what is no JSON, and stops nothing
            return named
        try:
            found: dict[str, Any] = to_json(named)
        except SnapshotError as error:
            raise _not_sent(str(error)) from None
        return found

    def _unchanged(self, bound: inspect.BoundArguments, session: Session, sent: Mapping[str, Any]) -> None:
        """Raise `Denied` for arguments that somebody has changed since they were judged."""
        if encode(self._sent(bound, session)) != encode(sent):
            raise _not_sent("the arguments have changed since they were judged")

    def _write_back(
        self, bound: inspect.BoundArguments, sent: Mapping[str, Any], args: Mapping[str, Any]
    ) -> None:
        """Put the permitted arguments into `bound`: what was changed replaces plain values alone."""
        if encode(sent) == encode(args):
            return
        extra = next(
            (
                name
                for name, parameter in self._signature.parameters.items()
                if parameter.kind is parameter.VAR_KEYWORD
            ),
            None,
        )
        for name in [*sent, *(args.keys() - sent.keys())]:
            home = (
                bound.arguments
                if name in bound.arguments and name != extra
                else bound.arguments.get(extra or "")
            )
            if home is None or (name not in args and home is bound.arguments):
                raise _not_put_back(f"the transform adds or removes the argument `{name}`")
            if name not in args:
                del home[name]
            elif name not in sent or encode(sent[name]) != encode(args[name]):
                if name in home and not isinstance(home[name], _PLAIN):
                    raise _not_put_back(f"the transform changes `{name}`, which is not plain JSON")
                home[name] = args[name]


def _integration_of(tool: Any) -> tuple[str | None, str | None]:
    for kind in type(tool).__mro__:
        for package, found in _FRAMEWORKS.items():
            if f"{kind.__module__}.".startswith(f"{package}."):
                return found
    return None, None


def _is_coroutine_function(tool: Any) -> bool:
    while isinstance(tool, functools.partial):
        tool = tool.func
    called = getattr(tool, "__call__", None)  # noqa: B004  # of an object
    return inspect.iscoroutinefunction(tool) or inspect.iscoroutinefunction(called)


def _receiver_of(tool: Callable[..., Any], signature: inspect.Signature) -> str | None:
    """Return the parameter that a method has its object by, which is no argument of a call."""
    home = getattr(tool, "__qualname__", "").rpartition(".")[0]
    first = next(iter(signature.parameters), None)
    is_method = inspect.isfunction(tool) and home and not home.endswith("<locals>")
    return first if is_method and first in {"self", "cls"} else None


def returned(result: Any, value: Any, point: str = "post_tool_call") -> Any:
    """Return the function's own result, or what a transform has made of it."""
    if value is result:
        return result
    try:
        unchanged = encode(to_json(result)) == encode(value)
    except SnapshotError:  # a mode that only observes
        return result
    if unchanged:
        return result
    if isinstance(result, _PLAIN):
        return value
    raise _not_put_back(f"the transform changes a {type(result).__name__}, which is not plain JSON", point)


def _not_sent(message: str) -> Exception:
    return denied("pre_tool_call", "request_invalid", "snapshot", message)


def _not_put_back(message: str, point: str = "pre_tool_call") -> Exception:
    return denied(point, "transform_invalid", "write_back", message)


def _session_of(session: Session | None, agent: str | None, name: str) -> Session:
    found = session or current_session()
    if found is not None:
        return found
    if agent is None:
        message = f"`{name}` is called outside of any session: no tool runs"
        raise denied("pre_tool_call", "adapter_unsupported", "ungoverned", message)
    key = (os.getpid(), agent)
    with _lock:
        if key not in _process_sessions:
            _process_sessions[key] = _started_session(agent)
        return _process_sessions[key]


def _started_session(agent: str) -> Session:
    """Return a session that ends with the process, as its connections do."""
    client = Client()
    try:
        session = client.session(agent)
        session.start()
    except BaseException:
        client.close()
        raise
    atexit.register(client.close)
    atexit.register(session.shutdown)  # what is registered last is called first
    return session
