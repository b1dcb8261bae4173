"""Logs that are not what their checkpoints say: what is left of them is shown, and nothing fails (section 15.2)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from tests.audit.log.logs import decisions, settings, with_log
from tests.console.in_process import Pages, pages_of
from tests.console.logs import make_log

HOSTILE = "<script>alert(1)</script>\u202e\u2066\x1b[31m"
PAGES = (
    "/",
    "/decisions",
    "/decisions?decision=deny",
    "/decisions/rows",
    "/decisions/new",
    "/counts",
    "/verify",
)
UNSHOWN = set("\u202e\u2066\x1b")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> LogDirectory:
    """A log of 100 decisions."""
    return make_log(tmp_path_factory.mktemp("logs") / "audit", 100)


@pytest.fixture(scope="module")
def other(written: LogDirectory) -> LogDirectory:
    """A log beside it that nobody touches."""
    with_log(decisions(3), settings(written.root))
    return next(log for log in find_logs(written.root) if log != written)


@pytest.fixture
def segment(written: LogDirectory) -> Any:
    """The file with its records, which is as before after the test."""
    ((_, path),) = written.segments()
    path.chmod(0o600)
    before = path.read_bytes()
    yield path
    if path.is_fifo() or path.is_symlink():
        path.unlink()
    path.write_bytes(before)


@pytest.fixture(scope="module")
def pages(written: LogDirectory) -> Pages:
    """The pages that show it."""
    return pages_of(written.root, written.root.parent / "manifests")


@pytest.mark.parametrize(
    "members",
    [
        {
            "agent_id": HOSTILE,
            "tool": HOSTILE,
            "reason": HOSTILE,
            "decision": HOSTILE,
            "annotators": [HOSTILE],
        },
        {"schema": HOSTILE, "event": HOSTILE, "record_id": HOSTILE, HOSTILE: HOSTILE},
        {"tool": {"a": [{"b": HOSTILE}]}, "agent_id": [HOSTILE], "decision": {"x": 1}, "reason": ["r"]},
        {"duration_us": 1e300, "decision": 5, "annotators": [1, None], "intervention_point": True},
        {"duration_us": "soon", "manifest_digest": 5, "session_id": 7, "trace_id": HOSTILE},
        {"time": "2026-11-29\u202e23:41:11"},
        {"tool": "x" * 15_000},
        {f"m{number}": number for number in range(900)},
        {"tool": orjson.loads("[" * 200 + "]" * 200)},
        {"decision": None, "event": ""},
    ],
)
def test_a_record_of_any_form_is_shown_as_text(
    pages: Pages, written: LogDirectory, segment: Path, members: dict[str, Any]
) -> None:
    """On its own page and in every list."""
    lines = segment.read_bytes().split(b"\n")
    record = orjson.loads(lines[17]) | members
    lines[17] = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    segment.write_bytes(b"\n".join(lines))
    for path in (
        f"/record/{written.origin}/17",
        f"/record/{written.origin}/18",
        "/",
        "/decisions",
        "/verify",
    ):
        text = pages.page(path)
        assert "<script>alert" not in text
        assert not UNSHOWN & set(text), path


def fifo(path: Path) -> None:
    """Put a pipe that nobody writes to in the place of a file."""
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    """Put a link to a file without end in the place of a file."""
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:9_000]),
        lambda path: path.write_bytes(os.urandom(5_000)),
        lambda path: path.write_bytes(b"x" * 100_000),
        fifo,
        link,
    ],
)
def test_a_log_that_is_damaged_hides_no_other(
    pages: Pages, written: LogDirectory, other: LogDirectory, segment: Path, spoil: Callable[[Path], object]
) -> None:
    """The pages name it and what to do, and show the others."""
    spoil(segment)
    for path in PAGES:
        status, text = pages.ask(path)
        assert status == 200, path
        if path != "/verify":
            assert f"`{written.origin}` is damaged: record" in text, path
        if path in ("/", "/decisions", "/verify"):
            assert other.origin in text, path
    assert pages.ask(f"/record/{written.origin}/17")[0] in (404, 409)
    assert pages.ask(f"/log/{written.origin}/receipt/17")[0] == 409


@pytest.mark.parametrize("spoil", [fifo, link])
def test_a_manifest_that_is_no_file_is_shown_without_a_text(
    spoil: Callable[[Path], object], tmp_path: Path
) -> None:
    """A pipe is not waited for, nor a device read to an end that it does not have."""
    manifest = tmp_path / "m.yaml"
    manifest.touch()
    spoil(manifest)
    assert "is not a regular file" in pages_of(tmp_path, tmp_path).page("/manifests/m")
