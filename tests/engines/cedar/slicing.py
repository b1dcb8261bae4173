"""Decisions of the policies whose scope a request meets, against those of all and of the engine alone.

`make cedar-slices` compares 100,000 decisions of random policies; the tests compare a few.
"""

import argparse
import json
import random
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import cedarpy

from acs_sidecar.engines.cedar.slicing.answers import PolicySlice
from acs_sidecar.engines.cedar.slicing.slices import PolicySlices
from acs_sidecar.engines.cedar.type import CedarEvaluator
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from tests.engines.cedar import PERMIT_ALL, bind, compile_cedar, input_of

__all__ = ["EngineAlone", "WholePolicies", "differences", "outcome", "random_members", "random_uid"]

_PARTS = ("principal", "action", "resource")
_PATHS = {part: f"$snap.{part}" for part in _PARTS}
_TYPES = ("T", "N::U", "Action")
_NAMES = ("a", "b", "c", 'd"\\', "e")
_CONDITIONS = (
    "context.flag", "context.missing", "context.flag && context.number > 1", "context.number + 1 == 3",
    "principal in resource", "resource has x && resource.x", "true", 'principal == T::"a"',
    'context.text like "a\\**\\u{e9}"', r'context.text == "\"\\\0\u{1F600}\x7f"', "context.number - 1 == -1",
    r'{"a b": context.text, "\"": 1}["a b"] like "*\"*"', "[context.number, -9223372036854775808].contains(-1)",
    'ip("::1").isLoopback() && decimal("-0.5") < decimal("0.0")', "principal is T in resource",
    'duration("1h") < datetime("2024-01-01").toTime() || resource has "a b"',
)  # fmt: skip
_TEXTS = ("", "a*\u00e9", "ab\u00e9", '"\\\0\U0001f600\x7f', 'x"')
_ADVICE = (
    '@advice("{\\"verdict\\": \\"warn\\"}")', '@advice("{\\"verdict\\": \\"escalate\\"}")', '@advice("broken")',
)  # fmt: skip
_REQUESTS_PER_POLICY_SET = 20
_SLOTTED_PARTS = ("principal", "resource")
_SLOTTED = ("{part} == ?{part}", "{part} in ?{part}", "{part} is {kind} in ?{part}")
_APPLIES = "{ principal: [T, N::U], resource: [T, N::U, Other], context: { flag: Bool, number: Long, text: String } }"
_SCHEMA = f"""
namespace N {{ entity U in [T, U, Other] = {{ x?: Bool }}; }}
entity T in [T, N::U, Other] = {{ x?: Bool }};
entity Other in [Other];
action d;
action e in [d];
action a in [e] appliesTo {_APPLIES};
action b, c in [a, d] appliesTo {_APPLIES};
"""


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
        members = random_members(source)
        compiled = compile_cedar(**members)
        agrees = EngineAlone(**members).agrees
        sliced = bind(compiled, members=_PATHS)
        assert isinstance(sliced, CedarEvaluator)
        whole_set = compiled.policies.whole  # type: ignore[attr-defined]  # the class is not public
        whole = replace(sliced, slices=WholePolicies(whole_set))
        for _ in range(_REQUESTS_PER_POLICY_SET):
            request = {part: random_uid(source) for part in _PARTS}
            context = {
                "flag": source.random() < 0.5,
                "number": source.randint(0, 3),
                "text": source.choice(_TEXTS),
            }
            given = input_of({**request, **context})
            decided_by_a_part += sliced.slices.applicable(**request) is not whole_set
            decided = outcome(sliced, given)
            if decided != outcome(whole, given) or not agrees(decided, {**request, "context": context}):
                found.append(f"{members}\n{given.value}")
    return found, decided_by_a_part


class EngineAlone:
    """The engine with the same policies, and nothing of this project in between."""

    def __init__(
        self, policies: str, entities: list[Any], template_links: Sequence[Any] = (), schema: str = ""
    ) -> None:
        self._schema = cedarpy.Schema.from_str(schema) if schema else None
        self._entities = cedarpy.Entities.from_json_str(json.dumps(entities), self._schema)
        self._policies = cedarpy.PolicySet.from_str(policies).with_linked_batch(list(template_links))
        parsed = json.loads(cedarpy.policies_to_json_str(policies))
        self._names = {link["new_id"]: link["new_id"] for link in template_links}
        for engine_id, policy in {**parsed["staticPolicies"], **parsed["templates"]}.items():
            self._names[engine_id] = policy.get("annotations", {}).get("id", engine_id)

    def agrees(self, decided: tuple[Any, ...], request: dict[str, Any]) -> bool:
        """True if an outcome is what the engine says: the same policies, or an error in either.

        Advice, which the engine does not know, may make something else of what it allows.
        """
        answer = cedarpy.is_authorized(request, self._policies, self._entities, self._schema)
        failed = decided[0] is Reason.POLICY_INVOCATION_FAILED
        if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
            return failed
        determining = {self._names[engine_id] for engine_id in answer.diagnostics.reasons}
        if answer.allowed and isinstance(decided[0], Reason):
            return not failed
        denied = not isinstance(decided[0], Reason) and decided[0]["decision"] == "deny"
        return denied is not answer.allowed and set(decided[1]["determining"]) == determining


def random_members(source: random.Random) -> dict[str, Any]:
    """Return policies and their entities: with templates and links, or with a schema."""
    numbers = range(source.randint(1, 12))
    entities = _entities(source)
    if source.random() < 0.1:
        policies = [policy for number in numbers if _fits(policy := _policy(source, number))]
        entities = [entity for entity in entities if "Action" not in str(entity)]
        return {"policies": "\n".join(policies or [PERMIT_ALL]), "entities": entities, "schema": _SCHEMA}
    slots = [[part for part in _SLOTTED_PARTS if source.random() < 0.1] for _ in numbers]
    links = [
        {
            "template_id": f"p{number}",
            "new_id": f"l{number}-{count}",
            "values": {f"?{part}": random_uid(source) for part in slots[number]},
        }
        for number in numbers
        for count in range(source.randint(0, 3) if slots[number] else 0)
    ]
    policies = [_policy(source, number, slots[number]) for number in numbers]
    return {"policies": "\n".join(policies), "entities": entities, "template_links": links}


def _fits(policy: str) -> bool:
    """True if a policy is valid with the schema."""
    try:
        compile_cedar(policy, schema=_SCHEMA)
    except ManifestError:
        return False
    return True


def _policy(source: random.Random, number: int, slots: Collection[str] = ()) -> str:
    effect = source.choice(("permit", "permit", "forbid"))
    annotations = [f'@id("p{number}")'] * (bool(slots) or source.random() < 0.7)
    annotations += [source.choice(_ADVICE)] * (source.random() < 0.2)
    principal, resource = (
        source.choice(_SLOTTED).format(part=part, kind=source.choice(_TYPES))
        if part in slots
        else _constraint(source, part)
        for part in _SLOTTED_PARTS
    )
    scope = f"{principal}, {_action(source)}, {resource}"
    return f"{' '.join(annotations)} {effect}({scope}) when {{ {source.choice(_CONDITIONS)} }};"


def _constraint(source: random.Random, part: str) -> str:
    kind, entity = source.choice(_TYPES), _written(random_uid(source))
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


def random_uid(source: random.Random) -> dict[str, str]:
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
