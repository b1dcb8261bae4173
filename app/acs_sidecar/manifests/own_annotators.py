"""The classifiers that policies ask themselves, among those that the manifest binds (section 8.1)."""

from collections.abc import Iterable
from dataclasses import replace

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.members import AnnotatorKind
from acs_sidecar.spec.manifest.model import AnnotatorUse, Point
from acs_sidecar.spec.path import Path, PathGrammar, Root
from acs_sidecar.spec.policy_statement import OwnAnnotator

__all__ = ["with_own_annotators"]


def with_own_annotators(point: Point, own: Iterable[OwnAnnotator], grammar: PathGrammar) -> Point:
    """Return a point with the classifiers of its policies. Raises `ManifestError` where two differ.

    They are asked about the policy target. Where the manifest binds one of that name, it is asked about
    what that binding says; another provider there stays as it is. What one redacts takes the place of the
    target, so it must read that: raises `ManifestError` where it does not.
    """
    uses = {use.name: use for use in point.annotators}
    seen: dict[str, OwnAnnotator] = {}
    for one in sorted(own, key=lambda one: one.path):
        if one.point is not point.name:
            continue
        first = seen.setdefault(one.name, one)
        if canonical(dict(first.invocation)) != canonical(dict(one.invocation)):
            message = (
                f"`{first.path}` configures `{one.name}` in another way, and `{point.name.value}` binds both"
            )
            raise ManifestError([Diagnostic("stock-config", message, f"{one.path}.config")])
        uses[one.name] = use = _use(one, uses.get(one.name), grammar)
        if one.invocation.get("redact") and not _reads_target(use, point.target):
            message = "what it redacts takes the place of the policy target: write `$policy_target`"
            place = f"intervention_points.{point.name.value}.annotations.{one.name}.from"
            raise ManifestError([Diagnostic("stock-config", message, place)])
    if not seen:
        return point
    return replace(point, annotators=tuple(uses[name] for name in sorted(uses)))


def _reads_target(use: AnnotatorUse, target: Path) -> bool:
    """True if an annotator reads the policy target, or brings the host's own word."""
    source = (use.source.root, use.source.segments)
    return source in {(Root.POLICY_TARGET, ()), (target.root, target.segments)} or (
        use.invocation.get("provider") == "host"
    )


def _use(own: OwnAnnotator, bound: AnnotatorUse | None, grammar: PathGrammar) -> AnnotatorUse:
    kind = AnnotatorKind.CLASSIFIER.value
    if bound is None:
        target = Path(grammar.target_root, Root.POLICY_TARGET, ())
        return AnnotatorUse(own.name, kind, target, own.invocation)
    alike = bound.type == kind and bound.invocation.get("provider") == own.invocation["provider"]
    return replace(bound, invocation=own.invocation, bound=frozenset()) if alike else bound
