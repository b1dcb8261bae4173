"""What a service is sent of contexts that a host of Agent Hooks fills, and what the host is answered.

Prints JSON: the snapshots of contexts, the verdicts on wrong ones, and contents with a transform put back.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agent_hooks import AgentContextBuilder
from wrong_service import WrongService

from acs_client import Client
from acs_client.integrations.agent_hooks import SidecarInterceptor
from acs_client.integrations.agent_hooks.messages import spoken, written

POINTS = (
    "agent_startup", "input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output",
    "agent_shutdown",
)  # fmt: skip
FILLED = {
    "trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"},
    "tenant": {"id": "t-1", "name": "Tenant"},
    "actor": {"id": "jo", "kind": "human"},
    "budgets": {"tool_call_count": 7, "elapsed_seconds": 3, "cost_usd": None},
}
TEXT = {"type": "text", "text": "a"}
IMAGE = {"type": "data", "uri": "data:image/png;base64,"}
CALL = {"type": "function_call", "call_id": "c", "name": "pay", "arguments": {}}
CONTENTS: dict[str, Any] = {
    "a text": "a",
    "nothing": None,
    "texts": [TEXT, {"type": "text", "text": "b"}],
    "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [TEXT, TEXT]}],
    "mixed": [TEXT, IMAGE],
    "numbers": [1, 2],
}
OUTPUT: list[dict[str, Any]] = [
    {"role": "assistant", "content": [CALL, {"type": "text", "text": "thinking"}]},
    {"role": "tool", "content": [{"type": "function_result", "call_id": "c", "result": "secret"}]},
    {"role": "assistant", "content": "done"},
]


def builder() -> AgentContextBuilder:
    """A host that says everything of itself that the contract has."""
    return AgentContextBuilder(
        agent_id="a-1",
        framework="own",
        session_id="s-1",
        agent_name="Support",
        agent_version="2",
        session_started_at="2026-01-01T00:00:00Z",
    ).with_l2(**FILLED)


def contexts() -> list[dict[str, Any]]:
    """One context of each point."""
    made = builder()
    return [
        made.agent_startup(tools_registered=["pay"]),
        made.input(content=[TEXT, {"type": "text", "text": "b"}], role="external"),
        made.pre_model_call(model_id="m", messages=[{"role": "user", "content": [TEXT, TEXT]}], vendor="v"),
        made.post_model_call(
            model_id="m",
            content=[{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
            tool_calls=[],
            finish_reason="stop",
        ),
        made.pre_tool_call(call_id="c", name="pay", args={}, content_hash="sha256:" + "0" * 64),
        made.post_tool_call(call_id="c", name="pay", args={}, value=1, duration_ms=2),
        made.output(content=OUTPUT),
        made.agent_shutdown(reason="completed", errors=2),
    ]


def wrong() -> dict[str, dict[str, Any]]:
    """Contexts that are none."""
    base = builder().pre_tool_call(call_id="c", name="pay", args={})
    return {
        "no agent": {name: value for name, value in base.items() if name != "agent"},
        "an empty id": {**base, "agent": {"id": "", "framework": "own"}},
        "no session id": {**base, "session": {}},
        "no timestamp": {**base, "timestamp": 5},
        "a count in words": {**base, "budgets": {"tool_call_count": "7"}},
        "a broken count": {**base, "budgets": {"token_count": 1.5}},
        "a boolean": {**base, "budgets": {"cost_usd": True}},
        "no call": {name: value for name, value in base.items() if name != "tool_call"},
        "another point": {**base, "interception_point": "agent_vacation"},
    }


def main() -> None:
    """Print what came of all."""
    with WrongService("", "") as service, Client(service.url) as client:
        session = client.session("session-agent", points=POINTS, envelope={"environment": "test"})
        interceptor = SidecarInterceptor(session)
        permitted = [interceptor.decide(context) for context in contexts()]
        refused = {name: interceptor.decide(context) for name, context in wrong().items()}
        snapshots = [body["snapshot"] for body in service.bodies]
    mine: dict[str, Any] = {"role": "assistant", "without": frozenset({"function_call", "function_result"})}
    came = {
        "permitted": permitted,
        "snapshots": snapshots,
        "refused": refused,
        "spoken": {name: spoken(content) for name, content in CONTENTS.items()},
        "output": spoken(OUTPUT, **mine),
        "written": written("output", OUTPUT, "new", **mine),
        "mixed": written("input", [TEXT, IMAGE], [{"type": "text", "text": "new"}, IMAGE]),
    }
    json.dump(came, sys.stdout)


main()
