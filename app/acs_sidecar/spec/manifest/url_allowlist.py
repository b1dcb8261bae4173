"""Which URLs an inline manifest may make the service call (section 2.5)."""

from urllib.parse import SplitResult, urlsplit

__all__ = ["OutboundAllow"]

_PORTS = {"http": 80, "https": 443}


class OutboundAllow:
    """The operator's list of URL beginnings, compared by parsed parts and not as text.

    `https://a.example/v1` allows `https://a.example/v1` and what is below it, but neither
    `https://a.example.evil.example/`, `https://a.example@evil.example/` nor `https://a.example/v12`.
    """

    def __init__(self, entries: tuple[str, ...]) -> None:
        """Parse the entries. Raises `ValueError` naming one that is not an HTTP URL."""
        self._entries = [_parsed(entry) for entry in entries]
        for entry, parsed in zip(entries, self._entries, strict=True):
            if parsed is None or "?" in entry:
                raise ValueError(
                    f"`{entry}` is not an http or https URL without user information, query and fragment"
                )

    def allows(self, url: str) -> bool:
        """True if `url` begins with an entry."""
        wanted = _parsed(url)
        if wanted is None:
            return False
        return any(entry is not None and _within(wanted, entry) for entry in self._entries)


def _parsed(url: str) -> SplitResult | None:
    """Split a URL; `None` for anything that two readers could take for different places."""
    if not url.isascii() or any(character <= " " or character in '\\"<>^`{|}' for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    segments = parts.path.lower().replace("%2e", ".").split("/")
    hidden = any(separator in parts.path.lower() for separator in ("%2f", "%5c"))
    odd = "@" in parts.netloc or "." in segments or ".." in segments or hidden
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or odd or "#" in url:
        return None
    return parts


def _within(wanted: SplitResult, entry: SplitResult) -> bool:
    if (wanted.scheme, wanted.hostname) != (entry.scheme, entry.hostname):
        return False
    if (wanted.port or _PORTS[wanted.scheme]) != (entry.port or _PORTS[entry.scheme]):
        return False
    base = entry.path.rstrip("/")
    return wanted.path == base or wanted.path.startswith(base + "/")
