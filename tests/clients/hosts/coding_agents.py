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
from tests.clients.hosts.scripted_model import scripted_model
from tests.conftest import ROOT

PACKAGES = (
    Path(os.environ.get("CODING_AGENTS", ROOT / ".cache" / "clients" / "coding_agents")) / "node_modules"
)
CLAUDE = ROOT / ".cache" / "clients" / "claude_agent_sdk"
NODE = ROOT / ".cache" / "clients" / "typescript" / "bin"
FAILURES = ("none", "missing file", "kill -9", "silent service", "garbage answer", "no service")
SECONDS = 120
Settings = dict[str, str]


def _claude(url: str, home: Path, work: Path, hooks: Any) -> tuple[list[str], Settings]:
    (binary,) = CLAUDE.glob("lib/python3*/site-packages/claude_agent_sdk/_bundled/claude")
    (home / "settings.json").write_text(json.dumps(hooks))
    command = [str(binary), "-p", "go", "--allowedTools", "Bash", "--settings", str(home / "settings.json")]
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


def _hooks(host: str, url: str, home: Path, failure: str) -> Any:
    """The settings that `acs-hook --print` gives, with the failure in their command."""
    options: dict[str, Any] = {
        "host": host,
        "url": url,
        "state": str(home / "state"),
        "timeout": 0.8 if failure == "silent service" else 10,
    }
    options |= dict.fromkeys(("manifest", "agent", "names", "escalate", "token-file"))
    text = json.dumps(settings(options, frozenset({"pre_tool_call"})))
    hook = str(ROOT / "clients" / "python" / "acs_client" / "hook.py")
    killed = home / "killed.py"
    killed.write_text("import os\nos.kill(os.getpid(), 9)\n")
    replaced = {"missing file": str(home / "missing.py"), "kill -9": str(killed)}.get(failure, hook)
    if hook not in text:
        raise RuntimeError("the settings name another hook")
    return json.loads(text.replace(hook, replaced))


def outcome(host: str, failure: str) -> tuple[bool, bool, str]:
    """Whether the command ran, whether the model was told what came of it, and what the agent printed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home, work = folder / "home", folder / "work"
        home.mkdir()
        work.mkdir()
        service = stack.enter_context(_service(failure))
        url, answered = stack.enter_context(scripted_model(f"touch {work}/ran"))
        command, own = AGENTS[host](url, home, work, _hooks(host, service, home, failure))
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
        return (work / "ran").exists(), bool(answered), done.stdout[-500:] + done.stderr[-1500:]


def main() -> int:
    """Print what came of each failure in each agent; return 1 unless each blocks, and none without a failure."""
    wrong = 0
    for host in sys.argv[1:] or AGENTS:
        for failure in FAILURES:
            ran, told, printed = outcome(host, failure)
            is_right = told and ran is (failure == "none")
            wrong += not is_right
            sys.stdout.write(
                f"{host}: {failure}: {'the command ran' if ran else 'blocked'}{'' if is_right else ' WRONG'}\n"
            )
            if not is_right:
                sys.stderr.write(f"{printed}\n")
            sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
