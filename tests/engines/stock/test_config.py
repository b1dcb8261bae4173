"""The configuration of the library: everything that is wrong is found when the manifest is compiled."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from acs_sidecar.engines.stock.schema import config_schema
from acs_sidecar.engines.stock.sections import SECTIONS
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.engines.stock.manifests import manifest, snapshot
from tests.manifests.one_decision import compiled, reason_of

_LISTED = ", ".join(f"`{name}`" for name in SECTIONS)
_OWN = "package house\nimport rego.v1\nimport data.agt.ifc\nverdict := ifc.verdict_propagating(`secret`, input.snapshot.labels)"


def _faults(given: Any, files: Any = None) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        compiled(given, files)
    return [f"{found.code} {found.path}: {found.message}" for found in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"egres": {}}, f"egres: unknown section, did you mean `egress`?; must be one of {_LISTED}"),
        ({"egress": []}, "egress: must be an object"),
        ({"egress": {}}, "egress: `allowlist` is missing"),
        ({"egress": {"allowlist": "a.example"}}, "egress.allowlist: must be a list"),
        ({"egress": {"allowlist": [1]}}, "egress.allowlist: each entry must be a string"),
        ({"egress": {"allowlist": [" "]}}, "egress.allowlist: each entry must not be blank"),
        (
            {"egress": {"allowlist": ["https://a.example/"]}},
            "egress.allowlist: `https://a.example/` is not a host: use `api.example`, or `*.example` for all its subdomains",
        ),
        (
            {"egress": {"allowlist": [], "destination_paths": ["url"]}},
            "egress.destination_paths: each entry must be a list",
        ),
        (
            {"budgets": {"tool_calls": 1}},
            "budgets.tool_calls: unknown member, did you mean `tool_call_count`?; must be one of `tool_call_count`,"
            " `token_count`, `elapsed_seconds`, `cost_usd`, `points`",
        ),
        ({"budgets": {"tool_call_count": "10"}}, "budgets.tool_call_count: must be a number"),
        ({"budgets": {"cost_usd": -1}}, "budgets.cost_usd: must be at least 0"),
        ({"budgets": {"cost_usd": True}}, "budgets.cost_usd: must be a number"),
        (
            {"budgets": {}},
            "budgets: has nothing to hold: must be one of `cost_usd`, `elapsed_seconds`, `token_count`, `tool_call_count`",
        ),
        ({"content_hash": {"enforce": False}}, "content_hash.enforce: must be `true`"),
        ({"content_hash": {"enforce": 1}}, "content_hash.enforce: must be `true`"),
        ({"approval": {"required": "yes"}}, "approval.required: must be `true`"),
        ({"approval": {"required": True, "approvers": "jo"}}, "approval.approvers: must be a list"),
        ({"confidence": {"min_score": 90}}, "confidence.min_score: must be at most 1"),
        ({"drift": {"warn_threshold": "0.5"}}, "drift.warn_threshold: must be a number"),
        (
            {"ifc": {"sink_clearance": "top"}},
            "ifc.sink_clearance: must be one of `public`, `internal`, `confidential`, `secret`",
        ),
        (
            {"ifc": {"sink_clearance": "secret", "points": ["output", "pre_tool_call"]}},
            "ifc: `pre_tool_call` has no path of labels: add it to `label_paths`",
        ),
        (
            {"ifc": {"sink_clearance": "secret", "label_paths": {"input": "a.b"}}},
            "ifc.label_paths: each value must be a list",
        ),
        ({"patterns": {}}, "patterns: has nothing to hold: must be one of `patterns`, `presets`"),
        (
            {"patterns": {"patterns": []}},
            "patterns.patterns: must have at least one expression, or `presets` one name",
        ),
        (
            {"redact": {"patterns": ["a", "b)"]}},
            "redact.patterns[1]: is not an expression of RE2: unexpected ) at column 2",
        ),
        (
            {"redact": {"presets": ["pii_mail"]}},
            "redact.presets: each entry must be one of `pii_credit_card`",
        ),
        ({"mcp": {"auth": ["basic"]}}, "mcp.auth: each entry must be one of `oauth2`"),
        ({"mcp": {"points": ["input", "outputs"]}}, "mcp.points: each entry must be one of `agent_startup`"),
        ({"mcp": {"points": []}}, "mcp.points: must not be so short"),
    ],
)
def test_a_wrong_configuration_is_refused(config: Any, fault: str) -> None:
    """By the member."""
    for kind in ("rego",):
        assert any(
            found.startswith(f"stock-config policies.house.config.{fault}")
            for found in _faults(manifest(config, "input", kind=kind))
        )


@pytest.mark.parametrize("kind", ["rego", "cedar"])
@pytest.mark.parametrize(
    "provider", [{"provider": "patterns", "presets": ["pii_email"]}, {"provider": "pii"}]
)
def test_what_is_redacted_is_the_target(kind: str, provider: dict[str, Any]) -> None:
    """Else another text, or a part of the target, would stand in its place. The target may be written in both ways."""
    given = manifest({"redact": {"presets": ["pii_email"]}}, "output", kind=kind)
    given["annotators"]["stock_redact"] = {"type": "classifier", **provider}
    bound = given["intervention_points"]["output"]["annotations"]
    for source in ("$policy_target", "$snap.response.content"):
        bound["stock_redact"] = {"from": source}
        compiled(given)
    for source in ("$snap.response", "$snap.input.text", "$policy_target.a"):
        bound["stock_redact"] = {"from": source}
        assert _faults(given) == [
            "stock-config intervention_points.output.annotations.stock_redact.from: "
            "what it redacts takes the place of the policy target: write `$policy_target`"
        ]


@pytest.mark.parametrize("kind", ["rego", "cedar"])
def test_tools_that_must_name_a_host_are_refused_where_results_alone_are_read(kind: str) -> None:
    """By where the policy is bound and by the points of the section; not where no tool is asked about."""
    config: Any = {"egress": {"allowlist": [], "required_for": ["t"]}}
    late: Any = {"egress": {**config["egress"], "points": ["post_tool_call"]}}
    fault = (
        "stock-config policies.house.config.egress.required_for: "
        "is asked of calls, and this policy reads results alone: bind it at `pre_tool_call` too"
    )
    assert _faults(manifest(config, "post_tool_call", kind=kind)) == [fault]
    assert _faults(manifest(late, "pre_tool_call", "post_tool_call", kind=kind)) == [fault]
    for points in (("pre_tool_call",), ("pre_tool_call", "post_tool_call"), ("input",)):
        compiled(manifest(config, *points, kind=kind))


def test_a_library_without_a_section_is_refused() -> None:
    """It would allow everything."""
    for absent in (False, True):
        given = manifest({}, "input")
        if absent:
            del given["policies"]["house"]["config"]
        (found,) = _faults(given)
        assert found == (
            f"stock-empty policies.house.config: names no section, and would allow everything: must be one of {_LISTED}"
        )
    given = manifest({}, "input", modules={"own": _OWN}, query="data.agt.defaults.verdict")
    del given["policies"]["house"]["config"]
    assert _faults(given)[0].startswith("stock-empty policies.house.query: ")


def test_its_functions_serve_modules_of_ones_own() -> None:
    """Without a section, under a query of one's own."""
    given = manifest({}, "input", modules={"own": _OWN}, query="data.house.verdict")
    del given["policies"]["house"]["config"]
    loaded = compiled(given)
    assert reason_of(loaded, "input", snapshot("input", labels=["internal"])) == ("allow", None)
    assert reason_of(loaded, "input", snapshot("input", labels=["other"])) == (
        "deny",
        "ifc_clearance_violation",
    )


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"library": "stock-2"}, "value-not-allowed policies.house.library: must be one of `stock-1`"),
        (
            {"modules": {"m": "package agt.budgets\nx := 1"}},
            "library-conflict policies.house.modules: `data.agt.budgets` belongs",
        ),
        (
            {"modules": {"m": "package agt\nx := 1"}},
            "library-conflict policies.house.modules: `data.agt` belongs",
        ),
        (
            {"modules": {"m": "package agt.extra\nx := 1"}},
            "library-conflict policies.house.modules: `data.agt.extra` belongs",
        ),
        (
            {"data": {"agt": {"defaults": {"config": {}}}}},
            "library-conflict policies.house.data: `data.agt` belongs",
        ),
    ],
)
def test_what_stands_beside_the_library_leaves_its_packages_alone(members: Any, fault: str) -> None:
    """Otherwise a bundle could switch a section off."""
    assert _faults(manifest({"mcp": {}}, "input", **members))[0].startswith(fault)


def test_a_configuration_needs_a_library() -> None:
    """Nothing would read it."""
    given = manifest(
        {"mcp": {}}, "input", modules={"m": 'package a\nx := {"decision": "allow"}'}, query="data.a.x"
    )
    del given["policies"]["house"]["library"]
    assert _faults(given) == [
        "member-not-allowed policies.house.config: is that of a `library`, and there is none"
    ]


def test_a_configuration_may_be_a_file() -> None:
    """Relative to the manifest; faults name it and its member."""
    given = manifest({}, "input")
    given["policies"]["house"]["config"] = "stock.yaml"
    loaded = compiled(given, {"stock.yaml": b"patterns: {patterns: [falcon]}"})
    assert reason_of(loaded, "input", snapshot("input", "falcon")) == ("deny", "pattern_blocked")
    with pytest.raises(ManifestError) as caught:
        compiled(given, {"stock.yaml": b"pattern: {}"})
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].source) == (
        "stock-config",
        "stock.yaml",
    )
    assert _faults(given)[0].startswith("source-unreadable policies.house.config: ")
    with pytest.raises(ManifestError) as caught:
        compiled(given, {"stock.yaml": b"a: [\n"})
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].line) == ("document-syntax", 2)


def test_an_annotation_that_is_not_bound_is_refused() -> None:
    """Nowhere, or not at a point that the section names."""
    given = manifest({"confidence": {"min_score": 0.5}}, "input", "output")
    for point in given["intervention_points"].values():
        point["annotations"] = {}
    (nowhere,) = _faults(given)
    assert nowhere == (
        "stock-annotation-unbound policies.house.config.confidence: the annotation `confidence` is bound at no point of this"
        " policy: bind it"
    )
    given = manifest({"drift": {"warn_threshold": 0.5, "points": ["output"]}}, "input", "output")
    given["intervention_points"]["output"]["annotations"] = {}
    (named,) = _faults(given)
    assert named == (
        "stock-annotation-unbound intervention_points.output.policy: section `drift` holds here: bind the annotation"
        " `drift_score`"
    )


def test_a_section_of_an_annotation_holds_where_it_is_bound() -> None:
    """And nowhere else."""
    given = manifest({"confidence": {"min_score": 0.5}}, "input", "output")
    given["intervention_points"]["input"]["annotations"] = {}
    loaded = compiled(given)
    assert reason_of(loaded, "input", snapshot("input")) == ("allow", None)
    assert reason_of(loaded, "output", snapshot("output")) == ("deny", "confidence_missing")


def _combined(first: Any, second: Any) -> dict[str, Any]:
    given = manifest(first, "input")
    given["policies"]["other"] = {"type": "rego", "library": "stock-1", "config": second}
    given["policies"]["all"] = {"type": "custom", "adapter": "combine", "policies": ["house", "other"]}
    given["intervention_points"]["input"]["policy"] = {"id": "all"}
    return given


def test_policies_of_one_combination_agree_on_a_classifier() -> None:
    """There is one annotation of a name."""
    one, same, other = ({"patterns": {"patterns": [word]}} for word in ("a", "a", "b"))
    assert _faults(_combined(one, other)) == [
        "stock-config policies.other.config: `policies.house` configures `stock_patterns` in another way, and `input` binds both"
    ]
    assert reason_of(compiled(_combined(one, same)), "input", snapshot("input", "xax")) == (
        "deny",
        "pattern_blocked",
    )


def test_a_binding_of_the_manifest_says_what_is_looked_at() -> None:
    """Its `from` holds, its expressions do not; another provider is asked as it is."""
    given = manifest({"patterns": {"patterns": ["falcon"]}}, "input")
    given["annotators"] = {
        "stock_patterns": {"type": "classifier", "provider": "patterns", "patterns": ["x"]}
    }
    given["intervention_points"]["input"]["annotations"] = {"stock_patterns": {"from": "$snap.input.note"}}
    loaded = compiled(given)
    for note, text, decision in (("falcon", "y", "deny"), ("x", "falcon", "allow")):
        assert (
            reason_of(loaded, "input", snapshot("input", input={"text": text, "note": note}))[0] == decision
        )
    given["annotators"] = {"stock_patterns": {"type": "classifier", "provider": "host"}}
    given["intervention_points"]["input"]["annotations"] = {
        "stock_patterns": {"from": "$snap.envelope.matched"}
    }
    loaded = compiled(given)
    for matched, decision in (
        ({"flagged": False}, "allow"),
        ({"flagged": True}, "deny"),
        ({}, "deny"),
        ("no", "deny"),
    ):
        found = reason_of(loaded, "input", snapshot("input", envelope={"matched": matched}))
        assert found[0] == decision, matched


def test_the_schema_says_what_the_reader_says() -> None:
    """A draft 2020-12 schema that is never stricter than the reader, of the same sections."""
    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    valid: Any
    invalid: Any
    for valid in (
        {"mcp": {}},
        {"budgets": {"cost_usd": 0.5}},
        {"approval": {"required": True, "points": ["output"]}},
    ):
        assert judge.is_valid(valid)
    for invalid in ({}, {"egres": {}}, {"egress": {}}, {"budgets": {}}, {"mcp": {"require_tls": "no"}}):
        assert not judge.is_valid(json.loads(json.dumps(invalid)))


@pytest.mark.parametrize("kind", ["rego", "cedar"])
def test_a_tool_without_an_origin_is_remarked_upon(kind: str) -> None:
    """Where section `mcp` is on, since it passes there."""
    given = manifest({"mcp": {}}, "pre_tool_call", kind=kind)
    given["tools"]["known"] = {"mcp_origin": {"server": "s", "transport": "stdio", "auth": "mtls"}}
    (found,) = compiled(given).warnings
    assert (found.code, found.path, found.message) == (
        "mcp-origin-missing",
        "tools.t",
        "the tool `t` has no `mcp_origin`, and section `mcp` lets it pass: declare it",
    )
    del given["tools"]["t"]
    assert compiled(given).warnings == ()
