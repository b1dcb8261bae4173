"""What the hook keeps of a session: its state and its lock (section 12.10)."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.clients.python.hooks import CALL, Hook
from tests.conftest import Service

STATE = {"started": 1.5, "calls": 0, "labels": [], "blocked": None}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"started": 1}',
        json.dumps(STATE | {"calls": "0"}),
        json.dumps(STATE | {"calls": -1}),
        json.dumps(STATE | {"labels": [1]}),
        json.dumps(STATE | {"blocked": []}),
        json.dumps(STATE | {"blocked": ""}),
        json.dumps({name: STATE[name] for name in ("started", "calls", "labels")}),
    ],
)
def test_a_state_that_cannot_be_read_blocks(hooked: Service, tmp_path: Path, content: str) -> None:
    """A session whose counts are lost does not start again at nought."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("search", {})
    (state,) = hook.state.glob("*.json")
    state.write_text(content)
    done = hook.run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the state of the session" in done.stderr


def test_a_state_behind_a_link_blocks(hooked: Service, tmp_path: Path) -> None:
    """A link in its place neither brings another state nor loses the one that was."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("search", {})
    (state,) = hook.state.glob("*.json")
    state.unlink()
    state.symlink_to(tmp_path / "missing")
    done = hook.run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("acs-hook: OSError: [Errno 40] Too many levels of symbolic links")


def test_a_lock_that_is_no_file_blocks(hooked: Service, tmp_path: Path) -> None:
    """Two hooks that wait for different things would not wait for each other."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("search", {})
    (lock,) = hook.state.glob("*.lock")
    lock.unlink()
    os.mkfifo(lock)
    done = hook.run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"acs-hook: the lock of the session is no file: {lock}\n"
    lock.unlink()
    lock.symlink_to(tmp_path / "missing")
    done = hook.run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("acs-hook: OSError: [Errno 40] Too many levels of symbolic links")


def test_a_session_in_use_is_not_removed(hooked: Service, tmp_path: Path) -> None:
    """The start of another session removes what nobody has touched for 30 days; a denied start is in use too."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("search", {})
    (state,) = hook.state.glob("*.json")
    state.write_text(json.dumps(STATE | {"blocked": "not_today"}))
    kept = [state, state.with_suffix(".lock")]
    old = hook.state / "other.json"
    old.write_text("{}")
    for path in (*kept, old):
        os.utime(path, (0, time.time() - 31 * 24 * 3600))
    denied = hook.tool("search", {})
    assert denied["hookSpecificOutput"]["permissionDecisionReason"] == "denied by policy: not_today"
    assert hook.run(CALL | {"hook_event_name": "SessionStart", "session_id": "t"}).returncode == 0
    assert [path.exists() for path in (*kept, old)] == [True, True, False]
