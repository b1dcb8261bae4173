"""Runs the tasks and the injections against `manifests/grounded-agent`, and writes the figures into its guide."""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from acs_client import Blocked, Client
from tests.conftest import ROOT, start_service

__all__ = ["figures_of", "table", "verdict_of"]

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "grounded-agent.md"
BEGIN, END = "<!-- the figures -->\n", "<!-- end -->\n"


def scenarios(name: str) -> Any:
    """The tasks or the attacks: user's text, reading calls with their results, the call that acts."""
    return yaml.safe_load((HERE / f"{name}.yaml").read_text())


def verdict_of(client: Client, scenario: Any) -> str:
    """What the policy says to the last call of a scenario, or to the first before it that is blocked."""
    user, reads, (name, args) = scenario
    with client.session("assistant", provenance=32768) as session:
        session.input(user)
        try:
            for number, (tool, asked, value) in enumerate(reads):
                with session.tool(tool, asked, f"c-{number}") as call:
                    call.result(value)
            return session.pre_tool_call(name, args, id="last").decision
        except Blocked as blocked:
            return blocked.decision.decision


def figures_of(client: Client) -> dict[str, Counter[str]]:
    """How many of the tasks and of the attacks get which verdict."""
    return {
        name: Counter(verdict_of(client, scenario) for scenario in scenarios(name))
        for name in ("tasks", "attacks")
    }


def table(figures: dict[str, Counter[str]]) -> str:
    """The figures as the guide has them."""
    tasks, attacks = figures["tasks"], figures["attacks"]
    return (
        "| | of | run without a person | wait for a person |\n|---|---|---|---|\n"
        f"| tasks of users | {tasks.total()} | {tasks['allow']} | {tasks['escalate']} |\n"
        f"| injections | {attacks.total()} | {attacks['allow']} | {attacks['escalate']} |\n"
    )


def passed(client: Client, name: str) -> Iterator[Any]:
    """The scenarios that run without a person."""
    return (scenario for scenario in scenarios(name) if verdict_of(client, scenario) == "allow")


def main() -> int:
    """Write the figures, and print which tasks ask and which attacks pass."""
    with tempfile.TemporaryDirectory() as folder:
        service = start_service(Path(folder), "--manifests", str(ROOT / "manifests"))
        try:
            with Client(service.url, manifest="grounded-agent") as client:
                found = table(figures_of(client))
                asking = [one for one in scenarios("tasks") if verdict_of(client, one) != "allow"]
                passing = list(passed(client, "attacks"))
        finally:
            service.stop()
    text = PAGE.read_text()
    PAGE.write_text(text[: text.index(BEGIN) + len(BEGIN)] + found + text[text.index(END) :])
    sys.stdout.write(found)
    for title, listed in (("tasks that ask", asking), ("attacks that pass", passing)):
        sys.stdout.write(f"\n{title}:\n")
        sys.stdout.writelines(f"- {user} -> {name} {args}\n" for user, _, (name, args) in listed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
