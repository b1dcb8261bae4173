"""Members that an inline manifest may not use (section 2.5)."""

from collections.abc import Iterator

from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.manifest.declaration import Member, names_file
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, first_findings
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.model import Manifest, Members
from acs_sidecar.spec.manifest.references import DeclaredObject, References
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.values import Json

__all__ = ["inline_findings"]


def inline_findings(manifest: Manifest, catalog: MemberCatalog, allow: OutboundAllow) -> list[Diagnostic]:
    """List the members through which a caller's manifest would reach files, secrets or the network.

    At most the first 100, and how many more.
    """
    return first_findings(_findings(manifest, catalog, allow))


def _findings(manifest: Manifest, catalog: MemberCatalog, allow: OutboundAllow) -> Iterator[Diagnostic]:
    if manifest.value.get("extends", []) != []:
        yield _refused(("extends",), "an inline manifest must be self-contained")
    for found in _objects(manifest, catalog):
        for path, member, value in found.declared():
            if message := _problem(member, value):
                yield _refused(path, message)
            elif member.url and path[0] != "approval" and not _allowed(value, allow):
                yield _refused(path, "not allowed by ACS_OUTBOUND_ALLOW")


def _objects(manifest: Manifest, catalog: MemberCatalog) -> Iterator[DeclaredObject]:
    """Yield the declared objects, of annotations the whole invocation: what a binding overlays counts."""
    value = dict(manifest.value)
    references = References(catalog, [value])
    yield from references.policies(value)
    yield from (found for found in references.annotators(value) if found.path[0] == "annotators")
    for point in manifest.points.values():
        for use in point.annotators:
            path: Members = ("intervention_points", point.name.value, "annotations", use.name)
            yield DeclaredObject(path, dict(use.invocation), catalog.annotation(use.invocation))
    yield from references.resolvers(value)


def _problem(member: Member, value: Json) -> str | None:
    """Return why an inline manifest cannot have a member, or `None`."""
    if names_file(member, value):
        return "an inline manifest cannot read files: include the content"
    if member.fetched:
        return "an inline manifest cannot fetch URLs"
    if member.environment:
        return "an inline manifest cannot read environment variables"
    return None


def _allowed(url: Json, allow: OutboundAllow) -> bool:
    return isinstance(url, str) and allow.allows(url)


def _refused(path: Members, message: str) -> Diagnostic:
    return Diagnostic("inline-forbidden", message, member_path(path))
