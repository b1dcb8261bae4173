"""`acs-sidecar policy show`: what a policy says (section 10.7)."""

from pathlib import Path

import typer

from acs_sidecar.cli.output import OutputFormat, print_json, say, show_findings, wants_table
from acs_sidecar.cli.policies.workspace.files import location, read_file, read_policy_file, read_trust_file
from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected
from acs_sidecar.spec.values import Json

__all__ = ["show"]


def show(
    file: Path = typer.Argument(help="the policy, a JSON document"),
    trust: Path | None = typer.Option(None, help="file of the keys that may sign; verify the policy by it"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Show what a policy says, and whether that is verified.

    Exits 0, 1 when the policy is not valid or, with --trust, is not verified as a whole, 2 when something
    could not be read.
    """
    policy = read_policy_file(file)
    verified, whole = "not verified", trust is None
    if trust is not None:
        expected = Expected(content_hash=policy.hash if policy.is_legacy else None)
        checked = check_policy(read_file(file), location(file), read_trust_file(trust), expected)
        show_findings(checked.findings)
        if checked.key is not None:
            whole = not policy.is_legacy
            verified = f"{'' if whole else 'the content alone, '}by the trusted key {checked.key.name}"
    members = _members(policy, verified)
    if wants_table(output):
        for name, value in members.items():
            say(f"{name:<22} {_text(value)}")
    else:
        print_json(members)
    if not whole:
        raise typer.Exit(1)


def _members(policy: WorkspacePolicy, verified: str) -> dict[str, Json]:
    content = policy.content
    return {
        "policy": policy.policy_id,
        "workspace": policy.workspace_id,
        "version": policy.version,
        "status": policy.status.value,
        "hash": policy.hash,
        "key": policy.key_id,
        "verified": verified,
        "allowed providers": list(content.models.allowed_providers) or "any",
        "allowed models": list(content.models.allowed_models) or "any",
        "denied models": list(content.models.denied_models),
        "allowed tools": list(content.tools.allowed_tools) or "any",
        "denied tools": list(content.tools.denied_tools),
        "tools to approve": "all" if content.tools.approval is True else list(content.tools.approval),
        "frameworks": list(content.compliance.frameworks),
        "signed audit log": "required" if content.compliance.require_audit_logging else "not required",
        "data residency": content.compliance.data_residency or "any",
    }


def _text(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
