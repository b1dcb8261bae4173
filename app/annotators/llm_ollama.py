"""Ollama's chat API, in JSON mode."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.annotators.api import ReplyError, called, key_headers, pick, pick_text
from app.annotators.llm_api import merged, sampling
from app.annotators.members import Members
from app.annotators.remote import HttpRequest
from app.core.canonical import canonical
from app.core.values import Json

__all__ = ["Ollama", "ollama"]

OLLAMA_URL = "http://localhost:11434"
_ROUTE = "/api/chat"
_OWN = frozenset({"messages", "model", "stream", "tools"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ollama:
    """One model of one server; `body` is what every request carries beside the messages."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]
    prompt: str

    def request(self, message: str) -> HttpRequest:
        """Ask with the prompt as the system message."""
        messages: list[Json] = [
            {"role": "system", "content": self.prompt},
            {"role": "user", "content": message},
        ]
        return HttpRequest(self.url, self.headers, canonical({**self.body, "messages": messages}))

    def text(self, reply: Json) -> str:
        """Take the message, when it is finished."""
        if pick(reply, "done") is not True:
            raise ReplyError("answered with a text that it did not finish")
        if isinstance(reply, dict) and reply.get("done_reason") == "length":
            raise ReplyError("answered with a text that was cut off: raise `max_tokens`")
        return pick_text(reply, "message", "content")


def ollama(members: Members, prompt: str) -> Ollama:
    """Read the members of provider `ollama`."""
    temperature, max_tokens = sampling(members)
    options: dict[str, Json] = {"temperature": temperature, "num_predict": max_tokens}
    body: dict[str, Json] = {
        "model": members.required("model", "the name of a model"),
        "format": "json",
        "stream": False,
        "options": {name: value for name, value in options.items() if value is not None},
    }
    return Ollama(
        url=called(members, OLLAMA_URL, _ROUTE),
        headers=key_headers(members, "Authorization", required=False),
        body=merged(members, body, _OWN),
        prompt=prompt,
    )
