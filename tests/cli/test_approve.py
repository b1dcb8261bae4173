"""`acs-sidecar approve` and `approvals`: what an approver sees and signs."""

import json
import os
import pty
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.approval.approval import verified_approval
from acs_sidecar.approval.approvers import Approver, Approvers
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.approval.token import CHALLENGE, seal, unseal
from acs_sidecar.audit.format.note import VerifierKey
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.log.keys import generate_key, load_key
from acs_sidecar.spec.canonical import digest
from tests.approval.desk import MALLORY, SERVICE_KEY, Desk
from tests.command import run
from tests.conftest import COMMAND, environment

pytestmark = pytest.mark.server

# The command signs with the time of this machine.
DESK = Desk()
DESK.now = time.time_ns() // 1_000
CHALLENGE_TEXT = DESK.challenge()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an approver's key and the service's."""
    generate_key(tmp_path / "alice.pem")
    return tmp_path


def approve(folder: Path, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `approve` with alice's key."""
    return run(folder, "approve", "--key", "alice.pem", *arguments, given=given)


def verified(folder: Path, text: str) -> Any:
    """Verify what alice signed."""
    now = rfc3339(time.time_ns() // 1_000)
    alice = Approver("alice", load_key(folder / "alice.pem").public)
    return verified_approval(text, inspect_challenge(CHALLENGE_TEXT), Approvers((alice,)), now)


@pytest.mark.parametrize(
    ("arguments", "outcome"), [((), "allow"), (("--deny",), "deny"), (("--suspend",), "suspend")]
)
def test_an_answer_is_signed(folder: Path, arguments: tuple[str, ...], outcome: str) -> None:
    """The token goes to the output, what it is for to the error stream."""
    done = approve(folder, "--challenge", CHALLENGE_TEXT, *arguments)
    assert done.returncode == 0
    assert verified(folder, done.stdout.strip()).outcome == outcome
    for shown in (
        "pay",
        "agent-7",
        "officer",
        "the challenge's signature was not checked: set --service-key",
    ):
        assert shown in done.stderr


@pytest.mark.parametrize("given", [CHALLENGE_TEXT, json.dumps({"approval": {"challenge": CHALLENGE_TEXT}})])
def test_a_challenge_from_the_input(folder: Path, given: str) -> None:
    """The challenge itself, or the response that it came with."""
    done = approve(folder, given=given)
    assert verified(folder, done.stdout.strip()).outcome == "allow"


def test_the_service_that_asks(folder: Path) -> None:
    """With the service's key a challenge of anybody else is refused."""
    (folder / "var").mkdir()
    assert run(folder, "approvals", "key").returncode == 2
    key = str(VerifierKey("approvals", SERVICE_KEY.public_key().public_bytes_raw()))
    done = approve(folder, "--challenge", CHALLENGE_TEXT, "--service-key", key)
    assert (done.returncode, "not checked" in done.stderr) == (0, False)
    forged = seal(CHALLENGE, unseal(CHALLENGE, CHALLENGE_TEXT).body, MALLORY)
    done = approve(folder, "--challenge", forged, "--service-key", key)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the challenge is not signed by this service's key\n"


def test_what_is_approved(folder: Path) -> None:
    """With the policy input it is shown, and another one is refused."""
    value: Any = {"policy_target": {"value": {"amount": 900, "note": "a\u202eb\u001b[2Jc"}}}
    body = unseal(CHALLENGE, CHALLENGE_TEXT).body | {"enforced_identity": digest(value)}
    challenge = seal(CHALLENGE, body, SERVICE_KEY)
    (folder / "response.json").write_text(json.dumps({"policy_input": value}))
    done = approve(folder, "--challenge", challenge, "--policy-input", "response.json")
    assert done.returncode == 0
    assert '"amount": 900' in done.stderr
    assert "\u001b" not in done.stderr and "\u202e" not in done.stderr
    value["policy_target"]["value"]["amount"] = 901
    (folder / "response.json").write_text(json.dumps(value))
    done = approve(folder, "--challenge", challenge, "--policy-input", "response.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: response.json is not the policy input of the challenge: the identities differ\n"
    )


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(folder: Path, answer: str, code: int) -> None:
    """Nothing is signed without a yes."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "approve", "--key", "alice.pem", "--challenge", CHALLENGE_TEXT],
        cwd=folder,
        env=environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, answer.encode())
    output, shown = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "Answer `allow`? [y/N]" in shown
    assert process.returncode == code
    if code:
        assert output == ""
    else:
        assert verified(folder, output.removesuffix("\n")).outcome == "allow"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--challenge", "x", "--deny", "--suspend"), "--deny and --suspend cannot be combined"),
        (("--challenge", "x"), "the challenge does not begin with `acs-challenge-v1.`, or is too long"),
        (("--challenge", "{"), "the challenge is not JSON"),
        (
            ("--challenge", "{}"),
            "the response has no `approval.challenge`: only an escalation that can be approved has one",
        ),
        (("--challenge", CHALLENGE_TEXT, "--policy-input", "none"), "--policy-input none: No such file"),
        (("--challenge", CHALLENGE_TEXT, "--key", "none.pem"), "`none.pem` cannot be read: No such file"),
    ],
)
def test_what_cannot_be_signed(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """The command says why, and signs nothing."""
    done = approve(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"error: {message}")


def test_an_approvers_entry(folder: Path) -> None:
    """It can be put under `approvers:`; a key is never replaced, and a name is one that records can hold."""
    entry = run(folder, "approvals", "approver", "bob", "--key", "bob.pem", "--generate").stdout
    assert entry.startswith('  "bob":\n    public_key: "')
    again = run(folder, "approvals", "approver", "bob", "--key", "bob.pem")
    assert again.stdout == entry
    grouped = run(
        folder, "approvals", "approver", "bob", "--key", "bob.pem", "--group", "cfo", "--group", 'a"b'
    )
    assert grouped.stdout == entry + '    groups: ["cfo","a\\"b"]\n'
    refused = run(folder, "approvals", "approver", "bob", "--key", "bob.pem", "--generate")
    assert (refused.returncode, refused.stderr) == (2, "error: bob.pem exists and is never overwritten\n")
    refused = run(folder, "approvals", "approver", "b\nb", "--key", "bob.pem")
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: a name must be 1 to 96 characters from A-Z a-z 0-9 _ - . : /\n",
    )
