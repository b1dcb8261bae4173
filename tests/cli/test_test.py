"""Section 3.4: `acs-sidecar test` runs the cases beside a manifest, and tells what became of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml

from tests.command import run
from tests.conftest import ROOT

pytestmark = pytest.mark.server

MANIFEST = """\
agent_control_specification_version: 0.3.1-beta
policies:
  main:
    type: rego
    query: data.main.verdict
    modules:
      main.rego: |
        package main
        import rego.v1
        default verdict := {"decision": "deny", "reason": "nothing_fits"}
        verdict := {"decision": "allow"} if {
          input.annotations.tone.score < 5
        }
        verdict := {"decision": "transform", "transform": {"path": "$policy_target", "value": "-"}} if {
          input.policy_target.value == "secret"
          input.annotations.tone.score >= 5
        }
intervention_points:
  input:
    policy_target: $snap.text
    policy: {id: main}
    annotations: {tone: {from: $policy_target}}
  output: {policy_target: $snap.text, policy: {id: main}}
annotators:
  tone: {type: endpoint, url: "http://127.0.0.1:1/"}
"""
CALM = """\
  - name: a calm text
    intervention_point: input
    snapshot: {text: hello}
    annotations: {tone: {score: 1}}
    expect: {decision: allow}
"""
ANGRY = """\
  - name: a secret in an angry text
    intervention_point: input
    snapshot: {text: secret}
    annotations: {tone: {score: 9}}
    expect: {decision: transform}
    expect_target: "-"
"""
WRONG = """\
  - name: "a wrong expectation \\u0007 <&>"
    intervention_point: output
    snapshot: {text: hello}
    expect: {decision: allow, reason: null}
    expect_target: 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder `m` with a manifest that has an annotator, and two cases that pass."""
    (tmp_path / "m" / "tests").mkdir(parents=True)
    (tmp_path / "m" / "manifest.yaml").write_text(MANIFEST)
    _write(tmp_path, CALM + ANGRY)
    return tmp_path


def _write(folder: Path, cases: str) -> None:
    (folder / "m" / "tests" / "cases.yaml").write_text("cases:\n" + cases)


def _json(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = run(folder, "test", *arguments, "--format", "json")
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("place", ["m", "m/manifest.yaml", "."])
def test_all_pass(folder: Path, place: str) -> None:
    """A folder, a file or a directory of manifests: exit 0, nothing on the error stream, no annotator called."""
    done = run(folder, "test", place)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["pass", "input", "a", "calm", "text", "allow"]
    assert "m: policy main (rego): 2 evaluations, median" in done.stdout
    assert lines[-1].startswith("2 passed, 0 failed in ")


def test_a_failing_case_shows_each_member(folder: Path) -> None:
    """Exit 1; expected and actual stand one below the other, and where the case is."""
    _write(folder, CALM + WRONG)
    done = run(folder, "test", "m", "--quiet")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[:10] == [
        "FAIL a wrong expectation \\x07 <&> m/tests/cases.yaml:7",
        "  decision",
        '    expected  "allow"',
        '    actual    "deny"',
        "  reason",
        "    expected  absent",
        '    actual    "nothing_fits"',
        "  transformed_policy_target",
        "    expected  1",
        "    actual    absent",
    ]
    assert "1 passed, 1 failed in" in done.stdout


def test_json_tells_everything(folder: Path) -> None:
    """Counts, cases with their places and differences, and the time of each policy."""
    _write(folder, CALM + WRONG)
    code, report = _json(folder, "m")
    assert code == 1
    assert (report["passed"], report["failed"], report["errors"]) == (1, 1, 0)
    (manifest,) = report["manifests"]
    assert (manifest["name"], manifest["path"]) == ("m", "m/manifest.yaml")
    assert manifest["digest"].startswith("sha256:")
    wrong = manifest["cases"][1]
    assert (wrong["source"], wrong["line"], wrong["passed"]) == ("m/tests/cases.yaml", 7, False)
    assert wrong["differences"][-1] == {"member": "transformed_policy_target", "expected": 1}
    (policy,) = manifest["policies"]
    assert (policy["policy"], policy["type"], policy["evaluations"]) == ("main", "rego", 2)
    assert 0 < policy["median_us"] <= policy["max_us"]


def test_junit_is_read_by_a_parser(folder: Path) -> None:
    """Suites, cases, failures and errors; characters that XML cannot hold are written another way."""
    _write(folder, CALM + WRONG)
    (folder / "n").mkdir()
    (folder / "n" / "manifest.yaml").write_text("policies: {}")
    done = run(folder, "test", ".", "--junit", "report.xml", "--format", "junit")
    assert done.returncode == 2
    assert (folder / "report.xml").read_text() == done.stdout
    report = JUnitXml.fromfile(str(folder / "report.xml"))
    assert (report.tests, report.failures, report.errors) == (3, 1, 1)
    suites = {suite.name: list(suite) for suite in report}
    calm, wrong = suites["m"]
    assert (calm.name, calm.classname, calm.result) == ("a calm text", "m.input", [])
    (failure,) = wrong.result
    assert isinstance(failure, Failure)
    assert wrong.name == "a wrong expectation \\x07 <&>"
    assert failure.message == 'decision: expected "allow", actual "deny"'
    assert "transformed_policy_target: expected 1, actual absent" in str(failure.text)
    (broken,) = suites["n"]
    assert isinstance(broken.result[0], Error)
    assert "agent_control_specification_version" in str(broken.result[0].text)


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (
            CALM.replace("    annotations: {tone: {score: 1}}\n", ""),
            "could not run: `input` has the annotator `tone`, which is not called in a test: set its result as "
            "`annotations.tone`",
        ),
        (
            CALM.replace("tone: {score: 1}", "tone: {score: 1}, mood: 1"),
            "could not run: `annotations.mood`: `input` has no annotator of this name",
        ),
        (
            CALM.replace("intervention_point: input", "intervention_point: pre_tool_call"),
            "could not run: `annotations.tone`: `pre_tool_call` has no annotator of this name",
        ),
    ],
)
def test_a_case_that_does_not_fit_its_manifest(folder: Path, cases: str, message: str) -> None:
    """Annotations stand in for exactly the annotators of the point: exit 2, and what to change."""
    _write(folder, cases)
    done = run(folder, "test", "m", "--quiet")
    assert done.returncode == 2
    assert done.stdout.splitlines()[1].strip() == message
    assert "0 passed, 0 failed, 1 could not run in" in done.stdout


def test_what_an_annotator_says_is_held_to_the_same_bounds(folder: Path) -> None:
    """An injected annotation passes the checks that a real one does."""
    _write(folder, CALM.replace("score: 1", 'reason: "runtime_error:x"').replace(
        "{decision: allow}", '{decision: deny, reason: "runtime_error:annotation_failed"}'
    ))  # fmt: skip
    assert run(folder, "test", "m").returncode == 0


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda m: (m / "manifest.yaml").write_text(MANIFEST.replace("id: main", "id: mian")), "error: m/manifest.yaml:"),
        (lambda m: (m / "manifest.yaml").write_text("a: ["), "error: m/manifest.yaml:2:1: not YAML or JSON"),
        (lambda m: (m / "tests" / "cases.yaml").write_text("cases: ["), "error: m/tests/cases.yaml:2:1: not YAML or JSON"),
        (lambda m: (m / "tests" / "cases.yaml").write_text("case: []"), "error: m/tests/cases.yaml:1:1: a file of test cases"),
        (lambda m: (m / "tests" / "cases.yaml").unlink(), "error: no cases: add some to `tests/*.yaml`"),
        (lambda m: (m / "manifest.yaml").unlink(), "error: no manifest exists at m"),
    ],
)  # fmt: skip
def test_what_cannot_run_exits_2(folder: Path, prepare: Any, message: str) -> None:
    """An invalid manifest, an unreadable file of cases, no cases, nothing there."""
    prepare(folder / "m")
    done = run(folder, "test", "m")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_filter_chooses_cases(folder: Path) -> None:
    """Cases are chosen by a part of their name; none at all is no success."""
    code, report = _json(folder, "m", "--filter", "IN AN ANGRY")
    assert (code, [case["name"] for case in report["manifests"][0]["cases"]]) == (
        0,
        ["a secret in an angry text"],
    )
    done = run(folder, "test", "m", "--filter", "no such")
    assert (done.returncode, done.stderr) == (2, "error: no case has `no such` in its name\n")


def test_a_manifest_without_cases_is_shown(folder: Path) -> None:
    """In a directory of manifests, one without cases fails nothing and is not passed over silently."""
    (folder / "n").mkdir()
    (folder / "n" / "manifest.yaml").write_text(MANIFEST)
    done = run(folder, "test", ".")
    assert done.returncode == 0
    assert "no cases n/manifest.yaml: none exist in `tests/` beside it" in done.stdout


def test_coverage_of_points_and_lines(folder: Path) -> None:
    """Each point with the decisions seen, points without a case, and the lines of Rego not reached."""
    _write(folder, CALM)
    code, report = _json(folder, "m", "--coverage")
    coverage = report["manifests"][0]["coverage"]
    assert code == 0
    assert coverage["points"] == [
        {"intervention_point": "input", "decisions": {"allow": 1}},
        {"intervention_point": "output", "decisions": {}},
    ]
    assert coverage["rego"] == [
        {"policy": "policies.main.modules", "module": "main.rego", "lines": 6, "missed": [7, 9]}
    ]
    text = run(folder, "test", "m", "--coverage").stdout
    assert "output (no case)" in text
    assert "main.rego  6      66 %     7, 9" in text
    _write(
        folder,
        CALM
        + ANGRY
        + WRONG.replace("allow", "deny").replace("    expect_target: 1\n", "").replace(", reason: null", ""),
    )
    _, full = _json(folder, "m", "--coverage")
    assert full["failed"] == 0
    assert full["manifests"][0]["coverage"]["rego"][0]["missed"] == []


def test_every_case_of_the_examples_passes() -> None:
    """What ships is tested by what ships."""
    code, report = _json(ROOT, "manifests")
    assert (code, report["failed"], report["errors"]) == (0, 0, 0)
    assert report["passed"] > 250


def test_no_credential_is_needed(folder: Path) -> None:
    """No annotator is called, so the variables that hold their keys may be missing where tests run."""
    manifest = folder / "m" / "manifest.yaml"
    judge = "tone: {type: llm, model: m, api_key_env: NOT_SET_HERE}"
    manifest.write_text(MANIFEST.replace('tone: {type: endpoint, url: "http://127.0.0.1:1/"}', judge))
    code, report = _json(folder, "m")
    assert (code, report["failed"]) == (0, 0), report
    assert run(folder, "validate", "m").returncode == 1


def test_a_snapshot_that_is_refused_is_reported(tmp_path: Path) -> None:
    """Two agents in one snapshot are no request: `test` says so of the case, and both commands exit 2."""
    (tmp_path / "manifest.yaml").write_text(
        """\
agent_control_specification_version: 0.4.0-alpha.1
policies: {p: {type: test, output: {decision: allow}}}
intervention_points: {input: {policy_target: $.input, policy: {id: p}}}
"""
    )
    snapshot = '{"input": "x", "agent": {"id": "a"}, "envelope": {"agent": {"id": "b"}}}'
    (tmp_path / "snapshot.json").write_text(snapshot)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "cases.yaml").write_text(
        f"cases: [{{name: two, intervention_point: input, snapshot: {snapshot}, expect: {{decision: allow}}}}]\n"
    )
    message = "`agent.id` and `envelope.agent.id` of the snapshot differ: send one of them"
    tested = run(tmp_path, "test", "manifest.yaml", "--format", "json")
    assert (tested.returncode, message in tested.stdout) == (2, True)
    arguments = ("--manifest", "manifest.yaml", "--point", "input", "--snapshot", "snapshot.json")
    evaluated = run(tmp_path, "evaluate", *arguments)
    assert (evaluated.returncode, f"--snapshot snapshot.json: {message}" in evaluated.stderr) == (2, True)
