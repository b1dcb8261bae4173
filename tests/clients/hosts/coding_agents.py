"""Runs the real coding agents offline, with `acs-hook` installed and failing in each way: the command must not run.

`make coding-agents` installs them and calls this; it prints one line for each agent and failure.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from acs_client.hook_setup import settings
from tests.clients.frameworks.cases.wrong_service import WrongService
from tests.clients.frameworks.frameworks import start_governed
from tests.clients.hosts.scripted_model import scripted_model
from tests.conftest import ROOT

PACKAGES = (
    Path(os.environ.get("CODING_AGENTS", ROOT / ".cache" / "clients" / "coding_agents")) / "node_modules"
)
CLAUDE = ROOT / ".cache" / "clients" / "claude_agent_sdk"
NODE = ROOT / ".cache" / "clients" / "typescript" / "bin"
FAILURES = ("none", "missing file", "kill -9", "silent service", "garbage answer", "no service")
RESULTS = {"replaced": "secret-123", "withheld": "a bomb"}
"""What a command prints for its result to be replaced, and to be withheld, by the governed manifest."""
TEXT = "a bomb is here"
READS: dict[str, dict[str, Callable[[Path], dict[str, Any]]]] = {
    "claude-code": {
        "Read": lambda work: {"file_path": f"{work}/notes.txt"},
        "Grep": lambda work: {"pattern": "is h.re", "path": str(work), "output_mode": "content"},
    },
    "copilot": {
        "view": lambda work: {"path": f"{work}/notes.txt"},
        "grep": lambda work: {"pattern": "is h.re", "paths": str(work), "output_mode": "content"},
    },
    "gemini": {
        "read_file": lambda work: {"file_path": f"{work}/notes.txt"},
        "grep_search": lambda work: {"pattern": "is h.re", "dir_path": str(work)},
    },
}
"""The tools of a host that read a file with the text, whose result the governed manifest withholds."""
SECONDS = 120
Settings = dict[str, str]


def _claude(url: str, home: Path, work: Path, hooks: Any) -> tuple[list[str], Settings]:
    (binary,) = CLAUDE.glob("lib/python3*/site-packages/claude_agent_sdk/_bundled/claude")
    (home / "settings.json").write_text(json.dumps(hooks))
    command = [
        str(binary),
        "-p",
        "go",
        "--allowedTools",
        "Bash Read Grep",
        "--settings",
        str(home / "settings.json"),
    ]
    return command, {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "none",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }


def _codex(url: str, home: Path, work: Path, hooks: Any) -> tuple[list[str], Settings]:
    (home / ".codex").mkdir()
    (home / ".codex" / "hooks.json").write_text(json.dumps(hooks))
    provider = (
        f'model_providers.x={{name="x",base_url="{url}/v1",wire_api="responses",request_max_retries=0}}'
    )
    switches = [
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "--dangerously-bypass-hook-trust",
    ]
    command = [
        str(PACKAGES / ".bin" / "codex"),
        "exec",
        *switches,
        "-c",
        provider,
        "-c",
        'model_provider="x"',
        "-m",
        "gpt-5",
    ]
    return [*command, "go"], {}


def _copilot(url: str, home: Path, work: Path, hooks: Any) -> tuple[list[str], Settings]:
    (home / ".copilot" / "hooks").mkdir(parents=True)
    (home / ".copilot" / "hooks" / "acs.json").write_text(json.dumps(hooks))
    command = [
        str(PACKAGES / ".bin" / "copilot"),
        "-p",
        "go",
        "--allow-all-tools",
        "--model",
        "claude-sonnet-4.5",
    ]
    provider = {
        "COPILOT_PROVIDER_BASE_URL": url,
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_API_KEY": "none",
    }
    return command, {"COPILOT_OFFLINE": "true", "COPILOT_MODEL": "claude-sonnet-4.5", **provider}


def _gemini(url: str, home: Path, work: Path, hooks: Any) -> tuple[list[str], Settings]:
    (home / ".gemini").mkdir()
    chosen = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
    }
    (home / ".gemini" / "settings.json").write_text(json.dumps({**chosen, **hooks}))
    command = [
        str(PACKAGES / ".bin" / "gemini"),
        "-p",
        "go",
        "-m",
        "gemini-2.5-pro",
        "--yolo",
        "--skip-trust",
    ]
    return command, {
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": "none",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }


AGENTS: dict[str, Callable[[str, Path, Path, Any], tuple[list[str], Settings]]] = {
    "claude-code": _claude,
    "codex": _codex,
    "copilot": _copilot,
    "gemini": _gemini,
}


@contextmanager
def _service(failure: str) -> Iterator[str]:
    """The URL of a service that permits everything, or fails."""
    wrong = {"silent service": "hangs", "garbage answer": "garbage", "no service": "stopped"}.get(failure, "")
    with WrongService("pre_tool_call" if wrong else "", wrong) as service:
        yield service.url


def _hooks(host: str, url: str, home: Path, failure: str, *points: str) -> Any:
    """The settings that `acs-hook --print` gives, with the failure in their command."""
    options: dict[str, Any] = {
        "host": host,
        "url": url,
        "state": str(home / "state"),
        "timeout": 0.8 if failure == "silent service" else 10,
    }
    options |= {"manifest": "governed"} | dict.fromkeys(("agent", "names", "escalate", "token-file"))
    text = json.dumps(settings(options, frozenset({"pre_tool_call", *points})))
    hook = str(ROOT / "clients" / "python" / "acs_client" / "hook.py")
    killed = home / "killed.py"
    killed.write_text("import os\nos.kill(os.getpid(), 9)\n")
    replaced = {"missing file": str(home / "missing.py"), "kill -9": str(killed)}.get(failure, hook)
    if hook not in text:
        raise RuntimeError("the settings name another hook")
    return json.loads(text.replace(hook, replaced))


def outcome(host: str, failure: str) -> tuple[bool, bool, str]:
    """Whether the command ran, whether the model was told what came of it, and what the agent printed."""
    with _service(failure) as url:
        ran, answered, printed = _run(host, "true", lambda home: _hooks(host, url, home, failure))
    return ran, bool(answered), printed


def result(host: str, url: str, text: str) -> tuple[bool, str]:
    """Whether the model got, instead of what a command printed, what the policy permits; and what it got."""
    first, second = text[:4], text[4:]
    ran, answered, printed = _run(
        host,
        f"printf '%s%s' '{first}' '{second}'",
        lambda home: _hooks(host, url, home, "", "post_tool_call"),
    )
    told = "".join(answered)
    replaced = "[secret]" in told or "denied by policy: bomb" in told
    return ran and replaced and text not in told, told[-1500:] + printed


def read(host: str, url: str, tool: str) -> tuple[bool, str]:
    """Whether the model got a denial instead of what a tool read; and what it got."""
    _, answered, printed = _run(
        host,
        "true",
        lambda home: _hooks(host, url, home, "", "post_tool_call"),
        lambda work: (tool, READS[host][tool](work)),
    )
    told = "".join(answered)
    return "denied by policy: bomb" in told and TEXT not in told, told[-1500:] + printed


def _run(
    host: str,
    shell: str,
    hooks: Callable[[Path], Any],
    other: Callable[[Path], tuple[str, dict[str, Any]]] | None = None,
) -> tuple[bool, list[str], str]:
    """Run an agent whose model asks for a command, or for another tool.

    Gives whether the command ran, what the model was sent, and what was printed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home, work = folder / "home", folder / "work"
        home.mkdir()
        work.mkdir()
        (work / "notes.txt").write_text(f"one\n{TEXT}\nthree\n")
        call = other(work) if other is not None else None
        url, answered = stack.enter_context(scripted_model(f"{shell}; touch {work}/ran", call))
        command, own = AGENTS[host](url, home, work, hooks(home))
        there = {"PATH": f"{NODE}:{os.environ['PATH']}", "HOME": str(home), **own}
        done = subprocess.run(
            command,
            cwd=work,
            env=there,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return (work / "ran").exists(), answered, done.stdout[-500:] + done.stderr[-1500:]


def main() -> int:
    """Print what came of each failure and result in each agent; return 1 unless each is as it must be."""
    hosts = sys.argv[1:] or list(AGENTS)
    wrong = 0

    def show(line: str, is_right: bool, printed: str) -> None:
        nonlocal wrong
        wrong += not is_right
        sys.stdout.write(f"{line}{'' if is_right else ' WRONG'}\n")
        sys.stdout.flush()
        if not is_right:
            sys.stderr.write(f"{printed}\n")

    for host in hosts:
        for failure in FAILURES:
            ran, told, printed = outcome(host, failure)
            came = "the command ran" if ran else "blocked"
            show(f"{host}: {failure}: {came}", told and ran is (failure == "none"), printed)
    with tempfile.TemporaryDirectory() as folder:
        service = start_governed(Path(folder))
        try:
            for host in hosts:
                for name, text in RESULTS.items():
                    show(f"{host}: a result is {name}", *result(host, service.url, text))
                for tool in READS.get(host, ()):
                    show(f"{host}: a result of {tool} is withheld", *read(host, service.url, tool))
        finally:
            service.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
