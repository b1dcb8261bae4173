"""Section 10.5: the file of the keys that may sign."""

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acs_sidecar.engines.adapters.workspace_policy.checking import check_trust
from acs_sidecar.engines.findings import SourceLocation
from tests.engines.adapters.workspace_policy.keys import A_ID, A, B, public_hex

AT = SourceLocation("policies.workspace.trust_file", "keys.yaml")
PUBLIC = bytes.fromhex(public_hex(A))
PEM = A.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
BASE64 = base64.b64encode(PUBLIC).decode()
NO_KEY = "must be an Ed25519 public key: PEM, its 32 bytes in base64, or 64 lower-case hex digits"


@pytest.mark.parametrize("text", [public_hex(A), BASE64, PEM.replace("\n", "\\n")])
def test_a_key_is_written_in_three_ways(text: str) -> None:
    """Hex, base64 and PEM are the same key."""
    trust, found = check_trust(f'keys: {{"{A_ID}": {{public_key: "{text}"}}}}'.encode(), AT)
    assert found == ()
    (key,) = trust.keys
    assert (key.name, key.public, key.workspaces) == (A_ID, PUBLIC, None)
    assert trust.named(A_ID) == [key]
    assert trust.named("ed25519:0") == []


def test_a_key_is_found_by_its_fingerprint() -> None:
    """A document names the key by its fingerprint whatever the file calls it; two entries may hold it."""
    text = f"keys: {{x: {{public_key: {BASE64}, workspaces: [a]}}, y: {{public_key: {BASE64}, workspaces: [b*]}}}}"
    trust, _ = check_trust(text.encode(), AT)
    assert [key.name for key in trust.named(A_ID)] == ["x", "y"]
    assert [key.name for key in trust.named("x")] == ["x"]
    assert [key.may_sign("bc") for key in trust.keys] == [False, True]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "document-syntax keys.yaml: policies.workspace.trust_file: the document is empty"),
        ("keys: [a", "document-syntax keys.yaml:2:1: policies.workspace.trust_file: not YAML or JSON: did not find expected ',' or ']'"),
        ("[]", "wrong-type keys.yaml:1:1: policies.workspace.trust_file: must have the single member `keys`, a mapping of names to keys"),
        ("keys: {}\nother: 1", "wrong-type keys.yaml:1:1: policies.workspace.trust_file: must have the single member `keys`, a mapping of names to keys"),
        ("keys: []", "wrong-type keys.yaml:1:1: policies.workspace.trust_file: must have the single member `keys`, a mapping of names to keys"),
        ("keys:\n a: 1", "wrong-type keys.yaml:2:2: policies.workspace.trust_file.keys.a: must be a mapping with `public_key`"),
        ("keys:\n a: {}", "member-missing keys.yaml:2:2: policies.workspace.trust_file.keys.a: `public_key` is missing"),
        (f"keys:\n a: {{public_key: {BASE64}, expires: x}}", "member-unknown keys.yaml:2:64: policies.workspace.trust_file.keys.a.expires: unknown member; must be one of `public_key`, `workspaces`"),
        (f"keys:\n a b: {{public_key: {BASE64}}}", 'value-not-allowed keys.yaml:2:2: policies.workspace.trust_file.keys["a b"]: a name must be 1 to 128 characters from A-Z a-z 0-9 . _ : -, the first a letter or digit'),
        (f"keys:\n a: {{public_key: {public_hex(A).upper()}}}", f"value-not-allowed keys.yaml:2:6: policies.workspace.trust_file.keys.a.public_key: {NO_KEY}"),
        (f"keys:\n a: {{public_key: {BASE64[:-1]}}}", f"value-not-allowed keys.yaml:2:6: policies.workspace.trust_file.keys.a.public_key: {NO_KEY}"),
        (f"keys:\n a: {{public_key: '{'01' + '00' * 31}'}}", f"value-not-allowed keys.yaml:2:6: policies.workspace.trust_file.keys.a.public_key: {NO_KEY}"),
        ("keys:\n a: {public_key: 5}", f"value-not-allowed keys.yaml:2:6: policies.workspace.trust_file.keys.a.public_key: {NO_KEY}"),
        (f'keys:\n "{A_ID}": {{public_key: {public_hex(B)}}}', f'value-not-allowed keys.yaml:2:2: policies.workspace.trust_file.keys["{A_ID}"]: is the name of another key: the fingerprint of this one is `ed25519:6a3803d5f059902a`'),
        (f"keys:\n a: {{public_key: {BASE64}, workspaces: []}}", "wrong-type keys.yaml:2:64: policies.workspace.trust_file.keys.a.workspaces: must be a list of patterns such as `ws_*`; leave it out for every workspace"),
        (f"keys:\n a: {{public_key: {BASE64}, workspaces: ws_*}}", "wrong-type keys.yaml:2:64: policies.workspace.trust_file.keys.a.workspaces: must be a list of patterns such as `ws_*`; leave it out for every workspace"),
        (f"keys:\n a: {{public_key: {BASE64}}}\n a: {{public_key: {BASE64}}}", "document-syntax keys.yaml:3:2: policies.workspace.trust_file: the member `a` occurs twice"),
        (b"\xff", "document-syntax keys.yaml: policies.workspace.trust_file: is not UTF-8 at byte 0"),
        (b" " * 1_048_577, "policy-bound-exceeded keys.yaml: policies.workspace.trust_file: exceeds 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_faulty_file_trusts_nobody(text: str | bytes, error: str) -> None:
    """Each fault has its place, and no key of the file is trusted, a good one beside it neither."""
    trust, found = check_trust(text if isinstance(text, bytes) else text.encode(), AT)
    assert [f"{each.code} {each}" for each in found] == [error]
    assert trust.keys == ()


def test_unknown_members_are_told_as_they_are_written() -> None:
    """Their order is that of the file, in every process."""
    names = [f"m{number}" for number in (3, 1, 4, 5, 9, 2, 6, 8)]
    members = "".join(f", {name}: x" for name in names)
    _, found = check_trust(f"keys:\n a: {{public_key: {BASE64}{members}}}".encode(), AT)
    assert [each.path for each in found] == [f"{AT.path}.keys.a.{name}" for name in names]
