"""The compiled manifest for a request: one of the operator, or the inline one (sections 2.1, 2.5)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from acs_sidecar.access.reread import Reread
from acs_sidecar.access.signing import ManifestTrust, UntrustedSignatureError, parse_claim
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.manifests.compiler import InlineDocument, ManifestCompiler
from acs_sidecar.manifests.inline_cache import InlineCache
from acs_sidecar.sandbox.preparation import document_bytes
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.versions import document_dialect
from acs_sidecar.spec.document.bounds import MAX_DEPTH
from acs_sidecar.spec.manifest.compiled import (
    AnyManifest,
    InlineMode,
    InvalidManifest,
    Provenance,
)
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.identity import ManifestIdentity
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.owner import NOBODY, Owner
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject, deeper_than
from acs_sidecar.telemetry.catalogue import INLINE_CACHE, MANIFEST_COMPILES
from acs_sidecar.telemetry.metrics import Metrics

__all__ = ["Catalog", "InlineManifests", "OperatorManifests"]

_INVALID_BYTES = 8_192
"""An upper bound on what is kept of an invalid manifest: its digest and one finding."""


@dataclass(frozen=True, slots=True)
class AdmittedManifest:
    """A caller's manifest that may be compiled: the key of its content, and the bytes for a child."""

    key: bytes
    written: bytes


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

    def digests(self) -> dict[str, str | None]:
        """Return the digest of each manifest by name."""
        return {name: manifest.digest for name, manifest in self.by_name.items()}

    def _default(self) -> AnyManifest:
        if self.default is not None:
            return self.by_name[self.default]
        if len(self.by_name) == 1:
            return next(iter(self.by_name.values()))
        raise RefusalError(
            Cause.MALFORMED,
            "no default manifest is configured: set `manifest_ref` or `manifest`, "
            "or `?manifest_ref=<name>` at `/v1/intercept`",
        )


class InlineManifests:
    """Compiles inline manifests, each content once, in a least-recently-used cache.

    `keys` are those that may sign, needed in the mode `signed`, and `max_age` is how many seconds a signature
    is accepted for, `None` for any age.
    """

    def __init__(
        self,
        mode: InlineMode,
        compiler: ManifestCompiler,
        capacity: int,
        metrics: Metrics,
        *,
        most_bytes: int = 64 * 1024 * 1024,
        keys: Reread[ManifestTrust] | None = None,
        max_age: float | None = None,
    ) -> None:
        self.mode = mode
        self.cache = InlineCache(capacity, most_bytes)
        self._compiler = compiler
        self._keys = keys
        self._max_age = max_age
        self._provenance = Provenance.SIGNED if mode is InlineMode.SIGNED else Provenance.INLINE
        self._compiling: dict[bytes, asyncio.Future[AnyManifest]] = {}
        self._metrics = metrics
        self._hits = metrics.counter(INLINE_CACHE, "hit")
        self._misses = metrics.counter(INLINE_CACHE, "miss")

    async def find(
        self,
        inline_document: InlineDocument,
        nesting: int,
        signature: JsonObject | None,
        owner: Owner = NOBODY,
    ) -> AnyManifest:
        """Return the compiled form of a caller's manifest, or the invalid one that denies.

        `owner` is whose share it takes. Raises `RefusalError` as `admit` does.
        """
        admitted = await self.admit(inline_document, nesting, signature, owner)
        if admitted is None:
            return InvalidManifest(None, self._provenance, _too_deep(inline_document), None)
        if found := self.cache.get(admitted.key, owner):
            self._hits.inc()
            return found
        under_way = self._compiling.get(admitted.key)
        if under_way is None:
            self._misses.inc()
            under_way = asyncio.ensure_future(self._compile(inline_document, admitted, owner))
            self._compiling[admitted.key] = under_way
        else:
            self._hits.inc()
        # One caller that goes away must not end the compile for the others.
        return await asyncio.shield(under_way)

    async def admit(
        self,
        inline_document: InlineDocument,
        nesting: int,
        signature: JsonObject | None,
        owner: Owner = NOBODY,
    ) -> AdmittedManifest | None:
        """Admit an inline manifest before anything of it is compiled; `None` for one that nests too deep.

        Raises `RefusalError`: inline manifests are refused, or this one is not signed as it must be.
        """
        if self.mode is InlineMode.DENY:
            raise RefusalError(
                Cause.INLINE, "inline manifests are not accepted: set `manifest_ref` to a loaded manifest"
            )
        admitted = _admitted(inline_document, nesting)
        if self.mode is not InlineMode.SIGNED:
            return admitted
        try:
            return await self._verified(admitted, inline_document, signature, owner)
        except UntrustedSignatureError as error:
            raise RefusalError(Cause.SIGNATURE, str(error)) from None

    async def _verified(
        self,
        admitted: AdmittedManifest | None,
        inline_document: InlineDocument,
        claim: JsonObject | None,
        owner: Owner,
    ) -> AdmittedManifest:
        """Verify a signature, once for each in the cache, and its times. Raises `UntrustedSignatureError`."""
        if claim is None:
            raise UntrustedSignatureError("inline manifests must be signed: `manifest_signature` is missing")
        if self._keys is None:
            raise UntrustedSignatureError("no key is trusted to sign manifests")
        parsed, now = parse_claim(claim), time.time()
        signer = self._keys.value.signer(parsed.key_id, now)
        parsed.check_times(now, self._max_age)
        if admitted is not None:
            by = signer.public + parsed.signed_identity
            signed = AdmittedManifest(b"signed" + by + admitted.key, admitted.written)
            if signed.key in self.cache or signed.key in self._compiling:
                return signed
            if identity := await self._readable_identity(inline_document, admitted, owner):
                signer.verify_claim(parsed, identity.digest, identity.name)
                return signed
        raise UntrustedSignatureError("the manifest cannot be parsed, so its signature cannot be verified")

    async def _readable_identity(
        self, inline_document: InlineDocument, admitted: AdmittedManifest, owner: Owner
    ) -> ManifestIdentity | None:
        try:
            return await self._compiler.identity_inline(inline_document, admitted.written, owner)
        except ManifestError:
            return None

    async def _compile(
        self, inline_document: InlineDocument, admitted: AdmittedManifest, owner: Owner
    ) -> AnyManifest:
        """Compile a manifest, and keep what follows from its content alone."""
        try:
            found = await self._compiler.compile_inline(
                inline_document, admitted.written, self._provenance, owner
            )
        except ManifestError as error:
            self._metrics.count(MANIFEST_COMPILES, self._provenance, "invalid")
            dialect = document_dialect(None if isinstance(inline_document, str) else inline_document)
            invalid = InvalidManifest(None, self._provenance, _first(error), error.digest, dialect)
            # A bound on time or memory may let the same content pass another time.
            if error.reason is Reason.MANIFEST_INVALID:
                self.cache.put(admitted.key, invalid, owner, _INVALID_BYTES)
            return invalid
        finally:
            del self._compiling[admitted.key]
        self._metrics.count(MANIFEST_COMPILES, self._provenance, "ok")
        compiled = replace(found.manifest, statement=PolicyStatement())
        self.cache.put(admitted.key, compiled, owner, found.kept_bytes)
        return compiled


def _first(error: ManifestError) -> ManifestError:
    """Reduce an error to the part that a decision reports: a small manifest can have very many findings."""
    finding = next(found for found in error.diagnostics if found.severity == "error")
    return ManifestError([finding], error.reason)


def _admitted(inline_document: InlineDocument, nesting: int) -> AdmittedManifest | None:
    """Name a manifest's content; `None` for one too deep to serialise, which is invalid anyway."""
    if isinstance(inline_document, str):
        written = document_bytes(inline_document, b"")
    elif nesting > MAX_DEPTH and deeper_than(inline_document, MAX_DEPTH):
        return None
    else:
        written = document_bytes(None, canonical(inline_document))
    return AdmittedManifest(sha256(written).digest(), written)


def _too_deep(inline_document: InlineDocument) -> ManifestError:
    try:
        document_of(inline_document)
    except ManifestError as error:
        return error
    raise AssertionError("a manifest that nests too deep was read")


class Catalog:
    """The manifests of one process. `operator` is swapped as a whole; readers keep what they hold."""

    def __init__(self, operator: OperatorManifests, inline: InlineManifests) -> None:
        self.operator = operator
        self.inline = inline

    def digests(self) -> dict[str, str | None]:
        """Return the digest of each of the operator's manifests by name, as they are now."""
        return self.operator.digests()

    def named(self, reference: str | None) -> AnyManifest:
        """Return the operator's manifest of that name or digest. Raises `RefusalError`."""
        return self.operator.find(reference)

    async def brought(
        self, manifest: InlineDocument, nesting: int, signature: JsonObject | None, owner: Owner
    ) -> AnyManifest:
        """Compile an inline manifest. Raises `RefusalError`."""
        return await self.inline.find(manifest, nesting, signature, owner)
