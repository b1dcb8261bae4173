"""Random policies in the forms that the plain ones leave out: several bodies, shadowed names, calls in heads."""

import random
import re

from tests.differential.accepted import without_refused_rules
from tests.differential.generator import Generated, PolicyGenerator
from tests.differential.several_vocabulary import (
    BINDINGS,
    CALLS,
    CONDITIONS,
    HEADS,
    NEGATED,
    PAIR_CONDITIONS,
    PATTERNS,
    REPLACED_BUILTINS,
    SOURCES,
)
from tests.differential.terms import Env
from tests.differential.vocabulary import FIELDS, TYPES

__all__ = ["generate_several"]

_OWN_RULE = 0.5
_OWN_STATEMENT = 0.45
_SHADOWED = 0.25
_IN_FULL = 0.25
_VERSION_0 = 0.25
_PLACE = re.compile(r"<(\w+)>")
_VARIABLE = re.compile(r"(?<![\w.])(?:arg\d|[vkihewz]\d+)\b")
_SHADOWED_BUILTINS = ["count", "lower", "p"]


def generate_several(seed: int) -> Generated:
    """Return the policy of a seed; one in four is given to the service as version 0 writes it."""
    choose = random.Random(f"several {seed}")
    policy = SeveralForms(choose).policy()
    policy.version = 0 if choose.random() < _VERSION_0 else 1
    return without_refused_rules(policy)


class SeveralForms(PolicyGenerator):
    """Draws one policy."""

    def _rule(self) -> list[str]:
        if self._choose.random() >= _OWN_RULE:
            return super()._rule()
        make = self._choose.choice(
            [self._complete_bodies, self._function_bodies, self._partial_bodies, self._calling]
        )
        return make()

    def _body(self, outer: Env | None = None, *, size: int = 3) -> tuple[str, Env]:
        return super()._body(outer, size=min(size, 2))

    def _bodies(self, outer: Env | None = None, bound: str = "", kind: str = "any") -> str:
        """Draw two bodies or three, each of which binds `bound`."""
        texts = []
        for _ in range(self._choose.choice([2, 2, 3])):
            body, env = self._body(outer)
            inner = body[2:-2] if body.startswith("{ ") else body
            own = f"; {bound} {self._choose.choice([':=', '='])} {self._expr(kind, env, 1)}" if bound else ""
            texts.append(f"{{ {inner}{own} }}")
        return self._choose.choice([" ", " ", "\n"]).join(texts)

    def _complete_bodies(self) -> list[str]:
        name, kind, bound = self._fresh("r"), self._choose.choice(TYPES), self._fresh("h")
        texts = []
        if self._choose.random() < 0.3:
            texts.append(f"default {name} := {self._constant(kind)}")
        form = self._choose.random()
        value = self._constant(kind)
        if form < 0.3:
            texts.append(f"{name} if {self._bodies()}")
        elif form < 0.7:
            texts.append(f"{name} := {value} if {self._bodies()}")
        else:
            texts.append(f"{name} := {bound} if {self._bodies(None, bound, kind)}")
        if form >= 0.3 and self._choose.random() < 0.4:
            texts.append(
                f"{name} := {value} if {self._body()[0]} else := {self._constant(kind)} if {self._body()[0]}"
            )
        self._rules.append((name, "bool" if form < 0.3 else kind))
        return texts

    def _function_bodies(self) -> list[str]:
        name, kind = self._fresh("f"), self._choose.choice(TYPES)
        types = [self._choose.choice(TYPES) for _ in range(self._choose.choice([1, 1, 2, 3]))]
        texts = []
        for _ in range(self._choose.choice([1, 1, 2])):
            arguments, env = [], Env()
            for at, argument in enumerate(types):
                variable, shape = f"arg{at}", self._choose.random()
                if shape < 0.1:
                    arguments.append(self._constant(argument))
                elif shape < 0.2:
                    arguments.append("_")
                elif shape < 0.4 and argument == "arr":
                    arguments.append(f"[{variable}, {self._choose.choice(['_', '1', f'{variable}b'])}]")
                    env.variables.append((variable, "any"))
                else:
                    arguments.append(variable)
                    env.variables.append((variable, argument))
            head = f"{name}({', '.join(arguments)})"
            form, bound = self._choose.random(), self._fresh("h")
            if form < 0.5:
                texts.append(f"{head} := {self._constant(kind)} if {self._bodies(env)}")
            elif form < 0.8:
                texts.append(f"{head} := {bound} if {self._bodies(env, bound, kind)}")
            else:
                texts.append(
                    f"{head} := {self._called(env)} if {self._body(env)[0]}"
                    f" else := {self._called(env)} if {self._body(env)[0]} else := {self._constant(kind)}"
                )
        self._functions.append((name, types, kind))
        return texts

    def _partial_bodies(self) -> list[str]:
        bound, is_set = self._fresh("h"), self._choose.random() < 0.4
        name = self._fresh("s" if is_set else "o")
        heads = [
            f"{name}[{bound}] := {self._constant('any')}",
            f'{name}["a"] := {bound}',
            f"{name}[{bound}] := [{bound}]",
        ]
        if is_set:
            heads = [
                f"{name} contains {bound}",
                f"{name} contains [{bound}, 1]",
                f"{name} contains {self._constant('any')}",
            ]
        bodies = self._bodies(None, bound, self._choose.choice(["str", "any"]))
        self._rules.append((name, "set" if is_set else "obj"))
        return [f"{self._choose.choice(heads)} if {bodies}"]

    def _calling(self) -> list[str]:
        """Draw rules with calls in their heads."""
        form = self._choose.choice(HEADS)
        kind = (
            "set" if form.startswith("<name> contains") else "any" if form.startswith("<name> :=") else "obj"
        )
        name = self._fresh({"set": "s", "obj": "o", "any": "r"}[kind])
        texts = []
        for _ in range(1 if kind == "any" else self._choose.choice([1, 2])):
            body, env = self._body() if "<body>" in form else ("", Env())
            one = self._variable("any", env) or self._constant("any")
            key = self._variable("str", env) or self._text()
            names = {"name": name, "body": body, "one": one, "key": key}
            names |= {"other": self._body()[0], "free": self._called(Env())}
            texts.append(self._filled(form, env, **names))
        self._rules.append((name, kind))
        return texts

    def _called(self, env: Env) -> str:
        """Draw a call of a function with a variable or a member of the input."""
        own = [(f"{name}(<>)", types[0]) for name, types, _ in self._functions if len(types) == 1]
        call, kind = self._choose.choice(own if own and self._choose.random() < 0.3 else CALLS)
        named = kind if kind in FIELDS else self._choose.choice(list(FIELDS))
        return call.replace("<>", self._variable(kind, env) or self._input_field(named))

    def _statement(self, env: Env) -> str:
        if self._choose.random() >= _OWN_STATEMENT:
            return super()._statement(env)
        forms = [self._composite_negation, self._with_many, self._some_pattern, self._later]
        if env.depth < 3:
            forms.append(self._every_pair)
        return self._choose.choice(forms)(env)

    def _filled(self, form: str, env: Env, **names: str) -> str:
        """Fill a form: each place named by a type gets a term of its own."""

        def term(place: re.Match[str]) -> str:
            name = place[1]
            if name in names:
                return names[name]
            return self._called(env) if name == "call" else self._expr(name, env, 0)

        return _PLACE.sub(term, form)

    def _composite_negation(self, env: Env) -> str:
        own = [found for found in self._functions if self._choose.random() < 0.7]
        if own and self._choose.random() < 0.3:
            name, types, _ = self._choose.choice(own)
            return f"not {name}({', '.join(self._composite(kind, env) for kind in types)})"
        return f"not {self._filled(self._choose.choice(NEGATED), env)}"

    def _composite(self, kind: str, env: Env) -> str:
        """Draw an argument that holds references and calls."""
        if kind == "arr":
            return self._filled("[<any>, <any>]", env)
        if kind == "obj":
            return self._filled('{"a": <any>, "k": [<any>]}', env)
        return self._called(env) if kind in ("str", "num") else self._expr(kind, env, 1)

    def _with_many(self, env: Env) -> str:
        make = self._choose.choice([self._comparison, self._predicate, self._closed, self._membership])
        name = self._fresh("v")
        form = self._choose.random()
        if form < 0.3 and self._rules:
            rule, kind = self._choose.choice(self._rules)
            statement = f"{name} := {rule}"
        elif form < 0.5 and self._functions:
            function, types, kind = self._choose.choice(self._functions)
            statement = f"{name} := {function}({', '.join(self._expr(given, env, 1) for given in types)})"
        elif form < 0.6:
            statement, kind = f"{name} = {self._called(env)}", "any"
        else:
            statement, kind = make(env), ""
        if form < 0.75 and not kind and self._choose.random() < 0.5:
            statement = f"not {statement}"
        replaced = [self._replaced(env) for _ in range(self._choose.choice([2, 2, 3, 4]))]
        if kind:
            env.variables.append((name, kind))
        return " ".join([statement, *replaced])

    def _replaced(self, env: Env) -> str:
        """Draw a `with`, often of a function, its own or built in."""
        form = self._choose.random()
        if form < 0.2 and self._functions:
            name, types, kind = self._choose.choice(self._functions)
            same = [other for other, given, _ in self._functions if given == types]
            value = self._expr(kind, env, 0) if self._choose.random() < 0.4 else self._choose.choice(same)
            return f"with {self._in_full(name)} as {value}"
        if form < 0.4:
            places = self._choose.choice(list(REPLACED_BUILTINS))
            name, kind = self._choose.choice(REPLACED_BUILTINS[places])
            fitting = [own for own, given, _ in self._functions if tuple(given) == places]
            value = self._choose.choice(fitting) if fitting else self._expr(kind, env, 0)
            return f"with {name} as {value}"
        return super()._replaced(env)

    def _some_pattern(self, env: Env) -> str:
        form, kind = self._choose.choice(PATTERNS)
        names = {letter: self._fresh(letter) for letter in "kvw"}
        source = self._choose.choice(SOURCES[kind])
        if self._choose.random() < 0.25:
            source = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        text = f"some {self._filled(form, env, **names)} in {source}"
        if self._choose.random() < 0.1:
            text += f" {self._replaced(env)}"
        env.variables += [(name, "any") for letter, name in names.items() if f"<{letter}>" in form]
        return text

    def _every_pair(self, env: Env) -> str:
        key, value = self._fresh("k"), self._fresh("e")
        collection = self._choose.choice(["input.xs", "input.o", "input.ys", "input.os", "input.q"])
        if self._choose.random() < 0.4:
            collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        forms = self._choose.sample(PAIR_CONDITIONS, self._choose.choice([1, 2]))
        statements = [self._filled(form, env, k=key, v=value, collection=collection) for form in forms]
        if self._choose.random() < 0.4:
            inner = Env([*env.variables, (key, "any"), (value, "any")], env.depth + 1, len(env.variables))
            statements.append(self._body(inner, size=1)[0].removeprefix("{ ").removesuffix(" }"))
        statements.append(f"is_string(type_name([{key}, {value}]))")
        text = f"every {key}, {value} in {collection} {{ {'; '.join(statements)} }}"
        return f"{text} {self._replaced(env)}" if self._choose.random() < 0.15 else text

    def _later(self, env: Env) -> str:
        """Draw statements that bind some variables and use them, in any order."""
        names = [self._fresh("z") for _ in range(self._choose.choice([2, 2, 3]))]
        statements = []
        for at, name in enumerate(names):
            before = names[at - 1] if at else self._input_field("str")
            fresh = self._fresh("z")
            form = self._choose.choice(BINDINGS)
            statements.append(self._filled(form, env, z=name, y=before, fresh=fresh))
        for _ in range(self._choose.choice([1, 2])):
            one, other = self._choose.choice(names), self._choose.choice(names)
            statements.append(self._filled(self._choose.choice(CONDITIONS), env, z=one, y=other))
        if self._choose.random() < 0.3:
            statements.append(super()._statement(Env(list(env.variables), env.depth, env.outer)))
        self._choose.shuffle(statements)
        env.variables += [(name, "any") for name in names]
        return "; ".join(
            [*([f"some {', '.join(names)}"] if self._choose.random() < 0.2 else []), *statements]
        )

    def _in_lines(self, rule: str) -> str:
        """Write references in full beside the imports, and give a variable another thing's name."""
        rule = self._with_full_paths(rule)
        if self._choose.random() < _SHADOWED and (variables := sorted(set(_VARIABLE.findall(rule)))):
            there = [name for name, _ in self._rules] + [name for name, _, _ in self._functions]
            named = [*self._imports, *(name.rpartition(".")[2] for name in there), *_SHADOWED_BUILTINS]
            taken = self._choose.choice([*self._imports, *self._imports, *named])
            rule = re.sub(rf"(?<![\w.]){self._choose.choice(variables)}\b", taken, rule)
        return super()._in_lines(rule)

    def _with_full_paths(self, rule: str) -> str:
        """Replace some references through imports, and to rules of this package, by those from `data` on."""
        if rule.startswith("default "):
            return rule
        paths = dict(self._imports)
        own = [name for name, _ in self._rules] + [name for name, _, _ in self._functions]
        paths |= {
            name: f"data.{self._package}.{name}" for name in own if "." not in name and name not in paths
        }

        head = rule.find(" if ") + 1 or len(rule)

        def full(found: re.Match[str]) -> str:
            if found.start() < head or self._choose.random() >= _IN_FULL:
                return found[0]
            path = paths[found[0]]
            return re.sub(r"^data\.(\w+)", r'data["\1"]', path) if self._choose.random() < 0.1 else path

        named = "|".join(re.escape(name) for name in sorted(paths, key=len, reverse=True))
        return re.sub(rf"(?<![\w.\"])(?:{named})\b(?!\")", full, rule) if named else rule
