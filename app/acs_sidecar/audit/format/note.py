"""C2SP signed notes with Ed25519: texts that carry the signatures of named keys (sections 4.2, 4.4)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from acs_sidecar.spec.document.public_keys import WeakKeyError, verifying_key

__all__ = [
    "MAX_NOTE_BYTES",
    "NoteError",
    "NoteSignature",
    "NoteSigner",
    "SignedNote",
    "VerifierKey",
    "decode_base64",
    "verified_by",
]

MAX_NOTE_BYTES = 64 * 1024
_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_PUBLIC_BYTES = 32
_SIGNATURE_LINE = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A text that is not a signed note or not a verifier key; the message says why."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named Ed25519 public key, 32 bytes; as text `name+hash+base64`."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the name and derive the key's ID from name, type and key."""
        if not self.name or "+" in self.name or any(character.isspace() for character in self.name):
            raise NoteError(f"`{self.name}` is not a key name: it is empty, or has a space or a plus sign")
        material = self.name.encode() + b"\n" + _ED25519 + self.public
        object.__setattr__(self, "key_id", hashlib.sha256(material).digest()[:_KEY_ID_BYTES])
        try:
            object.__setattr__(self, "_key", verifying_key(self.public))
        except WeakKeyError as error:
            raise NoteError(f"`{self.name}`: {error}") from None

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Parse `name+hash+base64`. Raises `NoteError`, also when the hash is not that of the key."""
        name, _, rest = text.partition("+")
        key_id, _, material = rest.partition("+")
        decoded = decode_base64(material)
        if decoded is None or len(decoded) != 1 + _PUBLIC_BYTES or decoded[:1] != _ED25519:
            raise NoteError("not the verifier key of an Ed25519 key: `name+hash+base64` is expected")
        key = cls(name, decoded[1:])
        if key.key_id.hex() != key_id:
            raise NoteError(f"the hash `{key_id}` in the verifier key does not match its name and key")
        return key

    def __str__(self) -> str:
        material = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """True if `signature` is this key's over `text`."""
        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            return False
        return True


class NoteSigner:
    """Signs notes with an Ed25519 key under a name."""

    __slots__ = ("_line", "_sign", "key")

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.key = VerifierKey(name, private.public_key().public_bytes_raw())
        self._sign = private.sign
        self._line = f"{_SIGNATURE_LINE}{name} ".encode()

    def signature_line(self, text: bytes) -> bytes:
        """Return the line that adds this key's signature to a note with `text`."""
        return self._line + base64.b64encode(self.key.key_id + self._sign(text)) + b"\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """A signature as a note carries it, not yet verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A parsed note, not yet verified. `text` ends with its newline."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, note: bytes) -> "SignedNote":
        """Parse a note. Raises `NoteError`."""
        if len(note) > MAX_NOTE_BYTES:
            raise NoteError(f"the note exceeds {MAX_NOTE_BYTES} bytes")
        try:
            decoded = note.decode()
        except UnicodeDecodeError:
            raise NoteError("the note is not UTF-8") from None
        if _CONTROL.search(decoded):
            raise NoteError("the note has a control character")
        text, blank_line, signatures = decoded.rpartition("\n\n")
        if not blank_line or not signatures.endswith("\n"):
            raise NoteError("the note must be text, a blank line and signature lines")
        lines = signatures[:-1].split("\n")
        return cls((text + "\n").encode(), tuple(_signature(line) for line in lines))


def verified_by(note: SignedNote, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return those of `keys` whose signature the note carries and that verify; others are ignored.

    Raises `NoteError` when a signature that claims to be by one of `keys` does not verify.
    """
    verified: list[VerifierKey] = []
    for key in keys:
        for signature in note.signatures:
            if (signature.name, signature.key_id) != (key.name, key.key_id):
                continue
            if not key.verifies(note.text, signature.signature):
                raise NoteError(f"the signature by `{key.name}` does not verify")
            verified.append(key)
            break
    return tuple(verified)


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_SIGNATURE_LINE).partition(" ")
    decoded = decode_base64(encoded)
    if not line.startswith(_SIGNATURE_LINE) or not name or decoded is None or len(decoded) <= _KEY_ID_BYTES:
        raise NoteError("the note has a malformed signature line")
    return NoteSignature(name, decoded[:_KEY_ID_BYTES], decoded[_KEY_ID_BYTES:])


def decode_base64(text: str) -> bytes | None:
    """Decode standard base64, strictly: one text for one value, `None` for every other."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
