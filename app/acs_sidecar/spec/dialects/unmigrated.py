"""What `migrated_text` leaves in policies for somebody to look at (section 6.2)."""

import re
from collections.abc import Iterator

from acs_sidecar.spec.dialects.migration import objects_in
from acs_sidecar.spec.dialects.transform_path import NAME
from acs_sidecar.spec.dialects.versions import DIALECT_03, DIALECT_04
from acs_sidecar.spec.document.bounds import DocumentError, Members
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["unmigrated_lines", "unmigrated_members"]

_SEGMENTS = rf'(?:\.{NAME}|\[\\*"{NAME}\\*"\]|\[[0-9]+\])*'
_BY_HAND = (
    (
        r"\$policy_target(?![A-Za-z0-9_])",
        "`$policy_target` is left: write `$target` where it is a path",
    ),
    (
        rf"""\bpath[\\"'`]*\s*:\s*(?P<open>[\\"'`]+)\$target(?![A-Za-z0-9_])(?!{_SEGMENTS}(?P=open))""",
        "`path` is refused from 0.4 on: its names are ASCII letters, digits, `_` and `-`",
    ),
    (
        r"""["']approvers\\?["']\s*:""",
        "`approvers` is left: an escalation names them in `approval`, beside `evidence`",
    ),
    (
        r"""["']approval\\?["']\s*:""",
        "`approval` is left: from 0.4 on it lets a deny be lifted, and is refused with other decisions",
    ),
    (
        r"""["']warnings\\?["']\s*:""",
        "`warnings` is left: from 0.4 on it is read, and its items are objects",
    ),
    (
        r"""["']evidence\\?["']\s*:\s*\{\s*\\?["'](?!(?:artefact|verification_pointers|approvers)\\?["'])""",
        "`evidence` is left: from 0.4 on it has no member but `artefact` and `verification_pointers`",
    ),
    (
        r"""["']reason\\?["']\s*:\s*[\\"'`]+host_error:""",
        "`reason` is refused from 0.4 on: `host_error:` is reserved",
    ),
)
_PATTERNS = tuple((re.compile(pattern), advice) for pattern, advice in _BY_HAND)


def unmigrated_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each place in a policy that somebody must look at, and what is there to do."""
    found = (
        (text.count("\n", 0, match.start()) + 1, advice)
        for pattern, advice in _PATTERNS
        for match in pattern.finditer(text)
    )
    yield from sorted(dict.fromkeys(found))


def unmigrated_members(older: str, newer: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each member of a manifest that somebody must look at, and what is there to do.

    `newer` is the manifest `older` as `migrated_text` returns it. Policies that are written out in it are
    looked at, and the outputs of test doubles.
    """
    try:
        before, after = parse_document(older), parse_document(newer)
    except DocumentError:
        return
    outputs = dict(_policies(before.value))
    for place, policy in _policies(after.value):
        for member, text in _texts(policy):
            for number, advice in unmigrated_lines(text):
                line, _ = after.place((*place, *member))
                yield line or 1, f"{_dotted(*place, *member)} line {number}: {advice}"
        if "output" in policy and (refused := _refused(outputs[place]["output"], policy["output"])):
            line, _ = after.place((*place, "output"))
            yield line or 1, f"{_dotted(*place)}.output: {refused}"


def _policies(manifest: Json) -> Iterator[tuple[Members, JsonObject]]:
    """Yield the place and members of each policy, and of each binding that overlays one."""
    for name, policy in objects_in(manifest, "policies").items():
        yield ("policies", name), policy
    for name, point in objects_in(manifest, "intervention_points").items():
        if isinstance(binding := point.get("policy"), dict):
            yield ("intervention_points", name, "policy"), binding


def _texts(policy: JsonObject) -> Iterator[tuple[Members, str]]:
    """Yield the place and text of each policy that is written out in a definition."""
    if isinstance(text := policy.get("policy_set"), str):
        yield ("policy_set",), text
    if isinstance(modules := policy.get("modules"), dict):
        for name, module in modules.items():
            if isinstance(module, str):
                yield ("modules", name), module


def _refused(older: Json, newer: Json) -> str | None:
    """Return what 0.4 makes otherwise of an output that 0.3 reads, `None` if it makes nothing so."""
    try:
        before = DIALECT_03.normalise(older)
    except EvaluationError:
        return None
    try:
        after = DIALECT_04.normalise(newer)
    except EvaluationError as error:
        return f"is refused from 0.4 on: {error.detail}"
    if before.decision is not after.decision:
        return f"is `{after.decision}` from 0.4 on, for its `approval` lifts the `{before.decision}`"
    return None


def _dotted(*place: str | int) -> str:
    return ".".join(str(part) for part in place)
