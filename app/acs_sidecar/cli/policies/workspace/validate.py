"""`acs-sidecar policy validate`: each step of the verification, and an agent's start (section 10.7)."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.output import fail, print_json, say, show_findings
from acs_sidecar.cli.policies.findings_format import FindingsFormat, prints_text
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.policies.workspace.files import location, read_file, read_trust_file
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.adapters.workspace_policy.checking import CheckedPolicy, check_policy
from acs_sidecar.engines.adapters.workspace_policy.definition import WorkspaceDefinition
from acs_sidecar.engines.adapters.workspace_policy.document.members import HEX_64
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.document.reader import matches
from acs_sidecar.engines.adapters.workspace_policy.document.text import MAX_BYTES
from acs_sidecar.engines.adapters.workspace_policy.points import evaluator_of
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected, Step
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.json_text import parse_json
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json

__all__ = ["expected_of", "validate"]

_PASSING = ("allow", "warn")


class StepResult(StrEnum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class AgentStart:
    """What an agent would get when it starts."""

    decision: str
    reason: str | None

    @property
    def passes(self) -> bool:
        """True if it would start."""
        return self.decision in _PASSING


def validate(
    file: Path = typer.Argument(help="the policy, a JSON document"),
    trust: Path = typer.Option(help="file of the keys that may sign"),
    workspace: str | None = typer.Option(None, help="the workspace that it must be for"),
    min_version: int | None = typer.Option(None, min=1, help="the lowest version that is accepted"),
    content_hash: str | None = typer.Option(
        None, "--hash", help="the hash that it must have; for a document of the original"
    ),
    agent: Path | None = typer.Option(None, help="JSON file with the snapshot of an agent that starts"),
    output: FindingsFormat = typer.Option(FindingsFormat.AUTO, "--format", help="output format"),
) -> None:
    """Verify a policy as the service does, and tell whether an agent would start under it.

    Exits 0, 1 when a step fails or the agent would get neither `allow` nor `warn`, 2 when something could not
    be read.
    """
    expected = expected_of(workspace, min_version, content_hash)
    trusted, content = read_trust_file(trust), read_file(file)
    snapshot = None if agent is None else _snapshot(agent)
    checked = check_policy(content, location(file), trusted, expected)
    start = None
    if checked.policy is not None and checked.failed is None and agent is not None:
        start = _start(checked.policy, snapshot)
    _print(output, checked, expected, start)
    if checked.failed is not None or (start is not None and not start.passes):
        raise typer.Exit(1)


def expected_of(workspace: str | None, min_version: int | None, content_hash: str | None) -> Expected:
    """Return what options expect of a document; ends the command for a hash that is none."""
    if content_hash is not None and not matches(HEX_64, content_hash):
        fail(f"--hash: `{content_hash}` is not {HEX_64.form}")
    return Expected(workspace, min_version, content_hash)


def _results(checked: CheckedPolicy, expected: Expected) -> dict[Step, StepResult]:
    unchecked = {Step.WORKSPACE} if expected.workspace is None else set()
    if expected.min_version is None:
        unchecked.add(Step.VERSION)
    results = {}
    result = StepResult.OK
    for step in Step:
        if step is checked.failed:
            results[step], result = StepResult.FAILED, StepResult.NOT_REACHED
        else:
            results[step] = (
                StepResult.NOT_CHECKED if step in unchecked and result is StepResult.OK else result
            )
    return results


def _print(
    output: FindingsFormat, checked: CheckedPolicy, expected: Expected, start: AgentStart | None
) -> None:
    results = _results(checked, expected)
    match output:
        case FindingsFormat.SARIF:
            print_json(sarif_log(checked.findings))
        case FindingsFormat.TEXT | FindingsFormat.AUTO | FindingsFormat.JSON:
            if prints_text(output):
                _say(checked, results, start)
                return
            print_json(
                {
                    "valid": checked.failed is None,
                    "steps": {step.value: result.value for step, result in results.items()},
                    "status": checked.policy.status.value if checked.policy else None,
                    "diagnostics": [asdict(found) for found in checked.findings],
                    "agent": None if start is None else asdict(start),
                }
            )
        case _:
            assert_never(output)


def _say(checked: CheckedPolicy, results: dict[Step, StepResult], start: AgentStart | None) -> None:
    show_findings(checked.findings)
    for step, result in results.items():
        say(f"{step.value:<10} {result.value}")
    if checked.policy is not None and checked.failed is None and checked.policy.is_withdrawn:
        say(f"the policy is {checked.policy.status}: it denies everything")
    if start is not None:
        reason = f" {start.reason}" if start.reason else ""
        say(f"{'agent':<10} {start.decision}{reason}")


def _start(policy: WorkspacePolicy, snapshot: Json) -> AgentStart:
    """Return what the evaluator of the service decides on an agent that starts."""
    value: dict[str, Json] = {
        "intervention_point": InterventionPoint.AGENT_STARTUP.value,
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
    }
    evaluator = evaluator_of(InterventionPoint.AGENT_STARTUP, policy, WorkspaceDefinition())
    try:
        verdict = evaluator.evaluate(PolicyInput(value, canonical(value))).value
    except EvaluationError as error:
        return AgentStart("deny", f"{error.reason}: {error.detail}")
    members = verdict if isinstance(verdict, dict) else {}
    reason = members.get("reason")
    return AgentStart(str(members.get("decision")), reason if isinstance(reason, str) else None)


def _snapshot(path: Path) -> Json:
    """Read the snapshot of an agent, or end the command."""
    try:
        parsed = parse_json(read_user_file(path, MAX_BYTES, f"--agent {path}").decode())
    except (UnicodeDecodeError, DocumentError):
        parsed = None
    if parsed is None or not isinstance(parsed.value, dict):
        fail(f"--agent {path}: is not a JSON object without duplicate members")
    return parsed.value
