"""Inputs of any kind and size end in a verdict, an error or a failure that is foreseen, soon (sections 9.3, 9.4)."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.oags.actions import ACTION_MEMBERS
from acs_sidecar.engines.adapters.oags.harness import OPERATIONS, answer
from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.inline import inline_findings
from acs_sidecar.spec.manifest.model import document_of, read_manifest
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags.policies import ID, STARTUP, TOOL_CALL, compiled, policy_input

MODEL_CALL = InterventionPoint.PRE_MODEL_CALL
POINTS = [STARTUP, MODEL_CALL, TOOL_CALL]
SECONDS = 3.0
"""Processor time that no hostile input takes; before there were bounds, some took half a minute."""

DOCUMENT: dict[str, Any] = {
    "permissions": {
        "network": {"allowed_hosts": ["*.example"], "blocked_hosts": ["evil.example"]},
        "filesystem": {
            "allowed_paths": [f"/a{number}/*" for number in range(200)],
            "blocked_paths": [f"/b{number}" for number in range(200)],
        },
        "tools": {"allowed_tools": ["act", "t*"], "blocked_tools": [f"u{number}*" for number in range(200)]},
        "models": {"allowed_models": ["*"], "blocked_models": ["x*"]},
    },
    "rate_limits": {"requests": {"max_per_minute": 10}},
}
ACTIONS: dict[str, Json] = {
    "act": [
        {"type": "network_access", "url": "$policy_target.url"},
        {"type": "filesystem_access", "path": "$policy_target.path", "resolved": "$policy_target.real"},
        {"type": "model_usage", "model": "$policy_target.model", "provider": "$policy_target.provider"},
    ]
}
POLICY = compiled(DOCUMENT, POINTS, actions=ACTIONS, expected_id=ID, root="/work")
NAMES = st.sampled_from(
    ["agent_init", "identity", "tools_registered", "model", "name", "vendor", "tool_call", "args", "envelope", "counters", "requests", "minute", "sekuire_id", "signature", "system_prompt", "tools", "url", "path", "real", "provider"]
)  # fmt: skip
TEXTS = st.sampled_from(["act", "t1", "https://a.example/", "/a1/x", "", ID, "[]", "gpt-4o"]) | st.text(
    max_size=6
)
ANY: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, ANY, max_size=6), st.sampled_from(POINTS))
def test_any_snapshot_ends_in_a_verdict_or_a_failure(
    snapshot: dict[str, Json], point: InterventionPoint
) -> None:
    """A verdict has its rules; the failure that is foreseen is one of counters or of too many tools."""
    try:
        output = POLICY.evaluators[point].evaluate(policy_input(snapshot, point)).value
    except EvaluationError as error:
        assert error.reason is Reason.POLICY_INVOCATION_FAILED
        return
    assert isinstance(output, dict)
    evidence = output["evidence"]
    assert isinstance(evidence, dict)
    assert (output["decision"] == "allow") == (evidence["rules"] == [])


MEMBERS = sorted({name for members in ACTION_MEMBERS.values() for name in members})


@pytest.mark.slow
@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "operation": st.sampled_from(sorted(OPERATIONS)) | ANY,
            "params": ANY
            | st.dictionaries(st.sampled_from(["model", "systemPrompt", "tools", "input", "message", "secretKey", "signature", "publicKey"]), ANY)
            | st.fixed_dictionaries(
                {"policy": ANY | st.just(DOCUMENT)},
                optional={
                    "action": st.dictionaries(st.sampled_from(MEMBERS), ANY).map(
                        lambda action: {**action, "type": "network_access"}
                    )
                    | ANY
                },
            ),
        },
    )
)  # fmt: skip
def test_any_request_of_the_harness_is_answered(request: dict[str, Json]) -> None:
    """The answer is a result or an error, never both, and JSON."""
    answered = answer(request)
    assert ("result" in answered) != ("error" in answered)
    json.dumps(answered)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "snapshot"),
    [
        (TOOL_CALL, {"tool_call": {"name": "\ufdfa" * 330_000}}),
        (MODEL_CALL, {"model": {"name": "\ufdfa" * 330_000}}),
        (STARTUP, {"agent_init": {"tools_registered": ["\ufdfa" * 330] * 1024}}),
        (TOOL_CALL, {"tool_call": {"name": "act", "args": {"url": "https://" + "a." * 500_000}}}),
        (TOOL_CALL, {"tool_call": {"name": "act", "args": {"url": ["https://" + "ü" * 60 + "." + "é" * 60 + ".example/"] * 256}}}),
        (TOOL_CALL, {"tool_call": {"name": "act", "args": {"url": [], "path": ["/a1/" + "\ufdfa/" * 2000] * 256}}}),
        (TOOL_CALL, {"tool_call": {"name": "act", "args": {"url": [], "path": ["/a1" + "/ａ" * 250] * 256}}}),
        (STARTUP, {"agent_init": {"identity": {"model": "m", "system_prompt": "p", "tools": "[" + "1e1," * 250_000 + "1]"}}}),
        (STARTUP, {"agent_init": {"identity": {"model": "m", "system_prompt": "p", "tools": "[0." + "1" * 1_000_000 + "]"}}}),
        (STARTUP, {"agent_init": {"identity": {"model": "m", "system_prompt": "p", "tools": "{" + ",".join(['"a":1'] * 150_000) + "}"}}}),
        (STARTUP, {"agent_init": {"identity": {"model": "m", "system_prompt": "\u3000" * 340_000, "tools": []}}}),
    ],
)  # fmt: skip
def test_a_large_input_is_read_soon(point: InterventionPoint, snapshot: dict[str, Json]) -> None:
    """A megabyte made to be slow denies within seconds, however loaded the machine is."""
    snapshot["envelope"] = {"counters": {"requests": {"minute": 0}}}
    given_input = policy_input(snapshot, point)
    started = time.process_time()
    output = POLICY.evaluators[point].evaluate(given_input).value
    assert time.process_time() - started < SECONDS
    assert isinstance(output, dict)
    assert output["decision"] in ("allow", "deny")


@pytest.mark.parametrize("other", [{"domain": "evil.example"}, {"protocol": "https"}])
def test_an_address_that_is_given_twice_has_no_meaning(other: dict[str, Json]) -> None:
    """The harness does not choose between a URL and what stands beside it."""
    action: dict[str, Json] = {"type": "network_access", "url": "https://a.example/"}
    for given_action, expected in ((action, "allow"), ({**action, **other}, "deny")):
        params: Json = {"policy": DOCUMENT, "action": given_action}
        assert answer({"operation": "enforce_policy", "params": params})["result"] == expected


@pytest.mark.parametrize("member", ["system_prompt_path", "tools_path"])
def test_an_inline_document_names_no_files(member: str) -> None:
    """A caller's manifest cannot make the service read a file through its document."""
    manifest: Json = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {
            "oags": {"type": "custom", "adapter": "oags", "document": {"identity": {member: "prompt.md"}}}
        },
        "intervention_points": {"pre_tool_call": {"policy_target": "$", "policy": {"id": "oags"}}},
    }
    catalog = installed_members()
    read = read_manifest(document_of(manifest), Limits(), catalog)
    [found] = inline_findings(read, catalog, OutboundAllow(()))
    assert (found.code, found.path) == ("inline-forbidden", f"policies.oags.document.identity.{member}")
    assert found.message == "an inline manifest cannot read files: include the content"
