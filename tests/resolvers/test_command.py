"""The `command` resolver with real programs: what they are given, and how they are ended."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.spec.approval import ApprovalOutcome
from tests.approval.desk import SNAPSHOT, Desk, manifest

FAILED = "runtime_error:approval_resolver_failed"
ANSWER = """
import json, sys
question = json.load(sys.stdin)
answer = {"outcome": "allow", "enforced_identity": question["terms"]["enforced_identity"], "approver": "duty"}
"""


def with_command(command: Any, **members: Any) -> dict[str, Any]:
    """A manifest whose resolver is this command."""
    resolver = {"type": "command", "command": command} | members
    return manifest({"default_resolver": "run", "timeout_seconds": 60, "resolvers": {"run": resolver}})


def script(text: str, *arguments: str) -> list[str]:
    """A command that runs a Python program."""
    return [sys.executable, "-I", "-c", text, *arguments]


def desk_with(command: Any, **members: Any) -> Desk:
    """A service whose manifest `m` runs a command."""
    return Desk(operator={"m": with_command(command, **members)}, ACS_APPROVAL_COMMANDS="true")


def resolved(desk: Desk) -> dict[str, Any]:
    """Escalate and resolve at once: the command is run."""
    with desk:
        return desk.resolve(manifest_ref="m", challenge=desk.challenge(manifest_ref="m"))


def failure(response: dict[str, Any]) -> str:
    """Give the detail of a deny because the resolver failed."""
    assert (response["verdict"]["decision"], response["verdict"]["reason"]) == ("deny", FAILED)
    assert isinstance(response["detail"], str)
    return response["detail"]


@pytest.mark.server
@pytest.mark.parametrize("outcome", ApprovalOutcome)
def test_a_program_decides(outcome: ApprovalOutcome) -> None:
    """Its standard output is the answer."""
    text = ANSWER + f"print(json.dumps(answer | {{'outcome': '{outcome}'}}))"
    response = resolved(desk_with(script(text)))
    assert response["approval"]["outcome"] == outcome
    assert (response["approval"]["by"], response["approval"]["approver"]) == ("resolver", "duty")


@pytest.mark.server
def test_what_a_program_is_given(tmp_path: Path) -> None:
    """The question, no shell, no environment, the root directory, and no descriptor but the three."""
    text = ANSWER + (
        "import os\nopened = len(os.listdir('/proc/self/fd'))\nopen(sys.argv[1], 'w').write(json.dumps({'question': question, 'argv': sys.argv[2:], "
        "'environment': dict(os.environ), 'folder': os.getcwd(), 'open': opened}))\n"
        "print(json.dumps(answer))"
    )
    seen = tmp_path / "seen.json"
    command = script(text, str(seen), "$HOME; echo `id`")
    assert resolved(desk_with(command, send_policy_input=True))["verdict"]["decision"] == "allow"
    found = json.loads(seen.read_text())
    assert found["argv"] == ["$HOME; echo `id`"]
    assert found["environment"].keys() <= {"LC_CTYPE"}  # which Python itself sets
    assert (found["folder"], found["open"]) == ("/", 4)  # the fourth is the look at the directory
    assert found["question"]["policy_input"]["snapshot"] == SNAPSHOT


@pytest.mark.server
def test_no_answer_yet() -> None:
    """A program that prints nothing leaves the approval pending."""
    assert resolved(desk_with(script("pass")))["approval"]["outcome"] == "pending"


@pytest.mark.server
@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (script("raise SystemExit(3)"), "the command exited with status 3"),
        (script("import os; os.kill(os.getpid(), 9)"), "the command exited with status -9"),
        (script("print('yes')"), "the resolver returned a body that is not JSON"),
        (script("print('x' * 70_000)"), "the command printed more than 65536 bytes"),
        (script("while True: print('x' * 1000)"), "the command printed more than 65536 bytes"),
        (
            script(ANSWER + "print(json.dumps(answer)); raise SystemExit(1)"),
            "the command exited with status 1",
        ),
        (["/no/such/program"], "the command could not be run"),
        (["/etc/passwd"], "the command could not be run"),
    ],
)
def test_a_program_that_fails(command: list[str], detail: str) -> None:
    """Whatever it does instead of answering is a failure; what it printed is not told."""
    assert failure(resolved(desk_with(command))) == detail


@pytest.mark.server
@pytest.mark.parametrize("how", ["time.sleep(60)", "signal.signal(15, signal.SIG_IGN); time.sleep(60)"])
def test_a_program_that_hangs(tmp_path: Path, how: str) -> None:
    """It ends with the deadline, and so does what it started."""
    pids = tmp_path / "pids"
    text = (
        "import os, signal, subprocess, sys, time\n"
        "child = subprocess.Popen(['/bin/sleep', '60'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"{how}"
    )
    started = time.monotonic()
    assert failure(resolved(desk_with(script(text), timeout_ms=700))) == "the command timed out"
    assert time.monotonic() - started < 30
    for pid in pids.read_text().split():
        assert not running(int(pid))


def running(pid: int) -> bool:
    """Tell whether a process is there and is no corpse, giving it a moment to go."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.01)
    os.kill(pid, 0)
    return True


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (None, "`approval.resolvers.run.command` must be a list of strings: the absolute path of a program"),
        ("/bin/true", "`approval.resolvers.run.command` must be a list of strings"),
        ([], "`approval.resolvers.run.command` must be a list of strings"),
        (["true"], "`approval.resolvers.run.command` must be a list of strings"),
        (["/bin/true", 1], "`approval.resolvers.run.command` must be a list of strings"),
        (["/bin/true", "a\0b"], "`approval.resolvers.run.command` must be a list of strings"),
    ],
)
def test_a_command_that_is_none(command: Any, detail: str) -> None:
    """A shell's text and a name to be searched for are refused."""
    assert failure(desk_with(command).resolve(manifest_ref="m")).startswith(detail)


def test_commands_are_off_by_default() -> None:
    """The operator switches them on, with a setting and not with a manifest."""
    desk = Desk(operator={"m": with_command(["/bin/true"])})
    assert failure(desk.resolve(manifest_ref="m")) == (
        "`approval.resolvers.run.type` commands are disabled: set ACS_APPROVAL_COMMANDS=true"
    )


def test_an_inline_manifest_runs_nothing(tmp_path: Path) -> None:
    """Not even where every caller is trusted and commands are switched on."""
    touched = tmp_path / "touched"
    given = with_command(["/bin/touch", str(touched)])
    desk = Desk(ACS_APPROVAL_COMMANDS="true")
    assert desk.evaluate(manifest=given)["approval"]["challenge"] is None
    detail = "`approval.resolvers.run.type` only an operator's manifest may run a command"
    assert failure(desk.resolve(manifest=given)) == detail
    assert not touched.exists()
