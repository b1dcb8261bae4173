"""The type `webhook`: POST the challenge to a URL; the answer comes at once, or later and signed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from acs_sidecar.annotators.declarations import integer
from acs_sidecar.annotators.members import Members
from acs_sidecar.outbound.client import HttpClient, HttpPool
from acs_sidecar.outbound.failures import TooLargeError, UnreachableError
from acs_sidecar.resolvers.exchange import MAX_ANSWER_BYTES, answer_of, is_private, request_body
from acs_sidecar.spec.approval import Question, ResolverAnswer, ResolverError
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import JsonObject

__all__ = ["MEMBERS", "SIGNATURE_HEADER", "Webhook", "webhook_resolver"]

SIGNATURE_HEADER = "Acs-Signature"
MAX_TIMEOUT_MS = 60_000
MAX_WAITING = 64

MEMBERS: MemberTable = {
    "url": Member("The URL that is asked.", {"type": "string"}, url=True, secret=True),
    "headers": Member("Headers of each request.", {"type": "object"}, secret=True),
    "auth": Member(
        "How the request is authenticated.",
        {"type": "object"},
        members={
            "type": Member("`bearer`.", {"const": "bearer"}),
            "env": Member("The environment variable that holds the token.", environment=True),
        },
    ),
    "timeout_ms": Member("The deadline of the answer.", integer(1, MAX_TIMEOUT_MS, 10_000)),
    "send_policy_input": Member(
        "Whether the policy input goes along; false by default.", {"type": "boolean"}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Asks one URL. At most 64 questions wait at a time, so that its slowness stays its own."""

    pool: HttpPool
    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_ms: int
    shows_input: bool
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_WAITING))

    async def ask(self, question: Question) -> ResolverAnswer | None:
        """Ask (`Resolver.ask`); 202 says that the answer will be signed and brought by the host."""
        if self.waiting.locked():
            raise ResolverError(f"more than {MAX_WAITING} approval requests are waiting for the webhook")
        body = request_body(question, shows_input=self.shows_input)
        headers = {**self.headers, SIGNATURE_HEADER: question.sign(body)}
        try:
            async with self.waiting, asyncio.timeout(min(self.timeout_ms / 1000, question.seconds_left)):
                return await self._post(body, headers)
        except TimeoutError:
            raise ResolverError("the webhook timed out") from None
        except UnreachableError:
            raise ResolverError("the webhook could not be reached") from None
        except TooLargeError:
            raise ResolverError(f"the webhook returned more than {MAX_ANSWER_BYTES} bytes") from None

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> ResolverAnswer | None:
        status, reply = await self.pool.post(
            self.url, headers, body, expected=(HTTPStatus.OK,), max_bytes=MAX_ANSWER_BYTES
        )
        if status == HTTPStatus.ACCEPTED:
            return None
        if status != HTTPStatus.OK:
            raise ResolverError(f"the webhook returned status {status}")
        answer = answer_of(reply)
        if answer.approval is None and not is_private(self.url):
            raise ResolverError("an unsigned response requires an https URL")
        return answer


def webhook_resolver(
    path: str, definition: JsonObject, context: AnnotatorContext, client: HttpClient
) -> Webhook:
    """Build the resolver. Raises `ManifestError`."""
    members = Members(path, definition, context, MEMBERS)
    if "url" not in members:
        members.wrong("url", "must be an http or https URL without user information and fragment")
    headers = members.headers()
    if token := _bearer(members):
        headers["Authorization"] = f"Bearer {token}"
    webhook = Webhook(
        pool=client.pool(MAX_WAITING),
        url=members.reachable("url", members.url("url")),
        headers=headers,
        timeout_ms=members.integer("timeout_ms", 10_000, 1, MAX_TIMEOUT_MS),
        shows_input=members.flag("send_policy_input"),
    )
    members.check()
    return webhook


def _bearer(members: Members) -> str:
    """Read `auth`: `{"type": "bearer", "env": NAME}`; empty where there is none."""
    auth = members.object("auth")
    if not auth:
        return ""
    name = auth.get("env")
    if auth.get("type") != "bearer" or not isinstance(name, str) or auth.keys() != {"type", "env"}:
        members.wrong("auth", "must have `type: bearer` and `env`, an environment variable name")
        return ""
    token = members.context.environment.get(name, "")
    if not token.isascii() or not token.isprintable() or not token.strip():
        members.wrong("auth.env", f"the environment variable `{name}` holds no token")
    return token
