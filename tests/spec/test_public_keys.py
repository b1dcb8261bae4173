"""Public keys as texts (section 2.5)."""

import base64
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acs_sidecar.approval.token import APPROVAL, Sealed
from acs_sidecar.audit.format.note import NoteError, VerifierKey
from acs_sidecar.audit.log.keys import KeyFileError, load_trusted_key
from acs_sidecar.engines.adapters.oags.harness import answer
from acs_sidecar.spec.document.public_keys import (
    WeakKeyError,
    has_signed,
    is_weak,
    key_name,
    read_public_key,
    verifying_key,
)
from acs_sidecar.spec.values import Json

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
PUBLIC = KEY.public_bytes_raw()
TEXT = base64.b64encode(PUBLIC).decode()
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OTHER_KIND = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
OTHER_PEM = OTHER_KIND.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
]


def test_a_key_has_a_name_of_its_own() -> None:
    """Who chose no name gets one that follows from the key."""
    assert key_name(PUBLIC).startswith("ed25519:")
    assert key_name(PUBLIC) != key_name(bytes(32))


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (TEXT, PUBLIC),
        (PEM, PUBLIC),
        (f"\n{PEM}\n", PUBLIC),
        (PEM + PEM, None),
        (PEM + OTHER_PEM, None),
        (PEM + "comment", None),
        (PEM + "\ud800", None),
        (TEXT.rstrip("="), None),
        (TEXT + "\n", None),
        (TEXT[:-2] + chr(ord(TEXT[-2]) + 1) + "=", None),
        (PUBLIC.hex(), None),
        (base64.b64encode(PUBLIC[:31]).decode(), None),
        (OTHER_PEM, None),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", None),
        ("Ä", None),
    ],
)
def test_a_key_has_one_text(text: str, public: bytes | None) -> None:
    """PEM or canonical base64 of an Ed25519 key is one, nothing else is."""
    assert read_public_key(text) == public


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_a_key_that_anybody_can_sign_for_is_refused(public: bytes) -> None:
    """The library verifies a signature without a secret for such a point; no reader takes it for a key."""
    forged = b"\x01" + bytes(63)
    assert any(_verifies(public, forged, bytes([number])) for number in range(200))
    for signed in (public, public[:-1] + bytes([public[-1] | 0x80])):
        assert is_weak(signed)
        assert read_public_key(base64.b64encode(signed).decode()) is None


NOT_CANONICAL = [(2**255 - 19 + number).to_bytes(32, "little") for number in range(19)]


@pytest.mark.parametrize("public", [*SMALL_ORDER, *NOT_CANONICAL], ids=bytes.hex)
def test_no_weak_key_verifies_anything(public: bytes, tmp_path: Path) -> None:
    """Signatures, the harness, tokens, verifier keys and key files: none is by a key of small order or two encodings."""
    forged, messages = b"\x01" + bytes(63), [bytes([number]) for number in range(100)]
    assert not any(has_signed(public, forged, message) for message in messages)
    for message in messages:
        params: dict[str, Json] = {
            "message": message.decode(),
            "signature": forged.hex(),
            "publicKey": public.hex(),
        }
        assert answer({"operation": "verify", "params": params}) == {"result": False}
        assert not Sealed(APPROVAL, {}, message, forged).signed_by(public)
    with pytest.raises(
        WeakKeyError, match="of small order, so that anybody can sign for it, or not canonical"
    ):
        verifying_key(public)
    with pytest.raises(NoteError, match="`log`: the key is of small order"):
        VerifierKey("log", public)
    key = Ed25519PublicKey.from_public_bytes(public)
    file = tmp_path / "key.pem"
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(
        KeyFileError, match="is a key that anybody can sign for, or not in its canonical form"
    ):
        load_trusted_key(str(file))
    assert read_public_key(file.read_text()) is None


def _verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_a_file_with_two_keys_is_refused(tmp_path: Path) -> None:
    """Of two keys in one file the second would be trusted by its owner alone."""
    file = tmp_path / "key.pem"
    file.write_text(PEM + OTHER_PEM)
    with pytest.raises(KeyFileError) as caught:
        load_trusted_key(str(file))
    assert str(caught.value) == f"`{file}` holds more than one PEM public key: remove the rest"
