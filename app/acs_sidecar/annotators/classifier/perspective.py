"""Perspective: probabilities of toxicity and its kin."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick
from acs_sidecar.annotators.classifier.api import Judgement, Thresholds, fraction, thresholds
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["Perspective", "perspective"]

PERSPECTIVE_URL = "https://commentanalyzer.googleapis.com/v1alpha1"
ATTRIBUTES = ("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Perspective:
    """Some attributes; the key is sent as a header, never in the URL."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]
    thresholds: Thresholds

    def request(self, text: str) -> HttpRequest:
        """Ask about one comment, which the provider is told not to store."""
        comment: dict[str, Json] = {"text": text, "type": "PLAIN_TEXT"}
        return HttpRequest(self.url, self.headers, canonical({**self.body, "comment": comment}))

    def judgement(self, reply: Json) -> Judgement:
        """Parse the summary score of each attribute."""
        attributes = pick(reply, "attributeScores")
        if not isinstance(attributes, dict) or not attributes:
            raise ReplyError("returned a response that does not follow its API")
        scores = {name: fraction(pick(score, "summaryScore", "value")) for name, score in attributes.items()}
        return Judgement(scores, self.thresholds.found(scores))


def perspective(members: Members) -> Perspective:
    """Read the members of provider `perspective`."""
    body: dict[str, Json] = {
        "requestedAttributes": {name: {} for name in members.texts("categories") or ATTRIBUTES},
        "doNotStore": True,
    }
    if languages := members.texts("languages"):
        body["languages"] = [*languages]
    return Perspective(
        url=called(members, PERSPECTIVE_URL, "/comments:analyze"),
        headers=key_headers(members, "x-goog-api-key", required=True),
        body=body,
        thresholds=thresholds(members),
    )
