"""What a worker takes over of the policies that its supervisor has compiled."""

from typing import Any

import pytest

from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_of
from tests.engines.sources import MemorySources
from tests.manifests.one_decision import compiler, reason_of

FILES = {
    "p.rego": b'package p\nimport rego.v1\nverdict := {"decision": "deny", "reason": "told"}',
    "p.cedar": b'@id("told")\nforbid(principal, action, resource);',
}
REGO: dict[str, Any] = {"type": "rego", "query": "data.p.verdict", "bundle": "p.rego"}
CEDAR: dict[str, Any] = {"type": "cedar", "policy_path": "p.cedar"}
SNAPSHOT = {"envelope": {"agent": {"id": "a"}}}
COMBINED: dict[str, Any] = {"type": "custom", "adapter": "combine", "policies": ["rego"]}


def _compiled(
    policies: dict[str, Any], files: dict[str, bytes], known: dict[str, CompiledPolicies]
) -> CompiledManifest:
    """Compile policies, the first of them bound at `input`."""
    manifest: dict[str, Any] = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": policies,
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": next(iter(policies))}}},
    }
    return compiler().compile_operator("agent", document_of(manifest), MemorySources(files), known)


@pytest.mark.parametrize("policies", [{"rego": REGO}, {"cedar": CEDAR}, {"rego": REGO, "cedar": CEDAR}])
def test_known_policies_are_not_compiled_again(policies: dict[str, Any]) -> None:
    """A second compile needs no file, and has the first one's digests, findings and verdicts."""
    known: dict[str, CompiledPolicies] = {}
    first = _compiled(policies, FILES, known)
    second = _compiled(policies, {}, known)
    assert reason_of(second, "input", SNAPSHOT) == reason_of(first, "input", SNAPSHOT) == ("deny", "told")
    assert second.statement == first.statement
    assert second.points["input"].policy_digest == first.points["input"].policy_digest


def test_what_an_adapter_compiles_is_compiled_in_each_worker() -> None:
    """It may hold what a fork does not copy, such as threads and sockets."""
    known: dict[str, CompiledPolicies] = {}
    _compiled({"all": COMBINED, "rego": REGO}, FILES, known)
    assert known == {}
    with pytest.raises(ManifestError, match=r"p\.rego"):
        _compiled({"all": COMBINED, "rego": REGO}, {}, known)
