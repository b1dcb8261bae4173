"""`acs-hook HOST`: one hook call of a coding agent, from stdin to verdict (section 12.10).

Hosts run the tool when a hook crashes, is late or prints what they cannot read. So every failure here is
exit status 2 with one line on stderr and nothing on stdout, and the deadline is over everything, stdin
included. This file runs on the standard library alone and imports little of it, for each tool call of the
agent waits for it.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["CANONICAL", "EVENTS", "HOSTS", "HookError", "emptied", "main", "parse", "shape"]

MAX_BYTES = 16 * 1024 * 1024
KEPT_S = 30 * 24 * 3600
HOSTS = ("claude-code", "codex", "copilot", "cursor", "gemini")
EVENTS = {
    "SessionStart": "agent_startup", "sessionStart": "agent_startup",
    "UserPromptSubmit": "input", "userPromptSubmitted": "input", "BeforeAgent": "input",
    "beforeSubmitPrompt": "input",
    "PreToolUse": "pre_tool_call", "preToolUse": "pre_tool_call", "BeforeTool": "pre_tool_call",
    "PostToolUse": "post_tool_call", "postToolUse": "post_tool_call", "AfterTool": "post_tool_call",
    "Stop": "output", "agentStop": "output", "AfterAgent": "output", "stop": "output",
}  # fmt: skip
_SHELL = ("run_shell", {"timeout": "timeout_ms"})
_FILE = {"file_path": "path"}
# What hosts call a tool, its canonical name, and the canonical names of its arguments.
CANONICAL: dict[str, tuple[str, dict[str, str]]] = {
    "Bash": _SHELL, "bash": _SHELL, "Shell": _SHELL, "run_shell_command": _SHELL,
    "Read": ("read_file", _FILE), "view": ("read_file", {}), "read_file": ("read_file", _FILE),
    "Write": ("write_file", _FILE), "create": ("write_file", {"file_text": "content"}),
    "write_file": ("write_file", _FILE),
    "Edit": ("edit_file", _FILE | {"old_string": "old", "new_string": "new"}),
    "edit": ("edit_file", {"old_str": "old", "new_str": "new"}),
    "replace": ("edit_file", _FILE | {"old_string": "old", "new_string": "new"}),
    "LS": ("list_files", {}), "list_directory": ("list_files", {"dir_path": "path"}),
}  # fmt: skip
RESULTS = ("tool_response", "toolResult", "tool_result", "tool_output")
# Words by which Claude Code knows the kind of a result; it shows the original of one that it does not know.
KIND_MEMBERS = frozenset({"type", "mode", "status", "cell_type", "edit_mode"})
KINDS = frozenset({
    "text", "image", "image/png", "image/jpeg", "image/gif", "image/webp", "notebook", "pdf", "parts",
    "file_unchanged", "create", "update", "content", "files_with_matches", "count", "completed", "running",
    "pending", "in_progress", "failed", "killed", "async_launched", "code", "markdown", "replace", "insert",
    "delete",
})  # fmt: skip
TOLD = {"copilot": ("textResultForLlm", "text_result_for_llm"), "gemini": ("llmContent",)}
VALUED = ("url", "manifest", "token-file", "state", "agent", "timeout", "names", "escalate")
DECISIONS = ("allow", "warn", "deny", "escalate", "transform")
HELP = """usage: acs-hook HOST [options]

Evaluates one hook call of a coding agent; the host starts it and writes the call to stdin.
HOST: claude-code, codex, copilot, cursor or gemini.

  --url URL           the service: http://…, https://… or unix:///path
  --manifest NAME     the manifest to evaluate against
  --token-file FILE   a bearer token
  --state FOLDER      where counts, labels and tickets of sessions are kept
  --agent ID          the agent's id (default: HOST)
  --timeout SECONDS   for everything together (default: 2)
  --names canonical   call tools run_shell, read_file, write_file, edit_file, list_files, whatever the
                      host calls them
  --escalate ask      let the host ask its user where it can, instead of denying
  --print             print the settings that install the hook, and change nothing
  --check             run the installed command against a dead port and against the service

With --url, the variables ACSCLIENT_* and XDG_STATE_HOME count for nothing.
Example: acs-hook claude-code --print --manifest coding-agent --names canonical
"""


class HookError(Exception):
    """The hook can say nothing but no; the text says why."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command: 0 with what the host reads on stdout, or 2 with one line on stderr."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        if options["action"] == "help":
            return _print(HELP)
        if options["action"]:
            from acs_client import hook_setup  # noqa: PLC0415  # for a person's shell alone

            status: int = hook_setup.run(options)
            return status
        signal.signal(signal.SIGALRM, _late)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})  # a mask is inherited
        signal.setitimer(signal.ITIMER_REAL, options["timeout"])
        answer = _run(options, _object(_stdin(), "stdin"))
        status = _print(_dumps(answer) + "\n" if answer else "")
        signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:  # noqa: BLE001  # whatever happens, the host must not run the tool
        return _fail(str(error) if isinstance(error, HookError) else f"{type(error).__name__}: {error}")
    return status


def parse(arguments: list[str]) -> dict[str, Any]:
    """Read the command line; raise `HookError` for what is no option or no value of one."""
    options: dict[str, Any] = dict.fromkeys(VALUED)
    options |= {"host": None, "action": None}
    rest = iter(arguments)
    for argument in rest:
        name, has_value, value = argument.removeprefix("--").partition("=")
        if argument in {"-h", "--help", "--print", "--check"}:
            options["action"] = argument.lstrip("-") if argument != "-h" else "help"
        elif argument.startswith("--") and name in VALUED:
            options[name] = value if has_value else next(rest, "")
            if not options[name]:
                raise HookError(f"`--{name}` has no value; see `acs-hook --help`")
        elif argument in HOSTS and options["host"] is None:
            options["host"] = argument
        else:
            raise HookError(f"`{argument}` is no option and none of {', '.join(HOSTS)}")
    if options["host"] is None and options["action"] != "help":
        raise HookError(f"which host calls? One of {', '.join(HOSTS)}; see `acs-hook --help`")
    return _settled(options)


def _settled(options: dict[str, Any]) -> dict[str, Any]:
    environ = {} if options["url"] else os.environ
    options["url"] = options["url"] or environ.get("ACSCLIENT_URL") or "http://127.0.0.1:8383"
    options["manifest"] = options["manifest"] or environ.get("ACSCLIENT_MANIFEST")
    options["token-file"] = options["token-file"] or environ.get("ACSCLIENT_TOKEN_FILE")
    options["agent"] = options["agent"] or environ.get("ACSCLIENT_AGENT") or options["host"]
    home = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    options["state"] = options["state"] or os.path.join(home, "acs-hook")  # noqa: PTH118  # no pathlib: it is slow
    try:
        options["timeout"] = float(options["timeout"] or environ.get("ACSCLIENT_HOOK_TIMEOUT_S") or 2)
    except ValueError:
        raise HookError("the timeout is not a number of seconds") from None
    if not 0 < options["timeout"] <= 25:
        raise HookError("the timeout is not between 0 and 25 seconds: hosts give up after 30")
    if options["names"] not in {None, "canonical"} or options["escalate"] not in {None, "ask", "deny"}:
        raise HookError("`--names` is `canonical`, and `--escalate` is `ask` or `deny`")
    return options


def _run(options: dict[str, Any], call: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the host reads of the verdict on `call`, or `None` for nothing."""
    host = options["host"]
    event = str(call.get("hook_event_name") or (_event_of(call) if host == "copilot" else ""))
    point = EVENTS.get(event)
    session = call.get("session_id") or call.get("sessionId") or call.get("conversation_id")
    if point is None or not isinstance(session, str) or not session:
        raise HookError("stdin has no event that is known, or no session id")
    kept = _State(options["state"], host, session, starts=point == "agent_startup")
    members, names = _members(options, point, call)
    if kept.data["blocked"]:
        return _blocked(host, event, point, kept.data["blocked"], members)
    snapshot = {**kept.envelope(options["agent"], session, point), **members}
    ticket = kept.approved(snapshot) if point == "pre_tool_call" else None
    answer = _resolve(options, ticket) if ticket else _evaluate(options, point, snapshot)
    if ticket:
        kept.use(snapshot)  # also an approval that lifts nothing: the next attempt has a new ticket
    verdict = answer["verdict"]
    decision, why = verdict["decision"], _why(verdict)
    if decision in {"deny", "escalate"}:
        if decision == "escalate" and point == "pre_tool_call":
            why = f"{why.removesuffix('.')}." + kept.escalated(snapshot, answer, options["manifest"])
            if options["escalate"] == "ask" and host in {"claude-code", "copilot"}:
                kept.data["calls"] += 1  # it runs if the user says so, and no hook is told
                kept.save()
                return _permission(host, event, "ask", why)
        if point == "agent_startup" or (point == "input" and host == "copilot"):
            kept.data["blocked"] = why
            kept.save()
        return _blocked(host, event, point, why, members)
    kept.data["labels"] = sorted({*kept.data["labels"], *(verdict.get("result_labels") or ())})
    kept.data["calls"] += point == "pre_tool_call"
    kept.save()
    if answer.get("transformed_policy_target_applied"):
        value = answer["transformed_policy_target"]
        return _transformed(host, event, point, value, members, names)
    return _permitted(host, point, f"warning by policy: {why}" if decision == "warn" else None)


class _State:
    """What is kept of a session between its hooks, under a lock that ends with the process."""

    def __init__(self, folder: str, host: str, session: str, *, starts: bool) -> None:
        import hashlib  # noqa: PLC0415  # after the deadline runs

        self._digest = hashlib.sha256
        folder = f"{folder}/{host}"
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103  # no pathlib: it is slow
        self._path = f"{folder}/{hashlib.sha256(session.encode()).hexdigest()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(f"{self._path}.lock", flags, 0o600)
        if not os.path.isfile(lock):  # noqa: PTH113  # no pathlib: it is slow
            raise HookError(f"the lock of the session is no file: {self._path}.lock")
        os.utime(lock)  # what is in use does not grow old
        os.lockf(lock, os.F_LOCK, 0)
        if starts:
            _remove_old(folder)
        self.data = self._read()

    def _read(self) -> dict[str, Any]:
        data: dict[str, Any] = {"started": time.time(), "calls": 0, "labels": [], "blocked": None}
        try:
            with os.fdopen(os.open(f"{self._path}.json", os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                os.utime(file.fileno())
                found = _object(file.read(), "the state of the session")
        except FileNotFoundError:
            return data
        blocked = found.get("blocked", "")
        is_mark = blocked is None or (isinstance(blocked, str) and blocked != "")
        are_counts = type(found.get("started")) is float and type(found.get("calls")) is int
        if not (are_counts and is_mark and found["calls"] >= 0 and _are_texts(found.get("labels"))):
            raise HookError(f"the state of the session cannot be read: {self._path}.json")
        return found

    def save(self) -> None:
        """Write the state whole, or not at all."""
        self._write(f"{self._path}.json", self.data)

    def _write(self, path: str, data: dict[str, Any]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(f"{self._path}.new", flags, 0o600), "w", encoding="utf-8") as file:
            file.write(_dumps(data))
        os.replace(f"{self._path}.new", path)  # noqa: PTH105  # same

    def envelope(self, agent: str, session: str, point: str) -> dict[str, Any]:
        """Return the members of the snapshot that the hook keeps."""
        now = time.time()
        members: dict[str, Any] = {
            "envelope": {
                "agent": {"id": agent},
                "session": {"id": session, "started_at": _timestamp(self.data["started"])},
                "intervention_point": point,
                "timestamp": _timestamp(now),
                "budgets": {
                    "tool_call_count": self.data["calls"],
                    "token_count": 0,
                    "elapsed_seconds": round(max(now - self.data["started"], 0.0), 3),
                    "cost_usd": 0.0,
                },
            }
        }
        return members | ({"ifc": {"source_labels": self.data["labels"]}} if self.data["labels"] else {})

    def _ticket(self, snapshot: dict[str, Any]) -> str:
        return f"{self._path}.{self._digest(_same(snapshot['tool_call'])).hexdigest()[:16]}.ticket"

    def escalated(self, snapshot: dict[str, Any], answer: dict[str, Any], manifest: str | None) -> str:
        """Keep the ticket of an escalation; return what a person is told of it."""
        approval = answer.get("approval") or {}
        if not approval.get("challenge"):
            return ""
        path = self._ticket(snapshot)
        self._write(path, {"snapshot": snapshot, "manifest": manifest, "approval": approval})
        return f" To approve it, sign {path} by `acs-sidecar approve` into {path}.approval and repeat it."

    def approved(self, snapshot: dict[str, Any]) -> dict[str, Any] | None:
        """Return the request that resolves an approved escalation of the same call."""
        path = self._ticket(snapshot)
        try:
            with open(f"{path}.approval", encoding="utf-8") as file:  # noqa: PTH123  # same
                approval = file.read(65536).strip()
            with open(path, "rb") as file:  # noqa: PTH123  # same
                ticket = _object(file.read(), "the ticket")
        except FileNotFoundError:
            return None
        held = ticket["snapshot"]
        for name in ("agent", "session"):
            if held["envelope"][name]["id"] != snapshot["envelope"][name]["id"]:
                raise HookError(f"the ticket {path} is of another {name}")
        call, now = held["tool_call"], snapshot["tool_call"]
        if _same(call) != _same(now):
            raise HookError(f"the ticket {path} is of another call")
        return {"snapshot": held, "challenge": ticket["approval"]["challenge"], "approval": approval}

    def use(self, snapshot: dict[str, Any]) -> None:
        """Put the ticket and its approval aside, so that they count once."""
        for path in (self._ticket(snapshot), f"{self._ticket(snapshot)}.approval"):
            os.replace(path, f"{path}.used")  # noqa: PTH105  # same


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _same(call: dict[str, Any]) -> bytes:
    """Return what two attempts of one call have alike: name and arguments, in the types of JSON."""
    return _dumps([call["name"], call["args"]], sort_keys=True).encode()


def _members(
    options: dict[str, Any], point: str, call: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the members of the snapshot for a point, and the host's names of canonical arguments."""
    if point == "agent_startup":
        return {"agent_init": {"capabilities": [], "tools_registered": []}}, {}
    if point == "input":
        if "prompt" not in call:
            raise HookError("stdin has no prompt")
        return {"input": {"body": call["prompt"], "source": "user"}}, {}
    if point == "output":
        content = call.get("last_assistant_message", call.get("prompt_response"))
        return {"response": {"content": content}}, {}
    name = _one(call, "tool_name", "toolName")
    arguments = _one(call, "tool_input", "toolArgs")
    if isinstance(arguments, str):
        arguments = _object(arguments.encode(), "the text of the arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise HookError("stdin has no tool name, or no arguments that are an object")
    names: dict[str, str] = {}
    if options["names"] == "canonical" and name in CANONICAL:
        name, renamed = CANONICAL[name]
        told = [argument for argument in arguments if argument != "description"]
        names = {renamed.get(argument, argument): argument for argument in told}
        if len(names) != len(told):
            raise HookError("two arguments of the tool have one canonical name")
        arguments = {canonical: arguments[argument] for canonical, argument in names.items()}
        names = {canonical: own for own, canonical in renamed.items()} | names
    tool_call = {"name": name, "args": arguments}
    call_id = _one(call, "tool_use_id", "toolCallId")
    if isinstance(call_id, str):
        tool_call["id"] = call_id
    if point == "pre_tool_call":
        return {"tool_call": tool_call}, names
    if not any(key in call for key in RESULTS):
        raise HookError("stdin has no result of the tool")
    result = _one(call, *RESULTS)
    for key in TOLD.get(options["host"], ()) if isinstance(result, dict) else ():
        result = result.get(key, result)
        if not isinstance(result, dict):
            break
    return {"tool_call": tool_call, "tool_result": {"value": result, "error": None}}, names


def _one(call: dict[str, Any], *names: str) -> Any:
    """Return what hosts call by one of these names, or `None`; raise `HookError` for two of them."""
    found = [name for name in names if name in call]
    if len(found) > 1:
        raise HookError(f"stdin has `{found[0]}` and `{found[1]}`, which say the same")
    return call[found[0]] if found else None


def _blocked(
    host: str, event: str, point: str, why: str, members: dict[str, Any] | None
) -> dict[str, Any] | None:
    why = f"denied by policy: {why}"
    if point == "pre_tool_call":
        return _permission(host, event, "deny", why)
    if point == "input":
        if host == "cursor":
            return {"continue": False, "user_message": why}
        return {"decision": "deny" if host == "gemini" else "block", "reason": why}
    if point == "post_tool_call":
        value = members["tool_result"]["value"] if members else ""
        return _result(host, event, emptied(value, f"[withheld by policy: {why}]"), why)
    return {"systemMessage": why} if point == "agent_startup" and host != "cursor" else None


def _permission(host: str, event: str, permission: str, why: str) -> dict[str, Any]:
    if host == "gemini":
        return {"decision": "deny", "reason": why}
    if host == "cursor":
        return {"permission": "deny", "user_message": why, "agent_message": why}
    said = {"permissionDecision": permission, "permissionDecisionReason": why}
    nested = {"hookSpecificOutput": {"hookEventName": event, **said}}
    return {**said, **nested} if host == "copilot" else nested


def _result(host: str, event: str, value: Any, why: str | None) -> dict[str, Any] | None:
    """Return what replaces a result; `why` says that it is withheld."""
    text = why or (value if isinstance(value, str) else _dumps(value))
    if host == "gemini":
        return {"decision": "deny", "reason": text}
    if host == "codex":
        return {"decision": "block", "reason": text}
    if host == "cursor":
        return {"updated_mcp_tool_output": value}
    answer: dict[str, Any] = {"hookSpecificOutput": {"hookEventName": event, "updatedToolOutput": value}}
    if host == "copilot":
        answer["modifiedResult"] = {"resultType": "success", "textResultForLlm": text}
    return {"decision": "block", "reason": why, **answer} if why else answer


def _transformed(  # noqa: PLR0917  # as the others
    host: str, event: str, point: str, value: Any, members: dict[str, Any], names: dict[str, str]
) -> dict[str, Any] | None:
    if point == "post_tool_call":
        if shape(value) != shape(members["tool_result"]["value"]):
            return _blocked(host, event, point, "the transform changes the shape of the result", members)
        return _result(host, event, value, None)
    if point != "pre_tool_call" or not isinstance(value, dict):
        return _blocked(host, event, point, "the host cannot carry this transform", members)
    if host == "gemini" and members["tool_call"]["args"].keys() - value.keys():
        return _blocked(host, event, point, "the host cannot remove an argument of a tool", members)
    arguments = {names.get(name, name): argument for name, argument in value.items()}
    if len(arguments) != len(value):
        return _blocked(host, event, point, "two arguments of the transform have one name", members)
    if host == "gemini":
        return {"hookSpecificOutput": {"hookEventName": event, "tool_input": arguments}}
    if host == "cursor":
        return {"permission": "allow", "updated_input": arguments}
    nested: dict[str, Any] = {"hookEventName": event, "updatedInput": arguments}
    if host == "codex":
        nested["permissionDecision"] = "allow"
    answer: dict[str, Any] = {"hookSpecificOutput": nested}
    return answer | {"modifiedArgs": arguments} if host == "copilot" else answer


def _permitted(host: str, point: str, warning: str | None) -> dict[str, Any] | None:
    answer: dict[str, Any] = {} if warning is None or host == "cursor" else {"systemMessage": warning}
    if host == "cursor" and point == "pre_tool_call":
        answer["permission"] = "allow"
    if host == "cursor" and point == "input":
        answer["continue"] = True
    return answer or None


def emptied(value: Any, text: str) -> Any:
    """Return `value` in its shape, with `text` for its longest string, nothing in the others, numbers as 0.

    The words of `KINDS` stay where they say of what kind a result is; names of members and truth values stay.
    """
    strings = sorted(_strings(value), key=len)
    if not strings:
        return text
    left = [strings[-1]]

    def empty(part: Any) -> Any:
        if isinstance(part, str):
            return text if left and part == left[0] and left.pop() is not None else ""
        if isinstance(part, list):
            return [empty(item) for item in part]
        if not isinstance(part, dict):
            return type(part)() if type(part) in {int, float} else part
        return {name: item if _is_kind(name, item) else empty(item) for name, item in part.items()}

    return empty(value)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [item for name, item in value.items() if not _is_kind(name, item)]
    return [text for part in value for text in _strings(part)] if isinstance(value, list) else []


def _is_kind(name: str, item: Any) -> bool:
    return name in KIND_MEMBERS and isinstance(item, str) and item in KINDS


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value)


def _evaluate(options: dict[str, Any], point: str, snapshot: dict[str, Any]) -> dict[str, Any]:
    body = {"snapshot": snapshot} | ({"manifest_ref": options["manifest"]} if options["manifest"] else {})
    return _exchange(options, f"/v1/evaluate/{point}", body, point)


def _resolve(options: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    body = request | {"intervention_point": "pre_tool_call"}
    body |= {"manifest_ref": options["manifest"]} if options["manifest"] else {}
    return _exchange(options, "/v1/approvals:resolve", body, "pre_tool_call")


def _exchange(options: dict[str, Any], path: str, body: dict[str, Any], point: str) -> dict[str, Any]:
    """Return the verdict of the service with what came with it; raise for everything that is none."""
    content = _dumps({"dialect": "0.3"} | body).encode()
    status, content = _beside(lambda: _http(options, path, content))
    if status not in {200, 403}:
        why = _detail(content) or "nothing runs without a verdict"
        raise HookError(f"the service answered with status {status}: {why}")
    answer = _object(content, "the answer of the service")
    verdict = answer.get("verdict")
    if not isinstance(verdict, dict) or verdict.get("decision") not in DECISIONS:
        raise HookError("the answer of the service has no verdict")
    if status == 403:
        return {
            "verdict": {"decision": "deny", "reason": verdict.get("reason"), "message": answer.get("detail")}
        }
    applied = answer.get("transformed_policy_target_applied") is True
    if answer.get("intervention_point") != point or answer.get("mode", "enforce") != "enforce":
        raise HookError("the verdict is on another point, or of another mode")
    if answer.get("dialect", "0.3") != "0.3":
        raise HookError("the verdict is in another vocabulary")
    if not _are_texts(verdict.get("result_labels") or []):
        raise HookError("the labels of the verdict are not a list of texts")
    if verdict.get("transform") is not None and verdict["decision"] != "transform":
        raise HookError("a transform without the decision `transform`")
    if (verdict["decision"] == "transform") != applied or (
        applied and "transformed_policy_target" not in answer
    ):
        raise HookError("a transform was not applied")
    return answer


def _beside(function: Callable[[], Any]) -> Any:
    """Return what `function` returns, run beside the main thread: the deadline interrupts that one alone.

    A look-up of a name, which C code waits for, would hold the main thread until it ends.
    """
    outcome: list[Any] = []
    ended = _thread.allocate_lock()
    ended.acquire()  # released by the other thread

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001  # raised again below
            outcome.append(error)
        finally:
            ended.release()

    _thread.start_new_thread(run, ())
    ended.acquire()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _http(options: dict[str, Any], path: str, body: bytes) -> tuple[int, bytes]:
    scheme, _, place = options["url"].partition("://")
    headers = {"content-type": "application/json", "connection": "close", "content-length": str(len(body))}
    host, _, port = place.rstrip("/").rpartition(":")
    if options["token-file"]:
        if scheme == "http" and host not in {"127.0.0.1", "localhost", "[::1]"}:
            raise HookError("a token is sent to loopback, a Unix socket or https, and to nothing else")
        with open(options["token-file"], encoding="ascii") as file:  # noqa: PTH123  # no pathlib: it is slow
            headers["authorization"] = f"Bearer {file.read().strip()}"
    if scheme == "https":
        import http.client  # noqa: PLC0415  # slow to import, and only for https

        connection = http.client.HTTPSConnection(place.rstrip("/"))
        _connect(options, connection.connect)
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        content = response.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES or not (response.chunked or response.length == 0):
            raise HookError("the service did not answer whole")
        return response.status, content
    if scheme == "unix":
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _connect(options, lambda: peer.connect(place))
        host, port = "localhost", "80"
    elif scheme == "http" and port.isdigit():
        peer = _connect(options, lambda: socket.create_connection((host.strip("[]"), int(port))))
    else:
        raise HookError("the URL is not http://host:port, https://… or unix:///path")
    head = "".join(f"{name}: {value}\r\n" for name, value in {"host": f"{host}:{port}", **headers}.items())
    peer.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
    received = bytearray()
    while (piece := peer.recv(65536)) and len(received) <= MAX_BYTES:
        received += piece
    lines, _, content = bytes(received).partition(b"\r\n\r\n")
    status, *fields = lines.split(b"\r\n")
    sizes = [field[15:].strip() for field in fields if field[:15].lower() == b"content-length:"]
    if not status.startswith(b"HTTP/1.1 ") or sizes != [str(len(content)).encode()]:
        raise HookError("the service did not answer whole")
    return int(status[9:12]), content


def _connect(options: dict[str, Any], connect: Callable[[], Any]) -> Any:
    try:
        return connect()
    except OSError as error:
        why = error.strerror or error
        raise HookError(f"the service at {options['url']} cannot be reached: {why}") from None


def _event_of(call: dict[str, Any]) -> str:
    """Return the event that Copilot does not name, by a member that it alone has."""
    if "toolName" in call:
        return "postToolUse" if "toolResult" in call else "preToolUse"
    told = {"prompt": "userPromptSubmitted", "source": "sessionStart", "stopReason": "agentStop"}
    return next((event for member, event in told.items() if member in call), "")


def _why(verdict: dict[str, Any]) -> str:
    return (
        ": ".join(str(verdict[name]) for name in ("reason", "message") if verdict.get(name))
        or "no reason given"
    )


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def _stdin() -> bytes:
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise HookError("stdin is over 16 MiB")
    return content


def _detail(content: bytes) -> str:
    """Return what a problem document says is wrong; of anything else, nothing."""
    try:
        detail = _object(content, "the problem").get("detail")
    except HookError:
        return ""
    return detail if isinstance(detail, str) else ""


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise HookError(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise HookError(f"{what} is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two members of an object have one name")
    return found


def _dumps(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys, allow_nan=False)


def _remove_old(folder: str) -> None:
    oldest = time.time() - KEPT_S
    for entry in os.scandir(folder):
        if entry.stat(follow_symlinks=False).st_mtime < oldest:
            os.unlink(entry.path)  # noqa: PTH108  # same


def _late(_: int, __: object) -> NoReturn:
    os.write(2, b"acs-hook: no verdict in time: nothing runs without one\n")
    os._exit(2)


def _print(text: str) -> int:
    content = text.encode()
    if sys.stdout is None:  # closed: what was opened since may have its number
        return _fail("stdout is closed")
    return 0 if os.write(1, content) == len(content) else _fail("stdout takes nothing more")


def _fail(message: str) -> int:
    if sys.stderr is not None:
        os.write(2, f"acs-hook: {' '.join(message.split())[:500]}\n".encode(errors="replace"))
    return 2


if __name__ == "__main__":
    os._exit(main())
