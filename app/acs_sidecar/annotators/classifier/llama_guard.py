"""Llama Guard, behind any server that speaks the chat completions API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick_text
from acs_sidecar.annotators.classifier.api import Judgement
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["LlamaGuard", "llama_guard"]

_MAX_TOKENS = 128
_CODE = re.compile(r"[A-Z][A-Za-z]?[0-9]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaGuard:
    """One model; its server's chat template turns the message into the taxonomy's question."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    model: str

    def request(self, text: str) -> HttpRequest:
        """Ask about one user message, without chance."""
        body: dict[str, Json] = {
            "model": self.model,
            "messages": [{"role": "user", "content": text}],
            "temperature": 0,
            "max_tokens": _MAX_TOKENS,
        }
        return HttpRequest(self.url, self.headers, canonical(body))

    def judgement(self, reply: Json) -> Judgement:
        """Read `safe`, or `unsafe` with codes of categories on the next line; nothing else is an answer."""
        lines = pick_text(reply, "choices", 0, "message", "content").split()
        if lines == ["safe"]:
            return Judgement({}, frozenset())
        codes = ",".join(lines[1:]).split(",") if len(lines) > 1 else []
        codes = [code for code in codes if code]
        if lines[:1] != ["unsafe"] or not all(_CODE.fullmatch(code) for code in codes):
            raise ReplyError("returned neither `safe` nor `unsafe` with categories")
        return Judgement(dict.fromkeys(codes, 1.0), frozenset(codes), flagged=True)


def llama_guard(members: Members) -> LlamaGuard:
    """Read the members of provider `llama_guard`."""
    if "endpoint" not in members and "base_url" not in members:
        members.wrong("base_url", "must be the base URL, to which `/chat/completions` is appended")
    for name in ("threshold", "category_thresholds"):
        if name in members:
            members.wrong(name, "has no effect: the model returns no scores")
    return LlamaGuard(
        url=called(members, "", "/chat/completions"),
        headers=key_headers(members, "Authorization", required=False),
        model=members.required("model", "a model name"),
    )
