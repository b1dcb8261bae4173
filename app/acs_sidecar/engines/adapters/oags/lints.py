"""What a reviewer would ask about a valid policy (sections 9.2, 9.3, 9.4). Everything here is a warning."""

from collections.abc import Iterator, Sequence

from acs_sidecar.engines.adapters.oags.document.model import NormalPolicy
from acs_sidecar.engines.adapters.oags.document.vocabulary_members import MEMBERS, MemberKind
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.engines.findings import SourceLocation, warning
from acs_sidecar.engines.name_lists import pattern_doubt
from acs_sidecar.evaluators import Diagnostic, PointBinding
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["CHECKED_POINTS", "document_lints", "policy_lints"]

CHECKED_POINTS = (
    InterventionPoint.AGENT_STARTUP,
    InterventionPoint.PRE_MODEL_CALL,
    InterventionPoint.PRE_TOOL_CALL,
)


def document_lints(findings: DocumentFindings) -> None:
    """Warn of entries that do less than they look like: allowed directories, and blocked patterns."""
    for path, member in MEMBERS.items():
        if member.kind is MemberKind.NAMES and member.place.endswith(".blocked"):
            for index, entry in enumerate(_listed(findings.document.value, path)):
                if doubt := pattern_doubt(str(entry)):
                    findings.warn("oags-name-doubtful", f"`{str(entry)[:64]}` {doubt}", (*path, index))
        if member.kind is not MemberKind.PATHS or member.place != "filesystem.allowed":
            continue
        for index, entry in enumerate(_listed(findings.document.value, path)):
            name = str(entry).replace("\\", "/").rpartition("/")[2]
            if name and name != "*" and "." not in name.strip("."):
                message = f"`{entry}` is this path alone: write `{entry}/*` for what is under it too"
                findings.warn("fs-path-exact", message, (*path, index))


def policy_lints(
    path: str, policy: NormalPolicy, bindings: Sequence[PointBinding], *, has_id: bool, can_escalate: bool
) -> Iterator[Diagnostic]:
    """Yield findings about the points that bind a policy, and about consent that nobody can give."""
    for binding in bindings:
        if binding.point not in CHECKED_POINTS:
            message = (
                "nothing is checked at this point: remove the binding, or combine it with another policy"
            )
            yield warning("oags-point-idle", message, SourceLocation(binding.path))
        if binding.point is InterventionPoint.AGENT_STARTUP and not has_id:
            message = "no id is expected, so that every start is denied: set `expected_id`, or declare one"
            yield warning("oags-identity-undeclared", message, SourceLocation(binding.path))
        if binding.point is InterventionPoint.PRE_TOOL_CALL and not binding.projects_tool:
            message = "neither the audit log nor an exported event names the tool: set `tool_name_from`"
            yield warning("oags-tool-unnamed", message, SourceLocation(binding.path.rpartition(".")[0]))
    if policy.tools and policy.tools.confirm and not can_escalate:
        message = "nobody resolves its escalation: set `approval.default_resolver`"
        yield warning("oags-approval-unresolvable", message, SourceLocation(path))


def _listed(value: object, path: Sequence[str]) -> Sequence[object]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else ()
