"""Random terms of Rego by the type of their value: variables, references, calls, comprehensions, constants."""

import random
from dataclasses import dataclass, field

from tests.differential.vocabulary import (
    ARGUMENTS,
    BUILTINS,
    CONSTANTS,
    DYNAMIC_SETS,
    FIELD_ARGUMENTS,
    FIELDS,
    LOOSE,
    MOSTLY,
    TEXTS,
    TYPES,
    WRITTEN,
)

__all__ = ["Env", "Terms"]


@dataclass(slots=True)
class Env:
    """What an expression may name: variables, rules and functions, each with its type."""

    variables: list[tuple[str, str]] = field(default_factory=list)
    depth: int = 0
    outer: int = 0
    """How many of the variables are those of the bodies around."""


class Terms:
    """Draws terms over the rules and functions that there are so far."""

    def __init__(self, choose: random.Random) -> None:
        self._choose = choose
        self._rules: list[tuple[str, str]] = []
        self._functions: list[tuple[str, list[str], str]] = []
        self._imports: dict[str, str] = {}
        self._names = 0
        self._package = ""

    def _body(self, outer: Env | None = None, *, size: int = 3) -> tuple[str, Env]:
        """Draw a body; return it with the variables that it binds."""
        raise NotImplementedError

    def _fresh(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _input_field(self, kind: str) -> str:
        return f"input.{self._choose.choice(FIELDS[kind])}"

    def _variable(self, kind: str, env: Env) -> str | None:
        loose = kind == "any" or self._choose.random() < LOOSE
        fit = [name for name, found in env.variables if found == kind or (loose and found == "any")]
        return self._choose.choice(fit) if fit else None

    def _expr(self, kind: str, env: Env, depth: int = 2) -> str:
        if kind == "any":
            kind = self._choose.choice(TYPES)
        form = self._choose.random()
        if form < 0.25 and (variable := self._variable(kind, env)):
            return variable
        if form < 0.55 or depth <= 0:
            return self._reference(kind, env)
        if form < 0.65:
            return self._constant(kind)
        if form < 0.75 and env.depth < 3:
            return self._comprehension(kind, env)
        if form < 0.82 and kind == "num":
            return f"({self._expr('num', env, depth - 1)} {self._choose.choice('+-*+-*/%')} {self._expr('num', env, 0)})"
        if form < 0.82 and kind == "set":
            return f"({self._expr('set', env, depth - 1)} {self._choose.choice('|&-')} {self._expr('set', env, 0)})"
        if form < 0.86 and kind in ("arr", "obj", "set"):
            items = [self._expr("any", env, 0) for _ in range(self._choose.randint(1, 2))]
            if kind == "arr":
                return f"[{', '.join(items)}]"
            if kind == "set":
                return f"{{{', '.join(items)}}}"
            keys = ['"a"', '"b"']
            if self._choose.random() < 0.3:
                keys[len(items) - 1] = self._expr("str", env, 0)
            return "{" + ", ".join(f"{key}: {item}" for key, item in zip(keys, items, strict=False)) + "}"
        own = [found for found in self._functions if found[2] == kind]
        if own and self._choose.random() < 0.5:
            name, types, _ = self._choose.choice(own)
            return f"{name}({', '.join(self._expr(argument, env, depth - 1) for argument in types)})"
        return self._call(kind, env, depth - 1)

    def _call(self, kind: str, env: Env, depth: int = 1) -> str:
        name, arguments = self._choose.choice(BUILTINS[kind])
        return f"{name}({', '.join(self._argument(argument, env, depth) for argument in arguments)})"

    def _argument(self, kind: str, env: Env, depth: int) -> str:
        choose = self._choose.choice
        if kind in TYPES or kind == "any":
            return self._expr(kind, env, depth)
        made = f"[{self._expr('any', env, 0)}]"  # whatever is asked for, so that a seed keeps its policy
        if kind in FIELD_ARGUMENTS and self._choose.random() < 0.3:
            return FIELD_ARGUMENTS[kind]
        return choose([made] if kind == "anys1" else ARGUMENTS[kind])

    def _dynamic(self, kind: str) -> str:
        """Return a term whose type OPA does not know: it refuses to compare what can never be equal."""
        if kind == "set":
            return self._choose.choice(DYNAMIC_SETS)
        return self._input_field(kind)

    def _sides(self, kind: str, env: Env, depth: int = 2) -> tuple[str, str]:
        """Draw the sides of a comparison."""
        left, right = self._expr(kind, env, depth), self._expr(kind, env, depth)
        if kind in ("arr", "obj", "set") and self._choose.random() < MOSTLY:
            left = self._dynamic(kind)
        return (left, right) if self._choose.random() < 0.5 else (right, left)

    def _reference(self, kind: str, env: Env) -> str:
        form = self._choose.random()
        rules = [name for name, found in self._rules if found == kind]
        if rules and form < 0.4:
            return self._choose.choice(rules)
        if kind == "set":
            return self._constant("set")
        if form < 0.85:
            return self._input_field(kind)
        if form < 0.9:
            return f'input["{self._choose.choice(FIELDS[kind])}"]'
        if form < 0.95 and (key := self._variable("str", env)):
            return f"input.o[{key}]"
        if self._choose.random() < 0.3:
            made, index = self._choose.choice([("arr", "0"), ("arr", "1"), ("obj", '"a"'), ("obj", '"b"')])
            return f"{self._call(made, env, 0)}[{index}]"
        return self._choose.choice(
            ["input.o.a", "input.os[0].a", "input.missing.x", "input.o[input.s]", "input.xs[input.n]"]
        )

    def _comprehension(self, kind: str, env: Env) -> str:
        if kind not in ("arr", "set", "obj"):
            return self._constant(kind)
        body, inner = self._body(env, size=2)
        inside = body[2:-2] if body.startswith("{ ") else body
        value = self._variable("any", inner) or self._expr("any", inner, 0)
        if kind == "obj":
            key = self._variable("str", inner) or self._text()
            return f"{{{key}: {value} | {inside}}}"
        return f"[{value} | {inside}]" if kind == "arr" else f"{{{value} | {inside}}}"

    def _text(self) -> str:
        if self._choose.random() < 0.06:
            return self._choose.choice(WRITTEN)
        return '"' + self._choose.choice(TEXTS).replace('"', "") + '"'

    def _constant(self, kind: str) -> str:
        choose = self._choose
        if kind == "any":
            kind = choose.choice(TYPES)
        return self._text() if kind == "str" else choose.choice(CONSTANTS[kind])
