"""Policy text, cut into policies and bounded before the engine's parser sees it (section 1.7).

The engine ends the process where an expression nests a few hundred levels: about 150 on a stack of
2 MiB, 600 on one of 8 MiB; a chain of operators takes some 3,000. Both bounds here stay well below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from acs_sidecar.engines.cedar.syntax import CedarSyntaxError, Lines, NamedTokens, Token, tokens
from acs_sidecar.engines.findings import SourceLocation, invalid, too_large

__all__ = [
    "MAX_NESTING",
    "MAX_OPERATORS",
    "MAX_POLICY_CHARACTERS",
    "CedarStatement",
    "PolicyText",
    "missing_end",
    "statements",
]

MAX_NESTING = 100
"""Open brackets, `if` and unary operators around any place of a policy."""

MAX_OPERATORS = 1_000
"""Operators, attribute accesses and brackets in one policy."""

MAX_POLICY_CHARACTERS = 4 * 1024 * 1024
"""All the policy text of one definition together."""

_STATEMENT = re.compile(
    r"""(?:[^\S\x1c-\x1f]++|//[^\n\r]*+)*+
        (?P<statement>(?:[^\S\x1c-\x1f]++|//[^\n\r]*+|/|"[^"\\]*+(?:\\.[^"\\]*+)*+"
                        |[_a-zA-Z0-9@.,:(){}\[\]<>+*%!=?-]++|&&|\|\|)*+;)""",
    re.VERBOSE | re.DOTALL,
)
"""The next policy, where all up to its `;` is what the lexer reads."""

_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_EFFECTS = frozenset({"permit", "forbid"})
_OPERATORS = frozenset(
    {"&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "!", ".", "(", "["}
    | {"if", "in", "has", "like", "is", "when", "unless"}
)
_STAYS_IN_OPERAND = frozenset({".", "::", "!", "-"})
_BETWEEN_OPERANDS = frozenset({"if", "then", "else", "in", "has", "like", "is"})


@dataclass(frozen=True, slots=True)
class PolicyText:
    """Policies as they were given: `path` names the member, `name` the file or the member."""

    path: str
    name: str
    text: str


@dataclass(frozen=True)
class CedarStatement:
    """The text of one policy, up to its `;`, and where it begins."""

    text: str
    at: SourceLocation

    def place_of(self, message: str) -> SourceLocation:
        """Return the place of what an engine's message names in it, or of its beginning."""
        offset = self._tokens.offset(message)
        if offset is None:
            return self.at
        return self.place(offset)

    def place(self, offset: int) -> SourceLocation:
        """Return the place of the character at `offset`."""
        if self.at.line is None or self.at.column is None:
            return self.at
        line, column = self._lines.place(offset)
        shift = self.at.column - 1 if line == 1 else 0
        return self.at._replace(line=self.at.line + line - 1, column=column + shift)

    @cached_property
    def _tokens(self) -> NamedTokens:
        return NamedTokens(self.text)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.text)


def missing_end(text: str) -> int | None:
    """Return where a policy lacks its `;`, behind its last token; `None` if it has one."""
    depth, in_policy, previous, end = 0, False, "", 0
    for token in tokens(text):
        begins = token.text in _EFFECTS and previous != "@"
        if in_policy and not depth and (begins or token.text == "@"):
            return end
        in_policy = in_policy or begins
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        previous, end = token.text, token.offset + len(token.text)
    return end if in_policy and not depth and previous != ";" else None


def statements(source: PolicyText) -> Iterator[CedarStatement]:
    """Cut a text into its policies.

    Raises `ManifestError` for a text that the lexer refuses and for a policy that passes a bound.
    """
    text, lines = source.text, Lines(source.text)

    def at(offset: int) -> SourceLocation:
        return SourceLocation(source.path, source.name, *lines.place(offset))

    begin = end = 0
    while end < len(text):
        found = _STATEMENT.match(text, end)
        if found and _surely_bounded(found["statement"]):
            begin, end = found.span("statement")
        else:
            try:
                begin, end = _counted(text, end)
            except CedarSyntaxError as error:
                raise invalid("cedar-policy-syntax", error.message, at(error.offset)) from None
            except _BoundError as error:
                raise too_large(error.message, at(error.offset)) from None
        if begin < end:
            yield CedarStatement(text[begin:end], at(begin))


def _surely_bounded(text: str) -> bool:
    """True if a policy is too short, and has too few brackets and operators, to pass a bound."""
    nesting = sum(map(text.count, ("(", "[", "{", "!", "-", "if")))
    return len(text) <= MAX_OPERATORS and nesting <= MAX_NESTING


def _counted(text: str, place: int) -> tuple[int, int]:
    """Return where the next policy begins and where it ends, behind its `;`.

    Raises `CedarSyntaxError` and `_BoundError`.
    """
    counter = _Counter()
    begin = None
    for token in tokens(text, place):
        begin = token.offset if begin is None else begin
        problem = counter.count(token)
        if problem:
            raise _BoundError(problem, token.offset)
        if token.text == ";":
            return begin, token.offset + 1
    return len(text) if begin is None else begin, len(text)


class _BoundError(ValueError):
    """A policy that passes a bound; `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(slots=True)
class _BracketLevel:
    """What is open between one bracket and the next: `base` counts all that is around it."""

    base: int
    conditionals: int = 0
    unary: int = 0

    @property
    def depth(self) -> int:
        return self.base + self.conditionals + self.unary


@dataclass(slots=True)
class _Counter:
    """Counts the nesting and the operators of one policy, token by token."""

    levels: list[_BracketLevel] = field(default_factory=lambda: [_BracketLevel(0)])
    operators: int = 0
    after_operand: bool = False

    def count(self, token: Token) -> str | None:
        """Consume a token and return the bound that it exceeds, if any."""
        text = token.text
        level = self.levels[-1]
        if text in _OPENING:
            self.levels.append(_BracketLevel(level.depth + 1))
        elif text in _CLOSING:
            if len(self.levels) > 1:
                self.levels.pop()
        elif text == "if":
            level.conditionals += 1
        elif text == "!" or (text == "-" and not self.after_operand):
            level.unary += 1
        elif self._ends_operand(token):
            level.unary = 0
            if text == ",":
                level.conditionals = 0
        self.operators += text in _OPERATORS
        self.after_operand = text in _CLOSING or (token.kind != "mark" and text not in _BETWEEN_OPERANDS)
        if self.levels[-1].depth > MAX_NESTING:
            return f"a policy nests deeper than {MAX_NESTING} levels: split it"
        if self.operators > MAX_OPERATORS:
            return f"a policy has more than {MAX_OPERATORS} operators: split it, or use a set and `contains`"
        return None

    def _ends_operand(self, token: Token) -> bool:
        if token.kind == "mark":
            return token.text not in _STAYS_IN_OPERAND or (self.after_operand and token.text == "-")
        return token.text in _BETWEEN_OPERANDS
