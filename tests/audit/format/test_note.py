"""Signed notes, verifier keys and checkpoints against the published ones (sections 4.2, 4.4)."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint, split_notes
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteError, NoteSigner, SignedNote, VerifierKey, verified_by
from tests.audit.format.vectors import vectors

PUBLISHED = vectors("signed_notes.json")
SEED = base64.b64decode(PUBLISHED["signing"]["private_with_type"])[1:]
PETER = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
DASH = "\N{EM DASH}"


@pytest.mark.parametrize("case", PUBLISHED["keys"])
def test_reads_and_writes_published_verifier_keys(case: dict[str, str]) -> None:
    """A verifier key of another implementation parses, and is written back byte for byte."""
    key = VerifierKey.parse(case["vkey"])
    assert (key.name, key.key_id.hex(), str(key)) == (case["name"], case["key_id"], case["vkey"])


@pytest.mark.parametrize("case", PUBLISHED["notes"])
def test_opens_published_notes(case: dict[str, str]) -> None:
    """A note signed by another implementation verifies and gives its text."""
    key = VerifierKey.parse(case["vkey"])
    note = SignedNote.parse(case["note"].encode())
    assert note.text == case["text"].encode()
    assert verified_by(note, [key]) == (key,)


def test_signs_as_published() -> None:
    """The signature over the published text with the published key is the published one."""
    case = PUBLISHED["notes"][0]
    text = case["text"].encode()
    assert text + b"\n" + PETER.signature_line(text) == case["note"].encode()
    assert str(PETER.key) == case["vkey"]


@pytest.mark.parametrize("case", PUBLISHED["checkpoints"])
def test_reads_published_checkpoints(case: dict[str, Any]) -> None:
    """Checkpoints of other logs parse, verify where the key is public, and are written back."""
    note = SignedNote.parse(case["note"].encode())
    checkpoint = Checkpoint.parse(note.text)
    assert checkpoint == Checkpoint(case["origin"], case["size"], base64.b64decode(case["root"]))
    assert checkpoint.text() == note.text
    if case["vkey"]:
        key = VerifierKey.parse(case["vkey"])
        assert verified_by(note, [key]) == (key,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the verifier key of an Ed25519 key: `name+hash+base64` is expected"),
        ("name+00000000", "not the verifier key of an Ed25519 key: `name+hash+base64` is expected"),
        (
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "the hash `c74f20a4` in the verifier key does not match its name and key",
        ),
        (
            "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "not the verifier key of an Ed25519 key: `name+hash+base64` is expected",
        ),
        (
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "`Peter Neumann` is not a key name: it is empty, or has a space or a plus sign",
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
            "not the verifier key of an Ed25519 key: `name+hash+base64` is expected",
        ),
    ],
)
def test_refuses_bad_verifier_keys(text: str, message: str) -> None:
    """A key with another type, hash, name or encoding is refused with the reason."""
    with pytest.raises(NoteError) as refusal:
        VerifierKey.parse(text)
    assert str(refusal.value) == message


GOOD = PUBLISHED["notes"][0]["note"]


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (b"\xff" + GOOD.encode(), "the note is not UTF-8"),
        (GOOD.replace("answer", "an\tswer").encode(), "the note has a control character"),
        (GOOD.replace("\n\n", "\n").encode(), "the note must be text, a blank line and signature lines"),
        (GOOD[:-1].encode(), "the note must be text, a blank line and signature lines"),
        (GOOD.replace(DASH, "-").encode(), "the note has a malformed signature line"),
        (GOOD.replace(f"{DASH} ", "").encode(), "the note has a malformed signature line"),
        (f"text\n\n{DASH} PeterNeumann x08go==\n".encode(), "the note has a malformed signature line"),
        (f"text\n\n{DASH} PeterNeumann x08gow==\n".encode(), "the note has a malformed signature line"),
        (f"text\n\n{DASH}  x08go3Nu\n".encode(), "the note has a malformed signature line"),
        (GOOD.replace("\n", "\r\n").encode(), "the note has a control character"),
        (GOOD.replace("answer", "an\0swer").encode(), "the note has a control character"),
        (GOOD.replace("BwJnAM=", "BwJnAN=").encode(), "the note has a malformed signature line"),
        (GOOD.encode() + b"x" * 65536, "the note exceeds 65536 bytes"),
    ],
)
def test_refuses_malformed_notes(note: bytes, message: str) -> None:
    """What is not exactly a signed note is refused with the reason, non-canonical base64 included."""
    with pytest.raises(NoteError) as refusal:
        SignedNote.parse(note)
    assert str(refusal.value) == message


def test_a_changed_text_does_not_verify() -> None:
    """A signature that claims to be by a known key and is not rejects the note."""
    note = SignedNote.parse(GOOD.replace("answer", "question").encode())
    with pytest.raises(NoteError, match="the signature by `PeterNeumann` does not verify"):
        verified_by(note, [PETER.key])


def test_a_signature_under_another_name_is_not_by_the_key() -> None:
    """The four bytes of a key's ID tell keys apart for whoever means well: the name counts too."""
    note = SignedNote.parse(GOOD.replace(f"{DASH} PeterNeumann", f"{DASH} Mallory").encode())
    assert verified_by(note, [PETER.key]) == ()


def test_signatures_of_unknown_keys_are_ignored() -> None:
    """A note with a second, unknown signature verifies by the first; one by unknown keys alone by none."""
    two = SignedNote.parse(PUBLISHED["notes"][1]["note"].encode())
    assert verified_by(two, [PETER.key]) == (PETER.key,)
    other = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert verified_by(two, [other.key]) == ()


@pytest.mark.parametrize(
    "text",
    [
        b"log\n5\n",
        b"log\n05\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n-1\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n+5\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n5.0\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n" + b"9" * 20 + b"\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n" + b"9" * 9000 + b"\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
        b"log\n5\n" + base64.b64encode(EMPTY_ROOT),
        b"log\r\n5\r\n" + base64.b64encode(EMPTY_ROOT) + b"\r\n",
        b"log\n5\n" + base64.b64encode(EMPTY_ROOT) + b"\nextension\n",
        b"\n5\n" + base64.b64encode(EMPTY_ROOT) + b"\n",
    ],
)
def test_refuses_texts_that_are_not_checkpoints(text: bytes) -> None:
    """Origin, size without leading zeros, root; extension lines are refused."""
    with pytest.raises(NoteError, match="a checkpoint must be an origin, a size and a base64 root"):
        Checkpoint.parse(text)


def test_refuses_a_root_of_another_length() -> None:
    """A root is 32 bytes."""
    with pytest.raises(NoteError, match="the root of the checkpoint is not the base64 of 32 bytes"):
        Checkpoint.parse(b"log\n5\nAAAA\n")


def test_signs_a_checkpoint_with_several_keys() -> None:
    """A checkpoint at a key's rotation carries the old and the new signature, and each verifies it."""
    other = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    note = SignedNote.parse(sign_checkpoint(Checkpoint("PeterNeumann", 3, EMPTY_ROOT), PETER, other))
    assert verified_by(note, [PETER.key]) == (PETER.key,)
    assert verified_by(note, [other.key]) == (other.key,)
    assert verified_by(note, [PETER.key, other.key]) == (PETER.key, other.key)


def test_splits_a_file_of_checkpoints() -> None:
    """Checkpoints one after the other are split with their offsets; an incomplete one is left."""
    notes = [sign_checkpoint(Checkpoint("log", size, EMPTY_ROOT), PETER) for size in (1, 2)]
    content = b"".join(notes)
    assert list(split_notes(content + notes[0][:-1])) == [(0, notes[0]), (len(notes[0]), notes[1])]
