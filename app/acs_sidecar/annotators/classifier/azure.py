"""Azure AI Content Safety: severities of hate, self-harm, sexual content and violence, and block lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from acs_sidecar.annotators.api import ReplyError, key_headers, pick, pick_text
from acs_sidecar.annotators.classifier.api import Judgement, Thresholds, fraction, thresholds
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["AzureContentSafety", "azure_content_safety"]

BLOCKLIST = "blocklist"
_ROUTE = "/contentsafety/text:analyze"
_HIGHEST_SEVERITY = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureContentSafety:
    """One resource; a severity of 4 of 7 (medium) is a score of 0.57."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]
    thresholds: Thresholds

    def request(self, text: str) -> HttpRequest:
        """Ask for all eight levels of severity."""
        return HttpRequest(self.url, self.headers, canonical({**self.body, "text": text}))

    def judgement(self, reply: Json) -> Judgement:
        """Use each category's severity as its score; a blocklist match scores 1."""
        analysis = pick(reply, "categoriesAnalysis")
        matches = reply.get("blocklistsMatch") if isinstance(reply, dict) else None
        if not isinstance(analysis, list) or not isinstance(matches, list | None):
            raise ReplyError("returned a response that does not follow its API")
        scores = {
            pick_text(entry, "category"): fraction(pick(entry, "severity"), _HIGHEST_SEVERITY)
            for entry in analysis
        }
        found = self.thresholds.found(scores)
        if matches:
            scores[BLOCKLIST] = 1.0
            found |= {BLOCKLIST}
        if not scores:
            raise ReplyError("returned no category")
        return Judgement(scores, found)


def azure_content_safety(members: Members) -> AzureContentSafety:
    """Read the members of provider `azure_content_safety`."""
    body: dict[str, Json] = {"outputType": "EightSeverityLevels"}
    for member, name in (("categories", "categories"), ("blocklists", "blocklistNames")):
        if listed := members.texts(member):
            body[name] = [*listed]
    return AzureContentSafety(
        url=_url(members),
        headers=key_headers(members, "Ocp-Apim-Subscription-Key", required=True),
        body=body,
        thresholds=thresholds(members),
    )


def _url(members: Members) -> str:
    if "endpoint" not in members:
        members.wrong("endpoint", "must be the resource URL")
    endpoint = members.url("endpoint").rstrip("/")
    version = urlencode({"api-version": members.text("api_version", "2024-09-01")})
    return members.reachable("endpoint", f"{endpoint}{_ROUTE}?{version}" if endpoint else "")
