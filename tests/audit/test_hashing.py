"""Segments hashed side by side: every change is found as by one process, and no child is left (section 4.5)."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.audit.format.findings import LogReport
from acs_sidecar.audit.format.hash_audit import audit_hashes, hash_lines
from acs_sidecar.audit.format.verify import audit_log
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.open_log import LogLimits
from acs_sidecar.audit.read.hashing import HashedLogSource
from acs_sidecar.audit.read.source import FileLogSource
from tests.audit.log.logs import KEY, decisions, newest, settings, with_log

pytestmark = pytest.mark.server

CHILDREN = [1, 2, 3]
NEEDLE = b'"agent_id":"agent-33"'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a log of several segments."""
    root = tmp_path_factory.mktemp("hashing")
    with_log(decisions(60, 4), settings(root, limits=LogLimits(segment_bytes=8_000)))
    return root


@pytest.fixture
def log(written: Path, tmp_path: Path) -> LogDirectory:
    """Copy that log."""
    shutil.copytree(written, tmp_path / "audit")
    return newest(tmp_path / "audit")


def hashed(log: LogDirectory, processes: int) -> tuple[LogReport, list[tuple[int, bytes]]]:
    """Audit the hashes of a log; return the report, and the lines that were looked for."""
    found: list[tuple[int, bytes]] = []
    audit = audit_hashes(
        HashedLogSource(log, processes),
        KEY.trust,
        needle=NEEDLE,
        observe=lambda _, index, line: found.append((index, line)),
    )
    return audit.report, found


def children() -> set[str]:
    """The processes that this one has started and not waited for."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found.update((task / "children").read_text().split())
    return found


@pytest.fixture(autouse=True)
def _leaves_no_child() -> Iterator[None]:
    """No process is left behind a test."""
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize("processes", CHILDREN)
def test_a_sound_log_is_read_as_by_the_auditor(log: LogDirectory, processes: int) -> None:
    """The same size, root and checkpoints, bytes behind the signed end included; the line looked for is found."""
    with log.segments()[-1][1].open("ab") as segment:
        segment.write(b"x" * 300_000 + b"\n" + b"torn")
    report, found = hashed(log, processes)
    assert len(log.segments()) > 4
    assert report == audit_log(FileLogSource(log), KEY.trust).report
    assert report.pending_bytes == 300_005
    ((index, line),) = found
    assert NEEDLE in line
    assert f'"index":{index},'.encode() in line


def edited(at: int, position: Callable[[int], int]) -> Callable[[LogDirectory], None]:
    """Change one byte of a record of a segment."""

    def change(log: LogDirectory) -> None:
        path = log.segments()[at][1]
        lines = path.read_bytes().splitlines(keepends=True)
        number = position(len(lines))
        lines[number] = lines[number].replace(b'"acs', b'"acx', 1)
        path.write_bytes(b"".join(lines))

    return change


def removed(log: LogDirectory) -> None:
    """Remove a segment from the middle."""
    log.segments()[2][1].unlink()


def renamed(log: LogDirectory) -> None:
    """Pass a segment off as one that begins a record later."""
    first, path = log.segments()[2]
    path.rename(log.segment(first + 1))


def swapped(log: LogDirectory) -> None:
    """Swap the content of two segments."""
    (_, one), (_, two) = log.segments()[1:3]
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def moved(log: LogDirectory) -> None:
    """Move the first record of a segment to the end of the one before."""
    (_, one), (_, two) = log.segments()[1:3]
    first, rest = two.read_bytes().split(b"\n", 1)
    one.write_bytes(one.read_bytes() + first + b"\n")
    two.write_bytes(rest)


def cut(log: LogDirectory) -> None:
    """Cut the last record in half."""
    path = log.segments()[-1][1]
    path.write_bytes(path.read_bytes()[:-100])


def endless(log: LogDirectory) -> None:
    """Take away all newlines of a segment, and lengthen it."""
    path = log.segments()[1][1]
    path.write_bytes(path.read_bytes().replace(b"\n", b" ") * 100)


def checkpoint_edited(log: LogDirectory) -> None:
    """Change the root that a kept checkpoint states."""
    path = log.checkpoint_files()[2][1]
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2][::-1].replace(b"=", b"", 1) + b"="
    path.write_bytes(b"\n".join(lines))


CHANGES: dict[str, Callable[[LogDirectory], None]] = {
    "first record": edited(0, lambda _: 0),
    "middle record": edited(2, lambda count: count // 2),
    "last of a segment": edited(1, lambda count: count - 1),
    "first of a segment": edited(3, lambda _: 0),
    "last record": edited(-1, lambda count: count - 1),
    "segment removed": removed,
    "segment renamed": renamed,
    "segments swapped": swapped,
    "record moved over the boundary": moved,
    "cut": cut,
    "endless": endless,
    "checkpoint": checkpoint_edited,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_by_any_number_of_processes(log: LogDirectory, name: str) -> None:
    """A record, a segment or a checkpoint changed anywhere is the same finding, however it is read."""
    CHANGES[name](log)
    reports = [hashed(log, processes)[0] for processes in CHILDREN]
    assert len(reports[0].findings) == 1
    assert reports == [reports[0]] * len(CHILDREN)


def test_a_segment_that_cannot_be_read_is_named(log: LogDirectory) -> None:
    """The error of a child is raised in the parent, with the file."""
    source = HashedLogSource(log, 2)
    path = log.segments()[3][1]
    path.unlink()
    with pytest.raises(FileNotFoundError) as error:
        list(source.hashed_segments([60], None))
    assert error.value.filename == str(path)


def test_a_child_that_dies_is_an_error(log: LogDirectory) -> None:
    """What a child does not send is never taken for an empty segment."""
    source = HashedLogSource(log, 2)
    with pytest.raises(OSError, match="the process that hashes it has ended"):
        list(source.hashed_segments([60], "no bytes"))  # type: ignore[arg-type]  # what a child dies of


def test_who_stops_early_leaves_no_child(log: LogDirectory) -> None:
    """Children whose segments nobody wants any more end."""
    segments = HashedLogSource(log, 3).hashed_segments([60], None)
    next(segments)
    del segments


@given(
    st.lists(st.integers(1, 500), min_size=1), st.lists(st.integers(1, 12), unique=True), st.integers(0, 9)
)
def test_chunks_end_anywhere(lengths: list[int], stops: list[int], wanted: int) -> None:
    """However a segment is cut into chunks, its parts and the lines that hold the needle are the same."""
    content = b"".join(b'{"agent_id":"%d","x":"%b"}\n' % (number, b"y" * 7 * number) for number in range(10))
    chunks, at = [], 0
    for length in (*lengths, len(content)):
        chunks.append(content[at : at + length])
        at += length
    bounds, needle = sorted({*stops, 13}), b'"agent_id":"%d"' % wanted
    whole = hash_lines([content], 1, bounds[bounds[0] == 1 :], needle)
    assert hash_lines(filter(None, chunks), 1, bounds[bounds[0] == 1 :], needle) == whole
    assert [index for part in whole.parts for index, _ in part.found] == [1 + wanted]
    assert sum(len(part.leaves) for part in whole.parts) == 10
