"""The compiled manifest for a request: one of the operator, or the inline one (sections 2.1, 2.5)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from acs_sidecar.access.reread import Reread
from acs_sidecar.access.signing import ManifestTrust, UntrustedSignatureError
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.bounds import MAX_DEPTH
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.compiled import (
    AnyManifest,
    CompiledManifest,
    InlineMode,
    InvalidManifest,
    Provenance,
)
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_digest, document_of
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject, deeper_than
from acs_sidecar.telemetry.catalogue import INLINE_CACHE, MANIFEST_COMPILES
from acs_sidecar.telemetry.metrics import Metrics

__all__ = ["Catalog", "InlineManifests", "OperatorManifests"]

InlineDocument = str | dict[str, Json]


@dataclass(frozen=True, slots=True)
class OperatorManifests:
    """One loaded set, replaced as a whole. `default` names the one used when a request names none.

    `loaded_at` is when it began to serve, in Unix time.
    """

    by_name: Mapping[str, AnyManifest]
    default: str | None
    loaded_at: float

    def find(self, reference: str | None) -> AnyManifest:
        """Find by name, or by digest when only one has it. Raises `RefusalError`."""
        if reference is None:
            return self._default()
        if found := self.by_name.get(reference):
            return found
        same = [manifest for manifest in self.by_name.values() if manifest.digest == reference]
        if len(same) == 1:
            return same[0]
        detail = "`manifest_ref` names no loaded manifest"
        if same:
            detail = "`manifest_ref` is the digest of several manifests: use a manifest name"
        raise RefusalError(Cause.NOT_FOUND, detail)

    def _default(self) -> AnyManifest:
        if self.default is not None:
            return self.by_name[self.default]
        if len(self.by_name) == 1:
            return next(iter(self.by_name.values()))
        raise RefusalError(
            Cause.MALFORMED, "no default manifest is configured: set `manifest_ref` or `manifest`"
        )


class InlineManifests:
    """Compiles inline manifests, each content once, in a least-recently-used cache.

    `keys` are those that may sign, needed in the mode `signed`.
    """

    def __init__(
        self,
        mode: InlineMode,
        compiler: ManifestCompiler,
        capacity: int,
        metrics: Metrics,
        *,
        keys: Reread[ManifestTrust] | None = None,
    ) -> None:
        self.mode = mode
        self._compiler = compiler
        self._capacity = capacity
        self._keys = keys
        self._provenance = Provenance.SIGNED if mode is InlineMode.SIGNED else Provenance.INLINE
        self._compiled: OrderedDict[bytes, asyncio.Future[AnyManifest]] = OrderedDict()
        self._metrics = metrics
        self._hits = metrics.counter(INLINE_CACHE, "hit")
        self._misses = metrics.counter(INLINE_CACHE, "miss")

    async def find(self, given: InlineDocument, nesting: int, signature: JsonObject | None) -> AnyManifest:
        """Return the compiled form of a caller's manifest, or the invalid one that denies.

        Raises `RefusalError` as `admit` does.
        """
        key = self.admit(given, nesting, signature)
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

    def admit(self, given: InlineDocument, nesting: int, signature: JsonObject | None) -> bytes | None:
        """Admit an inline manifest before anything of it is compiled, and return its cache key.

        Raises `RefusalError`: inline manifests are refused, or this one is not signed as it must be.
        """
        if self.mode is InlineMode.DENY:
            raise RefusalError(
                Cause.INLINE, "inline manifests are not accepted: set `manifest_ref` to a loaded manifest"
            )
        key = _content_key(given, nesting)
        if self.mode is not InlineMode.SIGNED:
            return key
        try:
            return self._verified(key, given, signature)
        except UntrustedSignatureError as error:
            raise RefusalError(Cause.SIGNATURE, str(error)) from None

    def _verified(self, key: bytes | None, given: InlineDocument, claim: JsonObject | None) -> bytes:
        """Verify a signature, once for each that is in the cache. Raises `UntrustedSignatureError`."""
        if claim is None:
            raise UntrustedSignatureError("inline manifests must be signed: `manifest_signature` is missing")
        if self._keys is None:
            raise UntrustedSignatureError("no key is trusted to sign manifests")
        signature = str(claim["signature"])
        signer = self._keys.value.signer(str(claim["key_id"]), time.time())
        if key is not None:
            signed = (
                b"signed" + signer.public + sha256(signature.encode(errors="surrogatepass")).digest() + key
            )
            if signed in self._compiled:
                return signed
            if digest := _readable_digest(given):
                signer.verify(digest, signature)
                return signed
        raise UntrustedSignatureError("the manifest cannot be parsed, so its signature cannot be verified")

    async def _compile(self, given: InlineDocument) -> AnyManifest:
        digest = None
        try:
            document = document_of(given)
            digest = document_digest(document)
            compiled = await self._compiler.compile_inline(document, self._provenance)
        except ManifestError as error:
            self._metrics.count(MANIFEST_COMPILES, self._provenance, "invalid")
            return InvalidManifest(None, self._provenance, _first(error), digest)
        self._metrics.count(MANIFEST_COMPILES, compiled.provenance, "ok")
        return _without_places(compiled)


def _readable_digest(given: InlineDocument) -> str | None:
    try:
        return document_digest(document_of(given))
    except ManifestError:
        return None


def _first(error: ManifestError) -> ManifestError:
    """Reduce an error to the part that a decision reports: a small manifest can have very many findings."""
    finding = next(found for found in error.diagnostics if found.severity == "error")
    return ManifestError([finding], error.reason)


def _without_places(compiled: CompiledManifest) -> CompiledManifest:
    """Forget where each member stood, which takes many times the room of what it says, and the warnings."""
    manifest = replace(compiled.manifest, document=Document(None, {}))
    return replace(compiled, manifest=manifest, warnings=())


def _content_key(given: InlineDocument, nesting: int) -> bytes | None:
    """Name a manifest's content; `None` for one too deep to serialise, which is invalid anyway."""
    if isinstance(given, str):
        return b"text" + sha256(given.encode()).digest()
    if nesting > MAX_DEPTH and deeper_than(given, MAX_DEPTH):
        return None
    return b"json" + sha256(canonical(given)).digest()


def _is_content(manifest: AnyManifest) -> bool:
    """True if the outcome follows from the content alone, and not from a bound on time or memory."""
    return isinstance(manifest, CompiledManifest) or manifest.error.reason is Reason.MANIFEST_INVALID


class Catalog:
    """The manifests of one process. `operator` is swapped as a whole; readers keep what they hold."""

    def __init__(self, operator: OperatorManifests, inline: InlineManifests) -> None:
        self.operator = operator
        self.inline = inline

    def named(self, reference: str | None) -> AnyManifest:
        """Return the operator's manifest of that name or digest. Raises `RefusalError`."""
        return self.operator.find(reference)

    async def brought(
        self, manifest: InlineDocument, nesting: int, signature: JsonObject | None
    ) -> AnyManifest:
        """Compile an inline manifest. Raises `RefusalError`."""
        return await self.inline.find(manifest, nesting, signature)
