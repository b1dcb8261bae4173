"""The parser of conditions: a tree, or what was expected where (section 7.3).

Nothing is read twice and brackets nest at most 32 levels, so that any text costs time linear in its length.
"""

import math
import re

from acs_sidecar.engines.adapters.agt_rules.condition.meaning import check_test
from acs_sidecar.engines.adapters.agt_rules.condition.slips import NULL, is_null, slip_at
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import (
    MAX_CHARACTERS,
    ConditionError,
    ConditionToken,
    tokens,
)
from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    And,
    Condition,
    Constant,
    Has,
    Literal,
    Name,
    Not,
    Operand,
    Operator,
    Or,
    Test,
    Truth,
)

__all__ = ["MAX_LIST", "MAX_NESTING", "parse_condition", "parse_name"]

MAX_NESTING = 32
MAX_LIST = 4_096
_OPENING = re.compile(r"[ \t\r\n]*\(")
_COMPARISONS = {operator.value: operator for operator in list(Operator)[:6]}
_WORDS = {name: Operator(name) for name in ("contains", "startswith", "endswith", "matches", "in")}


def parse_condition(text: str) -> Condition:
    """Parse a condition. Raises `ConditionError`."""
    parser = _Parser(text)
    condition = parser.disjunction(0)
    parser.expect_end("`and`, `or` or the end")
    return condition


def parse_name(text: str) -> Name:
    """Parse a path alone, as the object form has it. Raises `ConditionError`."""
    parser = _Parser(text)
    name = parser.name()
    parser.expect_end("`.`, `[` or the end")
    return name


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ConditionError("agt-condition", f"has more than {MAX_CHARACTERS} characters: split it", 0)
        self._text = text
        self._tokens = tokens(text)
        self._token = next(self._tokens)

    def disjunction(self, level: int) -> Condition:
        parts = [self._conjunction(level)]
        while self._take("or", "||"):
            parts.append(self._conjunction(level))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, level: int) -> Condition:
        parts = [self._unary(level)]
        while self._take("and", "&&"):
            parts.append(self._unary(level))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self, level: int) -> Condition:
        negated = False
        while self._take("not", "!"):
            negated = not negated
        condition = self._primary(level)
        if not negated:
            return condition
        # A bare path and `has` keep their negation themselves; so does what is negated twice.
        match condition:
            case Truth(name, was):
                return Truth(name, not was)
            case Has(name, was):
                return Has(name, not was)
            case Not(part):
                return part
            case _:
                return Not(condition)

    def _primary(self, level: int) -> Condition:
        token = self._token
        if token.text in ("true", "false") and token.kind == "mark":
            self._advance()
            return Constant(token.text == "true")
        if token.kind in ("text", "number"):
            raise self._literal_first()
        if self._take("("):
            if level >= MAX_NESTING:
                message = f"brackets nest deeper than {MAX_NESTING} levels: split the condition"
                raise ConditionError("agt-condition", message, token.offset)
            condition = self.disjunction(level + 1)
            self._expect(")", "`and`, `or` or `)`")
            return condition
        if token.kind == "word" and token.text.lower() == "has" and _OPENING.match(self._text, token.end):
            self._advance()
            self._expect("(", "`(`")
            name = self.name()
            self._expect(")", "`)`")
            return Has(name)
        return self._test()

    def _test(self) -> Condition:
        name = self.name()
        token = self._token
        if token.kind == "mark" and token.text in _COMPARISONS:
            self._advance()
            return self._checked(name, _COMPARISONS[token.text], self._operand(), token)
        negated = self._take("not")
        token = self._token
        if token.kind == "mark" and token.text in _WORDS:
            self._advance()
            operator = _WORDS[token.text]
            operand = self._operand_of(operator)
            return self._checked(name, operator.opposite if negated else operator, operand, token)
        if negated:
            raise self._expected("`in`, `contains`, `startswith`, `endswith` or `matches`")
        return Truth(name)

    def _checked(
        self,
        name: Name,
        operator: Operator,
        operand: Operand,
        token: ConditionToken,
    ) -> Test:
        if problem := check_test(operator, operand):
            raise ConditionError(*problem, token.offset)
        return Test(name, operator, operand)

    def _operand_of(self, operator: Operator) -> Operand:
        if operator is Operator.IN:
            if self._token.kind == "text":
                raise self._error(
                    "`in` takes a list: write `in ['a']`; for a part of a text `path contains 'a'`"
                )
            if self._is("("):
                raise self._error("`in` takes a list in square brackets: write `in ['a', 'b']`")
            return self._list() if self._is("[") else self._path_operand("a list `[…]` or a path")
        if operator is Operator.MATCHES:
            token = self._token
            if token.kind != "text":
                raise self._expected("a text with a regular expression")
            self._advance()
            return token.text[1:-1]
        return self._operand()

    def _operand(self) -> Literal | Name:
        if self._token.kind == "word":
            return self._path_operand("a text, a number, `true`, `false` or a path")
        return self._literal("a text, a number, `true`, `false` or a path")

    def _path_operand(self, wanted: str) -> Name:
        if self._token.kind != "word":
            raise self._expected(wanted)
        token = self._token
        name = self.name()
        if len(name.segments) == 1 and is_null(token.text):
            raise ConditionError("agt-condition", NULL, token.offset)
        return name

    def _list(self) -> tuple[Literal, ...]:
        self._advance()
        items: list[Literal] = []
        while not self._take("]"):
            if len(items) >= MAX_LIST:
                raise self._error(f"a list has more than {MAX_LIST} items: split it")
            if self._token.kind == "word":
                raise self._error(f"a list holds literals: quote the text, `'{self._token.text}'`")
            items.append(self._literal("a text, a number, `true`, `false` or `]`"))
            if not self._take(",") and not self._is("]"):
                raise self._expected("`,` or `]`")
        return tuple(items)

    def _literal(self, wanted: str) -> Literal:
        token = self._token
        if token.kind == "mark" and token.text in ("true", "false"):
            self._advance()
            return token.text == "true"
        if token.kind == "text":
            self._advance()
            return token.text[1:-1]
        if token.kind != "number":
            raise self._expected(wanted)
        number = _number(token)
        self._advance()
        return number

    def name(self) -> Name:
        """Read a path."""
        token = self._token
        if token.kind != "word":
            raise self._expected("a path, `has(…)`, `not` or `(`")
        offset = token.offset
        segments: list[str | int] = [token.text]
        self._advance()
        while True:
            if self._take("."):
                segments.append(self._member())
            elif self._take("["):
                segments.append(self._index())
                self._expect("]", "`]`")
            else:
                return Name(tuple(segments), offset)

    def _member(self) -> str:
        token = self._token
        # A keyword behind a dot is a name, written as it stands there.
        if token.kind == "word" or (token.kind == "mark" and token.text.isalpha()):
            self._advance()
            return self._text[token.offset : token.end]
        raise self._expected("a name")

    def _index(self) -> str | int:
        token = self._token
        if token.kind == "text":
            self._advance()
            return token.text[1:-1]
        if token.kind == "number" and token.text.isdigit() and len(token.text) < 10:
            self._advance()
            return int(token.text)
        raise self._expected("an index or a quoted name")

    def expect_end(self, wanted: str) -> None:
        """Raise unless the text ends here."""
        if self._token.kind != "end":
            raise self._expected(wanted)

    def _is(self, mark: str) -> bool:
        return self._token.kind == "mark" and self._token.text == mark

    def _take(self, *marks: str) -> bool:
        if self._token.kind != "mark" or self._token.text not in marks:
            return False
        self._advance()
        return True

    def _expect(self, mark: str, wanted: str) -> None:
        if not self._take(mark):
            raise self._expected(wanted)

    def _advance(self) -> None:
        self._token = next(self._tokens)

    def _expected(self, wanted: str) -> ConditionError:
        found = self._token
        here = "the end" if found.kind == "end" else f"`{self._text[found.offset : found.end][:64]}`"
        slip = slip_at(self._text, found.offset)
        return self._error(f"expected {wanted}, found {here}{f': {slip}' if slip else ''}")

    def _error(self, message: str) -> ConditionError:
        return ConditionError("agt-condition", message, self._token.offset)

    def _literal_first(self) -> ConditionError:
        """Return the error for a test that begins with a literal."""
        first = self._token
        self._advance()
        if self._token.kind == "mark" and self._token.text in _COMPARISONS:
            self._advance()
            if self._token.kind in ("text", "number") or self._token.text in ("true", "false"):
                message = "both sides are literals: the comparison never changes"
                return ConditionError("agt-never", message, first.offset)
        message = "expected a path, found a literal: write the path first, `x == 'a'`"
        return ConditionError("agt-condition", message, first.offset)


def _number(token: ConditionToken) -> int | float:
    if token.text.lstrip("-").isdigit():
        if len(token.text) > 20 or not -(2**63) <= (integer := int(token.text)) < 2**64:
            raise ConditionError("agt-condition", "an integer does not fit 64 bits", token.offset)
        return integer
    number = float(token.text)
    if not math.isfinite(number):
        raise ConditionError("agt-condition", "a number is not finite", token.offset)
    return number
