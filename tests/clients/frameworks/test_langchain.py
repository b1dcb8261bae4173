"""The seven cases and more on real LangChain agents, sync and async (section 12.8)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.python.governed import write_approvers, write_manifest
from tests.conftest import ROOT, Service, start_service

ENVIRONMENT = Path(os.environ.get("LANGCHAIN_ENVIRONMENT", ROOT / ".cache" / "clients" / "langchain"))
CASES = Path(__file__).with_name("langchain_cases.py")

if not os.environ.get("CI") and not ENVIRONMENT.exists():
    pytest.skip("`make client-environments` installs LangChain", allow_module_level=True)


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the governed manifest."""
    folder = tmp_path_factory.mktemp("langchain")
    running = _start(folder)
    yield running
    running.stop()


def _start(folder: Path) -> Service:
    approvers = str(write_approvers(folder))
    return start_service(
        folder, "--manifests", str(write_manifest(folder)), ACS_APPROVAL_TRUST_FILE=approvers
    )


def run(service: Service, ways: str, *cases: str) -> Any:
    """What came of the cases, by way and case."""
    environment = os.environ | {
        "ACSCLIENT_URL": service.url,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "clients" / "python"), str(ROOT)]),
        "SIGNER": json.dumps([sys.executable, "-m", "tests.clients.frameworks.sign"]),
        "SERVICE_PIDS": json.dumps([service.process.pid, *service.workers()]),
    }
    python = str(ENVIRONMENT / "bin" / "python")
    done = subprocess.run(
        [python, str(CASES), ways, *cases],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def came(governed: Service) -> Any:
    """What came of all cases with a service that lives: one process imports LangChain for all."""
    cases = ("allow", "warn", "deny", "escalate", "arguments", "result", "stream", "input", "model")
    return run(governed, "sync,async", *cases)


WAYS = pytest.mark.parametrize("way", ["sync", "async"])


@WAYS
@pytest.mark.parametrize(
    ("case", "ran", "tool_said"),
    [
        ("allow", [["search", "x"]], "found [secret] for x"),
        ("warn", [["odd"]], "done"),
        ("deny", [], "denied by policy: no_deletes: Nothing is deleted."),
        ("escalate", [["pay", 7]], "paid"),
        ("arguments", [["send_email", "team@example.com"]], "sent to team@example.com"),
        ("result", [["search", "y"]], "found [secret] for y"),
    ],
)
def test_a_tool_call(came: Any, way: str, case: str, ran: Any, tool_said: str) -> None:
    """What ran, and what the model, the caller and the history got of it."""
    done = came[way][case]
    assert (done["raised"], done["ran"]) == (None, ran)
    assert done["seen"][-1][-1] == tool_said
    assert ["tool", tool_said] in done["history"]
    assert "secret-123" not in json.dumps(done)


@WAYS
def test_a_streamed_answer_is_held_back(came: Any, way: str) -> None:
    """Nothing of the text leaves before it is permitted, and then as the policy has rewritten it."""
    done = came[way]["stream"]
    assert done["raised"] is None
    assert ["message", "it is [secret]"] in done["got"]
    assert ["ai", "it is [secret]"] in done["history"]
    assert "secret-123" not in json.dumps(done)


@WAYS
@pytest.mark.parametrize(
    ("case", "raised", "seen"),
    [("input", "Denied input service", 0), ("model", "Denied post_model_call service", 1)],
)
def test_a_block_elsewhere_raises(came: Any, way: str, case: str, raised: str, seen: int) -> None:
    """A blocked prompt never reaches the model, and a blocked answer nobody."""
    done = came[way][case]
    assert (done["raised"], done["ran"], len(done["seen"])) == (raised, [], seen)
    assert "bomb" not in json.dumps(done["got"])


@WAYS
def test_a_service_that_is_killed_lets_no_tool_run(tmp_path: Path, way: str) -> None:
    """The service dies between the model's answer and the tool."""
    service = _start(tmp_path)
    done = run(service, way, "killed")[way]["killed"]
    service.process.wait(30)
    assert (done["raised"], done["ran"]) == ("Unavailable post_model_call unreachable", [])


def test_the_example_runs_offline(tmp_path: Path) -> None:
    """It prints what the policy has made of the agent's steps."""
    service = start_service(tmp_path, "--manifests", str(ROOT / "manifests"))
    environment = os.environ | {"ACSCLIENT_URL": service.url, "PYTHONPATH": str(ROOT / "clients" / "python")}
    example = str(ROOT / "clients" / "python" / "examples" / "langchain_agent.py")
    command = [str(ENVIRONMENT / "bin" / "python"), example]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    service.stop()
    assert (done.stdout, done.stderr) == (
        "human: Refund order 1042\n"
        "ai: \n"
        "tool: denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n"
        "ai: I cannot. Write to [email]\n",
        "",
    )
