"""Amazon Bedrock's Converse API, signed with AWS Signature Version 4 or with a Bedrock API key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from acs_sidecar.annotators.api import ReplyError, called, key_headers, pick, pick_text
from acs_sidecar.annotators.llm.api import merged, present_members, sampling
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.outbound.sigv4 import Credentials, signed_headers
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["Converse", "bedrock"]

_OWN = frozenset({"messages", "system", "toolConfig"})
_FINISHED = ("end_turn", "stop_sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converse:
    """One model in one region; `credentials` sign each request, where no key in `headers` speaks for it."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json]
    region: str
    credentials: Credentials | None
    now: Callable[[], datetime]

    def request(self, message: str) -> HttpRequest:
        """Ask with the prompt as the system message."""
        messages: list[Json] = [{"role": "user", "content": [{"text": message}]}]
        body = canonical({**self.body, "messages": messages})
        headers = self.headers
        if self.credentials:
            headers = signed_headers(
                self.credentials,
                method="POST",
                url=self.url,
                headers={**self.headers, "Content-Type": "application/json"},
                body=body,
                region=self.region,
                service="bedrock",
                moment=self.now().strftime("%Y%m%dT%H%M%SZ"),
            )
        return HttpRequest(self.url, headers, body)

    def text(self, reply: Json) -> str:
        """Join the text blocks of the message, when the model ended by itself."""
        stopped = pick(reply, "stopReason")
        if stopped == "max_tokens":
            raise ReplyError("returned truncated text: raise `max_tokens`")
        if stopped in ("guardrail_intervened", "content_filtered"):
            raise ReplyError("returned text that its content filter withheld")
        if stopped not in _FINISHED:
            raise ReplyError("returned unfinished text")
        blocks = pick(reply, "output", "message", "content")
        if not isinstance(blocks, list):
            raise ReplyError("returned no text")
        texts = [block for block in blocks if isinstance(block, dict) and "text" in block]
        return "".join(pick_text(block, "text") for block in texts)


def bedrock(members: Members, prompt: str) -> Converse:
    """Read the members of provider `bedrock`."""
    temperature, max_tokens = sampling(members)
    body: dict[str, Json] = {
        "system": [{"text": prompt}],
        "inferenceConfig": present_members({"temperature": temperature, "maxTokens": max_tokens}),
    }
    region = members.required("aws_region", "a region name")
    by_key = "api_key" in members or "api_key_env" in members
    return Converse(
        url=_url(members, region),
        headers=key_headers(members, "Authorization", required=False),
        body=merged(members, body, _OWN),
        region=region,
        credentials=None if by_key else _credentials(members),
        now=lambda: datetime.now(UTC),
    )


def _url(members: Members, region: str) -> str:
    if "endpoint" in members:
        return called(members, "", "")
    model = members.required("model", "a model ID or the ARN of an inference profile")
    if region and not region.replace("-", "").isalnum():
        members.wrong("aws_region", "must be a region name such as `eu-central-1`")
    base = f"https://bedrock-runtime.{region}.amazonaws.com" if region else ""
    return called(members, base, f"/model/{quote(model, safe='')}/converse")


def _credentials(members: Members) -> Credentials:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        if name not in members and f"{name}_env" not in members:
            members.wrong(f"{name}_env", "must be the name of the environment variable that holds it")
    return Credentials(
        members.secret("aws_access_key_id"),
        members.secret("aws_secret_access_key"),
        members.secret("aws_session_token"),
    )
