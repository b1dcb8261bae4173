"""The fetch address blocklist: a URL must not reach this machine or its cloud metadata (section 3.3)."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["AddressPolicy", "LoopbackAddresses"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Private networks are not among them: that is where the servers of a cluster are.
_REFUSED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("loopback", _networks("127.0.0.0/8", "::1/128")),
    # AWS, Azure, Alibaba and Google answer here with the machine's own credentials, besides 169.254.169.254.
    (
        "cloud metadata",
        _networks(
            "169.254.169.254/32",
            "fd00:ec2::/32",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "fd20:ce::254/128",
        ),
    ),
    ("link-local", _networks("169.254.0.0/16", "fe80::/10")),
    ("unspecified", _networks("0.0.0.0/8", "::/128")),
    ("broadcast", _networks("255.255.255.255/32")),
    ("multicast", _networks("224.0.0.0/4", "ff00::/8")),
    ("reserved", _networks("192.0.0.0/24", "240.0.0.0/4", "2001::/32")),
)
_UNICAST = _networks("2000::/3", "fc00::/7", "64:ff9b::/96")
"""What is left of IPv6 for servers: global, unique local, and IPv4 behind a translator."""

_COMPATIBLE = IPv6Network("::/96")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class AddressPolicy:
    """Judges addresses; `allowed` are networks that the operator exempts, as `10.0.0.0/8`."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Parse the exempt networks. Raises `ValueError` for an invalid one."""
        self._allowed = _networks(*allowed)

    def refusal(self, address: str) -> str | None:
        """Return the kind of address that `address` is where that is refused, else `None`.

        An IPv6 address counts as the IPv4 address that it carries, too: mapped, compatible,
        translated (NAT64), 6to4 and ISATAP. An exemption is for the form in which it is written.
        """
        try:
            parsed = ip_address(address)
        except ValueError:
            return "unreadable"
        if any(parsed in network for network in self._allowed):
            return None
        for form in (parsed, *_carried(parsed)):
            for kind, networks in _REFUSED:
                if any(form in network for network in networks):
                    return kind
        mapped = isinstance(parsed, IPv6Address) and (parsed.ipv4_mapped or parsed in _COMPATIBLE)
        if isinstance(parsed, IPv6Address) and not mapped and not any(parsed in net for net in _UNICAST):
            return "reserved"
        return None


class LoopbackAddresses(AddressPolicy):
    """Refuses every address but this machine's own, for what is fetched over plain HTTP."""

    def refusal(self, address: str) -> str | None:
        """Return `remote` for an address of another machine."""
        try:
            return None if ip_address(address).is_loopback else "remote"
        except ValueError:
            return "unreadable"


def _carried(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    number = int(address)
    if address in _COMPATIBLE or address in _TRANSLATED or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)
