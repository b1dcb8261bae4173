"""Forward chaining over the expressions of one body: which variables become safe (OPA's safety rule).

An expression is complete once all of its variables are safe, and only then do others gain from what
it binds. Time is linear in the number of variables and clauses.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from acs_sidecar.engines.rego.dialect.scopes import Variable

__all__ = ["Clause", "Unit", "infer"]

Clause = tuple[frozenset[str], frozenset[str]]
"""Variables which, once safe, make others safe in the same expression."""


@dataclass(slots=True)
class Unit:
    """One expression: the variables that it needs, and how it binds some of them.

    `captured` are those that its comprehensions use; the expression itself cannot bind them for these.
    """

    needs: dict[str, Variable] = field(default_factory=dict)
    clauses: list[Clause] = field(default_factory=list)
    captured: dict[str, Variable] = field(default_factory=dict)
    within: set[str] = field(default_factory=set)
    """Those of the variables that it has no need of before calls in it, which are expressions before it."""
    results: set[str] = field(default_factory=set)
    """What these calls yield."""
    calls: list["Unit"] = field(default_factory=list)
    """These calls."""
    indexes: list[int] = field(default_factory=list)
    """Which of the clauses are those of variables that are indexes."""
    early: set[str] = field(default_factory=set)
    """The variables that other expressions made safe before this one was complete."""
    first: set[str] = field(default_factory=set)
    """Those of them that expressions before it in the text made safe."""
    unbound: set[str] = field(default_factory=set)
    """The variables that it would bind, and does not."""

    def bind_nothing(self) -> None:
        """Drop the clauses: the expression needs its variables and binds none."""
        self.unbound.update(*(conclusions for _, conclusions in self.clauses))
        self.clauses.clear()
        self.indexes.clear()

    def requires(self, name: str) -> bool:
        """Whether the expression is not complete before a variable or result is known."""
        return name in self.results or (name in self.needs and name not in self.within)

    def bound(self) -> set[str]:
        """Return the variables that it binds, or a call in it."""
        own = self.needs.keys() - self.early
        return own.union(*(call.bound() for call in self.calls))

    def need(self, variable: Variable) -> None:
        """Need a variable that stands in the expression itself."""
        self.needs[variable.key] = variable
        self.within.discard(variable.key)

    def use(self, nested: "Unit", result: str, *, is_nested: bool) -> frozenset[str]:
        """Need the result of an expression in this one, named by a new key. Returns what that binds.

        A statement also needs the variables of what is nested in it: the engine evaluates it as a whole.
        """
        if is_nested:
            self.within |= nested.needs.keys() - self.needs.keys()
        self.needs.update(nested.needs)
        self.captured.update(nested.captured)
        self.calls.append(nested)
        self.results.add(result)
        nested.results.add(result)
        bound = frozenset({result})
        nested.clauses.append((frozenset(), bound))
        return bound


@dataclass(slots=True)
class _Progress:
    derived: set[str] = field(default_factory=set)
    missing: int = 0
    waiting: dict[str, list[int]] = field(default_factory=dict)
    open_premises: list[int] = field(default_factory=list)


def infer(units: Sequence[Unit], known: Iterable[str]) -> set[str]:
    """Return the keys of the variables that are safe in a body; `known` ones are from the start."""
    return _Inference(units, known).run()


class _Inference:
    def __init__(self, units: Sequence[Unit], known: Iterable[str]) -> None:
        self._units = units
        self._safe = set(known)
        self._progress = [_Progress() for _ in units]
        self._users: dict[str, list[int]] = {}

    def run(self) -> set[str]:
        arrived = deque[str]()
        for at, unit in enumerate(self._units):
            self._start(at, unit)
            self._spread(at, arrived)
            while arrived:
                variable = arrived.popleft()
                for user in self._users.pop(variable, ()):
                    used = self._units[user]
                    if self._progress[user].missing > 0 and variable not in used.results:
                        used.early.add(variable)
                    if variable in used.captured:
                        self._progress[user].missing -= 1
                    self._derive(user, [variable])
                    self._spread(user, arrived)
        return self._safe

    def _start(self, at: int, unit: Unit) -> None:
        progress = self._progress[at]
        progress.missing = len(unit.needs) - len(unit.within) + len(unit.results)
        progress.missing += sum(name not in self._safe for name in unit.captured)
        begun: list[str] = []
        for name in (*{**unit.needs, **unit.captured}, *unit.results):
            if name in self._safe:
                begun.append(name)
                if name not in unit.results:
                    unit.early.add(name)
                    unit.first.add(name)
            else:
                self._users.setdefault(name, []).append(at)
        for number, (premises, conclusions) in enumerate(unit.clauses):
            progress.open_premises.append(len(premises))
            for name in premises:
                progress.waiting.setdefault(name, []).append(number)
            if not premises:
                begun.extend(conclusions)
        self._derive(at, begun)

    def _derive(self, at: int, names: list[str]) -> None:
        progress, unit = self._progress[at], self._units[at]
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in progress.derived:
                continue
            progress.derived.add(name)
            progress.missing -= unit.requires(name)
            for number in progress.waiting.pop(name, ()):
                progress.open_premises[number] -= 1
                if not progress.open_premises[number]:
                    pending.extend(unit.clauses[number][1])

    def _spread(self, at: int, arrived: deque[str]) -> None:
        """Make what a complete expression binds safe for all others."""
        if self._progress[at].missing == 0:
            self._progress[at].missing = -1
            for name in (*self._units[at].needs, *self._units[at].results):
                if name not in self._safe and self._units[at].requires(name):
                    self._safe.add(name)
                    arrived.append(name)
