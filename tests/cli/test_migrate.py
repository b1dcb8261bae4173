"""`acs-sidecar migrate`: the 0.4 form of a manifest, and whether both forms decide alike."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from acs_sidecar.cli.policies.manifest import manifest_files
from acs_sidecar.cli.policies.migrate import decided, migrated_folder, tried
from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.dialects.migration import migrated_text
from tests.conftest import COMMAND, ROOT, environment

pytestmark = pytest.mark.server

MEMBERS = installed_members()
V = "agent_control_specification_version"


def _migrated(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [COMMAND, "migrate", *arguments],
        env=environment(COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("agent_control_specification_version: 0.3.1-beta-agt+7  # why", 'agent_control_specification_version: "0.4.0-alpha.1"  # why'),
        ('{"agent_control_specification_version": "0.3.0-alpha", "x": 1}', '{"agent_control_specification_version": "0.4.0-alpha.1", "x": 1}'),
        ("a: {from: $policy_target.text}", "a: {from: $target.text}"),
        ('"from": "$policy_target"', '"from": "$target"'),
        ('transform := {"path": "$policy_target.text", "value": x}', 'transform := {"path": "$target.text", "value": x}'),
        ('"path": `$policy_target["a"]`', '"path": `$target["a"]`'),
        (r'@advice("{\"transform\":{\"path\":\"$policy_target\"}}")', r'@advice("{\"transform\":{\"path\":\"$target\"}}")'),
        ("from: $policy_targets", "from: $policy_targets"),
        ("input.policy_target.value", "input.policy_target.value"),
        ("message: from $policy_target", "message: from $policy_target"),
        ("snapshot: {text: $policy_target.x}", "snapshot: {text: $policy_target.x}"),
    ],
)  # fmt: skip
def test_version_and_paths_are_rewritten_and_nothing_else(older: str, newer: str) -> None:
    """Comments, layout and whatever else names the target stay."""
    assert migrated_text(older, MEMBERS) == newer


MANIFEST = f"""{V}: VERSION
policies:
  agt:
    {{type: custom, adapter: agt_rules, guards: {{stopped_agents: [$policy_target, a]}},
    context: {{a: ROOT.a, "b.c": "ROOT", d: {{path: "ROOT[0]", default: $policy_target.d}}, e: $policy_targets}},
    document: {{name: d, rules: [{{name: r, condition: {{field: args.x, operator: in, value: [$policy_target]}}}}]}}}}
  oags:
    type: custom
    adapter: oags
    document: {{metadata: {{x: '$policy_target'}}}}
    tool:
      'ROOT.tool'
    actions:
      fetch:
      - {{type: network_access, url: ROOT.url}}
      - type: file_read
        path: $snap.x
  double: {{type: test, output: {{decision: allow, reason: $policy_target}}}}
  other: {{type: custom, adapter: unknown, tool: $policy_target}}
intervention_points:
  input: {{policy_target: $.x, policy: {{id: oags, tool: ROOT, mode: warn}}}}
  output: {{policy_target: $.x, policy: {{id: agt, context: {{$policy_target: ROOT}}}}}}
"""


def test_the_paths_that_adapters_read_are_rewritten() -> None:
    """Members that hold paths have the newer root; texts of documents, of guards and of defaults stay."""
    older = MANIFEST.replace("VERSION", "0.3.1-beta").replace("ROOT", "$policy_target")
    newer = MANIFEST.replace("VERSION", '"0.4.0-alpha.1"').replace("ROOT", "$target")
    assert migrated_text(older, MEMBERS) == newer


def test_the_paths_of_a_manifest_in_json_are_rewritten() -> None:
    """Its members are found in one line, and a text without a place stays."""
    policy = '{"type": "custom", "adapter": "oags", "tool" : "ROOT[0]", "mode": "$policy_target", "root":1}'
    text = f'{{"{V}": "VERSION", "policies": {{"p": {policy}}}}}'
    older = text.replace("VERSION", "0.3.1-beta").replace("ROOT", "$policy_target")
    newer = text.replace("VERSION", "0.4.0-alpha.1").replace("ROOT", "$target")
    assert migrated_text(older, MEMBERS) == newer


def test_both_forms_decide_alike(tmp_path: Path) -> None:
    """The example manifest is written with its policies and cases, which pass in the new form too."""
    code, printed, told = _migrated(
        str(ROOT / "manifests" / "support-agent"), "--output", str(tmp_path / "new")
    )
    assert (code, printed) == (0, "")
    counted = told.strip().splitlines()[-1]
    assert counted.endswith("cases are decided alike")
    assert counted.split()[0] == counted.split()[2] != "0"
    manifest = (tmp_path / "new" / "manifest.yaml").read_text()
    assert '"0.4.0-alpha.1"' in manifest
    assert (tmp_path / "new" / "policies" / ".manifest").exists()
    again = subprocess.run(
        [COMMAND, "test", str(tmp_path / "new")],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 0
    assert _migrated(str(ROOT / "manifests" / "support-agent"), "--output", str(tmp_path / "new"))[0] == 2


@pytest.mark.parametrize(
    "name", ["agt-rules", "governed-agent", "information-flow", "oags-agent", "test-double"]
)
def test_both_forms_have_equal_records(name: str, tmp_path: Path) -> None:
    """But for the version, digests and evidence of adapters, the audit log has the same of each case."""
    settings = load_settings({}).settings
    (older,) = manifest_files([ROOT / "manifests" / name])
    assert list(migrated_folder(older.path.parent, tmp_path / name)) == []
    before = tried(older, settings, "as it is")
    after = tried(replace(older, path=tmp_path / name / older.path.name), settings, "in its form of 0.4")
    assert before.unread == after.unread == ()
    assert before.results
    for case, result in before.results.items():
        assert decided(result) == decided(after.results[case]), case
        entry, newer = result.entry, after.results[case].entry
        assert entry is not None
        assert newer is not None
        assert (entry.dialect, newer.dialect) == ("0.3", "0.4")
        if entry.verification_pointers is not None:
            assert newer.verification_pointers == entry.verification_pointers


def test_what_the_newer_form_refuses_is_named_where_no_case_shows_it(tmp_path: Path) -> None:
    """A policy in a file, in the manifest or in data, and the output of a double: each with its place."""
    policies = tmp_path / "m" / "policies"
    policies.mkdir(parents=True)
    (tmp_path / "m" / "tests").mkdir()
    (policies / "a.rego").write_text('package a\nverdict := {"decision": "allow", "approval": {}}\n')
    (policies / "data.json").write_text('{"b": {"place": "$policy_target.x"}}')
    (tmp_path / "m" / "manifest.yaml").write_text(f"""{V}: 0.3.1-beta
policies:
  double: {{type: test, output: {{decision: warn, approval: {{}}}}}}
  a: {{type: rego, bundle: policies, query: data.a.verdict}}
intervention_points: {{input: {{policy_target: $.x, policy: {{id: a}}}}}}
""")
    (tmp_path / "m" / "tests" / "a.yaml").write_text(
        "cases: [{name: one, intervention_point: input, snapshot: {x: 1}, expect: {decision: allow}}]\n"
    )
    code, _, told = _migrated(str(tmp_path / "m"))
    assert code == 1
    assert told.splitlines()[:3] == [
        "manifest.yaml:3: policies.double.output: is refused from 0.4 on: `approval` is only allowed with the decisions `deny` and `escalate`",
        "policies/a.rego:2: `approval` is left: from 0.4 on it lets a deny be lifted, and is refused with other decisions",
        "policies/data.json:1: `$policy_target` is left: write `$target` where it is a path",
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_newer_manifest_is_refused(version: str, tmp_path: Path) -> None:
    """Another version would be written into it, and its policies say what they mean already."""
    path = tmp_path / "manifest.yaml"
    text = (ROOT / "manifests" / "test-double" / "manifest.yaml").read_text()
    path.write_text(migrated_text(text, MEMBERS).replace("0.4.0-alpha.1", f"{version}.0-alpha.1"))
    code, printed, told = _migrated(str(path))
    refusal = f"error: {path} is a manifest of {version}: only one of 0.3 can be migrated"
    assert (code, printed, told.splitlines()[-1]) == (2, "", refusal)


def test_a_policy_that_never_applies_any_more_is_no_success(tmp_path: Path) -> None:
    """Where no case shows that a denial is lost, the policy that reads what no request has is named."""
    folder = tmp_path / "m"
    (folder / "tests").mkdir(parents=True)
    (folder / "manifest.yaml").write_text(f"""{V}: 0.3.1-beta
policies:
  p:
    type: cedar
    policy_set: |
      permit(principal, action, resource);
      forbid(principal, action, resource) when {{ context has tool && context.tool.effect == "delete" }};
tools: {{rm: {{effect: delete}}, ls: {{effect: read}}}}
intervention_points:
  pre_tool_call: {{policy_target: $.args, tool_name_from: $.name, policy: {{id: p}}}}
""")
    snapshot = "{envelope: {agent: {id: a}}, name: ls, args: {}}"
    (folder / "tests" / "a.yaml").write_text(
        f"cases: [{{name: one, intervention_point: pre_tool_call, snapshot: {snapshot}, expect: {{decision: allow}}}}]\n"
    )
    code, _, told = _migrated(str(folder))
    assert code == 1
    assert "`context.tool` is read, and no bound point has it" in told
    assert told.splitlines()[-2:] == [
        "1 of 1 cases are decided alike",
        "look at 1 place above: no case need show what they decide",
    ]


def test_a_difference_and_an_invalid_form_are_told(tmp_path: Path) -> None:
    """Exits 1 when a decision differs, 2 when the new form is invalid or nothing shows anything."""
    folder = tmp_path / "m"
    (folder / "tests").mkdir(parents=True)
    text = (
        "agent_control_specification_version: 0.3.1-beta\n"
        "policies: {p: {type: test, output: {decision: deny, evidence: {rule: r}}}}\n"
        "intervention_points: {input: {policy_target: $.input, policy: {id: p}}}\n"
    )
    (folder / "manifest.yaml").write_text(text)
    refused = "`evidence` has 1 members besides `artefact` and `verification_pointers`"
    place = f"manifest.yaml:2: policies.p.output: is refused from 0.4 on: {refused}"
    code, printed, told = _migrated(str(folder))
    assert (code, told.splitlines()) == (
        2,
        [place, "no cases beside the manifest: nothing shows that both forms decide alike"],
    )
    (folder / "tests" / "a.yaml").write_text(
        "cases: [{name: one, intervention_point: input, snapshot: {input: 1}, expect: {decision: deny}}]\n"
    )
    code, printed, told = _migrated(str(folder))
    assert (code, printed.splitlines()[0]) == (1, 'agent_control_specification_version: "0.4.0-alpha.1"')
    assert told.splitlines() == [
        place,
        "one: deny before, deny (runtime_error:policy_output_invalid) after",
        f"  {refused}",
        "0 of 1 cases are decided alike",
        "look at 1 place above: no case need show what they decide",
    ]
    (folder / "manifest.yaml").write_text(
        text.replace(
            "type: test, output: {decision: deny, evidence: {rule: r}}",
            'type: cedar, policy_set: "permit(principal, action, resource);", query: {}',
        )
    )
    code, _, told = _migrated(str(folder))
    assert code == 2
    assert "policies.p.query: is not part of a manifest from 0.4 on: remove it" in told
    assert (
        f"manifest.yaml is not a valid manifest in its form of 0.4, which has the files of {folder} alone"
        in told
    )
