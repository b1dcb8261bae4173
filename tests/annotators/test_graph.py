"""Section 6.3: annotations that read one another come out as if they were evaluated one after the other."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.dialects.annotation_needs import evaluation_order
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.path import parse_path
from acs_sidecar.spec.ports import NoSources
from acs_sidecar.spec.reasons import Reason
from tests.annotators.graphs import Graph, Node, evaluated, graphs, one_after_the_other
from tests.conftest import ROOT

VECTORS = [
    vector
    for vector in json.loads((ROOT / "tests" / "vectors" / "dialects.json").read_text())["vectors"]
    if vector["id"].startswith("needs-") and "verdict" in vector
]


@pytest.mark.slow
@settings(max_examples=400)
@given(graphs())
def test_the_outcome_is_that_of_one_after_the_other(graph: Graph) -> None:
    """Whatever runs at once and whoever is first: the same annotations, or the same failure, and nothing after it."""
    expected, asked_in_order = one_after_the_other(graph)
    found, seen = evaluated(graph)
    assert found == expected
    if isinstance(found, dict):
        assert list(found) == sorted(found)
    order = evaluation_order({name: node.needs for name, node in graph.items()})
    assert seen.asked == list(order[: len(seen.asked)]), "annotators start in order"
    assert seen.asked[: len(asked_in_order)] == asked_in_order
    assert seen.asked_late == [], "nothing starts once a failure is known"
    for name, value in seen.values.items():
        node = graph[name]
        if node.source == "$pi":
            assert isinstance(value, dict)
            assert value["annotations"] == {need: graph[need].outcome for need in node.needs}
        elif node.source.startswith("$pi"):
            assert value == graph[json.loads(node.source[16:-1])].outcome


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["id"]) for vector in VECTORS])
def test_annotators_are_asked_as_the_reference_asks_them(vector: dict[str, Any]) -> None:
    """Order, what each sees, and what a failure stops are those of the published reference."""
    annotations = vector["manifest"]["intervention_points"]["input"]["annotations"]
    outputs = vector["annotator_outputs"]
    graph = {
        name: Node(
            binding["from"],
            tuple(binding.get("needs", ())),
            outcome=Reason.ANNOTATION_FAILED if str(outputs.get(name)).startswith("!") else outputs.get(name),
        )
        for name, binding in annotations.items()
    }
    graph = {name: Node("$target", node.needs, outcome=node.outcome) if node.source == "$target.text" else node for name, node in graph.items()}  # fmt: skip
    found, seen = evaluated(graph)
    assert seen.asked == [call["name"] for call in vector["annotator_calls"]]
    if vector["verdict"]["decision"] == "allow":
        assert found == {name: outputs.get(name) for name in graph}
    else:
        assert found == vector["verdict"]["reason"]


def test_what_waits_for_nothing_runs_at_once() -> None:
    """A slow annotator delays what needs it and not what does not."""
    graph = {
        "slow": Node(turns=50),
        "a": Node(turns=1),
        "b": Node("$pi.annotations.a", ("a",)),
        "z": Node("$pi.annotations.slow", ("slow",)),
    }
    found, seen = evaluated(graph)
    assert seen.asked == ["a", "b", "slow", "z"]
    assert isinstance(found, dict)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"w": 1}, "path_missing"),
        ([1], "path_type_mismatch"),
        (None, "path_type_mismatch"),
    ],
)
def test_what_a_result_lacks_is_the_failure_of_its_reader(output: Any, reason: str) -> None:
    """A path into a result fails as any other path does, with its own reason."""
    found, seen = evaluated({"a": Node(outcome=output), "b": Node("$pi.annotations.a.v", ("a",))})
    assert (found, seen.asked) == (f"runtime_error:{reason}", ["a"])


def test_null_is_a_value() -> None:
    """A result of null is read like any other, whole."""
    found, seen = evaluated({"a": Node(outcome=None), "b": Node("$pi.annotations.a", ("a",), outcome=2)})
    assert (found, seen.values["b"]) == ({"a": None, "b": 2}, None)


def test_the_limit_is_of_the_whole_graph() -> None:
    """`max_annotators_per_point` counts every annotator of the point, and none is asked."""
    found, seen = evaluated({"a": Node(), "b": Node(needs=("a",))}, Limits(max_annotators_per_point=1))
    assert (found, seen.asked) == (Reason.RESOURCE_LIMIT_EXCEEDED, [])


@pytest.mark.parametrize("needs", [{"a": ("b",), "b": ("a",)}, {"a": ("c",)}, {"a": ("a",)}])
def test_a_graph_without_an_order_is_no_runner(needs: dict[str, tuple[str, ...]]) -> None:
    """What a manifest cannot say is not left out silently."""
    uses = tuple(
        (AnnotatorUse(name, "classifier", parse_path("$"), {}, needs=needed), _Never())
        for name, needed in needs.items()
    )
    with pytest.raises(ValueError, match="need one another in a circle, or one that is not there"):
        AnnotatorRunner(uses, Limits())


class _Never:
    async def annotate(self, value: Any) -> Any:
        raise AssertionError


def test_an_annotator_that_another_needs_and_is_wrong_is_a_finding() -> None:
    """The one that needs it is valid, and nothing is made of it."""
    manifest: dict[str, Any] = {
        "agent_control_specification_version": "0.5.0-alpha.1",
        "policies": {"p": {"type": "test", "verdict": {"decision": "allow"}}},
        "annotators": {
            "tone": {"type": "endpoint", "url": None},
            "mood": {"type": "endpoint", "url": "http://127.0.0.1:2/"},
        },
        "intervention_points": {
            "input": {
                "policy_target": "$",
                "policy": {"id": "p"},
                "annotations": {
                    "tone": {"from": "$target"},
                    "mood": {"from": "$pi.annotations.tone.x", "needs": ["tone"]},
                },
            }
        },
    }
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    with pytest.raises(ManifestError) as caught:
        compiler.compile_operator("m", Document(manifest, {}), NoSources())
    assert [finding.path for finding in caught.value.diagnostics] == ["annotators.tone.url"]
