"""Conditions read and decided in the plainest way, for comparison: no tokens ahead, no closures (section 7.3)."""

import re
from typing import Any

from acs_sidecar.spec.values import Json

__all__ = ["UnreadableError", "read", "value_of"]

Tree = tuple[Any, ...]
_SPACE = " \t\r\n"
_KEYWORDS = {"and", "or", "not", "true", "false", "in", "contains", "startswith", "endswith", "matches"}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SIGNS = ("==", "!=", "<=", ">=", "<", ">")
_TYPES = {str: "text", int: "number", float: "number", bool: "boolean", list: "list", dict: "object"}
_OTHER_TYPE = object()


class UnreadableError(ValueError):
    """A text that the grammar does not have, or a test that its literals decide."""


def read(text: str) -> Tree:
    """Return the tree of a condition. Raises `UnreadableError`."""
    if len(text) > 4096:
        raise UnreadableError
    reader = _Reader(text)
    tree = reader.disjunction(0)
    if reader.rest():
        raise UnreadableError
    return tree


def value_of(tree: Tree, context: Json, negated: bool = False) -> bool | None:
    """Return whether a condition, or with `negated` its opposite, holds over a context; `None` is undecided."""
    kind, *parts = tree
    if kind == "constant":
        return parts[0] is not negated
    if kind == "not":
        return value_of(parts[0], context, not negated)
    if kind in ("and", "or"):
        values = [value_of(part, context, negated) for part in parts]
        weakest = (kind == "and") is negated
        return weakest if weakest in values else None if None in values else not weakest
    value = _at(context, parts[0])
    if kind == "has":
        return (value is not None and value is not _OTHER_TYPE) is not negated
    missing = None if negated or kind in ("<", "<=", ">", ">=") else False
    if kind == "bare":
        held = None if not isinstance(value, bool) else value
        return missing if value is None else None if held is None else held is not negated
    operand = parts[1]
    if operand[0] == "path":
        other = _at(context, operand[1])
        if value is _OTHER_TYPE or other is _OTHER_TYPE:
            return None
        if value is None or other is None:
            return missing if value is None else None
    else:
        other = operand[1]
        if value is None:
            return missing
    held = None if value is _OTHER_TYPE else _held(kind, value, other)
    return None if held is None else held is not negated


def _held(kind: str, value: Any, other: Any) -> bool | None:
    same = _type(value) == _type(other)
    if kind == "==":
        return _same(value, other) if same else None
    if kind in ("<", "<=", ">", ">="):
        if not same or _type(value) not in ("number", "text"):
            return None
        return bool(
            {"<": value < other, "<=": value <= other, ">": value > other, ">=": value >= other}[kind]
        )
    if kind == "in":
        return _among(value, other) if isinstance(other, list) else None
    if kind == "contains":
        if isinstance(value, list):
            return _among(other, value)
        return other in value if isinstance(other, str) and isinstance(value, str | dict) else None
    if kind == "matches":
        return any(re.search(other, text) is not None for text in _texts(value))
    if not isinstance(value, str) or not isinstance(other, str):
        return None
    return value.startswith(other) if kind == "startswith" else value.endswith(other)


def _among(value: Any, items: list[Any]) -> bool | None:
    alike = [item for item in items if _type(item) == _type(value)]
    return any(_same(item, value) for item in alike) if alike or not items else None


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, list):
        return len(value) == len(other) and all(
            _type(one) == _type(two) and _same(one, two) for one, two in zip(value, other, strict=True)
        )
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(
            _type(value[name]) == _type(other[name]) and _same(value[name], other[name]) for name in value
        )
    return bool(value == other)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in (name, *_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None else [str(value).lower()]


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "null")


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for segment in path:
        if value is None:
            return None
        if isinstance(segment, str) and isinstance(value, dict):
            value = value.get(segment)
        elif isinstance(segment, int) and isinstance(value, list):
            value = value[segment] if segment < len(value) else None
        else:
            return _OTHER_TYPE
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        """Return what is left, from the next character that is no space."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at :]

    def disjunction(self, depth: int) -> Tree:
        return self._joined("or", "||", depth, self._conjunction)

    def _conjunction(self, depth: int) -> Tree:
        return self._joined("and", "&&", depth, self._unary)

    def _joined(self, word: str, sign: str, depth: int, part: Any) -> Tree:
        parts = [part(depth)]
        while self._keyword(word) or self._sign(sign):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else (word, *parts)

    def _unary(self, depth: int) -> Tree:
        if self._keyword("not") or (not self.rest().startswith("!=") and self._sign("!")):
            return ("not", self._unary(depth))
        if self._sign("("):
            if depth >= 32:
                raise UnreadableError
            tree = self.disjunction(depth + 1)
            self._need(")")
            return tree
        for word, value in (("true", True), ("false", False)):
            if self._keyword(word):
                return ("constant", value)
        begun = self._at
        word = self._word()
        if word.lower() == "has" and self._sign("("):
            path = self._path(self._name())
            self._need(")")
            return ("has", path)
        if word.lower() in _KEYWORDS or not word:
            self._at = begun
            raise UnreadableError
        return self._test(self._path(word))

    def _test(self, path: tuple[str | int, ...]) -> Tree:
        for sign in _SIGNS:
            if self._sign(sign):
                operand = self._operand()
                if sign not in ("==", "!=") and isinstance(operand[1], bool):
                    raise UnreadableError
                return ("not", ("==", path, operand)) if sign == "!=" else (sign, path, operand)
        negated = self._keyword("not")
        for word in ("in", "contains", "startswith", "endswith", "matches"):
            if self._keyword(word):
                test = (word, path, self._operand_of(word))
                return ("not", test) if negated else test
        if negated:
            raise UnreadableError
        return ("bare", path)

    def _operand_of(self, word: str) -> Tree:
        if word == "in":
            if not self._sign("["):
                return ("path", self._compared_path())
            items: list[Any] = []
            while not self._sign("]"):
                items.append(self._literal()[1])
                if not self._sign(",") and not self.rest().startswith("]"):
                    raise UnreadableError
            if not items or len(items) > 4096:
                raise UnreadableError
            return ("literal", items)
        operand = self._operand()
        if operand[0] == "literal" and not isinstance(operand[1], str) and word != "contains":
            raise UnreadableError
        if word == "matches" and operand[0] == "path":
            raise UnreadableError
        return operand

    def _operand(self) -> Tree:
        rest = self.rest()
        found = _WORD.match(rest)
        if found and found.group().lower() not in ("true", "false"):
            return ("path", self._compared_path())
        return self._literal()

    def _literal(self) -> Tree:
        for word, value in (("true", True), ("false", False)):
            if self._keyword(word):
                return ("literal", value)
        rest = self.rest()
        if rest[:1] in ("'", '"'):
            end = rest.find(rest[0], 1)
            if end < 0:
                raise UnreadableError
            self._at += end + 1
            return ("literal", rest[1:end])
        if not (found := _NUMBER.match(rest)):
            raise UnreadableError
        self._at += found.end()
        text = found.group()
        if not found[2] and not found[3]:
            integer = int(text)
            if not -(2**63) <= integer < 2**64:
                raise UnreadableError
            return ("literal", integer)
        if float(text) in (float("inf"), float("-inf")):
            raise UnreadableError
        return ("literal", float(text))

    def _compared_path(self) -> tuple[str | int, ...]:
        path = self._path(self._name())
        if len(path) == 1 and str(path[0]).lower() in ("null", "none", "nil", "undefined"):
            raise UnreadableError
        return path

    def _name(self) -> str:
        word = self._word()
        if not word or word.lower() in _KEYWORDS:
            raise UnreadableError
        return word

    def _path(self, first: str) -> tuple[str | int, ...]:
        path: list[str | int] = [first]
        while True:
            if self._sign("."):
                if not (word := self._word()):
                    raise UnreadableError
                path.append(word)
            elif self._sign("["):
                path.append(self._index())
                self._need("]")
            else:
                return tuple(path)

    def _index(self) -> str | int:
        rest = self.rest()
        if rest[:1] in ("'", '"'):
            return str(self._literal()[1])
        found = re.match(r"(0|[1-9][0-9]{0,8})(?![0-9.eE])", rest)
        if not found:
            raise UnreadableError
        self._at += found.end()
        return int(found.group())

    def _word(self) -> str:
        found = _WORD.match(self.rest())
        self._at += found.end() if found else 0
        return found.group() if found else ""

    def _keyword(self, keyword: str) -> bool:
        found = _WORD.match(self.rest())
        if not found or found.group().lower() != keyword:
            return False
        self._at += found.end()
        return True

    def _sign(self, sign: str) -> bool:
        if not self.rest().startswith(sign):
            return False
        self._at += len(sign)
        return True

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise UnreadableError
