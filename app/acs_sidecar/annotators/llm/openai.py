"""The chat completions API: OpenAI's, servers that speak it, and Azure OpenAI."""

from urllib.parse import quote, urlencode

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick, pick_text
from acs_sidecar.annotators.llm.api import SystemChat, merged, sampling
from acs_sidecar.annotators.members import Members
from acs_sidecar.spec.values import Json

__all__ = ["ChatCompletions", "azure_openai", "openai", "openai_compatible"]

OPENAI_URL = "https://api.openai.com/v1"
_ROUTE = "/chat/completions"
_OWN = frozenset({"messages", "model", "stream", "n", "tools"})


class ChatCompletions(SystemChat):
    """A chat completions endpoint."""

    def text(self, reply: Json) -> str:
        """Return the first choice. Raises `ReplyError` if it was refused, filtered or truncated."""
        choice = pick(reply, "choices", 0)
        message = pick(choice, "message")
        if isinstance(message, dict) and message.get("refusal"):
            raise ReplyError("refused to answer")
        finished = choice.get("finish_reason") if isinstance(choice, dict) else None
        if finished == "length":
            raise ReplyError("returned truncated text: raise `max_tokens`")
        if finished == "content_filter":
            raise ReplyError("returned text that its content filter withheld")
        return pick_text(message, "content")


def openai(members: Members, prompt: str) -> ChatCompletions:
    """Read the members of provider `openai`."""
    url = called(members, OPENAI_URL, _ROUTE)
    headers = key_headers(members, "Authorization", required=True)
    return ChatCompletions(
        url=url, headers=headers, body=_body(members, "max_completion_tokens", _model(members)), prompt=prompt
    )


def openai_compatible(members: Members, prompt: str) -> ChatCompletions:
    """Read the members of provider `openai_compatible`: any server that speaks the API."""
    if "endpoint" not in members and "base_url" not in members:
        members.wrong("base_url", "must be the base URL, to which `/chat/completions` is appended")
    url = called(members, "", _ROUTE)
    headers = key_headers(members, "Authorization", required=False)
    return ChatCompletions(
        url=url, headers=headers, body=_body(members, "max_tokens", _model(members)), prompt=prompt
    )


def azure_openai(members: Members, prompt: str) -> ChatCompletions:
    """Read the members of provider `azure_openai`."""
    headers = key_headers(members, "api-key", required=True)
    return ChatCompletions(
        url=_azure_url(members),
        headers=headers,
        body=_body(members, "max_completion_tokens", members.text("model") or None),
        prompt=prompt,
    )


def _model(members: Members) -> str:
    return members.required("model", "a model name")


def _azure_url(members: Members) -> str:
    if "endpoint" not in members:
        members.wrong("endpoint", "must be the resource URL, such as `https://NAME.openai.azure.com`")
    endpoint = members.url("endpoint").rstrip("/")
    if not endpoint or _ROUTE in endpoint:
        return members.reachable("endpoint", endpoint)
    deployment = quote(members.required("deployment", "a deployment name"), safe="")
    version = urlencode({"api-version": members.text("api_version", "2024-10-21")})
    return members.reachable("endpoint", f"{endpoint}/openai/deployments/{deployment}{_ROUTE}?{version}")


def _body(members: Members, tokens: str, model: str | None) -> dict[str, Json]:
    temperature, max_tokens = sampling(members)
    body: dict[str, Json] = {
        "model": model,
        "response_format": {"type": "json_object"},
        "temperature": temperature,
        tokens: max_tokens,
    }
    return merged(members, body, _OWN)
