"""Lakera Guard: detectors that its project's policy chooses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick, pick_text
from acs_sidecar.annotators.classifier.api import Judgement
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["LakeraGuard", "lakera_guard"]

LAKERA_URL = "https://api.lakera.ai/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeraGuard:
    """One project; its policy decides what is flagged."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]
    role: str

    def request(self, text: str) -> HttpRequest:
        """Ask about one message."""
        messages: list[Json] = [{"role": self.role, "content": text}]
        return HttpRequest(self.url, self.headers, canonical({**self.body, "messages": messages}))

    def judgement(self, reply: Json) -> Judgement:
        """Map each detector to a category and its listed matches to findings."""
        flagged = pick(reply, "flagged")
        breakdown = pick(reply, "breakdown")
        payload = reply.get("payload") if isinstance(reply, dict) else None
        if (
            not isinstance(flagged, bool)
            or not isinstance(breakdown, list)
            or not isinstance(payload, list | None)
        ):
            raise ReplyError("returned a response that does not follow its API")
        scores: dict[str, float] = {}
        for entry in breakdown:
            detector = pick_text(entry, "detector_type")
            scores[detector] = max(scores.get(detector, 0.0), float(pick(entry, "detected") is not False))
        found = frozenset(name for name, score in scores.items() if score)
        return Judgement(scores, found, flagged, [_finding(match) for match in payload or []])


def _finding(match: Json) -> Json:
    start, end = pick(match, "start"), pick(match, "end")
    if type(start) is not int or type(end) is not int:
        raise ReplyError("returned a response that does not follow its API")
    return {"category": pick_text(match, "detector_type"), "start": start, "end": end}


def lakera_guard(members: Members) -> LakeraGuard:
    """Read the members of provider `lakera_guard`."""
    body: dict[str, Json] = {"breakdown": True, "payload": True}
    if project := members.text("project_id"):
        body["project_id"] = project
    role = members.text("role", "user")
    if role not in ("user", "assistant"):
        members.wrong("role", "must be `user` or `assistant`")
    for name in ("threshold", "category_thresholds"):
        if name in members:
            members.wrong(name, "has no effect: the Lakera project's policy decides what is flagged")
    return LakeraGuard(
        url=called(members, LAKERA_URL, "/guard"),
        headers=key_headers(members, "Authorization", required=True),
        body=body,
        role=role,
    )
