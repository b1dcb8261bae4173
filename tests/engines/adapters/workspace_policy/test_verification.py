"""Section 10.3: the steps of verification, by the vectors and by what they do not reach."""

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from acs_sidecar.engines.adapters.workspace_policy.checking import CheckedPolicy, check_policy
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.document.reader import read_policy
from acs_sidecar.engines.adapters.workspace_policy.document.text import parse_policy_text
from acs_sidecar.engines.adapters.workspace_policy.statement import content_hash, statement
from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKey, PolicyKeys
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected, Step, verify_policy
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import Document
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, TRUST, A, B, M, public_hex
from tests.engines.adapters.workspace_policy.vectors import (
    VERIFICATIONS,
    Verified,
    content,
    document,
)

AT = SourceLocation("", "policy.json")
WORKSPACE = Expected("ws_xyz789")
ORDER = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point: a signature's second half plus this is the same number to a lax reader."""


def checked(
    given: bytes | dict[str, Any], expected: Expected = WORKSPACE, trust: PolicyKeys = TRUST
) -> CheckedPolicy:
    """Check a document, or its text."""
    text = given if isinstance(given, bytes) else json.dumps(given).encode()
    return check_policy(text, AT, trust, expected)


def accepts(text: bytes) -> bool:
    """True if a text verifies; nothing looks for the places of what is wrong."""
    try:
        value = parse_policy_text(text).value
    except DocumentError:
        return False
    policy = read_policy(DocumentFindings(Document(value, {})))
    return policy is not None and verify_policy(policy, TRUST, WORKSPACE).failure is None


def error_of(found: CheckedPolicy) -> tuple[str, str | None, str]:
    """Code, member and message of the one error."""
    (error,) = [each for each in found.findings if each.severity == "error"]
    return error.code, error.path, error.message


def result_of(found: CheckedPolicy) -> str:
    """The result as the vectors write it."""
    if errors := {each.code for each in found.findings if each.severity == "error"}:
        (code,) = errors
        return code
    assert found.policy is not None
    assert found.key is not None
    if found.policy.is_withdrawn:
        return f"deny-all:policy_{found.policy.status}"
    return "ok-legacy" if found.policy.is_legacy else "ok"


@pytest.mark.parametrize("vector", VERIFICATIONS, ids=lambda vector: f"{vector.file} {vector.result}")
def test_a_vector(vector: Verified) -> None:
    """Each file is accepted, or refused at the step that is expected."""
    assert result_of(checked(content(vector.file), vector.expected)) == vector.result


def test_the_vectors_are_all_there() -> None:
    """Thirteen files, and four with other expectations."""
    assert len(VERIFICATIONS) == 17


def test_the_bytes_that_are_signed() -> None:
    """Content and statement of the first document are those of the reference."""
    first = document("active-1.json")
    assert canonical(first["content"]).startswith(
        b'{"agent":{"capabilities":{"allowed_tools":["calculator","web_search"],"denied_tools":'
    )
    assert content_hash(first["content"]) == first["hash"]
    context, _, stated = statement(first).partition(b"\n")
    assert context == b"acs-sidecar/workspace-policy/v1"
    assert stated.decode() == (
        f'{{"activated_at":"2026-01-02T03:04:05Z","hash":"{first["hash"]}","policy_id":"policy_abc123",'
        f'"signing_key_id":"{A_ID}","status":"active","version":"1","workspace_id":"ws_xyz789"}}'
    )


@pytest.mark.parametrize("file", ["active-1.json", "active-2.json", "draft.json", "revoked-3.json"])
def test_another_program_verifies(file: str) -> None:
    """Two libraries alone verify what is signed here, and refuse what is changed."""
    found = document(file)
    independent.verify(found, bytes.fromhex(public_hex(A)))
    with pytest.raises(InvalidSignature):
        independent.verify(found | {"version": "9"}, bytes.fromhex(public_hex(A)))
    assert independent.signed(found, A, A_ID) == found


def test_order_and_white_space_do_not_count() -> None:
    """The same members in another order and layout are the same document."""
    first = document("active-1.json")
    turned = dict(reversed(first.items()))
    for text in (json.dumps(turned, indent="\t"), json.dumps(first, separators=(",", ":"))):
        found = checked(text.encode())
        assert result_of(found) == "ok"
        assert isinstance(found.policy, WorkspacePolicy)
        assert found.policy.hash == first["hash"]


@pytest.mark.slow
def test_no_bit_of_a_member_can_be_flipped() -> None:
    """One flipped bit anywhere in the text is never accepted."""
    text = json.dumps(document("active-1.json"), separators=(",", ":")).encode()
    accepted = []
    for bit in range(len(text) * 8):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        if accepts(bytes(changed)):
            accepted.append(bytes(changed))
    assert accepts(text)
    assert accepted == []


@pytest.mark.parametrize(("status", "command"), [("active", "sign"), ("draft", "activate")])
def test_what_is_not_signed_names_the_command_that_signs_it(status: str, command: str) -> None:
    """A draft is signed by its activation."""
    unsigned = document("active-1.json") | {"status": status}
    for member in ("signature", "signature_scheme", "signing_key_id"):
        del unsigned[member]
    assert error_of(checked(unsigned)) == (
        "policy-unsigned",
        "signature",
        f"is not signed: run `acs-sidecar policy {command}`",
    )


@pytest.mark.parametrize(
    ("own", "other", "found"),
    [
        (None, ("ws_*",), [f"the key `{A_ID}` may sign for every workspace, and other keys may not: write its `workspaces` in the trust file"]),
        (None, None, []),
        (("ws_*",), None, []),
        (("ws_*",), ("ws_*",), []),
    ],
)  # fmt: skip
def test_a_key_for_every_workspace_beside_others_is_a_warning(
    own: tuple[str, ...] | None, other: tuple[str, ...] | None, found: list[str]
) -> None:
    """A key whose `workspaces` were forgotten may sign more than the one that it replaces."""
    keys = [
        PolicyKey(name, key.public_key().public_bytes_raw(), workspaces)
        for name, key, workspaces in ((A_ID, A, own), ("old", B, other))
    ]
    findings = checked(document("active-1.json"), trust=PolicyKeys(tuple(keys))).findings
    assert [each.message for each in findings] == found
    assert {(each.code, each.severity, each.path) for each in findings} <= {
        ("policy-key-unbound", "warning", "signing_key_id")
    }


def test_the_key_inside_is_never_trusted() -> None:
    """A public key that travels with the document changes nothing but a warning."""
    first = document("active-1.json")
    assert checked(first | {"signing_public_key": public_hex(A)}).findings == ()
    other = checked(first | {"signing_public_key": public_hex(M)})
    assert [(each.code, each.severity, each.path) for each in other.findings] == [
        ("policy-public-key", "warning", "signing_public_key")
    ]
    own = independent.signed(first | {"signing_public_key": public_hex(M)}, M, "ed25519:00")
    assert error_of(checked(own)) == (
        "policy-key-untrusted",
        "signing_key_id",
        "`ed25519:00` is not a trusted key: add it to the trust file",
    )
    under_its_name = independent.signed(first | {"signing_public_key": public_hex(M)}, M, A_ID)
    assert error_of(checked(under_its_name))[0] == "policy-signature-invalid"


def test_a_key_is_trusted_for_its_workspaces_alone() -> None:
    """`workspaces` are patterns of what a key may sign for."""
    public = bytes.fromhex(public_hex(A))
    for patterns, code in ((("ws_*",), None), (("ws_xyz78?",), None), (("ws_xyz",), "policy-key-untrusted")):
        found = checked(document("active-1.json"), trust=PolicyKeys((PolicyKey("house", public, patterns),)))
        assert (None if found.key else error_of(found)[0]) == code
    both = PolicyKeys((PolicyKey("other", public, ("x",)), PolicyKey("ours", public, ("ws_*",))))
    found = checked(document("active-1.json"), trust=both)
    assert found.key is not None
    assert found.key.name == "ours"


def test_a_name_of_a_trusted_key_is_its_id() -> None:
    """A document may name the key as the trust file does; that name wins over a fingerprint."""
    named = independent.signed(document("active-1.json"), B, "house")
    public_b = bytes.fromhex(public_hex(B))
    assert checked(named, trust=PolicyKeys((*TRUST.keys, PolicyKey("house", public_b)))).key is not None
    confused = PolicyKeys((*TRUST.keys, PolicyKey("house", bytes.fromhex(public_hex(A)))))
    assert error_of(checked(named, trust=confused)) == (
        "policy-signature-invalid",
        "signature",
        "is not a signature of this document by that key",
    )


def test_a_signature_has_one_form() -> None:
    """What a lax reader takes for the same signature is refused: S plus the order, letters in upper case."""
    first = document("active-1.json")
    half, rest = first["signature"][:64], first["signature"][64:]
    raised = (int.from_bytes(bytes.fromhex(rest), "little") + ORDER).to_bytes(32, "little").hex()
    for signature, code in (
        (half + raised, "policy-signature-invalid"),
        (rest + half, "policy-signature-invalid"),
        ("00" * 64, "policy-signature-invalid"),
        ("01" + "00" * 63, "policy-signature-invalid"),
        (first["signature"].upper(), "value-not-allowed"),
        (first["signature"] + "\n", "value-not-allowed"),
        (first["signature"][:-2], "value-not-allowed"),
    ):
        assert error_of(checked(first | {"signature": signature}))[0] == code


def test_signatures_of_other_documents_are_none() -> None:
    """A key's signatures under another purpose, and of another form of the document, do not verify."""
    first = document("active-1.json")
    stated = statement(first)
    for message in (
        stated + b"\n",
        stated.partition(b"\n")[2],
        stated.replace(b"/v1\n", b"/v2\n"),
        b"acs-sidecar/manifest/v1\n" + stated.partition(b"\n")[2],
        first["hash"].encode(),
        bytes.fromhex(first["hash"]),
        canonical(first["content"]),
    ):
        forged = first | {"signature": A.sign(message).hex()}
        assert error_of(checked(forged))[0] == "policy-signature-invalid"


def test_a_document_cannot_be_made_a_legacy_one() -> None:
    """Without its scheme a signed document does not verify, pinned or not."""
    first = document("active-1.json")
    del first["signature_scheme"]
    assert error_of(checked(first))[0] == "policy-legacy"
    pinned = Expected("ws_xyz789", content_hash=first["hash"])
    assert error_of(checked(first, pinned))[0] == "policy-signature-invalid"


@pytest.mark.parametrize("form", ["digits", "bytes", "content"])
def test_a_legacy_signature(form: str) -> None:
    """Each of the three messages that the original may have signed is accepted, with a warning."""
    legacy = document("legacy.json")
    messages = {
        "digits": legacy["hash"].encode(),
        "bytes": bytes.fromhex(legacy["hash"]),
        "content": canonical(legacy["content"]),
    }
    signed = legacy | {"signature": A.sign(messages[form]).hex()}
    pinned = Expected("ws_xyz789", content_hash=legacy["hash"])
    found = checked(signed, pinned)
    assert [each.code for each in found.findings] == ["policy-legacy"]
    assert found.key is not None


@pytest.mark.parametrize(
    ("change", "expected", "error"),
    [
        ({"status": "revoked"}, {}, ("policy-not-active", "status", "is `revoked`: run `acs-sidecar policy activate`")),
        (
            {},
            {"min_version": 1},
            (
                "policy-rollback",
                "version",
                "is not signed, so that it cannot meet a minimum: run `acs-sidecar policy sign`",
            ),
        ),
        (
            {"workspace_id": "ws_other"},
            {},
            ("policy-workspace", "workspace_id", "is `ws_other`, and `ws_xyz789` is expected"),
        ),
    ],
)  # fmt: skip
def test_what_a_legacy_document_cannot_be(
    change: dict[str, str], expected: dict[str, Any], error: tuple[str, str, str]
) -> None:
    """It must be active, of the workspace, and its version counts for nothing."""
    legacy = document("legacy.json")
    pinned = Expected("ws_xyz789", content_hash=legacy["hash"], **expected)
    assert error_of(checked(legacy | change, pinned)) == error


def test_a_pin_holds_for_every_document() -> None:
    """Another content than the pinned one is refused, signed or not."""
    assert error_of(checked(document("active-2.json"), Expected(content_hash="0" * 64))) == (
        "policy-hash-mismatch",
        "hash",
        "is not the content hash that is expected",
    )


def test_no_key_is_trusted() -> None:
    """An empty file of trust refuses everything, legacy documents too."""
    nobody = PolicyKeys(())
    assert error_of(checked(document("active-1.json"), trust=nobody))[0] == "policy-key-untrusted"
    legacy = document("legacy.json")
    pinned = Expected("ws_xyz789", content_hash=legacy["hash"])
    assert error_of(checked(legacy, pinned, nobody)) == (
        "policy-key-untrusted",
        "signing_key_id",
        "no key is trusted: add it to the trust file",
    )
    elsewhere = PolicyKeys((PolicyKey("a", bytes.fromhex(public_hex(A)), ("other",)),))
    assert error_of(checked(legacy, pinned, elsewhere)) == (
        "policy-key-untrusted",
        "signing_key_id",
        "is not trusted for `ws_xyz789`: see `workspaces` in the trust file",
    )


def test_the_first_failure_counts() -> None:
    """Steps are taken in order: a document with every fault fails at the first."""
    faulty = document("unsigned.json") | {"hash": "0" * 64, "status": "draft"}
    assert checked(faulty, Expected("other", 9)).failed is Step.HASH
    resigned = independent.signed(faulty, A, A_ID)
    assert checked(resigned, Expected("other", 9)).failed is Step.WORKSPACE
    assert checked(resigned, Expected("ws_xyz789", 9)).failed is Step.VERSION
    assert checked(resigned, Expected("ws_xyz789", 1)).failed is Step.STATUS
