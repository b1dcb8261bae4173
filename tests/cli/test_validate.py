"""Section 3.4: `acs-sidecar validate` points at each finding in the file that it is about."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.command import run
from tests.conftest import ROOT

pytestmark = pytest.mark.server

SCHEMA = json.loads((ROOT / "tests" / "vectors" / "sarif-2.1.0-rtm.5.json").read_text())
HEAD = "agent_control_specification_version: 0.3.1-beta\n"
POINT = "intervention_points:\n  input: {policy_target: $, policy: {id: p}}\n"
REGO = HEAD + "policies:\n  p: {type: rego, bundle: policies, query: data.a.v}\n" + POINT
CEDAR = HEAD + "policies:\n  p:\n    type: cedar\n    policy_path: a.cedar\n{SCHEMA}" + POINT
SCHEMA_TEXT = """\
entity Agent;
entity PolicyTarget;
action "input" appliesTo {principal: Agent, resource: PolicyTarget, context: {a: Long}};
"""
PERMIT = "permit(principal is Agent, action, resource);\n"
JSON = '{\n "agent_control_specification_version": "0.3.1-beta",\n "policies": {\n  "p": {"type": "nope"}},\n'
JSON += ' "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}}}'

CASES: dict[str, tuple[dict[str, str], str]] = {
    "yaml syntax": ({"m.yaml": "a: [\nb"}, "m.yaml:3:1 document-syntax"),
    "yaml semantics": ({"m.yaml": HEAD + "polices: {}\n"}, "m.yaml:2:1 member-unknown"),
    "yaml member of a policy": ({"m.yaml": HEAD + "policies:\n  p:\n    type: test\n    output: 1\n    delay_ms: -1\n" + POINT}, "m.yaml:6:5 value-not-allowed"),
    "yaml limit": ({"m.yaml": HEAD + "policies:\n  p: {type: test, output: 1}\nlimits:\n  policy_timeout_ms: 999999\n" + POINT}, "m.yaml:5:3 limit-clamped"),
    "yaml misplaced": ({"m.yaml": HEAD + "policies:\n  p: {type: test, output: 1}\napproval:\n  default_resolver: o\n  resolvers:\n    o:\n      type: token\n      timeout_seconds: 5\n" + POINT}, "m.yaml:9:7 resolver-member-misplaced"),
    "yaml lint": ({"m.yaml": HEAD + "policies:\n  p: {type: test, output: 1}\n  q: {type: test, output: 1}\n" + POINT}, "m.yaml:4:3 policy-unbound"),
    "json syntax": ({"m.json": '{\n "a": 1,\n "b" 2}'}, "m.json:3:6 document-syntax"),
    "json twice": ({"m.json": '{\n "a": 1,\n "a": 2}'}, "m.json:3:2 document-syntax"),
    "json integer": ({"m.json": '{\n "a": 99999999999999999999999}'}, "m.json:2:7 document-syntax"),
    "json semantics": ({"m.json": JSON}, "m.json:4:9 type-unknown"),
    "rego syntax": ({"m.yaml": REGO, "policies/a.rego": "package a\nv := {\n  1 2\n}\n"}, "policies/a.rego:3:5 rego-syntax"),
    "rego function": ({"m.yaml": REGO, "policies/a.rego": "package a\nv if {\n  nope(1)\n}\n"}, "policies/a.rego:3:3 rego-function-unknown"),
    "rego variable": ({"m.yaml": REGO, "policies/a.rego": "package a\ndefault v := 1\nv := 2 if {\n  y > 1\n}\n"}, "policies/a.rego:4:3 rego-variable-unsafe"),
    "rego lint": ({"m.yaml": REGO, "policies/a.rego": "package a\n\nv := 1 if input.snapshot.x\n"}, "policies/a.rego:3:1 rego-no-default"),
    "rego query": ({"m.yaml": REGO, "policies/a.rego": "package a\nw := 1\n"}, "m.yaml:3:37 rego-query-unknown"),
    "rego data": ({"m.yaml": REGO, "policies/a.rego": "package a\nv := 1\n", "policies/data.yaml": "a: [\n"}, "policies/data.yaml:2:1 document-syntax"),
    "rego in the manifest": (
        {"m.yaml": HEAD + "policies:\n  p:\n    type: rego\n    query: data.a.v\n    modules:\n      'a b': |\n        package a\n        v := {1 2}\n" + POINT},
        "m.yaml:9:17 rego-syntax",
    ),
    "rego in one line": (
        {"m.yaml": HEAD + "policies:\n  p:\n    type: rego\n    query: data.a.v\n    modules:\n      m: \"package a\\nv := {1 2}\"\n" + POINT},
        "m.yaml:7:7 rego-syntax",
    ),
    "cedar syntax": ({"m.yaml": CEDAR.replace("{SCHEMA}", ""), "a.cedar": PERMIT + "forbid(principal,\n  action resource);\n"}, "a.cedar:3:10 cedar-policy-syntax"),
    "cedar characters": ({"m.yaml": CEDAR.replace("{SCHEMA}", ""), "a.cedar": PERMIT + "# no\n"}, "a.cedar:2:1 cedar-policy-syntax"),
    "cedar against the schema": (
        {"m.yaml": CEDAR.replace("{SCHEMA}", "    schema_path: s.cedarschema\n"), "s.cedarschema": SCHEMA_TEXT, "a.cedar": PERMIT + "forbid(principal, action, resource)\nwhen { context.b == 1 };"},
        "a.cedar:3:16 cedar-policy-invalid",
    ),
    "cedar schema syntax": (
        {"m.yaml": CEDAR.replace("{SCHEMA}", "    schema_path: s.cedarschema\n"), "s.cedarschema": SCHEMA_TEXT.replace("appliesTo", "applies"), "a.cedar": PERMIT},
        "s.cedarschema:3:16 cedar-schema-syntax",
    ),
    "cedar schema semantics": (
        {"m.yaml": CEDAR.replace("{SCHEMA}", "    schema_path: s.cedarschema\n"), "s.cedarschema": SCHEMA_TEXT.replace("a: Long", "a: Nope"), "a.cedar": PERMIT},
        "s.cedarschema:3:82 cedar-schema-syntax",
    ),
    "cedar action": (
        {"m.yaml": CEDAR.replace("{SCHEMA}", "    schema_path: s.cedarschema\n"), "s.cedarschema": SCHEMA_TEXT.replace('"input"', '"output"'), "a.cedar": PERMIT},
        "m.yaml:8:29 cedar-action-undeclared",
    ),
    "cedar entities syntax": ({"m.yaml": CEDAR.replace("{SCHEMA}", "    entities_path: e.json\n"), "e.json": '[\n{"uid": }]', "a.cedar": PERMIT}, "e.json:2:9 document-syntax"),
    "cedar entities": ({"m.yaml": CEDAR.replace("{SCHEMA}", "    entities_path: e.json\n"), "e.json": '[\n {"uid": 1}]', "a.cedar": PERMIT}, "e.json:2:2 cedar-entities-invalid"),
    "cedar link": (
        {"m.yaml": CEDAR.replace("{SCHEMA}", "    template_links: l.json\n"), "l.json": '[\n {"template_id": "t", "new_id": "l", "values": {}}]', "a.cedar": PERMIT},
        "l.json:2:2 cedar-link-template",
    ),
    "cedar lint": ({"m.yaml": CEDAR.replace("{SCHEMA}", ""), "a.cedar": "// all\npermit(principal, action, resource);"}, "a.cedar:2:1 cedar-unconditional-permit"),
    "a name of context": (
        {"m.yaml": HEAD + "policies:\n  p:\n    type: custom\n    adapter: agt_rules\n    document: {apiVersion: governance.toolkit/v1, name: d, rules: []}\n    context:\n      a: $snap.a\n      action.type: snap.b\n" + POINT},
        "m.yaml:9:7 path-syntax",
    ),
    "a member with a dot": ({"m.yaml": HEAD + "policies:\n  p:\n    type: test\n    output: {decision: allow}\n    out.put: 1\n" + POINT}, "m.yaml:6:5 member-unknown"),
    "cedar in the manifest": (
        {"m.yaml": HEAD + "policies:\n  p:\n    type: cedar\n    policy_set: |\n      permit(principal, action, resource);\n" + POINT},
        "m.yaml:6:7 cedar-unconditional-permit",
    ),
}  # fmt: skip


def _written(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return next(iter(files))


@pytest.mark.parametrize("name", CASES)
def test_a_finding_points_into_its_file(tmp_path: Path, name: str) -> None:
    """In YAML, JSON, Rego and Cedar: what does not parse, what means nothing, what is likely a mistake."""
    files, expected = CASES[name]
    manifest = _written(tmp_path, files)
    done = run(tmp_path, "validate", manifest, "--format", "sarif")
    log = json.loads(done.stdout)
    jsonschema.validate(log, SCHEMA)
    place, code = expected.split()
    file, line, column = place.split(":")
    first = log["runs"][0]["results"][0]
    assert first["ruleId"] == code
    location = first["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": file},
        "region": {"startLine": int(line), "startColumn": int(column)},
    }
    assert done.returncode == (1 if first["level"] == "error" else 0)


def test_sarif_names_rules_and_keeps_fingerprints(tmp_path: Path) -> None:
    """Each rule is described once, and a finding keeps its identity when lines move."""
    files, _ = CASES["yaml lint"]
    manifest = _written(tmp_path, files)
    first = json.loads(run(tmp_path, "validate", manifest, "--format", "sarif").stdout)["runs"][0]
    (tmp_path / manifest).write_text("# a comment\n" + files[manifest])
    second = json.loads(run(tmp_path, "validate", manifest, "--format", "sarif").stdout)["runs"][0]
    (rule,) = first["tool"]["driver"]["rules"]
    assert rule == {
        "id": "policy-unbound",
        "shortDescription": {"text": "Policy unbound"},
        "defaultConfiguration": {"level": "warning"},
    }
    (before,), (after,) = first["results"], second["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]
    assert before["message"]["text"] == "`policies.q`: no intervention point binds it: bind it, or remove it"


def test_sarif_of_nothing_is_valid(tmp_path: Path) -> None:
    """No findings are an empty run, which is how a code host closes what it had open."""
    log: Any = json.loads(run(ROOT, "validate", "manifests", "--format", "sarif").stdout)
    jsonschema.validate(log, SCHEMA)
    assert log["runs"][0]["results"] == []


def test_paths_are_relative_to_where_the_command_runs(tmp_path: Path) -> None:
    """A folder is named on the way, a space is encoded; outside of the working directory a URI is absolute."""
    (tmp_path / "my policies").mkdir()
    (tmp_path / "my policies" / "m.yaml").write_text(HEAD)
    (tmp_path / "elsewhere").mkdir()

    def uri(folder: Path, place: str) -> Any:
        log = json.loads(run(folder, "validate", place, "--format", "sarif").stdout)
        return log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert uri(tmp_path, "my policies") == "my%20policies/m.yaml"
    assert uri(tmp_path, str(tmp_path / "my policies" / "m.yaml")) == "my%20policies/m.yaml"
    assert (
        uri(tmp_path / "elsewhere", str(tmp_path / "my policies"))
        == (tmp_path / "my policies" / "m.yaml").as_uri()
    )


def test_strict_fails_on_warnings(tmp_path: Path) -> None:
    """Warnings alone exit 0, and 1 with `--strict`."""
    manifest = _written(tmp_path, CASES["yaml lint"][0])
    assert run(tmp_path, "validate", manifest).returncode == 0
    done = run(tmp_path, "validate", manifest, "--strict", "--format", "text")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "warning: m.yaml:4:3: policies.q: no intervention point binds it: bind it, or remove it [policy-unbound]",
        "error: 1 warnings, and --strict allows none",
    ]


def test_the_time_of_a_compile_is_told(tmp_path: Path) -> None:
    """Beside the digest: how long the service would take to compile the manifest."""
    (checked,) = json.loads(run(ROOT, "validate", "manifests/test-double").stdout)
    assert checked["compile_ms"] > 0
    assert " compiled in " in run(ROOT, "validate", "manifests/test-double", "--format", "text").stdout
