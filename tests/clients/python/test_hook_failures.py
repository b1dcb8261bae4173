"""Every failure of a hook blocks: exit status 2, nothing on stdout, one line on stderr (section 12.10)."""

import json
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acs_client import hook_setup
from tests.clients.canned import canned, reply
from tests.clients.python.hooks import CALL, ENVIRONMENT, HOOK, INPUT, NESTED, POST, PRE, Hook
from tests.conftest import ROOT, Service
from tests.server.authority import Authority


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("", "stdin is not JSON"),
        ("[]", "stdin is not a JSON object"),
        ("[" * 100_000, "stdin is not JSON"),
        ({}, "stdin has no event that is known, or no session id"),
        (CALL | {"hook_event_name": "Nothing"}, "stdin has no event that is known, or no session id"),
        (CALL | {"hook_event_name": ["PreToolUse"]}, "stdin has no event that is known, or no session id"),
        (CALL | {"session_id": 3}, "stdin has no event that is known, or no session id"),
        (CALL | {"tool_name": None}, "stdin has no tool name, or no arguments that are an object"),
        (CALL | {"tool_input": [1]}, "stdin has no tool name, or no arguments that are an object"),
        (CALL | {"tool_input": "{"}, "the text of the arguments is not JSON"),
        (
            {name: CALL[name] for name in ("session_id", "tool_name", "tool_input")},
            "stdin has no event that is known, or no session id",
        ),
        (CALL | {"hook_event_name": ""}, "stdin has no event that is known, or no session id"),
        (CALL | {"hook_event_name": "PostToolUse"}, "stdin has no result of the tool"),
        (CALL | {"toolName": "x"}, "stdin has `tool_name` and `toolName`, which say the same"),
        (
            CALL | {"hook_event_name": "PostToolUse", "tool_response": "x", "tool_result": "y"},
            "stdin has `tool_response` and `tool_result`, which say the same",
        ),
        (CALL | {"hook_event_name": "UserPromptSubmit"}, "stdin has no prompt"),
    ],
)
def test_what_is_no_call_blocks(hooked: Service, tmp_path: Path, call: Any, message: str) -> None:
    """Exit status 2, nothing on stdout, one line on stderr."""
    done = Hook("claude-code", hooked.url, tmp_path).run(call)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"acs-hook: {message}\n")


GOOD = {"verdict": {"decision": "allow"}, "intervention_point": "pre_tool_call", "mode": "enforce"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply({}), "the answer of the service has no verdict"),
        (reply([]), "the answer of the service is not a JSON object"),
        (reply(b"x"), "the answer of the service is not JSON"),
        (reply(GOOD | {"verdict": {"decision": "ALLOW"}}), "the answer of the service has no verdict"),
        (
            reply(GOOD | {"intervention_point": "input"}),
            "the verdict is on another point, or of another mode",
        ),
        (reply(GOOD | {"mode": "evaluate_only"}), "the verdict is on another point, or of another mode"),
        (reply(GOOD | {"verdict": {"decision": "transform"}}), "a transform was not applied"),
        (
            reply(
                b'{"verdict": {"decision": "deny", "decision": "allow"}, "intervention_point": "pre_tool_call"}'
            ),
            "the answer of the service is not JSON",
        ),
        (
            reply(GOOD | {"verdict": {"decision": "allow", "transform": {"path": "$policy_target"}}}),
            "a transform without the decision `transform`",
        ),
        (reply(GOOD | {"dialect": "0.4"}), "the verdict is in another vocabulary"),
        *(
            (
                reply(GOOD | {"verdict": {"decision": "allow", "result_labels": labels}}),
                "the labels of the verdict are not a list of texts",
            )
            for labels in ("abc", [1], {"a": 1})
        ),
        (reply(GOOD, 302), "the service answered with status 302: nothing runs without a verdict"),
        (reply(GOOD, 500), "the service answered with status 500: nothing runs without a verdict"),
        (reply({"detail": "no\n\tmanifest"}, 404), "the service answered with status 404: no manifest"),
        (reply({"detail": [1]}, 404), "the service answered with status 404: nothing runs without a verdict"),
        (reply(GOOD)[:-5] + b"!cut", "the service did not answer whole"),
        (b"allow\r\n\r\n", "the service did not answer whole"),
    ],
)
def test_an_answer_that_is_no_verdict_blocks(tmp_path: Path, answer: bytes, message: str) -> None:
    """Whatever the service says, only a verdict on this call lets it run."""
    with canned(answer) as server:
        done = Hook("claude-code", server.url, tmp_path).run(CALL)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"acs-hook: {message}\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(GOOD), None),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "has no verdict"),
        (reply(GOOD).replace(b"length: ", b"length: 9"), "the service did not answer whole"),
        (reply(GOOD).replace(b"content-length", b"length"), "the service did not answer whole"),
        (reply(b" " * 16 * 1024 * 1024 + json.dumps(GOOD).encode()), "the service did not answer whole"),
    ],
    ids=["whole", "in chunks", "cut", "without a length", "too long"],
)
def test_an_answer_over_tls_is_whole(tmp_path: Path, answer: bytes, message: str | None) -> None:
    """What was cut could be JSON nevertheless."""
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("server", "127.0.0.1"))
    with canned(answer, tls=tls) as server:
        hook = Hook("claude-code", server.url.replace("http", "https"), tmp_path)
        done = hook.run(CALL, SSL_CERT_FILE=str(authority.ca))
    if message is None:
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"{message}\n")


def test_an_argument_that_a_transform_adds_has_the_name_of_the_host(tmp_path: Path) -> None:
    """A limit that the host does not know by its canonical name would limit nothing."""
    target = {"command": "ls", "timeout_ms": 5, "other": 1}
    applied = {"transformed_policy_target_applied": True, "transformed_policy_target": target}
    with canned(reply(GOOD | {"verdict": {"decision": "transform"}} | applied)) as server:
        hook = Hook("claude-code", server.url, tmp_path, "--names", "canonical")
        answer = hook.tool("Bash", {"command": "ls -l"})
    assert answer["hookSpecificOutput"]["updatedInput"] == {"command": "ls", "timeout": 5, "other": 1}


def test_two_arguments_of_a_transform_that_the_host_knows_by_one_name(tmp_path: Path) -> None:
    """One of them would be lost: the call is denied."""
    target = {"path": "a", "file_path": "b"}
    applied = {"transformed_policy_target_applied": True, "transformed_policy_target": target}
    with canned(reply(GOOD | {"verdict": {"decision": "transform"}} | applied)) as server:
        answer = Hook("claude-code", server.url, tmp_path, "--names", "canonical").tool(
            "Read", {"file_path": "a"}
        )
    said = answer["hookSpecificOutput"]
    assert said["permissionDecision"] == "deny"
    assert (
        said["permissionDecisionReason"] == "denied by policy: two arguments of the transform have one name"
    )


def test_a_silent_service_blocks_in_time(tmp_path: Path) -> None:
    """The deadline is the hook's own."""
    with canned(None) as server:
        hook = Hook("claude-code", server.url, tmp_path)
        hook.command[hook.command.index("20")] = "1"
        done = hook.run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "acs-hook: no verdict in time: nothing runs without one\n"


def test_a_look_up_that_does_not_end_blocks_in_time(tmp_path: Path) -> None:
    """C code that waits, here for a mutex that nobody releases, is interrupted by no signal."""
    code = """
import ctypes, socket, sys
from acs_client.hook import main
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
socket.getaddrinfo = lambda *_, **__: libc.pthread_mutex_lock(mutex)
sys.exit(main())
"""
    command = [
        sys.executable,
        "-c",
        code,
        "claude-code",
        "--url",
        "http://sidecar.example:1",
        "--timeout",
        "1",
    ]
    done = subprocess.run(
        [*command, "--state", str(tmp_path)],
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "clients" / "python")},
        input=json.dumps(CALL),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "acs-hook: no verdict in time: nothing runs without one\n"


def test_a_host_that_blocks_signals_changes_nothing(tmp_path: Path) -> None:
    """A mask is inherited, and would hold the alarm back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        test_a_silent_service_blocks_in_time(tmp_path)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_closed_stdout_blocks(hooked: Service, tmp_path: Path) -> None:
    """What is opened later has its number, and would be written to."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.command = ["/bin/sh", "-c", shlex.join(hook.command) + " >&-"]
    done = hook.run(CALL | {"tool_name": "delete_file"})
    assert (done.returncode, done.stderr) == (2, "acs-hook: stdout is closed\n")
    assert [path.read_text() for path in hook.state.glob("*.lock")] == [""]


def test_an_open_stdin_blocks_in_time(hooked: Service, tmp_path: Path) -> None:
    """So is the wait for the host."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.command[hook.command.index("20")] = "1"
    with subprocess.Popen(
        hook.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.wait(30) == 2


def test_variables_change_nothing_for_an_installed_hook(hooked: Service, tmp_path: Path) -> None:
    """A repository's own settings can set variables of a hook."""
    with canned(reply(GOOD)) as other:
        hook = Hook("claude-code", hooked.url, tmp_path)
        call = CALL | {"tool_name": "delete_file"}
        done = hook.run(
            call,
            ACSCLIENT_URL=other.url,
            XDG_STATE_HOME="/proc/1",
            ACSCLIENT_MANIFEST="other",
            ACSCLIENT_HOOK_TIMEOUT_S="0.001",
        )
        assert json.loads(done.stdout) == NESTED
        assert other.requests == []


def installed(
    hooked: Service, tmp_path: Path, host: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    """Run the hook of a person's shell."""
    command = [
        sys.executable,
        "-c",
        "import sys; from acs_client.hook import main; sys.exit(main())",
        host,
        "--url",
        hooked.url,
    ]
    command += ["--manifest", "governed", "--state", str(tmp_path), *options]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "clients" / "python")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("host", PRE)
def test_the_printed_settings_block(hooked: Service, tmp_path: Path, host: str) -> None:
    """They name the bound events alone, and their command blocks when its file is gone, is killed or finds nobody."""
    done = installed(hooked, tmp_path, host, "--print")
    assert done.returncode == 0
    events = json.loads(done.stdout)["hooks"]
    assert {PRE[host], POST[host], INPUT[host]} < set(events)
    entry = events[PRE[host]][0]
    entry = entry["hooks"][0] if "hooks" in entry else entry
    command = entry.get("command") or entry["bash"]
    call = json.dumps(CALL | {"hook_event_name": PRE[host], "conversation_id": "s"})
    for broken in (
        command.replace(str(HOOK), "/nonexistent/hook.py"),
        command.replace(hooked.url, "http://127.0.0.1:9"),
        command.replace(sys.executable, "/nonexistent/python"),
        command.replace(sys.executable + " -ISE", "sh -c 'kill -9 $$' #", 1).replace(
            " || ", "\n[ $? = 0 ] || "
        ),
    ):
        blocked = subprocess.run(
            ["/bin/sh", "-c", broken], input=call, capture_output=True, text=True, timeout=60, check=False
        )
        assert (blocked.returncode, blocked.stdout) == (2, "")
        assert blocked.stderr
    allowed = subprocess.run(
        ["/bin/sh", "-c", command], input=call, capture_output=True, text=True, timeout=60, check=False
    )
    assert (allowed.returncode, allowed.stderr) == (0, "")


def test_settings_without_a_service_are_not_printed(hooked: Service, tmp_path: Path) -> None:
    """What is wrong is said with its place."""
    done = installed(hooked, tmp_path, "codex", "--print", "--url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "acs-hook: the manifest's points cannot be asked for at http://127.0.0.1:9: "
        "the service cannot be reached: ConnectionRefusedError\n"
    )
    done = installed(hooked, tmp_path, "codex", "--print", "--manifest", "nobody")
    assert done.stderr.endswith(f"asked for at {hooked.url}: the service lists no valid manifest `nobody`\n")


def test_the_check_of_an_installation(hooked: Service, tmp_path: Path) -> None:
    """It shows that the command blocks without a service, and what the manifest says of `ls` with it."""
    blocks, answers = "without a service: blocks\n", "with the service, for `ls`: "
    example = ("--check", "--manifest", "coding-agent")
    for host in hook_setup.SHELLS:
        done = installed(hooked, tmp_path, host, *example, "--names", "canonical")
        assert done.returncode == 0
        assert done.stdout.startswith(f"{blocks}{answers}")
        assert '"deny"' not in done.stdout
    done = installed(hooked, tmp_path, "claude-code", *example)
    assert "The tool is not declared in the manifest." in done.stdout
    done = installed(hooked, tmp_path, "claude-code", "--check", "--manifest", "nobody")
    assert (done.returncode, done.stdout) == (2, blocks)
    assert done.stderr == (
        "acs-hook: with the service: acs-hook: the service answered with status 404: "
        "`manifest_ref` names no loaded manifest\nacs-hook failed\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    done = installed(hooked, tmp_path, "claude-code", "--check", "--url", url)
    assert (done.returncode, done.stdout) == (2, "without a service: blocks\n")
    assert done.stderr == (
        f"acs-hook: with the service: acs-hook: the service at {url} cannot be reached: Connection refused\n"
        "acs-hook failed\n"
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9", "Connection refused"),
        ("https://127.0.0.1:9", "Connection refused"),
        ("unix:///nonexistent/socket", "No such file or directory"),
    ],
)
def test_a_service_that_is_not_there_is_named(tmp_path: Path, url: str, why: str) -> None:
    """A person reads where the hook looked for the service."""
    done = Hook("claude-code", url, tmp_path).run(CALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"acs-hook: the service at {url} cannot be reached: {why}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "which host calls? One of claude-code, codex, copilot, cursor, gemini; see `acs-hook --help`"),
        (["vim"], "`vim` is no option and none of claude-code, codex, copilot, cursor, gemini"),
        (["codex", "--url"], "`--url` has no value; see `acs-hook --help`"),
        (["codex", "--timeout", "x"], "the timeout is not a number of seconds"),
        (["codex", "--timeout", "60"], "the timeout is not between 0 and 25 seconds: hosts give up after 30"),
        (["codex", "--names", "own"], "`--names` is `canonical`, and `--escalate` is `ask` or `deny`"),
    ],
)
def test_options_that_are_wrong_block(options: list[str], message: str) -> None:
    """A hook that was installed wrongly lets nothing run."""
    done = subprocess.run(
        [sys.executable, "-ISE", str(HOOK), *options],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"acs-hook: {message}\n")


def test_the_hook_imports_little() -> None:
    """Each tool call waits for it."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import acs_client.hook; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-ISE", "-c", code, str(ROOT / "clients" / "python")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert loaded & {"ssl", "http", "email", "asyncio", "pathlib", "hashlib", "argparse"} == set()
    assert {name for name in loaded if name.startswith("acs_client")} == {"acs_client", "acs_client.hook"}
