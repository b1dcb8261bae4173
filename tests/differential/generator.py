"""Random policies that OPA mostly accepts: modules of rules, each a text of its own, and inputs."""

import json
import random
from dataclasses import dataclass

from acs_sidecar.spec.values import Json
from tests.differential.rules import Rules
from tests.differential.vocabulary import (
    COMPARED,
    FIELDS,
    KEYWORD_IMPORTS,
    MAX_LINE,
    TEXTS,
    VALUES,
)

__all__ = ["Generated", "PolicyGenerator", "generate"]


@dataclass(slots=True)
class Generated:
    """A policy: the head and the rules of each module, what to ask of it, and inputs."""

    heads: dict[str, str]
    rules: dict[str, list[str]]
    queries: list[str]
    inputs: list[Json]
    version: int = 1
    """The version of Rego that the service is given; OPA is given the first."""

    def modules(self) -> dict[str, str]:
        """Return the texts of the modules."""
        return {name: "\n".join([head, *self.rules[name]]) + "\n" for name, head in self.heads.items()}


def generate(seed: int) -> Generated:
    """Return the policy of a seed; in every second one rules compare the input with constants first."""
    policy = PolicyGenerator(random.Random(seed)).policy()
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


class PolicyGenerator(Rules):
    """Draws one policy."""

    def policy(self) -> Generated:
        heads: dict[str, str] = {}
        rules: dict[str, list[str]] = {}
        packages = [*self._choose.sample(["lib", "lib.deep", "util"], self._choose.randint(0, 2)), "p"]
        exported: list[tuple[str, list[tuple[str, str]], list[tuple[str, list[str], str]]]] = []
        for package in packages:
            imports = (
                [f"import {self._choose.choice(KEYWORD_IMPORTS)}"] if self._choose.random() < 0.1 else []
            )
            self._rules, self._functions, self._imports = [], [], {}
            for other, their_rules, their_functions in exported:
                alias = other.rpartition(".")[2]
                form = self._import_form()
                if form == "import":
                    imports.append(f"import data.{other}")
                elif form == "as":
                    alias = f"{alias}_"
                    imports.append(f"import data.{other} as {alias}")
                if form in ("import", "as"):
                    self._imports[alias] = f"data.{other}"
                prefix = f"data.{other}" if form in ("full", "rules") else alias
                if form == "rules":
                    names = {
                        name: f"{name}_" if self._choose.random() < 0.5 else name for name, _ in their_rules
                    }
                    imports += [f"import data.{other}.{name} as {own}" for name, own in names.items()]
                    self._imports |= {own: f"data.{other}.{name}" for name, own in names.items()}
                    self._rules += [(names[name], kind) for name, kind in their_rules]
                else:
                    self._rules += [(f"{prefix}.{name}", kind) for name, kind in their_rules]
                self._functions += [(f"{prefix}.{name}", args, kind) for name, args, kind in their_functions]
            before = (len(self._rules), len(self._functions))
            if self._choose.random() < 0.1:
                imports.append("import input.o as io")
                self._rules.append(("io", "obj"))
                before = (before[0] + 1, before[1])
            self._package = package
            module = f"{package}.rego"
            heads[module] = "\n".join([f"package {package}", *imports])
            rules[module] = []
            for _ in range(self._choose.randint(2, 7 if package == "p" else 4)):
                rules[module] += self._rule()
            if self._choose.random() < 0.5:
                self._choose.shuffle(rules[module])
            if package == "p" and self._choose.random() < 0.2:
                half = len(rules[module]) // 2
                heads["p2.rego"], rules["p2.rego"] = heads[module], rules[module][half:]
                del rules[module][half:]
            rules[module] = [self._in_lines(rule) for rule in rules[module]]
            exported.append((package, self._rules[before[0] :], self._functions[before[1] :]))
        inputs = [self._input() for _ in range(4)]
        return Generated(heads, rules, ["data.p"], inputs)

    def _import_form(self) -> str:
        """Draw how a package is reached: by its import, an alias, in full, or by imports of its rules."""
        return self._choose.choice(["import", "as", "full", "import", "as", "full", "rules"])

    def _in_lines(self, rule: str) -> str:
        """Put the statements of some rules, and of all long ones, on lines of their own."""
        long = len(rule.encode()) > MAX_LINE
        if not long and self._choose.random() < 0.9:
            return rule
        return rule.replace("; ", "\n  ").replace(" else :=", "\n  else :=")

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
