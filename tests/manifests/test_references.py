"""Section 3.3: references to other servers, and the addresses that are open."""

import ipaddress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.spec.manifest.pinned_url import InvalidReferenceError, parse_reference


def test_private_networks_are_open_and_an_exemption_is_for_its_form() -> None:
    """The servers of a cluster may be fetched from; an exemption does not open what embeds its address."""
    policy = AddressPolicy()
    for address in ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd12::1", "2606::1"):
        assert policy.refusal(address) is None
    for address in ("::ffff:10.0.0.1", "64:ff9b::8.8.8.8"):
        assert policy.refusal(address) is None
    opened = AddressPolicy(["127.0.0.0/8"])
    assert opened.refusal("127.0.0.1") is None
    assert opened.refusal("::ffff:127.0.0.1") == "loopback"
    assert policy.refusal("fe80::1%eth0") == "link-local"
    assert policy.refusal("not an address") == "unreadable"
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        AddressPolicy(["10.0.0.1/8"])


@given(st.integers(0, 2**32 - 1))
@example(0x7F000001)
@example(0x08080808)
def test_an_embedded_address_is_never_freer_than_its_own(number: int) -> None:
    """Whatever IPv4 address is refused is refused in each IPv6 form that carries it."""
    policy = AddressPolicy()
    plain = ipaddress.IPv4Address(number)
    kind = policy.refusal(str(plain))
    for form in (f"::ffff:{plain}", f"64:ff9b::{plain}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"):
        assert policy.refusal(form) == kind
    if kind:
        assert policy.refusal(f"::{plain}") is not None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "must be an object of `url` with `sha256` or `integrity`"),
        ({}, "`url` must be an HTTPS URL"),
        ({"url": " "}, "`url` must be an HTTPS URL"),
        (
            {"url": "https://a/", "md5": "x"},
            "`md5` is unknown; must be one of `url`, `sha256` and `integrity`",
        ),
        (
            {"url": "https://a/", "sha256": "0" * 64, "integrity": "x"},
            "`sha256` and `integrity` cannot be combined",
        ),
        ({"url": "https://a/", "sha256": "0" * 63}, "`sha256` must be 64 hexadecimal digits"),
        ({"url": "https://a/", "sha256": None}, "`sha256` must be 64 hexadecimal digits"),
        (
            {"url": "https://a/", "integrity": "sha384-AAAA"},
            "`integrity` must be `sha256-` and the base64 of the digest",
        ),
        (
            {"url": "https://a/", "integrity": "sha256-AAAA"},
            "`integrity` must be `sha256-` and the base64 of the digest",
        ),
        (
            {"url": "https://a/", "integrity": "sha256-%%"},
            "`integrity` must be `sha256-` and the base64 of the digest",
        ),
        ("https://a/", "must be pinned: set `sha256` or `integrity` beside `url`"),
        ({"url": "https://a/"}, "must be pinned: set `sha256` or `integrity` beside `url`"),
    ],
)
def test_references_that_are_none(value: Any, message: str) -> None:
    """What is wrong with a reference is said without repeating its values."""
    with pytest.raises(InvalidReferenceError) as caught:
        parse_reference(value, pin_required=True)
    assert str(caught.value) == message
