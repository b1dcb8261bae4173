"""Which compiled manifest serves a request: the operator's, or one that came along (contract 2.1, 2.5)."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from app.compiler import ManifestCompiler
from app.core.canonical import canonical
from app.core.compiled import CompiledManifest, InlineMode, InvalidManifest, Provenance
from app.core.diagnostics import ManifestError
from app.core.document import MAX_DEPTH
from app.core.errors import Reason
from app.core.manifest import document_digest, document_of
from app.core.values import Json, deeper_than
from app.telemetry.catalogue import INLINE_CACHE, MANIFEST_COMPILES
from app.telemetry.metrics import Metrics
from app.wire.problems import ProblemError
from app.wire.requests import EvaluateRequest

__all__ = ["AnyManifest", "Catalog", "InlineManifests", "OperatorManifests"]

AnyManifest = CompiledManifest | InvalidManifest


@dataclass(frozen=True, slots=True)
class OperatorManifests:
    """One loaded set, replaced as a whole. `default` names the one used when a request names none."""

    by_name: Mapping[str, AnyManifest]
    default: str | None

    def find(self, reference: str | None) -> AnyManifest:
        """Find by name, or by digest when only one has it. Raises `ProblemError` (400, 404)."""
        if reference is None:
            return self._default()
        if found := self.by_name.get(reference):
            return found
        same = [manifest for manifest in self.by_name.values() if manifest.digest == reference]
        if len(same) == 1:
            return same[0]
        detail = "`manifest_ref` names no loaded manifest"
        if same:
            detail = "`manifest_ref` is the digest of several manifests: use a name"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)

    def _default(self) -> AnyManifest:
        if self.default is not None:
            return self.by_name[self.default]
        if len(self.by_name) == 1:
            return next(iter(self.by_name.values()))
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "no default manifest is configured: give `manifest_ref` or `manifest`"
        )


class InlineManifests:
    """Compiles callers' manifests, each content once, and keeps the ones used last."""

    def __init__(self, mode: InlineMode, compiler: ManifestCompiler, capacity: int, metrics: Metrics) -> None:
        self.mode = mode
        self._compiler = compiler
        self._capacity = capacity
        self._compiled: OrderedDict[bytes, asyncio.Future[AnyManifest]] = OrderedDict()
        self._metrics = metrics
        self._hits = metrics.counter(INLINE_CACHE, "hit")
        self._misses = metrics.counter(INLINE_CACHE, "miss")

    async def find(self, given: str | dict[str, Json], nesting: int) -> AnyManifest:
        """Give the compiled form of a caller's manifest, or the invalid one that denies.

        Raises `ProblemError` (403) when inline manifests are refused.
        """
        if self.mode is InlineMode.DENY:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "inline manifests are refused here: name a loaded one with `manifest_ref`",
            )
        key = _content_key(given, nesting)
        if key is None:
            return await self._compile(given)
        known = self._compiled.get(key)
        if known is None:
            self._misses.inc()
            known = self._compiled[key] = asyncio.ensure_future(self._compile(given))
            if len(self._compiled) > self._capacity:
                self._compiled.popitem(last=False)
        else:
            self._hits.inc()
            self._compiled.move_to_end(key)
        if known.done():
            found = known.result()
        else:
            # One caller that goes away must not end the compile for the others.
            found = await asyncio.shield(known)
        if not _is_content(found) and self._compiled.get(key) is known:
            del self._compiled[key]
        return found

    async def _compile(self, given: str | dict[str, Json]) -> AnyManifest:
        digest = None
        try:
            document = document_of(given)
            digest = document_digest(document)
            compiled = await self._compiler.compile_inline(document)
        except ManifestError as error:
            self._metrics.count(MANIFEST_COMPILES, Provenance.INLINE, "invalid")
            return InvalidManifest(None, Provenance.INLINE, error, digest)
        self._metrics.count(MANIFEST_COMPILES, compiled.provenance, "ok")
        return compiled


def _content_key(given: str | dict[str, Json], nesting: int) -> bytes | None:
    """Name a manifest's content; `None` for one too deep to serialise, which is invalid anyway."""
    if isinstance(given, str):
        return b"text" + hashlib.sha256(given.encode()).digest()
    if nesting > MAX_DEPTH and deeper_than(given, MAX_DEPTH):
        return None
    return b"json" + hashlib.sha256(canonical(given)).digest()


def _is_content(manifest: AnyManifest) -> bool:
    """Tell whether the outcome follows from the content alone, and not from a bound on time or memory."""
    return isinstance(manifest, CompiledManifest) or manifest.error.reason is Reason.MANIFEST_INVALID


class Catalog:
    """The manifests of one process. `operator` is swapped as a whole; readers keep what they hold."""

    def __init__(self, operator: OperatorManifests, inline: InlineManifests) -> None:
        self.operator = operator
        self.inline = inline

    async def find(self, request: EvaluateRequest) -> AnyManifest:
        """Find the manifest that a request is evaluated against. Raises `ProblemError`."""
        caller = request.caller
        if request.manifest is None:
            found = self.operator.find(request.manifest_ref)
            if caller is not None and not caller.may_use(found.name):
                raise _forbidden("this caller may not use that manifest", "manifest")
            return found
        if caller is not None and not caller.inline:
            raise _forbidden("this caller may not bring a manifest of its own", "inline")
        return await self.inline.find(request.manifest, request.nesting)


def _forbidden(detail: str, cause: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, detail, cause=cause)
