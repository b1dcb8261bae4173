"""Conditions written as `{field, operator, value}` (section 7.3)."""

import difflib

from acs_sidecar.engines.adapters.agt_rules.condition.meaning import check_test
from acs_sidecar.engines.adapters.agt_rules.condition.parser import MAX_LIST, parse_name
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import ConditionError
from acs_sidecar.engines.adapters.agt_rules.condition.tree import Condition, Literal, Operator, Test
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["MEMBERS", "OPERATORS", "MemberError", "read_object"]

MEMBERS = ("field", "operator", "value")
OPERATORS = {
    "eq": Operator.EQ,
    "ne": Operator.NE,
    "lt": Operator.LT,
    "lte": Operator.LE,
    "gt": Operator.GT,
    "gte": Operator.GE,
    "in": Operator.IN,
    "not_in": Operator.NOT_IN,
    "contains": Operator.CONTAINS,
    "matches": Operator.MATCHES,
    "startswith": Operator.STARTSWITH,
    "endswith": Operator.ENDSWITH,
}


class MemberError(ConditionError):
    """What is wrong with one member of the object; `offset` is that in the member's text."""

    def __init__(self, member: str, code: str, message: str, offset: int = 0) -> None:
        super().__init__(code, message, offset)
        self.member = member


def read_object(condition: JsonObject) -> Condition:
    """Read a condition. Raises `MemberError`."""
    for member in condition:
        if member not in MEMBERS:
            raise MemberError(
                member, "member-unknown", "unknown member; must be `field`, `operator`, `value`"
            )
    for member in MEMBERS:
        if member not in condition:
            raise MemberError("", "member-missing", f"`{member}` is missing")
    field, spelled = condition["field"], condition["operator"]
    if not isinstance(field, str):
        raise MemberError("field", "wrong-type", "must be a path, as a text")
    try:
        name = parse_name(field)
    except ConditionError as error:
        raise MemberError("field", error.code, error.message, error.offset) from None
    operator = OPERATORS.get(spelled) if isinstance(spelled, str) else None
    if operator is None:
        raise MemberError("operator", "agt-operator-unknown", _unknown(spelled))
    operand = _operand(operator, condition["value"])
    if problem := check_test(operator, operand):
        raise MemberError("value", *problem)
    return Test(name, operator, operand)


def _operand(operator: Operator, value: Json) -> Literal | tuple[Literal, ...]:
    if operator in (Operator.IN, Operator.NOT_IN):
        if not isinstance(value, list):
            raise MemberError("value", "wrong-type", f"must be a list for `{operator}`")
        if len(value) > MAX_LIST:
            raise MemberError("value", "agt-condition", f"has more than {MAX_LIST} items: split it")
        return tuple(_literal(item) for item in value)
    literal = _literal(value)
    if operator is Operator.MATCHES and not isinstance(literal, str):
        return canonical(literal).decode()
    return literal


def _literal(value: Json) -> Literal:
    if isinstance(value, str | int | float):
        return value
    raise MemberError("value", "wrong-type", "must be a text, a number or a boolean")


def _unknown(spelled: Json) -> str:
    listed = ", ".join(f"`{name}`" for name in OPERATORS)
    near = difflib.get_close_matches(str(spelled)[:64], OPERATORS, 1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return f"`{str(spelled)[:64]}` is no operator; must be one of {listed}{hint}"
