"""The Kubernetes manifests and the Helm chart, rendered offline."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from acs_sidecar.settings.tree import PREFIX, load_settings
from tests.conftest import ROOT
from tests.deploy import pods

KUBECTL = Path(sys.executable).with_name("kubectl")
VALIDATE = (Path(sys.executable).with_name("acs-sidecar"), "validate", "--strict")
CHART = ROOT / "deploy/helm/acs-sidecar"

# What a guide says to put there.
(SHIPPER,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/fleet.md").read_text(), re.DOTALL)
EVERYTHING: dict[str, Any] = {
    "extraContainers": yaml.safe_load(SHIPPER),
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
BUNDLE: dict[str, Any] = {
    "callersSecret": "callers",
    "bundle": {
        "url": "https://manifests.example.org/agents.tar.gz",
        "sha256": "0" * 64,
        "tokenSecret": "bundle-token",
    },
    "caConfigMap": "authorities",
    "networkPolicy": {"egress": [{"ports": [{"port": 443}]}]},
}


def kustomized(variant: str) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    command = (KUBECTL, "kustomize", ROOT / "deploy/kubernetes" / variant)
    return list(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True).stdout))


def pod_of(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The pod of the one workload among some resources."""
    (workload,) = (one for one in resources if one["kind"] in {"Deployment", "StatefulSet"})
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("variant", ["sidecar", "shared", "oci", "bundle"])
def test_every_kustomization_renders_to_valid_restricted_pods(variant: str) -> None:
    """What `kubectl apply -k` would send is valid, and meets the restricted pod security standard."""
    resources = kustomized(variant)
    assert "Deployment" in {resource["kind"] for resource in resources}
    pods.check(resources)


def test_the_variant_for_podman_is_the_sidecar_without_what_podman_does_not_know() -> None:
    """Two containers, no probes; everything else is as in a cluster."""
    played, meant = (pod_of(deploy) for deploy in (kustomized("podman"), kustomized("sidecar")))
    sidecar = meant.pop("initContainers")[0]
    for name in ("restartPolicy", "startupProbe", "readinessProbe", "livenessProbe"):
        del sidecar[name]
    assert played == meant | {"containers": [sidecar, *meant["containers"]]}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of the chart with some values."""
    texts = helm.Chart.load(CHART).render(values, name="acs", namespace="agents").values()
    return [resource for text in texts for resource in yaml.safe_load_all(text) if resource]


def test_the_chart_passes_its_linter() -> None:
    """Helm itself finds nothing worse than a missing icon."""
    report = helm.lint(CHART, {"callersSecret": "callers"}, strict=True)
    assert [found for found in report["messages"] if "icon" not in found["error"]] == []


@pytest.mark.parametrize(
    "values", [{"callersSecret": "callers"}, EVERYTHING, BUNDLE], ids=["least", "everything", "bundle"]
)
def test_the_chart_renders_to_valid_restricted_pods(values: dict[str, Any]) -> None:
    """With the least that it needs, with everything switched on, and with manifests from a bundle."""
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


@pytest.mark.parametrize("source", ["chart", "kustomization"])
def test_manifests_from_a_bundle_need_nothing_else(source: str) -> None:
    """The service accepts the settings, nothing holds or mounts other manifests, and the server can be reached."""
    resources = rendered(BUNDLE) if source == "chart" else kustomized("bundle")
    (sidecar,) = pod_of(resources)["containers"]
    given = {setting["name"]: setting.get("value", "x") for setting in sidecar["env"]}
    environ = {name: value for name, value in given.items() if name.startswith(PREFIX)}
    settings = load_settings(environ).settings
    assert settings.manifests_url == "https://manifests.example.org/agents.tar.gz"
    assert (settings.manifests_url_sha256 is None) == (source == "kustomization")
    assert settings.manifests_url_token_file
    assert settings.fetch_ca_file
    assert settings.manifests_watch is False
    assert "/etc/acs/manifests" not in {mount["mountPath"] for mount in sidecar["volumeMounts"]}
    assert "ConfigMap" not in {resource["kind"] for resource in resources}
    (policy,) = (one for one in resources if one["kind"] == "NetworkPolicy")
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    assert 443 in ports


def test_the_chart_refuses_a_bundle_that_its_network_policy_cuts_off() -> None:
    """Otherwise no pod would start, since nothing it may connect to has its manifests."""
    with pytest.raises(helm.HelmError, match=r"networkPolicy.egress: allow name resolution and the server"):
        rendered(BUNDLE | {"networkPolicy": {"egress": []}})


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
