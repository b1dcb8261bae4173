"""Text of a 0.3 manifest, its policies and its cases, as 0.4 writes them (section 6.2)."""

import re
from collections.abc import Iterator

from acs_sidecar.spec.dialects.versions import VERSION
from acs_sidecar.spec.document.bounds import DocumentError, Members, Position
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.declaration import MemberTable, with_paths
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["migrated_text", "objects_in"]

_NEWER = '"0.4.0-alpha.1"'
_VERSION = re.compile(rf"""({VERSION}["']?\s*:\s*)(["']?)[^"'\s,}}#]+\2""")
# Paths of annotations and of transforms, in YAML and JSON, in Rego, and escaped in the advice of Cedar.
_ROOT = re.compile(r"""(\b(?:from|path)[\\"'`]*\s*:\s*[\\"'`]*)\$policy_target(?![A-Za-z0-9_])""")
_OLDER = "$policy_target"
_VALUE = re.compile(r"""(?:[&!]\S+\s+)*["']?(\$policy_target)(?![A-Za-z0-9_])""")


def migrated_text(text: str, members: MemberCatalog) -> str:
    """Return a text with the version and the root of 0.4; comments and layout stay.

    In a manifest, which names its version, the paths that adapters read are rewritten too.
    """
    if _VERSION.search(text):
        text = _with_adapter_paths(text, members)
    return _ROOT.sub(r"\1$target", _VERSION.sub(rf"\g<1>{_NEWER}", text))


def _with_adapter_paths(text: str, members: MemberCatalog) -> str:
    """Return a manifest whose members that hold paths have the root of 0.4."""
    try:
        document = parse_document(text)
    except DocumentError:
        return text
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    starts = {
        start
        for place in _path_places(document.value, members)
        if (start := _root_at(text, lines, place, document.places.get(place))) is not None
    }
    for start in sorted(starts, reverse=True):
        text = text[:start] + "$target" + text[start + len(_OLDER) :]
    return text


def _root_at(text: str, lines: list[int], place: Members, position: Position | None) -> int | None:
    """Return where the root of a path stands in the text, if the member there is written out plainly."""
    if position is None:
        return None
    line, column = position
    start = lines[line - 1] + column - 1
    if isinstance(name := place[-1], str):
        key = re.compile(rf"""["']?{re.escape(name)}["']?\s*:\s*""").match(text, start)
        if key is None:
            return None
        start = key.end()
    found = _VALUE.match(text, start)
    return found.start(1) if found else None


def _path_places(manifest: Json, members: MemberCatalog) -> Iterator[Members]:
    """Yield the places of the paths in policies, and in the bindings that overlay them."""
    policies = objects_in(manifest, "policies")
    for name, policy in policies.items():
        yield from _paths_in(("policies", name), policy, members.policy(policy))
    for name, point in objects_in(manifest, "intervention_points").items():
        binding = point.get("policy")
        if isinstance(binding, dict):
            table = members.binding(policies.get(str(binding.get("id"))))
            yield from _paths_in(("intervention_points", name, "policy"), binding, table)


def _paths_in(at: Members, value: JsonObject, table: MemberTable) -> Iterator[Members]:
    found: list[Members] = []

    def noted(text: str, place: Members) -> str:
        found.append(place)
        return text

    for name, member in value.items():
        if declared := table.get(name):
            found.clear()
            with_paths(declared, member, noted)
            yield from ((*at, name, *place) for place in found)


def objects_in(manifest: Json, member: str) -> dict[str, JsonObject]:
    """Return the objects that a member of a manifest maps names to."""
    mapped = manifest.get(member) if isinstance(manifest, dict) else None
    entries = mapped.items() if isinstance(mapped, dict) else ()
    return {name: value for name, value in entries if isinstance(value, dict)}
