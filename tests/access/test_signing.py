"""Section 2.5: signatures of manifests, and the file of the keys that may make them."""

import base64
import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given
from hypothesis import strategies as st

from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.access.signing import (
    ManifestTrust,
    SignatureClaim,
    Signer,
    UntrustedSignatureError,
    parse_claim,
    parse_trust,
    sign_digest,
    sign_statement,
)
from acs_sidecar.spec.manifest.model import document_digest, document_of
from acs_sidecar.spec.values import Json

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
TEXT = base64.b64encode(PUBLIC).decode()
DIGEST = "sha256:" + "0" * 64
MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "deny", "reason": "no"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    "limits": {"max_snapshot_bytes": 100},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def _digest(manifest: Any) -> str:
    digest = document_digest(document_of(manifest))
    assert digest is not None
    return digest


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, item in inner for place in _places(item, (*path, name)))]


PLACES = [place for place in _places(MANIFEST) if place]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The manifest with a member replaced, removed or added somewhere."""
    manifest = copy.deepcopy(MANIFEST)
    *above, last = draw(st.sampled_from(PLACES))
    holder: Any = manifest
    for name in above:
        holder = holder[name]
    how = draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "remove":
        del holder[last]
    else:
        holder[last if how == "replace" else draw(st.text(max_size=4))] = draw(JSON)
    return manifest


@given(mutated())
def test_a_signature_never_verifies_for_another_manifest(other: dict[str, Any]) -> None:
    """Whatever was changed in it, the signature of a manifest is that of no other (property)."""
    signature = sign_digest(KEY, _digest(MANIFEST))
    Signer(PUBLIC).verify(_digest(MANIFEST), signature)
    assume(_digest(other) != _digest(MANIFEST))
    with pytest.raises(UntrustedSignatureError, match="does not verify for this manifest and key"):
        Signer(PUBLIC).verify(_digest(other), signature)


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_may_differ(bit: int) -> None:
    """A signature that was changed is none."""
    raw = bytearray(base64.b64decode(sign_digest(KEY, DIGEST)))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UntrustedSignatureError, match="does not verify for this manifest and key"):
        Signer(PUBLIC).verify(DIGEST, base64.b64encode(raw).decode())


def test_yaml_and_json_have_the_same_signature() -> None:
    """What is signed is the digest, which does not depend on how the text is written."""
    assert _digest("a: 1\nb: [x]") == _digest('{"b": ["x"], "a": 1}') == _digest({"a": 1, "b": ["x"]})


def test_what_is_signed_is_the_context_and_the_digest() -> None:
    """Another program can make the signature: Ed25519 over a fixed line and the digest."""
    signature = base64.b64encode(KEY.sign(b"acs-sidecar/manifest/v1\n" + DIGEST.encode())).decode()
    assert sign_digest(KEY, DIGEST) == signature
    plain = base64.b64encode(KEY.sign(DIGEST.encode())).decode()
    with pytest.raises(UntrustedSignatureError, match="does not verify for this manifest and key"):
        Signer(PUBLIC).verify(DIGEST, plain)


@pytest.mark.parametrize(
    "signature",
    ["", "x", "AAAA", "é", "\ud800", "A" * 87 + "=", "=" * 88, " " + "A" * 86 + "==", "A" * 85 + "B=="],
)
def test_a_signature_has_one_form(signature: str) -> None:
    """Sixty-four bytes in strict base64, and nothing else."""
    with pytest.raises(
        UntrustedSignatureError, match=r"^`manifest_signature\.signature` is not 64 bytes in base64$"
    ):
        Signer(PUBLIC).verify(DIGEST, signature)


def _claim(**terms: str) -> SignatureClaim:
    statement: dict[str, Json] = {"digest": DIGEST, **terms}
    signature = sign_statement(KEY, statement)
    return parse_claim({"key_id": "k", "signature": signature, "statement": statement})


def test_a_statement_is_signed_in_its_canonical_form() -> None:
    """Another program can make the signature: Ed25519 over a line of its own and the canonical statement."""
    content = b'acs-sidecar/manifest/v2\n{"digest":"' + DIGEST.encode() + b'","name":"n"}'
    assert _claim(name="n").signature == base64.b64encode(KEY.sign(content)).decode()
    Signer(PUBLIC).verify_claim(_claim(name="n"), DIGEST, "n")
    for name in ("other", None):
        with pytest.raises(
            UntrustedSignatureError,
            match=r"^`manifest_signature\.statement\.name` is not the `metadata\.name` of this manifest$",
        ):
            Signer(PUBLIC).verify_claim(_claim(name="n"), DIGEST, name)


def test_the_bounds_of_a_statement_are_exact() -> None:
    """`not_before` is the first second and `expires` the first that is too late; the age counts from the former."""
    claim = _claim(not_before="1970-01-01T00:01:40Z", expires="1970-01-01T01:03:20+00:00")
    for now, max_age in [(100.0, None), (3_799.9, None), (110.0, 10.0)]:
        claim.check_times(now, max_age)
    for now, max_age, message in [
        (99.9, None, "is in the future"),
        (3_800.0, None, "has expired"),
        (110.1, 10.0, "is older than ACS_SIGNED_MANIFESTS_MAX_AGE"),
    ]:
        with pytest.raises(UntrustedSignatureError, match=message):
            claim.check_times(now, max_age)


@pytest.mark.parametrize(
    "statement",
    [1, "x", [], {}, {"name": "n"}, {"digest": 1}, {"digest": "d", "name": None}, {"digest": "d", "x": "y"}],
)
def test_a_statement_has_one_shape(statement: Json) -> None:
    """An object with a digest, and no member that nothing reads."""
    with pytest.raises(UntrustedSignatureError, match=r"^`manifest_signature\.statement` must be an object"):
        parse_claim({"key_id": "k", "signature": "s", "statement": statement})


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-31",
        "2027-01-31T00:00:00",
        "2027-01-31T24:00:00Z",
        "2027-02-31T00:00:00Z",
        "20270131T000000Z",
        "1",
    ],
)
def test_a_time_has_a_zone_and_exists(text: str) -> None:
    """RFC 3339 alone, not what else ISO 8601 allows."""
    with pytest.raises(UntrustedSignatureError, match=r"statement\.expires` must be an RFC 3339 time"):
        parse_claim({"key_id": "k", "signature": "s", "statement": {"digest": "d", "expires": text}})


def test_a_key_is_trusted_by_its_name_until_it_expires() -> None:
    """An unknown name and an expired key are told apart."""
    trust = ManifestTrust({"k": Signer(PUBLIC, 100.0)})
    assert trust.signer("k", 99.9).public == PUBLIC
    for name, now, message in [
        ("x", 0.0, "names no trusted key"),
        ("k", 100.0, "names a key that has expired"),
    ]:
        with pytest.raises(UntrustedSignatureError, match=rf"^`manifest_signature\.key_id` {message}$"):
            trust.signer(name, now)


def test_a_trust_file_has_keys_in_either_form() -> None:
    """PEM or base64, with an end or without."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    text = "keys:\n  a:\n    public_key: |\n" + "".join(f"      {line}\n" for line in pem.splitlines())
    text += f"  b: {{public_key: {TEXT}, expires: '2027-01-31T00:00:00Z'}}\n"
    signers = parse_trust(text, "f").signers
    assert signers == {"a": Signer(PUBLIC), "b": Signer(PUBLIC, 1_801_353_600.0)}


RSA = (
    generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{}", "f:1:8: keys.a: has no `public_key`"),
        ("{public_key: x}", "f:1:12: keys.a.public_key: must be an Ed25519 public key, in PEM or its 32 bytes in base64"),
        ("{public_key: 1}", "f:1:12: keys.a.public_key: must be a non-empty string"),
        ("{public_key: -----BEGIN x}", "f:1:12: keys.a.public_key: must be an Ed25519 public key, in PEM or its 32 bytes in base64"),
        (f"{{public_key: {RSA.decode()!r}}}".replace("'", '"'), "f:1:12: keys.a.public_key: must be an Ed25519 public key, in PEM or its 32 bytes in base64"),
        (f"{{public_key: {TEXT}, key: 1}}", "f:1:70: keys.a.key: unknown member; must be one of `expires`, `public_key`"),
    ],
)  # fmt: skip
def test_a_bad_key_is_named(entry: str, message: str) -> None:
    """Each fault has its place in the file."""
    with pytest.raises(AccessFileError) as caught:
        parse_trust(f"keys: {{a: {entry}}}", "f")
    assert str(caught.value) == message
