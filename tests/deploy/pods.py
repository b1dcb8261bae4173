"""What must hold for every pod that we ship, whatever rendered it."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no type information

from app.config import PREFIX, Settings
from app.core.limits import Limits
from app.telemetry.catalogue import CATALOGUE

__all__ = ["check"]

VERSION = "1.33"


def check(resources: list[dict[str, Any]]) -> None:
    """Hold rendered resources to the schema of Kubernetes, the restricted standard, and our own names."""
    for resource in resources:
        if not resource["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(resource, VERSION, strict=True)
        if resource["kind"] in {"Deployment", "StatefulSet"}:
            _check_pod(
                resource["spec"]["template"]["spec"],
                {claim["metadata"]["name"] for claim in resource["spec"].get("volumeClaimTemplates", [])},
            )
        if resource["kind"] == "HorizontalPodAutoscaler":
            assert {metric["pods"]["metric"]["name"] for metric in resource["spec"]["metrics"]} <= {
                metric.name for metric in CATALOGUE
            }


def _check_pod(pod: dict[str, Any], claims: set[str]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    volumes = {volume["name"] for volume in pod["volumes"]} | claims
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
    sidecars = list(_sidecars(pod))
    assert len(sidecars) == 1
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | _limits()
    assert {setting["name"] for setting in sidecars[0]["env"]} <= known
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert sidecars[0][probe]["exec"]["command"][0] == "acs-probe"


def _sidecars(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        if container["name"] == "acs-sidecar":
            yield container


def _limits() -> set[str]:
    return {f"{PREFIX}LIMIT_{name.upper()}" for name in Limits.names()}
