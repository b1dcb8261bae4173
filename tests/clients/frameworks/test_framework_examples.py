"""Each example of a framework runs offline, and prints what the policy has made of the agent's steps."""

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS, Framework, run_example
from tests.conftest import ROOT, Service

EXAMPLES = ROOT / "clients" / "python" / "examples"
REFUSED = "denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent."
PRINTED = {
    "agent_hooks": (
        '{"error": "Tool call blocked by agent-hooks at pre_tool_call.", "reason": "refund_above_maximum", '
        '"message": "Refunds above 2000 are not made by the agent."}\n'
        "I cannot. Write to [email]\n"
    ),
    "claude_agent_sdk": f"PreToolUse:mcp__shop__issue_refund hook error: {REFUSED}\nI cannot.\n",
    "autogen": (
        "Refund order 1042\n"
        f"[FunctionExecutionResult(content='{REFUSED}', name='issue_refund', call_id='1', is_error=True)]\n"
        "I cannot. Write to [email]\n"
    ),
    "crewai": f"I cannot: {REFUSED}\nWrite to [email]\n",
    "haystack": f"{REFUSED}\nI cannot. Write to [email]\n",
    "llama_index": f"I cannot: {REFUSED}\n",
    "semantic_kernel": f"{REFUSED}\nI cannot.\n",
    "smolagents": f"{REFUSED}\nI cannot.\n",
    "google_adk": (
        "None\n"
        "{'error': 'denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.'}\n"
        "I cannot. Write to [email]\n"
    ),
    "langchain": (
        "human: Refund order 1042\n"
        "ai: \n"
        "tool: denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
        "ai: I cannot. Write to [email]\n"
    ),
    "mcp": (
        "False refunded 5.0 EUR for order 1042\n"
        "True denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
    ),
    "mcp1": (
        "False refunded 5.0 EUR for order 1042\n"
        "True denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
    ),
    "openai_agents": (
        "Refund order 1042\n"
        '{"order_id":"1042","amount":5000,"currency":"EUR"}\n'
        "denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
        "[{'annotations': [], 'text': 'I cannot. Write to [email]', 'type': 'output_text', 'logprobs': []}]\n"
        "I cannot. Write to [email]\n"
    ),
    "pydantic_ai": (
        "user-prompt: Refund order 1042\n"
        "tool-call: \n"
        "tool-return: denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
        "text: I cannot. Write to [email]\n"
    ),
}

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=list(FRAMEWORKS))
def test_an_example_of_a_framework(service: Service, framework: Framework) -> None:
    """What it prints, without a word on stderr."""
    if not framework.is_there:
        pytest.skip("`make client-environments` installs the frameworks")
    done = run_example(framework, service, EXAMPLES / f"{framework.name}_agent.py")
    assert (done.stdout, done.stderr) == (PRINTED[framework.name], "")
