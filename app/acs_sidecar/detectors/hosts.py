"""The hosts that a URL can lead to, whichever of the parsers in use reads it."""

import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

import idna

__all__ = ["DISGUISES", "UNREAD", "Destination", "Destinations", "normal_host"]

_MAX_HOST = 255
_PLAIN = re.compile(
    r"/?/?((?:(?!xn--)[a-z0-9_-]{1,63}\.){1,8}(?!xn--)[a-z][a-z0-9-]{1,62}"
    r"|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))(?::\d{1,5})?(?:[/?#][^\\@]*)?",
    re.IGNORECASE,
)
"""Almost every URL: nothing in it that parsers could read in two ways."""
_AUTHORITY = re.compile(r"[/\\]*[^/?#]*")
SPACE = re.compile(r"[\s\x00-\x20]")
"""What no client takes into a host."""
_DOTS = str.maketrans("。．｡", "...")
_SOME = 16


class Destination(NamedTuple):
    """Where a URL leads. `hosts` is normalised; there are two where parsers disagree.

    `disguises` name what makes it look like another place, of `DISGUISES`. `unreadable`: something stands in
    the place of the host that is none here, and may be one for some parser.
    """

    hosts: tuple[str, ...]
    disguises: tuple[str, ...]
    unreadable: bool = False


DISGUISES = ("ambiguous_url", "encoded_host", "ip_literal", "punycode", "userinfo")
UNREAD = Destination(("[unread]",), DISGUISES, unreadable=True)
"""Where nobody knows where it leads: it may be any disguise."""


class Destinations:
    """Reads the hosts of one text of so many characters.

    Hosts that are not plain take long to read: sixteen different ones are, and one more for each KiB of the text.
    """

    def __init__(self, length: int) -> None:
        self._left = _SOME + length // 1024
        self._read: dict[str, Destination] = {}

    def read(self, after_scheme: str) -> Destination:
        """Read what stands behind a URL's scheme and colon (`//user@host:1/path`), as RFC 3986 and as browsers do.

        Gives `UNREAD` when so many hosts were read that this one is not.
        """
        if plain := _PLAIN.fullmatch(after_scheme):
            return Destination((plain[1].lower(),), ())
        authority = _AUTHORITY.match(after_scheme)
        written = authority[0] if authority else after_scheme
        known = self._read.get(written)
        if known is None:
            if not self._left:
                return UNREAD
            self._left -= 1
            known = self._read[written] = _destination(written)
        return known


def _destination(authority: str) -> Destination:
    rest = authority.lstrip("/\\")
    browser = rest.partition("\\")[0]
    readings = [rest] if rest == browser else [rest, browser]
    hosts: list[str] = []
    disguises: set[str] = set()
    unreadable = False
    if len(readings) > 1 or "\\" in authority[: len(authority) - len(rest)]:
        disguises.add("ambiguous_url")
    for reading in readings:
        user, at, place = reading.rpartition("@")
        if at and ("." in user or "%2e" in user.lower() or "@" in user):
            disguises.add("userinfo")
        for written in _written_hosts(place):
            host = normal_host(written)
            if host and host not in hosts:
                hosts.append(host)
                disguises.update(_disguises(written, host))
            unreadable = unreadable or not (host or written.startswith("["))
        unreadable = unreadable or "[" in place.rpartition("]")[2]
    return Destination(tuple(hosts), tuple(sorted(disguises)), unreadable)


def normal_host(written: str) -> str:
    """Return a host as a resolver gets it: lower case, ASCII, IPv4 dotted; empty when it cannot be one."""
    if len(written) > _MAX_HOST * 4:
        return ""
    host = unquote(written) if "%" in written else written
    host = unicodedata.normalize("NFKC", host.translate(_DOTS)).strip().rstrip(".").lower()
    if host.startswith("["):
        try:
            address = ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
        except ValueError:
            return ""
        return str(address.ipv4_mapped or address)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return ""
    if len(host) > _MAX_HOST or not host or any(character in host for character in " \t\r\n/\\@?#<>[]^|"):
        return ""
    return _ipv4(host) or host


def _ipv4(host: str) -> str:
    """Read the forms of IPv4 addresses that resolvers take: decimal, octal, hexadecimal, one to four parts."""
    parts = host.split(".")
    if len(parts) > 4:
        return ""
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return ""
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
        return ""
    value = last + sum(number << (8 * (3 - index)) for index, number in enumerate(first))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if not part or not part[0].isdigit() or len(part) > 16:
        raise ValueError
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)


def _disguises(written: str, host: str) -> set[str]:
    found = set()
    plain = written.strip().rstrip(".").lower()
    if _is_ipv4(host) and plain != host and not plain.startswith("["):
        found.add("ip_literal")
    if any(label.startswith("xn--") for label in host.split(".")):
        found.add("punycode")
    dotted = plain.translate(_DOTS)
    labels = zip(dotted.split("."), host.split("."), strict=False)
    mapped = any(not label.isascii() and not encoded.startswith("xn--") for label, encoded in labels)
    if "%" in plain or dotted != plain or mapped:
        found.add("encoded_host")
    return found


def _is_ipv4(host: str) -> bool:
    return host.replace(".", "").isdigit() and host.count(".") == 3


def _written_hosts(place: str) -> list[str]:
    """Return the host without its port, and the address in brackets that Python finds anywhere.

    No client takes a host with white space in it.
    """
    before, bracket, address = place.partition("[")
    written = [place.partition(":")[0]] if before or not bracket else []
    if "]" in address:
        written.append(bracket + address.partition("]")[0] + "]")
    return [each for each in written if each and not SPACE.search(each)]
