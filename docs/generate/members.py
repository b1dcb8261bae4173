"""The page of the members of a manifest, out of the tables that declare them (section 1.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.members import (
    ANNOTATION_MEMBERS,
    ANNOTATOR_MEMBERS,
    APPROVAL_MEMBERS,
    BINDING_MEMBERS,
    CUSTOM_MEMBERS,
    MANIFEST_MEMBERS,
    POINT_MEMBERS,
    POINT_TEXTS,
    RESOLVER_MEMBERS,
    TOOL_MEMBERS,
    PolicyKind,
)
from docs.generate.markdown import code, listed, paragraphs, table
from docs.generate.shapes import described

__all__ = ["page"]

_MARKS = {
    "file": "path of a local file, relative to the manifest; not in inline manifests and those of a URL",
    "fetched": "fetched when the manifest is loaded; pinned; not in inline manifests",
    "url": "called while a request is evaluated; from inline manifests only where `ACS_OUTBOUND_ALLOW` allows it",
    "environment": "names an environment variable; not in inline manifests and those of a URL",
    "secret": "never shown",
    "fixed": "a binding or annotation cannot overlay it",
}
_FLAGS = tuple(each.name for each in fields(Member) if each.type is bool)


def page() -> str:
    """Return the page of every member that is declared."""
    return paragraphs(*_parts())


def _required(origins: Sequence[str]) -> str:
    alone = [name for name in origins if name != "library"]
    more = ", or none beside `library`" if len(alone) < len(origins) else ""
    return f"Exactly one of {listed(alone)} is required{more}."


def _parts() -> Iterator[str]:
    catalog = installed_members()
    yield "# Manifest members"
    yield (
        "Every member that the service reads (section 1.3). `acs-sidecar schema` prints the same as a JSON Schema, for editors. "
        "A member of an object stands as `object.member`. Marks say what a member reaches:"
    )
    yield table(("mark", ""), ((flag, _MARKS[flag]) for flag in _FLAGS))
    yield "## Top level"
    yield _members(MANIFEST_MEMBERS)
    yield "`agent_control_specification_version`, `policies` and `intervention_points` are required."
    yield "## `intervention_points`"
    yield table(("point", ""), ((code(point), text) for point, text in POINT_TEXTS.items()))
    yield "## A point"
    yield _members(POINT_MEMBERS)
    yield "`policy_target` and `policy` are required; `tool_name_from` is allowed at tool points alone."
    yield "### `policy` of a point"
    yield "`id` is required. Members of the definition that are not `fixed` may stand here, and overlay them."
    yield _members(BINDING_MEMBERS)
    for kind, members in catalog.bindings.items():
        if members:
            yield f"Of a `{kind}` policy, also:"
            yield _members(members)
    yield "### An entry of `annotations`"
    yield "`from` is required. Members of the annotator that are not `fixed` may stand here, and overlay them."
    yield _members(ANNOTATION_MEMBERS)
    for kind, members in catalog.policies.items():
        if kind != PolicyKind.CUSTOM:
            yield f"## A `{kind}` policy"
            yield _members(members)
            if origins := catalog.origins.get(kind):
                yield _required(origins)
    yield "## A `custom` policy"
    yield _members(CUSTOM_MEMBERS)
    for name, members in sorted(catalog.adapters.items()):
        yield f"### Adapter `{name}`"
        yield _members(members)
    yield "## An annotator"
    yield "Of every type:"
    yield _members(ANNOTATOR_MEMBERS)
    for kind, members in catalog.annotators.items():
        yield f"### A `{kind}` annotator"
        yield _members(members)
        for name, added in sorted(catalog.providers.get(kind, {}).items()):
            if added:
                yield f"With the provider `{name}`, also:"
                yield _members(added)
    yield "## A tool"
    yield "Any member is allowed; these have a meaning in the example policies."
    yield _members(TOOL_MEMBERS)
    yield "## `approval`"
    yield _members(APPROVAL_MEMBERS)
    yield "### A resolver"
    yield _members(RESOLVER_MEMBERS)
    for kind, members in sorted(catalog.resolvers.items()):
        if members:
            yield f"Of the type `{kind}`, also:"
            yield _members(members)
    yield "## `limits`"
    yield "[Limits](limits.md)."


def _members(members: MemberTable) -> str:
    return table(("member", "value", "marks", ""), _rows(members, ""))


def _rows(members: MemberTable, within: str) -> Iterator[tuple[str, str, str, str]]:
    for name, member in members.items():
        yield code(within + name), described(dict(member.shape)), _marks(member), member.text
        yield from _rows(member.members, f"{within}{name}.")


def _marks(member: Member) -> str:
    return ", ".join(flag for flag in _FLAGS if getattr(member, flag))
