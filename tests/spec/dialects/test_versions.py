"""Section 6.1: the version of a manifest says which dialect holds."""

from typing import Any

import pytest

from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import (
    DIALECT_03,
    DIALECT_04,
    DIALECT_05,
    VERSION,
    VERSION_RULE,
    dialect_of,
    same_version,
)
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import Manifest, document_of, read_manifest
from acs_sidecar.spec.path import PathSyntaxError, Root, parse_path
from acs_sidecar.spec.values import Json
from tests.members import MEMBERS

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"


def _manifest(version: Json, **members: Json) -> dict[str, Any]:
    return {
        VERSION: version,
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p"}}},
        **members,
    }


def _read(value: Json) -> Manifest:
    return read_manifest(document_of(value), Limits(), MEMBERS)


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("0.3.0-alpha", DIALECT_03),
        ("0.3.1-beta-agt+7", DIALECT_03),
        ("0.4.0-alpha.1", DIALECT_04),
        (SPACES + "0.4.0-alpha.1" + SPACES, DIALECT_04),
        ("0.5.0-alpha.1\n", DIALECT_05),
        *(
            (version, None)
            for version in (
                " 0.3.1-beta", "0.4.0-alpha.2", "0.4.0-alpha.1-agt", "0.4.0", "0.6.0-alpha.1", "0.4.0-ALPHA.1", "\ufeff0.4.0-alpha.1",
                "0.4.0-alpha.1\x1c", "0.4.0-alpha.1\u200b", "0.4.0 -alpha.1", "", None, 0.4, ["0.4.0-alpha.1"],
            )
        ),
    ],
)  # fmt: skip
def test_each_version_has_its_dialect(version: Json, dialect: Dialect | None) -> None:
    """White space is left out around versions from 0.4 on, and nothing else is."""
    assert dialect_of(version) is dialect
    if dialect is None:
        with pytest.raises(ManifestError) as caught:
            _read(_manifest(version))
        assert VERSION_RULE in str(caught.value)
    else:
        assert _read(_manifest(version)).dialect is dialect


def test_white_space_and_null_metadata_are_not_in_the_digest() -> None:
    """Manifests that say the same have the same digest."""
    plain = _read(_manifest("0.4.0-alpha.1"))
    assert plain.digest == _read(_manifest(" 0.4.0-alpha.1\u3000", metadata=None)).digest
    text = "agent_control_specification_version: ' 0.4.0-alpha.1 '\nmetadata:\npolicies: {p: {type: test, output: {decision: allow}}}\n"
    point = "intervention_points: {input: {policy_target: $.input, policy: {id: p}}}"
    assert _read(text + point).digest == plain.digest
    with pytest.raises(ManifestError, match="must be an object"):
        _read(_manifest("0.3.1-beta", metadata=None))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("0.3.1-beta", "0.3.1-beta-agt+1", True),
        ("0.3.0-alpha", "0.3.1-beta", False),
        ("0.3.1-beta", "0.4.0-alpha.1", False),
        ("0.4.0-alpha.1", "0.4.0-alpha.1-agt", False),
        ("0.4.0-alpha.1", "0.5.0-alpha.1", False),
        ("0.4.0-alpha.1", "0.4.0-alpha.1", True),
    ],
)
def test_manifests_that_become_one_name_one_version(first: str, second: str, same: bool) -> None:
    """Only the suffix of 0.3 may differ."""
    assert same_version(first, second) is same


def test_each_dialect_has_its_own_root_of_the_target() -> None:
    """The root of the other dialect is an unknown one."""
    old, new = DIALECT_03.paths, DIALECT_04.paths
    assert parse_path("$target.list[01]", grammar=new).segments == ("list", 1)
    assert parse_path("$target", grammar=new).root is parse_path("$policy_target", grammar=old).root
    assert parse_path(f"$snap.a[{'0' * 5000}1]", grammar=new).segments == ("a", 1)
    for text, grammar in (
        ("$policy_target.x", new),
        ("$target.x", old),
        ("$snap.a[01]", old),
        ("$targets", new),
    ):
        with pytest.raises(PathSyntaxError):
            parse_path(text, grammar=grammar)
    with pytest.raises(PathSyntaxError, match=r"must start at `\$target`"):
        parse_path("$snap", frozenset({Root.POLICY_TARGET}), new)


@pytest.mark.parametrize(
    ("version", "root"), [("0.3.1-beta", "$policy_target"), ("0.4.0-alpha.1", "$target")]
)
def test_an_annotation_reads_the_target_by_the_root_of_its_dialect(version: str, root: str) -> None:
    """A manifest with the root of the other dialect is invalid."""
    for written in ("$policy_target", "$target"):
        manifest = _manifest(version, annotators={"a": {"type": "endpoint"}})
        manifest["intervention_points"]["input"]["annotations"] = {"a": {"from": f"{written}.text"}}
        if written == root:
            assert _read(manifest).points
            continue
        with pytest.raises(ManifestError) as caught:
            _read(manifest)
        assert caught.value.diagnostics[0].code == "path-syntax"
