"""How an operator's set takes the place of another: read, compiled aside, then swapped (section 3.1).

With several workers one reads, all compile what it read, and each swaps when it is told that all
could. What is not swapped leaves no trace.
"""

import asyncio
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

import structlog

from acs_sidecar.audit.format.claims import ManifestDigests, manifest_events
from acs_sidecar.audit.format.ports import AuditLog, AuditUnavailableError
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.manifests.catalog import Catalog, OperatorManifests
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.kept_sources import KeptSources, Read
from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.manifest.compiled import AnyManifest, CompiledManifest, InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.policy_statement import rollbacks
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import Json

__all__ = [
    "Candidate",
    "Identity",
    "ManifestReload",
    "ReloadOutcome",
    "Reloaded",
    "compile_set",
    "keep_sources",
    "pack",
    "set_digest",
    "unpack",
]

_MOST_LOGGED = 50
_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Identity:
    """What a compile follows from: the manifest's own content, and what each of its reads gave."""

    manifest: str
    reads: Mapping[Read, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A compiled set, and what it was compiled from; `read_here` where this process looked for it."""

    by_name: Mapping[str, AnyManifest]
    identities: Mapping[str, Identity]
    digest: str
    read_here: bool = False


class ReloadOutcome(StrEnum):
    """Outcome of a reload."""

    OK = "ok"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The last reload. `at` is Unix time in seconds, `detail` names findings by rule and file alone."""

    outcome: ReloadOutcome
    at: float
    detail: str = ""


def keep_sources(manifests: Iterable[ReadManifest]) -> tuple[ReadManifest, ...]:
    """Make manifests store the files that their compilation reads."""
    return tuple(replace(read, sources=KeptSources(read.sources)) for read in manifests)


def pack(manifests: tuple[ReadManifest, ...]) -> bytes:
    """Write manifests and what their compile has read, for another process of this service."""
    return pickle.dumps(manifests, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(packed: bytes) -> tuple[ReadManifest, ...]:
    """Read what `pack` wrote. Only for bytes from a process of this service."""
    manifests: tuple[ReadManifest, ...] = pickle.loads(packed)  # noqa: S301  # a worker's, by its supervisor
    return manifests


def compile_set(
    manifests: Iterable[ReadManifest], compile_one: Callable[[ReadManifest], AnyManifest]
) -> Candidate:
    """Compile every manifest, one after another."""
    by_name: dict[str, AnyManifest] = {}
    identities: dict[str, Identity] = {}
    for read in manifests:
        by_name[read.file.name] = compile_one(read)
        identities[read.file.name] = _identity(read)
    return Candidate(by_name, identities, set_digest(identities))


def set_digest(identities: Mapping[str, Identity]) -> str:
    """Name the content of a whole set: names, manifests, and the files that their policies read."""
    return digest(
        {
            name: [
                identity.manifest,
                [[*read, content] for read, content in sorted(identity.reads.items())],
            ]
            for name, identity in identities.items()
        }
    )


def _identity(read: ReadManifest) -> Identity:
    content = read.digest
    if content is None:
        content = sha256(str(read.content).encode(errors="surrogateescape")).hexdigest()
    reads = read.sources.digests() if isinstance(read.sources, KeptSources) else {}
    return Identity(content, reads)


def _rollbacks(
    serving: Mapping[str, AnyManifest], candidate: Mapping[str, AnyManifest]
) -> Iterator[Diagnostic]:
    """Yield a finding for each policy that would take the place of a newer revision of itself."""
    for name, manifest in candidate.items():
        before = serving.get(name)
        if isinstance(before, CompiledManifest) and isinstance(manifest, CompiledManifest):
            for found in rollbacks(before.statement.revisions, manifest.statement.revisions):
                yield replace(found, source=name)


class ManifestReload:
    """The reloads of one worker, on its event loop. `last` tells of the most recent one.

    `look` reads the operator's set and may block; `compile_one` compiles a manifest on this thread;
    `check` raises `ManifestError` for a set that compiles and yet cannot serve. `swapped` is told of
    each set that takes over, and whether it is what this worker's `look` gave last; `ended` of each
    outcome, in one of the workers.
    """

    def __init__(
        self,
        catalog: Catalog,
        serving: Candidate,
        audit: AuditLog | None,
        *,
        look: Callable[[], tuple[ReadManifest, ...]],
        compile_one: Callable[[ReadManifest], AnyManifest],
        check: Callable[[Mapping[str, AnyManifest]], None],
        swapped: Callable[[OperatorManifests, bool], None],
        ended: Callable[[ReloadOutcome], None],
    ) -> None:
        self.last: Reloaded | None = None
        self._catalog = catalog
        self._serving = serving
        self._audit = audit
        self._look = look
        self._compile_one = compile_one
        self._check = check
        self._swapped = swapped
        self._ended = ended
        self._log = structlog.stdlib.get_logger("acs.manifests")

    @property
    def digest(self) -> str:
        """The digest of the set that serves."""
        return self._serving.digest

    async def read(self) -> tuple[Candidate, bytes] | None:
        """Read and compile the set as it is now; `None` when it is the one that serves.

        Gives the packed form for the other workers too. Raises `ManifestError`.
        """
        manifests = await asyncio.to_thread(self._read)
        candidate = await self._compile(manifests)
        if candidate.digest == self._serving.digest:
            return None
        self._refuse_unfit(candidate)
        candidate = replace(candidate, read_here=True)
        return candidate, await asyncio.to_thread(pack, manifests)

    async def prepare(self, packed: bytes) -> Candidate:
        """Compile what another worker has read. Raises `ManifestError`."""
        candidate = await self._compile(await asyncio.to_thread(unpack, packed))
        self._refuse_unfit(candidate)
        return candidate

    def refused(self, error: ManifestError) -> str:
        """Log every finding for the operator; return a summary that names rules and files alone."""
        findings = [finding for finding in error.diagnostics if finding.severity == "error"]
        logged = [printable(str(finding)) for finding in findings[:_MOST_LOGGED]]
        self._log.error("manifests_refused", findings=logged)
        first = findings[0]
        place = f" in {first.source}" if first.source else ""
        more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
        return printable(f"{first.code}{place}{more}; see the service log")

    async def commit(self, candidate: Candidate, at: float, *, speaks: bool) -> None:
        """Activate the candidate for the next request, then record it. `at` is Unix time in seconds.

        One worker `speaks` for all in the log.
        """
        before, self._serving = self._serving, candidate
        operator = OperatorManifests(candidate.by_name, self._catalog.operator.default, at)
        self._catalog.operator = operator
        self._swapped(operator, candidate.read_here)
        self.last = Reloaded(ReloadOutcome.OK, at)
        if speaks:
            self._ended(ReloadOutcome.OK)
            names = sorted(candidate.by_name)
            self._log.info(
                "manifests_reloaded", set=candidate.digest, previous=before.digest, manifests=names
            )
        await self._record(
            ReloadOutcome.OK,
            {"set": candidate.digest, "previous": before.digest},
            operator.digests(),
        )

    async def keep(self, outcome: ReloadOutcome, at: float, detail: str, *, speaks: bool) -> None:
        """Go on with the set that serves, and say why."""
        self.last = Reloaded(outcome, at, detail)
        if speaks:
            self._ended(outcome)
            log = self._log.error if outcome is ReloadOutcome.FAILED else self._log.info
            log("manifests_kept", outcome=outcome, set=self.digest, detail=detail)
        await self._record(outcome, {"set": self.digest} | ({"detail": detail} if detail else {}))

    def _read(self) -> tuple[ReadManifest, ...]:
        """Read the set; the files that the serving one reads are read here too, off the event loop."""
        manifests = keep_sources(self._look())
        for read in manifests:
            known = self._serving.identities.get(read.file.name)
            if known and isinstance(read.sources, KeptSources):
                read.sources.read_ahead(known.reads)
        return manifests

    async def _compile(self, manifests: tuple[ReadManifest, ...]) -> Candidate:
        """Compile one manifest after another, and reuse unchanged ones.

        The pause between lets every request that waits be answered as a whole: it takes several turns
        of the event loop, and would meet a compile in each.
        """
        by_name: dict[str, AnyManifest] = {}
        identities: dict[str, Identity] = {}
        for read in manifests:
            name = read.file.name
            known = self._serving.identities.get(name)
            if known is not None and _identity(read) == known:
                by_name[name] = self._serving.by_name[name]
                identities[name] = known
                continue
            await asyncio.sleep(_PAUSE_S)
            by_name[name] = self._compile_one(read)
            identities[name] = _identity(read)
        return Candidate(by_name, identities, set_digest(identities))

    def _refuse_unfit(self, candidate: Candidate) -> None:
        if not candidate.by_name and self._serving.by_name:
            raise ManifestError([Diagnostic("manifests-empty", "no manifest is left")])
        findings = [
            replace(finding, source=": ".join(filter(None, (name, finding.source))))
            for name, manifest in candidate.by_name.items()
            if isinstance(manifest, InvalidManifest)
            for finding in manifest.error.diagnostics
        ]
        findings.extend(_rollbacks(self._serving.by_name, candidate.by_name))
        if findings:
            raise ManifestError(findings)
        self._check(candidate.by_name)

    async def _record(
        self, outcome: ReloadOutcome, details: Mapping[str, Json], manifests: ManifestDigests | None = None
    ) -> None:
        """Record what came of a reload, in several records where its manifests need them."""
        if self._audit is None:
            return
        stated = {"outcome": outcome, **details}
        events = [ServiceEvent("manifests_reloaded", stated)]
        if manifests is not None:
            events = manifest_events("manifests_reloaded", stated, manifests)
        try:
            for event in events:
                await self._audit.append(event)
        except AuditUnavailableError as error:
            self._log.error("reload_unrecorded", outcome=outcome, detail=str(error))
