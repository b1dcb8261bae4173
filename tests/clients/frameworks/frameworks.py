"""The frameworks that the client is tested with, and how their cases are run in environments of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.python.governed import write_approvers, write_manifest
from tests.conftest import ROOT, Service, start_service

__all__ = ["FRAMEWORKS", "Framework", "run_cases", "run_example", "run_script", "script_of", "start_governed"]

HERE = Path(__file__).parent
POINTS = frozenset(
    {"input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output"}
)
MODEL_POINTS = frozenset({"pre_model_call", "post_model_call"})
TOOL_POINTS = frozenset({"pre_tool_call", "post_tool_call"})
NO_MODEL = frozenset({"stream", "input", "model"})


@dataclass(frozen=True)
class Framework:
    """One framework: `ways` are its paths that are mediated, `lacks` the cases that it has no place for.

    `streams` is what comes of a stream where none is held, `silent` has points whose content is the framework's own.
    """

    name: str
    package: str
    ways: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    points: frozenset[str] = POINTS
    is_heavy: bool = False
    told: str | None = None
    streams: str | None = None
    silent: frozenset[str] = frozenset()

    @property
    def word(self) -> str:
        """What snapshots call it: its own name, or what the host says."""
        return self.told or self.name.replace("_", "-")

    def judged_as(self, point: str) -> str:
        """The point whose rule holds at `point`: a silent model point sees the answers in words alone."""
        return "output" if point == "post_model_call" and point in self.silent else point

    @property
    def environment(self) -> Path:
        """Where it is installed."""
        named = os.environ.get(f"{self.name.upper()}_ENVIRONMENT")
        return Path(named) if named else ROOT / ".cache" / "clients" / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"

    @property
    def is_there(self) -> bool:
        """True if it is installed, or must be: in CI all but the heavy ones."""
        return (bool(os.environ.get("CI")) and not self.is_heavy) or self.python.exists()


FRAMEWORKS = {
    framework.name: framework
    for framework in (
        Framework("agent_hooks", "agent-framework-core", ("plain", "stream"), told="agent-framework"),
        Framework(
            "autogen",
            "autogen-agentchat",
            ("async", "stream"),
            frozenset({"input"}),
            POINTS - {"input"},
            is_heavy=True,
        ),
        Framework(
            "claude_agent_sdk",
            "claude-agent-sdk",
            ("async",),
            NO_MODEL | {"error"},
            TOOL_POINTS | {"input"},
            is_heavy=True,
        ),
        Framework(
            "crewai",
            "crewai",
            ("sync",),
            is_heavy=True,
            streams="refused",
            silent=MODEL_POINTS,
        ),
        Framework("google_adk", "google-adk", ("plain", "stream")),
        Framework("haystack", "haystack-ai", ("sync", "async"), is_heavy=True),
        Framework("langchain", "langchain", ("sync", "async")),
        Framework("llama_index", "llama-index-core", ("async",), NO_MODEL, TOOL_POINTS, is_heavy=True),
        Framework(
            "mcp",
            "mcp",
            ("server", "server asked", "server legacy", "client", "client legacy"),
            NO_MODEL,
            TOOL_POINTS,
        ),
        Framework("mcp1", "mcp", ("server", "client"), NO_MODEL, TOOL_POINTS, told="mcp"),
        Framework("openai_agents", "openai-agents", ("sync", "async")),
        Framework("pydantic_ai", "pydantic-ai-slim", ("sync", "async")),
        Framework("semantic_kernel", "semantic-kernel", ("async",), NO_MODEL, TOOL_POINTS, is_heavy=True),
        Framework("smolagents", "smolagents", ("sync",), NO_MODEL, TOOL_POINTS, is_heavy=True),
    )
}


def start_governed(folder: Path) -> Service:
    """Start a service with the governed manifest."""
    approvers = str(write_approvers(folder))
    return start_service(
        folder, "--manifests", str(write_manifest(folder)), ACS_APPROVAL_TRUST_FILE=approvers
    )


def run_cases(framework: Framework, service: Service, ways: tuple[str, ...], *cases: str) -> Any:
    """What came of the cases, by way and case."""
    script = HERE / "cases" / f"{framework.name}_cases.py"
    return run_script(framework, service, script, ",".join(ways), *cases)


def run_script(framework: Framework, service: Service, script: Path, *arguments: str) -> Any:
    """What a script prints as JSON in the environment of the framework."""
    done = run_example(framework, service, script, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def script_of(framework: Framework, script: Path) -> Any:
    """The same of a script that needs no service."""
    done = _run(framework, {}, script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_example(
    framework: Framework, service: Service, script: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in the environment of the framework, with the client beside it."""
    told = {
        "ACSCLIENT_URL": service.url,
        "SERVICE_PIDS": json.dumps([service.process.pid, *service.workers()]),
    }
    return _run(framework, told, script, *arguments)


def _run(
    framework: Framework, told: dict[str, str], script: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "clients" / "python"), str(ROOT)]),
        "SIGNER": json.dumps([sys.executable, "-m", "tests.clients.frameworks.sign"]),
        "CASE_POINTS": json.dumps(sorted(framework.points)),
    }
    return subprocess.run(
        [str(framework.python), str(script), *arguments],
        env=environment | told,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
