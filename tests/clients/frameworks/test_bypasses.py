"""Ways round each adapter: nothing runs that no verdict permits, and nothing leaves that no verdict has seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS, run_script, start_governed
from tests.conftest import Service

pytestmark = [pytest.mark.server, pytest.mark.slow]
OTHER_MODEL = "a model of the run configuration would replace governed ones: put it into the agent"
# By framework and way: what ran, and what came of it or a part of that.
CAME: dict[tuple[str, str], tuple[list[str], str]] = {
    ("langchain", "structured"): ([], "output: service"),
    ("langchain", "direct"): (["search"], "found x"),
    ("langchain", "command"): ([], "the transform changes more than the text of a message"),
    ("langchain", "command of mappings"): ([], "the transform changes more than the text of a message"),
    ("langchain", "command beside messages"): ([], "the transform changes more than the text of a message"),
    ("langchain", "list of commands"): ([], "the transform changes more than the text of a message"),
    ("langchain", "command with an artifact"): ([], "the transform changes more than the text of a message"),
    ("langchain", "artifact"): ([], "tool_call_id='1' artifact={'raw': 'it is [secret] now'}"),
    ("langchain", "reasoning"): ([], "content='fine' additional_kwargs={}"),
    ("langchain", "thinking"): ([], "[{'type': 'thinking', 'thinking': '', 'signature': 's1'}, {'type': 'text', 'text': 'fine'}]"),
    ("langchain", "said beside thinking"): ([], "[{'type': 'reasoning', 'summary': [], 'id': 'r1'}, {'type': 'text', 'text': 'it is [secret] now'}]"),
    ("langchain", "model in a tool"): ([], "it is [secret] now"),
    ("langchain", "agent in a tool"): ([], "it is [secret] now"),
    ("langchain", "tool"): ([], "it is [secret] now"),
    ("langchain", "model in a model"): ([], "it is [secret] now"),
    ("langchain", "talking model"): ([], "it is [secret] now"),
    ("langchain", "model of another middleware"): ([], "it is [secret] now"),
    ("langchain", "harmless command"): ([], "content='fine', name='search'"),
    ("langchain", "by one import"): ([], "is governed with its whole agent: see `acs_client.integrations.langchain`"),
    ("haystack", "by one import"): ([], "denied by policy: no_deletes"),
    ("llama_index", "by one import"): ([], "denied by policy: no_deletes"),
    ("smolagents", "by one import"): ([], "denied by policy: no_deletes"),
    ("langchain", "prompts"): ([], "input: service"),
    ("openai_agents", "added agent"): ([], "pre_model_call: ungoverned"),
    ("openai_agents", "added hand-over"): ([], "pre_model_call: ungoverned"),
    ("openai_agents", "prompts"): ([], "input: service"),
    ("openai_agents", "waiting"): (["search"], "['fine', 1]"),
    ("openai_agents", "beside a text"): ([], "'annotations': [], 'text': 'fine', 'type': 'output_text', 'logprobs': []"),
    ("openai_agents", "beside a streamed text"): ([], "'annotations': [], 'text': 'fine', 'type': 'output_text', 'logprobs': []"),
    ("openai_agents", "brought model"): ([], f"['pre_model_call: ungoverned: {OTHER_MODEL}']"),
    ("openai_agents", "brought model in a mapping"): ([], f"['pre_model_call: ungoverned: {OTHER_MODEL}']"),
    ("openai_agents", "brought model behind a hand-over"): ([], f"['pre_model_call: ungoverned: {OTHER_MODEL}']"),
    ("openai_agents", "brought governed model"): ([], "text='fine'"),
    ("haystack", "brought"): ([], "pre_model_call: ungoverned"),
    ("haystack", "added"): ([], "pre_model_call: ungoverned"),
    ("haystack", "governed"): ([], "denied by policy: no_deletes"),
    ("mcp", "fine at the server"): ([], "text='error withheld'"),
    ("mcp", "fine at the client"): ([], "text='error withheld'"),
    ("mcp", "secret-123 at the server"): ([], "text='error withheld'"),
    ("mcp", "secret-123 at the client"): ([], "text='error withheld'"),
    ("autogen", "streamed"): ([], "pre_model_call: stream"),
    ("google_adk", "streamed"): ([], "pre_model_call: stream"),
    ("haystack", "streamed"): ([], "pre_model_call: stream"),
    ("langchain", "streamed"): ([], "pre_model_call: stream"),
    ("langchain", "events"): ([], "pre_model_call: stream"),
    ("openai_agents", "streamed"): ([], "pre_model_call: stream"),
    ("pydantic_ai", "streamed"): ([], "pre_model_call: stream"),
    ("autogen", "tokens"): ([], "content='it is [secret] now'"),
    ("google_adk", "beside an answer"): ([], '"content":{"parts":[{"text":"it is [secret] now"}],"role":"model"},"invocation_id"'),
    ("google_adk", "beside nothing"): ([], "[]"),
    ("google_adk", "beside a thought"): ([], '"parts":[{"text":"","thought":true},{"text":"fine"}]'),
    ("haystack", "beside an answer"): ([], "_meta={'model': 'm', 'usage': {'prompt_tokens': 1}}"),
    ("pydantic_ai", "beside an answer"): (
        [],
        "ThinkingPart(content='', signature='s1'), TextPart(content='it is [secret] now', provider_details={'thought_signature': 's2'})",
    ),
    ("pydantic_ai", "another model"): ([], "it is [secret] now"),
    ("pydantic_ai", "deferred"): ([], "`search` leaves its result to the host, which passes no tool point"),
    ("pydantic_ai", "deferred observed"): ([], "tool_name='search'"),
    ("google_adk", "whole"): ([], "text='fine'"),
    ("langchain", "steps"): ([], "content='fine'"),
    ("mcp", "annotated at the server"): ([], "text='fine', annotations=Annotations(audience=['user'], priority=None, last_modified=None), meta=None"),
    ("mcp", "annotated at the client"): ([], "text='fine', annotations=Annotations(audience=['user'], priority=None, last_modified=None), meta=None"),
    ("mcp1", "task"): ([], "a task gives its result later and past the tool points: call the tool without one"),
    ("mcp", "listed at the server"): ([], "denied by policy: no_format"),
    ("mcp", "listed at a legacy server"): ([], "denied by policy: no_format"),
    ("mcp", "listed at the client"): ([], "denied by policy: no_format"),
    ("mcp", "permitted at the server"): ([], "['search']"),
    ("mcp", "permitted at the client"): ([], "['search']"),
    ("mcp1", "listed at the server"): ([], "denied by policy: no_format"),
    ("mcp1", "listed at the client"): ([], "denied by policy: no_format"),
    ("mcp1", "permitted at the server"): ([], "['search']"),
    ("mcp1", "permitted at the client"): ([], "['search']"),
    ("mcp1", "later"): ([], "denied by policy: no_deletes"),
    ("mcp1", "tasks"): ([], "`experimental` of a governed client would pass tool calls"),
    ("google_adk", "agent with plugins"): ([], "text='fine'"),
    ("google_adk", "agent without"): ([], "`inner` runs an agent without this plugin"),
    ("google_adk", "code"): ([], "pre_model_call: ungoverned"),
    ("google_adk", "data"): ([], "post_model_call"),
    ("google_adk", "signature"): ([], "text='fine'"),
    ("pydantic_ai", "external"): ([], "pre_model_call: ungoverned"),
    ("pydantic_ai", "external observed"): ([], "DeferredToolRequests(calls=[ToolCallPart(tool_name='delete_file'"),
    ("pydantic_ai", "brought"): ([], "denied by policy: no_deletes"),
    ("pydantic_ai", "file"): ([], "post_model_call: service"),
    ("llama_index", "function"): ([], "pre_tool_call: service"),
    ("llama_index", "call"): ([], "denied by policy: no_deletes"),
    ("llama_index", "signature"): ([], "(path: str) -> str"),
    ("smolagents", "elsewhere"): ([], "pre_tool_call: ungoverned"),
    ("smolagents", "here"): ([], "denied by policy: no_deletes: Nothing is deleted."),
    ("crewai", "call"): ([], "it is [secret]"),
    ("crewai", "call in words"): ([], "it is [secret]"),
    ("crewai", "alone"): ([], "output: ungoverned"),
    ("crewai", "alone in words"): ([], "output: ungoverned"),
    ("crewai", "flow"): ([], "it is [secret]"),
    ("crewai", "result as answer"): (["search"], "found x"),
    ("claude_agent_sdk", "asked"): ([], "['ask', {}, 1]"),
    ("claude_agent_sdk", "asked about a secret"): ([], "'updatedToolOutput': {'out': '[secret]'}}}, 1]"),
}  # fmt: skip


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What came of all ways: one process of each framework."""
    service: Service = start_governed(tmp_path_factory.mktemp("bypasses"))
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            script = Path(__file__).parent / "bypasses" / f"{name}_bypasses.py"
            known[name] = run_script(FRAMEWORKS[name], service, script)
        return known[name]

    yield of
    service.stop()


@pytest.mark.parametrize(("name", "way"), CAME, ids=[f"{name}-{way}" for name, way in CAME])
def test_a_way_round_an_adapter(came: Any, name: str, way: str) -> None:
    """Nothing runs, and no secret is seen, but for what a verdict permits."""
    if not FRAMEWORKS[name].is_there:
        pytest.skip("`make client-environments` installs the frameworks")
    ran, has_secret, said, _ = came(name)[way]
    expected, part = CAME[name, way]
    assert (ran, has_secret) == (expected, False), said
    assert part in said


def test_a_result_that_is_the_answer_passes_output(came: Any) -> None:
    """LangChain ends a run with the result of a tool that returns directly."""
    if not FRAMEWORKS["langchain"].is_there:
        pytest.skip("`make client-environments` installs the frameworks")
    assert came("langchain")["direct"][3][-2:] == ["post_tool_call", "output"]


def test_a_call_that_waits_is_evaluated_again(came: Any) -> None:
    """A person of the host may take long: the permit from before the pause of OpenAI Agents is given back."""
    if not FRAMEWORKS["openai_agents"].is_there:
        pytest.skip("`make client-environments` installs the frameworks")
    assert came("openai_agents")["waiting"][3].count("pre_tool_call") == 2


def test_every_way_is_expected(came: Any) -> None:
    """A way that a script tries and nobody looks at shows nothing."""
    for name in {name for name, _ in CAME if FRAMEWORKS[name].is_there}:
        assert sorted(came(name)) == sorted(way for held, way in CAME if held == name)
