"""`acs-sidecar doctor` on directories, keys and trust files."""

import datetime
import os
import shutil
from pathlib import Path

import pytest
import trustme

from acs_sidecar.audit.log.keys import generate_key
from acs_sidecar.doctor.audit import check_audit
from acs_sidecar.doctor.files import secret_file, writable_directory
from acs_sidecar.doctor.manifests import compiled_manifests
from acs_sidecar.doctor.result import Result, State
from acs_sidecar.doctor.trust import check_approvals, check_trust
from tests.doctor.results import NOW, settings, summaries, written

PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_a_directory_that_takes_no_files_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No directory, no permission, little room, no room: each with what to change."""
    (folder / "file").write_text("")
    audit = "ACS_AUDIT_DIR"
    assert summaries(writable_directory("audit", folder / "file" / "a", audit)) == [
        ("audit", f"`{folder / 'file'}` is not a directory", "set ACS_AUDIT_DIR to a directory")
    ]
    user = os.geteuid()
    monkeypatch.setattr("acs_sidecar.doctor.files.os.access", lambda path, mode: False)
    assert summaries(writable_directory("audit", folder / "new", audit)) == [
        ("audit", f"user {user} cannot write to `{folder}`", f"chown {user} {folder}, or set ACS_AUDIT_DIR")
    ]
    monkeypatch.undo()
    mib = 1024 * 1024
    for free, state in ((63, State.PROBLEM), (1_023, State.WARNING)):
        monkeypatch.setattr(
            "acs_sidecar.doctor.files.shutil.disk_usage",
            lambda path, free=free: shutil._ntuple_diskusage(0, 0, free * mib),
        )
        (found,) = writable_directory("audit", folder, audit)
        assert found == Result(
            "audit",
            state,
            f"{free} MiB are free at `{folder}`",
            "acs-sidecar audit prune --older-than DAYS, or use a larger volume",
        )


def test_a_key_that_others_read_is_found(folder: Path) -> None:
    """The audit key: readable, in the audit directory, no key, of another user, missing beside its logs."""
    given = settings()
    generate_key(given.audit_key_file)
    written(given.audit_key_file)
    assert summaries(check_audit(given, NOW)) == []
    given.audit_key_file.chmod(0o644)
    key = "var/audit-key.pem"
    assert summaries(check_audit(given, NOW)) == [
        ("audit key", f"`{key}` can be read or changed by everybody: mode 644", f"chmod 600 {key}")
    ]
    given.audit_key_file.chmod(0o640)
    assert (
        summaries(check_audit(given, NOW))[0][1]
        == f"`{key}` can be read or changed by its group or other users: mode 640"
    )
    given.audit_key_file.write_text("no key")
    written(given.audit_key_file)
    given.audit_key_file.chmod(0o600)
    assert summaries(check_audit(given, NOW)) == [
        ("audit key", f"`{key}` is not an unencrypted PKCS#8 PEM private key", f"restore the key to {key}")
    ]
    inside = settings(audit_key_file=Path("var/audit/key.pem"))
    assert summaries(check_audit(inside, NOW)) == [
        (
            "audit key",
            "`var/audit/key.pem` is in the audit directory",
            "move it and set ACS_AUDIT_KEY_FILE to its new path",
        )
    ]
    assert summaries(check_audit(settings(audit_durability="none"), NOW)) == [
        ("audit", "no audit log is written: verdicts cannot be proven", "set ACS_AUDIT_DURABILITY=write")
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_told(folder: Path) -> None:
    """A key that the service's user would not own is a warning that says whose it is."""
    given = settings()
    generate_key(given.audit_key_file)
    written(given.audit_key_file)
    os.chown(given.audit_key_file, 4242, -1)
    (found,) = [one for one in check_audit(given, NOW) if one.state is not State.OK]
    assert (found.state, found.detail) == (
        State.WARNING,
        "`var/audit-key.pem` belongs to user 4242, but this is user 0",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that root owns")
def test_a_mounted_secret_is_no_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root gives to a group of the service's user is a secret still; to another group it is not."""
    key = folder / "key"
    key.write_text("")
    key.chmod(0o440)
    os.chown(key, 0, 65_532)
    monkeypatch.setattr("acs_sidecar.doctor.files.os.geteuid", lambda: 65_532)
    monkeypatch.setattr("acs_sidecar.doctor.files.os.getgroups", lambda: [65_532])
    assert summaries(secret_file("audit key", key)) == []
    monkeypatch.setattr("acs_sidecar.doctor.files.os.getgroups", lambda: [4_242])
    detail = f"`{key}` can be read or changed by its group or other users: mode 440"
    assert summaries(secret_file("audit key", key)) == [("audit key", detail, f"chmod 600 {key}")]
    key.chmod(0o444)
    monkeypatch.setattr("acs_sidecar.doctor.files.os.getgroups", lambda: [65_532])
    assert (
        summaries(secret_file("audit key", key))[0][1]
        == f"`{key}` can be read or changed by everybody: mode 444"
    )


def test_files_of_trust_are_read(folder: Path) -> None:
    """Faults in the words of the reader; what ended or ends soon by its name; others may not write."""
    callers, keys, approvers = (folder / f"{name}.yaml" for name in ("callers", "keys", "approvers"))
    callers.write_text(
        "callers:\n"
        f"  a: {{token_sha256: '{'0' * 64}', scopes: [evaluate], expires: '2027-01-30T00:00:00Z'}}\n"
        "  b: {uid: 7, scopes: [evaluate], expires: '2027-02-01T00:00:00Z'}\n"
    )
    keys.write_text(f"keys:\n  k: {{public_key: '{PUBLIC}', expires: '2027-01-30T00:00:00Z'}}\n")
    approvers.write_text(f"approvers:\n  jo: {{public_key: '{PUBLIC}', expires: '2027-01-30T00:00:00Z'}}\n")
    given = settings(auth_tokens_file=callers, inline_trust_file=keys, approval_trust_file=approvers)
    assert summaries(check_trust(given, NOW)) == [
        ("callers", "`a` expired on 2027-01-30 00:00 UTC", f"renew or remove `a` in {callers}"),
        ("callers", "`b` expires on 2027-02-01 00:00 UTC, in 1 day", f"renew or remove `b` in {callers}"),
        ("manifest keys", "`k` expired on 2027-01-30 00:00 UTC", f"renew or remove `k` in {keys}"),
        ("approvers", "`jo` expired on 2027-01-30 00:00 UTC", f"renew or remove `jo` in {approvers}"),
    ]
    keys.unlink()
    approvers.unlink()
    callers.chmod(0o666)
    callers.write_text(
        callers.read_text()
        .replace(", expires: '2027-01-30T00:00:00Z'", "")
        .replace(", expires: '2027-02-01T00:00:00Z'", "")
    )
    assert summaries(check_trust(given, NOW)) == [
        ("callers", f"`{callers}` can be changed by other users: mode 666", f"chmod go-w {callers}"),
        ("manifest keys", f"`{keys}` cannot be read: No such file or directory", f"correct {keys}"),
        ("approvers", f"`{approvers}` cannot be read: No such file or directory", f"correct {approvers}"),
    ]
    callers.write_text("callers:\n  a: {scopes: [evaluate]}\n")
    (fault,) = summaries(check_trust(settings(auth_tokens_file=callers), NOW))
    assert fault[1].startswith("callers.yaml:2:")
    assert fault[2] == f"correct {callers}"


def test_certificates_are_read(folder: Path) -> None:
    """One that ends, one that begins later, a key that others read, and a key of another certificate."""
    authority = trustme.CA()
    ending = datetime.datetime(2027, 2, 3, tzinfo=datetime.UTC)
    issued = authority.issue_cert(
        "sidecar.test", not_before=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), not_after=ending
    )
    chain, key = folder / "chain.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(chain))
    issued.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    given = settings(tls_cert_file=chain, tls_key_file=key)
    (soon,) = summaries(check_trust(given, NOW))
    assert soon[1].endswith(f"in `{chain}` expires on 2027-02-03 00:00 UTC, in 3 days")
    assert soon[2] == f"renew {chain}; the service loads it without a restart"
    (gone,) = summaries(check_trust(given, NOW + 10 * 86_400))
    assert gone[1].endswith(f"in `{chain}` expired on 2027-02-03 00:00 UTC")
    early = summaries(check_trust(given, datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC).timestamp()))
    assert early[0][1].endswith(f"in `{chain}` is not valid before 2026-01-01 00:00 UTC")
    key.chmod(0o644)
    assert (
        "certificate",
        f"`{key}` can be read or changed by everybody: mode 644",
        f"chmod 600 {key}",
    ) in summaries(check_trust(given, NOW))
    authority.issue_cert("other.test").private_key_pem.write_to_path(str(key))
    (wrong,) = summaries(check_trust(given, NOW))
    assert wrong[1].startswith(f"`{chain}` and `{key}` are not a PEM certificate and its unencrypted key (")
    assert wrong[2] == "correct ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE"


def test_credentials_of_shipping_are_secrets(folder: Path) -> None:
    """A file of credentials that is missing, or that others read, is a problem."""
    file = folder / "a.creds"
    given = settings(audit_nats_creds_file=file)
    fix = "write the credentials to ACS_AUDIT_NATS_CREDS_FILE"
    assert summaries(check_trust(given, NOW)) == [("shipping", f"`{file}` is missing", fix)]
    file.write_text("x")
    written(file)
    file.chmod(0o644)
    assert summaries(check_trust(given, NOW)) == [
        ("shipping", f"`{file}` can be read or changed by everybody: mode 644", f"chmod 600 {file}")
    ]


def test_keys_that_are_old_are_told(folder: Path) -> None:
    """After a year each has a warning that says how to rotate it; certificates say themselves when they end."""
    given = settings(audit_nats_creds_file=folder / "a.creds")
    generate_key(given.audit_key_file)
    generate_key(given.approval_key_file, "approval")
    (folder / "a.creds").write_text("x")
    (folder / "a.creds").chmod(0o600)

    def found(days: int) -> list[tuple[str, str, str]]:
        for path in (given.audit_key_file, given.approval_key_file, folder / "a.creds"):
            written(path, days)
        return summaries(
            [*check_audit(given, NOW), *check_approvals(given, {}, NOW), *check_trust(given, NOW)]
        )

    assert found(365) == []
    assert found(366) == [
        (
            "audit key",
            "`var/audit-key.pem` was written 366 days ago",
            "rotate it: replace the file and send SIGHUP to the service",
        ),
        (
            "approval key",
            "`var/approval-key.pem` was written 366 days ago",
            "rotate it: append the old public key to the new key",
        ),
        (
            "shipping",
            f"`{folder / 'a.creds'}` was written 366 days ago",
            "renew the credentials of the NATS account",
        ),
    ]


def test_the_approval_key_is_looked_at(folder: Path) -> None:
    """A key that others read, or that is none, is a problem; one that is not needed is nothing."""
    given = settings()
    assert list(check_approvals(given, compiled_manifests(given), NOW)) == []
    generate_key(given.approval_key_file, "approval")
    written(given.approval_key_file)
    given.approval_key_file.chmod(0o604)
    key = "var/approval-key.pem"
    assert summaries(check_approvals(given, {}, NOW)) == [
        ("approval key", f"`{key}` can be read or changed by everybody: mode 604", f"chmod 600 {key}")
    ]
    given.approval_key_file.chmod(0o600)
    given.approval_key_file.write_text("")
    written(given.approval_key_file)
    assert summaries(check_approvals(given, {}, NOW)) == [
        (
            "approval key",
            f"`{key}` is not an unencrypted PKCS#8 PEM private key",
            f"restore the key to {key}",
        )
    ]
