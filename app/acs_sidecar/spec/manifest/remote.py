"""What a manifest that came from a URL may not say: it speaks for another place (section 3.3)."""

from collections.abc import Iterator

from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.model import member_path
from acs_sidecar.spec.manifest.references import (
    Members,
    annotator_objects,
    names_file,
    names_secret,
    policy_objects,
    resolver_objects,
)
from acs_sidecar.spec.values import Json

__all__ = ["borrowed_adapter_findings", "remote_findings"]

_FILE = (
    "a manifest from a URL cannot name local files: include the content, or declare it in a local manifest"
)
_SECRET = "a manifest from a URL cannot read environment variables"  # noqa: S105  # a message, not a secret
_BINDING = "an annotation in a manifest from a URL may have only `from`: declare the rest in a local manifest"
_CUSTOM = "a manifest from a URL cannot use custom adapters: declare it in a local manifest"
_COMMAND = "a manifest from a URL cannot run commands: declare the resolver in a local manifest"
_UNPINNED = "is allowed in a manifest from a URL only when each fetch up to it was pinned, and one was not"


def remote_findings(document: Document, *, pinned: bool) -> list[Diagnostic]:
    """List every member of a manifest from a URL that reaches what is local.

    `pinned` tells whether every fetch that led to it was.
    """
    findings: list[Diagnostic] = []
    for path, members in policy_objects(document.value):
        findings.extend(_reaching(document, path, members))
        if members.get("type") == "custom":
            findings.append(_refused(document, (*path, "type"), _CUSTOM))
        if "bundle_url" in members and not pinned:
            findings.append(_refused(document, (*path, "bundle_url"), _UNPINNED))
    for path, members in annotator_objects(document.value):
        if path[0] == "annotators":
            findings.extend(_reaching_at_any_depth(document, path, members))
        else:
            findings.extend(_refused(document, (*path, name), _BINDING) for name in members if name != "from")
    for path, members in resolver_objects(document.value):
        findings.extend(_reaching_at_any_depth(document, path, members))
        if members.get("type") == "command":
            findings.append(_refused(document, (*path, "type"), _COMMAND))
    return findings


def borrowed_adapter_findings(merged: Document) -> list[Diagnostic]:
    """List the bindings from URLs that would give members to a custom adapter, which may be file names."""
    policies = dict(policy_objects(merged.value))
    findings: list[Diagnostic] = []
    for path, binding in policies.items():
        definition = policies.get(("policies", str(binding.get("id"))), {})
        if definition.get("type") == "custom" and merged.origin(path).remote:
            findings.extend(_refused(merged, (*path, name), _CUSTOM) for name in binding if name != "id")
    return findings


def _reaching(document: Document, path: Members, members: dict[str, Json]) -> Iterator[Diagnostic]:
    for name, member in members.items():
        if names_file(name, member):
            yield _refused(document, (*path, name), _FILE)
        elif names_secret(name):
            yield _refused(document, (*path, name), _SECRET)


def _reaching_at_any_depth(document: Document, path: Members, value: Json) -> Iterator[Diagnostic]:
    if isinstance(value, dict):
        yield from _reaching(document, path, value)
        for name, member in value.items():
            yield from _reaching_at_any_depth(document, (*path, name), member)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _reaching_at_any_depth(document, (*path, index), item)


def _refused(document: Document, path: Members, message: str) -> Diagnostic:
    line, column = document.place(path)
    source = document.origin(path).source
    return Diagnostic("remote-forbidden", message, member_path(path), source=source, line=line, column=column)
