"""What OpenAI Agents has beside the cases of every framework."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS, run_script, start_governed
from tests.conftest import Service

OPENAI = FRAMEWORKS["openai_agents"]

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not OPENAI.is_there, reason="`make client-environments` installs OpenAI Agents"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the governed manifest."""
    running = start_governed(tmp_path_factory.mktemp("openai"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def came(service: Service) -> Any:
    """What ran, what the run came to, and whether a secret was seen, by case."""
    return run_script(OPENAI, service, Path(__file__).parent / "cases" / "openai_agents_more.py")


@pytest.mark.parametrize(
    ("case", "ran"),
    [
        ("handoff", [["search", "x"]]),
        ("streamed handoff", [["search", "x"]]),
        ("handoff then deny", []),
        ("handoff object", []),
        ("exempt", [["search", "x"]]),
        ("governed as tool", []),
        ("mcp deny", []),
        ("mcp result", [["read", {"path": "x"}]]),
    ],
)
def test_other_agents_and_servers_are_governed(came: Any, case: str, ran: Any) -> None:
    """Targets of hand-overs, agents as tools and tools of MCP servers are in the same session."""
    assert came[case] == [ran, "fine", False]


def test_tools_that_cannot_be_governed_are_refused(came: Any) -> None:
    """Each when the agent is governed, or when it is about to be used."""
    assert came["hosted"] == "ungoverned: a WebSearchTool is run by the provider and passes no tool point"
    assert came["observed"] == "it can"
    assert (
        came["local"] == "ungoverned: a ShellTool runs here and passes no tool point: make it a function tool"
    )
    assert (
        came["as tool"]
        == "ungoverned: `ask` runs an agent that is not governed: use `govern(agent).as_tool(…)`"
    )
    assert came["added later"] == [[], "Denied: ungoverned", False]
    assert came["original"] is True


def test_a_model_of_the_run_configuration_is_not_taken_for_the_governed_one(came: Any) -> None:
    """Its answer ends the run."""
    assert came["replaced model"] == [[], "Denied: ungoverned", False]


def test_a_result_that_ends_the_run_passes_output(came: Any) -> None:
    """A tool's result as the final output is evaluated as one."""
    for case in ("first tool", "stop at"):
        assert came[case] == [[["search", "x"]], "found [secret] for x", False]
    assert came["points of stop at"][-2:] == ["post_tool_call", "output"]


def test_a_block_can_stop_the_run(came: Any) -> None:
    """With `on_block="raise"`; arguments that are not JSON pause it."""
    assert came["raise"] == [[], "UserError: service", False]
    assert came["broken arguments"] == [[], None, False]
