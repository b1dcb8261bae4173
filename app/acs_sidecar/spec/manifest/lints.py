"""What a reviewer would ask about a valid manifest, as far as the manifest alone tells (section 3.4).

What needs a policy's source is remarked upon by its engine. Everything here is a warning.
"""

from collections.abc import Iterable, Iterator

from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.limits import SERVER_LIMITS
from acs_sidecar.spec.manifest.combination import combined_names
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.manifest.model import Manifest, Members
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint

__all__ = ["ANNOTATION_UNREAD", "lints", "unread_annotation", "without_needed"]

ANNOTATION_UNREAD = "annotation-unread"
_OWN_MEMBERS = ((PolicyKind.REGO, "modules"), (PolicyKind.CEDAR, "entities"), (PolicyKind.CEDAR, "schema"))
_LABELS = frozenset({"clearance", "security_labels"})


def lints(manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield the findings, in the order of the manifest's members."""
    yield from _unbound_policies(manifest)
    yield from _undecided_tools(manifest)
    yield from _tools_without_clearance(manifest)
    yield from _unused_annotators(manifest)
    yield from _limits_of_the_server(manifest)
    if manifest.dialect.agent_contexts:
        yield from _not_portable(manifest)


def unread_annotation(path: str, name: str) -> Diagnostic:
    """Return the finding of a policy that does not read an annotation of the point it is bound to.

    `path` names the binding (`intervention_points.output.policy`).
    """
    message = (
        "the policy never reads it, yet the annotator is called and its failure denies: "
        f"read `annotations.{name}` in the policy, or remove it"
    )
    point = path.removesuffix(".policy")
    return _warning(ANNOTATION_UNREAD, message, f"{point}.annotations{_suffix(name)}")


def without_needed(findings: Iterable[Diagnostic], manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield findings but for annotations that no policy reads and another annotation needs."""
    needed = {
        unread_annotation(f"intervention_points.{point}.policy", need).path
        for point, config in manifest.points.items()
        for use in config.annotators
        for need in use.needs
    }
    for finding in findings:
        if finding.code != ANNOTATION_UNREAD or finding.path not in needed:
            yield finding


def _unbound_policies(manifest: Manifest) -> Iterator[Diagnostic]:
    bound = {point.policy for point in manifest.points.values()}
    bound |= {name for policy in bound for name in combined_names(manifest.policies[policy])}
    for name in manifest.policies:
        if name not in bound:
            message = "no intervention point binds it: bind it, or remove it"
            yield _found("policy-unbound", message, ("policies", name))


def _undecided_tools(manifest: Manifest) -> Iterator[Diagnostic]:
    if not manifest.tools:
        return
    if InterventionPoint.PRE_TOOL_CALL not in manifest.points:
        message = (
            "`tools` are declared but `pre_tool_call` is not: tools are called without a decision; "
            "configure the point"
        )
        yield _found("tool-calls-undecided", message, ("intervention_points",))
    for name, point in manifest.points.items():
        if name in TOOL_POINTS and point.tool_name is None:
            message = (
                "`tools` are declared but not looked up here: any tool passes and the policy gets no `tool`: "
                "set `tool_name_from`"
            )
            yield _found("tool-name-missing", message, ("intervention_points", name.value))


def _tools_without_clearance(manifest: Manifest) -> Iterator[Diagnostic]:
    if not any(_LABELS & tool.keys() for tool in manifest.tools.values()):
        return
    for name, tool in manifest.tools.items():
        if "clearance" not in tool:
            message = (
                "other tools carry labels but this one has no `clearance`: declare what may flow into it"
            )
            yield _found("tool-clearance-missing", message, ("tools", name))


def _limits_of_the_server(manifest: Manifest) -> Iterator[Diagnostic]:
    for name in manifest.limits:
        if name in SERVER_LIMITS:
            variable = f"ACS_LIMIT_{name.upper()}"
            message = f"counts before a manifest is read, so a manifest cannot lower it: set {variable}"
            yield _found("limit-of-server", message, ("limits", name))


def _not_portable(manifest: Manifest) -> Iterator[Diagnostic]:
    """Remark on members that other implementations of the specification refuse."""
    message = "is known to this service alone: other implementations refuse the manifest"
    if "limits" in manifest.value:
        yield _found("not-portable", message, ("limits",))
    for name, policy in manifest.policies.items():
        for kind, member in _OWN_MEMBERS:
            if policy.get("type") == kind and member in policy:
                yield _found("not-portable", message, ("policies", name, member))


def _unused_annotators(manifest: Manifest) -> Iterator[Diagnostic]:
    used = {use.name for point in manifest.points.values() for use in point.annotators}
    declared = manifest.value.get("annotators")
    for name in declared if isinstance(declared, dict) else ():
        if name not in used:
            message = "no intervention point uses it: use it in `annotations`, or remove it"
            yield _found("annotator-unused", message, ("annotators", name))


def _found(code: str, message: str, path: Members) -> Diagnostic:
    return _warning(code, message, member_path(path))


def _warning(code: str, message: str, path: str) -> Diagnostic:
    return Diagnostic(code, message, path, severity="warning")


def _suffix(name: str) -> str:
    return member_path(("annotations", name)).removeprefix("annotations")
