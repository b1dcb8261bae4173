"""Several manifests become one: the rules of `extends` (section 3.3)."""

from collections.abc import Iterator, Sequence

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.versions import VERSION, same_version
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.values import Json

__all__ = ["compose", "member_sources"]


def compose(documents: Sequence[Document]) -> Document:
    """Merge documents, parents before their children.

    Objects that hold names are united, `metadata` at every level; anything else may come from
    several documents only when it is identical in all. The version may differ in its `-agt` suffix:
    the last one stands. Raises `ManifestError` with every conflict.
    """
    merging = _Merging()
    for document in documents:
        merging.add(document)
    if merging.findings:
        raise ManifestError(merging.findings)
    return Document(merging.value, {}, origins=merging.origins)


def member_sources(document: Document) -> dict[str, str]:
    """Return the source of each named member of a manifest by the member's path."""
    return {
        member_path(path): source
        for path in _leaves(document.value, ())
        if (source := document.origin(path).source) is not None
    }


def _unites(path: Members) -> bool:
    """True if the object at `path` is made of members that different documents may give."""
    match path:
        case () | ("metadata", *_) | ("intervention_points", _) | ("intervention_points", _, "annotations"):
            return True
        case ("policies" | "tools" | "annotators" | "intervention_points",):
            return True
    return False


def _leaves(value: Json, path: Members) -> Iterator[Members]:
    if isinstance(value, dict) and _unites(path):
        for name, member in value.items():
            yield from _leaves(member, (*path, name))
    elif path:
        yield path


class _Merging:
    def __init__(self) -> None:
        self.value: dict[str, Json] = {}
        self.origins: dict[Members, Document] = {}
        self.findings: list[Diagnostic] = []

    def add(self, document: Document) -> None:
        # What is missing in the whole is missing in the last one, which extends the others.
        self.origins[()] = document
        if isinstance(document.value, dict):
            self._unite(self.value, document.value, (), document)
        else:
            self._wrong((), "manifest-not-an-object", "a manifest must be a mapping", document)

    def _unite(
        self, into: dict[str, Json], members: dict[str, Json], path: Members, document: Document
    ) -> None:
        for name, member in members.items():
            here = (*path, name)
            known = into.get(name)
            if isinstance(member, dict) and _unites(here) and (name not in into or isinstance(known, dict)):
                if not isinstance(known, dict):
                    known = into[name] = {}
                    self.origins[here] = document
                self._unite(known, member, here, document)
            elif name not in into or (here == (VERSION,) and same_version(known, member)):
                into[name] = member
                self.origins[here] = document
            elif canonical(known) != canonical(member):
                self._conflict(here, document)

    def _conflict(self, path: Members, document: Document) -> None:
        first = self.origins[path].origin(path)
        line, _ = first.place(path)
        place = f"`{first.source}`" + (f" (line {line})" if line else "")
        message = f"is defined differently in {place}: make both identical, or remove one"
        self._wrong(path, "merge-conflict", message, document)

    def _wrong(self, path: Members, code: str, message: str, document: Document) -> None:
        line, column = document.place(path)
        source = document.origin(path).source
        name = member_path(path) or None
        self.findings.append(Diagnostic(code, message, name, source=source, line=line, column=column))
