"""A receipt: one JSON object that proves offline that a record is in a log (section 4.5)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from acs_sidecar.audit.format.note import NoteError, SignedNote, decode_base64, verified_by
from acs_sidecar.audit.format.record import parse_record
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.spec.values import Json

__all__ = ["RECEIPT_SCHEMA", "Receipt", "ReceiptError"]

RECEIPT_SCHEMA = "acs-sidecar/receipt/v1"
_MEMBERS = {"schema", "record", "index", "proof", "checkpoint"}


class ReceiptError(ValueError):
    """A receipt that proves nothing; the message says which step failed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The exact line of a record, its index, the inclusion proof, and the signed checkpoint."""

    record: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def as_json(self) -> dict[str, Json]:
        """Return the receipt as a JSON value."""
        return {
            "schema": RECEIPT_SCHEMA,
            "record": self.record.decode(),
            "index": self.index,
            "proof": [base64.b64encode(part).decode() for part in self.proof],
            "checkpoint": self.checkpoint.decode(),
        }

    @classmethod
    def parse(cls, value: Json | Mapping[str, Json]) -> "Receipt":
        """Read a receipt. Raises `ReceiptError`."""
        if not isinstance(value, Mapping) or set(value) != _MEMBERS or value["schema"] != RECEIPT_SCHEMA:
            raise ReceiptError(f"not a receipt: an object of schema `{RECEIPT_SCHEMA}` is expected")
        record, index, proof, checkpoint = (
            value[name] for name in ("record", "index", "proof", "checkpoint")
        )
        if not (isinstance(record, str) and type(index) is int and isinstance(checkpoint, str)):
            raise ReceiptError("`record` and `checkpoint` must be strings and `index` an integer")
        try:
            encoded = record.encode(), checkpoint.encode()
        except UnicodeEncodeError:
            raise ReceiptError("`record` and `checkpoint` must be Unicode text") from None
        return cls(encoded[0], index, _proof(proof), encoded[1])

    def verify(self, trust: Trust) -> Checkpoint:
        """Verify the receipt and return the checkpoint that covers the record. Raises `ReceiptError`."""
        # 1. The checkpoint is signed by a trusted key under the log's own name: nobody else made it.
        try:
            note = SignedNote.parse(self.checkpoint)
            checkpoint = Checkpoint.parse(note.text)
            keys = trust.for_log(checkpoint.origin)
            signers = verified_by(note, keys)
        except NoteError as error:
            raise ReceiptError(f"the checkpoint cannot be trusted: {error}") from None
        if not signers:
            raise ReceiptError("the checkpoint is not signed by a trusted key")
        # 2. The record says that it is at this place of this log: it was not taken from another.
        record = parse_record(self.record)
        if record is None:
            raise ReceiptError("the record is not one JSON object in canonical form")
        stated = record.get("index")  # `true` and `1.0` are equal to 1
        if record.get("log") != checkpoint.origin or stated != self.index or type(stated) is not int:
            raise ReceiptError("the record names another log or index than the checkpoint and the proof")
        # 3. The signing key was still in use: a retired key vouches for no later record.
        time = record.get("time")
        if not any(_in_time(time, keys[signer].until) for signer in signers):
            raise ReceiptError("the record is later than the expiry of the key that signed the checkpoint")
        # 4. The record, byte for byte, is in the tree whose root is signed.
        leaf = leaf_hash(self.record)
        if not verify_inclusion(leaf, self.index, checkpoint.size, self.proof, checkpoint.root):
            raise ReceiptError("the proof does not lead from the record to the root of the checkpoint")
        return checkpoint


def _proof(proof: Json) -> tuple[bytes, ...]:
    if not isinstance(proof, list):
        raise ReceiptError("`proof` must be a list of base64 hashes")
    hashes: list[bytes] = []
    for part in proof:
        decoded = decode_base64(part) if isinstance(part, str) else None
        if decoded is None or len(decoded) != HASH_BYTES:
            raise ReceiptError("`proof` must be a list of base64 hashes")
        hashes.append(decoded)
    return tuple(hashes)


def _in_time(time: Json, until: str | None) -> bool:
    return until is None or (isinstance(time, str) and time <= until)
