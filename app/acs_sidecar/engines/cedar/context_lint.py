"""Members of the context that policies read and no bound point has (section 1.7.1).

A condition on one never holds, or fails: without a schema the engine cannot say so when it compiles. What
a snapshot holds is the host's, so that of its members only those near the service's own are told.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.slicing.scopes import ScopedPolicy
from acs_sidecar.engines.cedar.syntax import tokens
from acs_sidecar.engines.findings import SourceLocation, warning
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.ports import POLICY_TARGET_MEMBERS

__all__ = ["BoundContext", "unknown_members"]

_OWN = ("annotations", "policy_target", "envelope")
_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class BoundContext:
    """What is known of the context at a bound point.

    `given` are the members that the manifest gives it, `None` where it is the default one. With
    `snapshot_alone` that one has the snapshot and the annotations, and nothing else.
    """

    given: frozenset[str] | None
    annotations: frozenset[str]
    has_tool: bool
    snapshot_alone: bool = False


def unknown_members(
    reads: Reads, bound: Sequence[BoundContext], policies: Iterable[ScopedPolicy], path: str
) -> Iterator[Diagnostic]:
    """Yield a remark on each member that is read and that none of the `bound` points has."""
    listed = list(policies)
    for name, why in _unknown(reads, bound) if bound else ():
        at = _place(name[-1], listed) or SourceLocation(path)
        member = ".".join(("context", *name))
        yield warning("cedar-context-unknown", f"`{member}` is read, and no bound point has it: {why}", at)


def _unknown(reads: Reads, bound: Sequence[BoundContext]) -> Iterator[tuple[tuple[str, ...], str]]:
    if reads.whole:
        return
    given = [one.given for one in bound if one.given is not None]
    if len(given) == len(bound):
        members = sorted(frozenset().union(*given))
        for name in _others(reads, members):
            yield (name,), f"the manifest gives the context {_listed(members)}"
    if given:
        return
    for name in _others(reads, _OWN):
        if near := difflib.get_close_matches(name.lower()[:64], _OWN, 1, _NEAR):
            yield (name,), f"did you mean `{near[0]}`?"
    annotations = sorted(frozenset().union(*(one.annotations for one in bound)))
    for name in _others(reads.at("annotations"), annotations):
        yield ("annotations", name), f"annotated are {_listed(annotations)}"
    if any(one.snapshot_alone for one in bound):
        for name in ("policy_target", "tool"):
            if name in reads.members:
                yield (name,), "from 0.4 on the context has the snapshot and `annotations`: read the snapshot"
        return
    for name in _others(reads.at("policy_target"), POLICY_TARGET_MEMBERS):
        yield ("policy_target", name), f"it has {_listed(POLICY_TARGET_MEMBERS)}"
    if "tool" in reads.members and not any(one.has_tool for one in bound):
        yield ("tool",), "set `tool_name_from`"


def _others(reads: Reads, known: Collection[str]) -> list[str]:
    """Return the members that are read of a value besides those that it has, sorted."""
    return [] if reads.whole else sorted(reads.members.keys() - frozenset(known))


def _place(name: str, policies: Iterable[ScopedPolicy]) -> SourceLocation | None:
    """Return the place of the first policy that has such a name in it."""
    written = {name, f'"{name}"'}
    return next(
        (one.at for one in policies if any(token.text in written for token in tokens(one.text))), None
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
