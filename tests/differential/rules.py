"""Random rules, by the kind of their heads."""

from tests.differential.statements import Statements
from tests.differential.terms import Env
from tests.differential.vocabulary import TYPES

__all__ = ["Rules"]


_CONSTANT_HEADS = [
    "{name}.{part} := {value}",
    "{name}.{part} := {value}",
    "{name}.{part} contains {key}",
    "{name}.{part}[{key}] := {value}",
    "{name}.{part}[{key}].c := {value}",
    "{name}.{part}.c[{key}] := {value}",
    "{name}.{part}[{key}] contains {value}",
    "{name}.{part}[{key}][{inner}] := {value}",
    '{name}["{part}"] := {value}',
    "{name}.{part}",
]
_VARYING_HEADS = [
    "{name}[{key}] contains {value}",
    "{name}[{key}].{part} := {value}",
    "{name}[{key}][{inner}] := {value}",
    "{name}[{key}].{part} contains {value}",
    "{name}[{key}][{inner}] contains {value}",
    "{name}[{key}].{part}[{inner}] := {value}",
    "{name}[{key}] := {value}",
]


class Rules(Statements):
    """Draws rules and functions."""

    def _rule(self) -> list[str]:
        make = self._choose.choices(
            [self._complete, self._partial_set, self._partial_object, self._function, self._nested],
            [5, 3, 3, 3, 2],
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
            body, env = self._body()
            text = f"{name} := {self._head_value(kind, env)} if {body}"
            while self._choose.random() < 0.4:
                body, env = self._body()
                text += f" else := {self._head_value(kind, env)} if {body}"
            if self._choose.random() < 0.2:
                text += f" else := {self._constant(kind)}"
            texts.append(text)
            if self._choose.random() < 0.15:
                body, env = self._body()
                texts.append(f"{name} := {self._head_value(kind, env)} if {body}")
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
        varying = self._choose.random() < 0.5
        shape = self._choose.choice(_VARYING_HEADS)
        for part in self._choose.sample(["a", "b", "c"], self._choose.randint(1, 3)):
            body, env = self._body()
            if self._choose.random() < 0.1 or not varying:
                shape = self._choose.choice(_CONSTANT_HEADS)
            elif self._choose.random() < 0.2:
                shape = self._choose.choice(_VARYING_HEADS)
            kind = self._choose.choice(["str", "str", "any"])
            key, inner = (self._variable(kind, env) or self._text() for _ in range(2))
            value = self._head_value(self._choose.choice(TYPES), env)
            head = shape.format(name=name, part=part, key=key, inner=inner, value=value)
            texts.append(f"{head} if {body}")
        if not varying and self._choose.random() < 0.2:
            texts.append(f"default {name}.a := {self._constant('num')}")
        self._rules.append((name, "obj"))
        return texts

    def _head_value(self, kind: str, env: Env) -> str:
        """Draw the value of a head: a constant, or what the body has."""
        form = self._choose.random()
        if form < 0.5:
            return self._constant(kind)
        return (self._variable(kind, env) if form < 0.8 else None) or self._expr(kind, env, 1)

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
                if shape < 0.05 and self._rules and "." not in self._rules[-1][0] and not at:
                    variable, shape = self._rules[-1][0], 0.5
                if shape < (0.02 if argument == "obj" else 0.15):
                    arguments.append(self._constant(argument))
                elif shape < 0.25 and argument == "arr":
                    arguments.append(self._choose.choice([f"[{variable}, _]", f"[_, [{variable}, 1]]"]))
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
