"""`in` as a value, and `not` with `future.keywords.not`: undefined operands mean what they mean in OPA."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

_SNAPSHOT: Json = {"user": "ada", "users": ["ada"], "roles": {"ada": "admin"}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("input.gone in [1]", "undefined"),
        ("1 in input.gone", "undefined"),
        ("1 in [1, input.gone]", "undefined"),
        ('"ada", input.gone in input.snapshot.roles', "undefined"),
        ("[input.gone in [1]]", "undefined"),
        ('{"known": 1 in input.gone}', "undefined"),
        ("is_boolean(1 in input.gone)", "undefined"),
        ("input.snapshot.user in input.snapshot.users", True),
        ('"bob" in input.snapshot.users', False),
        ("is_boolean(input.snapshot.user in input.snapshot.users)", True),
        ('input.snapshot.user, "admin" in input.snapshot.roles', True),
        ("[1 in [1], 1 in [1 in [2], false]]", [True, False]),
    ],
)
@pytest.mark.parametrize("module", ["y := {value}", "y := z if z := {value}", "y := f(1)\nf(_) := {value}"])
def test_in_as_a_value_is_undefined_with_an_undefined_operand(
    module: str, value: str, expected: Json
) -> None:
    """The engine alone answers `false`, which `== false` and rules about it would take for a value."""
    text = f'package a\ndefault x := "undefined"\nx := y\n{module.format(value=value)}'
    assert evaluate(definition(text), _SNAPSHOT) == expected


@pytest.mark.parametrize(
    ("imports", "holds"),
    [
        ("import rego.v1", False),
        ("import future.keywords.in", False),
        ("import future.keywords", True),
        ("import future.keywords.not", True),
        ("import rego.v1\nimport future.keywords", True),
        ("import rego.v1\nimport future.keywords.not", True),
        ("import future.keywords.in\nimport future.keywords.not", True),
    ],
)
@pytest.mark.parametrize("negated", ['startswith(input.gone, "a")', "1 in input.gone", "f(input.gone) != 2"])
def test_not_holds_for_an_undefined_argument_where_the_module_asks_for_it(
    imports: str, negated: str, holds: bool
) -> None:
    """`future.keywords`, and its `not` alone, change what `not` means."""
    text = f"package a\n{imports}\ndefault x := false\nx if {{ not {negated} }}\nf(z) := z"
    assert evaluate(definition(text), _SNAPSHOT) is holds


@pytest.mark.parametrize(
    "body",
    [
        "every e in [1] { not f(input.gone[e]) }",
        "y := 1; z = y; not f(input.gone[z]) == 1",
        "not f(many(input.gone))",
    ],
)
def test_not_with_an_index_or_several_values_holds_where_a_part_is_undefined(body: str) -> None:
    """What OPA evaluates below such a `not` is evaluated there, and a variable in an index has its value."""
    rules = "f(z) := z if z != 1\nmany(z) := z\nmany(z) := 1 if z == input.gone"
    text = f"package a\nimport future.keywords.not\ndefault x := false\nx if {{ {body} }}\n{rules}"
    assert evaluate(definition(text), _SNAPSHOT) is True


@pytest.mark.parametrize("imports", ["", "import future.keywords.not"])
def test_a_walk_below_a_not_is_refused(imports: str) -> None:
    """The engine takes the variables of its output for unbound there."""
    text = f"package a\n{imports}\nx if {{ some i in [1]; not walk(input.o, [[], i]) }}"
    message = "`walk` below a `not` has other values in this engine: write a rule for it and negate that"
    assert [found.partition("modules: ")[2] for found in findings(definition(text))] == [message]


def test_a_brace_behind_such_a_not_is_refused() -> None:
    """It begins a body in OPA, and a set in this engine."""
    text = "package a\nimport future.keywords.not\nx if {\n  not {input.gone}\n}"
    assert findings(definition(text)) == [
        "rego-syntax: a.rego:4:7: policies.main.modules: with `future.keywords.not`, `not {` begins a body: "
        "write a rule for it and negate that"
    ]


def test_in_as_a_value_in_a_module_of_version_0() -> None:
    """The function that stands in for the operator is written as version 0 writes it."""
    text = 'package a\nimport future.keywords.in\nx = y { y := "ada" in input.snapshot.users }'
    assert evaluate(definition(text, rego_version=0), _SNAPSHOT) is True
