"""`include: ["explain"]` over HTTP: where the operator allows it, and only in the response (section 2.7)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service, Start
from tests.decision.test_explanation import POLICIES, manifest, snapshot

ALL = "policy_input,trace,receipt,explain"
KINDS = {"rego": "rego", "cedar": "cedar", "rules": "agt_rules", "all": "combine", "fixed": "test"}


def ask(service: Service, policy: str, **members: Any) -> tuple[int, Any]:
    """Evaluate an inline manifest that binds a policy."""
    value = manifest(policy, POLICIES)
    return service.post(
        "/v1/evaluate/input", {"snapshot": snapshot(kind="pay"), "manifest": value, **members}
    )


def test_an_operator_has_to_allow_it(inline_service: Service) -> None:
    """It shows the policy to whoever asks: without the setting it is refused."""
    status, body = ask(inline_service, "rego", include=["explain"])
    assert (status, body["verdict"]["decision"]) == (403, "deny")
    assert body["detail"] == "`include` of `explain` is disabled by the operator (ACS_INCLUDE)"


@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_every_kind_of_policy(start: Start, trust: str) -> None:
    """In this process and in a child: the same verdict, and nothing of the explanation in the record."""
    service = start(ACS_INLINE_MANIFESTS=trust, ACS_INLINE_ADAPTERS="combine,agt_rules", ACS_INCLUDE=ALL)
    for policy, kind in KINDS.items():
        _, plain = ask(service, policy)
        status, body = ask(service, policy, include=["explain"])
        assert (status, body["verdict"]) == (200, plain["verdict"])
        told = body["explain"]["policy"]
        assert (told and told["kind"]) == kind
        assert {"policy_input", "trace"} <= body.keys()
        record = service.get(f"/v1/audit/records/{body['audit']['index']}")[1]["record"]
        assert (
            json.loads(record).keys()
            == json.loads(service.get(f"/v1/audit/records/{plain['audit']['index']}")[1]["record"]).keys()
        )
        assert "explain" not in record


def test_a_batch_explains_each_item(start: Start) -> None:
    """Each item asks for itself."""
    service = start(ACS_INLINE_MANIFESTS="trusted", ACS_INCLUDE=ALL)
    item = {
        "intervention_point": "input",
        "manifest": manifest("cedar", {"cedar": POLICIES["cedar"]}),
        "snapshot": snapshot(),
    }
    _, body = service.post("/v1/evaluate:batch", {"requests": [item, item | {"include": ["explain"]}]})
    assert ["explain" in one for one in body["results"]] == [False, True]


SECRETS: dict[str, Any] = {
    "annotators": {
        "judge": {
            "type": "llm",
            "provider": "openai",
            "model": "m",
            "system_prompt": "Judge.",
            "base_url": "http://127.0.0.1:9/v1",
            "api_key": "hidden-1",
            "provider_config": {"user": "hidden-2"},
        },
    },
    "approval": {
        "default_resolver": "desk",
        "resolvers": {
            "desk": {
                "type": "webhook",
                "url": "http://127.0.0.1:9/hidden-3",
                "headers": {"authorization": "hidden-4"},
            }
        },
    },
}
"""Members that are declared secret, each with a value."""


def test_no_secret_of_the_manifest_is_explained(start: Start, tmp_path: Path) -> None:
    """Whether an annotator or the policy failed, the response holds no value of a secret member."""
    members = {"annotations": {"judge": {"from": "$.input"}}}
    (tmp_path / "judged.json").write_text(json.dumps(manifest("all", POLICIES, **members) | SECRETS))
    (tmp_path / "plain.json").write_text(json.dumps(manifest("all", POLICIES) | SECRETS))
    service = start(ACS_MANIFESTS=str(tmp_path), ACS_INCLUDE=ALL)
    for name in ("judged", "plain"):
        for given in (snapshot(kind="pay", amount=50), dict[str, Any](input={})):
            body = {"manifest_ref": name, "snapshot": given, "include": ["explain"]}
            status, response = service.post("/v1/evaluate/input", body)
            assert status == 200
            assert response["explain"]["policy"] or response["explain"]["remedy"]
            assert "hidden" not in json.dumps(response)
