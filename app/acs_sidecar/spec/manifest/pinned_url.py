"""References to what lies on another server: a URL, and the digest that pins its content (section 3.3)."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from acs_sidecar.spec.values import Json

__all__ = ["InvalidReferenceError", "Pin", "RemoteReference", "parse_reference", "redacted_url"]

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_MAX_LENGTH = 256
_INTEGRITY = "sha256-"
_MEMBERS = frozenset({"url", "sha256", "integrity"})


class InvalidReferenceError(ValueError):
    """An invalid reference. The message names the fault and repeats no value."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The SHA-256 that fetched bytes must have."""

    sha256: bytes

    def matches(self, content: bytes) -> bool:
        """True if `content` has the pinned hash. Compares in constant time."""
        return hmac.compare_digest(hashlib.sha256(content).digest(), self.sha256)


@dataclass(frozen=True, slots=True)
class RemoteReference:
    """A URL of a manifest, with its pin if it has one."""

    url: str
    pin: Pin | None = None


def parse_reference(value: Json, *, pin_required: bool = False) -> RemoteReference:
    """Read `"https://…"`, or `{url, sha256 | integrity}`; the URL itself is judged when it is fetched.

    Raises `InvalidReferenceError`.
    """
    if isinstance(value, str):
        value = {"url": value}
    if not isinstance(value, dict):
        raise InvalidReferenceError("must be an object of `url` with `sha256` or `integrity`")
    for name in value:
        if name not in _MEMBERS:
            raise InvalidReferenceError(
                f"`{name}` is unknown; must be one of `url`, `sha256` and `integrity`"
            )
    url = value.get("url")
    if not isinstance(url, str) or not url.strip():
        raise InvalidReferenceError("`url` must be an HTTPS URL")
    if "sha256" in value and "integrity" in value:
        raise InvalidReferenceError("`sha256` and `integrity` cannot be combined")
    if "sha256" in value:
        return RemoteReference(url, _hexadecimal(value["sha256"]))
    if "integrity" in value:
        return RemoteReference(url, _integrity(value["integrity"]))
    if pin_required:
        raise InvalidReferenceError("must be pinned: set `sha256` or `integrity` beside `url`")
    return RemoteReference(url)


def redacted_url(text: str, *, with_path: bool = True) -> str:
    """Return a URL for a message, without user and query, which may be secret; `the URL` if it is invalid."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "the URL"
    if not parts.hostname:
        return "the URL"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else quote(parts.hostname)
    place = "" if port is None or (parts.scheme, port) == ("https", 443) else f":{port}"
    path = quote(parts.path, safe="/%~!$&'()*+,;=:@")[:_MAX_LENGTH] if with_path else ""
    return f"{parts.scheme}://{host[:_MAX_LENGTH]}{place}{path}"


def _hexadecimal(value: Json) -> Pin:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise InvalidReferenceError("`sha256` must be 64 hexadecimal digits")
    return Pin(bytes.fromhex(value))


def _integrity(value: Json) -> Pin:
    try:
        if isinstance(value, str) and value.startswith(_INTEGRITY):
            decoded = base64.b64decode(value.removeprefix(_INTEGRITY), validate=True)
            if len(decoded) == hashlib.sha256().digest_size:
                return Pin(decoded)
    except ValueError:  # `binascii.Error` is one
        pass
    raise InvalidReferenceError("`integrity` must be `sha256-` and the base64 of the digest")
