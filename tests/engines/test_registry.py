"""The registry of policy types (section 1.7)."""

import subprocess
import sys

import pytest

from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.engines.fixed import TEST
from acs_sidecar.engines.registry import load_engines, policy_types
from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.manifest.members import PolicyKind


def test_every_policy_type_of_a_manifest_has_its_engine() -> None:
    """What validation lets pass is what can be compiled, and nothing else (1.7)."""
    types = load_engines(policy_types({}))
    assert types.keys() == set(PolicyKind)
    assert (types["rego"], types["cedar"], types["test"]) == (REGO, CEDAR, TEST)


@pytest.mark.server
def test_the_registry_imports_without_the_service() -> None:
    """The engines load without web framework, so that a sandboxed child can be small."""
    program = (
        "import sys; import acs_sidecar.engines.registry;"
        "sys.exit(' '.join({'fastapi', 'pydantic', 'aiohttp', 'asyncio'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert run.stderr == b"\n"


LOADED = """
import sys
from acs_sidecar.engines.registry import policy_types
from acs_sidecar.spec.ports import CompileRequest, NoSources
types = policy_types({})
print({"cedarpy", "regorus"} & set(sys.modules))
types["cedar"].compile(CompileRequest("policies.c", {"type": "cedar", "policy_set": "permit(principal, action, resource);"}, NoSources()))
print({"cedarpy", "regorus"} & set(sys.modules))
"""


@pytest.mark.server
def test_an_engine_is_loaded_when_it_is_used() -> None:
    """A start waits for no engine that its manifests do not name."""
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True)
    assert run.stdout.splitlines() == ["set()", "{'cedarpy'}"]


WITHOUT_REGORUS = """
import sys
sys.modules["regorus"] = None  # the import system raises ModuleNotFoundError for it
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import CompileRequest, NoSources
from acs_sidecar.engines.registry import policy_types
types = policy_types({})
types["cedar"].compile(CompileRequest("policies.c", {"type": "cedar", "policy_set": "permit(principal, action, resource);"}, NoSources()))
try:
    types["rego"].compile(CompileRequest("policies.r", {"type": "rego", "modules": {"m": "package m"}}, NoSources()))
except ManifestError as error:
    print(error.reason, *error.diagnostics, sep="\\n")
"""


@pytest.mark.server
def test_without_the_rego_engine_everything_else_works() -> None:
    """On a platform without the engine a Rego policy is refused by name, and Cedar compiles (1.7)."""
    run = subprocess.run([sys.executable, "-c", WITHOUT_REGORUS], capture_output=True, check=True, text=True)
    reason, *findings = run.stdout.splitlines()
    assert reason == "runtime_error:adapter_unsupported"
    assert len(findings) == 1
    assert "policies.r.type" in findings[0]
    assert "`rego` policies cannot be evaluated here: `gordon-to-regorus` has no build" in findings[0]
