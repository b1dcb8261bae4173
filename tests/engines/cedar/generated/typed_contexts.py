"""Decisions under random schemas, against the engine that is given the schema and the typed context.

`make cedar-schemas` compares some 30,000 decisions; the tests compare a few.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import cedarpy

from acs_sidecar.engines.cedar.values import ESCAPES
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator
from acs_sidecar.spec.reasons import EvaluationError
from tests.engines.cedar import bind, compile_cedar, input_of

__all__ = ["differences"]

_REQUESTS_PER_SCHEMA = 12
_NAMES = ("a", "b", "c", "x y")
_TEXTS = {
    "decimal": ("1.5", "0.0", "-0.0001", "1.00001"),
    "ipaddr": ("10.0.0.1", "::1/64", "1.2.3"),
    "datetime": ("2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123+01:00", "2024-13-01"),
    "duration": ("1h", "-3ms", "1x"),
}
"""Texts of extension types; the last of each is none."""
_ENGINE_TEXTS = {"2024-01-01T00:00:00.123+01:00": "2024-01-01T00:00:00.123+0100"}
_SCALARS = ("Long", "String", "Bool", *_TEXTS)
_HOSTILE: tuple[Any, ...] = (
    1, 0, 7.0, 1.5, 1.23456, 2**63 - 1, 2**63, True, "x", "10.0.0.1", "1.5", None, [], {}, {"a": 1},
    {"__extn": {"fn": "ip", "arg": "::1"}}, {"__entity": {"type": "E", "id": "a"}}, {"__expr": "1"},
    {"fn": "ip", "arg": "::1"}, {"type": "E", "id": "a"},
)  # fmt: skip
_CONDITIONS = {
    "Long": "{0} > 0",
    "String": '{0} like "x*"',
    "Bool": "{0}",
    "decimal": '{0}.greaterThan(decimal("1.2"))',
    "ipaddr": "{0}.isIpv4()",
    "datetime": '{0} > datetime("2023-01-01")',
    "duration": '{0} > duration("0ms")',
}


@dataclass(frozen=True)
class _Record:
    attributes: dict[str, tuple["_Type", bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Set:
    element: "_Type"


@dataclass(frozen=True)
class _Named:
    """A common type, or an entity type if `entity`."""

    name: str
    entity: bool = False


_Type: TypeAlias = str | _Record | _Set | _Named
_Commons: TypeAlias = dict[str, _Type]


class _UnfitError(ValueError):
    """A context that the schema does not describe."""


def differences(schemas: int, seed: int) -> tuple[list[str], int]:
    """Return the requests that are decided differently under so many schemas, and how many were decided."""
    source = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    found: list[str] = []
    decided = 0
    for _ in range(schemas):
        commons: _Commons = {"C1": _type(source, 1), "N::C2": _type(source, 1), "ipaddr2": "ipaddr"}
        names = [*map(_Named, commons), _Named("E", entity=True), _Named("N::F", entity=True)]
        context = _record(source, 3, names)
        schema = _in_text(commons, context) if source.random() < 0.5 else _in_json(source, commons, context)
        policies = _policies(source, list(_places(context, commons, "context")))
        try:
            evaluator = bind(compile_cedar(policies, schema=schema))
        except ManifestError:  # it requires an entity
            continue
        engine = _EngineAlone(policies, schema)
        for _ in range(_REQUESTS_PER_SCHEMA):
            given = _value(source, context, commons)
            if isinstance(given, dict):
                mine, wanted = _decision(evaluator, given), engine.decision(given, context, commons)
                decided += mine is not None
                if mine != wanted:
                    found.append(f"{schema}\n{policies}\n{given}\n{mine}, and not {wanted}")
    return found, decided


def _decision(evaluator: Evaluator, context: dict[str, Any]) -> str | None:
    try:
        answer = evaluator.evaluate(input_of({**context, "envelope": {"agent": {"id": "a"}}}))
    except EvaluationError:
        return None
    assert isinstance(answer.value, dict)
    return str(answer.value["decision"])


class _EngineAlone:
    """The engine with the schema, and nothing of this project in between."""

    def __init__(self, policies: str, schema: Any) -> None:
        text = isinstance(schema, str)
        self._schema = (
            cedarpy.Schema.from_str(schema) if text else cedarpy.Schema.from_json_str(json.dumps(schema))
        )
        self._policies = cedarpy.PolicySet.from_str(policies)
        self._entities = cedarpy.Entities.from_json_str("[]", self._schema)

    def decision(self, given: Any, context: _Type, commons: _Commons) -> str | None:
        request: dict[str, Any] = {
            "principal": {"type": "Agent", "id": "a"},
            "action": {"type": "Action", "id": "output"},
            "resource": {"type": "PolicyTarget", "id": "unspecified"},
        }
        try:
            request["context"] = _typed(given, context, commons) if not _is_forged(given) else None
        except _UnfitError:
            return None
        if request["context"] is None:
            return None
        answer = cedarpy.is_authorized(request, self._policies, self._entities, self._schema)
        if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
            return None
        return "allow" if answer.allowed else "deny"


def _type(source: random.Random, depth: int, names: list[_Named] | None = None) -> _Type:
    chance = source.random()
    if depth and chance < 0.3:
        return _record(source, depth - 1, names)
    if depth and chance < 0.42:
        return _Set(_type(source, depth - 1, names))
    return source.choice(names) if names and chance < 0.55 else source.choice(_SCALARS)


def _record(source: random.Random, depth: int, names: list[_Named] | None) -> _Record:
    listed = source.sample(_NAMES, source.randint(0, 4))
    return _Record({name: (_type(source, depth, names), source.random() < 0.6) for name in listed})


def _in_text(commons: _Commons, context: _Type) -> str:
    def written(kind: _Type) -> str:
        match kind:
            case _Record(attributes):
                members = (
                    f"{json.dumps(name)}{'' if required else '?'}: {written(inner)}"
                    for name, (inner, required) in attributes.items()
                )
                return f"{{{', '.join(members)}}}"
            case _Set(element):
                return f"Set<{written(element)}>"
            case _Named(name):
                return name
            case str(name):
                return f"__cedar::{name}"

    return (
        f"entity E, Agent, PolicyTarget; type C1 = {written(commons['C1'])}; type ipaddr2 = ipaddr;"
        f"namespace N {{ entity F; type C2 = {written(commons['N::C2'])}; }}"
        f"action output appliesTo {{ principal: Agent, resource: PolicyTarget, context: {written(context)} }};"
    )


def _in_json(source: random.Random, commons: _Commons, context: _Type) -> dict[str, Any]:
    def written(kind: _Type) -> dict[str, Any]:
        match kind:
            case _Record(attributes):
                members = {
                    name: {**written(inner), "required": required}
                    for name, (inner, required) in attributes.items()
                }
                return {"type": "Record", "attributes": members}
            case _Set(element):
                return {"type": "Set", "element": written(element)}
            case _Named(name, entity):
                exact = {"type": "Entity", "name": name} if entity else {"type": name}
                return source.choice((exact, {"type": "EntityOrCommon", "name": name}))
            case "Bool":
                return {"type": "Boolean"}
            case "Long" | "String":
                return source.choice(({"type": kind}, {"type": "EntityOrCommon", "name": kind}))
            case str(name):
                return source.choice(({"type": "Extension", "name": name}, {"type": name}))

    applies = {"principalTypes": ["Agent"], "resourceTypes": ["PolicyTarget"], "context": written(context)}
    return {
        "": {
            "commonTypes": {"C1": written(commons["C1"]), "ipaddr2": written("ipaddr")},
            "entityTypes": {"E": {}, "Agent": {}, "PolicyTarget": {}},
            "actions": {"output": {"appliesTo": applies}},
        },
        "N": {"commonTypes": {"C2": written(commons["N::C2"])}, "entityTypes": {"F": {}}, "actions": {}},
    }


def _places(kind: _Type, commons: _Commons, place: str) -> Iterator[str]:
    """Yield conditions on what a valid policy may read."""
    match kind:
        case _Record(attributes):
            yield f"{place} == {place}"
            for name, (inner, required) in attributes.items():
                if required:
                    yield from _places(inner, commons, f"{place}[{json.dumps(name)}]")
                else:
                    yield f"{place} has {json.dumps(name)}"
        case _Set():
            yield f"{place}.isEmpty()"
        case _Named(name, entity) if not entity:
            yield from _places(commons[name], commons, place)
        case str(name):
            yield _CONDITIONS[name].format(place)


def _policies(source: random.Random, conditions: list[str]) -> str:
    return "\n".join(
        f"{source.choice(('permit', 'permit', 'forbid'))}(principal, action, resource)"
        f" when {{ {source.choice(conditions)} }};"
        for _ in range(source.randint(1, 3))
    )


def _value(source: random.Random, kind: _Type, commons: _Commons) -> Any:
    """Return a value of a type, or one near it."""
    if source.random() < 0.03:
        return source.choice(_HOSTILE)
    match kind:
        case _Record(attributes):
            members = {
                name: _value(source, inner, commons)
                for name, (inner, required) in attributes.items()
                if source.random() < (0.97 if required else 0.6)
            }
            return {**members, "other": source.choice(_HOSTILE)} if source.random() < 0.1 else members
        case _Set(element):
            return [_value(source, element, commons) for _ in range(source.randint(0, 2))]
        case _Named(name, entity):
            return source.choice(_HOSTILE) if entity else _value(source, commons[name], commons)
        case "Long":
            return source.choice((1, -3, 7.0, 2**63 - 1, -(2**63)) if source.random() < 0.9 else (7.5, 2**63))
        case "String":
            return source.choice(("x", "10.0.0.1", ""))
        case "Bool":
            return source.random() < 0.5
        case "decimal" if source.random() < 0.3:
            return source.choice((1, 1.5, 2.25, -0.0, 100, 100.00005))
        case str(name):
            texts = _TEXTS[name]
            return source.choice(texts if source.random() < 0.1 else texts[:-1])


def _is_forged(value: Any) -> bool:
    if isinstance(value, dict):
        return not ESCAPES.isdisjoint(value) or any(map(_is_forged, value.values()))
    return isinstance(value, list) and any(map(_is_forged, value))


def _typed(value: Any, kind: _Type, commons: _Commons) -> Any:
    """Return what is declared of a value, extension values as such. Raises `_UnfitError`."""
    match kind:
        case _Record(attributes):
            if not isinstance(value, dict):
                raise _UnfitError
            return {
                name: _typed(value[name], inner, commons)
                for name, (inner, _) in attributes.items()
                if value.get(name) is not None
            }
        case _Set(element):
            if not isinstance(value, list):
                raise _UnfitError
            return [_typed(item, element, commons) for item in value]
        case _Named(name, entity):
            if entity:
                raise _UnfitError
            return _typed(value, commons[name], commons)
        case "Long" if isinstance(value, float) and value.is_integer():
            return int(value)
        case "decimal" if isinstance(value, int | float) and not isinstance(value, bool):
            return {"__extn": {"fn": "decimal", "arg": _decimal(value)}}
        case str(name) if name in _TEXTS:
            if not isinstance(value, str):
                raise _UnfitError
            return {
                "__extn": {"fn": {"ipaddr": "ip"}.get(name, name), "arg": _ENGINE_TEXTS.get(value, value)}
            }
        case _:
            return value


def _decimal(value: float) -> str:
    text = f"{Decimal(repr(value)):f}"
    return text if "." in text else f"{text}.0"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemas", type=int, default=2_500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    different, count = differences(options.schemas, options.seed)
    for one in different[:10]:
        sys.stdout.write(f"{one}\n")
    sys.stdout.write(f"{options.schemas} schemas, {count} decisions, {len(different)} differences\n")
    raise SystemExit(bool(different))
