"""The `net.cidr_*` functions: addresses as Go reads them, an IPv4-mapped IPv6 address as IPv4."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["contains", "expand", "intersects", "is_valid", "merge"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_CACHED = 1_024
_MAX_EXPANDED = 65_536
_LENGTH = re.compile(r"0*[0-9]{1,3}", re.ASCII)
_MAPPED_BITS = 96
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""Where IPv4 addresses are in IPv6."""


def contains(network: str, other: str) -> bool:
    """True if the network holds an address, or another network whole."""
    around = _network(network)
    if "/" not in other:
        return _address(other) in around
    inside = _network(other)
    if _ends_mapped(inside):
        return False
    return inside.version == around.version and inside.subnet_of(around)  # type: ignore[arg-type] # same version


def intersects(one: str, other: str) -> bool:
    """True if two networks have an address in common."""
    return _network(one).overlaps(_network(other))


def expand(network: str) -> set[str]:
    """Return every address of a network of bounded size."""
    addresses = _network(network)
    if addresses.num_addresses > _MAX_EXPANDED:
        raise ValueError(f"a network of more than {_MAX_EXPANDED} addresses")
    return {str(address) for address in addresses}


def merge(given: Iterable[str]) -> set[str]:
    """Return the fewest networks that hold what the given networks hold; one of IPv6 may hold all of IPv4."""
    if not isinstance(given, list | set):
        raise TypeError("neither an array nor a set")
    networks = [_network(text) for text in given]
    if any(map(_ends_mapped, networks)) or (len(networks) > 1 and any(map(_is_mapped, given))):
        raise ValueError("a network of IPv6 that holds addresses of IPv4 alone, or ends with them")
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    if any(_MAPPED.subnet_of(network) for network in six):
        four = []
    collapsed = [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]
    return {str(network) for network in collapsed}


def is_valid(network: object) -> bool:
    """True if a text is a network."""
    try:
        _network(network)
    except (TypeError, ValueError):
        return False
    return True


@lru_cache(_CACHED)
def _network(text: str) -> _Network:
    if not isinstance(text, str):
        raise TypeError("not a text")
    address, slash, length = text.partition("/")
    if not slash or _LENGTH.fullmatch(length) is None:
        raise ValueError("not a network")
    bits = int(length)
    parsed = _parsed(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    if mapped is None or bits < _MAPPED_BITS:
        return ipaddress.ip_network((int(parsed), bits) if mapped else f"{parsed}/{bits}", strict=False)
    return ipaddress.ip_network(f"{mapped}/{bits - _MAPPED_BITS}", strict=False)


def _is_mapped(text: str) -> bool:
    return ":" in text and isinstance(_network(text), ipaddress.IPv4Network)


def _ends_mapped(network: _Network) -> bool:
    """Whether the last address of a network is one of IPv4 in IPv6, which Go finds in no network of IPv6."""
    return isinstance(network, ipaddress.IPv6Network) and network[-1].ipv4_mapped is not None


def _address(text: str) -> _Address:
    parsed = _parsed(text)
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed


def _parsed(text: str) -> _Address:
    if not isinstance(text, str) or "%" in text:
        raise ValueError("not an address")
    return ipaddress.ip_address(text)
