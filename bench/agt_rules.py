"""Processor time of decisions over rule documents: `python -m bench.agt_rules`.

With `--toolkit PYTHON`, the Python of an environment with the toolkit (`make agt-oracle`), its engine decides
the same documents in the same run.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from acs_sidecar.engines.adapters.agt_rules.adapter import adapter
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, NoSources, PointBinding, PolicyInput
from acs_sidecar.spec.values import Json

SIZES = (10, 100, 1_000, 10_000)
CONDITIONS: dict[str, Callable[[int], str]] = {
    "each names its tool": lambda n: f"tool_name == 't{n}' and amount > {n}",
    "two tests, no tool": lambda n: f"amount > {n + 10} and role != 'w{n}'",
    "four tests, no tool": lambda n: (
        f"role != 'w{n}' and amount < {n + 10} and user != 'u{n}' and env < 'e{n}'"
    ),
}
CONTEXT: dict[str, Json] = {"tool_name": "t5", "amount": 5, "role": "reader", "user": "u", "env": "prod"}
ROUNDS = 7
POINT = InterventionPoint.PRE_TOOL_CALL
TOOLKIT = """
import json, sys, time
from agentmesh.governance.policy import Policy, PolicyEngine
given = json.load(sys.stdin)
engine = PolicyEngine("deny_overrides")
engine.load_policy(Policy.from_json(json.dumps(given["document"])))
best = float("inf")
for _ in range(5):
    begun = time.process_time()
    engine.evaluate("a", dict(given["context"]))
    best = min(best, time.process_time() - begun)
print(best)
"""


def document(condition: Callable[[int], str], rules: int) -> dict[str, Json]:
    """Return a document of so many rules, none of which matches."""
    return {
        "apiVersion": "governance.toolkit/v1",
        "name": "d",
        "agents": ["*"],
        "rules": [{"name": f"r{n}", "condition": condition(n), "action": "deny"} for n in range(rules)],
    }


def measured(given: dict[str, Json]) -> tuple[float, float]:
    """Return the seconds of processor time that compiling takes, and the least of one decision."""
    definition: dict[str, Json] = {
        "documents": [given],
        "context": {name: f"$snap.x.{name}" for name in CONTEXT},
    }
    begun = time.process_time()
    policy = adapter.compile(CompileRequest("policies.agt", definition, NoSources()))
    evaluator = policy.bind(PointBinding(POINT, "p", definition, {}, None, projects_tool=False))
    compiling = time.process_time() - begun
    snapshot: Json = {"x": CONTEXT, "envelope": {"agent": {"id": "a"}}}
    value: dict[str, Json] = {
        "intervention_point": POINT.value,
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
    }
    policy_input = PolicyInput(value, canonical(value))
    evaluator.evaluate(policy_input)
    best, decisions = float("inf"), 20
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(decisions):
            evaluator.evaluate(policy_input)
        best = min(best, (time.process_time() - begun) / decisions)
    return compiling, best


def of_toolkit(python: Path, given: dict[str, Json]) -> float:
    """Return the least processor time of one decision of the toolkit's engine."""
    text = json.dumps({"document": given, "context": CONTEXT})
    done = subprocess.run(
        [python, "-c", TOOLKIT], input=text, capture_output=True, text=True, check=True, timeout=300
    )
    return float(done.stdout)


def main(
    toolkit: Annotated[
        Path | None, typer.Option(help="Python of an environment with the toolkit's package.")
    ] = None,
    largest: Annotated[int, typer.Option(help="Measure no more rules than this.")] = SIZES[-1],
) -> None:
    """Measure, and print a table."""
    table = Table("conditions", "rules", "compiling", "a decision", "the toolkit", box=None)
    for name, condition in CONDITIONS.items():
        for rules in SIZES:
            if rules > largest:
                continue
            given = document(condition, rules)
            compiling, deciding = measured(given)
            theirs = of_toolkit(toolkit, given) if toolkit and rules <= 1_000 else None
            against = f"{theirs * 1e6:,.0f} µs ({theirs / deciding:,.0f}×)" if theirs else "-"
            table.add_row(
                name, f"{rules:,}", f"{compiling * 1000:,.0f} ms", f"{deciding * 1e6:,.1f} µs", against
            )
    Console(width=120).print(table)
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
