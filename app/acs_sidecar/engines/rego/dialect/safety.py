"""OPA's safety rule: every variable of a rule gets its value from somewhere else than `not` alone.

This engine takes a variable that only `not` uses for "some value", so that a deny rule holds as soon
as one element differs; OPA refuses such a rule, and so does this.
"""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, variables, variant, varying_indexes
from acs_sidecar.engines.rego.dialect.bodies.model import Body, Names, PatternPart
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.inference import infer
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import Variable, VariableScope
from acs_sidecar.engines.rego.dialect.statements.indexes import settle_indexes
from acs_sidecar.spec.values import JsonObject

__all__ = ["Unsafe", "rule_bodies", "unsafe_problem", "unsafe_variables"]


def rule_bodies(rule: JsonObject, reader: BodyReader, documents: Set[str]) -> Iterator[Body]:
    """Read each body of a rule, with the parts of the head that it determines."""
    _, head = variant(rule["head"])
    arguments = as_list(head.get("args") or [])
    outer = VariableScope(documents, {}).inside(set(variables(arguments)), reader.label())
    for place, argument in enumerate(arguments):
        reader.parameters.append((head["refr"], place, argument, outer))
    shared = [head.get("key"), *varying_indexes(head["refr"])]
    assigned = head.get("assign")
    bodies = [as_object(body) for body in as_list(rule["bodies"])]
    for body in bodies or [{"query": None, "assign": None}]:
        given = body["assign"] or assigned
        value = as_object(given)["value"] if given else None
        terms = [*shared, value]
        read = reader.read(body["query"], [term for term in terms if term is not None], Body(outer))
        read.given.update(outer.own.values())
        if value is not None and not shared[1:]:
            reader.values.append((head["refr"], value, read.scope))
        members = [(term, PatternPart.KEY) for term in shared] + (
            [(value, PatternPart.VALUE)] if shared[1:] else []
        )
        reader.members.extend(
            (head["refr"], term, read.scope, part) for term, part in members if term is not None
        )
        if head.get("key") is not None and shared[1:]:
            reader.set_members.append(head["refr"])
        yield read


class Unsafe(NamedTuple):
    """A variable that nothing makes safe, or that has the name of one that a body declares further down."""

    variable: Variable
    declared_below: bool


def unsafe_problem(found: Unsafe) -> Problem:
    """Describe a variable that nothing makes safe."""
    variable = found.variable
    if found.declared_below:
        message = (
            f"`{variable.name}` is declared further down in this body: "
            "write the declaration above, or give one of the two another name"
        )
    elif variable.name == "_":
        message = (
            "`_` gets no value where only `not` looks for one: name what must not exist in a rule of its own "
            "and write `not` before its name, or use `every`"
        )
    else:
        message = (
            f"`{variable.name}` has no value: "
            "no rule, import or statement outside of a `not` has this name or binds it"
        )
    return Problem("rego-variable-unsafe", message, variable.line, variable.column)


def unsafe_variables(body: Body) -> Iterator[Unsafe]:
    """Yield the variables of a body, and of the bodies in it, that are not safe here.

    One whose name is declared further down is another one to OPA, and the same one to this engine.
    """
    pending: list[tuple[Body, Sequence[Set[str]]]] = [(body, ())]
    while pending:
        body, around = pending.pop()
        own = body.variables()
        frames = [*around, body.given]
        pending.extend((inner, [*frames, own.keys()]) for inner in body.inner)
        if not own and not any(unit.captured for unit in body.units):
            continue
        for unit in body.units:
            unit.captured = {
                key: found for key, found in unit.captured.items() if key in own or _among(key, frames)
            }
        known = _known(own, body, frames)
        safe = infer(body.units, known)
        for key, found in own.items():
            declared_below = key == found.name and body.scope.declares(key)
            if key not in safe or (declared_below and key not in body.scope.own):
                yield Unsafe(found, declared_below)
        if own.keys() <= safe:
            settle_indexes(body, known)


def _known(own: Names, body: Body, frames: Sequence[Set[str]]) -> set[str]:
    captured = (key for unit in body.units for key in unit.captured)
    return {key for key in (*own, *captured) if _among(key, frames)}


def _among(key: str, frames: Sequence[Set[str]]) -> bool:
    return any(key in frame for frame in frames)
