"""Files that somebody names: bounded, and never waited for, by whichever command."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from acs_sidecar.audit.log.keys import generate_key
from acs_sidecar.bounded_files import check_regular, read_at_most, read_bounded
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

OAGS_AGENT = str(ROOT / "manifests" / "oags-agent")
SOUL = f"{AGENT}/SOUL.md"
VECTORS = ROOT / "tests" / "vectors" / "workspace-policy"
A_PUBLIC = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
PULL = ("policy", "pull", "http://127.0.0.1:9/", "--out", "new.json", "--workspace", "w")
ONE_FILE: dict[tuple[str, ...], int] = {
    ("oags", "id", "FILE"): 2,
    ("oags", "id", "--model", "m", "--prompt", "FILE", "--tools", "ok.txt"): 2,
    ("oags", "id", "--model", "m", "--prompt", "ok.txt", "--tools", "FILE"): 2,
    ("oags", "validate", "FILE"): 1,
    ("oags", "conformance", "--manifest", "FILE"): 1,
    ("oags", "conformance", "--manifest", OAGS_AGENT, "--config", "FILE"): 2,
    ("oags", "conformance", "--manifest", OAGS_AGENT, "--key", "FILE"): 2,
    ("soul", "scan", "FILE"): 2,
    ("soul", "hash", "FILE"): 2,
    ("soul", "lint", "FILE", "--manifest", AGENT): 2,
    ("soul", "lint", SOUL, "--manifest", "FILE"): 2,
    ("soul", "lint", SOUL, "--manifest", AGENT, "--config", "FILE"): 2,
    ("soul", "init", "--out", "FILE"): 2,
    ("policy", "create", "--workspace", "w", "--policy-id", "p", "--out", "FILE"): 2,
    ("policy", "sign", "FILE", "--key", "key.pem"): 1,
    ("policy", "sign", "active-1.json", "--key", "FILE"): 2,
    ("policy", "activate", "FILE", "--key", "key.pem"): 1,
    ("policy", "activate", "draft.json", "--key", "FILE"): 2,
    ("policy", "activate", "draft.json", "--key", "key.pem", "--supersedes", "FILE"): 1,
    ("policy", "revoke", "FILE", "--key", "key.pem"): 1,
    ("policy", "revoke", "active-1.json", "--key", "FILE"): 2,
    ("policy", "validate", "FILE", "--trust", "keys.yaml"): 1,
    ("policy", "validate", "active-1.json", "--trust", "FILE"): 2,
    ("policy", "validate", "active-1.json", "--trust", "keys.yaml", "--agent", "FILE"): 2,
    ("policy", "show", "FILE"): 1,
    ("policy", "show", "active-1.json", "--trust", "FILE"): 2,
    (*PULL, "--trust", "FILE"): 2,
}
"""Commands that read one file that is none, each with the exit code for one that is too large."""

REASONS = {
    "pipe": ("is a pipe without content: name a file", "is not a file or directory"),
    "device": ("is a device or a socket: name a file", "is not a file or directory"),
    "socket": ("is a device or a socket: name a file", "is not a file or directory"),
    "folder": (
        "is a directory: name a file",
        "FILE has no governance file: write one",
        "no manifest exists at FILE: expected */manifest.yaml",
    ),
    "huge": ("exceeds 1048576 bytes", "exceeds 16777216 bytes"),
}


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


def _make(path: Path, kind: str) -> None:
    """Put what is no file, or more than any command reads, at a path."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        with path.open("wb") as stream:
            stream.truncate(1 << 32)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "is a pipe without content: name a file"),
        ("folder", "is a directory: name a file"),
        ("socket", "is a device or a socket: name a file"),
        ("device", "is a device or a socket: name a file"),
        ("absent", "No such file or directory"),
    ],
)
def test_nothing_else_is_waited_for(tmp_path: Path, kind: str, reason: str) -> None:
    """A pipe that nobody writes to, and whatever else is not a file, is refused at once."""
    path = tmp_path / kind
    _make(path, kind)
    with pytest.raises(OSError, match=reason) as raised:
        read_bounded(path, 4)
    assert raised.value.strerror == reason


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "is a pipe: name a file"),
        ("folder", "is a directory: name a file"),
        ("socket", "is a device or a socket: name a file"),
        ("device", "is a device or a socket: name a file"),
        ("absent", "No such file or directory"),
    ],
)
def test_what_a_library_opens_is_a_regular_file(tmp_path: Path, kind: str, reason: str) -> None:
    """A pipe is refused also with content, which could be read once; a link to a file is followed."""
    path = tmp_path / kind
    _make(path, kind)
    writer = os.open(path, os.O_RDWR) if kind == "pipe" else None
    with pytest.raises(OSError, match=reason) as raised:
        check_regular(path)
    assert raised.value.strerror == reason
    if writer is not None:
        os.close(writer)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    check_regular(tmp_path / "link")


def _run(folder: Path, commands: list[tuple[str, ...]]) -> dict[str, tuple[int, str, str]]:
    """Run commands in a folder; each has its exit code, its output and its errors."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.many_commands"],
        input=json.dumps({" ".join(arguments): arguments for arguments in commands}),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        check=True,
    )
    return {name: (code, output, errors) for name, (code, output, errors) in json.loads(done.stdout).items()}


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_command_waits_for_a_file(tmp_path: Path, kind: str) -> None:
    """A pipe that nobody writes to and a device without an end are refused by each with exit code 2."""
    for name in ("FILE", "FILE.rego"):
        _make(tmp_path / name, kind)
    ended = _run(tmp_path, COMMANDS)
    assert {name: code for name, (code, *_) in ended.items() if code != 2} == {}
    assert {name for name, (*_, errors) in ended.items() if "error: " not in errors} == set()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socket", "huge"])
def test_each_file_of_a_command_is_named(tmp_path: Path, kind: str) -> None:
    """Whichever of a command's files is none, or too large, it says which one and why."""
    _make(tmp_path / "FILE", kind)
    (tmp_path / "ok.txt").write_text("[]")
    generate_key(tmp_path / "key.pem")
    for file in ("active-1.json", "draft.json"):
        shutil.copy(VECTORS / file, tmp_path)
    (tmp_path / "keys.yaml").write_text(f"keys: {{a: {{public_key: {A_PUBLIC}}}}}\n")
    ended = _run(tmp_path, [*ONE_FILE])
    reasons = (*REASONS[kind], ": exists and is never overwritten", " exists: remove it")
    for name, (code, output, errors) in ended.items():
        assert code == (ONE_FILE[tuple(name.split())] if kind == "huge" else 2), (name, output, errors)
        assert "FILE" in output + errors, name
        assert any(reason in output + errors for reason in reasons), (name, output, errors)
