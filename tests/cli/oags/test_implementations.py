"""`acs-sidecar oags conformance --adapter`: other implementations of the harness (section 9.7)."""

import json
import os
import select
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.oags import implementation
from acs_sidecar.cli.policies.oags.commands import oags
from acs_sidecar.cli.policies.oags.vectors import Vector, load_vectors, run_vectors


def invoke(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(oags, arguments)


def adapter(folder: Path, body: str) -> str:
    """A command that answers each line by the Python in `body`."""
    program = folder / "adapter.py"
    program.write_text(
        f"import json, sys, time\nfor line in sys.stdin:\n    request = json.loads(line)\n{body}"
    )
    return f"{sys.executable} {program}"


@pytest.mark.server
def test_conformance_of_another_implementation(tmp_path: Path) -> None:
    """The command's own answers are judged; the rule beside a denial is not."""
    body = "    print(json.dumps({'result': 'deny', 'rule': 'x'}), flush=True)\n"
    done = invoke("conformance", "--profile", "policy", "--adapter", adapter(tmp_path, body))
    report = json.loads(done.stdout)
    denied = sum(vector.expect.get("result") == "deny" for vector in load_vectors())
    assert done.exit_code == 1
    assert report["profiles"] == {"policy": {"passed": denied, "failed": 84 - denied}}
    assert report["failures"][0] == {
        "id": "net-exact",
        "expected": '{"result": "allow"}',
        "answered": '{"result": "deny", "rule": "x"}',
    }
    table = invoke(
        "conformance", "--profile", "policy", "--adapter", adapter(tmp_path, body), "--format", "table"
    )
    assert 'net-exact: expected {"result": "allow"}, answered' in table.stdout


@pytest.mark.server
@pytest.mark.parametrize(
    "fault",
    [
        "        sys.exit(1)\n",
        "        print('x' * 1100000, flush=True)\n",
        "        print('{}\\n{}', flush=True)\n",
        "        time.sleep(60)\n",
        "        print('{\"result\": true}', end='', flush=True)\n        sys.exit(0)\n",
    ],
)
def test_an_implementation_that_fails_at_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """It is started anew, and only the vectors that it fails at count as failed."""
    monkeypatch.setattr(implementation, "ANSWER_SECONDS", 1.0)
    body = (
        "    if request['operation'] == 'verify' and len(request['params']['signature']) == 2:\n" + fault
        + "    print(json.dumps({'result': False}), flush=True)\n"
    )  # fmt: skip
    done = invoke("conformance", "--profile", "signing", "--adapter", adapter(tmp_path, body))
    report = json.loads(done.stdout)
    assert (done.exit_code, report["profiles"]["signing"]) == (1, {"passed": 1, "failed": 6})
    assert [one["answered"] for one in report["failures"] if one["id"] == "verify-short-signature"] == [""]


@pytest.mark.server
def test_a_start_is_no_part_of_the_time_for_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that starts slowly is no fault, and neither is its second start behind one."""
    monkeypatch.setattr(implementation, "ANSWER_SECONDS", 0.2)
    program = tmp_path / "slow.sh"
    program.write_text('sleep 0.5\nwhile read -r line; do [ "$line" = end ] && exit; echo "$line"; done\n')
    with implementation.implementation(f"sh {program}") as ask:
        assert [ask(line) for line in (b"a", b"end", b"b")] == [b"a", b"", b"b"]


@pytest.mark.server
def test_an_implementation_that_hangs_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three answers in a row that are late it is asked no more; the rest count as failed."""
    monkeypatch.setattr(implementation, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(implementation, "START_SECONDS", 1.0)
    body = (
        "    open('asked', 'a').write(request['operation'] + '\\n')\n"
        "    if request['operation'] == 'hash':\n        time.sleep(60)\n"
        "    print(json.dumps({'error': 'x'}), flush=True)\n"
    )
    command = adapter(tmp_path, body)
    monkeypatch.chdir(tmp_path)
    with implementation.implementation(command) as ask:
        assert ask(b'{"operation": "sign"}') == b'{"error": "x"}'
        assert [ask(b'{"operation": "hash"}') for _ in range(5)] == [b""] * 5
        assert ask(b'{"operation": "sign"}') == b""
    assert (tmp_path / "asked").read_text().split() == ["sign", "hash", "hash", "hash"]


@pytest.mark.server
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-command", "`no-such-command` does not start: No such file or directory"),
        ("true", "`true` gives no answer: see what it prints above"),
        ("", "--adapter: must name a command"),
        ("'", "--adapter: cannot be split into words: No closing quotation"),
    ],
)
def test_an_implementation_that_cannot_be_asked(command: str, message: str) -> None:
    """The command exits 2."""
    done = invoke("conformance", "--adapter", command)
    assert (done.exit_code, done.stderr) == (2, f"error: {message}\n")


@pytest.mark.server
def test_what_an_implementation_started_ends_with_it(tmp_path: Path) -> None:
    """A wrapper's children hold nothing open when the vectors are done."""
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with implementation.implementation(f"sh -c 'exec 3> {fifo}; sleep 60 & cat 3>&-'") as ask:
            assert ask(b"{}") == b"{}"
            with pytest.raises(BlockingIOError):
                os.read(reader, 1)
        assert select.select([reader], [], [], 5)[0] == [reader]
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        (b'{"result": "deny"}', True),
        (b'{"result": "deny", "rule": "network.blocked"}', True),
        (b'{"result": "allow", "result": "deny"}', False),
        (b'{"result": "deny", "error": "no"}', False),
        (b'["deny"]', False),
        (b"", False),
    ],
)
def test_an_answer_that_can_be_read_in_two_ways_fails_its_vector(line: bytes, passes: bool) -> None:
    """Of a member that is there twice, another reader takes the other one."""
    vector = Vector("v", "policy", {"operation": "enforce_policy", "params": {}}, {"result": "deny"})
    assert [outcome.passed for outcome in run_vectors([vector], lambda _: line, rules=False)] == [passes]
