"""A manifest as it may be shown: credentials taken out (section 2.3)."""

from acs_sidecar.spec.manifest.pinned_url import shown_url
from acs_sidecar.spec.values import Json

__all__ = ["REDACTED", "redacted"]

REDACTED = "[redacted]"

_NAMES = frozenset({"headers", "authorization", "password", "secret", "token", "credentials", "auth"})
_PREFIXES = ("api_key", "aws_")
_SUFFIXES = ("_token", "_secret", "_password", "_key")


def redacted(value: Json) -> Json:
    """Copy a manifest with every member that may hold a credential replaced, at any depth.

    Names of environment variables are redacted too: they tell where a credential is. A URL loses its
    user and its query.
    """
    if (
        isinstance(value, str)
        and value.startswith(("https://", "http://"))
        and ("?" in value or "@" in value)
    ):
        return f"{shown_url(value)}?{REDACTED}"
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        return {
            name: REDACTED if _is_credential(name) else redacted(member) for name, member in value.items()
        }
    return value


def _is_credential(name: str) -> bool:
    lower = name.lower()
    return lower in _NAMES or lower.startswith(_PREFIXES) or lower.endswith(_SUFFIXES)
