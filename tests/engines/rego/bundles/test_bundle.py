"""Bundles, data paths and the merged data document (section 1.7.2)."""

import json
from collections.abc import Mapping

import pytest

from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.bundles.bundled import BUNDLE, MODULE, below
from tests.engines.rego.policies import (
    compiled,
    evaluate,
    findings,
)
from tests.engines.sources import tar_gz


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
    assert evaluate(BUNDLE, files=below(FILES)) == LIMITS


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
    files = below({"data.json": b"{}"})
    assert findings(BUNDLE, files) == ["rego-bundle-invalid: policies.main.bundle: `b` holds no `.rego` file"]


def test_tests_in_a_bundle_are_modules() -> None:
    """`_test.rego` files are loaded like any other, as OPA does."""
    files = below({"a.rego": b"package a\nx := 1", "a_test.rego": b"package a_test\ntest_x if data.a.x == 1"})
    assert evaluate({**BUNDLE, "query": "data.a_test.test_x"}, files=files) is True


def test_a_document_of_another_name_is_remarked_on() -> None:
    """OPA ignores it too, which is easily overlooked."""
    files = below({"a.rego": b"package a\nx := 1", "roles.json": b"{}", "more/limits.yaml": b"{}"})
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
    assert findings(BUNDLE, below({"a.rego": b"package a\nx := 1", **files})) == [expected]


@pytest.mark.parametrize("roots", [["a", "limits"], ["/a/", "limits/"], [""], None])
def test_content_inside_the_roots_is_fine(roots: Json) -> None:
    """Without `roots` a bundle owns everything."""
    files = {"a.rego": MODULE, "data.json": b'{"limits": {"b": 1}}', ".manifest": _manifest(roots=roots)}
    assert evaluate(BUNDLE, files=below(files)) == {"b": 1}


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
    assert findings(BUNDLE, below({"a.rego": b"package a\nx := 1", **manifest, **files})) == [expected]


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
    assert evaluate(given, files=below({"a.rego": module, ".manifest": _manifest(**manifest)})) == 1


def test_modules_of_both_versions_work_together() -> None:
    """Versions are per module."""
    files = {
        "a.rego": b"package a\nx := 1 if data.old.y",
        "old.rego": b"package old\ny { true }",
        ".manifest": _manifest(rego_version=1, file_rego_versions={"/old.rego": 0}),
    }
    assert evaluate(BUNDLE, files=below(files)) == 1


def test_a_module_is_read_once() -> None:
    """Two paths that lead to one file would define everything twice."""
    given = {**BUNDLE, "data_paths": "b/a.rego"}
    expected = ["rego-module-twice: b/a.rego: policies.main.data_paths: is read twice"]
    assert findings(given, below({"a.rego": b"package a\nx := 1"})) == expected


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
    assert evaluate(BUNDLE, files=below(files)) == 5
    given: JsonObject = {"type": "rego", "modules": {"m": "package a\nx := data.limits"}, "query": "data.a.x"}
    assert evaluate({**given, "data_paths": ["b"]}, files=below({**files, "a.rego": b"package b"})) == 5
