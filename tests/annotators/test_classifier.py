"""Section 1.6: the `classifier` annotator and its local providers, as a manifest's author meets them."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.annotators.classifier.type import (
    LARGE_BYTES,
    LocalClassifier,
    classifier_annotator,
    local_providers,
)
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.conftest import Service, Start

CONTEXT = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
PROVIDERS = local_providers()
KNOWN = ", ".join(f"`{name}`" for name in sorted((*PROVIDERS, "host")))


def annotated(value: Json, **members: Any) -> Any:
    """What a `classifier` annotator with these members says of a value."""
    built = classifier_annotator("a", "annotators.a", {"type": "classifier", **members}, CONTEXT, PROVIDERS)
    return asyncio.run(built.annotate(value))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, f"annotators.a.provider: must be a provider: {KNOWN}"),
        ({"provider": " "}, f"annotators.a.provider: must be a provider: {KNOWN}"),
        ({"provider": 1}, f"annotators.a.provider: must be a provider: {KNOWN}"),
        (
            {"provider": "pii", "threshold": 0},
            "annotators.a.threshold: must be a number above 0 and at most 1",
        ),
        (
            {"provider": "pii", "threshold": True},
            "annotators.a.threshold: must be a number above 0 and at most 1",
        ),
        ({"provider": "pii", "redact": None}, "annotators.a.redact: must be true or false"),
        (
            {"provider": "pii", "categories": "email"},
            "annotators.a.categories: must be a list of non-blank strings",
        ),
        (
            {"provider": "secrets", "categories": ["jwt", "email"]},
            "annotators.a.categories: must be a list of at least one of `api_key`, `bearer_token`, `jwt`, `password`,"
            " `private_key`, `url_credentials`",
        ),
        (
            {"provider": "pii", "url": "https://x.example"},
            "annotators.a.url: unknown member; must be one of `categories`, `provider`, `redact`, `threshold`,"
            " `type`",
        ),
    ],
)
def test_a_mistake_is_found_when_the_manifest_is_compiled(members: dict[str, Any], message: str) -> None:
    """Each member is checked, an unknown one refused, and the message says what is allowed."""
    with pytest.raises(ManifestError) as caught:
        annotated("", **members)
    assert str(caught.value).startswith(message)
    assert caught.value.reason is Reason.MANIFEST_INVALID


def test_every_mistake_is_reported() -> None:
    """Two wrong members are two findings."""
    with pytest.raises(ManifestError) as caught:
        annotated("", provider="pii", threshold=2, redact=1)
    assert [finding.path for finding in caught.value.diagnostics] == [
        "annotators.a.threshold",
        "annotators.a.redact",
    ]


def test_an_unknown_provider_is_an_unsupported_adapter() -> None:
    """The message lists the providers that there are."""
    with pytest.raises(ManifestError) as caught:
        annotated("", provider="oracle")
    assert str(caught.value) == (
        f"annotators.a.provider: `oracle` is not a known provider; must be one of {KNOWN}"
    )
    assert caught.value.reason is Reason.ADAPTER_UNSUPPORTED


def test_nothing_found() -> None:
    """A clean text has an empty annotation, and no redacted form."""
    assert annotated("hello", provider="pii") == {
        "flagged": False,
        "score": 0,
        "label": "none",
        "categories": [],
        "findings": [],
    }


def test_spans_count_code_points() -> None:
    """`start` and `end` are offsets in code points, so that a policy can cut the text there."""
    text = "→ é 😀 jo@example.com"
    found = annotated(text, provider="pii")
    assert found["findings"] == [{"category": "email", "start": 6, "end": len(text)}]
    assert found["redacted"] == "→ é 😀 [email]"
    assert (found["flagged"], found["score"], found["label"]) == (True, 1.0, "email")


def test_objects_are_searched_through_and_redacted() -> None:
    """Findings in objects have a path that continues `from`; names of members and integers count as texts."""
    value: Json = {"to": ["a", {"jo@example.com": "b@example.com", "a b": 4111111111111111}], "n": 1.5}
    found = annotated(value, provider="pii")
    assert found["findings"] == [
        {"category": "email", "start": 0, "end": 14, "path": '.to[1]["jo@example.com"]', "of_name": True},
        {"category": "email", "start": 0, "end": 13, "path": '.to[1]["jo@example.com"]'},
        {"category": "card", "start": 0, "end": 16, "path": ".to[1].a b"},
    ]
    assert found["redacted"] == {"to": ["a", {"[email]": "[email]", "a b": "[card]"}], "n": 1.5}


def test_names_that_fall_together_fail_closed() -> None:
    """A redacted object that would lose a member is no annotation."""
    with pytest.raises(EvaluationError) as caught:
        annotated({"a@example.com": 1, "b@example.com": 2}, provider="pii")
    assert caught.value.reason is Reason.ANNOTATION_FAILED
    assert caught.value.detail == "redaction would give two members of an object the same name"


def test_what_was_found_is_listed_up_to_a_bound() -> None:
    """The list ends at 256 findings; all are counted, and all are redacted."""
    found = annotated("a@b.example " * 300, provider="pii")
    assert (len(found["findings"]), found["findings_total"]) == (256, 300)
    assert found["redacted"] == "[email] " * 300


def test_options_narrow_what_is_found() -> None:
    """`categories` keeps some, `threshold` says how sure it must be, `redact: false` leaves the text out."""
    text = "jo@example.com 10.1.2.3"
    found = annotated(text, provider="pii", categories=["ip_address"], threshold=0.7, redact=False)
    assert found == {
        "flagged": False,
        "score": 0.6,
        "label": "ip_address",
        "categories": ["ip_address"],
        "findings": [{"category": "ip_address", "start": 15, "end": 23}],
    }


def test_an_inline_manifest_may_use_a_local_provider(inline_service: Service) -> None:
    """The annotation reaches the policy of a manifest that came with the request; a mistake makes it invalid."""
    module = 'package p\nverdict := {"decision": "deny", "reason": input.annotations.a.label}'
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "rego", "modules": {"p.rego": module}, "query": "data.p.verdict"}},
        "annotators": {"a": {"type": "classifier", "provider": "pii"}},
        "intervention_points": {
            "input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"a": {"from": "$.t"}}}
        },
    }
    body = {"manifest": manifest, "snapshot": {"t": "jo@example.com"}}
    _, response = inline_service.post("/v1/evaluate/input", body)
    assert response["verdict"] == {"decision": "deny", "reason": "email", "result_labels": []}
    manifest["annotators"] = {"a": {"type": "classifier", "provider": "pii", "url": "https://x.example"}}
    _, response = inline_service.post("/v1/evaluate/input", body)
    assert response["verdict"]["reason"] == Reason.MANIFEST_INVALID


def test_a_large_text_holds_up_nobody_else(start: Start, tmp_path: Path) -> None:
    """While a megabyte is looked at, the same worker answers other requests, those of classifiers among them."""
    (tmp_path / "pii.yaml").write_text(
        "agent_control_specification_version: 0.3.1-beta\n"
        "policies: {p: {type: test, output: {decision: allow}}}\n"
        "annotators: {a: {type: classifier, provider: pii, redact: false}}\n"
        "intervention_points:\n"
        "  input: {policy_target: $.t, policy: {id: p}, annotations: {a: {from: $.t}}}\n"
    )
    service = start(ACS_MANIFESTS="pii.yaml")

    def evaluate(text: str) -> float:
        body = {"manifest_ref": "pii", "snapshot": {"t": text}}
        _, reply = service.post("/v1/evaluate/input", body)
        assert reply["verdict"]["decision"] == "allow"
        return time.monotonic()

    with ThreadPoolExecutor(4) as callers:
        large = [callers.submit(evaluate, "a@b.co " * 140_000) for _ in range(4)]
        time.sleep(0.2)
        neighbours = [evaluate("hello") for _ in range(5)]
        answered = sorted(each.result() for each in large)
    assert neighbours[-1] < answered[1], "five small texts waited for two large ones"


def test_a_large_text_that_waits_too_long_is_never_looked_at() -> None:
    """Its annotation fails at the deadline, a small text's does not wait, and nothing piles up behind the thread."""
    seen: list[Json] = []
    busy = threading.Event()

    def detector(value: Json) -> dict[str, Json]:
        seen.append(value)
        if value != "small":
            busy.wait(30)
        return {}

    large: list[Json] = ["a" * LARGE_BYTES, ["b" * LARGE_BYTES], {"c" * LARGE_BYTES: 1}]

    async def annotate() -> list[Any]:
        with ThreadPoolExecutor(1) as thread:
            classifier = LocalClassifier("a", detector, thread, 0.2)
            calls = [classifier.annotate(value) for value in (*large, "small")]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            busy.set()
        return outcomes

    *failed, small = asyncio.run(annotate())
    assert small == {}
    assert [(each.reason, each.detail) for each in failed] == [
        (Reason.ANNOTATION_TIMEOUT, "annotator `a` did not finish a large value within 0.2 s")
    ] * len(large)
    assert len(seen) == 2
    assert large[0] in seen
