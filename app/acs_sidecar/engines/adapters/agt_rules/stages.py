"""At which point a rule holds, where its document does not say so (section 7.2)."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from acs_sidecar.engines.adapters.agt_rules.condition.meaning import check_closed
from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule, RuleDocument
from acs_sidecar.engines.adapters.agt_rules.names import Names, UnknownNameError
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.spec.path import Root
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint

__all__ = ["INFERRED", "inferred_point", "with_points"]

INFERRED = (
    InterventionPoint.PRE_TOOL_CALL,
    InterventionPoint.INPUT,
    InterventionPoint.POST_TOOL_CALL,
    InterventionPoint.OUTPUT,
)
"""Where a rule of form B can hold, in the order in which its names are tried."""

_POINTS_OF_MEMBERS: Mapping[str | int, Collection[InterventionPoint]] = {
    "tool_call": TOOL_POINTS,
    "tool_result": {InterventionPoint.POST_TOOL_CALL},
    "input": {InterventionPoint.INPUT},
    "response": {InterventionPoint.POST_MODEL_CALL, InterventionPoint.OUTPUT},
}
"""Members of a snapshot, and at which points it has them."""


def with_points(document: RuleDocument, names: Names, findings: Findings) -> RuleDocument:
    """Return a document whose rules have their points and whose names are all known there."""
    rules: list[AgtRule] = []
    for rule in document.rules:
        point = rule.point or inferred_point(rule, names)
        for name in rule.names:
            try:
                source = names.source(name.name, point, None)
            except UnknownNameError as error:
                findings.error("agt-name-unknown", str(error), name.at, name.name.offset)
                continue
            if source.default is None and not _is_held(source, point):
                path = source.paths[0].text
                message = f"`{path}` has no value at `{point}`: change `stage`, or the path in `context`"
                findings.warn("agt-path-elsewhere", message, name.at)
            if problem := check_closed(rule.condition, name.name, names.values(name.name)):
                findings.error(*problem, name.at, name.name.offset)
        if rule.point is None and (other := _other_point(rule, names)):
            message = (
                "its names are arguments of a tool under `arguments: named`, and have values of their own "
                f"at `{other}`: bind them in `context`, or write the document in form A with `stage`"
            )
            findings.error("agt-stage-ambiguous", message, rule.at)
        if rule.point is None and point is not InterventionPoint.PRE_TOOL_CALL:
            message = f"holds at `{point}`: its names have no value at `pre_tool_call`"
            findings.warn("agt-stage-inferred", message, rule.at)
        rules.append(replace(rule, point=point))
    return replace(document, rules=tuple(rules))


def _other_point(rule: AgtRule, names: Names) -> InterventionPoint | None:
    """Return the point that has all names of a rule, where the tool's has some only as open arguments."""
    closed = replace(names, named_arguments=False)
    if not names.named_arguments or _has_names(rule, closed, InterventionPoint.PRE_TOOL_CALL):
        return None
    return next((point for point in INFERRED if _has_names(rule, closed, point)), None)


def _has_names(rule: AgtRule, names: Names, point: InterventionPoint) -> bool:
    """True if a snapshot of the point can have all names of a rule."""
    sources = (names.find(name.name, point, None) for name in rule.names)
    return all(source is not None and _is_held(source, point) for source in sources)


def inferred_point(rule: AgtRule, names: Names) -> InterventionPoint:
    """Return the first point that has all names of a rule of form B."""
    held = (point for point in INFERRED if _has_names(rule, names, point))
    return next(held, InterventionPoint.PRE_TOOL_CALL)


def _is_held(source: Source, point: InterventionPoint) -> bool:
    """True if a snapshot of the point can have what is read; `context` binds a path at every point."""
    return not source.paths or any(
        path.root is not Root.SNAPSHOT
        or not path.segments
        or point in _POINTS_OF_MEMBERS.get(path.segments[0], InterventionPoint)
        for path in source.paths
    )
