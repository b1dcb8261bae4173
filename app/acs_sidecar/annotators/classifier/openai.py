"""OpenAI's moderation endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick
from acs_sidecar.annotators.classifier.api import Judgement, Thresholds, fraction, thresholds
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["OpenAiModeration", "openai_moderation"]

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiModeration:
    """One model; without thresholds of our own its flags decide."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    model: str
    thresholds: Thresholds | None

    def request(self, text: str) -> HttpRequest:
        """Ask about one text."""
        return HttpRequest(self.url, self.headers, canonical({"model": self.model, "input": text}))

    def judgement(self, reply: Json) -> Judgement:
        """Parse the single result of a reply."""
        result = pick(reply, "results", 0)
        flagged, flags, scored = (pick(result, name) for name in ("flagged", "categories", "category_scores"))
        if not isinstance(flags, dict) or not isinstance(scored, dict) or not isinstance(flagged, bool):
            raise ReplyError("returned a response that does not follow its API")
        scores = {name: fraction(score) for name, score in scored.items()}
        if not scores:
            raise ReplyError("returned no category")
        if self.thresholds:
            return Judgement(scores, self.thresholds.found(scores))
        return Judgement(scores, frozenset(name for name, flag in flags.items() if flag is True), flagged)


def openai_moderation(members: Members) -> OpenAiModeration:
    """Read the members of provider `openai_moderation`."""
    own = "threshold" in members or "category_thresholds" in members
    return OpenAiModeration(
        url=called(members, OPENAI_URL, "/moderations"),
        headers=key_headers(members, "Authorization", required=True),
        model=members.text("model", "omni-moderation-latest"),
        thresholds=thresholds(members) if own else None,
    )
