"""The manifest that binds a draft, as its author reads it (section 7.8)."""

import json
from collections.abc import Iterator
from typing import assert_never

from acs_sidecar.engines.adapters.agt_rules.migration.draft import PolicyDraft
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["manifest_text"]


def manifest_text(draft: PolicyDraft) -> str:
    """Return the manifest as YAML."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: PolicyDraft) -> Iterator[str]:
    yield "agent_control_specification_version: 0.3.1-beta"
    yield ""
    yield "policies:"
    yield "  agt:"
    yield "    type: custom"
    yield "    adapter: agt_rules"
    yield "    documents:"
    for path in draft.paths:
        yield f"      - {_quoted(path)}"
    yield f"    conflict_strategy: {draft.strategy}"
    if draft.action_names:
        listed = ", ".join(f"`{name}`" for name in draft.action_names)
        yield f"    # {listed}: the tool's name. Where functions take the action as an argument:"
        bound = ", ".join(f"{name}: $snap.tool_call.args.action" for name in draft.action_names)
        yield f"    # context: {{{bound}}}"
    if draft.context:
        yield "    # Nothing provides these names: write where the host puts each in the snapshot."
        yield "    context:"
        for name, path in draft.context.items():
            yield f"      {_quoted(name)}: {_quoted(path)}"
    yield ""
    yield "intervention_points:"
    for point in draft.points:
        yield f"  {point}:"
        yield f"    policy_target: {_target(point)}"
        if point in draft.tool_points:
            yield "    tool_name_from: $snap.tool_call.name"
        yield "    policy: {id: agt}"
    if draft.tool_points:
        yield ""
        yield "# Rules read what stands here of a tool: write every tool that agents call."
        yield "tools: {}"
    if draft.escalates:
        yield ""
        yield "# Who may sign is the service's setting ACS_APPROVAL_TRUST_FILE."
        yield "approval:"
        yield "  default_resolver: approvers"
        yield "  resolvers:"
        yield "    approvers: {type: token}"


def _target(point: InterventionPoint) -> str:
    match point:
        case InterventionPoint.INPUT:
            return "$snap.input"
        case InterventionPoint.PRE_MODEL_CALL:
            return "$snap.model"
        case InterventionPoint.PRE_TOOL_CALL:
            return "$snap.tool_call"
        case InterventionPoint.POST_TOOL_CALL:
            return "$snap.tool_result"
        case InterventionPoint.POST_MODEL_CALL | InterventionPoint.OUTPUT:
            return "$snap.response"
        case InterventionPoint.AGENT_STARTUP | InterventionPoint.AGENT_SHUTDOWN:
            return "$snap"
        case _:
            assert_never(point)


def _quoted(text: str) -> str:
    """Return a text as a YAML scalar, in quotes where it is not plain or some YAML reads another value."""
    plain = text.replace("_", "a").replace("-", "a").replace("/", "a").replace(".", "a").removeprefix("$")
    is_plain = plain.isascii() and plain.isalnum() and plain[0].isalpha() and text.lower() not in _VALUES
    return text if is_plain else json.dumps(text)


_VALUES = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
