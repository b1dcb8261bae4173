"""Types of settings: what a value must look like (section 2.6)."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from acs_sidecar.audit.format.origin import is_origin_part

__all__ = ["HttpsUrl", "Listed", "Numbers", "OriginPart", "OtlpEndpoint", "Positive"]

Positive = Annotated[int, Field(gt=0)]
Listed = tuple[str, ...]
Numbers = tuple[int, ...]


def _origin_part(text: str) -> str:
    if not is_origin_part(text):
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 . _ -, and not `.` or `..`")
    return text


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL such as http://127.0.0.1:4318")
    return text


def _https_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("must be a URL such as https://manifests.example.org/agents.tar.gz")
    return text


HttpsUrl = Annotated[str, AfterValidator(_https_url)]
OtlpEndpoint = Annotated[str, AfterValidator(_base_url)]
OriginPart = Annotated[str, AfterValidator(_origin_part)]
