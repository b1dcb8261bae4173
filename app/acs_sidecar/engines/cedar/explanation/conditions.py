"""The conditions of a policy as they are written, and the parts that must hold (section 2.7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.cedar.syntax import Token, tokens

__all__ = ["Condition", "conditions_of"]

_NESTING = {**dict.fromkeys("([{", 1), **dict.fromkeys(")]}", -1)}


@dataclass(frozen=True, slots=True)
class Condition:
    """A `when`, of which all parts must hold, or an `unless`, of which none may."""

    kind: str
    text: str
    parts: tuple[str, ...]


def conditions_of(policy: str) -> Iterator[Condition]:
    """Yield the conditions of one policy that the engine has parsed."""
    kind, nesting = "", 0
    body: list[Token] | None = None
    for token in tokens(policy):
        nesting += _NESTING.get(token.text, 0)
        if body is None:
            kind = token.text if token.kind == "word" else kind
            body = [] if nesting == 1 and token.text == "{" else None
        elif nesting:
            body.append(token)
        else:
            operator = "&&" if kind == "when" else "||"
            yield Condition(kind, _written(body), tuple(map(_written, _operands(body, operator))))
            body = None


def _operands(expression: Sequence[Token], operator: str) -> Iterator[Sequence[Token]]:
    """Yield the operands of a chain of one operator, in the order in which they are evaluated."""
    while _is_enclosed(expression):
        expression = expression[1:-1]
    places = [] if expression[0].text == "if" else list(_at_the_top(expression))
    if any(expression[place].text == "||" for place in places):
        places = [place for place in places if expression[place].text == "||"]
    if not places or expression[places[0]].text != operator:
        yield expression
        return
    for begin, end in zip((0, *(place + 1 for place in places)), (*places, len(expression)), strict=True):
        yield from _operands(expression[begin:end], operator)


def _at_the_top(expression: Sequence[Token]) -> Iterator[int]:
    """Yield the places of `&&` and `||` outside of all brackets."""
    nesting = 0
    for place, token in enumerate(expression):
        nesting += _NESTING.get(token.text, 0)
        if not nesting and token.text in {"&&", "||"}:
            yield place


def _is_enclosed(expression: Sequence[Token]) -> bool:
    """True if one pair of parentheses is around all of it."""
    if expression[0].text != "(":
        return False
    nesting = 0
    for place, token in enumerate(expression):
        nesting += _NESTING.get(token.text, 0)
        if not nesting:
            return place == len(expression) - 1
    return False


def _written(expression: Sequence[Token]) -> str:
    """Return the text on one line, without comments."""
    pieces: list[str] = []
    end = expression[0].offset
    for token in expression:
        pieces += (" " * (token.offset > end), token.text)
        end = token.offset + len(token.text)
    return "".join(pieces)
