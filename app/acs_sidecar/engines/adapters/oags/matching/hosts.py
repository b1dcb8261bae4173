"""Hosts and URLs with one meaning, and lists of hosts (section 9.3)."""

import encodings.idna
import encodings.punycode  # noqa: F401  # codecs are loaded here: a confined process opens no file later
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import idna
import idna.uts46data  # loaded here for the same reason

__all__ = ["HostList", "Url", "host_problem", "read_host", "read_url"]

_MAX_HOST = 253
_MAX_TEXT = _MAX_HOST + 8
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f%\\/?#@]")
_PORT = re.compile(r"(?::([0-9]{1,5}))?")
_MAX_PORT = 65535
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.DOTALL)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_UNSAFE_IN_URL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\\]")
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Url:
    """What of a URL is governed; a part that cannot be read with one meaning is `None`."""

    protocol: str | None
    host: str | None


def read_host(text: str) -> str | None:
    """Return a host in lower-case ASCII, without its port; `None` where it has no meaning or several."""
    if len(text) > _MAX_TEXT or _FORBIDDEN.search(text):
        return None
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        return _ipv6(inner) if bracket and _is_port(port) else None
    if text.count(":") > 1:
        return _ipv6(text)
    name, colon, port = text.partition(":")
    return _name(name) if _is_port(colon + port) else None


def read_url(text: str) -> Url:
    """Read protocol and host of a URL that every parser reads alike."""
    parts = _URL.fullmatch(text)
    if parts is None or _UNSAFE_IN_URL.search(text):
        return Url(None, None)
    protocol, authority, rest = parts.groups()
    # Parsers disagree where the authority of `https://a.example?@b.example` ends.
    disputed = rest[:1] in ("?", "#") and "@" in rest
    # Without brackets some read `2001:db8::1` as the host `2001` or the port `1`.
    disputed = disputed or (authority.count(":") > 1 and not authority.startswith("["))
    return Url(protocol.lower(), None if disputed else read_host(authority))


def host_problem(entry: str) -> str | None:
    """Return why an entry of a list of hosts is not allowed, or `None`."""
    if entry == "*":
        return None
    host = read_host(entry.removeprefix("*."))
    if host is None:
        return "must be a host, `*.` and a host, or `*`: without protocol, path, user and escapes"
    if entry.startswith("*.") and _is_literal(host):
        return "nothing lies below an address: list the address itself"
    return None


@dataclass(frozen=True, slots=True)
class HostList:
    """Hosts that are listed themselves, those that stand for what is below them, and `*`."""

    hosts: frozenset[str]
    domains: frozenset[str]
    any_host: bool

    @classmethod
    def of(cls, entries: Iterable[str]) -> "HostList":
        """Read valid entries."""
        names = set(entries)
        domains = {read_host(entry[2:]) for entry in names if entry.startswith("*.")}
        hosts = {read_host(entry) for entry in names if entry != "*" and not entry.startswith("*.")}
        return cls(frozenset(filter(None, hosts)), frozenset(filter(None, domains)), "*" in names)

    def allows(self, host: str) -> bool:
        """True if a host is listed, or below a listed `*.` domain; `*` stands for public names alone."""
        if host in self.hosts or not self.domains.isdisjoint(_and_above(host)):
            return True
        return self.any_host and "." in host and not _is_literal(host) and not host.endswith(f".{_LOCAL}")

    def blocks(self, host: str) -> bool:
        """True if a host is listed, or below a host that is."""
        if self.any_host:
            return True
        return any(above in self.hosts or above in self.domains for above in _and_above(host))


def _is_port(text: str) -> bool:
    """True if a text is nothing, or a colon and a port."""
    found = _PORT.fullmatch(text)
    return found is not None and int(found[1] or 0) <= _MAX_PORT


def _and_above(host: str) -> Iterator[str]:
    """Yield a host and the domains above it; an address has none."""
    yield host
    if _is_literal(host):
        return
    while "." in host:
        host = host.partition(".")[2]
        yield host


def _is_literal(host: str) -> bool:
    return ":" in host or _ENDS_IN_NUMBER.fullmatch(host) is not None


def _ipv6(text: str) -> str | None:
    """Return an IPv6 address in its canonical notation, `None` for any other and for mapped IPv4."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return text.lower() if str(address) == text.lower() and address.ipv4_mapped is None else None


def _name(text: str) -> str | None:
    host = text.lower() if text.isascii() else _ascii_name(text)
    if host is None:
        return None
    name = host.removesuffix(".")
    if len(name) > _MAX_HOST or not _NAME.fullmatch(name):
        return None
    if _is_literal(name):
        return name if name == text and _is_ipv4(name) else None
    return name if all(map(_is_valid_label, name.split("."))) else None


def _ascii_name(text: str) -> str | None:
    """Return a name as IDNA 2008 and, where that reads it too, IDNA 2003 encode it alike."""
    try:
        name = idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    try:
        older = text.encode("idna").decode().lower()
    except UnicodeError:
        return name
    return name if older.removesuffix(".") == name.removesuffix(".") else None


def _is_valid_label(label: str) -> bool:
    """True unless a label claims to be of other letters and is not their one encoding."""
    if not label.startswith("xn--"):
        return True
    try:
        return idna.alabel(idna.ulabel(label)).decode() == label
    except (idna.IDNAError, UnicodeError):
        return False


def _is_ipv4(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False
