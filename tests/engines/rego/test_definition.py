"""The members of a rego policy and its query (sections 1.7, 1.7.2)."""

import os
import subprocess
import sys

import pytest

from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.policies import (
    PATH,
    binding,
    bound,
    compiled,
    definition,
    evaluate,
    findings,
    policy_input,
    refused,
)

ONE = "package a\nx := 1"


def test_a_query_is_read_when_it_is_bound() -> None:
    """Policies that differ only in `query` share a compile."""
    assert REGO.bind_members == frozenset({"query"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"query": "data.a.x"},
            [
                "member-missing: policies.main: exactly one of `bundle`, `bundle_url` and `modules` must be "
                "given"
            ],
        ),
        (
            {"modules": {"a": ONE}, "bundle": " ", "bundle_url": "https://x.example/b.tar.gz"},
            [
                "member-not-allowed: policies.main: exactly one of `bundle`, `bundle_url` and `modules` must "
                "be given, here are `bundle_url` and `modules`"
            ],
        ),
        (
            {"bundle_url": {"url": "https://x.example/b.tar.gz"}},
            [
                "wrong-type: policies.main.bundle_url: must be pinned: set `sha256` or `integrity` beside "
                "`url`"
            ],
        ),
        (
            {"bundle_url": {"url": "https://x.example/b.tar.gz", "sha256": "0" * 64}},
            ["source-unreadable: policies.main.bundle_url: `https://x.example/b.tar.gz` was not fetched"],
        ),
        ({"modules": {}}, ["wrong-type: policies.main.modules: must map names to Rego text"]),
        ({"modules": [ONE]}, ["wrong-type: policies.main.modules: must map names to Rego text"]),
        ({"modules": {"  ": ONE}}, ["name-blank: policies.main.modules: a module's name must not be blank"]),
        ({"modules": {"a": 1}}, ["wrong-type: policies.main.modules: the module `a` must be Rego text"]),
        ({"modules": {"a": " "}}, ["wrong-type: policies.main.modules: the module `a` must be Rego text"]),
        (
            {"bundle": 3},
            ["wrong-type: policies.main.bundle: must be a file path, a directory or a `.tar.gz`"],
        ),
        (
            {"bundle": "nowhere"},
            ["source-unreadable: policies.main.bundle: `nowhere` does not exist in the manifest's directory"],
        ),
        (
            {"modules": {"a": ONE}, "data": 3},
            ["wrong-type: policies.main.data: must be an object, a path or a list of paths"],
        ),
        (
            {"modules": {"a": ONE}, "data": ["a.json", " "]},
            ["wrong-type: policies.main.data: must be an object, a path or a list of paths"],
        ),
        (
            {"modules": {"a": ONE}, "data_paths": {"a": 1}},
            ["wrong-type: policies.main.data_paths: must be a path or a list of paths"],
        ),
        (
            {"modules": {"a": ONE}, "rules": 1, "strict": True},
            [
                f"member-unknown: policies.main.{name}: unknown member; must be one of `bundle`, "
                "`bundle_url`, `config`, `data`, `data_paths`, `library`, `modules`, `query`, "
                "`rego_version`, `type`"
                for name in ("rules", "strict")
            ],
        ),
    ],
)
def test_members_are_checked(given: JsonObject, expected: list[str]) -> None:
    """Each member that is wrong is refused by its path, saying what is allowed."""
    assert findings({"type": "rego", **given}) == expected


@pytest.mark.parametrize("version", [2, -1, "1", 1.0, True, None])
def test_only_two_versions_of_rego_exist(version: Json) -> None:
    """`rego_version` is 0 or 1."""
    expected = ["rego-version-unsupported: policies.main.rego_version: must be 0 or 1"]
    assert findings(definition(ONE, rego_version=version)) == expected


V0 = "package a\nx = y { y := 1 }"
V1 = "package a\nx := 1 if true"


@pytest.mark.parametrize(("text", "version"), [(V0, 0), (V1, 1), (V1, None)])
def test_a_module_is_read_in_its_version(text: str, version: int | None) -> None:
    """Version 1 is the default."""
    given = definition(text) if version is None else definition(text, rego_version=version)
    assert evaluate(given) == 1


def test_a_module_of_the_other_version_is_refused() -> None:
    """Version 1 wants `if`; version 0 would take it for a name, and the body for a rule of its own."""
    assert findings(definition(V0)) == [
        "rego-syntax: a.rego:2:7: policies.main.modules: `if` keyword is required before rule body: set "
        "`rego_version: 0` for the syntax before OPA 1.0"
    ]
    assert findings(definition("package a\nx = 1 if { true }", rego_version=0)) == [
        "rego-name-reserved: a.rego:2:7: policies.main.modules: `if` is taken for a name here: import "
        "`future.keywords.if` or use `rego_version` 1"
    ]


@pytest.mark.parametrize("version", [0, 1])
def test_the_engine_shows_nothing_of_a_policy_by_itself(
    capfd: pytest.CaptureFixture[str], version: int
) -> None:
    """Its remarks on version 0 would bring the text of a policy to the terminal, control characters included."""
    text = 'package a\nx = 1 if { some y in [1]; y == "\x1b[2J" } # \x1b[2J'
    assert findings(definition(text, rego_version=version))
    assert capfd.readouterr() == ("", "")


def test_a_syntax_error_has_its_place() -> None:
    """The first line of what the engine says, at the module, line and column that it names."""
    given = definition({"good.rego": ONE, "bad.rego": "package b\n\ny := [1,, 2]"})
    error = refused(given)
    assert error.reason is Reason.MANIFEST_INVALID
    assert findings(given) == ["rego-syntax: bad.rego:3:9: policies.main.modules: expecting expression"]


SET_FIRST = 'a `{` behind `if` opens the body: put a set in parentheses, as in `if ({"a"} in input.x)`'


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ('{"a"} in input.x', "3:12", "unexpected keyword `in`"),
        ('{"ü"} in input.x', "3:13", "unexpected keyword `in`"),
        ('{"a"} == input.x', "3:12", "expecting identifier. Failed to parse rule-ref"),
        ('{"a"}[input.x]', "3:11", "expecting identifier. Failed to parse rule-ref"),
    ],
)
def test_a_body_that_begins_with_a_set_is_refused_with_what_to_write(
    body: str, place: str, said: str
) -> None:
    """The parser takes the set for all of the body; OPA takes what the message says for the same."""
    (found,) = findings(definition(f"package a\nimport rego.v1\nx if {body}"))
    assert found == f"rego-syntax: a.rego:{place}: policies.main.modules: {said}: {SET_FIRST}"
    bound(definition(f"package a\nimport rego.v1\nx if ({body})"))


@pytest.mark.parametrize("end", ["\r\nin", "\nin", "\n in x", "\n#\u2028\n in"])
def test_what_follows_a_body_on_another_line_is_told_as_the_parser_tells_it(end: str) -> None:
    """Whatever ends the lines."""
    (found,) = findings(definition(f'package a\nimport rego.v1\nx if {{"a"}}{end}'))
    assert found.startswith("rego-syntax: a.rego:")
    assert SET_FIRST not in found


@pytest.mark.server
def test_no_backtrace_reaches_the_author() -> None:
    """The engine may be made to add a backtrace to its messages; it is of no use to an author."""
    program = (
        "from tests.engines.rego.policies import definition, findings\n"
        "print(findings(definition('package a\\nx := ')))"
    )
    child = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "RUST_BACKTRACE": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    expected = "['rego-syntax: a.rego:2:6: policies.main.modules: expecting expression']\n"
    assert child.stdout == expected


def test_what_shows_only_when_all_is_put_together_is_found_at_compile() -> None:
    """A name that nothing defines is refused, not met at the first request."""
    assert findings(definition("package a\nx := 1 if unknown == 2")) == [
        "rego-variable-unsafe: a.rego:2:11: policies.main.modules: `unknown` has no value: no rule, import or "
        "statement outside of a `not` has this name or binds it"
    ]


@pytest.mark.parametrize("query", [None, "", "  ", 7])
def test_a_query_is_needed(query: Json) -> None:
    """Blank counts as missing."""
    message = "a rego policy needs a `query` such as `data.agent.verdict`"
    expected = [f"member-missing: policies.main.query: {message}"]
    assert findings({"type": "rego", "modules": {"a": ONE}, "query": query}) == expected


@pytest.mark.parametrize(
    "query",
    [
        "data",
        "input.a.x",
        "data.a[x]",
        "data.a[0]",
        "data.a.x == 1",
        "data.a.x ",
        " data.a.x",
        "data..x",
        "data.a.",
        "data.a.x; true",
        'data.a["x]',
        "data.a['x']",
        "data.é",
        "datax.a",
        "a.x",
        "data" + ".a" * 33,
    ],
)
def test_a_query_is_a_constant_reference_below_data(query: str) -> None:
    """Anything else is refused before any engine sees it."""
    assert findings(definition(ONE, query)) == [
        f"rego-query-syntax: policies.main.query: `{query}` is not a reference with constant segments, such "
        'as `data.agent.verdict` or `data.agent["my verdict"]`'
    ]


def test_a_query_segment_is_a_json_string() -> None:
    """Escapes in it are those of JSON."""
    assert evaluate(definition(ONE, r'data.a["\u0078"]')) == 1
    assert findings(definition(ONE, r'data.a["\x"]')) == [
        r'rego-query-syntax: policies.main.query: `"\x"` is not a JSON string'
    ]


@pytest.mark.parametrize("query", ["data.a.y", "data.b", "data.a.f", "data.b.f.g"])
def test_a_query_matches_a_rule_or_data(query: str) -> None:
    """A query of nothing could only ever be undefined; a function has no value."""
    given = definition({"a": ONE + "\nf(z) := z", "b": "package b\nf(z) := z"}, query)
    assert findings(given) == [
        f"rego-query-unknown: policies.main.query: `{query}` is not a rule or data of this policy: "
        "write `data.<package>.<rule>`"
    ]


def test_the_query_of_the_binding_wins() -> None:
    """The definition's query is for the points that give none, or a blank one."""
    given = definition("package a\nx := 1\ny := 2")
    policy = compiled(given)
    for own, expected in (("data.a.y", 2), (" ", 1), (None, 1)):
        evaluator = policy.bind(binding(given, **({} if own is None else {"query": own})))
        assert evaluator.evaluate(policy_input({})).value == expected


def test_a_wrong_query_of_a_binding_is_named_there() -> None:
    """The finding names the binding, not the definition."""
    given = definition(ONE, query=None)
    with pytest.raises(ManifestError) as caught:
        compiled(given).bind(binding(given, query="data.a.z"))
    assert str(caught.value) == (
        "intervention_points.input.policy.query: `data.a.z` is not a rule or data of this policy: "
        "write `data.<package>.<rule>`"
    )


NO_DEFAULT = (
    "rego-no-default a.rego:{}: policies.main.modules: `data.a.x` has no default: where none of its bodies "
    "holds it is undefined, and the verdict a deny by error; add a `default` with a reason of your own"
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := 1 if input.snapshot.a", ["2:1"]),
        ("x if input.snapshot.a", ["2:1"]),
        ("x := 1 if input.snapshot.a else := 2 if input.snapshot.b", ["2:1"]),
        ("default x := 0\nx := 1 if input.snapshot.a", []),
        ("x := 1 if input.snapshot.a else := 2", []),
        ("x := 1", []),
        ("x contains 1 if input.snapshot.a", []),
        ("x[k] := 1 if some k in input.snapshot.a", []),
        ("x.y := 1 if input.snapshot.a", []),
    ],
)
def test_a_queried_rule_without_a_default_is_remarked_on(rules: str, expected: list[str]) -> None:
    """A complete rule that may be undefined is a lint warning."""
    warnings = compiled(definition(f"package a\n{rules}")).statement.warnings
    assert [(found.severity, f"{found.code} {found}") for found in warnings] == [
        ("warning", NO_DEFAULT.format(place)) for place in expected
    ]


def test_a_query_of_a_binding_is_remarked_on_once() -> None:
    """Points that share a query share the warning; a policy without a query of its own has none before."""
    given = definition("package a\nx := 1 if input.snapshot.a", query=None)
    policy = compiled(given)
    before = policy.statement.warnings
    for _ in range(2):
        policy.bind(binding(given, query="data.a.x"))
    assert (before, [found.path for found in policy.statement.warnings]) == ((), [f"{PATH}.modules"])
