"""What a worker takes over of the policies that its supervisor has compiled."""

from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import pytest

from acs_sidecar.engines.adapters.custom import GROUP, custom_type, load_adapters
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.engines.registry import outlives_fork
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.member_tables import member_catalog
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_of
from tests.engines.adapters.stating import STATING
from tests.engines.sources import MemorySources
from tests.manifests.one_decision import compiler, reason_of

FILES = {
    "p.rego": b'package p\nimport rego.v1\nverdict := {"decision": "deny", "reason": "told"}',
    "p.cedar": b'@id("told")\nforbid(principal, action, resource);',
}
SNAPSHOT = {"envelope": {"agent": {"id": "a"}}}
REGO: dict[str, Any] = {"type": "rego", "query": "data.p.verdict", "bundle": "p.rego"}
CEDAR: dict[str, Any] = {"type": "cedar", "policy_path": "p.cedar"}
COMBINED: dict[str, Any] = {"type": "custom", "adapter": "combine", "policies": ["rego"]}
STRANGE: dict[str, Any] = {"type": "custom", "adapter": STATING.name}


def _with_strange_adapter() -> ManifestCompiler:
    adapters = {**load_adapters(), STATING.name: STATING}
    own = compiler()
    types = {**own.types, "custom": custom_type(adapters)}
    return replace(own, types=types, members=member_catalog(adapters))


def _compiled(
    policies: dict[str, Any], files: dict[str, bytes], known: dict[str, CompiledPolicies]
) -> CompiledManifest:
    """Compile policies, the first of them bound at `input`."""
    manifest: dict[str, Any] = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": policies,
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": next(iter(policies))}}},
    }
    return _with_strange_adapter().compile_operator(
        "agent", document_of(manifest), MemorySources(files), known
    )


@pytest.mark.parametrize(
    "policies",
    [{"rego": REGO}, {"cedar": CEDAR}, {"rego": REGO, "cedar": CEDAR}, {"all": COMBINED, "rego": REGO}],
)
def test_known_policies_are_not_compiled_again(policies: dict[str, Any]) -> None:
    """A second compile needs no file, and has the first one's digests, findings and verdicts."""
    known: dict[str, CompiledPolicies] = {}
    first = _compiled(policies, FILES, known)
    second = _compiled(policies, {}, known)
    assert reason_of(second, "input", SNAPSHOT) == reason_of(first, "input", SNAPSHOT) == ("deny", "told")
    assert second.statement == first.statement
    assert second.points["input"].policy_digest == first.points["input"].policy_digest


def test_a_manifest_with_the_adapter_of_others_is_compiled_in_each_worker() -> None:
    """What that compiles may be what a fork does not copy, such as threads and sockets."""
    known: dict[str, CompiledPolicies] = {}
    policies = {"rego": REGO, "strange": STRANGE}
    _compiled(policies, FILES, known)
    assert known == {}
    with pytest.raises(ManifestError, match=r"p\.rego"):
        _compiled(policies, {}, known)


def test_policies_of_every_own_adapter_outlive_a_fork() -> None:
    """All adapters of this distribution are known to compile to memory alone, and no others."""
    adapters = [entry for entry in entry_points(group=GROUP) if entry.module.startswith("acs_sidecar.")]
    assert adapters
    assert all(outlives_fork({"type": "custom", "adapter": entry.name}) for entry in adapters)
    assert not outlives_fork(STRANGE)
