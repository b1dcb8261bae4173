"""What must hold for every pod that we ship, whatever rendered it."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no type information

from acs_sidecar.settings.tree import PREFIX, Settings, load_settings
from acs_sidecar.spec.limits import Limits
from acs_sidecar.telemetry.catalogue import CATALOGUE

__all__ = ["check"]

VERSION = "1.33"
NO_WAIT = {"preStop": {"sleep": {"seconds": 0}}}


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
    assert pod["enableServiceLinks"] is False
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
    _check_settings(sidecars[0])
    waits = sidecars[0].get("lifecycle", NO_WAIT)["preStop"]["sleep"]["seconds"]
    drains = load_settings({}).settings.shutdown_timeout_s
    assert pod.get("terminationGracePeriodSeconds", 30) > waits + drains
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert sidecars[0][probe]["exec"]["command"][0] == "acs-probe"


def _check_settings(sidecar: dict[str, Any]) -> None:
    """All names are known, each is set once and behind those that it refers to, and files lie in a mount."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | _limits()
    places = [mount["mountPath"] for mount in sidecar["volumeMounts"]]
    before: set[str] = set()
    for setting in sidecar["env"]:
        name, value = setting["name"], setting.get("value", "")
        assert name in known | {"NAMESPACE", "POD_IP"}
        assert name not in before
        assert set(re.findall(r"\$\((\w+)\)", value)) <= before
        assert not name.endswith("_FILE") or any(value.startswith(f"{place}/") for place in places)
        before.add(name)


def _sidecars(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        if container["name"] == "acs-sidecar":
            yield container


def _limits() -> set[str]:
    return {f"{PREFIX}LIMIT_{name.upper()}" for name in Limits.names()}
