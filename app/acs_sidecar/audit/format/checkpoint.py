"""Checkpoints: signed notes that state the size and root of a log's tree (section 4.2)."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from acs_sidecar.audit.format.merkle import HASH_BYTES
from acs_sidecar.audit.format.note import NoteError, NoteSigner, SignedNote, decode_base64

__all__ = ["Checkpoint", "sign_checkpoint", "split_notes", "stated_size"]

_TEXT = re.compile(rb"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]+=*)\n")
_NOTE = re.compile(rb"[^\n]+\n[^\n]+\n[^\n]+\n\n(?:\xe2\x80\x94 [^\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of the log `origin` at `size` records; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: bytes) -> "Checkpoint":
        """Parse the text of a note, extension lines excluded. Raises `NoteError`."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise NoteError("a checkpoint must be an origin, a size and a base64 root")
        root = decode_base64(match[3].decode())
        if root is None or len(root) != HASH_BYTES:
            raise NoteError("the root of the checkpoint is not the base64 of 32 bytes")
        return cls(match[1].decode(), int(match[2]), root)

    def text(self) -> bytes:
        """Return the text that is signed."""
        return b"%b\n%d\n%b\n" % (self.origin.encode(), self.size, base64.b64encode(self.root))


def sign_checkpoint(checkpoint: Checkpoint, *signers: NoteSigner) -> bytes:
    """Return the signed note of a checkpoint."""
    text = checkpoint.text()
    return b"".join([text, b"\n", *(signer.signature_line(text) for signer in signers)])


def split_notes(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Split a file of checkpoints, one after the other, into `(offset, note)`.

    Stops at the first byte that no complete note covers; the caller compares where the last note
    ends with the length of the file.
    """
    offset = 0
    while match := _NOTE.match(content, offset):
        # A note that ends the file may still be growing a second signature line: it is complete as it is.
        yield offset, match[0]
        offset = match.end()


def stated_size(note: bytes) -> int:
    """Return the size that a checkpoint states, whoever signed it; 0 for what is no checkpoint."""
    try:
        return Checkpoint.parse(SignedNote.parse(note).text).size
    except NoteError:
        return 0
