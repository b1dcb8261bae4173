"""The auditor: no mutation of any log passes, and what a report holds (section 4.5)."""

import base64
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acs_sidecar.audit.format.findings import Property, Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.record import rfc3339
from tests.audit.format.logs import LOG, START, MemoryLog
from tests.audit.format.verified import a_log, audit, checkpoint_of, findings, logs

# Mutations at random


def committed_sizes(log: MemoryLog) -> list[int]:
    """Return the size of each checkpoint."""
    return [checkpoint_of(log, position).size for position in range(len(log.notes()))]


@pytest.mark.slow
@settings(max_examples=300)
@given(logs(), st.data())
def test_no_mutation_of_the_records_passes(log: MemoryLog, data: st.DataObject) -> None:
    """A byte changed, removed or added in any segment, or lines removed, doubled or swapped, is found."""
    position = data.draw(st.integers(0, len(log.records) - 1))
    first, content = log.records[position]
    at = data.draw(st.integers(0, len(content) - 1))
    lines = content.splitlines(keepends=True)
    one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    mutated = data.draw(
        st.sampled_from(
            [
                content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :],
                content[:at] + content[at + 1 :],
                content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at:],
                b"".join(lines[:one] + lines[one + 1 :]),
                b"".join([*lines[:one], lines[one], *lines[one:]]),
                b"".join(
                    lines[two] if n == one else lines[one] if n == two else line
                    for n, line in enumerate(lines)
                ),
            ]
        )
    )
    # What begins with all that was signed only has something pending behind it.
    assume(not mutated.startswith(content))
    records = [*log.records]
    records[position] = (first, mutated)
    assert len(findings(replace(log, records=records))) == 1


@pytest.mark.slow
@settings(max_examples=300)
@given(logs(), st.data())
def test_no_mutation_of_the_checkpoints_passes(log: MemoryLog, data: st.DataObject) -> None:
    """A byte changed in any checkpoint, kept or published, is found, or takes away what is then missing."""
    position = data.draw(st.integers(0, len(log.checkpoints) - 1))
    first, content = log.checkpoints[position]
    at = data.draw(st.integers(0, len(content) - 1))
    mutated = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    files = [*log.checkpoints]
    files[position] = (first, mutated)
    assert len(findings(replace(log, checkpoints=files))) == 1
    note = log.checkpoint or b""
    at = data.draw(st.integers(0, len(note) - 1))
    mutated = note[:at] + bytes([note[at] ^ data.draw(st.integers(1, 255))]) + note[at + 1 :]
    assert len(findings(replace(log, checkpoint=mutated))) == 1


@given(logs(), st.data())
def test_no_truncation_passes_an_anchor(log: MemoryLog, data: st.DataObject) -> None:
    """Cut back to any earlier checkpoint, consistently, a log contradicts an anchor of its end."""
    sizes = committed_sizes(log)
    keep = data.draw(st.integers(0, len(sizes) - 2)) if len(sizes) > 1 else 0
    notes = log.notes()[: keep + 1]
    cut = log.with_lines(log.lines()[: sizes[keep]]).with_notes(notes, notes[-1])
    report = audit(cut, anchors=[log.notes()[-1]])
    cut_off = sizes[keep] < sizes[-1]
    assert report.status is (Status.UNSOUND if cut_off else Status.SOUND)
    assert [one.property for one in report.all_findings] == [Property.ANCHOR_COMPLETE] * cut_off


def test_a_report_tells_all_of_it_as_json() -> None:
    """The JSON of a report has the status, what was anchored, each log and each finding."""
    log = a_log(1).build()
    value = audit(log).as_json()
    assert value == {
        "status": "sound",
        "anchored": False,
        "records": 3,
        "logs": [
            {
                "log": LOG,
                "status": "sound",
                "size": 3,
                "checkpoints": 2,
                "closed": False,
                "first_time": rfc3339(START + 1000),
                "last_time": rfc3339(START + 3000),
                "time_backward": None,
                "pending_bytes": 0,
                "anchored": False,
                "anchored_size": None,
                "unknown": None,
                "findings": [],
            }
        ],
        "findings": [],
    }
    broken = audit(log.with_lines(log.lines()[:-1]))
    assert [finding.as_json() for finding in broken.all_findings] == [
        {
            "log": LOG,
            "property": "record-present",
            "index": 2,
            "detail": "the log ends here and a signed checkpoint covers 3 records",
        }
    ]
    assert str(broken.all_findings[0]) == (
        f"{LOG}: record-present at index 2: the log ends here and a signed checkpoint covers 3 records"
    )


def test_no_logs_tell_nothing() -> None:
    """Nothing to verify is neither sound nor unsound, and neither are logs without records."""
    assert audit().status is Status.UNKNOWN
    assert audit(MemoryLog(LOG, [], [], None)).status is Status.UNKNOWN
    assert base64.b64encode(EMPTY_ROOT) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
