"""The rules that a request can meet, found by the values of a few paths of its input.

OPA indexes rules by the comparisons of their bodies in the same way. Rules that demand nothing are in
every part, and so is the first of each path: the name exists, and is what it was, where no rule holds.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.syntax import as_list
from acs_sidecar.engines.rego.dialect.meaning import Parsed, Rewritten
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.index.demands import Constant, Demands, demands_of
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["DemandIndex", "Indexing", "PolicyPart", "index_rules"]

_MAX_PATHS = 4
_ROOM_PER_RULE = 128
_CHOICE = 16
"""Room to remember combinations of values, in positions of rules, for each rule; and what one counts for."""
_OTHER = 0
"""The class of the values that no rule demands."""

_Classes = tuple[int, ...]
"""The class of the value at each indexed path."""


@dataclass(frozen=True, slots=True)
class Indexing:
    """When rules are indexed: how many must demand something, and the largest share of them in a part.

    A part costs its compilation when it is first met, which takes the time in which the engine evaluates
    about ten times as many rules.
    """

    min_rules: int = 16
    max_share: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class PolicyPart:
    """Some rules of a policy, by their positions in all of it."""

    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _IndexedPath:
    """A path below `input`, and the class of each constant that rules demand there."""

    segments: Segments
    classes: Mapping[Constant, int]

    def class_in(self, value: Json) -> int:
        """Return the class of what an input has at the path."""
        for name in self.segments:
            if not isinstance(value, dict) or name not in value:
                return _OTHER
            value = value[name]
        if value is None or isinstance(value, str | bool):
            return self.classes.get(value, _OTHER)
        return _OTHER


class _Candidate(NamedTuple):
    """A rule that needs one of some classes at each of some paths, by their numbers."""

    position: int
    needs: Mapping[int, frozenset[int]]

    def fits(self, classes: _Classes) -> bool:
        """True if the body may hold for values of these classes."""
        return all(classes[path] in wanted for path, wanted in self.needs.items())


def index_rules(
    parsed: Sequence[Parsed], rewritten: Sequence[Rewritten], indexing: Indexing
) -> "DemandIndex | None":
    """Index the rules of a policy, if enough of them demand something of the input."""
    facts = [found for _, _, found in parsed]
    if any(_replaces_input(module) for module in facts):
        return None
    demands = [found for _, ast, module in parsed for found in _demands(as_list(ast["rules"]), module)]
    if sum(map(bool, demands)) < max(indexing.min_rules, 1):
        return None
    return DemandIndex(rewritten, demands, indexing.max_share)


def _replaces_input(module: ModuleFacts) -> bool:
    """True if a `with` of the module gives the input or a part of it another value."""
    targets = (found.root for rule in module.rules for found in rule.replaced)
    return any(module.imports.get(root, (root,))[0] == "input" for root in targets)


def _demands(nodes: Sequence[Json], module: ModuleFacts) -> Iterator[Demands]:
    """Yield what each rule of a module demands, but for the first of each path."""
    seen: set[Segments] = set()
    for node, rule in zip(nodes, module.rules, strict=True):
        yield demands_of(node, rule, module) if rule.path in seen else {}
        seen.add(rule.path)


class DemandIndex:
    """The rules of a policy by what they demand."""

    def __init__(self, modules: Sequence[Rewritten], demands: Sequence[Demands], max_share: float) -> None:
        self._modules = modules
        self._starts = list(accumulate((len(module.rules) for module in modules), initial=0))
        self.size = len(demands)
        self._most = int(self.size * max_share)
        self._paths = _most_demanded(demands)
        self._always: list[int] = []
        self._candidates: dict[tuple[int, int], list[_Candidate]] = {}
        self._choices: dict[_Classes, PolicyPart | None] = {}
        self._parts: dict[tuple[int, ...], PolicyPart] = {}
        self._remembered = 0
        for position, demanded in enumerate(demands):
            self._add(position, demanded)

    def part_for(self, given: JsonObject) -> PolicyPart | None:
        """Return the rules that an input can meet; nothing where these are too many to be set apart."""
        value = given if isinstance(given, dict) else dict(given)
        classes = tuple([path.class_in(value) for path in self._paths])
        try:
            return self._choices[classes]
        except KeyError:
            return self._chosen(classes)

    def modules_of(self, part: PolicyPart) -> list[Module]:
        """Return the modules of the policy with the rules of a part."""
        texts = [[module.above] for module in self._modules]
        place = 0
        for position in part.positions:
            while position >= self._starts[place + 1]:
                place += 1
            texts[place].append(self._modules[place].rules[position - self._starts[place]])
        return [
            replace(module.module, text="".join([*text, module.below]))
            for module, text in zip(self._modules, texts, strict=True)
        ]

    def _add(self, position: int, demanded: Demands) -> None:
        """File a rule below the classes that it needs at the path with most classes."""
        needs = {
            number: frozenset(path.classes[constant] for constant in demanded[path.segments])
            for number, path in enumerate(self._paths)
            if path.segments in demanded
        }
        if not needs:
            self._always.append(position)
            return
        candidate = _Candidate(position, needs)
        narrowest = max(needs, key=lambda number: len(self._paths[number].classes))
        for wanted in needs[narrowest]:
            self._candidates.setdefault((narrowest, wanted), []).append(candidate)

    def _chosen(self, classes: _Classes) -> PolicyPart | None:
        """Choose the rules for a combination of classes, and remember them."""
        positions = tuple(sorted([*self._always, *self._fitting(classes)]))
        part = None
        if len(positions) <= self._most:
            part = self._parts.setdefault(positions, PolicyPart(positions))
        size = _CHOICE + (len(positions) if part else 0)
        self._remembered += size
        if self._remembered > _ROOM_PER_RULE * self.size:
            self._choices.clear()
            self._parts.clear()
            self._remembered = size
        self._choices[classes] = part
        return part

    def _fitting(self, classes: _Classes) -> Iterator[int]:
        for place in enumerate(classes):
            yield from (rule.position for rule in self._candidates.get(place, ()) if rule.fits(classes))


def _most_demanded(demands: Sequence[Demands]) -> list[_IndexedPath]:
    """Return the paths of which most rules demand something, with the constants of each."""
    counted = Counter(path for demanded in demands for path in demanded)
    paths = [path for path, _ in counted.most_common(_MAX_PATHS)]
    constants: dict[Segments, dict[Constant, int]] = {path: {} for path in paths}
    for demanded in demands:
        for path in constants.keys() & demanded.keys():
            for constant in demanded[path]:
                constants[path].setdefault(constant, len(constants[path]) + 1)
    return [_IndexedPath(path, constants[path]) for path in paths]
