"""A host of Agent Hooks, and an agent of agent-framework with a scripted model, that ask the service.

It runs in an environment of its own and prints what came of each case as JSON.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable
from typing import Any

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    create_agent_hooks_middleware,
    tool,
)
from agent_hooks import (
    AgentContextBuilder,
    ApprovalOutcome,
    ApprovalRequest,
    ApprovalResolution,
    InterceptionBlocked,
    InterceptionEmitter,
    Verdict,
)

from acs_client import Client
from acs_client.integrations.agent_hooks import SidecarInterceptor, SidecarResolver

URL = os.environ["SIDECAR_URL"]
APPROVE = json.loads(os.environ["APPROVE"])
PIDS = json.loads(os.environ["SERVICE_PIDS"])


def post(path: str, body: Any) -> Any:
    """POST JSON; the answer to a refused request is a verdict too."""
    request = urllib.request.Request(
        URL + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=4) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


class Sidecar:
    """The interceptor that a host registers."""

    def __init__(self, manifest: str) -> None:
        self.path = "/v1/intercept?" + urllib.parse.urlencode({"manifest_ref": manifest})

    async def intercept(self, context: dict[str, Any]) -> Any:
        """Ask for the verdict; whatever fails here is a deny of the host."""
        return await asyncio.to_thread(post, self.path, context)


class Officer:
    """The resolver of a host: it brings the challenge to an approver, and what was signed to the service."""

    def __init__(self, manifest: str) -> None:
        self.manifest = manifest

    def resolve(self, request: ApprovalRequest) -> ApprovalResolution:
        """Lift a deny that an approver lifts."""
        offer = (request.verdict.approval or {}).get("acs") or {}
        challenge = offer.get("challenge")
        identity = request.context_identity
        if challenge is None:
            return ApprovalResolution(ApprovalOutcome.UNRESOLVED, identity)
        signed = subprocess.run(APPROVE, input=challenge, capture_output=True, text=True, check=True)
        claim = {"snapshot": request.context, "manifest_ref": self.manifest, "challenge": challenge}
        answer = post("/v1/approvals:resolve", {**claim, "approval": signed.stdout.strip(), "dialect": "0.4"})
        verdict = Verdict.from_wire(answer["verdict"])
        approved = verdict.decision.permits
        return ApprovalResolution(
            ApprovalOutcome.APPROVE if approved else ApprovalOutcome.REJECT, identity, verdict
        )


def signed(ticket: dict[str, Any]) -> str:
    """What an approver signs for the challenge of a ticket."""
    challenge = ticket["approval"]["challenge"]
    done = subprocess.run(APPROVE, input=challenge, capture_output=True, text=True, check=True)
    return str(done.stdout).strip()


async def emitted(
    manifest: str, *, resolver: bool = False, session: Any = None, args: Any = None
) -> dict[str, Any]:
    """What a host does with one tool call: the arguments that it calls the tool with, or why it does not.

    With a session the interceptor and the resolver are those of the client, which send the context as it is.
    """
    interceptor: Any = Sidecar(manifest)
    officer: Any = Officer(manifest)
    if session is not None:
        interceptor = SidecarInterceptor(session, layout="context")
        officer = SidecarResolver(interceptor, signed)
    emitter = InterceptionEmitter(resolver=officer if resolver else None)
    emitter.register(interceptor)
    builder = AgentContextBuilder(agent_id="a1", framework="own", session_id="s1")
    given = {"amount": 5, "to": {"iban": "DE1"}} if args is None else args
    context = builder.pre_tool_call(call_id="c1", name="pay", args=given)
    try:
        outcome = await emitter.emit(context)
    except InterceptionBlocked as blocked:
        return {"blocked": blocked.result.verdict.reason}
    warnings = [warning.to_wire() for warning in outcome.record.verdict.warnings]
    return {"args": context["tool_call"]["args"], "target": outcome.target, "warnings": warnings}


class ScriptedClient(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """Calls the tool once, then says what it got."""

    def __init__(self, kill: bool) -> None:  # one of two scripts
        super().__init__()
        self.turns = 0
        self.kill = kill

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **_: Any) -> Awaitable[Any]:
        return self._answer(messages)

    async def _answer(self, messages: Any) -> ChatResponse:
        self.turns += 1
        if self.turns == 1:
            if self.kill:
                for pid in PIDS:
                    os.kill(pid, signal.SIGKILL)
            call = Content.from_function_call("c1", "pay", arguments={"amount": 5})
            return ChatResponse(messages=[Message("assistant", [call])], finish_reason="tool_calls")
        said = [str(content.result) for content in messages[-1].contents if content.type == "function_result"]
        return ChatResponse(messages=[Message("assistant", [f"paid: {said}"])], finish_reason="stop")


async def ran(manifest: str, *, kill: bool = False) -> dict[str, Any]:
    """What an agent of agent-framework does: what its tool was called with, and what its run ended in."""
    called: list[Any] = []

    @tool(approval_mode="never_require")
    def pay(amount: int) -> str:
        """Pay an amount."""
        called.append(amount)
        return f"paid {amount}"

    bundle = create_agent_hooks_middleware([Sidecar(manifest)], resolver=Officer(manifest))
    agent = Agent(ScriptedClient(kill), tools=[pay], middleware=[bundle])
    try:
        answer = await agent.run("pay 5")
    except InterceptionBlocked as blocked:
        return {"called": called, "blocked": blocked.result.verdict.reason}
    except Exception as error:  # noqa: BLE001  # whatever the framework raises is what came of it
        return {"called": called, "raised": type(error).__name__}
    return {"called": called, "text": answer.text}


async def main() -> None:
    """Run the cases that are asked for."""
    came: dict[str, Any] = {}
    for case in sys.argv[1:]:
        kind, _, manifest = case.partition(":")
        if kind == "emit":
            came[case] = await emitted(manifest)
        elif kind == "approve":
            came[case] = await emitted(manifest, resolver=True)
        elif kind.startswith("client-"):
            with Client(URL, manifest=manifest) as client:
                session = client.session("a1")
                came[case] = await emitted(manifest, resolver=kind == "client-approve", session=session)
        else:
            came[case] = await ran(manifest, kill=kind == "kill")
    json.dump(came, sys.stdout)


asyncio.run(main())
