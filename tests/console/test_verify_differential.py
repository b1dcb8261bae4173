"""The browser and the command agree about changed receipts and logs (section 15.3)."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.findings import Property
from acs_sidecar.audit.format.merkle import leaf_hash
from acs_sidecar.audit.format.note import NoteSigner, VerifierKey
from acs_sidecar.audit.format.receipt import Receipt, ReceiptError
from acs_sidecar.audit.format.tiles import entry_bundle
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.cli.audit.verify import _verified_receipt
from tests.audit.format.logs import Builder, MemoryLog
from tests.audit.format.verified import PUBLIC, findings
from tests.audit.log.logs import KEY, sound
from tests.clients.typescript.node import skip_without_node
from tests.console.logs import VKEY, WIDTH, jobs_of, make_log, walk_job
from tests.console.node import encoded, run_jobs

pytestmark = [pytest.mark.server, pytest.mark.slow]
skip_without_node()

COUNT = 20
CHANGES = 400
_Chance = random.Random
_Texts = list[Callable[[str], str]]

SIGNED: _Texts = [
    lambda note: f"{note}\n",
    lambda note: note[:-1],
    lambda note: note.replace("\n\n", "\nextension\n\n"),
    lambda note: f"\ufeff{note}",
    lambda note: note.replace("\n", "\r\n"),
    lambda note: note.replace("\u2014 ", "- "),
    lambda note: f"{note}\u2014 other AAAAAAAA\n",
    lambda note: note.replace("\n\n", "\n\n\u2014 other AAAAAAAA\n"),
    lambda note: f"{note}\u2014 a b AAAAAAAA\n",
    lambda note: note.replace("=\n", "\n"),
    lambda note: f"{note}\u2014 other AAAA\n",
    lambda note: f"{note}\u2014  AAAAAAAA\n",
    lambda note: f"{note}\u2014 \ud800 AAAAAAAA\n",
    lambda note: note + "\u2014 x AAAAAAAB\n" * 300,
    lambda note: f"{note}\u2014 x {'A' * 70_000}\n",
]
WRITTEN: _Texts = [
    lambda text: text.replace('{"schema"', '{"index": 3, "schema"'),
    lambda text: text.replace('{"schema"', '{"\\u0069ndex": 3, "schema"'),
    lambda text: text.replace('"index": ', '"index": 0'),
    lambda text: text.replace(', "proof"', '.0, "proof"'),
    lambda text: text.replace(', "proof"', 'e0, "proof"'),
    lambda text: text.replace('"index": ', '"index": -'),
    lambda text: f"{text} ",
    lambda text: f"[{text}]",
    lambda text: f'{{"receipt": {text}, "took": 1.5}}',
    lambda text: text.replace("acs/host", "acs\\/host"),
]
LINES: list[Callable[[bytes], bytes]] = [
    lambda line: line + b" ",
    lambda line: b" " + line,
    lambda _: b"",
    lambda _: b"{}",
    lambda _: b"\xff",
    lambda line: line[:-1],
    lambda line: b"\xef\xbb\xbf" + line,
    lambda line: line + line,
]

LOG = "acs/one"
TIME = "2026-01-02T03:04:05.678901Z"
MISREAD = "has a number that browsers may misread: run `acs-sidecar audit verify`"
DEEP = 254
HELD: list[tuple[bytes, bool]] = [
    (b'{"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z"}', True),
    (
        b'{"a":[],"b":{},"c":[null,true,false],"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z","z":-1}',
        True,
    ),
    (
        b'{"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z","\x7f":"\\u001f\\n\\\\"}',
        True,
    ),
    (
        b'{"10":1,"9":2,"__proto__":3,"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z"}',
        True,
    ),
    (
        '{"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z","\ue000":1,"\uffff":1,"\U0001f600":1}'.encode(),
        True,
    ),
    (
        b'{"a":'
        + b"[" * (DEEP - 1)
        + b"]" * (DEEP - 1)
        + b',"event":"log_opened","index":0,"log":"acs/one","time":"2026-01-02T03:04:05.678901Z"}',
        True,
    ),
    (b'{"a":' + b"[" * DEEP + b"]" * DEEP + b',"event":"log_opened","index":0,"log":"acs/one"}', False),
    ('{"event":"log_opened","index":0,"log":"acs/one","\U0001f600":1,"\uffff":1}'.encode(), False),
    (b'{"index":0,"event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"decision":"deny","decision":"allow","event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"log":"acs/one","index":0}', False),
    (b'{"a":{"z":1,"b":1},"event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"event":"log_opened","index":0,"log":"acs/one"} ', False),
    (b'{"index": 0,"log":"acs/one"}', False),
    (b'{"event":"log_opened","index":0,"log":"acs\\/one"}', False),
    (b'{"event":"log_opened","index":0,"log":"\\u0061cs/one"}', False),
    (b'{"a":"\\u001F","event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"a":"\\ud800","event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"\\ud800":1,"event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"index":-0,"log":"acs/one"}', False),
    (b'{"index":0.0,"log":"acs/one"}', False),
    (b'{"index":false,"log":"acs/one"}', False),
    (b'{"a":1e2,"event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'{"a":18446744073709552000,"event":"log_opened","index":0,"log":"acs/one"}', False),
    (b'[{"event":"log_opened","index":0,"log":"acs/one"}]', False),
    (b"null", False),
    (b"", False),
]
"""Lines of a log of one record that its key signed, and whether they prove anything."""


def changed_receipt(receipt: dict[str, Any], others: list[dict[str, Any]], chance: _Chance) -> str:
    """Return the text of a receipt with one change, or none."""
    found = {**receipt, "proof": [*receipt["proof"]]}
    proof, at = found["proof"], chance.randrange(len(receipt["proof"]))
    kind = chance.randrange(10)
    if kind == 0:
        found["index"] = chance.choice(
            [found["index"] + 1, -1, 2**53, None, True, "0", float(found["index"])]
        )
    elif kind == 1:
        proof[at] = proof[at][:-2] + chance.choice("AEIMQUYcgkosw048=B+/") + proof[at][-1]
    elif kind == 2:
        del proof[at]
    elif kind == 3:
        proof.insert(at, chance.choice([*proof, "", "AAAA", None, 5]))
    elif kind == 4:
        found[chance.choice([*found, "other"])] = chance.choice([None, "", [], {}, 0])
    elif kind == 5:
        del found[chance.choice([*found])]
    elif kind == 6:
        found["checkpoint"] = chance.choice(SIGNED)(found["checkpoint"])
    elif kind == 7:
        name = chance.choice(["record", "index", "proof"])
        found[name] = chance.choice(others)[name]
    text = json.dumps(found)
    if kind == 8:
        return chance.choice(WRITTEN)(text)
    if kind == 9:
        place = chance.randrange(len(text))
        return text[:place] + chance.choice('0aZ/"{}[],: e.-\\') + text[place + chance.randrange(2) :]
    return text


def changed_lines(lines: list[bytes], chance: _Chance) -> list[bytes]:
    """Return the records of a log with one to three changes."""
    found = [*lines]
    for _ in range(chance.choice([1, 1, 2, 3])):
        at, kind = chance.randrange(len(found)), chance.randrange(6)
        line = found[at] or b"x"
        if kind == 0:
            place = chance.randrange(len(line))
            new = bytes([chance.choice([byte for byte in range(256) if byte != ord("\n")])])
            found[at] = line[:place] + new + line[place + 1 :]
        elif kind == 1 and len(found) > 1:
            del found[at]
        elif kind == 2:
            found.insert(at, chance.choice(lines))
        elif kind == 3:
            other = chance.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        elif kind == 4:
            found[at] = chance.choice(LINES)(line)
        else:
            found = found[: at + 1]
    return found


def test_both_accept_the_same_receipts(tmp_path: Path) -> None:
    """Of texts that differ from a sound one in one place, or not at all."""
    log = make_log(tmp_path / "audit", COUNT)
    receipts = [job["receipt"] for job in jobs_of(tmp_path / "audit", log)]
    chance = random.Random(20)  # noqa: S311  # changes, no secrets
    texts = [changed_receipt(chance.choice(receipts), receipts, chance) for _ in range(CHANGES)]
    found = run_jobs({"kind": "receipt", "text": text, "key": VKEY} for text in texts)
    accepted = 0
    for text, one in zip(texts, found, strict=True):
        (tmp_path / "receipt.json").write_text(text)
        command = _verified_receipt(tmp_path / "receipt.json", KEY.trust)["error"]
        browser = one.get("error") or one["value"][-1]["problem"]
        assert (command is None) == (browser is None), (text, command, browser)
        accepted += command is None
    assert 0 < accepted < CHANGES // 2


@pytest.mark.parametrize(("line", "holds"), HELD)
def test_both_accept_canonical_records_alone(line: bytes, holds: bool) -> None:
    """What has two readings is no record, though the key of the log signed it."""
    proven, walked = _signed_alone(line)
    assert _is_verified(_receipt(line)) == holds
    assert proven["holds"] == holds, proven
    assert walked["holds"] == holds
    if not holds:
        assert proven["step"] == "place"
        assert proven["problem"] in {
            "the record is not one JSON object in canonical form",
            "the record names another log or index",
            f"the record {MISREAD}",
        }
        assert walked["index"] == 0


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "18446744073709551615", "0.5"])
def test_a_number_that_browsers_may_misread_is_left_to_the_command(number: str) -> None:
    """The browser says so of the record, and proves nothing; no record of the service has one."""
    line = f'{{"a":{number},"event":"log_opened","index":0,"log":"acs/one","time":"{TIME}"}}'.encode()
    proven, walked = _signed_alone(line)
    assert _is_verified(_receipt(line))
    assert proven == {"step": "place", "value": None, "holds": False, "problem": f"the record {MISREAD}"}
    assert (walked["holds"], walked["index"], walked["problem"]) == (False, 0, f"record 0 {MISREAD}")


@pytest.mark.parametrize(
    ("log", "index", "problem"),
    [
        (Builder().open().decide(3).close(), None, None),
        (Builder().decide(3), 0, "record 0 does not open the log"),
        (Builder().open().decide(3).close().decide(), 5, "record 5 follows the end of the log"),
        (Builder().open().decide(254).close().decide(2), 256, "record 256 follows the end of the log"),
        (Builder().open().close().close(), 2, "record 2 follows the end of the log"),
    ],
)
def test_both_refuse_a_signed_log_without_its_ends(
    log: Builder, index: int | None, problem: str | None
) -> None:
    """A head that was cut off, and records behind a clean end, at the end of a bundle too."""
    built = log.build()
    walked = _walked(built)
    assert (walked.get("index"), walked.get("problem")) == (index, problem)
    assert [at for _, at in findings(built)] == ([] if index is None else [index])


@pytest.mark.parametrize(
    "change",
    [
        {"event": None},
        {"event": ["log_closed"]},
        {"time": None},
        {"time": "2026-01-02T03:04:05Z"},
        {"time": ["2026-01-02T03:04:05.678901Z"]},
        {"text": "x" * 16_384},
    ],
)
def test_both_refuse_a_signed_record_of_another_form(change: dict[str, Any]) -> None:
    """Without a time or an event, or longer than a record may be."""
    builder = Builder().open()
    at = builder.frontier.size
    line = Builder().open().decide().build().lines()[at]
    builder.add_line(orjson.dumps({**orjson.loads(line), **change}, option=orjson.OPT_SORT_KEYS))
    built = builder.decide().build()
    walked = _walked(built)
    assert (walked.get("index"), walked.get("problem")) == (
        at,
        f"record {at} is too long, or has no event or time",
    )
    assert findings(built) == [(Property.RECORD_FORM, at)]


def _receipt(line: bytes) -> Receipt:
    """Return the receipt of the only record of a log, which its key signed."""
    note = sign_checkpoint(Checkpoint(LOG, 1, leaf_hash(line)), NoteSigner(LOG, KEY.private))
    return Receipt(line, 0, (), note)


def _signed_alone(line: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the last step of the browser over such a receipt, and what it says of the whole log."""
    receipt = _receipt(line)
    bundles, tiles = {0: encoded(entry_bundle([line]))}, {0: encoded(leaf_hash(line))}
    note = receipt.as_json()["checkpoint"]
    proven, walked = run_jobs(
        [
            {"kind": "receipt", "receipt": receipt.as_json(), "key": VKEY},
            {"kind": "walk", "note": note, "key": VKEY, "bundles": bundles, "tiles": tiles},
        ]
    )
    return proven["value"][-1], walked["value"]


def _walked(built: MemoryLog) -> dict[str, Any]:
    """Return what the browser says of a log in memory."""
    lines, note = built.lines(), built.checkpoint
    assert note
    parts = {at // WIDTH: lines[at : at + WIDTH] for at in range(0, len(lines), WIDTH)}
    (walked,) = run_jobs(
        [
            {
                "kind": "walk",
                "note": note.decode(),
                "key": str(VerifierKey(built.origin, PUBLIC)),
                "bundles": {number: encoded(entry_bundle(part)) for number, part in parts.items()},
                "tiles": {number: encoded(b"".join(map(leaf_hash, part))) for number, part in parts.items()},
            }
        ]
    )
    value: dict[str, Any] = walked["value"]
    return value


def _is_verified(receipt: Receipt) -> bool:
    try:
        receipt.verify(KEY.trust)
    except ReceiptError:
        return False
    return True


def test_both_refuse_the_same_logs_and_the_browser_names_the_first_record(tmp_path: Path) -> None:
    """However many records are changed, removed, added, swapped or cut off."""
    log = make_log(tmp_path, COUNT)
    size = log.published_size()
    ((_, segment),) = log.segments()
    lines = list(record_lines(log, 0, size))
    chance = random.Random(20)  # noqa: S311  # changes, no secrets
    logs = [changed_lines(lines, chance) for _ in range(CHANGES)]
    jobs = [walk_job(tmp_path, log, one) for one in logs]
    segment.chmod(0o600)
    for one, found in zip(logs, run_jobs(jobs), strict=True):
        segment.write_bytes(b"".join(line + b"\n" for line in one))
        same = len(_common(lines, one))
        assert (sound(tmp_path) == []) == (same == size)  # what stands behind is not signed yet
        whole = same == size == len(one)
        assert found["value"]["holds"] == whole
        assert found["value"].get("index") == (None if whole else same)


def _common(lines: list[bytes], others: list[bytes]) -> list[bytes]:
    """Return the records with which both begin."""
    found: list[bytes] = []
    for line, other in zip(lines, others, strict=False):
        if line != other:
            break
        found.append(line)
    return found
