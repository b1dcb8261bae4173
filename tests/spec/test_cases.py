"""Section 3.4: test cases are read strictly, and compared exactly."""

from pathlib import Path

import pytest

from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.cases import Case, Difference, differences, read_cases
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint, Mode

CASE = """\
cases:
  - name: a greeting
    intervention_point: input
    snapshot: {input: hi}
    expect: {decision: allow}
"""


def _case(text: str = CASE) -> Case:
    return read_cases(parse_document(text), "a.yaml", "m")[0]


def _findings(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read_cases(parse_document(text), "a.yaml", "m")
    return [f"{finding.code} {finding}" for finding in caught.value.diagnostics]


def test_a_case_says_what_it_asks_and_where_it_is() -> None:
    """Every member is read; without `mode` it is `enforce`, and no transform is expected."""
    case = _case()
    assert (case.name, case.point, case.snapshot) == ("a greeting", InterventionPoint.INPUT, {"input": "hi"})
    assert (case.mode, case.annotations, case.target) == (Mode.ENFORCE, {}, ())
    assert (case.source, case.line, case.column) == ("a.yaml", 2, 5)
    full = _case(CASE + "    mode: evaluate_only\n    annotations: {a: 1}\n    expect_target: null\n")
    assert (full.mode, full.annotations, full.target) == (Mode.EVALUATE_ONLY, {"a": 1}, (None,))


def test_a_file_may_be_for_one_manifest_alone() -> None:
    """Where manifests share a folder, `manifest` names the one that a file is for."""
    document = parse_document("manifest: other\n" + CASE)
    assert read_cases(document, "a.yaml", "m") == ()
    assert [case.name for case in read_cases(document, "a.yaml", "other")] == ["a greeting"]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("[]", ["wrong-type a.yaml:1:1: a file of test cases must be a mapping with a list `cases`"]),
        ("cases: {}", ["wrong-type a.yaml:1:1: a file of test cases must be a mapping with a list `cases`"]),
        ("cases: []\nmanifest: 1", ["wrong-type a.yaml:2:1: manifest: must be the name of a manifest"]),
        ("cases: []\ncase: 1", ["member-unknown a.yaml:2:1: case: unknown member, did you mean `cases`?; must be one of `cases`, `manifest`"]),
        ("cases: [1]", ["wrong-type a.yaml:1:9: cases[0]: a case must be a mapping"]),
        (CASE.replace("name: a greeting", "name: ' '"), ["wrong-type a.yaml:2:5: cases[0].name: must be a non-blank string"]),
        (CASE.replace("    snapshot: {input: hi}\n", ""), ["member-missing a.yaml:2:5: cases[0].snapshot: `snapshot` is missing: write an object"]),
        (CASE.replace("{input: hi}", "hi"), ["wrong-type a.yaml:4:5: cases[0].snapshot: must be an object"]),
        (CASE.replace("expect:", "expects:"), [
            "member-unknown a.yaml:5:5: cases[0].expects: unknown member, did you mean `expect`?; must be one of `annotations`, `expect`, "
            "`expect_target`, `intervention_point`, `mode`, `name`, `snapshot`",
            "member-missing a.yaml:2:5: cases[0].expect: `expect` is missing: write an object with a `decision`",
        ]),
        (CASE.replace("point: input", "point: lunch"), [
            "value-not-allowed a.yaml:3:5: cases[0].intervention_point: must be one of `agent_shutdown`, `agent_startup`, "
            "`input`, `output`, `post_model_call`, `post_tool_call`, `pre_model_call`, `pre_tool_call`"
        ]),
        (CASE + "    mode: {}\n", ["value-not-allowed a.yaml:6:5: cases[0].mode: must be one of `enforce`, `evaluate_only`"]),
        (CASE + "    annotations: []\n", ["wrong-type a.yaml:6:5: cases[0].annotations: must be an object"]),
        (CASE.replace("{decision: allow}", "allow"), ["wrong-type a.yaml:5:5: cases[0].expect: must be an object"]),
        (CASE.replace("{decision: allow}", "{reason: x}"), ["member-missing a.yaml:5:5: cases[0].expect.decision: `decision` is missing: write a decision such as `deny`"]),
        (CASE.replace("{decision: allow}", "{decision: alow}"), [
            "value-not-allowed a.yaml:5:14: cases[0].expect.decision: must be one of `allow`, `deny`, `escalate`, `transform`, `warn`, did you mean `allow`?"
        ]),
        (CASE.replace("allow}", "allow, reasn: x}"), [
            "member-unknown a.yaml:5:31: cases[0].expect.reasn: unknown member, did you mean `reason`?; must be one of `approval`, `decision`, `evidence`, `message`, "
            "`reason`, `result_labels`, `transform`, `warnings`"
        ]),
        (CASE.replace("allow}", "allow, reason: 1}"), ["wrong-type a.yaml:5:31: cases[0].expect.reason: must be a text or null"]),
        (CASE.replace("allow}", "allow, result_labels: x}"), ["wrong-type a.yaml:5:31: cases[0].expect.result_labels: must be a list"]),
        (CASE + CASE.removeprefix("cases:\n"), ["name-twice a.yaml:6:5: cases[1].name: the name `a greeting` is already used by another case"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text: str, findings: list[str]) -> None:
    """A misspelt expectation would expect nothing: whatever is not known is refused."""
    assert _findings(text) == findings


@pytest.mark.parametrize(
    ("expected", "verdict", "found"),
    [
        ("{decision: allow}", {"decision": "allow", "result_labels": []}, ()),
        ("{decision: deny, reason: a}", {"decision": "allow"}, (Difference("decision", ("deny",), ("allow",)), Difference("reason", ("a",), ()))),
        ("{decision: allow, reason: null}", {"decision": "allow"}, ()),
        ("{decision: allow, reason: null}", {"decision": "allow", "reason": "a"}, (Difference("reason", (), ("a",)),)),
        ("{decision: allow, evidence: {a: 1}}", {"decision": "allow", "evidence": {"a": True}}, (Difference("evidence", ({"a": 1},), ({"a": True},)),)),
        ("{decision: allow, result_labels: [b, a]}", {"decision": "allow", "result_labels": ["a", "b"]}, (Difference("result_labels", (["b", "a"],), (["a", "b"],)),)),
    ],
)  # fmt: skip
def test_members_are_compared_one_by_one(
    expected: str, verdict: dict[str, object], found: tuple[Difference, ...]
) -> None:
    """Only what a case expects is looked at; `null` expects that a member is not there."""
    case = _case(CASE.replace("{decision: allow}", expected))
    assert differences(case, {"verdict": verdict}) == found  # type: ignore[dict-item]  # a verdict is JSON


def test_a_target_is_transformed_when_and_only_when_expected() -> None:
    """A transform that no case foresaw is a failure, and `null` is a target like any other."""
    plain, wanted = _case(), _case(CASE + "    expect_target: null\n")
    verdict = {"verdict": {"decision": "allow"}}
    transformed = {**verdict, "transformed_policy_target": None}
    assert differences(plain, verdict) == ()  # type: ignore[arg-type]  # a verdict is JSON
    assert differences(wanted, transformed) == ()  # type: ignore[arg-type]  # a verdict is JSON
    assert differences(plain, transformed) == (Difference("transformed_policy_target", (), (None,)),)  # type: ignore[arg-type]
    assert differences(wanted, verdict) == (Difference("transformed_policy_target", (None,), ()),)  # type: ignore[arg-type]


def test_the_files_beside_a_manifest(tmp_path: Path) -> None:
    """Files are read in order of name; hidden ones and other kinds are not, and names are unique over all."""
    folder = tmp_path / "tests"
    folder.mkdir()
    file = ManifestFile("m", tmp_path / "manifest.yaml")
    assert cases_beside(file) == ()
    for name in ("b.yaml", "a.json", "_c.yaml", "d.txt"):
        (folder / name).write_text(CASE.replace("a greeting", name))
    assert [case.name for case in cases_beside(file)] == ["a.json", "b.yaml"]
    (folder / "e.yml").write_text(CASE.replace("a greeting", "b.yaml"))
    (folder / "f.yml").write_text("cases: [")
    with pytest.raises(ManifestError) as caught:
        cases_beside(file)
    syntax, twice = caught.value.diagnostics
    assert (syntax.code, syntax.source) == ("document-syntax", str(folder / "f.yml"))
    assert (twice.code, twice.message) == (
        "name-twice",
        f"the name `b.yaml` is already used by a case of `{folder / 'b.yaml'}`",
    )
