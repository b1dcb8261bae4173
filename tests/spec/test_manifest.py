"""Section 1.3: what makes a manifest invalid, and how it is said."""

from dataclasses import replace
from typing import Any

import pytest

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.member_path import member_below, member_path
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_digest, document_of, read_manifest
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import Reason
from tests.cases import changed, load_file
from tests.members import MEMBERS

FILE = load_file("manifests.yaml")
CASES = {case["name"]: case for case in FILE["cases"]}


def _findings(manifest: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    try:
        read_manifest(Document(manifest, {}), Limits(), MEMBERS)
    except ManifestError as error:
        return [(finding.path, finding.code, finding.message) for finding in error.diagnostics]
    return []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.get("path") != "extends"])
def test_each_rule_names_its_member(name: str) -> None:
    """The first finding is about the member that was changed."""
    case = CASES[name]
    findings = _findings(changed(FILE["manifest"], case["change"]))
    if case.get("valid"):
        assert findings == []
        return
    assert [(path, code) for path, code, _ in findings[:1]] == [(case["path"], case["code"])]
    assert case.get("message", findings[0][2]) == findings[0][2]


def test_every_finding_is_reported_at_once_with_its_place() -> None:
    """An author sees all that is wrong, each at its line and column."""
    text = "agent_control_specification_version: 9\npolicies:\n  p: {type: x}\nintervention_points: {}\n"
    with pytest.raises(ManifestError) as caught:
        read_manifest(replace(parse_document(text), source="main.yaml"), Limits(), MEMBERS)
    assert [str(finding) for finding in caught.value.diagnostics] == [
        "main.yaml:1:1: agent_control_specification_version: must be one of `0.3.0-alpha`, `0.3.1-beta`, "
        "`0.4.0-alpha.1`, `0.5.0-alpha.1`; one of 0.3 may be followed by `-agt` or `-agt+<revision>`",
        "main.yaml:3:7: policies.p.type: must be one of `rego`, `cedar`, `test`, `custom`",
        "main.yaml:4:1: intervention_points: must be an object with at least one entry",
    ]


def test_yaml_and_json_have_one_digest() -> None:
    """The digest is over the canonical form, whatever the text looked like."""
    as_json = canonical(FILE["manifest"]).decode()
    as_object = document_digest(document_of(FILE["manifest"]))
    assert document_digest(document_of(as_json)) == as_object
    assert read_manifest(document_of(as_json), Limits(), MEMBERS).digest == as_object


@pytest.mark.parametrize("value", ["just text", "[1]", "3"])
def test_a_manifest_is_one_mapping(value: str) -> None:
    """Anything but an object is refused as a whole."""
    with pytest.raises(ManifestError) as caught:
        read_manifest(document_of(value), Limits(), MEMBERS)
    assert [finding.code for finding in caught.value.diagnostics] == ["manifest-not-an-object"]


@pytest.mark.parametrize("given", ["[" * 100, {"a": "x" * 2_000_000}])
def test_a_bound_is_a_resource_limit(given: str | dict[str, Any]) -> None:
    """Where a bound was the cause, the reason says so."""
    with pytest.raises(ManifestError) as caught:
        document_of(given)
    assert caught.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED


def test_a_merged_manifest_is_bounded() -> None:
    """The merged manifest may not pass `max_merged_manifest_bytes`."""
    with pytest.raises(ManifestError) as caught:
        read_manifest(document_of(FILE["manifest"]), Limits(max_merged_manifest_bytes=100), MEMBERS)
    assert caught.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED


def test_annotators_come_in_name_order_with_their_overlay() -> None:
    """A point's annotators are sorted, and the binding's members lie over the declaration's (1.6)."""
    manifest = changed(
        FILE["manifest"],
        {
            "annotators": {"b": {"type": "endpoint", "url": "http://b/", "timeout_ms": 5}},
            "intervention_points": {
                "input": {"annotations": {"b": {"from": "$snap", "timeout_ms": 9}, "a": {"from": "$tool.x"}}}
            },
        },
    )
    point = read_manifest(Document(manifest, {}), Limits(), MEMBERS).points[InterventionPoint.INPUT]
    assert [use.name for use in point.annotators] == ["a", "b"]
    assert point.annotators[1].invocation == {"type": "endpoint", "url": "http://b/", "timeout_ms": 9}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("policies", "main", "query"), "policies.main.query"),
        (("extends", 0), "extends[0]"),
        (("tools", 'a "b"', "c d"), 'tools["a \\"b\\""]["c d"]'),
        ((), ""),
    ],
)
def test_members_are_named_as_paths(members: tuple[str | int, ...], expected: str) -> None:
    """Names that are not plain are quoted."""
    assert member_path(members) == expected


@pytest.mark.parametrize(
    ("member", "expected"), [("query", "policies.main.query"), ("a.b", 'policies.main["a.b"]')]
)
def test_a_member_is_named_below_a_path(member: str, expected: str) -> None:
    """With a dot before it, or quoted in brackets."""
    assert member_below("policies.main", member) == expected
