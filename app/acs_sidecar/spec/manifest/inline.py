"""What a manifest that came with a request may not say (section 2.5)."""

from collections.abc import Iterator
from itertools import islice

from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, Diagnostic
from acs_sidecar.spec.manifest.model import Manifest, member_path
from acs_sidecar.spec.manifest.references import (
    Members,
    names_file,
    names_secret,
    policy_objects,
    resolver_objects,
)
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["inline_findings"]

_URL_MEMBERS = ("url", "endpoint", "base_url")


def inline_findings(manifest: Manifest, allow: OutboundAllow) -> list[Diagnostic]:
    """List the members through which a caller's manifest would reach files, secrets or the network.

    At most the first 1,000.
    """
    return [*islice(_findings(manifest, allow), MAX_FINDINGS)]


def _findings(manifest: Manifest, allow: OutboundAllow) -> Iterator[Diagnostic]:
    if "extends" in manifest.value:
        yield _refused(("extends",), "an inline manifest must be self-contained")
    for path, definition in policy_objects(dict(manifest.value)):
        yield from _policy_findings(path, definition)
    for path, members in _annotator_members(manifest):
        yield from _annotator_findings(path, members, allow)
    for path, members in resolver_objects(dict(manifest.value)):
        yield from _environment_findings(path, members)


def _annotator_members(manifest: Manifest) -> Iterator[tuple[Members, JsonObject]]:
    declared = manifest.value.get("annotators")
    if isinstance(declared, dict):
        for name, annotator in declared.items():
            if isinstance(annotator, dict):
                yield ("annotators", name), annotator
    for point in manifest.points.values():
        for use in point.annotators:
            yield ("intervention_points", point.name.value, "annotations", use.name), use.invocation


def _policy_findings(path: Members, members: JsonObject) -> Iterator[Diagnostic]:
    for name, member in members.items():
        if names_file(name, member):
            yield _refused((*path, name), "an inline manifest cannot read files: include the content")
    if "bundle_url" in members:
        yield _refused((*path, "bundle_url"), "an inline manifest cannot fetch URLs")
    if members.get("type") == "custom":
        yield from _environment_findings(path, members)


def _annotator_findings(path: Members, members: JsonObject, allow: OutboundAllow) -> Iterator[Diagnostic]:
    for name, member in members.items():
        if names_file(name, member):
            yield _refused((*path, name), "an inline manifest cannot read files: include the content")
    if "system_prompt_url" in members:
        yield _refused((*path, "system_prompt_url"), "an inline manifest cannot fetch URLs")
    yield from _environment_findings(path, members)
    for name in _URL_MEMBERS:
        if name in members and not _allowed(members[name], allow):
            yield _refused((*path, name), "not allowed by ACS_OUTBOUND_ALLOW")


def _environment_findings(path: Members, members: JsonObject) -> Iterator[Diagnostic]:
    for name in members:
        if names_secret(name):
            yield _refused((*path, name), "an inline manifest cannot read environment variables")


def _allowed(url: Json, allow: OutboundAllow) -> bool:
    return isinstance(url, str) and allow.allows(url)


def _refused(path: Members, message: str) -> Diagnostic:
    return Diagnostic("inline-forbidden", message, member_path(path))
