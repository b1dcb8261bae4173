"""Receipts: one JSON object that proves a record offline (section 4.5)."""

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.merkle import inclusion_proof, node_hash
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.receipt import Receipt, ReceiptError
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from tests.audit.format.logs import KEY, LOG, OTHER_KEY, START, TRUST, Builder

PUBLIC = KEY.public_key().public_bytes_raw()


def a_receipt(index: int = 3) -> Receipt:
    """Make a receipt of one record of a log of seven."""
    builder = Builder().open().decide(6)

    def read(height: int, position: int) -> bytes:
        if height == 0:
            return builder.leaves[position]
        return node_hash(read(height - 1, 2 * position), read(height - 1, 2 * position + 1))

    proof = inclusion_proof(index, 7, read)
    return Receipt(builder.build().lines()[index], index, tuple(proof), builder.newest)


@pytest.mark.parametrize("index", range(7))
def test_a_receipt_verifies(index: int) -> None:
    """Every record's receipt verifies, and survives its JSON form."""
    receipt = a_receipt(index)
    read_back = Receipt.parse(orjson.loads(orjson.dumps(receipt.as_json())))
    assert read_back == receipt
    checkpoint = read_back.verify(TRUST)
    assert (checkpoint.origin, checkpoint.size) == (LOG, 7)


def test_a_receipt_has_the_record_as_it_is_in_the_log() -> None:
    """The record is the exact line, as a string; proof and checkpoint are those of the public formats."""
    receipt = a_receipt()
    assert receipt.as_json() == {
        "schema": "acs-sidecar/receipt/v1",
        "record": receipt.record.decode(),
        "index": 3,
        "proof": [base64.b64encode(part).decode() for part in receipt.proof],
        "checkpoint": receipt.checkpoint.decode(),
    }


OTHER_RECORD = a_receipt(4).record
FOREIGN = Builder("acs/host/1/bbbb").open().decide(6)


@pytest.mark.parametrize(
    ("receipt", "message"),
    [
        (
            replace(a_receipt(), record=a_receipt().record.replace(b'"deny"', b'"allow"')),
            "the proof does not lead from the record to the root of the checkpoint",
        ),
        (
            replace(a_receipt(), proof=a_receipt().proof[:-1]),
            "the proof does not lead from the record to the root of the checkpoint",
        ),
        (
            replace(a_receipt(), record=OTHER_RECORD),
            "the record names another log or index than the checkpoint and the proof",
        ),
        (
            replace(a_receipt(), record=OTHER_RECORD, index=4),
            "the proof does not lead from the record to the root of the checkpoint",
        ),
        (
            replace(a_receipt(), checkpoint=FOREIGN.newest),
            "the record names another log or index than the checkpoint and the proof",
        ),
        (
            replace(a_receipt(), checkpoint=a_receipt().checkpoint.replace(b"\n7\n", b"\n8\n")),
            f"the checkpoint cannot be trusted: the signature by `{LOG}` does not verify",
        ),
        (
            replace(
                a_receipt(),
                checkpoint=sign_checkpoint(Checkpoint(LOG, 7, bytes(32)), NoteSigner(LOG, OTHER_KEY)),
            ),
            "the checkpoint is not signed by a trusted key",
        ),
        (
            replace(a_receipt(), checkpoint=b"no note"),
            "the checkpoint cannot be trusted: the note must be text, a blank line and signature lines",
        ),
        (replace(a_receipt(), record=b"[]"), "the record is not one JSON object in canonical form"),
        (replace(a_receipt(), record=b"{"), "the record is not one JSON object in canonical form"),
        (
            replace(a_receipt(), record=a_receipt().record + b"\n"),
            "the record is not one JSON object in canonical form",
        ),
        (
            replace(a_receipt(), record=b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"),
            "the record is not one JSON object in canonical form",
        ),
    ],
)
def test_a_manipulated_receipt_does_not_verify(receipt: Receipt, message: str) -> None:
    """Each step of the verification names what it stopped."""
    with pytest.raises(ReceiptError) as refusal:
        receipt.verify(TRUST)
    assert str(refusal.value) == message


@pytest.mark.slow
@settings(max_examples=500)
@given(st.data())
def test_no_change_of_a_receipt_passes(data: st.DataObject) -> None:
    """One character of any text, another index, or a hash more or less: nothing but the receipt itself verifies."""
    receipt = a_receipt(data.draw(st.integers(0, 6)))
    value = receipt.as_json()
    proof = value["proof"]
    assert isinstance(proof, list)
    places = ["schema", "record", "checkpoint", "index", "proof", *range(len(proof))]
    place = data.draw(st.sampled_from(places))
    match place:
        case "index":
            value["index"] = data.draw(
                st.integers(-(2**63), 2**63).filter(lambda index: index != value["index"])
            )
        case "proof":
            value["proof"] = data.draw(
                st.sampled_from([proof[:-1], proof[1:], [*proof, proof[-1]], proof[::-1]])
            )
        case int():
            proof[place] = one_changed(str(proof[place]), data)
        case _:
            value[str(place)] = one_changed(str(value[str(place)]), data)
    assume(value != receipt.as_json())
    with pytest.raises(ReceiptError):
        Receipt.parse(value).verify(TRUST)


def one_changed(text: str, data: st.DataObject) -> str:
    """Change, remove or add one character."""
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters().filter(lambda character: character != text[at]))
    return text[:at] + data.draw(st.sampled_from([character, "", text[at] + character])) + text[at + 1 :]


def test_a_retired_key_vouches_for_no_later_record() -> None:
    """A receipt verifies under a key that was in use when the record was made."""
    receipt = a_receipt()
    receipt.verify(Trust((TrustedKey(PUBLIC, until=rfc3339(START + 4000)),)))
    with pytest.raises(
        ReceiptError, match="the record is later than the expiry of the key that signed the checkpoint"
    ):
        receipt.verify(Trust((TrustedKey(PUBLIC, until=rfc3339(START + 3999)),)))


GOOD = a_receipt().as_json()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
        ({}, "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
        ({**GOOD, "more": 1}, "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
        ({**GOOD, "schema": "v2"}, "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
        ({**GOOD, "index": True}, "`record` and `checkpoint` must be strings and `index` an integer"),
        ({**GOOD, "record": {}}, "`record` and `checkpoint` must be strings and `index` an integer"),
        ({**GOOD, "record": "\ud800"}, "`record` and `checkpoint` must be Unicode text"),
        ({**GOOD, "proof": "x"}, "`proof` must be a list of base64 hashes"),
        ({**GOOD, "proof": ["x"]}, "`proof` must be a list of base64 hashes"),
        ({**GOOD, "proof": [7]}, "`proof` must be a list of base64 hashes"),
        ({**GOOD, "proof": ["AAAA"]}, "`proof` must be a list of base64 hashes"),
        ({**GOOD, "proof": ["A" * 42 + "B="]}, "`proof` must be a list of base64 hashes"),
    ],
)
def test_what_is_no_receipt_is_refused(value: Any, message: str) -> None:
    """A value of another form is refused with the reason."""
    with pytest.raises(ReceiptError) as refusal:
        Receipt.parse(value)
    assert str(refusal.value) == message
