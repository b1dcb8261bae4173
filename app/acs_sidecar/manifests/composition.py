"""Reads a manifest with all that it extends, and fetches what it names elsewhere (sections 3.2, 3.3)."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from acs_sidecar.manifests.files import ManifestFile, parse_content, read_manifest
from acs_sidecar.manifests.sources import MAX_BYTES, DirectorySources
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.outbound.fetch_outcome import FetchError, FetchFault
from acs_sidecar.spec.dialects.versions import document_dialect
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.merge import compose
from acs_sidecar.spec.manifest.model import document_digest
from acs_sidecar.spec.manifest.pinned_url import (
    InvalidReferenceError,
    RemoteReference,
    parse_reference,
    redacted_url,
)
from acs_sidecar.spec.manifest.references import References, fetched_members
from acs_sidecar.spec.manifest.relocation import joined, relocated, resolved_against, resolved_url
from acs_sidecar.spec.manifest.remote import (
    borrowed_adapter_findings,
    context_remote_findings,
    remote_findings,
)
from acs_sidecar.spec.ports import NoSources, SourceError, SourceReader
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json

__all__ = ["ReadManifest", "read_manifests"]

MAX_PARENTS = 64


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A manifest that was read and merged, or the errors that prevented it; nothing is compiled.

    Plain data, for any thread or process. `parents` are the files that it extends, by how findings call them.
    """

    file: ManifestFile
    content: Document | ManifestError
    sources: SourceReader
    parents: Mapping[str, Path]

    @property
    def digest(self) -> str | None:
        """The manifest digest, of an invalid manifest too where the whole of it could be read."""
        return None if isinstance(self.content, ManifestError) else document_digest(self.content)


async def read_manifests(
    files: Iterable[ManifestFile],
    fetcher: Fetcher,
    limits: Limits,
    catalog: MemberCatalog,
    roots: Iterable[Path] = (),
) -> tuple[ReadManifest, ...]:
    """Read manifests, each with all that it extends; those that another one extends are left out.

    `catalog` tells which members are paths and references; files may lie below the folder of the manifest
    or one of `roots`. What is wrong with one is in its outcome.
    """
    allowed = tuple(roots)
    read = [await _read(file, fetcher, limits, catalog, allowed) for file in files]
    # Manifests that extend one another in a circle stay, each to say so.
    extended = {
        parent
        for manifest in read
        if manifest.file.place not in manifest.parents.values()
        for parent in manifest.parents.values()
    }
    return tuple(manifest for manifest in read if manifest.file.place not in extended)


async def _read(
    file: ManifestFile, fetcher: Fetcher, limits: Limits, catalog: MemberCatalog, roots: tuple[Path, ...]
) -> ReadManifest:
    root = file.place.parent
    composition = _Composition(file, DirectorySources(root, roots=roots), fetcher, limits, catalog)
    try:
        document, fetched = await composition.merged()
    except ManifestError as error:
        return ReadManifest(file, error, NoSources(), composition.parents)
    sources = DirectorySources(root, fetched=fetched, roots=roots)
    return ReadManifest(file, document, sources, composition.parents)


@dataclass(frozen=True, slots=True)
class _File:
    """A manifest in the tree of the top-level one; `name` is its place there, without links."""

    name: str

    @property
    def directory(self) -> str:
        parent = PurePosixPath(self.name).parent.as_posix()
        return "" if parent == "." else parent


@dataclass(frozen=True, slots=True)
class _Remote:
    """A manifest at a URL; `chain_pinned` tells whether every fetch up to this one was pinned."""

    reference: RemoteReference
    chain_pinned: bool


_Origin = _File | _Remote


class _Composition:
    """One manifest with its parents. Each of them is read once, whichever way it is reached."""

    def __init__(
        self,
        file: ManifestFile,
        tree: DirectorySources,
        fetcher: Fetcher,
        limits: Limits,
        catalog: MemberCatalog,
    ) -> None:
        self._root = file.place.parent
        self._file = file
        self._tree = tree
        self._fetcher = fetcher
        self._limits = limits
        self._catalog = catalog
        self._documents: list[tuple[_Origin, Document]] = []
        self._findings: list[Diagnostic] = []
        self._reason: Reason | None = None
        self._heights: dict[_Origin, int] = {}
        self._open: list[_Origin] = []

    @property
    def parents(self) -> dict[str, Path]:
        """The files in `extends`, read or not, by their label in findings."""
        files = (origin for origin in self._heights if isinstance(origin, _File))
        return {self._label(file): (self._root / file.name).resolve() for file in files}

    async def merged(self) -> tuple[Document, dict[str, bytes]]:
        """Return the merged manifest, and what its members name on other servers. Raises `ManifestError`."""
        top = _File(self._file.place.name)
        document = read_manifest(self._file)
        self._open.append(top)
        await self._add(top, document)
        references = References(self._catalog, (each.value for _, each in self._documents))
        settled = [self._settled(origin, each, references) for origin, each in self._documents]
        self._raise_findings()
        merged = compose(settled) if len(settled) > 1 else settled[0]
        self._findings.extend(borrowed_adapter_findings(merged, references))
        if document_dialect(merged.value).agent_contexts:
            fetched_documents = (each for origin, each in self._documents if isinstance(origin, _Remote))
            self._findings.extend(context_remote_findings(merged, fetched_documents, references))
        fetched = await self._fetch_members(merged)
        self._raise_findings()
        return merged, fetched

    def _raise_findings(self) -> None:
        if self._findings:
            raise ManifestError(self._findings, self._reason or Reason.MANIFEST_INVALID)

    # -- parents -----------------------------------------------------------------------------------

    async def _add(self, origin: _Origin, document: Document) -> int:
        """Add a manifest behind its parents; return how many levels of those it has."""
        height = 0
        value = document.value
        for index, entry in enumerate(self._entries(document)):
            path = ("extends", index)
            try:
                parent = self._parent(origin, entry)
                height = max(height, 1 + await self._include(parent, document, path))
            except (SourceError, InvalidReferenceError) as error:
                self._wrong(document, path, "extends-unusable", str(error))
        if isinstance(value, dict) and "extends" in value:
            document = replace(document, value={k: v for k, v in value.items() if k != "extends"})
        self._documents.append((origin, document))
        return height

    def _entries(self, document: Document) -> list[Json]:
        value = document.value
        entries = value.get("extends", []) if isinstance(value, dict) else []
        if isinstance(entries, list):
            return entries
        self._wrong(document, ("extends",), "wrong-type", "must be a list of paths and HTTPS URLs")
        return []

    def _parent(self, origin: _Origin, entry: Json) -> _Origin:
        """Resolve an entry of `extends` to the manifest that it refers to."""
        if isinstance(origin, _Remote):
            reference = parse_reference(entry)
            url = resolved_url(origin.reference.url, reference.url)
            pinned = origin.chain_pinned and reference.pin is not None
            return _Remote(RemoteReference(url, reference.pin), pinned)
        if isinstance(entry, dict) or (isinstance(entry, str) and "://" in entry):
            reference = parse_reference(entry)
            return _Remote(reference, reference.pin is not None)
        if not isinstance(entry, str):
            raise InvalidReferenceError("must be a path, an HTTPS URL, or an object of `url` and `sha256`")
        return _File(self._tree.locate(joined(origin.directory, entry)))

    async def _include(self, parent: _Origin, child: Document, path: Members) -> int:
        """Add a parent, unless it was added; return how many levels of parents it has itself."""
        depth = len(self._open)
        if parent in self._open:
            circle = " → ".join(self._label(one) for one in [*self._open[self._open.index(parent) :], parent])
            self._heights[parent] = 0
            self._wrong(child, path, "extends-circle", f"extends itself: {circle}")
            return 0
        most = self._limits.max_extends_depth
        if depth + self._heights.get(parent, 0) > most:
            message = f"manifests extend one another deeper than `max_extends_depth` ({most})"
            self._wrong(child, path, "extends-too-deep", message, Reason.RESOURCE_LIMIT_EXCEEDED)
            return 0
        if parent in self._heights:
            return self._heights[parent]
        if len(self._heights) >= MAX_PARENTS:
            message = f"more than {MAX_PARENTS} manifests are extended"
            self._wrong(child, path, "extends-too-many", message, Reason.RESOURCE_LIMIT_EXCEEDED)
            return 0
        self._heights[parent] = 0
        self._open.append(parent)
        try:
            self._heights[parent] = await self._add(parent, await self._content(parent))
        except FetchError as error:
            self._failed_fetch(child, path, error)
        except ManifestError as error:
            self._findings.extend(error.diagnostics)
            self._reason = self._reason or error.reason
        finally:
            self._open.pop()
        return self._heights[parent]

    async def _content(self, origin: _Origin) -> Document:
        """Read a parent. Raises `SourceError`, `FetchError`, and `ManifestError` for an invalid document."""
        if isinstance(origin, _File):
            return parse_content(self._tree.read(origin.name).content, self._label(origin))
        limit = self._limits.max_manifest_url_bytes
        try:
            content = await self._fetcher.fetch(origin.reference, limit)
        except FetchError as error:
            if error.fault is FetchFault.TOO_LARGE:
                raise FetchError(error.fault, f"{error}, which is `max_manifest_url_bytes`") from None
            raise
        return replace(parse_content(content, self._label(origin)), remote=True)

    def _settled(self, origin: _Origin, document: Document, references: References) -> Document:
        """Return the manifest as it reads from the place of the top-level one."""
        if isinstance(origin, _Remote):
            self._findings.extend(remote_findings(document, references, pinned=origin.chain_pinned))
            return resolved_against(document, origin.reference.url, references)
        return relocated(document, origin.directory, references) if origin.directory else document

    def _label(self, origin: _Origin) -> str:
        if isinstance(origin, _Remote):
            return redacted_url(origin.reference.url)
        return posixpath.normpath((PurePosixPath(self._file.label).parent / origin.name).as_posix())

    # -- what is fetched ---------------------------------------------------------------------------

    async def _fetch_members(self, merged: Document) -> dict[str, bytes]:
        """Fetch what members name; a reference that is none is found when it is compiled."""
        fetched: dict[str, bytes] = {}
        for path, member in fetched_members(merged.value, self._catalog):
            try:
                reference = parse_reference(member, pin_required=True)
                fetched[reference.url] = await self._fetcher.fetch(reference, MAX_BYTES)
            except InvalidReferenceError:
                continue
            except FetchError as error:
                self._failed_fetch(merged, path, error)
        return fetched

    def _failed_fetch(self, document: Document, path: Members, error: FetchError) -> None:
        reason = Reason.RESOURCE_LIMIT_EXCEEDED if error.fault.is_limit else Reason.MANIFEST_INVALID
        self._wrong(document, path, error.fault.value, str(error), reason)

    def _wrong(
        self,
        document: Document,
        path: Members,
        code: str,
        message: str,
        reason: Reason = Reason.MANIFEST_INVALID,
    ) -> None:
        line, column = document.place(path)
        source = document.origin(path).source
        name = member_path(path)
        self._findings.append(Diagnostic(code, message, name, source=source, line=line, column=column))
        self._reason = self._reason or reason
