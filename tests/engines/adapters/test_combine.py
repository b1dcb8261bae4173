"""Several policies at one point: every pair, and what members may not do (section 17)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.ports import NoSources
from tests.conftest import ROOT, Start

COMPILER: ManifestCompiler = build_compiler(load_settings({}).settings, HttpClient(), None)
PAIRS = yaml.safe_load(Path(__file__).with_name("combine_pairs.yaml").read_text())
CASES = [
    (first, second, expected)
    for first, row in PAIRS["table"].items()
    for second, expected in zip(PAIRS["outcomes"], row, strict=True)
]


def policy(outcome: str) -> dict[str, Any]:
    """A policy that always has this outcome."""
    if outcome == "error":
        return {"type": "test", "error": "x"}
    output: dict[str, Any] = {"decision": outcome, "reason": f"by_{outcome}"}
    if outcome == "not_applicable":
        output = {"decision": "allow", "reason": outcome}
    if outcome == "transform":
        output["transform"] = {"path": "$policy_target.a", "value": 2}
    return {"type": "test", "output": output}


def manifest(members: dict[str, Any], names: Any = None, /, **binding: Any) -> dict[str, Any]:
    """A manifest that combines all `members`, or `names`."""
    combined = {"type": "custom", "adapter": "combine", "policies": list(members) if names is None else names}
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {**members, "all": combined},
        "intervention_points": {"input": {"policy_target": "$.t", "policy": {"id": "all", **binding}}},
    }


def compiled(value: dict[str, Any]) -> CompiledManifest:
    """Compile as an operator's manifest."""
    return COMPILER.compile_operator("agent", document_of(value), NoSources())


def findings(value: dict[str, Any]) -> list[str]:
    """The findings of a manifest that is invalid."""
    with pytest.raises(ManifestError) as raised:
        compiled(value)
    return [f"{found.code} {found}" for found in raised.value.diagnostics]


@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_every_pair(start: Start, trust: str) -> None:
    """The strictest decides, over HTTP, in this process and in a child; the record names who decided."""
    service = start(ACS_INLINE_MANIFESTS=trust)
    for first, second, expected in CASES:
        members = {"first": policy(first), "second": policy(second)}
        body = {"snapshot": {"t": {"a": 1}}, "manifest": manifest(members), "include": ["trace"]}
        _, reply = service.post("/v1/evaluate/input", body)
        verdict = reply["verdict"]
        reasons = {
            "error": "runtime_error:policy_invocation_failed",
            "conflict": "transform_with_escalation",
            "not_applicable": "not_applicable",
        }
        assert verdict["reason"] == reasons.get(expected, f"by_{expected}"), (first, second)
        decisions = {"error": "deny", "conflict": "deny", "not_applicable": "allow"}
        assert verdict["decision"] == decisions.get(expected, expected), (first, second)
        assert (reply["policy_id"], reply["trace"]["policy_type"]) == ("all", "custom")
        line = service.get(f"/v1/audit/records/{reply['audit']['index']}")[1]["record"]
        decided_by = None if expected == "conflict" else "first" if first == expected else "second"
        assert f'"decided_by":{"null" if decided_by is None else chr(34) + decided_by + chr(34)}' in line


def test_the_reference_has_every_pair() -> None:
    """Its table is that of the cases."""
    page = (ROOT / "docs" / "reference" / "17-combine.md").read_text()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:2] == "| "
    ]
    table = rows[[row[1:] for row in rows].index(PAIRS["outcomes"]) :][1:]
    assert {first: expected for first, *expected in table} == PAIRS["table"]


def hostile() -> dict[str, tuple[dict[str, Any], str]]:
    """Inline manifests that want more than a combination gives, each with the member that is refused."""
    one = policy("allow")
    unsafe = {"type": "custom", "adapter": "workspace_policy", "workspace": "w"}
    nested = manifest({"a": one})
    nested["policies"]["b"] = {"type": "custom", "adapter": "combine", "policies": ["all"]}
    many = manifest({f"m{n}": one for n in range(17)})
    file = {"type": "cedar", "policy_path": "/etc/passwd"}
    return {
        "itself": (manifest({"a": one}, ["all"]), "policies.all.policies[0]"),
        "a combination": (nested, "policies.b.policies[0]"),
        "nobody": (manifest({"a": one}, []), "policies.all.policies"),
        "somebody twice": (manifest({"a": one}, ["a", "a"]), "policies.all.policies[1]"),
        "too many": (many, "policies.all.policies"),
        "an adapter that reads files": (manifest({"a": unsafe}), "policies.a.adapter"),
        "a file": (manifest({"a": file}), "policies.a.policy_path"),
        "a member of no name": (manifest({"a": one}, [{}]), "policies.all.policies[0]"),
        "an overlay of more than the query": (
            manifest({"a": one}, members={"a": {"output": {"decision": "allow"}}}),
            "intervention_points.input.policy.members.a.output",
        ),
    }


@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_hostile_manifests_over_http(start: Start, trust: str) -> None:
    """Each is invalid at the member that is wrong, and a deny; the service serves the next one."""
    service = start(ACS_INLINE_MANIFESTS=trust)
    for value, path in hostile().values():
        _, reply = service.post("/v1/evaluate/input", {"snapshot": {"t": 1}, "manifest": value})
        assert reply["verdict"]["reason"] == "runtime_error:manifest_invalid"
        assert f"at `{path}`" in reply["detail"]
    body = {"snapshot": {"t": {"a": 1}}, "manifest": manifest({"a": policy("allow"), "b": policy("warn")})}
    assert service.post("/v1/evaluate/input", body)[1]["verdict"]["decision"] == "warn"


def test_a_limit_is_counted_whoever_decides(start: Start) -> None:
    """The evidence names the counter of a rule that another policy's verdict comes before (section 7.6)."""
    service = start(ACS_INLINE_MANIFESTS="trusted")
    rules = {"name": "r", "stage": "pre_input", "condition": "true", "action": "allow", "limit": "2/hour"}
    document = {"apiVersion": "governance.toolkit/v1", "name": "d", "rules": [rules]}
    members = {
        "other": policy("allow"),
        "agt": {"type": "custom", "adapter": "agt_rules", "document": document},
    }
    for version, expected in (
        ("0.3.1-beta", {"counter": "d/r"}),
        ("0.4.0-alpha.1", {"verification_pointers": {"counter": "d/r"}}),
    ):
        value = manifest(members) | {"agent_control_specification_version": version}
        snapshot = {"t": 1, "envelope": {"counters": {"agt": {"d/r": 1}}}}
        body = {"snapshot": snapshot, "manifest": value, "dialect": "0.3"}
        verdict = service.post("/v1/evaluate/input", body)[1]["verdict"]
        assert (verdict["reason"], verdict["evidence"]) == ("by_allow", expected)


@pytest.mark.parametrize("outcome", PAIRS["outcomes"])
def test_a_combination_of_one_gives_what_the_member_gives(start: Start, outcome: str) -> None:
    """The response is the member's but for the policy's id."""
    service = start(ACS_INLINE_MANIFESTS="trusted")
    one = manifest({"first": policy(outcome)})
    alone = manifest({"first": policy(outcome)})
    alone["intervention_points"]["input"]["policy"]["id"] = "first"
    replies = [
        service.post("/v1/evaluate/input", {"snapshot": {"t": {"a": 1}}, "manifest": each})[1]
        for each in (one, alone)
    ]
    for reply in replies:
        for name in ("policy_id", "manifest_digest", "audit"):
            del reply[name]
    assert replies[0] == replies[1]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "member-missing policies.all.policies: must be a list of 1 to 16 names of policies"),
        ("a", "member-missing policies.all.policies: must be a list of 1 to 16 names of policies"),
        (["a"] * 17, "member-missing policies.all.policies: must be a list of 1 to 16 names of policies"),
        (["a", "a"], "value-not-allowed policies.all.policies[1]: is named twice: remove one"),
        (
            ["b"],
            "name-unknown policies.all.policies[0]: "
            "must be the name of a policy of this manifest that combines no others",
        ),
        (
            [1],
            "name-unknown policies.all.policies[0]: "
            "must be the name of a policy of this manifest that combines no others",
        ),
        (
            ["all"],
            "name-unknown policies.all.policies[0]: "
            "must be the name of a policy of this manifest that combines no others",
        ),
    ],
)
def test_names_that_cannot_be_combined(names: Any, expected: str) -> None:
    """A combination names from 1 to 16 other policies, once, and no combination."""
    assert findings(manifest({"a": policy("allow")}, names)) == [expected]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            1,
            "wrong-type intervention_points.input.policy.members: must map names of combined policies to members",
        ),
        (
            {"x": {}},
            "name-unknown intervention_points.input.policy.members.x: is not one of the combined policies",
        ),
        (
            {"tema": {}},
            "name-unknown intervention_points.input.policy.members.tema: "
            "is not one of the combined policies, did you mean `team`?",
        ),
        ({"a": 1}, "wrong-type intervention_points.input.policy.members.a: must be an object"),
        (
            {"a": {"output": {}, "query": "data.a.v"}},
            "member-not-allowed intervention_points.input.policy.members.a.output: "
            "of this policy a combination overlays nothing: declare another policy; "
            "member-not-allowed intervention_points.input.policy.members.a.query: "
            "of this policy a combination overlays nothing: declare another policy",
        ),
        (
            {"c": {"principal": 'Agent::"x"', "policy_set": ""}},
            "member-not-allowed intervention_points.input.policy.members.c.policy_set: of this policy a "
            "combination overlays `action`, `context`, `principal`, `query`, `resource`: declare another policy",
        ),
    ],
)
def test_overlays_that_no_member_can_have(members: Any, expected: str) -> None:
    """A binding reaches a member by its name, and what it reads when it is bound."""
    cedar = {"type": "cedar", "policy_set": "permit(principal, action, resource);"}
    combined = {"a": policy("allow"), "c": cedar, "team": policy("allow")}
    found = [each for each in findings(manifest(combined, members=members)) if "cedar-" not in each]
    assert "; ".join(found) == expected


def test_a_binding_overlays_the_query_of_a_member() -> None:
    """A Rego member is bound with the query of the binding."""
    rego = {"type": "rego", "modules": {"a.rego": "package a\nverdict := 1"}}
    compiled(manifest({"a": rego}, members={"a": {"query": "data.a.verdict"}}))
    (found,) = findings(manifest({"a": rego}, members={"a": {"query": "data.a.other"}}))
    assert found.startswith("rego-query-unknown intervention_points.input.policy.members.a.query")


def test_a_binding_overlays_the_request_of_a_cedar_member(start: Start) -> None:
    """It is asked for the principal of the binding, as if it stood alone."""
    cedar = {"type": "cedar", "policy_set": 'permit(principal == Agent::"x", action, resource);'}
    service = start(ACS_INLINE_MANIFESTS="trusted")
    for overlay, expected in (({"principal": 'Agent::"x"'}, "allow"), ({"principal": 'Agent::"y"'}, "deny")):
        value = manifest({"a": policy("allow"), "c": cedar}, members={"c": overlay})
        reply = service.post("/v1/evaluate/input", {"snapshot": {"t": 1}, "manifest": value})[1]
        assert reply["verdict"]["decision"] == expected


def test_a_combination_says_how_its_members_are_bound() -> None:
    """What its definition says holds at each point whose binding says nothing else."""
    rego = {"type": "rego", "modules": {"a.rego": "package a\nverdict := 1"}}
    value = manifest({"a b": rego})
    for query, path in (("data.a.verdict", None), ("data.a.other", 'members["a b"].query')):
        value["policies"]["all"]["members"] = {"a b": {"query": query}}
        found = [] if path is None else findings(value)
        assert [each.partition(": ")[0] for each in found] == (
            [] if path is None else [f"rego-query-unknown intervention_points.input.policy.{path}"]
        )
    value["intervention_points"]["input"]["policy"]["members"] = {"a b": {"query": "data.a.verdict"}}
    compiled(value)
    value["policies"]["all"]["members"] = {"a b": {"data": {}}, "c": {}}
    del value["intervention_points"]["input"]["policy"]["members"]
    assert [each.partition(": ")[0] for each in findings(value)] == [
        'member-not-allowed policies.all.members["a b"].data',
        "name-unknown policies.all.members.c",
    ]


def test_a_member_is_bound_as_it_is_defined() -> None:
    """The query that its definition has holds where the binding overlays none."""
    rego = {"type": "rego", "modules": {"a.rego": "package a\nv := 1"}, "query": "data.a.v"}
    compiled(manifest({"a": rego}))
    compiled(manifest({"a": rego, "b": rego}, members={"b": {"query": "data.a.v"}}))


def test_a_point_at_which_all_members_are_idle() -> None:
    """One finding for the combination, and none where another policy has something to say."""
    document = {"project": {"name": "a"}, "identity": {}, "permissions": {}}
    idle = {"type": "custom", "adapter": "oags", "document": document}
    codes = [(found.code, found.path) for found in compiled(manifest({"a": idle})).warnings]
    assert ("combine-idle", "intervention_points.input.policy") in codes
    assert not any(code == "oags-point-idle" for code, _ in codes)
    both = compiled(manifest({"a": idle, "b": policy("allow")})).warnings
    assert not any(found.code.endswith("-idle") for found in both)


def test_an_annotation_that_no_member_reads() -> None:
    """One finding where all members leave it unread, and none where one reads it."""
    rego = {"type": "rego", "query": "data.a.v", "modules": {"a.rego": "package a\ndefault v := 1"}}
    cedar = {"type": "cedar", "policy_set": 'permit(principal, action == Action::"x", resource);'}
    reading = rego | {"modules": {"a.rego": "package a\ndefault v := 1\nv := 2 if input.annotations.pii"}}
    for members, expected in (
        ({"a": rego, "b": cedar}, ["intervention_points.input.annotations.pii"]),
        ({"a": reading, "b": cedar}, []),
        ({"a": rego, "b": policy("allow")}, []),
    ):
        value = manifest(members)
        value["annotators"] = {"pii": {"type": "classifier", "provider": "pii"}}
        value["intervention_points"]["input"]["annotations"] = {"pii": {"from": "$.t"}}
        warnings = compiled(value).warnings
        assert [found.path for found in warnings if found.code == "annotation-unread"] == expected


@pytest.mark.parametrize(
    ("output", "limit"),
    [
        ({"decision": "allow", "message": "x" * 3_000}, "max_policy_output_bytes` (2048)"),
        ({"decision": "allow", "more": [[[[[[[[[[[[]]]]]]]]]]]]}, "max_policy_input_depth` (9)"),
    ],
)
@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_each_member_is_held_to_the_limits(start: Start, trust: str, output: Any, limit: str) -> None:
    """An output that would fail alone fails here too, whatever the others say."""
    members = {"large": {"type": "test", "output": output}, "other": policy("warn")}
    limits = {"max_policy_output_bytes": 2_048, "max_policy_input_depth": 9}
    value = manifest(members) | {"limits": limits}
    service = start(ACS_INLINE_MANIFESTS=trust)
    _, reply = service.post("/v1/evaluate/input", {"snapshot": {"t": {"a": 1}}, "manifest": value})
    assert reply["verdict"]["reason"] == "runtime_error:resource_limit_exceeded"
    assert reply["detail"] == f"policy `large`: the policy output exceeds `{limit}"


def test_the_digest_covers_the_members() -> None:
    """Another policy behind the same name is another combination."""
    digests = {
        compiled(manifest({"a": policy(outcome)})).points["input"].policy_digest
        for outcome in ("allow", "warn", "deny")
    }
    assert len(digests) == 3


def test_members_of_a_bound_combination_are_bound() -> None:
    """No member is remarked upon as unbound."""
    assert compiled(manifest({"a": policy("allow")})).warnings == ()


def test_many_combinations_of_large_policies_share_their_members() -> None:
    """A thousand combinations compile each of their members once."""
    members = {f"m{n}": policy("allow") for n in range(16)}
    value = manifest(members)
    value["policies"] |= {
        f"c{n}": {"type": "custom", "adapter": "combine", "policies": list(members)} for n in range(1_000)
    }
    assert compiled(value).points["input"].config.policy == "all"
