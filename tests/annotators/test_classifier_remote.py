"""Section 1.6: remote `classifier` providers, in the shapes that their APIs answer in, all give one shape."""

import asyncio
from typing import Any

import pytest

from acs_sidecar.annotators.classifier.remote import PROVIDERS, remote_providers
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.annotators.servers import ReceivedRequest, Speak, reply, wire_server

CONTEXT = AnnotatorContext(sources=NoSources(), environment={"KEY": "s3cret"}, outbound=None)
SHAPE = "returned a response that does not follow its API"

AZURE = {"provider": "azure_content_safety", "endpoint": "@/", "api_key_env": "KEY"}
OPENAI = {"provider": "openai_moderation", "base_url": "@/v1", "api_key_env": "KEY"}
LAKERA = {"provider": "lakera_guard", "base_url": "@/v2", "api_key_env": "KEY"}
LLAMA = {"provider": "llama_guard", "base_url": "@/v1", "model": "llama-guard-3-8b"}
PERSPECTIVE = {"provider": "perspective", "base_url": "@/v1alpha1", "api_key_env": "KEY"}


async def _classify(members: dict[str, Any], speak: Speak, value: Json) -> tuple[Json, list[ReceivedRequest]]:
    async with wire_server(speak) as wire:
        client = HttpClient()
        placed = {
            name: wire.url + member[1:] if isinstance(member, str) and member.startswith("@") else member
            for name, member in members.items()
        }
        built = remote_providers(client)[members["provider"]]("guard", "x", placed, CONTEXT)
        try:
            return await built.annotate(value), wire.received
        finally:
            await client.close()


def classify(members: dict[str, Any], speak: Speak, value: Json = "hello") -> tuple[Any, ReceivedRequest]:
    """Annotate with a server that speaks so; a member that starts with `@` is a URL on that server."""
    annotation, (sent,) = asyncio.run(_classify(members, speak, value))
    return annotation, sent


def failure(members: dict[str, Any], speak: Speak) -> str:
    """Annotate in vain, with `annotation_failed`."""
    with pytest.raises(EvaluationError) as caught:
        classify(members, speak)
    assert caught.value.reason == "runtime_error:annotation_failed"
    return caught.value.detail.removeprefix("annotator `guard` ")


def analysed(hate: Any = 0, violence: Any = 0, blocked: Any = ()) -> dict[str, Any]:
    """A reply of Azure AI Content Safety."""
    severities = {"Hate": hate, "SelfHarm": 0, "Sexual": 0, "Violence": violence}
    return {
        "blocklistsMatch": [*blocked],
        "categoriesAnalysis": [{"category": name, "severity": each} for name, each in severities.items()],
    }


def moderated(*, flagged: bool = False, violence: bool = False, score: Any = 0.01) -> dict[str, Any]:
    """A reply of OpenAI's moderation endpoint."""
    return {
        "id": "modr-0d9740456c391e43c445bf0f010940c7",
        "model": "omni-moderation-latest",
        "results": [
            {
                "flagged": flagged,
                "categories": {"harassment": False, "violence": violence, "illicit": None},
                "category_scores": {"harassment": 0.0011, "violence": score},
                "category_applied_input_types": {"harassment": ["text"], "violence": ["text"]},
            }
        ],
    }


def guarded(*, flagged: bool = True, detected: bool = True, **members: Any) -> dict[str, Any]:
    """A reply of Lakera Guard."""
    return {
        "payload": [
            {
                "start": 8,
                "end": 20,
                "text": "j@example.com",
                "detector_type": "pii/email",
                "labels": [],
                "message_id": 0,
            }
        ]
        if detected
        else [],
        "flagged": flagged,
        "breakdown": [
            {
                "project_id": "p",
                "policy_id": "q",
                "detector_id": "d1",
                "detector_type": "prompt_attack",
                "detected": False,
                "message_id": 0,
            },
            {
                "project_id": "p",
                "policy_id": "q",
                "detector_id": "d2",
                "detector_type": "pii/email",
                "detected": detected,
                "message_id": 0,
            },
        ],
        "metadata": {"request_uuid": "8b2b6c1c-9f7a-4f8a-9c2d-8a44ca72e975"},
    } | members


def completed(content: Any) -> dict[str, Any]:
    """A chat completion with this content."""
    message = {"role": "assistant", "content": content}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def scored(**scores: Any) -> dict[str, Any]:
    """A reply of Perspective."""
    return {
        "attributeScores": {
            name: {
                "spanScores": [{"begin": 0, "end": 5, "score": {"value": value, "type": "PROBABILITY"}}],
                "summaryScore": {"value": value, "type": "PROBABILITY"},
            }
            for name, value in scores.items()
        },
        "languages": ["en"],
        "detectedLanguages": ["en"],
    }


@pytest.mark.server
def test_azure_content_safety() -> None:
    """Severities become scores; medium and above counts as found, and so does a block list."""
    annotation, sent = classify(
        AZURE | {"blocklists": ["words"], "categories": ["Hate"]}, reply(analysed(hate=4, violence=2))
    )
    assert sent.target == "/contentsafety/text:analyze?api-version=2024-09-01"
    assert sent.headers["ocp-apim-subscription-key"] == "s3cret"
    assert sent.json() == {
        "text": "hello",
        "outputType": "EightSeverityLevels",
        "blocklistNames": ["words"],
        "categories": ["Hate"],
    }
    assert annotation == {
        "flagged": True,
        "score": 0.571429,
        "label": "Hate",
        "categories": ["Hate"],
        "findings": [],
        "scores": {"Hate": 0.571429, "SelfHarm": 0.0, "Sexual": 0.0, "Violence": 0.285714},
    }
    match = {"blocklistName": "words", "blocklistItemId": "1", "blocklistItemText": "hello"}
    blocked, _ = classify(AZURE, reply(analysed(blocked=[match])))
    assert (blocked["flagged"], blocked["label"], blocked["score"]) == (True, "blocklist", 1.0)
    clean, _ = classify(AZURE, reply(analysed()))
    assert (clean["flagged"], clean["label"], clean["categories"]) == (False, "none", [])


@pytest.mark.server
def test_openai_moderation() -> None:
    """Its own flags decide, unless the manifest sets thresholds."""
    annotation, sent = classify(OPENAI, reply(moderated(flagged=True, violence=True, score=0.86)))
    assert (sent.target, sent.headers["authorization"]) == ("/v1/moderations", "Bearer s3cret")
    assert sent.json() == {"model": "omni-moderation-latest", "input": "hello"}
    assert annotation == {
        "flagged": True,
        "score": 0.86,
        "label": "violence",
        "categories": ["violence"],
        "findings": [],
        "scores": {"harassment": 0.0011, "violence": 0.86},
    }
    bare, _ = classify(OPENAI, reply(moderated(flagged=True)))
    assert (bare["flagged"], bare["label"], bare["score"]) == (True, "flagged", 1.0)
    strict, _ = classify(OPENAI | {"category_thresholds": {"violence": 0.3}}, reply(moderated(score=0.4)))
    assert (strict["flagged"], strict["categories"]) == (True, ["violence"])
    lax, _ = classify(OPENAI | {"threshold": 0.9}, reply(moderated(flagged=True, violence=True, score=0.86)))
    assert (lax["flagged"], lax["categories"], lax["score"]) == (False, [], 0.86)


@pytest.mark.server
def test_lakera_guard() -> None:
    """The project's policy decides; matches are findings."""
    annotation, sent = classify(LAKERA | {"project_id": "project-1", "role": "assistant"}, reply(guarded()))
    assert (sent.target, sent.headers["authorization"]) == ("/v2/guard", "Bearer s3cret")
    assert sent.json() == {
        "messages": [{"role": "assistant", "content": "hello"}],
        "breakdown": True,
        "payload": True,
        "project_id": "project-1",
    }
    assert annotation == {
        "flagged": True,
        "score": 1.0,
        "label": "pii/email",
        "categories": ["pii/email"],
        "findings": [{"category": "pii/email", "start": 8, "end": 20}],
        "scores": {"pii/email": 1.0, "prompt_attack": 0.0},
    }
    clean, _ = classify(LAKERA, reply(guarded(flagged=False, detected=False)))
    assert (clean["flagged"], clean["score"], clean["label"]) == (False, 0.0, "none")
    bare, _ = classify(LAKERA, reply(guarded(detected=False)))
    assert (bare["flagged"], bare["score"], bare["label"]) == (True, 1.0, "flagged")


@pytest.mark.server
@pytest.mark.parametrize(
    ("content", "flagged", "categories", "label"),
    [
        ("safe", False, [], "none"),
        ("\n\nsafe", False, [], "none"),
        ("unsafe\nS1,S10", True, ["S1", "S10"], "S1"),
        ("\n\nunsafe\nS2", True, ["S2"], "S2"),
        ("unsafe\nO3, O4", True, ["O3", "O4"], "O3"),
        ("unsafe", True, [], "flagged"),
    ],
)
def test_llama_guard(content: str, flagged: bool, categories: list[str], label: str) -> None:
    """`safe` and `unsafe` with codes are the only answers."""
    annotation, sent = classify(LLAMA, reply(completed(content)))
    assert sent.target == "/v1/chat/completions"
    assert sent.json() == {
        "model": "llama-guard-3-8b",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0,
        "max_tokens": 128,
    }
    assert annotation == {
        "flagged": flagged,
        "score": float(flagged),
        "label": label,
        "categories": categories,
        "findings": [],
        "scores": dict.fromkeys(categories, 1.0),
    }


@pytest.mark.server
def test_perspective() -> None:
    """The key is in a header and not in the URL, the comment is not to be stored, summary scores count."""
    members = PERSPECTIVE | {"categories": ["TOXICITY", "THREAT"], "languages": ["en"], "threshold": 0.7}
    annotation, sent = classify(members, reply(scored(TOXICITY=0.92, THREAT=0.3)))
    assert (sent.target, sent.headers["x-goog-api-key"]) == ("/v1alpha1/comments:analyze", "s3cret")
    assert sent.json() == {
        "comment": {"text": "hello", "type": "PLAIN_TEXT"},
        "requestedAttributes": {"TOXICITY": {}, "THREAT": {}},
        "doNotStore": True,
        "languages": ["en"],
    }
    assert annotation == {
        "flagged": True,
        "score": 0.92,
        "label": "TOXICITY",
        "categories": ["TOXICITY"],
        "findings": [],
        "scores": {"THREAT": 0.3, "TOXICITY": 0.92},
    }


@pytest.mark.server
def test_a_value_that_is_no_text_goes_as_json() -> None:
    """Nothing of it is left out."""
    _, sent = classify(OPENAI, reply(moderated()), {"b": ["x", None], "a": 1})
    assert sent.json()["input"] == '{"a":1,"b":["x",null]}'


@pytest.mark.parametrize(
    ("members", "speak", "detail"),
    [
        (AZURE, reply({}), SHAPE),
        (AZURE, reply({"categoriesAnalysis": []}), "returned no category"),
        (AZURE, reply(analysed(hate=8)), "returned a score outside its range"),
        (AZURE, reply(analysed(hate=None)), "returned a score outside its range"),
        (AZURE, reply({"categoriesAnalysis": [{"category": "Hate"}]}), SHAPE),
        (AZURE, reply({"categoriesAnalysis": [], "blocklistsMatch": {}}), SHAPE),
        (AZURE, reply({"error": {"code": "InvalidRequestBody", "message": "The text is too long"}}, 400), "returned status 400"),
        (OPENAI, reply({"results": []}), SHAPE),
        (OPENAI, reply({"results": [{"flagged": False}]}), SHAPE),
        (OPENAI, reply({"results": [{"flagged": "no", "categories": {}, "category_scores": {}}]}), SHAPE),
        (OPENAI, reply({"results": [{"flagged": False, "categories": {}, "category_scores": {}}]}), "returned no category"),
        (OPENAI, reply(moderated(score=1.5)), "returned a score outside its range"),
        (OPENAI, reply(moderated(score="high")), "returned a score outside its range"),
        (OPENAI, reply({"error": {"message": "Too Many Requests", "code": "429"}}, 429), "returned status 429"),
        (LAKERA, reply({"flagged": False}), SHAPE),
        (LAKERA, reply(guarded(flagged=None)), SHAPE),  # type: ignore[arg-type]  # a wrong type is the case
        (LAKERA, reply(guarded(payload={})), SHAPE),
        (LAKERA, reply(guarded(payload=[{"detector_type": "pii", "start": "8", "end": 9}])), SHAPE),
        (LAKERA, reply(guarded(breakdown=[{"detected": True}])), SHAPE),
        (LLAMA, reply(completed("I think this is safe.")), "returned neither `safe` nor `unsafe` with categories"),
        (LLAMA, reply(completed("safe\nS1")), "returned neither `safe` nor `unsafe` with categories"),
        (LLAMA, reply(completed("unsafe\nbecause of violence")), "returned neither `safe` nor `unsafe` with categories"),
        (LLAMA, reply(completed("")), "returned neither `safe` nor `unsafe` with categories"),
        (LLAMA, reply(completed(None)), "returned no text"),
        (LLAMA, reply({"choices": []}), SHAPE),
        (PERSPECTIVE, reply({"attributeScores": {}}), SHAPE),
        (PERSPECTIVE, reply({"attributeScores": {"TOXICITY": {}}}), SHAPE),
        (PERSPECTIVE, reply(scored(TOXICITY=-0.1)), "returned a score outside its range"),
        (PERSPECTIVE, reply({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"}]}}, 400), "returned status 400"),
    ],
)  # fmt: skip
def test_whatever_is_no_judgement_is_annotation_failed(
    members: dict[str, Any], speak: Speak, detail: str
) -> None:
    """A reply that cannot be read in full is no all-clear."""
    assert failure(members, speak) == detail


def findings(members: dict[str, Any], context: AnnotatorContext = CONTEXT) -> set[tuple[str | None, str]]:
    """Build in vain."""
    with pytest.raises(ManifestError) as caught:
        remote_providers(HttpClient())[members["provider"]]("guard", "x", members, context)
    return {(finding.path, finding.message) for finding in caught.value.diagnostics}


NO_KEY = ("x.api_key_env", "must be the name of the environment variable that holds the key")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"provider": "azure_content_safety"}, {("x.endpoint", "must be the resource URL"), NO_KEY}),
        ({"provider": "openai_moderation"}, {NO_KEY}),
        ({"provider": "lakera_guard"}, {NO_KEY}),
        ({"provider": "perspective"}, {NO_KEY}),
        (
            {"provider": "llama_guard"},
            {
                ("x.base_url", "must be the base URL, to which `/chat/completions` is appended"),
                ("x.model", "must be a model name"),
            },
        ),
        (
            {"provider": "llama_guard", "base_url": "http://a/", "model": "m", "threshold": 0.5},
            {("x.threshold", "has no effect: the model returns no scores")},
        ),
        (
            {"provider": "lakera_guard", "api_key": "k", "category_thresholds": {}, "role": "system"},
            {
                (
                    "x.category_thresholds",
                    "has no effect: the Lakera project's policy decides what is flagged",
                ),
                ("x.role", "must be `user` or `assistant`"),
            },
        ),
        (
            {
                "provider": "perspective",
                "api_key": "k",
                "threshold": 2,
                "category_thresholds": {"A": "1"},
                "categories": [],
            },
            {
                ("x.threshold", "must be a number from 0 to 1, or null to omit it"),
                ("x.category_thresholds.A", "must be a number from 0 to 1"),
                ("x.categories", "must be a list of non-blank strings"),
            },
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_invalid(
    members: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    """Every member is checked when the manifest is compiled."""
    assert findings(members) == expected


def test_an_inline_manifest_calls_only_what_is_allowed() -> None:
    """Of every provider, at its own address too."""
    context = AnnotatorContext(
        sources=NoSources(), environment={}, outbound=OutboundAllow(("https://ok.example",))
    )
    refused = {"not allowed by ACS_OUTBOUND_ALLOW"}
    for provider in PROVIDERS:
        members = {"provider": provider, "api_key": "k", "model": "m"}
        if provider in ("azure_content_safety", "llama_guard"):
            members["endpoint"] = "https://evil.example"
        assert {message for _, message in findings(members, context)} == refused
        allowed = members | {"endpoint": "https://ok.example/x"}
        remote_providers(HttpClient())[provider]("guard", "x", allowed, context)
