"""Fuzzing of conditions and documents: `python -m tests.engines.adapters.agt_rules.fuzz --inputs 200000`.

A text is a condition here exactly if it is one to the plain reader of `reference`, and both decide it alike;
what is refused has a place. Documents, valid ones with damage, compile and give a verdict or are refused.
"""

import copy
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from acs_sidecar.engines.adapters.agt_rules.closures import Compiler
from acs_sidecar.engines.adapters.agt_rules.condition.parser import parse_condition
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import ConditionError
from acs_sidecar.engines.adapters.agt_rules.condition.tree import Name, pushed_down, text_of
from acs_sidecar.engines.adapters.agt_rules.expressions import Expression, ExpressionError
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate
from tests.engines.adapters.agt_rules.reference import UnreadableError, read, value_of
from tests.engines.adapters.agt_rules.toolkit.generator import generate

SLOWEST_S = 0.5
NAMES = ("a", "b", "c.d", "e[0]", 'f["é"]', "has", "g.in")
WORDS = (
    *(
        "and",
        "or",
        "not",
        "AND",
        "Or",
        "in",
        "IN",
        "contains",
        "startswith",
        "endswith",
        "matches",
        "true",
        "FALSE",
    ),
    *(
        "has(",
        "(",
        ")",
        "!",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "[",
        "]",
        ",",
        ".",
        "[]",
        "x.y",
    ),
    *(
        "'t'",
        '"u"',
        "'it'",
        "''",
        "'(?i)T'",
        "1",
        "-2.5",
        "1e3",
        "1e999",
        "01",
        "18446744073709551616",
        "é",
        "$",
        "\x00",
    ),
    *("null", "is", "like", "not in", "''''", "\u0430", "\uff1d\uff1d", "'", '"', "\\'", "#", "\u202e"),
    *NAMES,
)
VALUES: tuple[Any, ...] = (
    *("t", "u", "T", "", "tt", 1, -2.5, 1000, 1.0, True, False, None, 2**63),
    *([], ["t", 1], [1.0, True], [[1], {"t": 1}], {}, {"t": None}, {"d": "t"}, {"d": {"x": 1}}, {"in": "t"}),
    [{"t": 1.0}],
)
PATTERNS = (
    r"^a(b|c)*d$",
    r"(?i)drop\s+table",
    r"[[:alpha:]]{2,3}",
    r"\bfoo\b",
    r"\p{L}+\u0041",
    "(?P<n>x)+?",
    "[^]a]",
    "a{,3}",
)
MARKS = (
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "?",
    "*",
    "+",
    "\\",
    "|",
    "(?=",
    "(?<",
    "\\1",
    "\\Z",
    "{9999}",
    "é",
    "\x00",
    "(?s)",
    "^",
    "$",
)
DAMAGE = (
    "&a [*a]",
    "*x",
    "!!python/object:os.system",
    "? ",
    "- ",
    ": ",
    "\t",
    "{",
    "}",
    "[",
    "null",
    "1e400",
    "<<: ",
    "'",
    '"',
    "\u2028",
    "\x85",
    "%TAG",
    "---",
    "~",
)
SNAPSHOT: dict[str, Json] = {"x": {}, "envelope": {"agent": {"id": "did:x"}, "counters": {"agt": {}}}}
CONTEXT = {name: f"$snap.x.{name}" for name in ("role", "amount", "env", "data", "path", "on", "user_name")}


class FaultError(AssertionError):
    """Something that must not happen."""


class Kinds:
    """One method a kind of input; each returns whether the input was accepted."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose
        self.last: object = None

    def tokens(self) -> bool:
        """Words in any order."""
        count = self._random.randrange(1, 12)
        joint = self._random.choice(("", " ", " ", " ", "\n"))
        return self._condition(joint.join(self._random.choices(WORDS, k=count)))

    def conditions(self) -> bool:
        """Conditions, with damage at times."""
        text = self._valid(2)
        if self._random.random() < 0.5:
            place = self._random.randrange(len(text) + 1)
            text = (
                text[:place] + self._random.choice(WORDS) + text[place + self._random.choice((0, 0, 1, 3)) :]
            )
        return self._condition(text)

    def expressions(self) -> bool:
        """Regular expressions, with damage."""
        pattern = self._random.choice(PATTERNS)
        for _ in range(self._random.randrange(3)):
            place = self._random.randrange(len(pattern) + 1)
            pattern = (
                pattern[:place] + self._random.choice(MARKS) + pattern[place + self._random.randrange(2) :]
            )
        self.last = pattern
        try:
            expression = Expression(pattern)
        except ExpressionError as error:
            if not str(error).isprintable():
                raise FaultError("a message that does not print") from error
            return False
        text = self._random.choice(("aaab", "drop\u00a0table", "")).encode() * self._random.choice((1, 50))
        expression.occurs_in([text], text)
        return True

    def texts(self) -> bool:
        """Documents as text, with damage."""
        case = generate(self._random.randrange(2**32))
        text = case.files[case.listed[0]]
        for _ in range(self._random.randrange(3)):
            place = self._random.randrange(len(text) + 1)
            text = text[:place] + self._random.choice(DAMAGE) + text[place + self._random.choice((0, 1, 4)) :]
        self.last = text
        return self._decided(("d.yaml",), {"d.yaml": text.encode(errors="replace").decode()}, case.context)

    def documents(self) -> bool:
        """Documents as objects, with values of any type in any place."""
        case = generate(self._random.randrange(2**32))
        document = case.documents[case.listed[0]]
        document.pop("extends", None)
        for _ in range(self._random.randrange(3)):
            self._replace(document)
        self.last = document
        return self._decided((document,), {}, case.context)

    def _condition(self, text: str) -> bool:
        self.last = text
        try:
            tree = parse_condition(text)
        except ConditionError as error:
            if not 0 <= error.offset <= len(text):
                raise FaultError(f"a place outside: {error.offset}") from error
            if _is_readable(text):
                raise FaultError(f"refused: {error.message}") from error
            return False
        try:
            plain = read(text)
        except UnreadableError:
            raise FaultError("accepted, although the grammar does not have it") from None
        if parse_condition(text_of(tree)) != tree:
            raise FaultError(f"printed as another condition: {text_of(tree)}")
        if not _has_plain_expressions(plain):
            return True
        check_of = Compiler(_source, {})
        check = check_of.check(pushed_down(tree))
        for _ in range(2):
            context = {name: self._random.choice(VALUES) for name in "abcefg" if self._random.random() < 0.8}
            given, wanted = check(check_of.frame({"snapshot": context})), value_of(plain, context)
            if given is not wanted:
                raise FaultError(f"{given}, where the tests give {wanted}, over {context}")
        return True

    def _decided(self, listed: tuple[Json, ...], files: dict[str, str], context: Json) -> bool:
        try:
            policy = compiled(*listed, files=files, context=CONTEXT)
        except ManifestError as error:
            if not all(found.path for found in error.diagnostics):
                raise FaultError(f"a finding without a place: {error}") from error
            return False
        try:
            output = evaluate(policy, {**SNAPSHOT, "x": context})
        except EvaluationError:
            return True
        if output["decision"] not in ("allow", "deny", "warn", "escalate"):
            raise FaultError(f"no verdict: {output}")
        return True

    def _replace(self, document: dict[str, Any]) -> None:
        inside: Any = document
        while True:
            keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            if not keys:
                return
            key = self._random.choice(keys)
            if isinstance(inside[key], dict | list) and inside[key] and self._random.random() < 0.8:
                inside = inside[key]
                continue
            inside[key] = copy.deepcopy(self._random.choice([*VALUES, self._valid(1), "\x1b[2J", "x" * 5000]))
            return

    def _valid(self, depth: int) -> str:
        source = self._random
        if depth and source.random() < 0.6:
            parts = [self._valid(depth - 1) for _ in range(source.choice((2, 2, 3)))]
            text = source.choice((" and ", " or ", " && ", " OR ")).join(parts)
            return source.choice((f"({text})", f"not ({text})", text))
        name, literal = source.choice(NAMES), source.choice(("'t'", '"u"', "1", "-2.5", "1e3", "''", "true"))
        return source.choice(
            (
                f"{name} == {literal}",
                f"{name} != {literal}",
                f"{name} {source.choice(('<', '<=', '>', '>='))} {source.choice(('1', '-2.5', chr(39) + 't' + chr(39)))}",
                f"{name} {source.choice(('in', 'not in'))} [{literal}, 'u', 1]",
                f"{name} {source.choice(('in', 'not in'))} {source.choice(NAMES)}",
                f"{name} {source.choice(('contains', 'not contains'))} {literal}",
                f"{name} {source.choice(('startswith', 'not endswith', 'endswith'))} 't'",
                f"{name} {source.choice(('matches', 'not matches'))} 't'",
                f"{name} {source.choice(('==', '<', '!='))} {source.choice(NAMES)}",
                f"has({name})",
                f"!{name}",
                name,
            )
        )


def _is_readable(text: str) -> bool:
    try:
        read(text)
    except UnreadableError:
        return False
    return True


def _has_plain_expressions(tree: Any) -> bool:
    """True if no `matches` has a text that the two engines may read differently."""
    if not isinstance(tree, tuple):
        return True
    if tree and tree[0] == "matches":
        return bool(tree[2][1].isalnum())
    return all(map(_has_plain_expressions, tree))


def _source(name: Name) -> Source:
    return Source((Path("$snap", Root.SNAPSHOT, name.segments),))


KINDS = ("tokens", "conditions", "tokens", "conditions", "expressions", "texts", "documents")


def run(inputs: int, seed: int, kinds: Sequence[str] = KINDS) -> tuple[Counter[str], list[str]]:
    """Read so many inputs; return how many of each kind were accepted, and the faults."""
    maker = Kinds(seed)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for number in range(inputs):
        kind = kinds[number % len(kinds)]
        begun = time.process_time()
        try:
            accepted = getattr(maker, kind)()
            counts[f"{kind}: {'accepted' if accepted else 'refused'}"] += 1
        except Exception as error:  # noqa: BLE001  # whatever is raised is a fault
            faults.append(f"{kind}: {type(error).__name__}: {str(error)[:300]} for {maker.last!r:.1000}")
        if (took := time.process_time() - begun) > SLOWEST_S:
            faults.append(f"{kind}: {took:.1f} s for {maker.last!r:.1000}")
        if len(faults) >= 20:
            break
    return counts, faults


def main(
    inputs: Annotated[int, typer.Option(help="How many inputs.")] = 200_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same inputs.")] = 1,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds.")] = None,
) -> None:
    """Read random conditions, expressions and documents; exits 1 where one is read wrongly."""
    counts, faults = run(inputs, seed, kind or KINDS)
    for fault in faults:
        print(fault)
    print(json.dumps({**dict(sorted(counts.items())), "faults": len(faults)}))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    typer.run(main)
