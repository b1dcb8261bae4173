"""What annotators share that speak a provider's API: its address, its key, and the way into its replies."""

from acs_sidecar.annotators.members import Members
from acs_sidecar.spec.values import Json

__all__ = ["ReplyError", "called", "key_headers", "pick", "pick_text"]


class ReplyError(Exception):
    """A reply that holds no answer; the message says what the server did, none of what it said."""


def pick(reply: Json, *path: str | int) -> Json:
    """Return the value at `path` in a reply. Raises `ReplyError` if there is none."""
    found = reply
    for step in path:
        try:
            found = found[step]  # type: ignore[index]  # what it is not is found out here
        except (TypeError, LookupError):
            raise ReplyError("returned a response that does not follow its API") from None
    return found


def pick_text(reply: Json, *path: str | int) -> str:
    """Return the string at `path` in a reply. Raises `ReplyError` if there is none."""
    found = pick(reply, *path)
    if not isinstance(found, str):
        raise ReplyError("returned no text")
    return found


def called(members: Members, default: str, route: str) -> str:
    """Return the URL to call: `endpoint` as it is, or what follows from `base_url` or the API's own base."""
    if "endpoint" in members:
        return members.reachable("endpoint", members.url("endpoint"))
    base = (members.url("base_url") if "base_url" in members else default).rstrip("/")
    if "?" in base:
        members.wrong("base_url", "must not have a query: the API path is appended to it")
    return members.reachable("base_url", base if base.endswith(route) or not base else base + route)


def key_headers(members: Members, header: str, *, required: bool) -> dict[str, str]:
    """Read `headers` and the key: under `api_key_header` when given, else under the API's own header."""
    key = members.secret("api_key")
    if required and "api_key" not in members and "api_key_env" not in members:
        members.wrong("api_key_env", "must be the name of the environment variable that holds the key")
    chosen = members.header_name("api_key_header")
    bearer = not chosen and header == "Authorization"
    return {
        **members.headers(),
        **({chosen or header: f"Bearer {key}" if bearer else key} if key else {}),
    }
