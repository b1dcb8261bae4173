"""A lint for members of `input` that no policy input has (section 1.5)."""

import difflib
from collections.abc import Iterable, Iterator

from acs_sidecar.engines.findings import warning
from acs_sidecar.engines.rego.analysis.facts import ModuleFacts, Reference
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.ports import POLICY_INPUT_MEMBERS, POLICY_TARGET_MEMBERS

__all__ = ["unknown_inputs"]

_MEMBERS = {
    (): POLICY_INPUT_MEMBERS,
    ("policy_target",): POLICY_TARGET_MEMBERS,
}
"""What the policy input has, and the member of it that has always the same members."""


def unknown_inputs(modules: Iterable[ModuleFacts]) -> Iterator[Diagnostic]:
    """Remark on the first use of each member of `input` that there never is.

    A policy that replaces `input` by `with` may read anything.
    """
    listed = list(modules)
    replaced = {found.names for facts in listed for rule in facts.rules for found in _inputs(rule.replaced)}
    if () in replaced:
        return
    seen = set(replaced)
    for facts in listed:
        for found in (found for rule in facts.rules for found in rule.references if not found.hidden):
            path = _below_input(found, facts)
            above = path[:1] if path[:1] in _MEMBERS else ()
            member = path[: len(above) + 1]
            if len(member) > len(above) and member[-1] not in _MEMBERS[above] and member not in seen:
                seen.add(member)
                yield warning("rego-input-unknown", _message(member), found.at)


def _inputs(references: Iterable[Reference]) -> Iterator[Reference]:
    return (found for found in references if found.root == "input")


def _below_input(reference: Reference, facts: ModuleFacts) -> Segments:
    """Return the names behind `input` of what a reference stands for, also through an import."""
    root, *names = facts.imports.get(reference.root, (reference.root,))
    return (*names, *reference.names) if root == "input" else ()


def _message(member: Segments) -> str:
    *above, name = member
    members = _MEMBERS[tuple(above)]
    near = difflib.get_close_matches(name.lower()[:64], members, 1)
    instead = f"did you mean `{near[0]}`?" if near else "it has " + ", ".join(f"`{one}`" for one in members)
    if not above and not near:
        instead += (
            "; what the host sent is `input.snapshot`, what is decided on is `input.policy_target.value`"
        )
    parent = ".".join(("input", *above))
    return f"`{parent}` has no member `{name}`, so that what reads it is undefined: {instead}"
