"""The outcome of a fetch: content or a fault."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FetchError", "FetchFault", "FetchedContent"]


class FetchFault(StrEnum):
    """The faults that end a fetch; each is also a diagnostic code."""

    URL_REFUSED = "fetch-url-refused"
    ADDRESS_REFUSED = "fetch-address-refused"
    UNTRUSTED = "fetch-untrusted"
    UNREACHABLE = "fetch-unreachable"
    STATUS = "fetch-status"
    REDIRECTS = "fetch-redirects"
    TOO_LARGE = "fetch-too-large"
    TOO_SLOW = "fetch-too-slow"
    PIN_MISMATCH = "fetch-pin-mismatch"

    @property
    def is_limit(self) -> bool:
        """True if a bound of section 1.11 was the cause."""
        return self in (FetchFault.REDIRECTS, FetchFault.TOO_LARGE, FetchFault.TOO_SLOW)


class FetchError(Exception):
    """A fetch failed. The message names the URL without its query and quotes nothing of the response."""

    def __init__(self, fault: FetchFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class FetchedContent:
    """What a server has at a URL; no content where that is what it had before (304)."""

    content: bytes | None
    etag: str | None = None
