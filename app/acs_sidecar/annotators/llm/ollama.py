"""Ollama's chat API, in JSON mode."""

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick, pick_text
from acs_sidecar.annotators.llm.api import SystemChat, merged, present_members, sampling
from acs_sidecar.annotators.members import Members
from acs_sidecar.spec.values import Json

__all__ = ["Ollama", "ollama"]

OLLAMA_URL = "http://localhost:11434"
_ROUTE = "/api/chat"
_OWN = frozenset({"messages", "model", "stream", "tools"})


class Ollama(SystemChat):
    """One model of one server."""

    def text(self, reply: Json) -> str:
        """Return the message. Raises `ReplyError` for an unfinished one."""
        if pick(reply, "done") is not True:
            raise ReplyError("returned unfinished text")
        if isinstance(reply, dict) and reply.get("done_reason") == "length":
            raise ReplyError("returned truncated text: raise `max_tokens`")
        return pick_text(reply, "message", "content")


def ollama(members: Members, prompt: str) -> Ollama:
    """Read the members of provider `ollama`."""
    temperature, max_tokens = sampling(members)
    body: dict[str, Json] = {
        "model": members.required("model", "a model name"),
        "format": "json",
        "stream": False,
        "options": present_members({"temperature": temperature, "num_predict": max_tokens}),
    }
    return Ollama(
        url=called(members, OLLAMA_URL, _ROUTE),
        headers=key_headers(members, "Authorization", required=False),
        body=merged(members, body, _OWN),
        prompt=prompt,
    )
