"""Random bodies of rules: statements over the variables that they bind."""

import json
import re

from tests.differential.terms import Env, Terms
from tests.differential.vocabulary import FIELDS, MOSTLY, TYPES, USED

__all__ = ["Statements"]


class Statements(Terms):
    """Draws bodies, and the statements in them."""

    def _body(self, outer: Env | None = None, *, size: int = 3) -> tuple[str, Env]:
        around = list(outer.variables) if outer else []
        env = Env(around, (outer.depth if outer else 0) + 1, len(around))
        statements = [self._statement(env) for _ in range(self._choose.randint(1, size))]
        if (
            len(statements) == 1
            and self._choose.random() < 0.5
            and statements[0].startswith(("not ", "input."))
        ):
            return statements[0], env
        if self._choose.random() < 0.1:
            plain = [text for text in statements if ":=" not in text and not text.startswith("some")]
            if len(plain) == len(statements):
                self._choose.shuffle(statements)
        for name, _ in env.variables[len(outer.variables) if outer else 0 :]:
            if sum(len(re.findall(rf"\b{name}\b", text)) for text in statements) < USED:
                statements.append(f"is_string(type_name({name}))")
        return "{ " + "; ".join(statements) + " }", env

    def _statement(self, env: Env) -> str:
        forms = [
            (self._assignment, 4),
            (self._some_in, 3),
            (self._comparison, 4),
            (self._negation, 4),
            (self._membership, 2),
            (self._predicate, 3),
            (self._lookup, 2),
            (self._pattern, 2),
            (self._unification, 1),
            (self._with, 1),
            (self._walk, 1),
            (self._declared, 1),
            (self._output, 1),
        ]
        if env.depth < 3:
            forms += [(self._every, 1)]
        make = self._choose.choices([form for form, _ in forms], [weight for _, weight in forms])[0]
        return make(env)

    def _assignment(self, env: Env) -> str:
        kind = self._choose.choice(TYPES)
        value, name = self._expr(kind, env), self._fresh("v")
        if kind == "bool" and self._choose.random() < 0.3:
            value = self._membership(env)
        operator = self._choose.choice([":=", ":=", "="])
        if env.outer and self._choose.random() < 0.1:
            name, operator = self._choose.choice(env.variables[: env.outer])[0], ":="
        env.variables.append((name, kind))
        return f"{name} {operator} {value}"

    def _declared(self, env: Env) -> str:
        key, value = self._fresh("i"), self._fresh("v")
        env.variables += [(key, "any"), (value, "any")]
        source = self._choose.choice(["input.o", "input.xs", "input.os", "input.q"])
        return f"some {key}, {value}; {source}[{key}] = {value}"

    def _output(self, env: Env) -> str:
        kind, name = self._choose.choice(TYPES), self._fresh("v")
        called = self._call(kind, env, 1)
        env.variables.append((name, kind))
        return f"{called[:-1]}, {name})"

    def _some_in(self, env: Env) -> str:
        collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        key, value = self._fresh("k"), self._fresh("v")
        form = self._choose.random()
        if form >= 0.8 and self._choose.random() < MOSTLY:
            collection = self._choose.choice(["input.os", "input.xs", "input.o", "input.ys"])
        if self._choose.random() < 0.05:
            collection = self._input_field(self._choose.choice(["str", "num", "bool"]))
        if form < 0.5:
            env.variables.append((value, "any"))
            return f"some {value} in {collection}"
        if form < 0.8:
            env.variables += [(key, "any"), (value, "any")]
            return f"some {key}, {value} in {collection}"
        if form < 0.9:
            env.variables.append((value, "any"))
            return f'some {{"a": {value}}} in {collection}'
        env.variables.append((value, "any"))
        return f"some [{value}, _] in {collection}"

    def _comparison(self, env: Env) -> str:
        kind = self._choose.choice(TYPES)
        operator = self._choose.choice(
            ["==", "!=", "<", "<=", ">", ">="]
            if kind in ("num", "str") or self._choose.random() < 0.3
            else ["==", "!="]
        )
        left, right = self._sides(kind, env)
        return f"{left} {operator} {right}"

    def _negation(self, env: Env) -> str:
        make = self._choose.choice(
            [self._comparison, self._membership, self._predicate, self._closed, self._with_plain]
        )
        return f"not {make(env)}"

    def _closed(self, env: Env) -> str:
        if self._choose.random() < 0.5 and env.variables:
            name, _ = self._choose.choice(env.variables)
            rules = [rule for rule, kind in self._rules if kind in ("set", "obj")]
            return f"{self._choose.choice([*rules, 'input.o', 'input.q', 'input.os'])}[{name}]"
        return self._reference(self._choose.choice(TYPES), env)

    def _membership(self, env: Env) -> str:
        return (
            f"{self._expr('any', env, 1)} in {self._expr(self._choose.choice(['arr', 'set', 'obj']), env, 1)}"
        )

    def _predicate(self, env: Env) -> str:
        own = [found for found in self._functions if self._choose.random() < 0.7]
        if own and self._choose.random() < 0.5:
            name, types, _ = self._choose.choice(own)
            return f"{name}({', '.join(self._expr(kind, env, 1) for kind in types)})"
        return self._call("bool", env)

    def _lookup(self, env: Env) -> str:
        collection = self._reference(self._choose.choice(["arr", "obj"]), env)
        if not collection.startswith(
            ("input", "r", "s", "o", "v", "lib", "data", "util", "deep", "k", "arg")
        ):
            collection = "input.xs"
        key = self._fresh("i")
        env.variables.append((key, "any"))
        form = self._choose.random()
        if form < 0.4:
            return f"{collection}[{key}]"
        if form < 0.5:
            inner = self._fresh("i")
            env.variables.append((inner, "any"))
            return f"{collection}[{key}][{inner}] == {self._expr('any', env, 1)}"
        if form < 0.7:
            value = self._fresh("v")
            env.variables.append((value, "any"))
            return f"{value} := {collection}[{key}]"
        return f"{collection}[{key}] == {self._expr('any', env, 1)}"

    def _pattern(self, env: Env) -> str:
        one, other = self._fresh("v"), self._fresh("v")
        env_before = Env(list(env.variables), env.depth)
        form = self._choose.random()
        operator = self._choose.choice([":=", "="])
        if form < 0.4:
            env.variables += [(one, "any"), (other, "any")]
            return f"[{one}, {other}] {operator} {self._source('arr', env_before)}"
        if form < 0.8:
            env.variables.append((one, "any"))
            return f'{{"a": {one}}} {operator} {self._source("obj", env_before)}'
        env.variables += [(one, "any"), (other, "any")]
        return f'{{"a": {one}, "b": [{other}]}} {operator} {self._source("obj", env_before)}'

    def _source(self, kind: str, env: Env) -> str:
        """Return what a pattern takes apart; OPA refuses one that a literal cannot match."""
        variables = [name for name, found in env.variables if found in ("any", kind)]
        if variables and self._choose.random() < 0.2:
            return self._choose.choice(variables)
        return self._choose.choice(["input.os[0]", self._input_field(kind)])

    def _walk(self, env: Env) -> str:
        path, value = self._fresh("w"), self._fresh("v")
        source = self._input_field(self._choose.choice(["arr", "obj"]))
        env.variables += [(path, "arr"), (value, "any")]
        if self._choose.random() < 0.5:
            return f"walk({source}, [{path}, {value}])"
        return f"[{path}, {value}] {self._choose.choice([':=', '='])} walk({source})"

    def _unification(self, env: Env) -> str:
        kind = self._choose.choice(TYPES)
        left, right = self._sides(kind, env, 1)
        return f"{left} = {right}"

    def _with(self, env: Env) -> str:
        return self._with_plain(env)

    def _with_plain(self, env: Env) -> str:
        make = self._choose.choice([self._comparison, self._predicate, self._closed, self._membership])
        replaced = [self._replaced(env) for _ in range(self._choose.choices([1, 2], [4, 1])[0])]
        return " ".join([make(env), *replaced])

    def _replaced(self, env: Env) -> str:
        """Draw a `with`: of a member of the input or all of it, of a rule, or of a function."""
        kind = self._choose.choice(["str", "num", "obj", "arr"])
        form = self._choose.random()
        if form < 0.2 and self._rules:
            name, kind = self._choose.choice(self._rules)
            return f"with {self._in_full(name)} as {self._expr(kind, env, 1)}"
        if form < 0.3 and self._functions:
            name, types, kind = self._choose.choice(self._functions)
            same = [other for other, given, made in self._functions if (given, made) == (types, kind)]
            value = self._constant(kind) if self._choose.random() < 0.5 else self._choose.choice(same)
            return f"with {self._in_full(name)} as {value}"
        if form < 0.4:
            name, kind = self._choose.choice([("lower", "str"), ("count", "num"), ("is_string", "bool")])
            fitting = [own for own, given, made in self._functions if len(given) == 1 and made == kind]
            value = self._choose.choice(fitting) if fitting else self._constant(kind)
            return f"with {name} as {value}"
        if form < 0.5:
            members = {field: kind for kind in FIELDS for field in self._choose.sample(FIELDS[kind], 1)}
            return f"with input as {{{', '.join(f'{json.dumps(key)}: {self._expr(made, env, 0)}' for key, made in members.items())}}}"
        if form < 0.6:
            return f"with input.o.a as {self._expr('any', env, 1)}"
        return f"with input.{self._choose.choice(FIELDS[kind])} as {self._expr(kind, env, 1)}"

    def _in_full(self, name: str) -> str:
        """Return the name of a rule or function of this package from `data` on."""
        return name if "." in name else f"data.{self._package}.{name}"

    def _every(self, env: Env) -> str:
        collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        value = self._fresh("e")
        inner = Env([*env.variables, (value, "any")], env.depth, env.outer)
        body, _ = self._body(inner, size=2)
        inside = body[2:-2] if body.startswith("{ ") else body
        body = f"{{ {inside}; is_string(type_name({value})) }}"
        if self._choose.random() < 0.3:
            key = self._fresh("k")
            return f"every {key}, {value} in {collection} {body[:-2]}; is_string(type_name({key})) }}"
        return f"every {value} in {collection} {body}"
