"""The audit key: where it comes from, and what a verifier is given (section 4.4)."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from acs_sidecar.audit.format.trust import TrustedKey
from acs_sidecar.audit.log.keys import (
    AuditKey,
    KeyFileError,
    ensure_key,
    generate_key,
    load_key,
    load_trusted_key,
)
from tests.audit.log.logs import KEY, OTHER_KEY, decisions, settings, with_log

PUBLIC_PEM = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PRIVATE_PEM = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
OTHER_PUBLIC_PEM = OTHER_KEY.private.public_key().public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
)


def test_generates_a_key_once(tmp_path: Path) -> None:
    """The first start makes the key, readable by its owner alone; the next finds it."""
    path, audit = tmp_path / "keys" / "audit.pem", tmp_path / "audit"
    key, generated = ensure_key(path, audit)
    assert generated
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["audit.pem"]
    again, generated = ensure_key(path, audit)
    assert (again.public, generated) == (key.public, False)


def test_never_replaces_a_missing_key_silently(tmp_path: Path) -> None:
    """Where logs exist already, a missing key is an error: a new one would not verify them."""
    audit = tmp_path / "audit"
    with_log(decisions(1), settings(audit))
    path = tmp_path / "audit.pem"
    with pytest.raises(KeyFileError) as refusal:
        ensure_key(path, audit)
    assert str(refusal.value) == (
        f"the audit key `{path}` is missing but `{audit}` has logs that it signed: "
        "restore it, or create a new one with `acs-sidecar audit key --generate`"
    )
    assert not path.exists()


def test_the_key_does_not_lie_with_the_logs(tmp_path: Path) -> None:
    """Who can write the logs must not find the key beside them."""
    path = tmp_path / "audit" / "key.pem"
    with pytest.raises(KeyFileError) as refusal:
        ensure_key(path, tmp_path / "audit")
    assert str(refusal.value) == f"the audit key `{path}` is in the audit directory: move it elsewhere"


def test_whoever_comes_second_gets_the_first_key(tmp_path: Path) -> None:
    """Two processes that generate at once end up with one key."""
    path = tmp_path / "audit.pem"
    assert generate_key(path).public == generate_key(path).public


def test_keys_behind_the_key_are_earlier_ones(tmp_path: Path) -> None:
    """Public keys in the key file are trusted for the logs that they signed."""
    path = tmp_path / "audit.pem"
    path.write_bytes(PRIVATE_PEM + OTHER_PUBLIC_PEM)
    key = load_key(path)
    assert (key.public, key.retired) == (KEY.public, (OTHER_KEY.public,))
    assert [one.public for one in key.trust.keys] == [KEY.public, OTHER_KEY.public]


def test_a_successor_keeps_trusting_what_came_before() -> None:
    """After a rotation the service still examines the logs of the key before."""
    third = AuditKey(Ed25519PrivateKey.generate())
    chain = third.succeed(OTHER_KEY.succeed(KEY))
    assert (chain.public, set(chain.retired)) == (third.public, {OTHER_KEY.public, KEY.public})
    assert KEY.succeed(KEY).retired == ()


def encrypted() -> bytes:
    """Give an encrypted key."""
    return KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def other_kind() -> bytes:
    """Give a key of another kind."""
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", "`{}` is not an unencrypted PKCS#8 PEM private key"),
        (lambda: PUBLIC_PEM, "`{}` is not an unencrypted PKCS#8 PEM private key"),
        (encrypted, "`{}` is not an unencrypted PKCS#8 PEM private key"),
        (other_kind, "`{}` is not an Ed25519 key"),
    ],
)
def test_refuses_what_is_no_audit_key(tmp_path: Path, content: Callable[[], bytes], message: str) -> None:
    """Only an unencrypted Ed25519 key in PKCS#8 PEM is one."""
    path = tmp_path / "audit.pem"
    path.write_bytes(content())
    with pytest.raises(KeyFileError) as refusal:
        load_key(path)
    assert str(refusal.value) == message.format(path)


def test_a_key_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    """The message names the file and the system's reason."""
    missing = tmp_path / "none.pem"
    with pytest.raises(KeyFileError) as refusal:
        load_key(missing)
    assert str(refusal.value) == f"`{missing}` cannot be read: No such file or directory"
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "audit.pem"
    with pytest.raises(KeyFileError) as refusal:
        generate_key(below)
    assert str(refusal.value) == f"the audit key `{below}` cannot be written: File exists"


def test_a_verifier_trusts_verifier_keys_and_pem_files(tmp_path: Path) -> None:
    """A verifier key is trusted for the logs of its name, also from a file, a PEM file for all; a date is the key's end."""
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_bytes(PUBLIC_PEM)
    private.write_bytes(PRIVATE_PEM)
    assert load_trusted_key(str(KEY.verifier_key("acs"))) == TrustedKey(KEY.public, "acs")
    assert load_trusted_key(str(public)) == TrustedKey(KEY.public)
    assert load_trusted_key(str(private)) == TrustedKey(KEY.public)
    printed = tmp_path / "service.vkey"
    printed.write_text(f"{KEY.verifier_key('acs')}\n")
    assert load_trusted_key(str(printed)) == TrustedKey(KEY.public, "acs")
    assert load_trusted_key(f"{public}@2026-01-02") == TrustedKey(
        KEY.public, None, "2026-01-02T00:00:00.000000Z"
    )
    assert load_trusted_key(f"{KEY.verifier_key('acs')}@2026-01-02T03:04:05+01:00") == TrustedKey(
        KEY.public, "acs", "2026-01-02T02:04:05.000000Z"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "acs+00000000+AAAA",
            "`acs+00000000+AAAA`: not the verifier key of an Ed25519 key: `name+hash+base64` is expected",
        ),
        ("/none.pem", "`/none.pem` cannot be read: No such file or directory"),
        ("/none.pem@soon", "`soon` is not a date or time in ISO 8601"),
    ],
)
def test_refuses_what_is_no_trusted_key(text: str, message: str) -> None:
    """What is neither a verifier key nor a PEM file, or has no date as its end, is refused."""
    with pytest.raises(KeyFileError) as refusal:
        load_trusted_key(text)
    assert str(refusal.value) == message


def test_refuses_a_pem_file_of_another_kind(tmp_path: Path) -> None:
    """A public key must be an Ed25519 key."""
    path = tmp_path / "public.pem"
    path.write_bytes(
        generate_private_key(SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(KeyFileError, match="is not an Ed25519 key"):
        load_trusted_key(str(path))
    for content in (
        "nothing",
        f"{KEY.verifier_key('acs')}\n{KEY.verifier_key('acs')}\n",
        "acs+00000000+AAAA",
    ):
        path.write_text(content)
        with pytest.raises(KeyFileError, match="is neither a verifier key nor a PEM public key"):
            load_trusted_key(str(path))
