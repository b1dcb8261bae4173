"""What a child replies about the identity of a manifest is read as untrusted input."""

import pytest

from acs_sidecar.sandbox.identity_reply import read_identity, write_identity
from acs_sidecar.sandbox.wire import MalformedOutputError
from acs_sidecar.spec.manifest.identity import ManifestIdentity, document_identity
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.values import Json

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize("name", [None, "n", "two\nlines", "é" * 256])
def test_an_identity_is_read_as_it_was_written(name: str | None) -> None:
    """With a name of any characters, and without one."""
    identity = ManifestIdentity(DIGEST, name)
    assert read_identity(write_identity(identity)) == identity


@pytest.mark.parametrize(
    "body", [b"", b"sha256:0", b"\xff", DIGEST.encode() + b"n" * 257, b" " + DIGEST.encode()]
)
def test_any_other_reply_is_malformed(body: bytes) -> None:
    """No digest, a name that is too long, or no UTF-8."""
    with pytest.raises(MalformedOutputError):
        read_identity(body)


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"name": "n"}, "n"),
        ({"name": ""}, None),
        ({"name": 1}, None),
        ({"name": "n" * 257}, None),
        ("n", None),
    ],
)
def test_the_name_of_a_manifest_is_a_short_string(metadata: Json, name: str | None) -> None:
    """A signature binds `metadata.name` alone, of 1 to 256 characters."""
    identity = document_identity(document_of({"metadata": metadata}))
    assert identity is not None
    assert identity.name == name
