"""Random policies that OPA mostly accepts: modules of rules, each a text of its own, and inputs."""

import json
import random
import re
from dataclasses import dataclass

from acs_sidecar.spec.values import Json
from tests.differential.terms import Env, Terms
from tests.differential.vocabulary import (
    COMPARED,
    FIELDS,
    TEXTS,
    TYPES,
    USED,
    VALUES,
)

__all__ = ["Generated", "generate"]


@dataclass(slots=True)
class Generated:
    """A policy: the head and the rules of each module, what to ask of it, and inputs."""

    heads: dict[str, str]
    rules: dict[str, list[str]]
    queries: list[str]
    inputs: list[Json]

    def modules(self) -> dict[str, str]:
        """Return the texts of the modules."""
        return {name: "\n".join([head, *self.rules[name]]) + "\n" for name, head in self.heads.items()}


def generate(seed: int) -> Generated:
    """Return the policy of a seed; in every second one rules compare the input with constants first."""
    policy = _Generator(random.Random(seed)).policy()
    if seed % 2:
        _compare_first(policy, random.Random(seed))
    return policy


def _compare_first(policy: Generated, choose: random.Random) -> None:
    """Put a comparison with constants, which an index may look up, at the beginning of some bodies."""
    for texts in policy.rules.values():
        for at, text in enumerate(texts):
            if choose.random() < COMPARED:
                one, *_ = chosen = [json.dumps(text, ensure_ascii=False) for text in choose.sample(TEXTS, 5)]
                reference = f"input.{choose.choice(FIELDS['str'])}"
                some = f"{reference} in {{{', '.join(chosen)}}}"
                form = choose.choice(
                    [f"{reference} == {one}", f"{one} = {reference}", some, some, "input.f = true"]
                )
                texts[at] = text.replace(" if { ", f" if {{ {form}; ", 1)


class _Generator(Terms):
    def policy(self) -> Generated:
        heads: dict[str, str] = {}
        rules: dict[str, list[str]] = {}
        packages = [*self._choose.sample(["lib", "lib.deep", "util"], self._choose.randint(0, 2)), "p"]
        exported: list[tuple[str, list[tuple[str, str]], list[tuple[str, list[str], str]]]] = []
        for package in packages:
            imports = []
            self._rules, self._functions = [], []
            for other, their_rules, their_functions in exported:
                alias = other.rpartition(".")[2]
                form = self._choose.choice(["import", "as", "full"])
                if form == "import":
                    imports.append(f"import data.{other}")
                elif form == "as":
                    alias = f"{alias}_"
                    imports.append(f"import data.{other} as {alias}")
                prefix = f"data.{other}" if form == "full" else alias
                self._rules += [(f"{prefix}.{name}", kind) for name, kind in their_rules]
                self._functions += [(f"{prefix}.{name}", args, kind) for name, args, kind in their_functions]
            before = (len(self._rules), len(self._functions))
            module = f"{package}.rego"
            heads[module] = "\n".join([f"package {package}", *imports])
            rules[module] = []
            for _ in range(self._choose.randint(2, 7 if package == "p" else 4)):
                rules[module] += self._rule()
            exported.append((package, self._rules[before[0] :], self._functions[before[1] :]))
        inputs = [self._input() for _ in range(4)]
        return Generated(heads, rules, ["data.p"], inputs)

    # Rules

    def _rule(self) -> list[str]:
        make = self._choose.choices(
            [self._complete, self._partial_set, self._partial_object, self._function, self._nested],
            [5, 3, 3, 3, 1],
        )[0]
        return make()

    def _complete(self) -> list[str]:
        name, kind = self._fresh("r"), self._choose.choice(TYPES)
        texts = []
        total = self._choose.random() < 0.4
        if total:
            texts.append(f"default {name} := {self._constant(kind)}")
        form = self._choose.random()
        if form < 0.2:
            texts.append(f"{name} := {self._expr(kind, Env())}")
        elif form < 0.5:
            body, _ = self._body()
            kind = "bool"
            texts[:1] = [f"default {name} := false"] if total else []
            texts.append(f"{name} if {body}")
            if self._choose.random() < 0.4:
                body, _ = self._body()
                texts.append(f"{name} if {body}")
        else:
            text = f"{name} := {self._constant(kind)} if {self._body()[0]}"
            while self._choose.random() < 0.4:
                body, _ = self._body()
                text += f" else := {self._constant(kind)} if {body}"
            if self._choose.random() < 0.2:
                text += f" else := {self._constant(kind)}"
            texts.append(text)
        self._rules.append((name, kind))
        return texts

    def _partial_set(self) -> list[str]:
        name, kind = self._fresh("s"), self._choose.choice(TYPES)
        texts = []
        for _ in range(self._choose.randint(1, 2)):
            body, env = self._body()
            value = self._variable(kind, env) or self._expr(kind, env, 1)
            if self._choose.random() < 0.6:
                body, value = self._bound(body, value)
            texts.append(f"{name} contains {value} if {body}")
        self._rules.append((name, "set"))
        return texts

    def _partial_object(self) -> list[str]:
        name, kind = self._fresh("o"), self._choose.choice(TYPES)
        texts = []
        for _ in range(self._choose.randint(1, 2)):
            body, env = self._body()
            key = self._variable("str", env) or self._text()
            value = self._constant(kind) if self._choose.random() < 0.6 else self._variable(kind, env)
            body, value = self._bound(body, value or self._constant(kind))
            texts.append(f"{name}[{key}] := {value} if {body}")
        self._rules.append((name, "obj"))
        return texts

    def _nested(self) -> list[str]:
        name = self._fresh("d")
        texts = []
        for part in self._choose.sample(["a", "b", "c"], self._choose.randint(1, 3)):
            body, env = self._body()
            shape = self._choose.random()
            key = self._variable("str", env) or self._text()
            if shape < 0.4:
                texts.append(f"{name}.{part} := {self._constant(self._choose.choice(TYPES))} if {body}")
            elif shape < 0.7:
                texts.append(f"{name}.{part} contains {key} if {body}")
            else:
                texts.append(f"{name}.{part}[{key}] := {self._constant('num')} if {body}")
        self._rules.append((name, "obj"))
        return texts

    def _function(self) -> list[str]:
        name, kind = self._fresh("f"), self._choose.choice(TYPES)
        types = [self._choose.choice(TYPES) for _ in range(self._choose.randint(1, 2))]
        texts = []
        if self._choose.random() < 0.3:
            texts.append(f"default {name}({', '.join('_' for _ in types)}) := {self._constant(kind)}")
        for _ in range(self._choose.choices([1, 2], [3, 1])[0]):
            arguments, env = [], Env()
            for at, argument in enumerate(types):
                shape = self._choose.random()
                variable = f"arg{at}"
                if shape < 0.15:
                    arguments.append(self._constant(argument))
                elif shape < 0.25 and argument == "arr":
                    arguments.append(f"[{variable}, _]")
                    env.variables.append((variable, "any"))
                else:
                    arguments.append(variable)
                    env.variables.append((variable, argument))
            shape = self._choose.random()
            head = f"{name}({', '.join(arguments)})"
            if shape < 0.15 and kind == "bool":
                texts.append(head)
            elif shape < 0.3:
                texts.append(f"{head} := {self._expr(kind, env)}")
            else:
                body, _ = self._body(env)
                value = self._constant(kind) if self._choose.random() < 0.7 else self._expr(kind, env, 1)
                texts.append(f"{head} := {value} if {body}")
                if self._choose.random() < 0.3:
                    texts[-1] += f" else := {self._constant(kind)} if {self._body(env)[0]}"
        self._functions.append((name, types, kind))
        return texts

    def _bound(self, body: str, value: str) -> tuple[str, str]:
        name = self._fresh("h")
        inner = body[2:-2] if body.startswith("{ ") else body
        return f"{{ {inner}; {name} := {value} }}", name

    # Bodies

    def _body(self, outer: Env | None = None, *, size: int = 3) -> tuple[str, Env]:
        env = Env(list(outer.variables) if outer else [], (outer.depth if outer else 0) + 1)
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
        ]
        if env.depth < 3:
            forms += [(self._every, 1)]
        make = self._choose.choices([form for form, _ in forms], [weight for _, weight in forms])[0]
        return make(env)

    def _assignment(self, env: Env) -> str:
        kind = self._choose.choice(TYPES)
        value, name = self._expr(kind, env), self._fresh("v")
        env.variables.append((name, kind))
        return f"{name} {self._choose.choice([':=', ':=', '='])} {value}"

    def _some_in(self, env: Env) -> str:
        collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        key, value = self._fresh("k"), self._fresh("v")
        form = self._choose.random()
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
            ["==", "!=", "<", "<=", ">", ">="] if kind in ("num", "str") else ["==", "!="]
        )
        return f"{self._expr(kind, env)} {operator} {self._expr(kind, env)}"

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
        return self._choose.choice([self._variable("any", env) or "input.os[0]", self._input_field(kind)])

    def _walk(self, env: Env) -> str:
        path, value = self._fresh("w"), self._fresh("v")
        source = self._input_field(self._choose.choice(["arr", "obj"]))
        env.variables += [(path, "arr"), (value, "any")]
        if self._choose.random() < 0.5:
            return f"walk({source}, [{path}, {value}])"
        return f"[{path}, {value}] {self._choose.choice([':=', '='])} walk({source})"

    def _unification(self, env: Env) -> str:
        kind = self._choose.choice(TYPES)
        return f"{self._expr(kind, env, 1)} = {self._expr(kind, env, 1)}"

    def _with(self, env: Env) -> str:
        return self._with_plain(env)

    def _with_plain(self, env: Env) -> str:
        kind = self._choose.choice(["str", "num", "obj", "arr"])
        field_ = self._choose.choice(FIELDS[kind])
        make = self._choose.choice([self._comparison, self._predicate])
        return f"{make(env)} with input.{field_} as {self._expr(kind, env, 1)}"

    def _every(self, env: Env) -> str:
        collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        value = self._fresh("e")
        inner = Env([*env.variables, (value, "any")], env.depth)
        body, _ = self._body(inner, size=2)
        inside = body[2:-2] if body.startswith("{ ") else body
        body = f"{{ {inside}; is_string(type_name({value})) }}"
        if self._choose.random() < 0.3:
            key = self._fresh("k")
            return f"every {key}, {value} in {collection} {body[:-2]}; is_string(type_name({key})) }}"
        return f"every {value} in {collection} {body}"

    # Inputs

    def _input(self) -> Json:
        given: dict[str, Json] = {}
        for kind, names in FIELDS.items():
            for name in names:
                form = self._choose.random()
                if form < 0.15:
                    continue
                if form < 0.16:
                    given[name] = None
                elif form < 0.19:
                    given[name] = self._value(self._choose.choice(list(FIELDS)))
                else:
                    given[name] = self._value(kind)
        return given

    def _value(self, kind: str) -> Json:
        return self._choose.choice(VALUES[kind])
