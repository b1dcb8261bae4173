"""Data documents: where they come from, how they merge, and what they may not replace (section 1.7.2)."""

import json

import pytest

from acs_sidecar.engines.rego.documents import DataBounds
from acs_sidecar.engines.rego.type import RegoType
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import CompileRequest
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.bundles.bundled import BUNDLE, MODULE, below
from tests.engines.rego.policies import (
    bound,
    definition,
    evaluate,
    findings,
    policy_input,
    refused,
)
from tests.engines.sources import MemorySources

DATA = definition("package a\nx := 1", "data.m")


def test_inline_data_is_the_data_document() -> None:
    """`data` may be an object."""
    assert evaluate({**DATA, "data": {"m": {"c": 1}}}) == {"c": 1}


EXTRA = {
    "limits.json": b'{"limits": {"amount": 1}}',
    "roles.yaml": b"roles: {ann: [admin]}\n",
    "more/lib.rego": b"package lib\ny := 2",
    "more/any.yml": b"top: true",
    "more/deep/er/any.json": b'{"z": 1}',
    "more/notes.txt": b"not read",
}


@pytest.mark.parametrize("member", ["data", "data_paths"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("data.limits", {"amount": 1}),
        ("data.roles", {"ann": ["admin"]}),
        ("data.lib", {"y": 2}),
        ("data.top", True),
        ("data.deep", {"er": {"z": 1}}),
    ],
)
def test_data_paths_are_files_and_directories(member: str, query: str, expected: Json) -> None:
    """A file is placed at the top, those of a directory below their folders; `.rego` is a module."""
    paths: list[Json] = ["limits.json", "roles.yaml", "more"]
    assert evaluate({**DATA, "query": query, member: paths}, files=EXTRA) == expected


def test_a_data_path_may_be_the_only_one() -> None:
    """One path needs no list."""
    given = {**DATA, "query": "data.limits.amount", "data_paths": "limits.json"}
    assert evaluate(given, files=EXTRA) == 1


def test_a_data_path_of_another_kind_is_refused() -> None:
    """Only in a directory are other files passed over."""
    message = "must be a `.rego`, `.json` or `.yaml` file, or a directory"
    expected = [f"value-not-allowed: notes.txt: policies.main.data_paths: {message}"]
    assert findings({**DATA, "data_paths": "notes.txt"}, {"notes.txt": b""}) == expected


def test_documents_are_merged_deeply() -> None:
    """Objects of several documents become one."""
    files = {"a.json": b'{"m": {"b": 2, "n": {"d": 4}}}', "b.yaml": b"m: {'n': {e: 5}}\n"}
    given: JsonObject = {**DATA, "data": {"m": {"a": 1, "n": {"c": 3}}}, "data_paths": ["a.json", "b.yaml"]}
    expected = {"a": 1, "b": 2, "n": {"c": 3, "d": 4, "e": 5}}
    assert evaluate(given, files=files) == expected


@pytest.mark.parametrize(
    ("text", "conflict"),
    [
        (b'{"m": {"a": 2}}', "data.m.a"),
        (b'{"m": {"a": 1}}', "data.m.a"),
        (b'{"m": 1}', "data.m"),
        (b'{"m": {"n o": {}}}', 'data.m["n o"]'),
        (b'{"m": {"list": [2]}}', "data.m.list"),
        (b'{"m": {"a": {"b": 1}}}', "data.m.a"),
    ],
)
def test_documents_that_conflict_are_refused(text: bytes, conflict: str) -> None:
    """A path has one value; lists are values. The same value twice is two values."""
    given: JsonObject = {**DATA, "data": {"m": {"a": 1, "list": [1], "n o": 1}}, "data_paths": "b.json"}
    expected = [f"rego-data-conflict: b.json: policies.main.data_paths: gives `{conflict}` a second value"]
    assert findings(given, {"b.json": text}) == expected


@pytest.mark.parametrize(
    ("data", "at"),
    [
        ({"a": 1}, "data.a"),
        ({"a": {"x": 1}}, "data.a.x"),
        ({"a": {"x": {}}}, "data.a.x"),
        ({"a": {"x": {"below": 1}}}, "data.a.x"),
        ({"a": [{"x": 1}]}, "data.a"),
    ],
)
def test_data_may_not_replace_a_rule(data: Json, at: str) -> None:
    """The engine would take data at or above the path of a rule for the rule."""
    given = definition("package a\n\nx := 1 if input.a", data=data)
    expected = f"data at `{at}` would replace the rule `data.a.x`"
    assert findings(given) == [f"rego-data-replaces-rule: a.rego:3:1: policies.main.modules: {expected}"]


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("f(z) := z", {"a": {"f": 1}}),
        ("p.q.r := 1", {"a": {"p": {"q": True}}}),
        ("p[z] := 1 if some z in [1]", {"a": {"p": {"y": 1}}}),
        ("s contains 1", {"a": {"s": []}}),
        ("default d := 1", {"a": {"d": 1}}),
    ],
)
def test_rules_of_every_shape_are_protected(rule: str, data: Json) -> None:
    """Functions, partial rules, rules with longer names, and defaults alone."""
    assert refused(definition(f"package a\nx := 1\n{rule}", data=data)).diagnostics[0].code == (
        "rego-data-replaces-rule"
    )


def test_data_may_lie_beside_a_rule() -> None:
    """A package and the data document share folders."""
    given = definition("package a\nx := data.a.y.z", data={"a": {"y": {"z": 3}}})
    assert evaluate(given) == 3


def test_a_document_over_its_bounds_is_refused() -> None:
    """What passes a bound is `resource_limit_exceeded`."""
    error = refused({**DATA, "data_paths": "b.json"}, {"b.json": b'{"a": ' * 70 + b"1" + b"}" * 70})
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    assert [found.message for found in error.diagnostics] == ["nested deeper than 64 levels"]


def test_yaml_means_json() -> None:
    """YAML 1.2: a document's numbers are JSON's."""
    evaluator = bound(
        {**DATA, "data_paths": "b.yaml"}, {"b.yaml": b"m: {country: 'no', mode: 10, rate: 1.50}"}
    )
    assert evaluator.evaluate(policy_input({})).value == {"country": "no", "mode": 10, "rate": 1.5}


def test_a_large_document_is_read() -> None:
    """Users of a directory, beyond what a manifest's own text may hold."""
    users = {f"u{number}": {"role": "dev", "teams": ["a", "b"], "n": number} for number in range(34_000)}
    files = {
        "a.rego": b"package a\nx := data.users.u7.role",
        "data.json": json.dumps({"users": users}).encode(),
    }
    assert evaluate(BUNDLE, files=below(files)) == "dev"


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (DataBounds(max_nodes=20), "more than 20 nodes"),
        (DataBounds(max_bytes=60), "more than 60 bytes"),
    ],
)
def test_a_document_over_a_bound_is_refused(bounds: DataBounds, message: str) -> None:
    """Both bounds are counted, and the message names the one that is passed."""
    files = below({"a.rego": MODULE, "data.json": json.dumps({"limits": ["x"] * 50}).encode()})
    with pytest.raises(ManifestError, match=message) as caught:
        RegoType(data_bounds=bounds).compile(CompileRequest("policies.p", BUNDLE, MemorySources(files)))
    assert caught.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("limits: no", "no", "1:9"),
        ("limits:\n  a: 1\n  b: [Yes]", "Yes", "3:7"),
        ("limits: {on: 1}", "on", "1:10"),
        ("limits: OFF", "OFF", "1:9"),
        ("limits: &y y", "y", "1:9"),
        ("limits: 010", "010", "1:9"),
        ("limits: 1_000", "1_000", "1:9"),
    ],
)
def test_a_scalar_of_old_yaml_is_refused(text: str, word: str, place: str) -> None:
    """OPA reads booleans and octal numbers, and a text that says `no` holds in a condition."""
    (found,) = findings(BUNDLE, files=below({"a.rego": MODULE, "data.yaml": text.encode()}))
    message = f"`{word}` is another value to OPA: write `true`, `false`, a decimal number or quotes"
    assert found == f"rego-data-invalid: b/data.yaml:{place}: policies.main.bundle: {message}"


def test_a_quoted_word_is_a_text() -> None:
    """In quotes every reader agrees, and in JSON."""
    files = {"a.rego": MODULE, "data.yaml": b"limits: {a: 'no', b: \"yes\", c: nobody, d: true}"}
    assert evaluate(BUNDLE, files=below(files)) == {"a": "no", "b": "yes", "c": "nobody", "d": True}
    assert evaluate(BUNDLE, files=below({"a.rego": MODULE, "data.json": b'{"limits": "no"}'})) == "no"
