"""AWS Signature Version 4, as its specification says, for a request whose body is known."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Credentials", "signed_headers"]

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, with a session token where it is temporary."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    credentials: Credentials,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    region: str,
    service: str,
    moment: str,
) -> dict[str, str]:
    """Return the headers to send: `headers` and those of the signature, which covers them all.

    `moment` is in UTC, as `20150830T123600Z`. `url` is as it goes over the wire, without dot segments.
    """
    parts = urlsplit(url)
    sent = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    if credentials.session_token:
        sent["X-Amz-Security-Token"] = credentials.session_token
    covered = {name.lower(): " ".join(text.split()) for name, text in sent.items()}
    names = ";".join(sorted(covered))
    canonical_request = "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/-_.~"),
            _canonical_query(parts.query),
            *(f"{name}:{covered[name]}" for name in sorted(covered)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    signature = _hmac(_key(credentials, scope), "\n".join((_ALGORITHM, moment, scope, digest))).hex()
    return {
        **sent,
        "Authorization": f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}",
    }


def _canonical_query(query: str) -> str:
    members = [member.partition("=") for member in query.split("&") if member]
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, _, value in members))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _key(credentials: Credentials, scope: str) -> bytes:
    key = b"AWS4" + credentials.secret_access_key.encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")
