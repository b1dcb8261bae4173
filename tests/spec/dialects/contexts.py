"""Agent contexts as a host of Agent Hooks makes them, one for each intervention point."""

from copy import deepcopy
from typing import Any

from acs_sidecar.spec.dialects.agent_context import POINT_TARGETS
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["context"]

_TOOL_CALL = {"id": "c1", "name": "pay", "args": {"amount": 5, "to": {"iban": "DE1"}}}
_OF_POINT: dict[str, dict[str, Any]] = {
    "agent_startup": {"agent_init": {"tools_registered": ["pay"]}},
    "input": {"input": {"content": "hi", "role": "user"}},
    "pre_model_call": {"model": {"id": "m"}, "messages": [{"role": "user", "content": "hi"}]},
    "post_model_call": {
        "model": {"id": "m"},
        "response": {"content": "ok", "tool_calls": [], "finish_reason": "stop"},
    },
    "pre_tool_call": {"tool_call": _TOOL_CALL},
    "post_tool_call": {"tool_call": _TOOL_CALL, "tool_result": {"value": {"paid": True}, "is_error": False}},
    "output": {"output": {"content": "done"}},
    "agent_shutdown": {"summary": {"reason": "completed"}},
}


def context(point: str, **members: Any) -> dict[str, Any]:
    """Return the context of a point, with these members over those that it has."""
    own = deepcopy(_OF_POINT[point])
    target: Any = own
    for name in POINT_TARGETS[InterventionPoint(point)]:
        target = target[name]
    return {
        "spec": "agent-hooks/0.1",
        "interception_point": point,
        "timestamp": "2026-11-28T00:00:00Z",
        "sequence": 3,
        "agent": {"id": "a1", "framework": "own"},
        "session": {"id": "s1"},
        "target": deepcopy(target),
        **own,
        **members,
    }
