"""`<`, `<=`, `>` and `>=` between what may be a set and what may be an object, and arrays made of both.

OPA orders objects before sets, this engine after them. Values are followed from where they are written
through variables, rules, functions and their arguments: in time linear in the policy.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import InitVar, dataclass, field

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.syntax import (
    as_list,
    as_position,
    called_name,
    composite_items,
    text_fields,
    variant,
    varying_indexes,
)
from acs_sidecar.engines.rego.dialect.bodies.model import PatternPart
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.engines.rego.dialect.sets.origins import (
    A_SET,
    AN_OBJECT,
    AN_UNSORTED_SET,
    INPUT,
    SCALAR,
    ModuleOrigins,
    Origin,
    Origins,
    RuleNames,
    origins_at,
)
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json

__all__ = ["SetFlow"]

_UNSORTED = (
    "OPA iterates over a set of several values that are not constants in another order, and over equal ones "
    "twice: make one of an array, `{x | some x in [… ]}`, or iterate over that"
)


@dataclass(slots=True)
class SetFlow:
    """Where the values of a policy come from; modules are added one by one, and then asked about."""

    set_rules: InitVar[Iterable[Segments]] = ()
    documents: InitVar[Iterable[Segments]] = ()
    rules: Set[Segments] = frozenset()
    _followed_by: dict[Origin, list[Origin]] = field(default_factory=dict)
    _sourced: set[Origin] = field(default_factory=set)
    _modules: list["ModuleOrigins"] = field(default_factory=list)
    _fields: dict[tuple[Segments, str], None] = field(default_factory=dict)
    _values: dict[Segments | None, list[tuple["ModuleOrigins", Json, VariableScope] | None]] = field(
        default_factory=dict
    )
    """What each rule is, by its path; None for what is not one term."""

    def __post_init__(self, set_rules: Iterable[Segments], documents: Iterable[Segments]) -> None:
        """Note the rules that add elements to a set, and the documents that hold other ones."""
        for path in set_rules:
            self._flow(Origins([A_SET]), ("rule", path))
        for path in documents:
            if path:
                inner = origins_at(("rule", path))
                self._flow(Origins([AN_OBJECT], inner.all(), (), inner.elements), ("rule", path[:-1]))

    def add(self, reader: BodyReader, rule: RuleNames, at: SourceLocation) -> None:
        """Note what a module's rules assign, pass and return."""
        module = ModuleOrigins(reader, rule, at, self.rules, self._fields)
        self._modules.append(module)
        for pattern, term, scope, part in reader.bindings:
            self._bind(module, pattern, scope, module.origins(term, scope).part(part))
        for name, term, scope in reader.values:
            path, _ = module.named(name)
            self._flow(module.origins(term, scope), ("rule", path))
            self._values.setdefault(path, []).append((module, term, scope))
        for name, term, scope, part in reader.members:
            member = module.origins(term, scope)
            found = member.all()
            is_in_a_set = part is PatternPart.KEY and not varying_indexes(name)
            own = [] if is_in_a_set else [AN_OBJECT]
            inner = found if is_in_a_set or part is PatternPart.VALUE else []
            path, _ = module.named(name)
            is_key = part is PatternPart.KEY
            keys, elements = (found, member.own) if is_key else ([], [])
            self._flow(Origins(own, inner, keys, [*elements, *member.elements]), ("rule", path))
            self._values.setdefault(path, []).append(None)
        for name in reader.set_members:
            self._flow(Origins([], [A_SET]), ("rule", module.named(name)[0]))
        for call, scope in reader.calls:
            if path := rule(called_name(call["fcn"])):
                for place, argument in enumerate(as_list(call["params"])):
                    self._flow(module.origins(argument, scope), ("argument", path, place))
        for name, place, pattern, scope in reader.parameters:
            self._bind(module, pattern, scope, origins_at(("argument", rule(called_name(name)), place)))
        for value, scope in reader.replacements:
            given = module.origins(value, scope)
            self._flow(Origins(given.all(), given.all(), (), given.elements), INPUT)

    def problems(self) -> Iterator[tuple[SourceLocation, Problem]]:
        """Find the comparisons, each with the place of its module, that the two may order differently."""
        for path, name in self._fields:
            self._flow_field(path, name)
        known = self._sourced | {A_SET, AN_UNSORTED_SET}
        unknown = [node for node in self._followed_by if node not in known]
        holding_sets, holding_objects = self._reached([A_SET]), self._reached([*unknown, INPUT])

        def may_be_set(side: list[Origin]) -> bool:
            return not holding_sets.isdisjoint(side)

        def may_be_object(side: list[Origin]) -> bool:
            return any(node in holding_objects or node not in known for node in side)

        unsorted = self._reached([AN_UNSORTED_SET])
        for module in self._modules:
            for own, span in module.listed():
                if not unsorted.isdisjoint(own):
                    yield module.at, Problem("rego-set-order", _UNSORTED, *as_position(span))
            for ordered in module.ordered():
                sets = [at for at, side in enumerate(ordered.sides) if may_be_set(side)]
                objects = [at for at, side in enumerate(ordered.sides) if may_be_object(side)]
                if any(one != other for one in sets for other in objects):
                    yield module.at, Problem("rego-set-order", ordered.message, *as_position(ordered.span))

    def _flow_field(self, path: Segments, name: str) -> None:
        """Note what a member of a rule may be: that of its name where an object is written out."""
        for value in self._values.get(path, [None]):
            found = origins_at(("rule", path)).part(PatternPart.VALUE)
            if value is not None:
                module, term, scope = value
                fields = text_fields(term)
                if fields is not None:
                    found = module.origins(fields[name], scope) if name in fields else SCALAR
            self._flow(found, ("field", path, name))

    def _bind(self, module: "ModuleOrigins", pattern: Json, scope: VariableScope, found: Origins) -> None:
        """Note what the variables of a pattern may be where it is equated with something."""
        kind, value = variant(pattern)
        if kind == "Var" and (variable := scope.variable(value)):
            self._flow(found, module.variable(variable.key))
        for part in composite_items(kind, value):
            self._bind(module, part, scope, found.part(PatternPart.VALUE))

    def _flow(self, found: Origins, target: Origin) -> None:
        for origins, (node,) in zip(found, origins_at(target), strict=True):
            self._sourced.add(node)
            for origin in origins:
                self._followed_by.setdefault(origin, []).append(node)

    def _reached(self, pending: list[Origin]) -> set[Origin]:
        reached: set[Origin] = set()
        while pending:
            node = pending.pop()
            if node not in reached:
                reached.add(node)
                pending.extend(self._followed_by.get(node, ()))
        return reached
