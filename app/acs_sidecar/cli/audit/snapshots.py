"""The snapshots that `audit bom` is given, and the manifests to evaluate them by (section 8.2)."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.assurance.bom.proof import GivenSnapshot, ProvenSnapshot, UnprovenError
from acs_sidecar.assurance.bom.replay import proven_snapshot
from acs_sidecar.assurance.bom.selection import SelectedRecord
from acs_sidecar.cli.manifests import KnownManifest, manifest_versions
from acs_sidecar.cli.output import COULD_NOT_RUN, fail
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.verification import object_in
from acs_sidecar.spec.manifest.compiled import CompiledManifest

__all__ = ["GivenSnapshots"]


@dataclass(frozen=True, slots=True)
class GivenSnapshots:
    """Snapshots by their files, and manifests by digest."""

    snapshots: list[tuple[Path, GivenSnapshot]]
    manifests: dict[str, list[KnownManifest]]

    @classmethod
    def read(cls, snapshots: list[Path], manifests: list[Path]) -> "GivenSnapshots":
        """Read the files; ends the command at one that cannot be read."""
        given = [(path, GivenSnapshot.read(object_in(path, "--snapshot"))) for path in snapshots]
        return cls(given, manifest_versions(settings_from(None).settings, manifests))

    def proven(self, records: list[SelectedRecord]) -> dict[tuple[str, int], ProvenSnapshot]:
        """Find the records that each snapshot is proven to be of; ends the command where there is none."""
        proven: dict[tuple[str, int], ProvenSnapshot] = {}

        async def match() -> None:
            for path, snapshot in self.snapshots:
                errors: list[UnprovenError] = []
                for record in records:
                    try:
                        found = await proven_snapshot(record, snapshot, self._manifest_of(record))
                    except UnprovenError as error:
                        errors.append(error)
                    else:
                        proven[record.log, record.index] = found
                if len(errors) == len(records):
                    refuted = all(error.refuted for error in errors)
                    fail(f"--snapshot {path}: {errors[0]}", code=1 if refuted else COULD_NOT_RUN)

        asyncio.run(match())
        return proven

    def _manifest_of(self, record: SelectedRecord) -> CompiledManifest | None:
        """Return the manifest of a record's digest: of several, that whose policy files decided."""
        found = self.manifests.get(record.text("manifest_digest") or "", ())
        versions = [one.compiled for one in found]
        point, policy = record.text("intervention_point") or "", record.text("policy_digest")
        then = (one for one in versions if one.policy_digests.get(point) == policy)
        return next(then, versions[-1] if versions else None)
