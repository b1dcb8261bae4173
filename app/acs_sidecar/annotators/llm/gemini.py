"""The Gemini API: `generateContent` with a JSON response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick, pick_text
from acs_sidecar.annotators.llm.api import merged, present_members, sampling
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["Gemini", "gemini"]

GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
_OWN = frozenset({"contents", "systemInstruction", "system_instruction", "tools"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemini:
    """One model; `body` is what every request carries beside the message."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]

    def request(self, message: str) -> HttpRequest:
        """Ask with the prompt as the system instruction."""
        contents: list[Json] = [{"role": "user", "parts": [{"text": message}]}]
        return HttpRequest(self.url, self.headers, canonical({**self.body, "contents": contents}))

    def text(self, reply: Json) -> str:
        """Join the parts of the first candidate, its thoughts left out, when it ended by itself."""
        if isinstance(reply, dict) and "candidates" not in reply and "promptFeedback" in reply:
            raise ReplyError("blocked the input with its content filter")
        candidate = pick(reply, "candidates", 0)
        finished = candidate.get("finishReason") if isinstance(candidate, dict) else None
        if finished == "MAX_TOKENS":
            raise ReplyError("returned truncated text: raise `max_tokens`")
        if finished != "STOP":
            raise ReplyError("returned unfinished text")
        parts = pick(candidate, "content", "parts")
        if not isinstance(parts, list):
            raise ReplyError("returned no text")
        return "".join(pick_text(part, "text") for part in parts if not _is_thought(part))


def _is_thought(part: Json) -> bool:
    return isinstance(part, dict) and part.get("thought") is True


def gemini(members: Members, prompt: str) -> Gemini:
    """Read the members of provider `gemini`."""
    temperature, max_tokens = sampling(members)
    generation: dict[str, Json] = {
        "responseMimeType": "application/json",
        "temperature": temperature,
        "maxOutputTokens": max_tokens,
    }
    body: dict[str, Json] = {
        "systemInstruction": {"parts": [{"text": prompt}]},
        "generationConfig": present_members(generation),
    }
    return Gemini(
        url=_url(members),
        headers=key_headers(members, "x-goog-api-key", required=True),
        body=merged(members, body, _OWN),
    )


def _url(members: Members) -> str:
    if "endpoint" in members:
        return called(members, "", "")
    model = members.required("model", "a model name").removeprefix("models/")
    return called(members, GEMINI_URL, f"/models/{quote(model, safe='')}:generateContent")
