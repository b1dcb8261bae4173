"""The module that authors of adapters import from: `acs_sidecar.evaluators` (section 1.7)."""

import ast
import re
from dataclasses import replace
from pathlib import Path

from acs_sidecar import evaluators
from acs_sidecar.engines.adapters import rate_card
from acs_sidecar.engines.adapters.custom import GROUP, custom_type
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.manifests.member_tables import member_catalog
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.ports import ManifestFacts, NoSources
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs" / "custom-evaluators.md").read_text(encoding="utf-8")


def _imported(source: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return {str(node.module) for node in nodes if str(node.module).startswith("acs_sidecar")}


def test_the_module_is_named_after_the_entry_point_group() -> None:
    """Who knows the group knows where to import from."""
    assert evaluators.__name__ == GROUP


def test_every_name_is_there_and_documented() -> None:
    """The names are an interface: the document lists each, and no other."""
    _, _, section = DOCUMENT.partition("### What it imports")
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == set(evaluators.__all__)
    assert [name for name in evaluators.__all__ if not hasattr(evaluators, name)] == []


def test_adapters_import_nothing_else() -> None:
    """The adapter that comes with the service and the one in the document show how it is done."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert _imported(example) == {GROUP}
    assert _imported(Path(rate_card.__file__).read_text(encoding="utf-8")) == {GROUP}


class _Probe:
    """An adapter that keeps what it was compiled from."""

    name = "probe"
    inline_safe = True

    def __init__(self) -> None:
        self.members: dict[str, evaluators.Member] = {}
        self.statement = evaluators.PolicyStatement()
        self.requests: list[evaluators.CompileRequest] = []

    def compile(self, request: evaluators.CompileRequest) -> evaluators.CompiledPolicy:
        self.requests.append(request)
        return self

    def bind(self, binding: evaluators.PointBinding) -> evaluators.Evaluator:  # the port's signature
        return self

    def evaluate(self, policy_input: evaluators.PolicyInput) -> evaluators.PolicyOutput:  # same
        return evaluators.PolicyOutput({"decision": "allow"})


def test_an_adapter_is_told_of_its_manifest() -> None:
    """It gets the tools, the version, and whether an escalation can be resolved."""
    probe = _Probe()
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    compiler = replace(
        compiler, types={"custom": custom_type({"probe": probe})}, members=member_catalog({"probe": probe})
    )
    manifest: dict[str, Json] = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "custom", "adapter": "probe"}},
        "tools": {"pay": {"ring": 1}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    }
    approval: Json = {"default_resolver": "t", "resolvers": {"t": {"type": "token"}}}
    for each in (manifest, {**manifest, "approval": approval}):
        compiler.compile_operator("m", document_of(each), NoSources())
    first, second = (request.manifest for request in probe.requests)
    assert first == ManifestFacts(version="0.3.1-beta", tools={"pay": {"ring": 1}}, can_escalate=False)
    assert second == replace(first, can_escalate=True)
