"""`acs-sidecar token`: a secret that is shown once, and the entry that knows it by its hash."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from acs_sidecar.access.callers import parse_callers
from acs_sidecar.decision.caller import Scope
from tests.conftest import COMMAND, environment

pytestmark = pytest.mark.server


def _token(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "token", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def test_the_entry_knows_the_token_by_its_hash(tmp_path: Path) -> None:
    """Appended below `callers:` it is a caller with what was asked for, and without the secret."""
    done = _token(
        tmp_path,
        "host",
        "--scope",
        "evaluate",
        "--scope",
        "metrics",
        "--agent",
        "a*",
        "--manifest",
        "m",
        "--days",
        "2",
    )
    secret = done.stderr.rsplit(" ", 1)[1].strip()
    callers = parse_callers("callers:\n" + done.stdout, "f")
    caller = callers.by_token[sha256(secret.encode()).digest()][1]
    assert secret.startswith("acs_")
    assert secret not in done.stdout
    assert (caller.name, caller.scopes, caller.inline) == (
        "host",
        frozenset({Scope.EVALUATE, Scope.METRICS}),
        False,
    )
    assert caller.expires is not None


def test_no_two_tokens_are_the_same(tmp_path: Path) -> None:
    """Each is 256 random bits."""
    assert _token(tmp_path, "host").stdout != _token(tmp_path, "host").stdout


def test_the_token_goes_into_a_new_file_of_its_owner(tmp_path: Path) -> None:
    """It is shown nowhere then, and a file that is there is never written over."""
    done = _token(tmp_path, "host", "--secret-file", "secret")
    path = tmp_path / "secret"
    secret = path.read_text().strip()
    assert (done.stderr, path.stat().st_mode & 0o777) == ("", 0o600)
    assert sha256(secret.encode()).hexdigest() in done.stdout
    done = _token(tmp_path, "host", "--secret-file", "secret")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --secret-file secret: File exists\n"


def test_a_name_must_be_one(tmp_path: Path) -> None:
    """It stands in audit records, so it is code-shaped."""
    done = _token(tmp_path, "a b")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a name must be 1 to 96 characters from A-Z a-z 0-9 _ - . : /" in done.stderr
