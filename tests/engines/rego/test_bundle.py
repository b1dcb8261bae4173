"""Bundles, data paths and the merged data document (section 1.7.2)."""

import json
from collections.abc import Mapping

import pytest

from acs_sidecar.engines.rego.documents import DataBounds
from acs_sidecar.engines.rego.type import RegoType
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import CompileRequest
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.policies import (
    bound,
    compiled,
    definition,
    evaluate,
    findings,
    policy_input,
    refused,
)
from tests.engines.sources import MemorySources, tar_gz

BUNDLE: JsonObject = {"type": "rego", "bundle": "b", "query": "data.a.x"}
MODULE = b"package a\nx := data.limits"


def _below(files: Mapping[str, bytes], folder: str = "b") -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def _manifest(**members: Json) -> bytes:
    return json.dumps({"revision": "", **members}).encode()


FILES = {
    "policies/a.rego": MODULE,
    "data.json": b'{"limits": {"amount": 100}}',
    "limits/per_tool/data.yaml": b"send: 5\nhours: [9, 17]\n",
    "limits/data.yml": b"currency: EUR\n",
    "README.md": b"# not read",
}
LIMITS = {"amount": 100, "currency": "EUR", "per_tool": {"send": 5, "hours": [9, 17]}}


def test_a_directory_is_a_bundle() -> None:
    """Documents are placed below their directory's path and merged; other files mean nothing."""
    assert evaluate(BUNDLE, files=_below(FILES)) == LIMITS


def test_an_archive_is_a_bundle() -> None:
    """A `.tar.gz` is read as the directory that it was made from."""
    given = {**BUNDLE, "bundle": "dist/b.tar.gz"}
    assert evaluate(given, files={"dist/b.tar.gz": tar_gz(FILES)}) == LIMITS


def test_a_fetched_archive_is_a_bundle() -> None:
    """A `bundle_url` is read from what was fetched; findings in it call it by its URL without the query."""
    url = "https://x.example/b.tar.gz?token=secret"
    given: JsonObject = {"type": "rego", "bundle_url": {"url": url, "sha256": "0" * 64}, "query": "data.a.x"}
    assert evaluate(given, files={url: tar_gz(FILES)}) == LIMITS
    assert findings(given, files={url: tar_gz({"a.rego": b"package a\nx := 1 +"})})[0].startswith(
        "rego-syntax: https://x.example/b.tar.gz/a.rego:"
    )
    assert findings(given, files={url: tar_gz({"data.json": b"{}"})}) == [
        "rego-bundle-invalid: policies.main.bundle_url: `https://x.example/b.tar.gz` holds no `.rego` file"
    ]


def test_a_rego_file_is_a_bundle() -> None:
    """A single module needs no directory."""
    assert evaluate({**BUNDLE, "bundle": "p/a.rego"}, files={"p/a.rego": b"package a\nx := 1"}) == 1


def test_a_file_of_another_kind_is_no_bundle() -> None:
    """Nothing is guessed from the content of a file."""
    expected = ["value-not-allowed: policies.main.bundle: must be a `.rego` file, a directory or a `.tar.gz`"]
    assert findings({**BUNDLE, "bundle": "a.json"}, {"a.json": b"{}"}) == expected


def test_a_bundle_holds_a_module() -> None:
    """A bundle of documents alone decides nothing."""
    files = _below({"data.json": b"{}"})
    assert findings(BUNDLE, files) == ["rego-bundle-invalid: policies.main.bundle: `b` holds no `.rego` file"]


def test_tests_in_a_bundle_are_modules() -> None:
    """`_test.rego` files are loaded like any other, as OPA does."""
    files = _below(
        {"a.rego": b"package a\nx := 1", "a_test.rego": b"package a_test\ntest_x if data.a.x == 1"}
    )
    assert evaluate({**BUNDLE, "query": "data.a_test.test_x"}, files=files) is True


def test_a_document_of_another_name_is_remarked_on() -> None:
    """OPA ignores it too, which is easily overlooked."""
    files = _below({"a.rego": b"package a\nx := 1", "roles.json": b"{}", "more/limits.yaml": b"{}"})
    warnings = [
        f"{found.severity} {found.code} {found}" for found in compiled(BUNDLE, files).statement.warnings
    ]
    message = "is not read: a bundle's documents are named `data.json` or `data.yaml`"
    assert warnings == [
        f"warning rego-file-ignored b/{name}: policies.main.bundle: {message}"
        for name in ("more/limits.yaml", "roles.json")
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"policy.wasm": b""},
            "rego-bundle-unsupported: b/policy.wasm: policies.main.bundle: is WebAssembly: give the Rego that "
            "it was made from",
        ),
        (
            {".manifest": _manifest(wasm=[{"entrypoint": "a/x", "module": "/policy.wasm"}])},
            "rego-bundle-unsupported: b/.manifest: policies.main.bundle: names WebAssembly modules: give the "
            "Rego that they were made from",
        ),
        (
            {"patch.json": b'{"data": []}'},
            "rego-bundle-unsupported: b/patch.json: policies.main.bundle: is a delta bundle: give a whole one",
        ),
        (
            {".signatures.json": b"{}"},
            "rego-bundle-unsupported: b/.signatures.json: policies.main.bundle: is signed: this service does "
            "not verify it, so it would only look trusted",
        ),
        (
            {"deep/.manifest": _manifest()},
            "rego-bundle-invalid: b/deep/.manifest: policies.main.bundle: a `.manifest` belongs at the top of "
            "a bundle",
        ),
        (
            {".manifest": b"{"},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: is not JSON",
        ),
        (
            {".manifest": b"\xff"},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: is not JSON",
        ),
        (
            {".manifest": b"[]"},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: must be an object",
        ),
        (
            {".manifest": _manifest(roots="a")},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: `roots` must be a list of paths such as "
            "`agents/billing`",
        ),
        (
            {".manifest": _manifest(roots=["a/b", "c", "/a/"])},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: the roots `a` and `a/b` overlap",
        ),
        (
            {".manifest": _manifest(roots=["", "a"])},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: the roots `` and `a` overlap",
        ),
        (
            {".manifest": _manifest(rego_version=2)},
            "rego-version-unsupported: b/.manifest: policies.main.bundle: `rego_version` must be 0 or 1",
        ),
        (
            {".manifest": _manifest(file_rego_versions={"a.rego": True})},
            "rego-version-unsupported: b/.manifest: policies.main.bundle: `rego_version` must be 0 or 1",
        ),
        (
            {".manifest": _manifest(file_rego_versions=[0])},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: `file_rego_versions` must map paths to 0 "
            "or 1",
        ),
        (
            {".manifest": _manifest(file_rego_versions={"/*.rego": 0, "/a*": 1})},
            "rego-bundle-invalid: b/.manifest: policies.main.bundle: `file_rego_versions` gives `a.rego` both "
            "versions",
        ),
        (
            {"data.json": b"[1]"},
            "rego-data-invalid: b/data.json: policies.main.bundle: must be an object: its members are those of "
            "`data`",
        ),
        (
            {"data.json": b'{"z":\n ]'},
            "document-syntax: b/data.json:2:2: policies.main.bundle: not YAML or JSON: did not find expected "
            "node content",
        ),
        ({"data.yaml": b"\xff"}, "document-syntax: b/data.yaml: policies.main.bundle: is not UTF-8"),
        ({"b.rego": b"package b\xff"}, "rego-syntax: b/b.rego: policies.main.bundle: is not UTF-8"),
    ],
)
def test_what_a_bundle_may_not_hold(files: Mapping[str, bytes], expected: str) -> None:
    """What this service does not honour is refused, not ignored."""
    assert findings(BUNDLE, _below({"a.rego": b"package a\nx := 1", **files})) == [expected]


@pytest.mark.parametrize("roots", [["a", "limits"], ["/a/", "limits/"], [""], None])
def test_content_inside_the_roots_is_fine(roots: Json) -> None:
    """Without `roots` a bundle owns everything."""
    files = {"a.rego": MODULE, "data.json": b'{"limits": {"b": 1}}', ".manifest": _manifest(roots=roots)}
    assert evaluate(BUNDLE, files=_below(files)) == {"b": 1}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"b.rego": b"\npackage other.b\n"},
            "rego-bundle-roots: b/b.rego:2:9: policies.main.bundle: the package `other.b` is outside the "
            "bundle's roots (`a`, `c/d`)",
        ),
        (
            {"c.rego": b"package c\n"},
            "rego-bundle-roots: b/c.rego:1:9: policies.main.bundle: the package `c` is outside the bundle's "
            "roots (`a`, `c/d`)",
        ),
        (
            {"data.json": b'{"c": {"d": 1, "e": 2}}'},
            "rego-bundle-roots: b/data.json: policies.main.bundle: gives `data.c.e`, which is outside the "
            "bundle's roots (`a`, `c/d`)",
        ),
        (
            {"c/data.json": b"3"},
            "rego-bundle-roots: b/c/data.json: policies.main.bundle: gives `data.c`, which is outside the "
            "bundle's roots (`a`, `c/d`)",
        ),
    ],
)
def test_content_outside_the_roots_is_refused(files: Mapping[str, bytes], expected: str) -> None:
    """A bundle defines nothing that it does not own."""
    manifest = {".manifest": _manifest(roots=["c/d", "a"])}
    assert findings(BUNDLE, _below({"a.rego": b"package a\nx := 1", **manifest, **files})) == [expected]


V0 = b"package a\nx = y { y := 1 }"
V1 = b"package a\nx := 1 if true"


@pytest.mark.parametrize(
    ("module", "manifest", "stated"),
    [
        (V1, {}, None),
        (V0, {"rego_version": 0}, None),
        (V1, {"rego_version": 0}, 1),
        (V0, {"rego_version": 1}, 0),
        (V0, {"file_rego_versions": {"/a.rego": 0}}, None),
        (V0, {"file_rego_versions": {"a.rego": 0}, "rego_version": 1}, 1),
        (V1, {"file_rego_versions": {"/a.*": 1}, "rego_version": 0}, 0),
        (V0, {"file_rego_versions": {"/a.rego": 0, "/*.rego": 1}}, None),
    ],
)
def test_the_nearest_statement_of_a_version_counts(
    module: bytes, manifest: Mapping[str, Json], stated: int | None
) -> None:
    """The file's own, then the definition's, then the bundle's, then 1."""
    given = BUNDLE if stated is None else {**BUNDLE, "rego_version": stated}
    assert evaluate(given, files=_below({"a.rego": module, ".manifest": _manifest(**manifest)})) == 1


def test_modules_of_both_versions_work_together() -> None:
    """Versions are per module."""
    files = {
        "a.rego": b"package a\nx := 1 if data.old.y",
        "old.rego": b"package old\ny { true }",
        ".manifest": _manifest(rego_version=1, file_rego_versions={"/old.rego": 0}),
    }
    assert evaluate(BUNDLE, files=_below(files)) == 1


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


def test_a_module_is_read_once() -> None:
    """Two paths that lead to one file would define everything twice."""
    given = {**BUNDLE, "data_paths": "b/a.rego"}
    expected = ["rego-module-twice: b/a.rego: policies.main.data_paths: is read twice"]
    assert findings(given, _below({"a.rego": b"package a\nx := 1"})) == expected


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


def test_an_archive_that_opa_builds_is_a_bundle() -> None:
    """Every entry begins with `/`, and the manifest names a root of everything."""
    entries = {
        "/data.json": b'{"limits": 5}',
        "/policies/a.rego": MODULE,
        "/.manifest": b'{"revision":"","roots":[""],"rego_version":1}',
    }
    assert evaluate({**BUNDLE, "bundle": "b.tar.gz"}, files={"b.tar.gz": tar_gz(entries)}) == 5


@pytest.mark.parametrize(
    "name", ["._a.rego", ".git/x.rego", "sub/.hidden/data.json", ".data.json", ".env.yaml"]
)
def test_hidden_files_are_ignored(name: str) -> None:
    """What an editor, a version control or a copy leaves is no policy and no data."""
    files = {"a.rego": MODULE, "data.json": b'{"limits": 5}', name: b"\x00\x05junk"}
    assert evaluate(BUNDLE, files=_below(files)) == 5
    given: JsonObject = {"type": "rego", "modules": {"m": "package a\nx := data.limits"}, "query": "data.a.x"}
    assert evaluate({**given, "data_paths": ["b"]}, files=_below({**files, "a.rego": b"package b"})) == 5


def test_a_large_document_is_read() -> None:
    """Users of a directory, beyond what a manifest's own text may hold."""
    users = {f"u{number}": {"role": "dev", "teams": ["a", "b"], "n": number} for number in range(34_000)}
    files = {
        "a.rego": b"package a\nx := data.users.u7.role",
        "data.json": json.dumps({"users": users}).encode(),
    }
    assert evaluate(BUNDLE, files=_below(files)) == "dev"


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (DataBounds(max_nodes=20), "more than 20 nodes"),
        (DataBounds(max_bytes=60), "more than 60 bytes"),
    ],
)
def test_a_document_over_a_bound_is_refused(bounds: DataBounds, message: str) -> None:
    """Both bounds are counted, and the message names the one that is passed."""
    files = _below({"a.rego": MODULE, "data.json": json.dumps({"limits": ["x"] * 50}).encode()})
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
    (found,) = findings(BUNDLE, files=_below({"a.rego": MODULE, "data.yaml": text.encode()}))
    message = f"`{word}` is another value to OPA: write `true`, `false`, a decimal number or quotes"
    assert found == f"rego-data-invalid: b/data.yaml:{place}: policies.main.bundle: {message}"


def test_a_quoted_word_is_a_text() -> None:
    """In quotes every reader agrees, and in JSON."""
    files = {"a.rego": MODULE, "data.yaml": b"limits: {a: 'no', b: \"yes\", c: nobody, d: true}"}
    assert evaluate(BUNDLE, files=_below(files)) == {"a": "no", "b": "yes", "c": "nobody", "d": True}
    assert evaluate(BUNDLE, files=_below({"a.rego": MODULE, "data.json": b'{"limits": "no"}'})) == "no"
