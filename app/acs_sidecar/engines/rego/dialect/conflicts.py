"""Rules of one name that OPA refuses together, where this engine takes one of them or part of each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.syntax import (
    as_list,
    as_position,
    chain,
    first_link,
    names_of,
    variant,
)
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.documents import Segments, dotted
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["RuleHead", "ambiguous_keys", "conflicting_rules", "rule_heads", "set_rules"]

_SET, _OBJECT, _VALUE = "a set", "an object", "one value"

_CONSTANT_KEYS = frozenset({"Bool", "Null", "Number", "RawString", "String"})


class RuleHead(NamedTuple):
    """The path of a rule, what is there, and whether it is a `default` or adds elements."""

    path: Segments
    kind: str
    default: bool
    adds: bool
    at: SourceLocation


@dataclass(slots=True)
class _Same:
    """The rules of one path, each kind with its first place."""

    kinds: dict[str, SourceLocation] = field(default_factory=dict)
    default: RuleHead | None = None


def rule_heads(modules: Iterable[tuple[JsonObject, ModuleFacts]]) -> list[RuleHead]:
    """Return the head of each rule."""
    return [_head(node, facts) for ast, facts in modules for node in as_list(ast["rules"])]


def conflicting_rules(heads: Iterable[RuleHead]) -> Iterator[Diagnostic]:
    """Find rules that disagree about what their name is, and second `default`s."""
    rules: dict[Segments, _Same] = {}
    for head in heads:
        yield from _add(head, rules)
    for path, same in rules.items():
        yield from _disagreeing(path, same)
        yield from _below_a_value(path, same, rules)
        yield from _empty_beside_variable_names(path, same, rules)


def set_rules(heads: Iterable[RuleHead]) -> set[Segments]:
    """Return the paths of the rules that are sets, or objects of sets."""
    return {head.path for head in heads if head.adds}


def _add(head: RuleHead, rules: dict[Segments, _Same]) -> Iterator[Diagnostic]:
    same = rules.setdefault(head.path, _Same())
    if not head.default:
        same.kinds.setdefault(head.kind, head.at)
    elif same.default:
        message = f"`{dotted(head.path)}` has a second `default`: keep one"
        yield finding("rego-default-twice", message, head.at)
    else:
        same.default = head


def _disagreeing(path: Segments, same: _Same) -> Iterator[Diagnostic]:
    kinds = list(same.kinds)
    if len(kinds) > 1:
        message = f"`{dotted(path)}` is {kinds[0]} in one rule and {kinds[1]} in this one: rename one of them"
        yield finding("rego-rule-conflict", message, same.kinds[kinds[1]])
    if same.default and kinds and same.default.kind not in kinds:
        message = f"`{dotted(path)}` is {kinds[0]}, which takes no such `default`: remove it"
        yield finding("rego-rule-conflict", message, same.default.at)


def _below_a_value(path: Segments, same: _Same, rules: dict[Segments, _Same]) -> Iterator[Diagnostic]:
    for length in range(1, len(path)):
        above = rules.get(path[:length])
        kind = next((kind for kind in (above.kinds if above else ()) if kind != _OBJECT), None)
        if kind:
            at = next(iter(same.kinds.values()), same.default.at if same.default else None)
            message = (
                f"`{dotted(path)}` is below `{dotted(path[:length])}`, which is {kind}: rename one of them"
            )
            if at:
                yield finding("rego-rule-conflict", message, at)


def _empty_beside_variable_names(
    path: Segments, same: _Same, rules: dict[Segments, _Same]
) -> Iterator[Diagnostic]:
    """Find sets, objects and defaults that OPA leaves out, as a head beside them has a variable there."""
    for length in range(1, len(path)):
        above = rules.get(path[:length])
        kinds = {_SET, _OBJECT}.intersection(same.kinds)
        if above and _OBJECT in above.kinds and (kinds or same.default or len(path) > length + 1):
            name, parent = path[length], dotted(path[:length])
            message = (
                f"OPA leaves `{dotted(path)}` out where no body holds, as a rule for `{parent}` has a "
                f'variable in the place of `{name}`: write one here too (`name := "{name}"` in the body)'
            )
            at = next(iter(same.kinds.values()), same.default.at if same.default else None)
            if at:
                yield finding("rego-rule-conflict", message, at)


def _head(node: Json, facts: ModuleFacts) -> RuleHead:
    kind, rule = variant(node)
    shape, head = ("Compr", rule) if kind == "Default" else variant(rule["head"])
    links = chain(head["refr"])
    root = links[0][1]
    names, whole = names_of(links)
    path = (*facts.package, str(root["value"]), *names)
    line, column = as_position(root["span"])
    arguments = as_list(head.get("args") or [])
    if not whole:
        said = _OBJECT
    elif arguments or shape == "Func":
        said = f"a function of {len(arguments)} arguments"
    else:
        said = _SET if shape == "Set" else _VALUE
    at = facts.at._replace(line=line, column=column)
    return RuleHead(path, said, kind == "Default", shape == "Set", at)


def ambiguous_keys(node: JsonObject, *, taken_apart: bool) -> Iterator[Problem]:
    """Find keys of an object of which, where they are equal, OPA takes another value than this engine.

    `taken_apart` tells that the object is written where its elements are taken.
    """
    keys = [as_list(item)[1] for item in as_list(node["fields"])]
    computed = [at for at, key in enumerate(keys) if variant(key)[0] not in _CONSTANT_KEYS]
    if computed and len(keys) > 1 and (taken_apart or computed != [len(keys) - 1]):
        message = (
            "where keys of an object are equal, OPA takes the value of another one: "
            "write one key that is not constant, behind the constant ones, or use `object.union`"
        )
        kind, first = variant(first_link(keys[computed[0]]))
        _, place = variant(first_link(first["fcn"])) if kind == "Call" else (kind, first)
        yield Problem("rego-object-keys", message, *as_position(place["span"]))
