"""The authority of a request target."""

import pytest

from acs_sidecar.server.request_target import authority_of


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (b"http://a.example:80/v1?x", b"a.example:80"),
        (b"http://a.example?x", b"a.example"),
        (b"http://a.example#x", b"a.example"),
        (b"http://", b""),
        (b"*", None),
        (b"a.example:80", None),
    ],
)
def test_only_a_target_in_absolute_form_has_an_authority(target: bytes, authority: bytes | None) -> None:
    """It ends where a path, a query or a fragment begins."""
    assert authority_of(target) == authority
