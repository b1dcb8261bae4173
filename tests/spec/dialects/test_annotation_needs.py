"""Section 6.3: what a manifest of 0.5 may say of annotations that read one another."""

import asyncio
from typing import Any

import orjson
import pytest

from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import Manifest, document_of, read_manifest
from tests.decision.decider import decide, decision_service
from tests.members import MEMBERS


def _manifest(
    annotations: dict[str, Any], version: str = "0.5.0-alpha.1", **annotator: Any
) -> dict[str, Any]:
    detector = {"type": "classifier", "provider": "pii", **annotator}
    return {
        "agent_control_specification_version": version,
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": dict.fromkeys(annotations, detector),
        "intervention_points": {
            "input": {"policy_target": "$.input", "policy": {"id": "p"}, "annotations": annotations}
        },
    }


def _read(manifest: dict[str, Any]) -> Manifest:
    return read_manifest(document_of(manifest), Limits(), MEMBERS)


def _findings(manifest: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(ManifestError) as caught:
        _read(manifest)
    prefix = "intervention_points.input.annotations."
    return [
        (str(found.path).removeprefix(prefix), found.code, found.message)
        for found in caught.value.diagnostics
    ]


T = "$target"


@pytest.mark.parametrize(
    ("annotations", "path", "code", "message"),
    [
        ({"a": {"from": T, "needs": ["x"]}}, "a.needs[0]", "name-unknown", "`x` is not annotated at this point: add it to `annotations`"),
        ({"a": {"from": T, "needs": ["a"]}}, "a.needs[0]", "annotation-cycle", "an annotation cannot need itself"),
        ({"a": {"from": T, "needs": ["b", "b"]}, "b": {"from": T}}, "a.needs[1]", "value-not-allowed", "`b` is there twice: remove one"),
        ({"a": {"from": T, "needs": "b"}, "b": {"from": T}}, "a.needs", "wrong-type", "must be a list of names of annotations at this point"),
        ({"a": {"from": T, "needs": None}}, "a.needs", "wrong-type", "must be a list of names of annotations at this point"),
        ({"a": {"from": T, "needs": [1]}}, "a.needs[0]", "wrong-type", "must be the name of an annotation"),
        ({"b": {"from": T, "needs": ["c"]}, "c": {"from": T, "needs": ["b"]}, "a": {"from": T, "needs": ["b"]}}, "b.needs", "annotation-cycle", "`b` needs `c` needs `b`: none of them can come first"),
        ({"a": {"from": "$pi.annotations.b"}, "b": {"from": T}}, "a.from", "path-forbidden", "an annotation cannot read other annotations, but for `$pi.annotations.<name>` of one that it lists in `needs`"),
        ({"a": {"from": "$pi.annotations", "needs": ["b"]}, "b": {"from": T}}, "a.from", "path-forbidden", "an annotation cannot read other annotations, but for `$pi.annotations.<name>` of one that it lists in `needs`"),
        ({"a": {"from": "$pi.annotations[0]", "needs": ["b"]}, "b": {"from": T}}, "a.from", "path-forbidden", "an annotation cannot read other annotations, but for `$pi.annotations.<name>` of one that it lists in `needs`"),
        ({"a": {"from": "$pi.annotations.c.d", "needs": ["b"]}, "b": {"from": T}, "c": {"from": T}}, "a.from", "path-forbidden", "an annotation cannot read other annotations, but for `$pi.annotations.<name>` of one that it lists in `needs`"),
    ],
)  # fmt: skip
def test_needs_that_cannot_be_met_are_invalid(
    annotations: dict[str, Any], path: str, code: str, message: str
) -> None:
    """Each fault of `needs`, and each read without one, is a finding at its place."""
    assert _findings(_manifest(annotations)) == [(path, code, message)]


def test_needs_belong_to_the_binding() -> None:
    """On the declaration `needs` are invalid under 0.5; under 0.4 and 0.3 they mean nothing here."""
    message = "is set where the annotator is bound: move it to `annotations` of the point"
    annotations = {"a": {"from": T}}
    assert _findings(_manifest(annotations, needs=["b"])) == [
        ("annotators.a.needs", "member-not-allowed", message)
    ]
    assert _read(_manifest(annotations, "0.4.0-alpha.1", needs=["b"]))


@pytest.mark.parametrize(
    "quoted", ["$pi.annotations.b.v", '$pi["annotations"].b', '$pi.annotations["b"].v[0]']
)
def test_an_annotation_reads_what_it_needs(quoted: str) -> None:
    """A path may lead into the result of a need, however it is written; the names never reach the invocation."""
    manifest = _read(_manifest({"a": {"from": quoted, "needs": ["b"]}, "b": {"from": T, "needs": []}}))
    uses = {use.name: use for use in next(iter(manifest.points.values())).annotators}
    assert (uses["a"].needs, uses["b"].needs) == (("b",), ())
    assert "needs" not in uses["a"].invocation
    assert "needs" not in uses["a"].bound


def test_before_needs_they_are_the_annotators() -> None:
    """Under 0.4 `needs` reaches the invocation as it stands, and annotations read no other."""
    manifest = _read(_manifest({"a": {"from": T, "needs": ["x", "x"]}}, "0.4.0-alpha.1"))
    (use,) = next(iter(manifest.points.values())).annotators
    assert (use.needs, use.invocation["needs"]) == ((), ["x", "x"])
    assert _findings(
        _manifest({"a": {"from": "$pi.annotations.b", "needs": ["b"]}, "b": {"from": T}}, "0.4.0-alpha.1")
    ) == [("a.from", "path-forbidden", "an annotation cannot read other annotations")]


def test_a_detector_reads_what_another_found() -> None:
    """Evaluated with real detectors: the second is given the first one's result, and the policy sees both."""
    manifest = _manifest({"z": {"from": T}, "a": {"from": "$pi.annotations.z", "needs": ["z"]}})
    manifest["policies"]["p"] = {
        "type": "rego",
        "query": "data.p.verdict",
        "modules": {
            "p.rego": 'package p\n\nverdict := {"decision": "allow", "reason": concat(",", sort(object.keys(input.annotations)))}'
        },
    }
    body = {
        "manifest": manifest,
        "snapshot": {"input": "mail me: a@example.com"},
        "intervention_point": "input",
    }
    response = orjson.loads(asyncio.run(decide(decision_service(), orjson.dumps(body))))
    assert response["verdict"] == {"decision": "allow", "reason": "a,z"}
