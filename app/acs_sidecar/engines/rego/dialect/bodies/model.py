"""The bodies of a rule: their statements, the expressions that are left of these, and the bodies in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from acs_sidecar.engines.rego.dialect.inference import Unit
from acs_sidecar.engines.rego.dialect.scopes import Variable, VariableScope
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Body", "Names", "PatternPart", "Statement"]

Names = dict[str, Variable]
"""Variables by their key."""


class PatternPart(Enum):
    """What a pattern is of a value: all of it, a key or an element of a set, or a value in it."""

    WHOLE = auto()
    KEY = auto()
    VALUE = auto()


class Statement(NamedTuple):
    """A statement as written, the scope that it stands in, and the expression that is left of it."""

    node: JsonObject
    scope: VariableScope
    unit: Unit
    bare: bool
    """Whether it is all of a rule's body, without braces."""


@dataclass(slots=True)
class Body:
    """The expressions of a body, and the bodies in it."""

    scope: VariableScope
    comprehension: dict[str, Json] = field(default_factory=dict)
    """The comprehension that it belongs to; the solutions of that of an array become elements in order."""
    given: set[str] = field(default_factory=set)
    units: list[Unit] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    inner: list["Body"] = field(default_factory=list)
    declarations: list[JsonObject] = field(default_factory=list)
    """The `some x` behind the first statement."""
    terms: list[tuple[Json, Unit]] = field(default_factory=list)
    """What the head or comprehension makes of it."""
    has_index: bool = False
    """Whether one of its variables is an index."""

    def with_inner(self) -> Iterator["Body"]:
        """Yield this body and those in it."""
        yield self
        for inner in self.inner:
            yield from inner.with_inner()

    def variables(self) -> Names:
        """Return the variables of its expressions, those of the bodies in it aside."""
        return {key: found for unit in self.units for key, found in unit.needs.items()}
