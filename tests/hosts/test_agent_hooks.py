"""Section 6.7 with real hosts: agent-hooks-sdk, and agent-framework with a scripted model."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.log.keys import generate_key
from tests.conftest import COMMAND, ROOT, Service, start_service
from tests.transports.http.test_intercept import MANIFESTS

HERE = Path(__file__).parent
ENVIRONMENT = Path(os.environ.get("AGENT_HOOKS_ENVIRONMENT", ROOT / ".cache" / "clients" / "agent_hooks"))
PYTHON = ENVIRONMENT / "bin" / "python"

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (os.environ.get("CI") or PYTHON.exists()), reason="`make client-environments` installs the host"
    ),
]

CHANGED = {
    "args": {"amount": 5, "to": {"iban": "X"}},
    "target": {"amount": 5, "to": {"iban": "X"}},
    "warnings": [],
}
FORBIDDEN = {"blocked": "runtime_error:transform_target_forbidden"}
AS_IT_WAS = {
    "args": {"amount": 5, "to": {"iban": "DE1"}},
    "target": {"amount": 5, "to": {"iban": "DE1"}},
    "warnings": [],
}
EMITTED: dict[str, Any] = {
    "emit:allow": AS_IT_WAS,
    "emit:warn": {**AS_IT_WAS, "warnings": [{"reason": "odd", "message": "look"}]},
    "emit:older-warn": {**AS_IT_WAS, "warnings": [{}]},
    "emit:deny": {"blocked": "no"},
    "emit:fails": {"blocked": "runtime_error:policy_output_invalid"},
    "emit:nobody": {"blocked": "runtime_error:request_invalid"},
    "emit:escalate": {"blocked": None},
    "approve:escalate": AS_IT_WAS,
    "approve:deny": {"blocked": "no"},
    "approve:unresolvable": {"blocked": "host_error:approval_unresolved"},
    "emit:alias": CHANGED,
    "emit:below": CHANGED,
    "emit:below-whole": CHANGED,
    "emit:older": CHANGED,
    "emit:equal": {**AS_IT_WAS, "args": {"amount": "X", "to": {"iban": "DE1"}}, "target": {"amount": "X", "to": {"iban": "DE1"}}},
    "emit:above": FORBIDDEN,
    "emit:beside": FORBIDDEN,
    "emit:root": FORBIDDEN,
}  # fmt: skip


def _everywhere(output: Any, target: str, **members: Any) -> dict[str, Any]:
    """A manifest that decides at the call of a tool, and lets everything else pass."""
    points = (
        "agent_startup",
        "input",
        "pre_model_call",
        "post_model_call",
        "post_tool_call",
        "output",
        "agent_shutdown",
    )
    return {
        "agent_control_specification_version": "0.4.0-alpha.1",
        "policies": {"p": {"type": "test", "output": output}, "all": {"type": "test", "output": {"decision": "allow"}}},
        "intervention_points": {
            **{point: {"policy_target": "$.target", "policy": {"id": "all"}} for point in points},
            "pre_tool_call": {"policy_target": target, "policy": {"id": "p"}},
        },
        **members,
    }  # fmt: skip


APPROVAL = {"default_resolver": "officer", "resolvers": {"officer": {"type": "token"}}}
FRAMEWORK = {
    "run-allow": _everywhere({"decision": "allow"}, "$.target"),
    "run-warn": _everywhere({"decision": "warn", "reason": "odd"}, "$.target"),
    "run-deny": _everywhere({"decision": "deny", "reason": "no"}, "$.target"),
    "run-escalate": _everywhere({"decision": "escalate"}, "$.target", approval=APPROVAL),
    "run-transform": _everywhere(
        {"decision": "transform", "transform": {"path": "$target", "value": 7}}, "$.tool_call.args.amount"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with the manifests of all cases, and an approver."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "manifests").mkdir()
    for name, manifest in {**MANIFESTS, **FRAMEWORK}.items():
        (folder / "manifests" / f"{name}.json").write_text(json.dumps(manifest))
    public = base64.b64encode(generate_key(folder / "alice.pem").public).decode()
    (folder / "approvers.yaml").write_text(f'approvers:\n  alice: {{public_key: "{public}"}}\n')
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """That deployment, running."""
    service = start_service(folder, ACS_MANIFESTS="manifests", ACS_APPROVAL_TRUST_FILE="approvers.yaml")
    yield service
    service.stop()


def _came(service: Service, folder: Path, *cases: str) -> dict[str, Any]:
    """What came of cases: one process of the host for all of them."""
    done = subprocess.run(
        [str(PYTHON), str(HERE / "agent_hooks_cases.py"), *cases],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "SIDECAR_URL": service.url,
            "APPROVE": json.dumps([str(COMMAND), "approve", "--yes", "--key", str(folder / "alice.pem")]),
            "SERVICE_PIDS": json.dumps([service.process.pid, *service.workers()]),
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert isinstance(came, dict)
    return came


def test_a_host_enforces_each_verdict(service: Service, folder: Path) -> None:
    """It calls its tool with what the policy permits, changed where the policy changes it, or not at all."""
    assert _came(service, folder, *EMITTED) == EMITTED


def test_the_client_sends_contexts_as_they_are(service: Service, folder: Path) -> None:
    """Section 12.9: its interceptor and its resolver give the host the verdicts that the route gives it."""
    expected = {f"client-{case}": outcome for case, outcome in EMITTED.items()}
    expected["client-emit:nobody"] = {"blocked": "runtime_error:policy_invocation_failed"}
    assert _came(service, folder, *expected) == expected


def test_an_agent_of_a_framework_is_governed(service: Service, folder: Path) -> None:
    """The tool of an agent with a scripted model is called with what the policy permits."""
    came = _came(service, folder, *(f"run:{name}" for name in FRAMEWORK))
    assert {case: outcome["called"] for case, outcome in came.items()} == {
        "run:run-allow": [5],
        "run:run-warn": [5],
        "run:run-deny": [],
        "run:run-escalate": [5],
        "run:run-transform": [7],
    }
    assert "paid 7" in came["run:run-transform"]["text"]
    assert "paid 5" not in came["run:run-deny"]["text"]


def test_a_service_that_is_killed_lets_no_tool_run(tmp_path: Path, folder: Path) -> None:
    """It dies while the model answers: the run ends with a denial of the host."""
    (tmp_path / "m.json").write_text(json.dumps(FRAMEWORK["run-allow"]))
    service = start_service(tmp_path, ACS_MANIFESTS="m.json")
    outcome = _came(service, folder, "kill:m")["kill:m"]
    service.process.wait(30)
    assert outcome["called"] == []
    assert outcome["blocked"].startswith("host_error:")
