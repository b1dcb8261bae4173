"""A whole text as one URL, as the parsers in use take it: no prose around it ends its host (section 8.1)."""

import re
from collections.abc import Iterator

from acs_sidecar.detectors.hosts import SPACE

__all__ = ["DROPPED", "authorities", "is_scheme_broken", "url_lines"]

DROPPED = re.compile(r"[\t\r\n]")
"""What the URL standard of browsers, Node and Python has removed before a URL is parsed."""
_CONTROLS = "".join(map(chr, range(0x21)))  # removed from its ends
_NEXT_URL = re.compile(r"[\t\r\n](?=([a-z][a-z0-9+.-]{0,20}:)[/\\]{2})", re.IGNORECASE)
_OUTER = re.compile(r"^(?:(?!https?:|wss?:|ftp:)[a-z][a-z0-9+.-]*:)+(?=[a-z][a-z0-9+.-]*:)", re.IGNORECASE)
"""`view-source:`, `jdbc:`."""
_URL = re.compile(r"([a-z][a-z0-9+.-]*:)?([/\\]*)([^/?#]*)", re.IGNORECASE)
_WEB = frozenset({"http:", "https:", "ws:", "wss:", "ftp:"})
"""Behind these, browsers read a host whatever the number of slashes."""
_LONGEST_SCHEME = max(map(len, _WEB))
_NAMED = re.compile(
    r"^[^\[]*(?:[.%@]|:\d*$)|[^\x00-\x7f]|^\d|^localhost\b|^\[[0-9a-f:.]+[%\]]|\[[0-9a-f]*:[0-9a-f.]*:[0-9a-f:.]*[%\]]|^[^\w\s*@.!-]$",
    re.IGNORECASE,
)
"""What tells a host behind slashes, or a symbol in its place, from a word in a comment, a path or an XPath."""
_SHARE = re.compile(r"\\\\[\w.-]+\\(?!\\)")
_PATH = re.compile(r"[/?#]")
_HOST = re.compile(r"(?:[\w%-]+(?:\.+[\w%-]+)+|\d+|0x[0-9a-f]+)\.*(?::\d*)?", re.IGNORECASE)
"""A host that no scheme stands before; a word is one behind a user's name alone."""
_USER_HOST = re.compile(r"(?:[\w%.-]+|\[[0-9a-f:.]+\])(?::\d*)?", re.IGNORECASE)


def url_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each part of a text that may as a whole be a URL, with its offset: a list has several."""
    start, in_table = 0, False
    for following in _NEXT_URL.finditer(text):
        before = following.start()
        while before > start and text[before - 1] in "/\\":
            before -= 1
        if before == start or text[before - 1] in ":@":  # no host ends before it
            continue
        if before - start < _LONGEST_SCHEME and is_scheme_broken(text[start:before] + "\n" + following[1]):
            continue
        yield from _cells(start, text[start : following.start()], in_table=in_table)
        start = following.end()
        in_table = in_table or following[0] == "\t"
    yield from _cells(start, text[start:], in_table=in_table)


def _cells(start: int, text: str, *, in_table: bool) -> Iterator[tuple[int, str]]:
    for cell in DROPPED.split(text) if in_table else (text,):
        yield start, cell
        start += len(cell) + 1


def is_scheme_broken(text: str) -> bool:
    """True if a tab or a line end stands within the scheme of a URL of the web, where browsers drop it."""
    scheme = text.strip(_CONTROLS).partition(":")[0]
    return DROPPED.search(scheme) is not None and DROPPED.sub("", scheme).lower() + ":" in _WEB


def authorities(text: str) -> list[str]:
    """Return what some parser takes for the authority, where it takes the whole text for a URL."""
    url = _OUTER.sub("", DROPPED.sub("", text.strip(_CONTROLS)))
    read = _URL.match(url)
    if read is None:
        return []
    scheme, slashes, authority = read.groups("")
    beside_another = "://" in url[read.end() :]
    if scheme.lower() in _WEB:
        named = True
    elif scheme.lower() == "file:":
        named = len(slashes) == 2 or len(slashes) > 3
    elif scheme and len(slashes) > 1:
        named = True
    elif len(slashes) > (not scheme):
        named = beside_another or "." in scheme or bool(_NAMED.search(authority) or _SHARE.match(url))
    else:
        named = False
    found = [authority] if named else []
    if (beside_another or "@" in url) and not SPACE.search(url):  # `curl` guesses a scheme
        authority = _PATH.split(url, maxsplit=1)[0]
        user, at, place = authority.rpartition("@")
        if beside_another:
            named = bool((_USER_HOST if at else _HOST).fullmatch(place))
        else:
            named = ":" in user and bool(_USER_HOST.fullmatch(place) and _NAMED.search(place))
        if named:
            found.append(authority)
    return found
