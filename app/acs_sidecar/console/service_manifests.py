"""The manifests that a running service has loaded, by its API (sections 2.3, 15.1)."""

import asyncio
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from acs_sidecar.audit.read.reader import NotInLogError
from acs_sidecar.console.manifest_set import ShownManifest, ShownPoint
from acs_sidecar.console.service_client import ServiceClient, ServiceError
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ServiceManifests"]


class ServiceManifests:
    """Shows what a service has loaded; nothing of it can be evaluated here, since its files are there."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self.problem: str | None = None

    async def by_name(self) -> Mapping[str, ShownManifest]:
        """Return the manifests by name."""
        self.problem = None
        try:
            return await asyncio.to_thread(self._read)
        except ServiceError as error:
            self.problem = error.strerror
        except NotInLogError:
            self.problem = "the manifests of the service changed while they were read: open the page again"
        return {}

    def _read(self) -> dict[str, ShownManifest]:
        found = self._client.json("/v1/manifests").get("manifests")
        names = [str(one["name"]) for one in _objects(found) if "name" in one]
        return {name: self._shown(name) for name in names}

    def _shown(self, name: str) -> ShownManifest:
        found = self._client.json(f"/v1/manifests/{quote(name, safe='')}")
        value = found.get("manifest")
        merged = value if isinstance(value, dict) else None
        sources, digest = found.get("provenance"), found.get("digest")
        return ShownManifest(
            name,
            self._client.address.text,
            digest if isinstance(digest, str) else None,
            merged is not None,
            tuple(map(_finding, _objects(found.get("diagnostics")))),
            tuple(_points(merged or {})),
            merged,
            {path: str(source) for path, source in sources.items()} if isinstance(sources, dict) else {},
        )


def _points(manifest: JsonObject) -> Iterator[ShownPoint]:
    points = manifest.get("intervention_points")
    for name, point in points.items() if isinstance(points, dict) else ():
        if not isinstance(point, dict):
            continue
        policy, annotations = point.get("policy"), point.get("annotations")
        yield ShownPoint(
            name,
            str(policy.get("id") if isinstance(policy, dict) else policy),
            str(point.get("policy_target") or ""),
            str(kind) if (kind := point.get("policy_target_kind")) else None,
            tuple(annotations) if isinstance(annotations, dict) else (),
        )


def _finding(found: JsonObject) -> Diagnostic:
    def text(name: str) -> str | None:
        value = found.get(name)
        return value if isinstance(value, str) else None

    def number(name: str) -> int | None:
        value = found.get(name)
        return value if isinstance(value, int) else None

    return Diagnostic(
        text("code") or "",
        text("message") or "",
        text("path"),
        "warning" if found.get("severity") == "warning" else "error",
        text("source"),
        number("line"),
        number("column"),
    )


def _objects(found: Json) -> list[dict[str, Json]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
