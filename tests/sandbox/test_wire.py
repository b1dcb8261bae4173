"""What a child says is checked member by member (section 2.5)."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from acs_sidecar.engines.compilation import CompiledPolicies, PolicyJob
from acs_sidecar.sandbox.wire import (
    CompileReport,
    MalformedOutputError,
    max_reply_bytes,
    read_explanation,
    read_failure,
    read_invalid,
    read_jobs,
    read_output,
    read_report,
    write_failure,
    write_invalid,
    write_jobs,
    write_output,
    write_report,
)
from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, Diagnostic, ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import DecisionNotes, PolicyStatement, Required, Requirement
from acs_sidecar.spec.ports import ManifestFacts, PointBinding, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

DIGEST = "sha256:" + "0" * 64
FINDING: dict[str, Json] = {
    "code": "c",
    "message": "m",
    "path": None,
    "severity": "error",
    "source": None,
    "line": None,
    "column": None,
}
BESIDES: dict[str, Json] = {"trace": {}, "notes": None, "failure": None}
WARNING: dict[str, Json] = {**FINDING, "severity": "warning"}


def _report(body: bytes) -> CompileReport:
    return read_report(body, frozenset({InterventionPoint.INPUT}))


@pytest.mark.parametrize(
    ("read", "reply_value"),
    [
        (read_output, None),
        (read_output, []),
        (read_output, {"value": 1}),
        (read_output, {"value": 1, "besides": []}),
        (read_output, {"value": 1, "besides": BESIDES, "more": 1}),
        (read_output, {"value": 1, "besides": {**BESIDES, "more": 1}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "trace": []}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "trace": {"a": [[[[[[[[[]]]]]]]]]}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "notes": {"other": "x"}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "notes": {"decided_by": 1}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "notes": {"decided_by": "x" * 1_001}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "notes": {"logged": "x"}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "notes": {"logged": [1]}}}),
        (read_output, {"value": 1, "besides": {**BESIDES, "failure": {"detail": "x"}}}),
        (read_explanation, []),
        (read_explanation, "x"),
        (read_explanation, {"kind": "x" * 70_000}),
        (read_explanation, {"kind": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}),
        (read_failure, {"reason": "runtime_error:path_missing"}),
        (read_failure, {"reason": "path_missing", "detail": "x"}),
        (read_failure, {"reason": ["runtime_error:path_missing"], "detail": "x"}),
        (read_failure, {"reason": "runtime_error:path_missing", "detail": 1}),
        (read_failure, {"reason": "runtime_error:path_missing", "detail": "a\nb"}),
        (read_failure, {"reason": "runtime_error:path_missing", "detail": "x" * 1_001}),
        (_report, {"digests": {}, "warnings": [], "requires": []}),
        (_report, {"digests": {"output": DIGEST}, "warnings": [], "requires": []}),
        (_report, {"digests": {"input": DIGEST, "output": DIGEST}, "warnings": [], "requires": []}),
        (_report, {"digests": {"input": "sha256:0"}, "warnings": [], "requires": []}),
        (_report, {"digests": {"input": 1}, "warnings": [], "requires": []}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [FINDING], "requires": []}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [{"code": "c"}], "requires": []}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [1], "requires": []}),
        (_report, {"digests": {"input": DIGEST}, "warnings": {}, "requires": []}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [], "requires": {}}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [], "requires": ["signed_audit"]}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [], "requires": [["nothing known", "p"]]}),
        (_report, {"digests": {"input": DIGEST}, "warnings": [], "requires": [["signed_audit", 1]]}),
        (read_invalid, {"reason": "runtime_error:manifest_invalid", "diagnostics": []}),
        (read_invalid, {"reason": "runtime_error:manifest_invalid", "diagnostics": [WARNING]}),
        (read_invalid, {"reason": "allow", "diagnostics": [FINDING]}),
        (
            read_invalid,
            {"reason": "runtime_error:manifest_invalid", "diagnostics": [{**FINDING, "severity": "fatal"}]},
        ),
        (
            read_invalid,
            {"reason": "runtime_error:manifest_invalid", "diagnostics": [{**FINDING, "line": 0}]},
        ),
        (
            read_invalid,
            {"reason": "runtime_error:manifest_invalid", "diagnostics": [{**FINDING, "line": True}]},
        ),
        (
            read_invalid,
            {"reason": "runtime_error:manifest_invalid", "diagnostics": [{**FINDING, "path": 1}]},
        ),
        (
            read_invalid,
            {
                "reason": "runtime_error:manifest_invalid",
                "diagnostics": [FINDING] * (MAX_FINDINGS + 2),
            },
        ),
    ],
)
def test_what_no_child_says_is_garbage(read: Callable[[bytes], object], reply_value: Json) -> None:
    """Missing, unknown or mistyped members are refused, whatever the rest says."""
    with pytest.raises(MalformedOutputError):
        read(orjson.dumps(reply_value))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff", b"[" * 5_000, b'{"besides":{},"value":NaN}']
)
def test_what_is_not_json_is_garbage(body: bytes) -> None:
    """A body that does not parse is refused, deep nesting included."""
    with pytest.raises(MalformedOutputError):
        read_output(body)


def test_jobs_arrive_as_they_were_sent() -> None:
    """Definitions and bindings survive the way to the child."""
    definition: dict[str, Json] = {"type": "test", "output": {"n": [1, 1.5, None, "\u00fc"]}}
    bindings = tuple(
        PointBinding(
            point=point,
            path=f"intervention_points.{point}.policy",
            definition=definition,
            members={"query": "data.a"},
            target_kind=kind,
            projects_tool=kind is None,
        )
        for point, kind in ((InterventionPoint.PRE_TOOL_CALL, None), (InterventionPoint.OUTPUT, "text"))
    )
    facts = ManifestFacts(version="0.3.1-beta", tools={"pay": {"ring": 1}}, can_escalate=True)
    jobs = (
        PolicyJob("policies.main", "custom", definition, bindings, facts),
        PolicyJob("policies.other", "test", definition, bindings, replace(facts, tools={})),
    )

    assert read_jobs(write_jobs(jobs)) == jobs


def test_outputs_arrive_as_they_were_given() -> None:
    """Value, trace and notes survive the way back."""
    notes: DecisionNotes = {"decided_by": None, "logged": ["a rule"]}
    output = PolicyOutput({"decision": "allow", "n": [1, 1.0, -0.5]}, {"query": "data.a"}, notes)

    assert read_output(write_output(output, 1_000)) == output


def test_a_failure_arrives_with_what_is_said_besides() -> None:
    """Trace and notes of an evaluation that failed are not lost with its value."""
    error = EvaluationError(Reason.PATH_MISSING, "`a` is missing")
    written = write_output(PolicyOutput(None, {"query": "data.a"}, {"decided_by": "a"}, error), 1_000)

    read = read_output(written)

    assert (read.value, read.trace, read.notes) == (None, {"query": "data.a"}, {"decided_by": "a"})
    assert (str(read.failure), type(read.failure)) == (str(error), EvaluationError)


def test_what_policies_require_arrives() -> None:
    """The service learns from a child what a caller's policies require of it."""
    required = (Required(Requirement.SIGNED_AUDIT, "policies.main"),)
    compiled = CompiledPolicies({}, {InterventionPoint.INPUT: DIGEST}, PolicyStatement(requires=required))

    assert _report(write_report(compiled)).statement.requires == required


def test_a_detail_arrives_as_one_printable_line() -> None:
    """Whatever a detail holds, what leaves the child is a line that the parent takes."""
    error = read_failure(write_failure(EvaluationError(Reason.PATH_MISSING, "a\nb\x00" + "c" * 2_000)))

    assert (error.reason, error.detail[:6], len(error.detail)) == (Reason.PATH_MISSING, "a b cc", 1_000)


def test_the_longest_findings_fit_into_a_reply() -> None:
    """Texts are cut and findings counted so that no compile's errors pass for garbage."""
    text = "\x01" * 5_000
    findings = [Diagnostic(text, text, text, source=text, line=1, column=1)] * 500

    body = write_invalid(ManifestError(findings))

    assert len(body) < max_reply_bytes(1)
    assert len(read_invalid(body).diagnostics) == MAX_FINDINGS + 1
