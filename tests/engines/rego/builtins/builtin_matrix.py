"""Every built-in function over every kind of value, and what OPA answers.

An argument is `{"v": value}`, or `{"s": elements}` for a set. `python -m tests.engines.rego.builtins.builtin_matrix`
asks OPA anew.
"""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from acs_sidecar.engines.rego.analysis.builtins import AVAILABLE, UNBOUNDED
from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT
from tests.differential.oracle import Oracle, Rejected

__all__ = ["ANSWERS", "DEPRECATED", "FUNCTIONS", "Argument", "calls", "module"]

ANSWERS: Path = ROOT / "tests/vectors/rego-builtin-matrix.json"
DEPRECATED = {"net.cidr_overlap": "net.cidr_contains", "re_match": "regex.match"}
"""Functions that OPA has in version 0 alone, with those that answer for them."""

FUNCTIONS = sorted(AVAILABLE - {"print", "trace", "walk", "regex.template_match"} - DEPRECATED.keys())
"""`print` and `trace` give `true`, `walk` gives many answers, and OPA keeps a template's expression by its
text alone, so that its answers depend on what was asked before: that one has vectors of its own."""

Argument = dict[str, Json]

_PAIRED: list[Json] = [
    "", "a", "abc", "é", "😀", "1.2.3", "v1.2.3", "<a&b>", "a+", "[", "10.0.0.0/29", "[1, 2", "%d %s",
    None, True, False, 0, 1, -1, 1.5, 9007199254740993, 12345678901234567890,
    [], ["b", "a"], ["a", 1], [[1], [2]], {}, {"a": 1}, {"a": ["b"], "b": []}, {"a": {"b": [1, None]}},
]  # fmt: skip
_SINGLE: list[Json] = [
    *_PAIRED, "b", "A.b/c", " x ", "1", "-1.5", "0x1", "1e3", "10K", "true", "\u0130", "🏴\u200d☠️ a", "1.2.3-rc.1+b", "YWJj", "YW",
    "616263", "a%20b=1&a=2", "a=1;b", '{"a": [1, {"b": null}]}', "10.0.0.1", "::ffff:10.0.0.1", "2024-02-29T12:30:00Z", "1h30m",
    "1d9aa2c4-0c5e-4c6a-8f4e-0c2b2d3f1a5b", "x" * 300, 2, 3, -0.5, -1.5, 0.1,
    [1], [2, 1], [1.5, 3], [""], [True], [None], [1, "a", None, True], [[["a"]]], [{"a": 1}], ["10.0.0.0/29", "10.0.0.8/29"],
    [1700000000000000000, "America/Denver"], [1700000000000000000, "UTC", "2006 MST"], [1700000000000000000, "UTC", "RFC3339"],
    {"b": 2, "a": 1}, {"1": "x"},
]  # fmt: skip
_TRIPLE: list[Json] = ["", "a", "é", "😀", None, True, 0, 1, -1, 1.5, [], ["b", "a"], {}, {"a": 1}]
_QUADRUPLE: list[Json] = ["", "a", None, True, 0, 1, -1, 1.5]
_SETS: list[list[Json]] = [
    [],
    [1, 2],
    ["a", "b"],
    ["a", 1],
    [None, True],
    [[1], [2]],
    [0, True],
    [{"a": 1}],
    [1.5, 3],
]
_LARGEST = 10_000
"""The largest number among arguments that decide how much is built."""


def calls(name: str) -> list[Sequence[Argument]]:
    """Return the arguments of every call of a function."""
    arity = ARITY[name]
    values = {1: _SINGLE, 2: _PAIRED, 3: _TRIPLE, 4: _QUADRUPLE}[arity]
    if name in UNBOUNDED:
        values = [value for value in values if not (isinstance(value, int) and abs(value) > _LARGEST)]
    sets = _SETS[: {1: None, 2: 6, 3: 3, 4: 0}[arity]]
    arguments: list[Argument] = [{"v": value} for value in values]
    arguments += [{"s": list(elements)} for elements in sets]
    return list(product(arguments, repeat=arity))


def module(name: str, given: str) -> str:
    """Return a module whose `x` is the type and the value of a call."""
    arguments = ", ".join(f"argument({given}[{place}])" for place in range(ARITY[name]))
    return f"""package a
argument(x) := x.v if not x.s
argument(x) := {{element | some element in x.s}} if x.s
x := [type_name(y), y] if y := {name}({arguments})
"""


def _record() -> None:
    answers = {name: _asked(name) for name in FUNCTIONS}
    lines = (f"{json.dumps(name)}: {json.dumps(answers[name])}" for name in FUNCTIONS)
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _asked(name: str) -> dict[str, Json]:
    """Return OPA's answers by the place of the call; where there is none it fails or is undefined."""
    oracle = Oracle({"a.rego": module(name, "input")})
    answers: dict[str, Json] = {}
    try:
        for place, arguments in enumerate(calls(name)):
            try:
                answer = oracle.document("data.a.x", list(arguments))
            except Rejected as error:
                if not str(error).startswith(("eval_error: ", "panic: ")):
                    raise
            else:
                if answer.defined:
                    answers[str(place)] = answer.value
    finally:
        oracle.close()
    return answers


if __name__ == "__main__":
    _record()
