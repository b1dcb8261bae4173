"""What an `llm` annotator needs of a provider's API: how to ask it, and where the answer's text is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["ChatApi", "SystemChat", "merged", "present_members", "sampling"]


class ChatApi(Protocol):
    """One provider, with everything but the user message settled."""

    def request(self, message: str) -> HttpRequest:
        """Make the request that asks about `message`."""
        ...

    def text(self, reply: Json) -> str:
        """Find the text of a finished answer in a reply. Raises `ReplyError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemChat:
    """An API that takes the prompt as a message of its own; `body` goes along with every request."""

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


def sampling(members: Members) -> tuple[float | None, int | None]:
    """Read `temperature` (by default 0; `null` leaves it out) and `max_tokens` (by default left out)."""
    temperature = members.number("temperature", 0, 0, 2)
    max_tokens = members.integer("max_tokens", 1, 1, 1_000_000) if "max_tokens" in members else None
    return temperature, max_tokens


def present_members(body: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out the members that are `None`."""
    return {name: value for name, value in body.items() if value is not None}


def merged(members: Members, body: dict[str, Json], own: frozenset[str]) -> dict[str, Json]:
    """Put the members of `provider_config` into a request's body, over all but the annotator's own."""
    extra = members.object("provider_config")
    for name in sorted(own & extra.keys()):
        members.wrong(f"provider_config.{name}", "is set by the service and must not be given")
    return {**present_members(body), **extra}
