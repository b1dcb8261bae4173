"""A session tells the stateless service what it needs to know, and obeys its verdicts (section 12.3)."""

import copy
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack
from uuid import uuid4

from acs_client.bindings import MANIFEST, Bindings, asked_points
from acs_client.calls import Manifest, denied
from acs_client.client import Client
from acs_client.decision import Decision
from acs_client.errors import Blocked, ConfigurationError, Escalated
from acs_client.mediation import Approver, Mediator
from acs_client.snapshot.clock import Clock
from acs_client.snapshot.counts import Budgets, Counters, tokens_of
from acs_client.snapshot.envelope import Brought, Envelope, called, present
from acs_client.snapshot.labels import Labels
from acs_client.snapshot.profile import RESERVED_MEMBERS, model_member
from acs_client.snapshot.provenance import Provenance
from acs_client.tickets import HeldTickets
from acs_client.tool_call import ToolCall
from acs_client.values import SnapshotError, to_json

if TYPE_CHECKING:
    from acs_client.options import RestoreOptions

__all__ = ["MANIFEST", "Session", "current_session", "enter_session", "leave_session"]

SOURCES = frozenset({"user", "webhook", "scheduled", "other"})
FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "other"})

_INIT_MEMBERS = frozenset({"identity", "governance", "compliance", "region", "provider"})
_log = logging.getLogger("acs_client")
_entered: ContextVar[tuple["Session", ...]] = ContextVar("acs_client_sessions", default=())


def current_session() -> "Session | None":
    """Return the session that the task is in."""
    return next(reversed(_entered.get()), None)


def enter_session(session: "Session") -> None:
    """Make `session` the current one of the task; several tasks may be in one session."""
    _entered.set((*_entered.get(), session))


def leave_session(session: "Session") -> None:
    """Make the session before `session` the current one of the task again."""
    entered = list(_entered.get())
    for index in reversed(range(len(entered))):
        if entered[index] is session:
            del entered[index]
            break
    _entered.set(tuple(entered))


class Session:
    """One run of an agent, evaluated at every point of its loop; use it as a context manager.

    `points` is `MANIFEST`, which asks the service what the manifest binds, or a set of points. With
    `mode="evaluate_only"` verdicts go to the log and to `on_decision`, and nothing is raised or replaced.
    `labels` are those that the session's data has from the start; `context` is merged into every snapshot;
    `tools` names what is registered. `approver(ticket)` returns an approval text, `"deny"`, `"suspend"` or
    `None`. `cost(model, usage)` returns what a model call cost in US dollars. `init` and `envelope` bring
    what the host alone knows, as mappings or callables; `counters` keeps requests and tokens by minute and
    hour. `provenance` is how many bytes every snapshot has for the user's texts and the results of tools.

    Raises `ConfigurationError` for options that contradict the profile.
    """

    def __init__(
        self,
        client: Client,
        agent: str | None,
        *,
        id: str | None = None,  # the word of the profile
        name: str | None = None,
        version: str | None = None,
        framework: str | None = None,
        tenant: Mapping[str, Any] | str | None = None,
        manifest: Manifest = None,
        points: Iterable[str] | str = MANIFEST,
        mode: str = "enforce",
        labels: Iterable[str] | None = None,
        context: Mapping[str, Any] | None = None,
        tools: Iterable[str] = (),
        capabilities: Iterable[str] = (),
        model: Mapping[str, Any] | None = None,
        approver: Approver | None = None,
        approval_window_seconds: int | None = None,
        cost: Callable[[Any, Mapping[str, int]], float] | None = None,
        init: Brought = None,
        envelope: Brought = None,
        history: bool = False,
        counters: bool = False,
        provenance: int = 0,
        on_decision: Callable[[Decision], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not agent:
            raise ConfigurationError("a session needs the id of its agent: name it, or set `ACSCLIENT_AGENT`")
        if mode not in {"enforce", "evaluate_only"}:
            raise ConfigurationError("`mode` is neither `enforce` nor `evaluate_only`")
        asked = asked_points(points)
        reserved = RESERVED_MEMBERS & (context or {}).keys()
        if reserved:
            raise ConfigurationError(f"`context` has members of the profile: {', '.join(sorted(reserved))}")
        self.client = client
        self.agent = agent
        self.mode = mode
        self.manifest = client.manifest if manifest is None else manifest
        self.on_decision = on_decision
        self.history = history
        self.clock = clock or Clock()
        self.labels = Labels(labels or ())
        self._envelope = Envelope(
            self.clock,
            session_id=id or str(uuid4()),
            agent={"id": agent, **present(version=version, name=name, framework=framework)},
            tenant={"id": tenant} if isinstance(tenant, str) else tenant,
            approval_window_seconds=approval_window_seconds,
            brought=envelope,
            counters=Counters(self.clock, counters),
            labels=self.labels,
            provenance=Provenance(provenance, self.labels),
        )
        self.bindings = Bindings(client, self.manifest, asked, self._envelope.counters)
        self._mediator = Mediator(
            client,
            manifest=self.manifest,
            mode=mode,
            bindings=self.bindings,
            envelope=self._envelope,
            approver=approver,
            on_decision=on_decision,
        )
        self._context = dict(context or {})
        self._agent_init = {
            "capabilities": list(capabilities),
            "tools_registered": sorted(tools),
            **present(model=model),
        }
        self._told: Mapping[str, Any] = {}
        self._cost = cost
        self._init = init
        self.tickets = HeldTickets()
        self._chain: list[Any] = []

    @property
    def id(self) -> str:
        """The id of the session."""
        return self._envelope.session_id

    @property
    def budgets(self) -> Budgets:
        """The calls, tokens and cost so far."""
        return self._envelope.budgets

    def __enter__(self) -> Self:
        self.start()
        enter_session(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leave_session(self)
        if error is not None:
            self.failed()
        self.shutdown()

    def failed(self) -> None:
        """Count an error, for the summary."""
        self.budgets.fail()

    def as_agent(self, *, name: str | None = None, framework: str | None = None) -> "Session":
        """Return this session as another of its agents sees it: counts, labels and approvals are shared."""
        found = copy.copy(self)
        found._envelope = self._envelope.of_agent(present(name=name, framework=framework))
        found._mediator = self._mediator.with_envelope(found._envelope)
        return found

    def as_host(self, told: Mapping[str, Any], about: Mapping[str, Any]) -> "Session":
        """Return this session at a step of a host that says itself who runs, when and at what cost.

        `told` are members of the envelope, `about` what the host adds to `agent_init` or `summary` of the
        step. Counts, labels and approvals are shared.
        """
        found = copy.copy(self)
        found._envelope = self._envelope.of_host(told)
        found._mediator = self._mediator.with_envelope(found._envelope)
        found._told = about
        return found

    def approve(self, ticket: Mapping[str, Any], approval: str) -> None:
        """Keep an approval for the call that `ticket` was made of: it is resolved when that call comes again.

        `session.tickets` has the tickets of escalated calls by the id of the call.
        """
        self.tickets.approve(ticket, approval)

    def start(self, tools: Iterable[str] = ()) -> Decision:
        """Evaluate `agent_startup`; raise `Blocked` unless the agent may run with its tools and these."""
        brought = called(self._init)
        unknown = brought.keys() - _INIT_MEMBERS
        if unknown:
            message = f"`init` may not have {', '.join(sorted(map(str, unknown)))}"
            raise denied("agent_startup", "request_invalid", "snapshot", message)
        registered = sorted({*self._agent_init["tools_registered"], *tools})
        init = {**self._agent_init, "tools_registered": registered, **self._told, **brought}
        return self._evaluate("agent_startup", {"agent_init": init})

    def stop(self) -> Decision:
        """Evaluate `agent_shutdown`; raise `Blocked` where a policy denies it."""
        summary = {
            "tool_calls": self.budgets.calls,
            "tokens": self.budgets.tokens,
            "errors": self.budgets.errors,
            "duration_seconds": self._envelope.seconds(),
        }
        return self._evaluate("agent_shutdown", {"summary": {**summary, **self._told}})

    def shutdown(self) -> None:
        """Evaluate `agent_shutdown`; a block there is logged, for there is nothing left to stop."""
        try:
            self.stop()
        except Blocked as blocked:
            _log.warning("agent_shutdown of session %s was blocked: %s", self.id, blocked)

    def input(self, body: Any, source: str = "user", headers: Mapping[str, str] | None = None) -> Decision:
        """Evaluate what reaches the agent."""
        if source not in SOURCES:
            raise ValueError(f"`source` is none of {', '.join(sorted(SOURCES))}")
        members = {"input": {"body": body, "source": source, **present(headers=headers)}}
        decision = self._evaluate("input", members)
        if self.history:
            self._chain.append({"role": "user", "content": decision.value})
        return decision

    def pre_model_call(
        self,
        messages: Iterable[Any],
        model: Mapping[str, Any] | str | None = None,
        tools: Iterable[Any] = (),
        request_id: str | None = None,
    ) -> Decision:
        """Evaluate what is about to be sent to a model."""
        members = {"model": model_member(model), "messages": list(messages), "tools": list(tools)}
        decision = self._evaluate("pre_model_call", {**members, **present(request_id=request_id)})
        self._envelope.counters.request()
        return decision

    def post_model_call(
        self,
        response: Mapping[str, Any],
        model: Mapping[str, Any] | str | None = None,
        usage: Mapping[str, int] | None = None,
        request_id: str | None = None,
    ) -> Decision:
        """Evaluate what a model has answered: `content`, `tool_calls` and `finish_reason`.

        `usage` has `prompt_tokens` and `completion_tokens`, which count though the answer is blocked.
        """
        try:
            spent = tokens_of(usage)
        except SnapshotError as error:
            if self.mode == "enforce":
                raise denied("post_model_call", "request_invalid", "snapshot", str(error)) from None
            spent = 0
        whole = {"content": "", "tool_calls": [], "finish_reason": "other", **response}
        if whole["finish_reason"] not in FINISH_REASONS:
            whole["finish_reason"] = "other"
        members = {
            "model": model_member(model),
            "response": whole,
            **present(usage=usage, request_id=request_id),
        }
        try:
            return self._evaluate("post_model_call", members)
        finally:
            cost = self._cost(model, usage) if self._cost is not None and usage is not None else 0.0
            self.budgets.spend(spent, cost)
            self._envelope.counters.spend(spent)

    def pre_tool_call(
        self,
        name: str,
        args: Mapping[str, Any],
        id: str | None = None,  # the word of the profile
        content_hash: str | None = None,
        *,
        ticket: Mapping[str, Any] | None = None,
        approval: str | None = None,
    ) -> Decision:
        """Evaluate a tool call before it runs; the tool runs with the decision's `value` and nothing else.

        With `ticket`, an escalation of this same call is resolved by `approval`.
        """
        call = {"name": name, "args": args, **present(id=id, content_hash=content_hash)}
        if ticket is None:
            ticket, approval = self.tickets.approval_of(self.id, name, args, id)
        others = self.budgets.reserve_call()
        try:
            decision = self._evaluate(
                "pre_tool_call", {"tool_call": call}, calls=others, ticket=ticket, approval=approval
            )
        except BaseException as error:
            if isinstance(error, Escalated):
                self.tickets.hold(id, error.ticket)
            self.budgets.release_call()
            raise
        self._envelope.counters.request()
        return decision

    def post_tool_call(  # noqa: PLR0917  # the signature of the profile
        self,
        name: str,
        args: Mapping[str, Any],
        value: Any,
        id: str | None = None,  # the word of the profile
        error: str | None = None,
        duration_ms: float | None = None,
    ) -> Decision:
        """Evaluate what a tool returned, or the error that it raised."""
        call = {"name": name, "args": args, **present(id=id)}
        duration = None if duration_ms is None else float(duration_ms)
        result = {"value": value, "error": error, **present(duration_ms=duration)}
        if error is not None:
            self.failed()
        return self._evaluate("post_tool_call", {"tool_call": call, "tool_result": result})

    def output(self, content: Any) -> Decision:
        """Evaluate what leaves the agent."""
        chain = (
            {"message_chain": [*self._chain, {"role": "assistant", "content": content}]}
            if self.history
            else {}
        )
        decision = self._evaluate("output", {"response": {"content": content}, **chain})
        if self.history:
            self._chain.append({"role": "assistant", "content": decision.value})
        return decision

    @contextmanager
    def tool(
        self,
        name: str,
        args: Mapping[str, Any],
        id: str | None = None,  # the word of the profile
        *,
        ticket: Mapping[str, Any] | None = None,
        approval: str | None = None,
    ) -> Iterator[ToolCall]:
        """Evaluate both tool points around a block.

        Run the tool with `call.args` and pass what it returned to `call.result`. With `ticket`, an
        escalation of this same call is resolved by `approval`.
        """
        call = ToolCall(self, name, self.pre_tool_call(name, args, id, ticket=ticket, approval=approval), id)
        try:
            yield call
        except Blocked:
            raise
        except Exception as error:
            if not call.is_settled:
                call.settle_error(error)
            raise
        if not call.is_settled:
            call.result(None)

    def export(self) -> dict[str, Any]:
        """Return what the session keeps as JSON, for `Client.restore` in another process."""
        known = {"version": 1, "agent": self.agent, "id": self.id, "chain": to_json(self._chain)}
        return known | self._envelope.export()

    @classmethod
    def restored(
        cls, client: Client, exported: Mapping[str, Any], **options: "Unpack[RestoreOptions]"
    ) -> "Session":
        """Return a session that goes on where `exported` ended; raise `ValueError` for what is no export."""
        if exported.get("version") != 1:
            raise ValueError("this is no export of a session")
        session = cls(client, exported["agent"], id=exported["id"], **options)
        session._envelope.restore(exported)
        session._chain = list(exported["chain"])
        return session

    def _evaluate(self, point: str, members: Mapping[str, Any], **options: Any) -> Decision:
        return self._mediator.evaluate(point, {**self._context, **members}, **options)
