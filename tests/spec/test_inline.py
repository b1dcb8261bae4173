"""Section 2.5: what an inline manifest may not say, and where it may call."""

from dataclasses import replace
from typing import Any

import pytest

from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.declaration import Member, secret_members
from acs_sidecar.spec.manifest.inline import inline_findings
from acs_sidecar.spec.manifest.model import read_manifest
from acs_sidecar.spec.manifest.redaction import REDACTED, redacted
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from tests.cases import changed
from tests.members import MEMBERS

BASE: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": 1}},
    "annotators": {"a": {"type": "endpoint", "url": "https://ok.example/v1/score"}},
    "intervention_points": {
        "input": {
            "policy_target": "$",
            "policy": {"id": "p"},
            "annotations": {"a": {"from": "$policy_target"}},
        }
    },
}
CATALOG = replace(
    MEMBERS,
    adapters={
        "probe": {**secret_members("api_key", "A key."), "rules": Member("Rules, or files.", file=True)}
    },
)
ALLOW = OutboundAllow(("https://ok.example/v1",))


def _paths(change: dict[str, Any]) -> list[str | None]:
    manifest = read_manifest(Document(changed(BASE, change), {}), Limits(), CATALOG)
    return [finding.path for finding in inline_findings(manifest, CATALOG, ALLOW)]


def test_a_self_contained_manifest_is_fine() -> None:
    """Nothing is found where nothing reaches outside."""
    assert _paths({}) == []


def test_an_empty_list_of_parents_is_none() -> None:
    """`extends: []` extends nothing, and a manifest with it is self-contained."""
    assert _paths({"extends": []}) == []


@pytest.mark.parametrize("extends", [None, "", {}, "x.yaml"])
def test_anything_else_in_extends_is_refused(extends: Any) -> None:
    """What is no list is not taken for an empty one."""
    assert _paths({"extends": extends}) == ["extends"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"extends": ["x.yaml"]}, "extends"),
        ({"policies": {"q": {"type": "rego", "bundle": "b", "query": "data.a"}}}, "policies.q.bundle"),
        ({"policies": {"q": {"type": "rego", "bundle_url": {}}}}, "policies.q.bundle_url"),
        ({"policies": {"q": {"type": "rego", "data": "d.json"}}}, "policies.q.data"),
        ({"policies": {"q": {"type": "rego", "data": ["d.json"]}}}, "policies.q.data"),
        ({"policies": {"q": {"type": "rego", "data_paths": ["a.json"]}}}, "policies.q.data_paths"),
        ({"policies": {"q": {"type": "cedar", "policy_path": "p"}}}, "policies.q.policy_path"),
        ({"policies": {"q": {"type": "cedar", "entities_path": "p"}}}, "policies.q.entities_path"),
        ({"policies": {"q": {"type": "cedar", "schema_path": "p"}}}, "policies.q.schema_path"),
        ({"policies": {"q": {"type": "cedar", "template_links": "p"}}}, "policies.q.template_links"),
        (
            {"policies": {"q": {"type": "custom", "adapter": "probe", "api_key_env": "K"}}},
            "policies.q.api_key_env",
        ),
        (
            {"policies": {"q": {"type": "custom", "adapter": "probe", "rules": ["a.txt", {}]}}},
            "policies.q.rules",
        ),
        (
            {
                "policies": {"c": {"type": "cedar", "policy_set": ""}},
                "intervention_points": {"input": {"policy": {"id": "c", "entities_path": "/etc/passwd"}}},
            },
            "intervention_points.input.policy.entities_path",
        ),
        (
            {"annotators": {"x": {"type": "llm", "system_prompt_file": "f"}}},
            "annotators.x.system_prompt_file",
        ),
        (
            {"annotators": {"x": {"type": "classifier", "provider": "mcp_tool", "pins_file": "f"}}},
            "annotators.x.pins_file",
        ),
        ({"annotators": {"x": {"type": "llm", "api_key_env": "HOME"}}}, "annotators.x.api_key_env"),
        (
            {"annotators": {"x": {"type": "llm", "aws_secret_access_key_env": "K"}}},
            "annotators.x.aws_secret_access_key_env",
        ),
        (
            {"annotators": {"x": {"type": "llm", "base_url": "http://169.254.169.254/"}}},
            "annotators.x.base_url",
        ),
        ({"annotators": {"x": {"type": "llm", "endpoint": 7}}}, "annotators.x.endpoint"),
        (
            {"annotators": {"x": {"type": "llm", "system_prompt_url": "https://evil.example/"}}},
            "annotators.x.system_prompt_url",
        ),
        (
            {"intervention_points": {"input": {"annotations": {"a": {"url": "https://evil.example/"}}}}},
            "intervention_points.input.annotations.a.url",
        ),
    ],
)
def test_each_way_out_is_closed(change: dict[str, Any], path: str) -> None:
    """Files, fetches, the environment and unlisted URLs are refused, in declarations and bindings."""
    assert path in _paths(change)


def test_inline_data_stays_possible() -> None:
    """Data given as an object is part of the manifest."""
    assert _paths({"policies": {"q": {"type": "rego", "modules": {}, "data": {"a": 1}}}}) == []
    assert _paths({"policies": {"q": {"type": "custom", "adapter": "probe", "rules": [{"a": 1}]}}}) == []
    assert _paths({"policies": {"q": {"type": "cedar", "template_links": [{"new_id": "a"}]}}}) == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://ok.example/v1", True),
        ("https://ok.example/v1/", True),
        ("https://OK.example:443/v1/score?x=1", True),
        ("https://ok.example/v12", False),
        ("https://ok.example/", False),
        ("http://ok.example/v1", False),
        ("https://ok.example:8443/v1", False),
        ("https://ok.example.evil.example/v1", False),
        ("https://ok.example@evil.example/v1", False),
        ("https://ok.example:x@evil.example/v1", False),
        ("https://evil.example/https://ok.example/v1", False),
        ("https://ok.example/v1/../admin", False),
        ("https://ok.example/v1/%2e%2e/admin", False),
        ("https://ok.example/v1/..%2fadmin", False),
        ("https://ok.example/v1/..%5cadmin", False),
        ("https://ok.example./v1", False),
        ("https://ok.example%2eevil.example/v1", False),
        ("HTTPS://ok.EXAMPLE/v1/a", True),
        ("https://ok.example/V1", False),
        ("https://ok.example:443@evil.example/v1", False),
        ("https://ok.example:0443/v1", True),
        ("https://ok.example:/v1", True),
        ("https://[::1]/v1", False),
        ("https://ok.example/v1?../admin", True),
        ("//ok.example/v1", False),
        ("https:/ok.example/v1", False),
        ("https:ok.example/v1", False),
        ("https://ok.example\t/v1", False),
        ("https://ok.example\\@evil.example/v1", False),
        ("https://ok.example/v1#x", False),
        ("https://ok.example /v1", False),
        ("https://ok.example/v1\n", False),
        ("https://\u043ek.example/v1", False),
        ("https://ok.example:0/v1", False),
        ("https://ok.example:99999/v1", False),
        ("file:///v1", False),
        ("", False),
    ],
)
def test_urls_are_compared_by_their_parts(url: str, allowed: bool) -> None:
    """Text that merely looks like an allowed beginning is not one."""
    assert ALLOW.allows(url) is allowed


def test_a_bad_entry_is_named() -> None:
    """An entry that two readers could take for different places is refused when the service starts."""
    with pytest.raises(ValueError, match=r"`ok\.example/v1` is not an http or https URL"):
        OutboundAllow(("ok.example/v1",))
    with pytest.raises(ValueError, match=r"`https://ok\.example/\?a=b` is not an http or https URL"):
        OutboundAllow(("https://ok.example/?a=b",))


WEBHOOK: dict[str, Any] = {
    "type": "webhook",
    "url": "https://u:s1@hooks.example:8443/services/T0/s2?s3",
    "apiKey": "s4",
    "timeout_ms": 5,
}


def test_declared_members_are_shown_and_no_credential_is() -> None:
    """A manifest is shown by the declarations of its members, without credentials (2.3)."""
    model: dict[str, Any] = {
        "type": "llm",
        "model": "m",
        "provider_config": {"x": "s1"},
        "headers": {"Authorization": "s2"},
    }
    shown = redacted(
        {
            "annotators": {
                "judge_token": {**model, "api_key": "s3", "aws_session_token": "s4", "api_key_env": "NAME"},
                "score": {"type": "endpoint", "url": "https://u:s5@x:8/a?s6", "accessToken": "s7", "passwd": "s8"},
            },
            "policies": {"secret": {"type": "rego", "data": {"db_password": "s9", "n": 1}, "nothing": "s10"}},
            "intervention_points": {
                "input": {
                    "policy_target": "$",
                    "policy": {"id": "secret", "query": "data.a", "other": "s11"},
                    "annotations": {"judge_token": {"from": "$", "api_key": "s12", "max_tokens": 5, "pass": "s13"}},
                }
            },
            "approval": {"default_resolver": "w", "resolvers": {"w": WEBHOOK, "h": {"type": "host", "room": "s14"}}},
            "tools": {"get_secret": {"clearance": "public", "apiKey": "s15", "url": "https://x/a?s16"}},
            "metadata": {"owner": "team", "clientSecret": "s17", "list": [{"private_key": "s18", "max_tokens": 5}]},
        },
        MEMBERS,
    )  # fmt: skip
    assert shown == {
        "annotators": {
            "judge_token": {
                "type": "llm",
                "model": "m",
                "provider_config": REDACTED,
                "headers": REDACTED,
                "api_key": REDACTED,
                "aws_session_token": REDACTED,
                "api_key_env": REDACTED,
            },
            "score": {
                "type": "endpoint",
                "url": f"https://x:8/a?{REDACTED}",
                "accessToken": REDACTED,
                "passwd": REDACTED,
            },
        },
        "policies": {"secret": {"type": "rego", "data": {"db_password": REDACTED, "n": 1}, "nothing": REDACTED}},
        "intervention_points": {
            "input": {
                "policy_target": "$",
                "policy": {"id": "secret", "query": "data.a", "other": REDACTED},
                "annotations": {
                    "judge_token": {"from": "$", "api_key": REDACTED, "max_tokens": 5, "pass": REDACTED}
                },
            }
        },
        "approval": {
            "default_resolver": "w",
            "resolvers": {
                "w": {
                    "type": "webhook",
                    "url": f"https://hooks.example:8443/{REDACTED}",
                    "apiKey": REDACTED,
                    "timeout_ms": 5,
                },
                "h": {"type": "host", "room": REDACTED},
            },
        },
        "tools": {"get_secret": {"clearance": "public", "apiKey": REDACTED, "url": f"https://x/a?{REDACTED}"}},
        "metadata": {
            "owner": "team",
            "clientSecret": REDACTED,
            "list": [{"private_key": REDACTED, "max_tokens": 5}],
        },
    }  # fmt: skip


def test_what_is_shown_is_a_copy() -> None:
    """The manifest that serves keeps its credentials."""
    manifest: dict[str, Any] = {"annotators": {"a": {"type": "llm", "api_key": "k"}}}
    redacted(manifest, MEMBERS)
    assert manifest["annotators"]["a"]["api_key"] == "k"
