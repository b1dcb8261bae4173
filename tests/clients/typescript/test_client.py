"""The TypeScript client against real and canned services, by Node's own test runner (section 12.11)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.typescript.conftest import Settings
from tests.clients.typescript.node import PACKAGE, build, old_node, run_node, skip_without_node
from tests.conftest import ROOT, Service, start_service

skip_without_node()

CORE = ("approvals", "blocks", "govern", "provenance", "session", "targets", "values")
FRAMEWORKS = ("ai", "langchain", "mcp", "openai-agents")
DENIED = "tool: denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"


@pytest.fixture(scope="module", autouse=True)
def _built() -> Iterator[None]:
    build()
    yield


def test_every_file_of_tests_is_run() -> None:
    """A file that nobody names would never fail."""
    names = {path.name.removesuffix(".test.ts") for path in (PACKAGE / "test").glob("*.test.ts")}
    assert names == {*CORE, *FRAMEWORKS}


@pytest.mark.parametrize("name", [*CORE, *FRAMEWORKS])
def test_the_client(settings: Settings, socket_path: Path, name: str) -> None:
    """One file of tests, each of which Node's runner reports by its sentence when it fails."""
    arguments = ("--test", "--test-reporter=tap", f"build/test/{name}.test.js")
    shown = run_node(*arguments, settings=settings | {"SERVICE_SOCKET": str(socket_path)})
    assert re.search(r"^# pass [1-9]", shown, re.MULTILINE)


@pytest.mark.parametrize("name", ["blocks", "govern", "values"])
def test_the_client_on_the_oldest_node(settings: Settings, name: str) -> None:
    """The same on the oldest Node that the package says it supports."""
    assert run_node("--version", node=old_node()).startswith("v20.")
    run_node("--test", f"build/test/{name}.test.js", node=old_node(), settings=settings)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the example manifests."""
    running = start_service(tmp_path_factory.mktemp("examples"), "--manifests", str(ROOT / "manifests"))
    yield running
    running.stop()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_example_runs_offline(examples: Service, name: str) -> None:
    """It prints what the policy has made of the agent's steps."""
    shown = run_node(f"build/examples/{name}.js", settings={"ACSCLIENT_URL": examples.url})
    others = {"mcp": f"tool: refunded 5 EUR\n{DENIED}"}
    assert shown == others.get(name, f"{DENIED}agent: I cannot. Write to [email]\n")
