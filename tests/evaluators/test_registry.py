"""The registry of policy types (contract 1.7)."""

import subprocess
import sys

from app.core.manifest import POLICY_TYPES
from app.evaluators.cedar import CEDAR
from app.evaluators.registry import policy_types
from app.evaluators.rego import REGO
from app.evaluators.test_double import TEST


def test_every_policy_type_of_a_manifest_has_its_engine() -> None:
    """What validation lets pass is what can be compiled, and nothing else (1.7)."""
    types = policy_types({})
    assert types.keys() == set(POLICY_TYPES)
    assert (types["rego"], types["cedar"], types["test"]) == (REGO, CEDAR, TEST)


def test_the_registry_imports_without_the_service() -> None:
    """The engines load without web framework, so that a sandboxed child can be small."""
    program = (
        "import sys; import app.evaluators.registry;"
        "sys.exit(' '.join({'fastapi', 'pydantic', 'aiohttp', 'asyncio'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert run.stderr == b"\n"
