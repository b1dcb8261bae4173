"""Files that somebody names: bounded, and never waited for, by whichever command."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from acs_sidecar.bounded_files import read_at_most, read_bounded
from tests.conftest import ROOT, environment

AGENT = str(ROOT / "manifests" / "governed-agent")
COMMANDS: list[tuple[str, ...]] = [
    ("soul", "scan", "FILE"),
    ("soul", "hash", "FILE"),
    ("soul", "lint", "FILE", "--manifest", AGENT),
    ("oags", "validate", "FILE"),
    ("oags", "id", "FILE"),
    ("oags", "id", "--model", "m", "--prompt", "FILE", "--tools", "FILE"),
    ("policy", "validate", "FILE", "--trust", "FILE"),
    ("policy", "show", "FILE"),
    ("policy", "sign", "FILE", "--key", "FILE"),
    ("evaluate", "--manifest", AGENT, "--point", "input", "--snapshot", "FILE"),
    ("validate", "FILE"),
    ("validate", "--explain-refusals", "FILE.rego"),
    ("test", "FILE"),
    ("digest", "FILE"),
    ("migrate", "FILE"),
    ("agt", "lint", "FILE"),
    ("agt", "import", "FILE"),
    ("mcp", "scan", "FILE"),
    ("mcp", "diff", "FILE", "FILE"),
    ("detect", "--provider", "pii", "FILE"),
    ("redteam", "prompt", "FILE"),
    ("redteam", "run", AGENT, "--baseline", "FILE"),
    ("audit", "agents", "--registry", "FILE"),
]


def test_a_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    """A whole one of exactly the bound is read, one byte more is refused, and a link is followed."""
    (tmp_path / "file").write_bytes(b"abcd")
    (tmp_path / "link").symlink_to("file")
    assert read_bounded(tmp_path / "link", 4) == b"abcd"
    assert read_at_most(tmp_path / "link", 3) == b"abc"
    with pytest.raises(OSError, match="exceeds 3 bytes") as raised:
        read_bounded(tmp_path / "file", 3)
    assert (raised.value.errno, raised.value.strerror) == (errno.EFBIG, "exceeds 3 bytes")


def test_a_pipe_with_content_is_read_to_its_end(tmp_path: Path) -> None:
    """What a shell puts in the place of `<(…)` counts as a file, longer than what a pipe holds at once."""
    reading, writing = os.pipe()
    writer = Thread(target=_write, args=(writing, b"x" * 200_000))
    writer.start()
    try:
        assert read_bounded(Path(f"/dev/fd/{reading}"), 1 << 20) == b"x" * 200_000
    finally:
        os.close(reading)
        writer.join()


def _write(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "a pipe without content"),
        ("folder", "Is a directory"),
        ("socket", "No such device or address"),
        ("device", "not a regular file"),
        ("absent", "No such file or directory"),
    ],
)
def test_nothing_else_is_waited_for(tmp_path: Path, kind: str, reason: str) -> None:
    """A pipe that nobody writes to, and whatever else is not a file, is refused at once."""
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=reason) as raised:
        read_bounded(path, 4)
    assert raised.value.strerror == reason


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_command_waits_for_a_file(tmp_path: Path, kind: str) -> None:
    """A pipe that nobody writes to and a device without an end are refused by each with exit code 2."""
    for name in ("FILE", "FILE.rego"):
        if kind == "pipe":
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).symlink_to("/dev/zero")
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.many_commands"],
        input=json.dumps({" ".join(arguments): arguments for arguments in COMMANDS}),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        check=True,
    )
    ended = json.loads(done.stdout)
    assert {name: code for name, (code, *_) in ended.items() if code != 2} == {}
    assert {name for name, (*_, errors) in ended.items() if "error: " not in errors} == set()
