"""What a host of Agent Hooks says itself is what policies see (section 12.9)."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS, script_of

HOOKS = FRAMEWORKS["agent_hooks"]
NO_VERDICT = "runtime_error:policy_invocation_failed"
INVALID = "runtime_error:request_invalid"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HOOKS.is_there, reason="`make client-environments` installs Agent Hooks"),
]


@pytest.fixture(scope="module")
def came() -> Any:
    """What one process of the host's environment has made of all contexts."""
    return script_of(HOOKS, Path(__file__).parent / "cases" / "agent_hooks_more.py")


def test_the_envelope_is_the_hosts(came: Any) -> None:
    """Agent, session, trace, tenant, actor and filled budgets are its own; the rest is the session's."""
    assert came["permitted"] == [{"decision": "allow"}] * 8
    for snapshot in came["snapshots"]:
        envelope = snapshot["envelope"]
        assert envelope["agent"] == {"id": "a-1", "framework": "own", "name": "Support", "version": "2"}
        assert envelope["session"] == {"id": "s-1", "started_at": "2026-01-01T00:00:00Z"}
        assert envelope["trace"]["span_id"] == "b7ad6b7169203331"
        assert envelope["tenant"] == {"id": "t-1", "name": "Tenant"}
        assert envelope["actor"] == {"id": "jo", "kind": "human"}
        assert envelope["budgets"] == {
            "tool_call_count": 7,
            "token_count": 0,
            "elapsed_seconds": 3.0,
            "cost_usd": 0.0,
        }
        assert envelope["environment"] == "test"
        assert envelope["timestamp"].endswith("Z")
        assert len(envelope["timestamp"]) == len("2026-01-01T00:00:00.000000Z")  # the host's microseconds


def test_members_of_a_context_have_their_names_in_the_profile(came: Any) -> None:
    """Content of texts alone is one text."""
    startup, given, asked, answered, called, returned, output, shutdown = came["snapshots"]
    assert startup["agent_init"] == {"capabilities": [], "tools_registered": ["pay"]}
    assert given["input"] == {"body": "a\nb", "source": "other"}
    assert asked["messages"] == [{"role": "user", "content": "a\na"}]
    assert asked["model"] == {"name": "m", "vendor": "v"}
    assert answered["response"] == {"content": "a\nb", "tool_calls": [], "finish_reason": "stop"}
    assert called["tool_call"]["content_hash"] == "sha256:" + "0" * 64
    assert returned["tool_result"] == {"value": 1, "error": None, "duration_ms": 2.0}
    assert output["response"] == {"content": "thinking\ndone"}
    assert (shutdown["summary"]["reason"], shutdown["summary"]["errors"]) == ("completed", 2)


def test_a_context_that_is_none_is_denied(came: Any) -> None:
    """The message names the member."""
    expected = {
        "no agent": "`agent` of the context is not an object",
        "an empty id": "`agent.id` of the context is not a text",
        "no session id": "`session.id` of the context is not a text",
        "no timestamp": "`timestamp` of the context is not a text",
        "a count in words": "`budgets.tool_call_count` of the context is not a whole number",
        "a broken count": "`budgets.token_count` of the context is not a whole number",
        "a boolean": "`budgets.cost_usd` of the context is not a number",
    }
    refused = {
        name: {"decision": "deny", "reason": INVALID, "message": text} for name, text in expected.items()
    }
    message = "the context could not be evaluated: KeyError"
    refused["no call"] = {"decision": "deny", "reason": NO_VERDICT, "message": message}
    reason = "runtime_error:intervention_point_unknown"
    message = "there is no such intervention point"
    refused["another point"] = {"decision": "deny", "reason": reason, "message": message}
    assert came["refused"] == refused


def test_transforms_go_back_into_content_of_several_parts(came: Any) -> None:
    """Texts are judged as one, whose new text goes into the last of them."""
    assert came["spoken"] == {
        "a text": "a",
        "nothing": None,
        "texts": "a\nb",
        "messages": "a\na\na",
        "mixed": [{"type": "text", "text": "a"}, {"type": "data", "uri": "data:image/png;base64,"}],
        "numbers": [1, 2],
    }
    assert came["output"] == "thinking\ndone"
    assert came["written"][0]["content"][1]["text"] == ""
    assert came["written"][2]["content"] == "new"
    assert came["mixed"][0]["text"] == "new"
