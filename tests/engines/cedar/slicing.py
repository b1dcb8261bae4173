"""Decisions of the policies whose scope a request meets, against decisions of all policies.

`make cedar-slices` compares 100,000 decisions of random policies; the tests compare a few.
"""

import argparse
import random
import sys
from dataclasses import replace
from typing import Any

from acs_sidecar.engines.cedar.slicing.answers import PolicySlice
from acs_sidecar.engines.cedar.slicing.slices import PolicySlices
from acs_sidecar.engines.cedar.type import CedarEvaluator
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.spec.ports import Evaluator, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from tests.engines.cedar import bind, compile_cedar, input_of

__all__ = ["WholePolicies", "differences", "outcome"]

_PARTS = ("principal", "action", "resource")
_PATHS = {part: f"$snap.{part}" for part in _PARTS}
_TYPES = ("T", "N::U", "Action")
_NAMES = ("a", "b", "c", 'd"\\', "e")
_CONDITIONS = (
    "context.flag", "context.missing", "context.flag && context.number > 1", "context.number + 1 == 3",
    "principal in resource", "resource has x && resource.x", "true", 'principal == T::"a"',
)  # fmt: skip
_ADVICE = (
    '@advice("{\\"verdict\\": \\"warn\\"}")', '@advice("{\\"verdict\\": \\"escalate\\"}")', '@advice("broken")',
)  # fmt: skip
_REQUESTS_PER_POLICY_SET = 20


class WholePolicies(PolicySlices):
    """All policies, for every request."""

    def __init__(self, whole: PolicySlice) -> None:
        self._all = whole

    def applicable(
        self,
        principal: EngineUid,  # the signature of `PolicySlices`
        action: EngineUid,
        resource: EngineUid,
    ) -> PolicySlice:
        """Return all policies."""
        return self._all


def outcome(evaluator: Evaluator, given: PolicyInput) -> tuple[Any, ...]:
    """Return the output and the determining policies, or the reason and the detail of a failure."""
    try:
        answer = evaluator.evaluate(given)
    except EvaluationError as error:
        return error.reason, error.detail
    return answer.value, answer.trace


def differences(cases: int, seed: int) -> tuple[list[str], int]:
    """Return what is decided differently, of `cases` random decisions, and how many a part decided."""
    source = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    found: list[str] = []
    decided_by_a_part = 0
    for _ in range(max(1, cases // _REQUESTS_PER_POLICY_SET)):
        policies = "\n".join(_policy(source, number) for number in range(source.randint(1, 12)))
        entities = _entities(source)
        compiled = compile_cedar(policies, entities=entities)
        sliced = bind(compiled, members=_PATHS)
        assert isinstance(sliced, CedarEvaluator)
        whole_set = compiled.policies.whole  # type: ignore[attr-defined]  # the class is not public
        whole = replace(sliced, slices=WholePolicies(whole_set))
        for _ in range(_REQUESTS_PER_POLICY_SET):
            request = {part: _uid(source) for part in _PARTS}
            given = input_of({**request, "flag": source.random() < 0.5, "number": source.randint(0, 3)})
            decided_by_a_part += sliced.slices.applicable(**request) is not whole_set
            if outcome(sliced, given) != outcome(whole, given):
                found.append(f"{policies}\n{entities}\n{given.value}")
    return found, decided_by_a_part


def _policy(source: random.Random, number: int) -> str:
    effect = source.choice(("permit", "permit", "forbid"))
    annotations = [f'@id("p{number}")'] * (source.random() < 0.7)
    annotations += [source.choice(_ADVICE)] * (source.random() < 0.2)
    slot = source.random() < 0.05
    principal = "principal == ?principal" if slot else _constraint(source, "principal")
    scope = f"{principal}, {_action(source)}, {_constraint(source, 'resource')}"
    return f"{' '.join(annotations)} {effect}({scope}) when {{ {source.choice(_CONDITIONS)} }};"


def _constraint(source: random.Random, part: str) -> str:
    kind, entity = source.choice(_TYPES), _written(_uid(source))
    forms = (
        "{part}",
        "{part} == {entity}",
        "{part} in {entity}",
        "{part} is {kind}",
        "{part} is {kind} in {entity}",
    )
    return source.choice(forms).format(part=part, kind=kind, entity=entity)


def _action(source: random.Random) -> str:
    first, second = (f"Action::{_quoted(source.choice(_NAMES))}" for _ in range(2))
    forms = ("action", "action == {0}", "action in {0}", "action in [{0}, {1}]", "action in []")
    return source.choice(forms).format(first, second)


def _entities(source: random.Random) -> list[Any]:
    """Return some entities, each below ones that are named later."""
    uids = [{"type": kind, "id": name} for kind in _TYPES for name in _NAMES]
    source.shuffle(uids)
    listed = uids[: source.randint(0, 8)]
    return [
        {
            "uid": uid if source.random() < 0.5 else {"__entity": uid},
            "attrs": {} if uid["type"] == "Action" else {"x": source.random() < 0.5},
            "parents": [
                above
                for above in uids[position + 1 :]
                if source.random() < 0.15 and (uid["type"] != "Action" or above["type"] == "Action")
            ],
        }
        for position, uid in enumerate(listed)
    ]


def _uid(source: random.Random) -> dict[str, str]:
    return {"type": source.choice((*_TYPES, "Other")), "id": source.choice((*_NAMES, "unnamed"))}


def _written(uid: dict[str, str]) -> str:
    return f"{uid['type']}::{_quoted(uid['id'])}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    different, parts = differences(options.cases, options.seed)
    for one in different[:10]:
        sys.stdout.write(f"{one}\n")
    sys.stdout.write(
        f"{options.cases} decisions, {parts} of them by a part of the policies, "
        f"{len(different)} differences\n"
    )
    raise SystemExit(bool(different))
