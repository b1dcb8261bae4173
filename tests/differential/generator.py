"""Random policies that OPA mostly accepts: modules of rules, each a text of its own, and inputs."""

import json
import random
import re
from dataclasses import dataclass, field

from acs_sidecar.spec.values import Json

__all__ = ["Generated", "generate"]

_TEXTS = ["", "a", "b", "abc", "A-b", "é", "ß", "日本", "a/b", "10.0.0.1", "1", "a,b", " x ", "😀a"]
_NAMES = ["a", "b", "c", "d e", "é"]
_FIELDS = {
    "str": ["s", "t", "u"],
    "num": ["n", "m"],
    "bool": ["f", "g"],
    "arr": ["xs", "ys", "os"],
    "obj": ["o", "q"],
}
_USED = 2
_LOOSE = 0.25
_COMPARED = 0.5
_ANY = [name for names in _FIELDS.values() for name in names]

# Pure functions by the type of their value: name and types of arguments.
_BUILTINS: dict[str, list[tuple[str, list[str]]]] = {
    "str": [
        ("lower", ["str"]),
        ("upper", ["str"]),
        ("trim", ["str", "str"]),
        ("trim_space", ["str"]),
        ("trim_prefix", ["str", "str"]),
        ("trim_suffix", ["str", "str"]),
        ("replace", ["str", "str", "str"]),
        ("concat", ["lit,", "strs"]),
        ("substring", ["str", "pos", "pos"]),
        ("format_int", ["int", "lit10"]),
        ("base64.encode", ["str"]),
        ("hex.encode", ["str"]),
        ("urlquery.encode", ["str"]),
        ("type_name", ["any"]),
        ("strings.reverse", ["str"]),
        ("json.marshal", ["any"]),
        ("sprintf", ["litfmt", "anys1"]),
        ("trim_left", ["str", "str"]),
        ("trim_right", ["str", "str"]),
        ("base64url.encode", ["str"]),
        ("regex.replace", ["str", "litre", "str"]),
        ("base64.decode", ["litb64"]),
        ("base64url.encode_no_pad", ["str"]),
        ("base64url.decode", ["litb64"]),
        ("hex.decode", ["lithex"]),
        ("urlquery.decode", ["str"]),
        ("urlquery.encode_object", ["litquery"]),
        ("crypto.sha256", ["str"]),
        ("crypto.md5", ["str"]),
        ("crypto.hmac.sha1", ["str", "str"]),
        ("glob.quote_meta", ["str"]),
        ("strings.replace_n", ["litreplace", "str"]),
        ("time.weekday", ["littime"]),
        ("time.format", ["littime"]),
    ],
    "num": [
        ("count", ["coll"]),
        ("abs", ["num"]),
        ("sum", ["nums"]),
        ("max", ["nums"]),
        ("min", ["nums"]),
        ("product", ["nums"]),
        ("round", ["num"]),
        ("ceil", ["num"]),
        ("floor", ["num"]),
        ("indexof", ["str", "str"]),
        ("to_number", ["numlike"]),
        ("strings.count", ["str", "nestr"]),
        ("bits.and", ["int", "int"]),
        ("bits.or", ["int", "int"]),
        ("bits.xor", ["int", "int"]),
        ("count", ["str"]),
        ("time.parse_duration_ns", ["litdur"]),
        ("time.parse_rfc3339_ns", ["litrfc3339"]),
        ("time.add_date", ["littime", "small", "small", "small"]),
        ("semver.compare", ["litversion", "litversion"]),
        ("bits.negate", ["int"]),
        ("bits.lsh", ["lit10", "lit10"]),
        ("bits.rsh", ["int", "lit10"]),
        ("units.parse", ["litunits"]),
        ("units.parse_bytes", ["litunits"]),
    ],
    "bool": [
        ("startswith", ["str", "str"]),
        ("endswith", ["str", "str"]),
        ("contains", ["str", "str"]),
        ("is_string", ["any"]),
        ("is_number", ["any"]),
        ("is_array", ["any"]),
        ("is_object", ["any"]),
        ("is_boolean", ["any"]),
        ("is_null", ["any"]),
        ("is_set", ["any"]),
        ("regex.match", ["litre", "str"]),
        ("glob.match", ["litglob", "null", "str"]),
        ("json.is_valid", ["str"]),
        ("base64.is_valid", ["str"]),
        ("strings.any_prefix_match", ["str", "strs"]),
        ("strings.any_suffix_match", ["str", "strs"]),
        ("object.subset", ["obj", "obj"]),
        ("semver.is_valid", ["str"]),
        ("net.cidr_contains", ["litcidr", "litip"]),
        ("regex.is_valid", ["str"]),
        ("net.cidr_intersects", ["litcidr", "litcidr"]),
        ("net.cidr_is_valid", ["str"]),
        ("crypto.hmac.equal", ["str", "str"]),
        ("regex.template_match", ["littemplate", "str", "lit{", "lit}"]),
    ],
    "arr": [
        ("split", ["str", "nestr"]),
        ("array.concat", ["arr", "arr"]),
        ("array.slice", ["arr", "pos", "pos"]),
        ("array.reverse", ["arr"]),
        ("sort", ["arr"]),
        ("numbers.range", ["small", "small"]),
        ("regex.split", ["litre", "str"]),
        ("indexof_n", ["str", "nestr"]),
        ("regex.find_n", ["litre", "str", "small"]),
        ("regex.find_all_string_submatch_n", ["litre", "str", "small"]),
        ("numbers.range_step", ["small", "small", "step"]),
        ("time.date", ["littime"]),
        ("time.clock", ["littime"]),
        ("time.diff", ["littime", "littime"]),
    ],
    "obj": [
        ("object.union", ["obj", "obj"]),
        ("object.remove", ["obj", "strs"]),
        ("object.filter", ["obj", "strs"]),
        ("json.filter", ["obj", "paths"]),
        ("json.remove", ["obj", "paths"]),
        ("object.union_n", ["objs"]),
        ("json.patch", ["obj", "patches"]),
        ("urlquery.decode_object", ["litquerytext"]),
    ],
    "set": [
        ("intersection", ["sets"]),
        ("union", ["sets"]),
        ("object.keys", ["obj"]),
        ("graph.reachable", ["litgraph", "strs"]),
        ("net.cidr_expand", ["litsmallcidr"]),
        ("net.cidr_merge", ["litcidrs"]),
    ],
    "any": [("object.get", ["obj", "str", "any"]), ("json.unmarshal", ["litjson"])],
}
_TYPES = ["str", "num", "bool", "arr", "obj", "set"]


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


@dataclass(slots=True)
class _Env:
    """What an expression may name: variables, rules and functions, each with its type."""

    variables: list[tuple[str, str]] = field(default_factory=list)
    depth: int = 0


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
            if choose.random() < _COMPARED:
                one, *_ = chosen = [json.dumps(text, ensure_ascii=False) for text in choose.sample(_TEXTS, 5)]
                reference = f"input.{choose.choice(_FIELDS['str'])}"
                some = f"{reference} in {{{', '.join(chosen)}}}"
                form = choose.choice(
                    [f"{reference} == {one}", f"{one} = {reference}", some, some, "input.f = true"]
                )
                texts[at] = text.replace(" if { ", f" if {{ {form}; ", 1)


class _Generator:
    def __init__(self, choose: random.Random) -> None:
        self._choose = choose
        self._rules: list[tuple[str, str]] = []
        self._functions: list[tuple[str, list[str], str]] = []
        self._names = 0

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

    def _fresh(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _complete(self) -> list[str]:
        name, kind = self._fresh("r"), self._choose.choice(_TYPES)
        texts = []
        total = self._choose.random() < 0.4
        if total:
            texts.append(f"default {name} := {self._constant(kind)}")
        form = self._choose.random()
        if form < 0.2:
            texts.append(f"{name} := {self._expr(kind, _Env())}")
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
        name, kind = self._fresh("s"), self._choose.choice(_TYPES)
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
        name, kind = self._fresh("o"), self._choose.choice(_TYPES)
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
                texts.append(f"{name}.{part} := {self._constant(self._choose.choice(_TYPES))} if {body}")
            elif shape < 0.7:
                texts.append(f"{name}.{part} contains {key} if {body}")
            else:
                texts.append(f"{name}.{part}[{key}] := {self._constant('num')} if {body}")
        self._rules.append((name, "obj"))
        return texts

    def _function(self) -> list[str]:
        name, kind = self._fresh("f"), self._choose.choice(_TYPES)
        types = [self._choose.choice(_TYPES) for _ in range(self._choose.randint(1, 2))]
        texts = []
        if self._choose.random() < 0.3:
            texts.append(f"default {name}({', '.join('_' for _ in types)}) := {self._constant(kind)}")
        for _ in range(self._choose.choices([1, 2], [3, 1])[0]):
            arguments, env = [], _Env()
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

    def _body(self, outer: _Env | None = None, *, size: int = 3) -> tuple[str, _Env]:
        env = _Env(list(outer.variables) if outer else [], (outer.depth if outer else 0) + 1)
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
            if sum(len(re.findall(rf"\b{name}\b", text)) for text in statements) < _USED:
                statements.append(f"is_string(type_name({name}))")
        return "{ " + "; ".join(statements) + " }", env

    def _statement(self, env: _Env) -> str:
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
        ]
        if env.depth < 3:
            forms += [(self._every, 1)]
        make = self._choose.choices([form for form, _ in forms], [weight for _, weight in forms])[0]
        return make(env)

    def _assignment(self, env: _Env) -> str:
        kind = self._choose.choice(_TYPES)
        value, name = self._expr(kind, env), self._fresh("v")
        env.variables.append((name, kind))
        return f"{name} {self._choose.choice([':=', ':=', '='])} {value}"

    def _some_in(self, env: _Env) -> str:
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

    def _comparison(self, env: _Env) -> str:
        kind = self._choose.choice(_TYPES)
        operator = self._choose.choice(
            ["==", "!=", "<", "<=", ">", ">="] if kind in ("num", "str") else ["==", "!="]
        )
        return f"{self._expr(kind, env)} {operator} {self._expr(kind, env)}"

    def _negation(self, env: _Env) -> str:
        make = self._choose.choice(
            [self._comparison, self._membership, self._predicate, self._closed, self._with_plain]
        )
        return f"not {make(env)}"

    def _closed(self, env: _Env) -> str:
        if self._choose.random() < 0.5 and env.variables:
            name, _ = self._choose.choice(env.variables)
            rules = [rule for rule, kind in self._rules if kind in ("set", "obj")]
            return f"{self._choose.choice([*rules, 'input.o', 'input.q', 'input.os'])}[{name}]"
        return self._reference(self._choose.choice(_TYPES), env)

    def _membership(self, env: _Env) -> str:
        return (
            f"{self._expr('any', env, 1)} in {self._expr(self._choose.choice(['arr', 'set', 'obj']), env, 1)}"
        )

    def _predicate(self, env: _Env) -> str:
        own = [found for found in self._functions if self._choose.random() < 0.7]
        if own and self._choose.random() < 0.5:
            name, types, _ = self._choose.choice(own)
            return f"{name}({', '.join(self._expr(kind, env, 1) for kind in types)})"
        return self._call("bool", env)

    def _lookup(self, env: _Env) -> str:
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

    def _pattern(self, env: _Env) -> str:
        one, other = self._fresh("v"), self._fresh("v")
        env_before = _Env(list(env.variables), env.depth)
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

    def _source(self, kind: str, env: _Env) -> str:
        """Return what a pattern takes apart; OPA refuses one that a literal cannot match."""
        return self._choose.choice([self._variable("any", env) or "input.os[0]", self._input_field(kind)])

    def _input_field(self, kind: str) -> str:
        return f"input.{self._choose.choice(_FIELDS[kind])}"

    def _unification(self, env: _Env) -> str:
        kind = self._choose.choice(_TYPES)
        return f"{self._expr(kind, env, 1)} = {self._expr(kind, env, 1)}"

    def _with(self, env: _Env) -> str:
        return self._with_plain(env)

    def _with_plain(self, env: _Env) -> str:
        kind = self._choose.choice(["str", "num", "obj", "arr"])
        field_ = self._choose.choice(_FIELDS[kind])
        make = self._choose.choice([self._comparison, self._predicate])
        return f"{make(env)} with input.{field_} as {self._expr(kind, env, 1)}"

    def _every(self, env: _Env) -> str:
        collection = self._expr(self._choose.choice(["arr", "obj", "set"]), env, 1)
        value = self._fresh("e")
        inner = _Env([*env.variables, (value, "any")], env.depth)
        body, _ = self._body(inner, size=2)
        inside = body[2:-2] if body.startswith("{ ") else body
        body = f"{{ {inside}; is_string(type_name({value})) }}"
        if self._choose.random() < 0.3:
            key = self._fresh("k")
            return f"every {key}, {value} in {collection} {body[:-2]}; is_string(type_name({key})) }}"
        return f"every {value} in {collection} {body}"

    # Terms

    def _variable(self, kind: str, env: _Env) -> str | None:
        loose = kind == "any" or self._choose.random() < _LOOSE
        fit = [name for name, found in env.variables if found == kind or (loose and found == "any")]
        return self._choose.choice(fit) if fit else None

    def _expr(self, kind: str, env: _Env, depth: int = 2) -> str:
        if kind == "any":
            kind = self._choose.choice(_TYPES)
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
            return f"({self._expr('num', env, depth - 1)} {self._choose.choice('+-*')} {self._expr('num', env, 0)})"
        if form < 0.82 and kind == "set":
            return f"({self._expr('set', env, depth - 1)} {self._choose.choice('|&-')} {self._expr('set', env, 0)})"
        if form < 0.86 and kind in ("arr", "obj", "set"):
            items = [self._expr("any", env, 0) for _ in range(self._choose.randint(1, 2))]
            if kind == "arr":
                return f"[{', '.join(items)}]"
            if kind == "set":
                return f"{{{', '.join(items)}}}"
            return "{" + ", ".join(f'"{name}": {item}' for name, item in zip("ab", items, strict=False)) + "}"
        own = [found for found in self._functions if found[2] == kind]
        if own and self._choose.random() < 0.5:
            name, types, _ = self._choose.choice(own)
            return f"{name}({', '.join(self._expr(argument, env, depth - 1) for argument in types)})"
        return self._call(kind, env, depth - 1)

    def _call(self, kind: str, env: _Env, depth: int = 1) -> str:
        name, arguments = self._choose.choice(_BUILTINS[kind])
        return f"{name}({', '.join(self._argument(argument, env, depth) for argument in arguments)})"

    def _argument(self, kind: str, env: _Env, depth: int) -> str:
        choose = self._choose.choice
        if kind in _TYPES or kind == "any":
            return self._expr(kind, env, depth)
        fixed: dict[str, list[str]] = {
            "lit,": ['","', '""'],
            "litre": ['"^a.*"', '"[a-z]+"', '"b"', '"^é"'],
            "litglob": ['"a*"', '"**"', '"*/b"', '"{a,b}"'],
            "lit10": ["10", "16", "2"],
            "litfmt": ['"%v"', '"<%s>"', '"%d!"'],
            "litdur": ['"1h"', '"2m3s"'],
            "litcidr": ['"10.0.0.0/8"', '"::/0"', '"192.168.1.0/24"'],
            "litip": ['"::ffff:10.1.2.3"', '"10.1.2.3"', '"::1"', '"192.168.1.7"'],
            "litjson": ['"[1, 2]"', '"{\\"a\\": 1}"', '"null"'],
            "litb64": ['"YWJj"', '"YQ=="', '"!"'],
            "lithex": ['"616263"', '"6"'],
            "litquery": ['{"a": "b c"}', '{"a": ["1", "2"], "é": "x"}'],
            "litquerytext": ['"a=1&a=2&b=%20"', '"a"', '"%zz"'],
            "litreplace": ['{"a": "b", "b": "c"}', "{}"],
            "littime": ["1700000000000000000", '[1700000000000000000, "UTC"]', "0"],
            "litrfc3339": ['"2024-02-29T12:00:00Z"', '"2024-02-29T12:00:00+02:00"', '"x"'],
            "litversion": ['"1.2.3"', '"1.2.3-rc.1"', '"2.0.0"', '"x"'],
            "litunits": ['"10K"', '"1.5Mi"', '"10"'],
            "littemplate": ['"a{.*}"', '"{[a-z]+}/b"'],
            "lit{": ['"{"'],
            "lit}": ['"}"'],
            "step": ["1", "2"],
            "patches": [
                '[{"op": "add", "path": "/a", "value": 1}]',
                '[{"op": "remove", "path": "/a"}]',
                '[{"op": "replace", "path": "b", "value": [1]}, {"op": "copy", "from": "/b", "path": "/c"}]',
                '[{"op": "test", "path": "/a", "value": 1}]',
            ],
            "litgraph": ['{"a": ["b"], "b": ["a", "c"], "c": []}', '{"a": {"b"}}'],
            "litsmallcidr": ['"10.0.0.0/30"', '"::/127"', '"x"'],
            "litcidrs": ['["10.0.0.0/25", "10.0.0.128/25"]', '{"10.0.0.0/24", "::/0"}'],
            "null": ["null", "[]", '["/"]'],
            "pos": ["0", "1", "2", "3"],
            "small": ["0", "1", "5"],
            "int": ["0", "1", "7", "255"],
            "nestr": ['"a"', '","', '"/"'],
            "numlike": ['"1"', "2", '"3.5"'],
            "paths": ['["a"]', '[["a", "b"]]', '["a/b"]', '["c", "b"]'],
            "strs": ['["a", "b"]', "[]", '["a"]'],
            "nums": ["[1, 2, 3]", "[2.5]"],
            "coll": ["input.xs", "input.o", "[1]"],
            "anys1": [f"[{self._expr('any', env, 0)}]"],
            "objs": ['[{"a": 1}, {"b": 2}]', '[{"a": {"c": 1}}, {"a": {"d": 2}}]'],
            "sets": ["{{1, 2}, {2, 3}}", '{{"a"}}'],
        }
        fields = {
            "strs": "input.ys",
            "nums": "input.xs",
            "pos": "input.n",
            "int": "input.n",
            "nestr": "input.s",
        }
        if kind in fields and self._choose.random() < 0.3:
            return fields[kind]
        return choose(fixed[kind])

    def _reference(self, kind: str, env: _Env) -> str:
        form = self._choose.random()
        rules = [name for name, found in self._rules if found == kind]
        if rules and form < 0.4:
            return self._choose.choice(rules)
        if kind == "set":
            return self._constant("set")
        if form < 0.85:
            return self._input_field(kind)
        if form < 0.9:
            return f'input["{self._choose.choice(_FIELDS[kind])}"]'
        if form < 0.95 and (key := self._variable("str", env)):
            return f"input.o[{key}]"
        return self._choose.choice(["input.o.a", "input.os[0].a", "input.missing.x", "input.o[input.s]"])

    def _comprehension(self, kind: str, env: _Env) -> str:
        if kind not in ("arr", "set", "obj"):
            return self._constant(kind)
        body, inner = self._body(_Env(list(env.variables), env.depth + 1), size=2)
        inside = body[2:-2] if body.startswith("{ ") else body
        value = self._variable("any", inner) or self._expr("any", inner, 0)
        if kind == "obj":
            key = self._variable("str", inner) or self._text()
            return f"{{{key}: {value} | {inside}}}"
        return f"[{value} | {inside}]" if kind == "arr" else f"{{{value} | {inside}}}"

    def _text(self) -> str:
        return '"' + self._choose.choice(_TEXTS).replace('"', "") + '"'

    def _constant(self, kind: str) -> str:
        choose = self._choose
        if kind == "any":
            kind = choose.choice(_TYPES)
        match kind:
            case "str":
                return self._text()
            case "num":
                return choose.choice(
                    ["0", "1", "2", "-1", "3.5", "100", "9007199254740993", "1e3", "0.50", "2.0"]
                )
            case "bool":
                return choose.choice(["true", "false"])
            case "arr":
                return choose.choice(
                    ["[]", "[1, 2]", '["a", "b"]', '[["a", 1]]', '[{"a": 1}, {"a": 2, "b": 3}]']
                )
            case "obj":
                return choose.choice(
                    ["{}", '{"a": 1}', '{"a": 1, "b": [2]}', '{"a": {"b": "x"}}', '{"b": "a"}']
                )
        return choose.choice(["set()", "{1, 2}", '{"a"}', '{"a", "b"}', "{[1, 2]}"])

    # Inputs

    def _input(self) -> Json:
        given: dict[str, Json] = {}
        for kind, names in _FIELDS.items():
            for name in names:
                form = self._choose.random()
                if form < 0.15:
                    continue
                if form < 0.16:
                    given[name] = None
                elif form < 0.19:
                    given[name] = self._value(self._choose.choice(list(_FIELDS)))
                else:
                    given[name] = self._value(kind)
        return given

    def _value(self, kind: str) -> Json:
        choose = self._choose
        values: dict[str, list[Json]] = {
            "str": [*_TEXTS, "a" * 300],
            "num": [0, 1, 2, -1, 3.5, 100, 2**53 + 1, 10**15],
            "bool": [True, False],
            "arr": [[], [1, 2], [1, 2, 3], ["a", "b"], [["a", 1]], [{"a": 1}, {"a": 2, "b": 3}], [None, "a"]],
            "obj": [{}, {"a": 1}, {"a": 1, "b": [2]}, {"a": {"b": "x"}}, {"b": "a", "d e": True}, {"é": "a"}],
        }
        return choose.choice(values[kind])
