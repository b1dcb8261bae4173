"""Declarations of members that several kinds of annotators share (section 1.6)."""

from acs_sidecar.spec.manifest.declaration import Member, MemberTable, secret_members
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "API_KEY_MEMBERS",
    "CALL_MEMBERS",
    "SERVER_MEMBERS",
    "TEXT",
    "TEXTS",
    "URL",
    "integer",
]

TEXT: JsonObject = {"type": "string", "pattern": r"\S"}
TEXTS: JsonObject = {"type": "array", "minItems": 1, "items": dict(TEXT)}
URL: JsonObject = {"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?:"}


def integer(lowest: int, highest: int, default: int | None = None) -> JsonObject:
    """Return the shape of an integer within bounds."""
    shape: dict[str, Json] = {"type": "integer", "minimum": lowest, "maximum": highest}
    return shape if default is None else {**shape, "default": default}


CALL_MEMBERS: MemberTable = {
    "timeout_ms": Member(
        "The deadline for everything: all tries, the whole reply.", integer(1, 600_000, 10_000)
    ),
    "retries": Member("Further tries within the deadline.", integer(0, 5, 0)),
    "max_connections": Member("Connections of this annotator at once.", integer(1, 1_000, 32)),
    "max_in_flight": Member(
        "Calls of this annotator under way at once; more fail at once.", integer(1, 100_000, 256)
    ),
    "breaker": Member(
        "After how many failures in a row no call is made for a while.",
        {"type": "object", "additionalProperties": False},
        members={
            "failures": Member("Failures in a row.", integer(1, 1_000_000, 5)),
            "cooldown_ms": Member("Milliseconds without a call.", integer(1, 600_000, 10_000)),
        },
    ),
    "headers": Member(
        "Headers of each request, besides those that frame it.",
        {"type": "object", "additionalProperties": {"type": "string"}},
        secret=True,
    ),
}
"""What every annotator has that asks a server."""

API_KEY_MEMBERS: MemberTable = {
    **secret_members("api_key", "The key of the provider's API."),
    "api_key_header": Member("The header of the key, when it is not the API's own.", TEXT),
}

SERVER_MEMBERS: MemberTable = {
    "base_url": Member("Another server: the URL that the path of the API follows.", URL, url=True),
    "endpoint": Member("Another server: the whole URL, or the resource's.", URL, url=True),
    **API_KEY_MEMBERS,
}
"""The address and the key of a provider."""
