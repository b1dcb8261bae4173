"""What the toolkit makes of a condition's text, as a tree (section 7.9).

It splits the text at ` or `, then at ` and `, wherever these stand, and reads the front of each piece as one
of four tests. A piece that begins like none of them never holds.
"""

import re

from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    And,
    Condition,
    Constant,
    Name,
    Operator,
    Or,
    Test,
    Truth,
)

__all__ = ["NEVER", "is_never", "toolkit_reading"]

NEVER = Constant(False)
_MAX_CHARACTERS = 2_000
_FIELD = r"(?P<field>\w+(?:\.\w+)*)"
_TEXT = re.compile(_FIELD + r"\s*(?P<operator>[=!]=)\s*['\"](?P<operand>[^'\"]+)['\"]")
_LIST = re.compile(_FIELD + r"\s+in\s+\[(?P<operand>[^\]]*)\]")
_NUMBER = re.compile(_FIELD + r"\s*(?P<operator>[<>]=?)\s*(?P<operand>\d+(?:\.\d+)?)")
_BARE = re.compile(_FIELD + "$")


def toolkit_reading(text: str) -> Condition:
    """Return the condition that the toolkit evaluates in the place of a text."""
    if len(text) > _MAX_CHARACTERS:
        return NEVER
    return _joined(Or, [_conjunction(part) for part in text.split(" or ")])


def is_never(condition: Condition) -> bool:
    """True if a condition holds for no context, as far as its constants tell."""
    match condition:
        case Constant(value):
            return not value
        case And(parts):
            return any(map(is_never, parts))
        case Or(parts):
            return all(map(is_never, parts))
        case _:
            return False


def _conjunction(text: str) -> Condition:
    return _joined(And, [_piece(part.strip()) for part in text.split(" and ")])


def _joined(join: type[And] | type[Or], parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else join(tuple(parts))


def _piece(text: str) -> Condition:
    if found := _TEXT.match(text):
        return Test(_name(found), Operator(found["operator"]), found["operand"])
    if found := _LIST.match(text):
        items = (item.strip() for item in found["operand"].split(","))
        return Test(_name(found), Operator.IN, tuple(item.strip("'\"") for item in items if item))
    if found := _NUMBER.match(text):
        return Test(_name(found), Operator(found["operator"]), float(found["operand"]))
    return Truth(_name(found)) if (found := _BARE.match(text)) else NEVER


def _name(found: "re.Match[str]") -> Name:
    return Name(tuple(found["field"].split(".")))
