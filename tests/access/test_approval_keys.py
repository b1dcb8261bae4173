"""The approval key in its file: made when it is missing, read again when it changes."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acs_sidecar.access.approval_keys import FileApprovalKey
from acs_sidecar.approval.ports import KeysUnavailableError
from acs_sidecar.audit.log.keys import KeyFileError, generate_key
from tests.approval.desk import ALICE


def test_it_is_made_once(tmp_path: Path) -> None:
    """Only its owner can read it, and whoever comes next finds it."""
    path = tmp_path / "var" / "approval.pem"
    made = FileApprovalKey(path).load()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FileApprovalKey(path)().trusted == made.trusted


def test_it_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A new key signs from then on; one that stands behind it is still trusted."""
    path = tmp_path / "approval.pem"
    key = FileApprovalKey(path)
    (before,) = key().trusted
    generate_key(tmp_path / "next.pem")
    earlier = ALICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "next.pem").write_bytes((tmp_path / "next.pem").read_bytes() + earlier)
    (tmp_path / "next.pem").rename(path)
    after, retired = key().trusted
    assert after == key().private.public_key().public_bytes_raw() != before
    assert retired == ALICE.public_key().public_bytes_raw()


def test_one_that_cannot_be_used(tmp_path: Path) -> None:
    """The operator is told where and why; nobody else is."""
    path = tmp_path / "approval.pem"
    key = FileApprovalKey(path)
    key()
    path.write_text("no key")
    with pytest.raises(KeyFileError, match="is not an unencrypted PKCS#8 PEM private key"):
        key.load()
    with pytest.raises(KeysUnavailableError) as refusal:
        key()
    assert str(refusal.value) == "the approval key cannot be used; see the service log"
    path.unlink()
    (tmp_path / "approval.pem").mkdir()
    with pytest.raises(KeysUnavailableError):
        key()
