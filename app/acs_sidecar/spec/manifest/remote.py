"""What a manifest that came from a URL may not say: it speaks for another place (section 3.3)."""

from collections.abc import Iterable, Iterator

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.declaration import names_file
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.manifest.references import DeclaredObject, References

__all__ = ["borrowed_adapter_findings", "context_remote_findings", "remote_findings"]

_FILE = (
    "a manifest from a URL cannot name local files: include the content, or declare it in a local manifest"
)
_SECRET = "a manifest from a URL cannot read environment variables"  # noqa: S105  # a message, not a secret
_BINDING = "an annotation in a manifest from a URL may have only `from`: declare the rest in a local manifest"
_FOREIGN = "a manifest from a URL can use built-in adapters alone: declare it in a local manifest"
_LENT = "a manifest from a URL cannot give members to the adapter of a local policy: write them there"
_COMMAND = "a manifest from a URL cannot run commands: declare the resolver in a local manifest"
_APPROVAL = "a manifest from a URL cannot say who approves: declare `approval` in a local manifest"
_CREDENTIAL = "would be sent to where a manifest from a URL says: declare the annotator in a local manifest"
_NEEDS = "would give the result of a local annotator to one that a manifest from a URL declares"
_UNPINNED = "is allowed in a manifest from a URL only when each fetch up to it was pinned, and one was not"


def remote_findings(document: Document, references: References, *, pinned: bool) -> list[Diagnostic]:
    """List every member of a manifest from a URL that reaches what is local.

    `pinned` tells whether every fetch that led to it was.
    """
    findings: list[Diagnostic] = []
    for found in references.policies(document.value):
        findings.extend(_reaching(document, found))
        if references.uses_foreign_adapter(found.members):
            findings.append(_refused(document, (*found.path, "type"), _FOREIGN))
        for path, member, _ in found.declared():
            if member.fetched and not pinned:
                findings.append(_refused(document, path, _UNPINNED))
    for found in references.annotators(document.value):
        if found.path[0] == "annotators":
            findings.extend(_reaching(document, found))
        else:
            other = (name for name in found.members if name != "from")
            findings.extend(_refused(document, (*found.path, name), _BINDING) for name in other)
    for found in references.resolvers(document.value):
        findings.extend(_reaching(document, found))
        if found.members.get("type") == "command":
            findings.append(_refused(document, (*found.path, "type"), _COMMAND))
    return findings


def borrowed_adapter_findings(merged: Document, references: References) -> list[Diagnostic]:
    """List the bindings from URLs that would give members to a local policy's adapter: file names perhaps."""
    findings: list[Diagnostic] = []
    for found in references.policies(merged.value):
        definition = references.policy_of(found.members) if found.path[0] != "policies" else None
        if definition is None or definition.get("type") != PolicyKind.CUSTOM:
            continue
        declared = merged.origin(("policies", str(found.members.get("id"))))
        if merged.origin(found.path).remote and not declared.remote:
            other = (name for name in found.members if name != "id")
            findings.extend(_refused(merged, (*found.path, name), _LENT) for name in other)
    return findings


def context_remote_findings(
    merged: Document, fetched: Iterable[Document], references: References
) -> Iterator[Diagnostic]:
    """Yield what manifests from URLs may not bring, and not be given, from 0.4 on (section 6.2).

    `fetched` are those that came from URLs, `merged` is the whole.
    """
    for document in fetched:
        if isinstance(document.value, dict) and "approval" in document.value:
            yield _refused(document, ("approval",), _APPROVAL)
    for found in references.annotators(merged.value):
        if found.path[0] == "annotators" or merged.origin(found.path).remote:
            continue
        if not merged.origin(("annotators", found.path[-1])).remote:
            continue
        for path, member, _ in found.declared():
            if member.secret or member.environment:
                yield _refused(merged, path, _CREDENTIAL)
        needs = found.members.get("needs")
        for name in needs if isinstance(needs, list) else ():
            if isinstance(name, str) and not merged.origin(("annotators", name)).remote:
                yield _refused(merged, (*found.path, "needs"), _NEEDS)


def _reaching(document: Document, found: DeclaredObject) -> Iterator[Diagnostic]:
    for path, member, value in found.declared():
        if names_file(member, value):
            yield _refused(document, path, _FILE)
        elif member.environment:
            yield _refused(document, path, _SECRET)


def _refused(document: Document, path: Members, message: str) -> Diagnostic:
    line, column = document.place(path)
    source = document.origin(path).source
    return Diagnostic("remote-forbidden", message, member_path(path), source=source, line=line, column=column)
