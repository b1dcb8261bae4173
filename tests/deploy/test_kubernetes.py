"""The Kubernetes manifests and the Helm chart, rendered offline."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import pods

KUBECTL = Path(sys.executable).with_name("kubectl")
VALIDATE = (Path(sys.executable).with_name("acs-sidecar"), "validate", "--strict")
CHART = ROOT / "deploy/helm/acs-sidecar"

EVERYTHING: dict[str, Any] = {
    "callersSecret": "callers",
    "auditKeySecret": "audit-key",
    "approvalKeySecret": "approval-key",
    "tlsSecret": "tls",
    "settings": {"ACS_LOG_LEVEL": "warning", "ACS_LIMIT_MAX_SNAPSHOT_BYTES": "65536"},
    "autoscaling": {"enabled": True},
    "audit": {"persistence": {"enabled": True, "storageClass": "fast"}},
    "podMonitor": {"enabled": True, "tokenSecret": {"name": "scrape", "key": "token"}},
    "networkPolicy": {"egress": [{"ports": [{"port": 443}]}]},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"operator": "Exists"}],
    "imagePullSecrets": [{"name": "pull"}],
    "image": {"digest": "sha256:" + "0" * 64},
}


def kustomized(variant: str) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    command = (KUBECTL, "kustomize", ROOT / "deploy/kubernetes" / variant)
    return list(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True).stdout))


@pytest.mark.parametrize("variant", ["sidecar", "shared", "oci"])
def test_every_kustomization_renders_to_valid_restricted_pods(variant: str) -> None:
    """What `kubectl apply -k` would send is valid, and meets the restricted pod security standard."""
    resources = kustomized(variant)
    assert "Deployment" in {resource["kind"] for resource in resources}
    pods.check(resources)


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of the chart with some values."""
    texts = helm.Chart.load(CHART).render(values, name="acs", namespace="agents").values()
    return [resource for text in texts for resource in yaml.safe_load_all(text) if resource]


def test_the_chart_passes_its_linter() -> None:
    """Helm itself finds nothing worse than a missing icon."""
    report = helm.lint(CHART, {"callersSecret": "callers"}, strict=True)
    assert [found for found in report["messages"] if "icon" not in found["error"]] == []


@pytest.mark.parametrize("values", [{"callersSecret": "callers"}, EVERYTHING], ids=["least", "everything"])
def test_the_chart_renders_to_valid_restricted_pods(values: dict[str, Any]) -> None:
    """With the least that it needs, and with everything switched on."""
    pods.check(rendered(values))


def test_everything_that_is_switched_on_is_there() -> None:
    """No option of the chart is without effect."""
    kinds = {resource["kind"] for resource in rendered(EVERYTHING)}
    assert kinds == {
        "StatefulSet", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget",
        "HorizontalPodAutoscaler", "PodMonitor",
    }  # fmt: skip
    other = rendered({"callersSecret": "callers", "manifestsImage": "registry.example/m:1"})
    assert {resource["kind"] for resource in other} == {
        "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget",
    }  # fmt: skip


def test_the_chart_refuses_to_be_open_to_everybody() -> None:
    """Without callers the service would not start, so the chart says so before anything is applied."""
    with pytest.raises(helm.HelmError, match=r"callersSecret: name a Secret with `callers.yaml`"):
        rendered({})


@pytest.mark.parametrize("place", ["sidecar", "shared"])
def test_the_manifests_that_are_shipped_are_valid(place: str) -> None:
    """The manifest of each variant passes validation without a finding."""
    path = ROOT / "deploy/kubernetes" / place / "manifest.yaml"
    done = subprocess.run([*VALIDATE, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_manifests_of_the_chart_are_valid(tmp_path: Path) -> None:
    """The chart's default manifest passes validation without a finding."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, text in values["manifests"].items():
        (tmp_path / name).write_text(text)
        command = [*VALIDATE, tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
