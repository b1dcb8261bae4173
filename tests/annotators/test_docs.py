"""The examples of `docs/annotators.md` compile, and none of the providers is without one."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.annotators.classifier import remote as classifier_remote
from acs_sidecar.annotators.llm import type as llm
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.ports import NoSources
from tests.command import run
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "annotators.md").read_text()


def _examples() -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for block in re.findall(r"^```yaml\n(?=\S)(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        value = parse_document(block).value
        assert isinstance(value, dict)
        examples.update(value)
    return examples


def _source(name: str, annotator: Any) -> str:
    return f"$snap.annotations.{name}" if annotator.get("provider") == "host" else "$policy_target"


def test_every_provider_has_an_example_that_compiles(monkeypatch: Any) -> None:
    """Each example is built as an operator's manifest would have it, with its variables set."""
    examples = _examples()
    for annotator in examples.values():
        for name, member in annotator.items():
            if name.endswith("_env"):
                monkeypatch.setenv(member, "example")
    manifest: dict[str, Any] = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": examples,
        "intervention_points": {
            "input": {
                "policy_target": "$",
                "policy": {"id": "p"},
                "annotations": {name: {"from": _source(name, given)} for name, given in examples.items()},
            }
        },
    }
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    compiled = compiler.compile_operator("docs", Document(manifest, {}), NoSources())
    assert compiled.points["input"].annotator_names == tuple(sorted(examples))
    shown: dict[str, set[str]] = defaultdict(set)
    for annotator in examples.values():
        shown[annotator["type"]].add(annotator.get("provider", ""))
    assert shown == {
        "endpoint": {""},
        "llm": set(llm.PROVIDERS),
        "classifier": {*classifier_remote.PROVIDERS, "host"},
    }


@pytest.mark.server
def test_a_finding_names_the_member_where_it_stands(tmp_path: Path) -> None:
    """Once in the declaration that several points share, and in the binding that overlays it."""
    point = "{policy_target: $, policy: {id: p}, annotations: {a: {from: $%s}}}"
    (tmp_path / "m.yaml").write_text(
        "agent_control_specification_version: 0.3.1-beta\n"
        "policies: {p: {type: test, output: 1}}\n"
        "annotators:\n"
        "  a:\n"
        "    type: endpoint\n"
        "    url: 7\n"
        "intervention_points:\n"
        f"  input: {point % ''}\n"
        f"  output: {point % ', timeout_ms: 0'}\n"
    )
    done = run(tmp_path, "validate", "m.yaml", "--format", "text")
    text = "must be an http or https URL without user information and fragment"
    assert done.stderr.splitlines()[:2] == [
        f"error: m.yaml:6:5: annotators.a.url: {text} [annotator-member-invalid]",
        "error: m.yaml:9:74: intervention_points.output.annotations.a.timeout_ms: "
        "must be an integer from 1 to 600000 [annotator-member-invalid]",
    ]
