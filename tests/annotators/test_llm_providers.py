"""Section 1.6: Gemini, Ollama and Bedrock, in the shapes that their APIs answer in."""

import re
from typing import Any

import orjson
import pytest

from acs_sidecar.annotators.llm.type import llm_annotator
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.outbound.sigv4 import Credentials, signed_headers
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from tests.annotators.servers import Speak, reply
from tests.annotators.test_llm import ANSWER, KEYS, VALUE, ask, failure, findings

GEMINI = {
    "provider": "gemini",
    "base_url": "@/v1beta",
    "model": "models/gemini-2.5-flash",
    "api_key_env": "KEY",
}
OLLAMA = {"provider": "ollama", "base_url": "@", "model": "llama3.1", "prompt": "Judge."}
BEDROCK = {
    "provider": "bedrock",
    "base_url": "@",
    "model": "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.amazon.nova-lite-v1:0",
    "aws_region": "eu-central-1",
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key_env": "KEY",
}
ANNOTATION = {"label": "safe", "raw": ANSWER, "answer": {"label": "safe", "score": 0.1}}
SHAPE = "returned a response that does not follow its API"
CUT_OFF = "returned truncated text: raise `max_tokens`"
UNFINISHED = "returned unfinished text"
FILTERED = "returned text that its content filter withheld"
NOT_ONE_OBJECT = "returned text that is not one JSON object"


def generated(*texts: str, finish: str = "STOP", **part: Any) -> dict[str, Any]:
    """A reply of `generateContent`."""
    return {
        "candidates": [
            {
                "content": {"parts": [{"text": text} | part for text in texts], "role": "model"},
                "finishReason": finish,
                "index": 0,
                "safetyRatings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "NEGLIGIBLE"}],
            }
        ],
        "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 11, "totalTokenCount": 19},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    }


def chatted(content: Any = ANSWER, **members: Any) -> dict[str, Any]:
    """A reply of Ollama's chat API that was not streamed."""
    return {
        "model": "llama3.1",
        "created_at": "2025-07-01T12:00:00.123456Z",
        "message": {"role": "assistant", "content": content},
        "done_reason": "stop",
        "done": True,
        "total_duration": 5191566416,
        "eval_count": 298,
    } | members


def conversed(*blocks: Any, stop: str = "end_turn") -> dict[str, Any]:
    """A reply of the Converse API."""
    return {
        "metrics": {"latencyMs": 551},
        "output": {"message": {"content": list(blocks), "role": "assistant"}},
        "stopReason": stop,
        "usage": {"inputTokens": 22, "outputTokens": 111, "totalTokens": 133},
    }


@pytest.mark.server
def test_gemini_is_asked_for_json() -> None:
    """The prompt is the system instruction, the key a header and never a part of the URL."""
    annotation, asked = ask(
        GEMINI | {"max_tokens": 5}, reply(generated('{"label": "sa', 'fe", "score": 0.1}'))
    )
    assert annotation == {**ANNOTATION}
    assert asked.target == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert asked.headers["x-goog-api-key"] == "s3cret"
    body = asked.json()
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "temperature": 0,
        "maxOutputTokens": 5,
    }
    assert body["systemInstruction"]["parts"][0]["text"].startswith("Classify the input.\n")
    (content,) = body["contents"]
    assert (content["role"], orjson.loads(content["parts"][0]["text"])) == ("user", {"input": VALUE})


@pytest.mark.server
def test_thoughts_of_gemini_are_no_answer() -> None:
    """Parts that are marked as thoughts are left out."""
    thinking = generated(ANSWER)
    thinking["candidates"][0]["content"]["parts"].insert(0, {"text": "Hm.", "thought": True})
    assert ask(GEMINI, reply(thinking))[0] == ANNOTATION


@pytest.mark.parametrize(
    ("speak", "detail"),
    [
        (
            reply({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}),
            "blocked the input with its content filter",
        ),
        (reply(generated('{"label": "sa', finish="MAX_TOKENS")), CUT_OFF),
        (reply(generated(ANSWER, finish="SAFETY")), UNFINISHED),
        (reply(generated(ANSWER, finish="RECITATION")), UNFINISHED),
        (reply({"candidates": [{"finishReason": "STOP", "content": {"role": "model"}}]}), SHAPE),
        (reply({"candidates": [{"finishReason": "STOP", "content": {"parts": {}}}]}), "returned no text"),
        (reply({"candidates": []}), SHAPE),
        (reply(generated("Safe.")), NOT_ONE_OBJECT),
        (reply(generated()), NOT_ONE_OBJECT),
        (reply({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, 400), "returned status 400"),
        (reply({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}, 503), "returned status 503"),
    ],
)  # fmt: skip
def test_gemini_fails_closed(speak: Speak, detail: str) -> None:
    """Blocked, filtered, cut off or in another shape: no annotation."""
    assert failure(GEMINI, speak) == ("annotation_failed", f"annotator `judge` {detail}")


@pytest.mark.server
def test_ollama_is_asked_for_json_in_one_piece() -> None:
    """JSON mode, no streaming, sampling under `options`, and no key unless there is one."""
    annotation, asked = ask(OLLAMA | {"max_tokens": 5}, reply(chatted()))
    assert annotation == ANNOTATION
    assert asked.target == "/api/chat"
    assert "authorization" not in asked.headers
    body = asked.json()
    system, user = body.pop("messages")
    assert body == {
        "model": "llama3.1",
        "format": "json",
        "stream": False,
        "options": {"temperature": 0, "num_predict": 5},
    }
    assert system["content"].startswith("Judge.\n")
    assert orjson.loads(user["content"]) == {"input": VALUE}
    assert ask(OLLAMA | {"api_key": "k"}, reply(chatted()))[1].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(
    ("speak", "detail"),
    [
        (reply(chatted('{"label": "sa', done_reason="length")), CUT_OFF),
        (reply(chatted(done=False)), UNFINISHED),
        (reply({"message": {"content": ANSWER}}), SHAPE),
        (reply(chatted(None)), "returned no text"),
        (reply(chatted("safe")), NOT_ONE_OBJECT),
        (reply({"error": "model 'llama3.1' not found"}, 404), "returned status 404"),
        (
            reply(b'{"message":{"content":"{"},"done":false}\n{"message":{"content":"}"},"done":true}\n'),
            "returned a body that is not JSON",
        ),
    ],
)
def test_ollama_fails_closed(speak: Speak, detail: str) -> None:
    """Cut off, streamed, or in another shape: no annotation."""
    assert failure(OLLAMA, speak) == ("annotation_failed", f"annotator `judge` {detail}")


@pytest.mark.server
def test_bedrock_is_asked_with_a_signature() -> None:
    """The id of the model is one segment of the path, and the signature is over what arrived."""
    annotation, asked = ask(BEDROCK | {"max_tokens": 5}, reply(conversed({"text": ANSWER})))
    assert annotation == ANNOTATION
    path = "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0/converse"
    assert asked.target == path
    body = asked.json()
    assert body["inferenceConfig"] == {"temperature": 0, "maxTokens": 5}
    assert body["system"][0]["text"].startswith("Classify the input.\n")
    (message,) = body["messages"]
    assert (message["role"], orjson.loads(message["content"][0]["text"])) == ("user", {"input": VALUE})
    covered = re.search("SignedHeaders=([^,]*),", asked.headers["authorization"])
    assert covered
    expected = signed_headers(
        Credentials("AKIDEXAMPLE", "s3cret"),
        method="POST",
        url=f"http://{asked.headers['host']}{asked.target}",
        headers={"Content-Type": asked.headers["content-type"]},
        body=asked.body,
        region="eu-central-1",
        service="bedrock",
        moment=asked.headers["x-amz-date"],
    )
    assert covered[1] == "content-type;host;x-amz-date"
    assert asked.headers["authorization"] == expected["Authorization"]


@pytest.mark.server
def test_a_session_token_is_signed_and_sent() -> None:
    """Temporary credentials carry their token."""
    _, asked = ask(BEDROCK | {"aws_session_token": "tok+en=="}, reply(conversed({"text": ANSWER})))
    assert asked.headers["x-amz-security-token"] == "tok+en=="
    assert "x-amz-security-token" in asked.headers["authorization"]


@pytest.mark.server
def test_a_bedrock_api_key_takes_the_place_of_the_signature() -> None:
    """It goes as bearer, and no AWS credentials are needed."""
    members = {name: member for name, member in BEDROCK.items() if "access_key" not in name}
    _, asked = ask(members | {"api_key_env": "KEY"}, reply(conversed({"text": ANSWER})))
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert "x-amz-date" not in asked.headers


@pytest.mark.parametrize(
    ("speak", "detail"),
    [
        (reply(conversed({"text": '{"label": "sa'}, stop="max_tokens")), CUT_OFF),
        (reply(conversed({"text": "Sorry."}, stop="guardrail_intervened")), FILTERED),
        (reply(conversed({"text": ANSWER}, stop="content_filtered")), FILTERED),
        (reply(conversed({"toolUse": {"name": "f", "input": {}}}, stop="tool_use")), UNFINISHED),
        (reply(conversed()), NOT_ONE_OBJECT),
        (reply(conversed({"text": 1})), "returned no text"),
        (reply({"output": {"message": {"content": 1}}, "stopReason": "end_turn"}), "returned no text"),
        (reply({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}}), SHAPE),
        (
            reply({"message": "The security token included in the request is invalid."}, 403),
            "returned status 403",
        ),
        (reply({"message": "Too many requests, please wait before trying again."}, 429), "returned status 429"),
    ],
)  # fmt: skip
def test_bedrock_fails_closed(speak: Speak, detail: str) -> None:
    """Cut off, intervened, another turn, or in another shape: no annotation."""
    assert failure(BEDROCK, speak) == ("annotation_failed", f"annotator `judge` {detail}")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"provider": "gemini", "model": "m"}, {"x.api_key_env"}),
        ({"provider": "gemini", "api_key": "k"}, {"x.model"}),
        ({"provider": "ollama"}, {"x.model"}),
        ({"provider": "bedrock", "model": "m", "aws_region": "us-east-1"}, {"x.aws_access_key_id_env", "x.aws_secret_access_key_env"}),
        ({"provider": "bedrock", "model": "m", "api_key": "k"}, {"x.aws_region"}),
        ({"provider": "bedrock", "model": "m", "api_key": "k", "aws_region": "evil.example/"}, {"x.aws_region"}),
        ({"provider": "bedrock", "aws_region": "eu", "api_key": "k"}, {"x.model"}),
        (
            {"provider": "bedrock", "model": "m", "aws_region": "eu", "aws_access_key_id_env": "NO", "aws_secret_access_key": "s", "aws_secret_access_key_env": "KEY", "aws_session_token_env": "NO"},
            {"x.aws_access_key_id_env", "x.aws_secret_access_key", "x.aws_session_token_env"},
        ),
        ({"provider": "ollama", "model": "m", "provider_config": {"stream": True}}, {"x.provider_config.stream"}),
        ({"provider": "gemini", "model": "m", "api_key": "k", "provider_config": {"contents": []}}, {"x.provider_config.contents"}),
        ({"provider": "bedrock", "model": "m", "api_key": "k", "aws_region": "eu", "provider_config": {"system": []}}, {"x.provider_config.system"}),
    ],
)  # fmt: skip
def test_what_a_provider_needs_must_be_there(members: dict[str, Any], expected: set[str]) -> None:
    """Credentials, model and region are named in the manifest; nothing is picked up from the surroundings."""
    assert {path for path, _ in findings(members)} == expected


@pytest.mark.parametrize(
    ("members", "called"),
    [
        ({"provider": "openai", "model": "m", "api_key": "k"}, "https://api.openai.com/v1/chat/completions"),
        ({"provider": "gemini", "model": "m", "api_key": "k"}, "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
        ({"provider": "ollama", "model": "m"}, "http://localhost:11434/api/chat"),
        ({"provider": "bedrock", "model": "m", "api_key": "k", "aws_region": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse"),
        ({"provider": "azure_openai", "api_key": "k", "deployment": "d", "endpoint": "https://n.openai.azure.com/"}, "https://n.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"),
    ],
)  # fmt: skip
def test_a_default_address_needs_to_be_allowed_too(members: dict[str, Any], called: str) -> None:
    """For an inline manifest the URL that results is compared, in every provider."""
    origin = "/".join(called.split("/")[:3])
    nowhere = AnnotatorContext(sources=NoSources(), environment=KEYS, outbound=OutboundAllow(()))
    somewhere = AnnotatorContext(sources=NoSources(), environment={}, outbound=OutboundAllow((origin,)))
    assert [message for _, message in findings(members, nowhere)] == ["not allowed by ACS_OUTBOUND_ALLOW"]
    annotator = llm_annotator("judge", "x", members, somewhere, HttpClient())
    assert annotator.api.request("{}").url == called


def test_a_key_does_not_show() -> None:
    """An annotator that reaches a log or a traceback shows no credential."""
    for members in (
        {"provider": "openai", "model": "m", "api_key": "s3cret"},
        {
            "provider": "bedrock",
            "model": "m",
            "aws_region": "eu",
            "aws_access_key_id": "A",
            "aws_secret_access_key": "s3cret",
        },
    ):
        context = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
        assert "s3cret" not in repr(llm_annotator("judge", "x", members, context, HttpClient()))
