"""Section 10.6: policies of manifests, their members, and what they state."""

import json
from typing import Any

import pytest

from acs_sidecar.engines.adapters.custom import AdapterError, custom_type
from acs_sidecar.engines.adapters.workspace_policy.adapter import adapter
from acs_sidecar.engines.adapters.workspace_policy.lints import CHECKED_POINTS
from acs_sidecar.evaluators import ManifestError, Reason, Required, Requirement, Revision
from acs_sidecar.spec.policy_statement import UNVERSIONED, rollbacks
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, A, B, public_hex
from tests.engines.adapters.workspace_policy.policies import POINTS, compiled, decide, errors_of
from tests.engines.adapters.workspace_policy.vectors import VERIFICATIONS, Verified, content, document

FIRST = content("active-1.json")
HASH = document("active-1.json")["hash"]


def refused(policy: bytes = FIRST, **given: Any) -> list[str]:
    """The errors of a policy that does not compile."""
    with pytest.raises(ManifestError) as caught:
        compiled(policy, **given)
    return errors_of(caught.value)


@pytest.mark.parametrize("vector", VERIFICATIONS, ids=lambda vector: f"{vector.file} {vector.result}")
def test_a_vector_in_a_manifest(vector: Verified) -> None:
    """Each file compiles, or is refused with the code that is expected at its member."""
    if vector.result.startswith(("ok", "deny-all")):
        policies = compiled(content(vector.file), **vector.members)
        warned = "policy-legacy" in {found.code for found in policies.statement.warnings}
        assert warned is (vector.result == "ok-legacy")
        denied = {f"deny-all:{decide(policies, point, {}).partition(':')[2]}" for point in POINTS}
        assert (denied == {vector.result}) is vector.result.startswith("deny-all")
        return
    with pytest.raises(ManifestError) as caught:
        compiled(content(vector.file), **vector.members)
    (found,) = caught.value.diagnostics
    assert (found.code, found.source, caught.value.reason) == (
        vector.result,
        "policy.json",
        Reason.MANIFEST_INVALID,
    )
    assert (found.path or "").startswith("policies.workspace.file.")
    assert found.line is not None


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"file": None}, "policies.workspace.file: `file` is missing [member-missing]"),
        ({"trust_file": None}, "policies.workspace.trust_file: `trust_file` is missing [member-missing]"),
        ({"workspace": None}, "policies.workspace.workspace: `workspace` is missing [member-missing]"),
        ({"file": {}}, "policies.workspace.file: must be the path of a file [wrong-type]"),
        (
            {"workspace": "a b"},
            "policies.workspace.workspace: must be 1 to 128 characters from A-Z a-z 0-9 . _ : -, the first a letter or digit [value-not-allowed]",
        ),
        ({"min_version": "2"}, "policies.workspace.min_version: must be an integer of at least 1 [value-not-allowed]"),
        ({"min_version": True}, "policies.workspace.min_version: must be an integer of at least 1 [value-not-allowed]"),
        ({"min_version": 0}, "policies.workspace.min_version: must be an integer of at least 1 [value-not-allowed]"),
        ({"content_hash": HASH.upper()}, "policies.workspace.content_hash: must be 64 lower-case hex digits [value-not-allowed]"),
        ({"compliance": "ignore"}, "policies.workspace.compliance: must be one of `warn`, `deny` [value-not-allowed]"),
        ({"compliance": []}, "policies.workspace.compliance: must be one of `warn`, `deny` [value-not-allowed]"),
        (
            {"tool": "tool_call.name"},
            "policies.workspace.tool: `tool_call.name` is not a path: must start with `$snap`, `$pi`, `$policy_target`, `$tool` [path-syntax]",
        ),
        ({"file": "other.json"}, "policies.workspace.file: `other.json` does not exist in the manifest's directory [source-unreadable]"),
        ({"trust_file": "../keys"}, "policies.workspace.trust_file: `../keys` is outside the manifest's directory [source-unreadable]"),
        ({"trusted": "x"}, None),
    ],
)  # fmt: skip
def test_a_member_that_is_wrong(members: dict[str, Any], error: str | None) -> None:
    """Each is named, with what it must be."""
    found = refused(**members)
    if error is None:
        assert len(found) == 1
        assert found[0].startswith(
            "policies.workspace.trusted: unknown member, did you mean `trust_file`?; must"
        )
    else:
        assert found == [error]


def test_a_fault_of_the_trust_file_is_found_first() -> None:
    """A file of trust that cannot be used trusts nobody, and is the finding."""
    assert refused(trust="keys: {a: {}}") == [
        "policy-keys.yaml:1:8: policies.workspace.trust_file.keys.a: `public_key` is missing [member-missing]"
    ]


def test_a_document_that_exceeds_a_bound() -> None:
    """The reason is the bound."""
    with pytest.raises(ManifestError) as caught:
        compiled(FIRST + b" " * 1_048_576)
    assert caught.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    assert errors_of(caught.value) == [
        "policy.json: policies.workspace.file: exceeds 1048576 bytes [policy-bound-exceeded]"
    ]


def test_what_a_policy_states() -> None:
    """It requires the signed log where the document does, and says which version it enforces."""
    second = compiled(content("active-2.json")).statement
    required = Required(Requirement.SIGNED_AUDIT, "policies.workspace")
    assert second.requires == (required,)
    (revision,) = second.revisions
    assert revision == Revision(
        "policies.workspace", "ws_xyz789", 2, document("active-2.json")["hash"], withdrawn=False
    )


def test_a_withdrawn_policy_requires_nothing() -> None:
    """What denies everything must replace the policy before in every service; no lint is about it."""
    statement = compiled(content("revoked-3.json")).statement
    assert statement.requires == ()
    assert [(one.version, one.withdrawn) for one in statement.revisions] == [(3, True)]
    assert statement.warnings == ()


def test_the_version_of_a_legacy_document_counts_for_nothing() -> None:
    """Its version is not signed, so that it is below each that is."""
    legacy = document("legacy.json")
    (revision,) = compiled(content("legacy.json"), content_hash=legacy["hash"]).statement.revisions
    assert revision == Revision("policies.workspace", "ws_xyz789", UNVERSIONED, legacy["hash"])


@pytest.mark.parametrize("status", ["active", "superseded", "revoked"])
def test_a_legacy_document_replaces_no_signed_one(status: str) -> None:
    """A signed document, and its revocation, are not undone by the document that they were made of."""
    legacy = document("legacy.json")
    pin = {"content_hash": legacy["hash"]}
    before = compiled(content("legacy.json"), **pin).statement.revisions
    stated = legacy | {"status": status, "version": str(int(legacy["version"]) + 1)}
    after = compiled(json.dumps(independent.signed(stated, A, A_ID)).encode(), **pin).statement.revisions

    assert list(rollbacks(before, after)) == []
    (found,) = rollbacks(after, before)
    assert (found.code, found.path) == ("policy-rollback", "policies.workspace")
    assert found.message == (
        f"`ws_xyz789`: a document without a signed version cannot replace version {stated['version']} that serves"
    )


def test_what_a_reviewer_is_told() -> None:
    """A point at which nothing is checked, and an approval that nobody gives."""
    statement = compiled(FIRST, can_escalate=False).statement
    assert [(found.code, found.path) for found in statement.warnings] == [
        *(
            ("policy-point-idle", f"intervention_points.{point}.policy")
            for point in POINTS
            if point not in CHECKED_POINTS
        ),
        ("policy-approval-unresolvable", "policies.workspace"),
    ]
    assert compiled(FIRST, CHECKED_POINTS).statement.warnings == ()


def test_the_trust_file_counts_in_the_digest() -> None:
    """Another key, another policy: the digests differ."""
    both = f"keys:\n  a: {{public_key: {public_hex(A)}}}\n  b: {{public_key: {public_hex(B)}}}\n"
    one, two = compiled(FIRST), compiled(FIRST, trust=both)
    assert one.digests != two.digests
    assert compiled(FIRST).digests == one.digests


def test_a_key_of_another_workspace_is_refused() -> None:
    """The patterns of the trust file are held against the document's workspace."""
    trust = f"keys:\n  {A_ID}: {{public_key: {public_hex(A)}, workspaces: [ws_a*]}}\n"
    assert refused(trust=trust) == [
        "policy.json:44:2: policies.workspace.file.signing_key_id: is not trusted for `ws_xyz789`: "
        "see `workspaces` in the trust file [policy-key-untrusted]"
    ]


def test_a_superseded_policy_denies() -> None:
    """Its reason says why."""
    given = independent.signed(document("active-1.json") | {"status": "superseded"}, A, A_ID)
    policies = compiled(json.dumps(given).encode())
    assert {decide(policies, point, {}) for point in POINTS} == {"deny:policy_superseded"}


def test_it_is_not_for_inline_manifests() -> None:
    """An inline manifest names no files, so that nobody can list the adapter for them."""
    with pytest.raises(AdapterError, match="`workspace_policy` does not declare itself safe for inline"):
        custom_type({"workspace_policy": adapter}, frozenset({"workspace_policy"}))
