"""Processor time that a combination adds to its members: `python -m bench.combine` (section 17.3).

Members alone and the combination are dispatched as the service does it, and their outputs become verdicts.
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from acs_sidecar.engines.adapters.combine.adapter import adapter
from acs_sidecar.engines.compilation import Binding, compile_policies, policy_jobs
from acs_sidecar.engines.in_process import InProcess
from acs_sidecar.engines.registry import policy_types
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, NoSources, PolicyInput
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import apply_transform, checked_verdict

POINT = InterventionPoint.INPUT
MEMBERS = (1, 2, 4, 8, 16)
ROUNDS, DECISIONS = 31, 1_000
LIMITS = Limits()
TARGET: dict[str, Json] = {f"k{number}": 1 for number in range(max(MEMBERS))}
KINDS: dict[str, Callable[[int], dict[str, Json]]] = {
    "allow": lambda _: {"decision": "allow", "reason": "r"},
    "deny": lambda _: {"decision": "deny", "reason": "r"},
    "warn": lambda _: {"decision": "warn", "reason": "r"},
    "escalate": lambda _: {"decision": "escalate", "reason": "r"},
    "escalate, approvers of each": lambda n: {
        "decision": "escalate",
        "evidence": {"approvers": ["a", "b", f"c{n}"]},
    },
    "allow, a label of each": lambda n: {"decision": "allow", "result_labels": [f"l{n}"]},
    "transform of one place": lambda _: {
        "decision": "transform",
        "transform": {"path": "$policy_target.k0", "value": 2},
    },
    "transform of a place of each": lambda n: {
        "decision": "transform",
        "transform": {"path": f"$policy_target.k{n}", "value": 2},
    },
}


def dispatches(outputs: list[dict[str, Json]]) -> tuple[list[InProcess], InProcess]:
    """Return how policies with these outputs are reached, each alone and all combined."""
    names = [f"m{number}" for number in range(len(outputs))]
    policies: dict[str, dict[str, Json]] = {
        name: {"type": "test", "output": output} for name, output in zip(names, outputs, strict=True)
    }
    policies["all"] = {"type": "custom", "adapter": adapter.name, "policies": list(names)}
    types = policy_types({adapter.name: adapter})
    reached = {}
    for name in policies:
        binding = Binding(POINT, name, {}, None, projects_tool=False)
        jobs = policy_jobs(policies, [binding], types, ManifestFacts())
        reached[name] = InProcess(compile_policies(jobs, types, NoSources()).evaluators[POINT])
    return [reached[name] for name in names], reached["all"]


def decide(dispatch: InProcess, policy_input: PolicyInput) -> None:
    """Dispatch once and make the output a verdict, as an evaluation does."""
    try:
        dispatch.dispatch(policy_input).send(None)
    except StopIteration as done:
        verdict = done.value.verdict or checked_verdict(done.value.value, LIMITS)
    if verdict.transform is not None:
        apply_transform(verdict.transform, TARGET)


def seconds(dispatch: InProcess, policy_input: PolicyInput, decisions: int) -> float:
    """Return the processor time of one decision."""
    begun = time.process_time()
    for _ in range(decisions):
        decide(dispatch, policy_input)
    return (time.process_time() - begun) / decisions


def added(outputs: list[dict[str, Json]]) -> float:
    """Return the processor time of a combination beyond that of its members, each the least of all rounds."""
    value: dict[str, Json] = {
        "intervention_point": POINT.value,
        "policy_target": {"kind": None, "path": "$.t", "value": TARGET},
        "snapshot": {"t": TARGET},
        "annotations": {},
        "tool": None,
    }
    policy_input = PolicyInput(value, canonical(value))
    members, combination = dispatches(outputs)
    decisions = DECISIONS // len(members)
    rounds = [
        [seconds(dispatch, policy_input, decisions) for dispatch in (combination, *members)]
        for _ in range(ROUNDS)
    ]
    together, *alone = map(min, zip(*rounds, strict=True))
    return float(together - sum(alone))


def main() -> None:
    """Measure, and print a table."""
    table = Table("every member says", *(f"{count} members" for count in MEMBERS), box=None)
    for name, output in KINDS.items():
        figures = [added([output(number) for number in range(count)]) for count in MEMBERS]
        table.add_row(name, *(f"{figure * 1e6:,.1f} µs" for figure in figures))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
