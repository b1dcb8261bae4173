"""What policies read of the context, so that the engine gets that and no more.

The engine's time goes into building the context, member by member. A policy that names the
attributes it reads cannot tell a context that has only those from one that has all. Whatever is
not plainly such a path (`context` as a value, an operator that is not known here) reads everything.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from acs_sidecar.spec.values import Json

__all__ = ["Reads", "has_in_on_texts", "reads_of"]

_OPERANDS = frozenset({"left", "right", "arg", "if", "then", "else", "in"})
_TEXTS = frozenset({"attr", "pattern", "entity_type"})


@dataclass(slots=True)
class Reads:
    """What is read of one value: the whole of it, or only these members if it has them."""

    whole: bool = False
    members: dict[str, "Reads"] = field(default_factory=dict)

    def at(self, name: str) -> "Reads":
        """Return the reads below a member."""
        return WHOLE if self.whole else self.members.get(name, NOTHING)

    def add(self, path: Iterable[str]) -> "Reads":
        """Note that the members on `path` are looked for, and give the last."""
        reads = self
        for name in path:
            reads = reads.members.setdefault(name, Reads())
        return reads


WHOLE = Reads(whole=True)
NOTHING = Reads()


def reads_of(expressions: Iterable[Json], reads: Reads | None = None) -> Reads:
    """Collect what expressions (in the engine's JSON form of policies) read of `context`, into `reads`."""
    reads = Reads() if reads is None else reads
    waiting = list(expressions)
    while waiting:
        expression = waiting.pop()
        path = _context_path(expression)
        if path is not None:
            reads.add(path).whole = True
            continue
        tested = _tested_path(expression)
        if tested is not None:
            reads.add(tested)
            continue
        inner = _inner(expression)
        if inner is None:
            reads.whole = True
        else:
            waiting.extend(inner)
    return reads


def has_in_on_texts(expression: Json) -> bool:
    """True if an expression applies `in`, which is for entities, to a string or a list of strings."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if any(_holds_text(group) for group in _groups_asked(part)):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _groups_asked(expression: dict[str, Json]) -> Iterator[Json]:
    """Yield what stands behind `in`, in an expression and in `is … in`.

    No operator is called `right` or `entity_type`, so a record with members `in` or `is` is none of them.
    """
    match expression:
        case {"in": {"right": group}}:
            yield group
    match expression:
        case {"is": {"entity_type": _, "in": group}}:
            yield group


def _holds_text(expression: Json) -> bool:
    if not isinstance(expression, dict):
        return False
    items = expression.get("Set", [expression])
    return isinstance(items, list) and any(
        isinstance(item, dict) and isinstance(item.get("Value"), str) for item in items
    )


def _context_path(expression: Json) -> list[str] | None:
    """Return the attributes of `context.a.b`, none for `context` itself."""
    names: list[str] = []
    while isinstance(expression, dict) and len(expression) == 1:
        if expression == {"Var": "context"}:
            return names[::-1]
        access = expression.get(".")
        if not isinstance(access, dict) or not isinstance(name := access.get("attr"), str):
            return None
        names.append(name)
        expression = access.get("left")
    return None


def _tested_path(expression: Json) -> list[str] | None:
    """Return `a`, `b` for `context.a has b`, which asks for no value."""
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    test = expression.get("has")
    if not isinstance(test, dict) or not isinstance(name := test.get("attr"), str):
        return None
    path = _context_path(test.get("left"))
    return None if path is None else [*path, name]


def _inner(expression: Json) -> list[Json] | None:
    """Return the operands of an expression; `None` for one that is not known here."""
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    ((operator, body),) = expression.items()
    if operator in {"Value", "Var", "Slot"}:
        return []
    if operator == "Record" and isinstance(body, dict):
        return list(body.values())
    if isinstance(body, list):
        return body
    if isinstance(body, dict) and body.keys() <= _OPERANDS | _TEXTS:
        return [operand for name, operand in body.items() if name in _OPERANDS]
    return None
