"""Which points a session's manifest binds and where their policy targets stand (section 12.3)."""

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from acs_client.calls import Call
from acs_client.client import POINTS
from acs_client.errors import ConfigurationError

if TYPE_CHECKING:
    from acs_client.calls import Manifest
    from acs_client.client import Client
    from acs_client.snapshot.counts import Counters

__all__ = ["MANIFEST", "Bindings", "asked_points"]

MANIFEST: Final = "the points that the manifest binds"


class Bindings:
    """The bound points: `points` as the host says, or what the service lists of the manifest.

    What the service lists is asked for again when verdicts come from another manifest.
    """

    def __init__(
        self,
        client: "Client",
        manifest: "Manifest",
        points: Iterable[str] | None,
        counters: "Counters",
    ) -> None:
        self._client, self._manifest, self._counters = client, manifest, counters
        self._is_asked = points is None
        self._points = None if points is None else frozenset(points)
        self._targets: dict[tuple[str | None, str], str] = {}
        self._digest: str | None = None
        self._lock = threading.Lock()

    def __contains__(self, point: str) -> bool:
        """True if the manifest binds `point`; raises `Unavailable` when that cannot be learnt."""
        with self._lock:
            if self._points is None:
                self._points = self._ask()
            return point in self._points

    def target(self, point: str, digest: str | None, snapshot: dict[str, Any]) -> str:
        """Return the path of the policy target of the manifest with `digest`, which a verdict came from.

        Where it is not listed, the service is asked what a policy sees of `snapshot`. Raises `Unavailable`
        when that cannot be learnt.
        """
        key = (None if isinstance(self._manifest, Mapping) else digest, point)
        path = self._targets.get(key)
        if path is None:
            path = self._targets[key] = self._learnt(point, digest, snapshot)
        return path

    def _learnt(self, point: str, digest: str | None, snapshot: dict[str, Any]) -> str:
        call = Call(point, "evaluate_only", self._manifest, include=("policy_input",))
        decision = self._client.evaluate_json(call, snapshot)
        seen = decision.raw.get("policy_input")
        target = seen.get("policy_target") if isinstance(seen, dict) else None
        path = target.get("path") if isinstance(target, dict) else None
        if decision.manifest_digest != digest or not isinstance(path, str):
            raise call.unavailable("protocol", "the policy target of the manifest cannot be learnt")
        return path

    def see(self, digest: str | None) -> None:
        """Note the manifest that a verdict came from."""
        if digest is None or digest == self._digest:
            return
        with self._lock:
            if self._is_asked and self._digest is not None:
                self._points = None
            self._digest = digest

    def _ask(self) -> frozenset[str]:
        if isinstance(self._manifest, Mapping):
            return self._take(self._manifest)
        entry = self._client.listed(self._manifest)
        detail = self._client.get(f"/v1/manifests/{quote(entry['name'], safe='')}")
        detail = detail if isinstance(detail, dict) else {}
        self._digest = entry.get("digest")
        counters = detail.get("counters")
        if isinstance(counters, list):
            self._counters.know(counter for counter in counters if isinstance(counter, dict))
        if detail.get("digest") == self._digest:
            self._take(detail.get("manifest"))
        return frozenset(entry["points"])

    def _take(self, manifest: Any) -> frozenset[str]:
        bindings = manifest.get("intervention_points") if isinstance(manifest, Mapping) else None
        bindings = bindings if isinstance(bindings, Mapping) else {}
        self._targets |= {
            (self._digest, point): binding["policy_target"]
            for point, binding in bindings.items()
            if isinstance(binding, Mapping) and isinstance(binding.get("policy_target"), str)
        }
        return frozenset(bindings)


def asked_points(points: Iterable[str] | str) -> frozenset[str] | None:
    """Return the points that the host names, each read once; `None` for those that the manifest binds."""
    if points is MANIFEST:
        return None
    named = frozenset(() if isinstance(points, str) else points)
    if isinstance(points, str) or not named <= set(POINTS):
        raise ConfigurationError(f"`points` is neither MANIFEST nor a set of {', '.join(POINTS)}")
    return named
