"""`acs-sidecar doctor`: every finding, with the words and the command that a person gets."""

import datetime
import hashlib
import http.server
import importlib.metadata
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from acs_sidecar.audit.log.keys import generate_key
from acs_sidecar.doctor.audit import check_audit
from acs_sidecar.doctor.examination import examine
from acs_sidecar.doctor.expiry import clock_behind, ends
from acs_sidecar.doctor.files import secret_file, writable_directory
from acs_sidecar.doctor.manifests import check_manifests, compiled_manifests
from acs_sidecar.doctor.result import Result, State
from acs_sidecar.doctor.service import check_service
from acs_sidecar.doctor.system import check_address, check_clock, check_engines, check_files, check_sandbox
from acs_sidecar.doctor.trust import check_approvals, check_trust
from acs_sidecar.sandbox import pool as sandbox_pool
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from tests.command import run
from tests.conftest import Start

MANIFEST = """
agent_control_specification_version: 0.3.1-beta
policies: {p: {type: test, output: {decision: allow}}}
intervention_points: {input: {policy_target: $snap, policy: {id: p}}}
"""
NOW = datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC).timestamp()
PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in the current folder, with one manifest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "m.yaml").write_text(MANIFEST)
    return tmp_path


def settings(**given: Any) -> Settings:
    """Settings as `serve` would have them."""
    return Settings(**given)


def summaries(results: Iterable[Result]) -> list[tuple[str, str, str]]:
    """What is not well: check, detail and fix."""
    return [(one.check, one.detail, one.fix) for one in results if one.state is not State.OK]


def states(results: Iterable[Result]) -> list[State]:
    """The states of what is not well."""
    return [one.state for one in results if one.state is not State.OK]


def test_a_service_that_is_well_has_no_findings(start: Start, folder: Path) -> None:
    """Beside a running service every check is ok but that of a clock that nobody keeps; the exit code is 0."""
    service = start()
    done = run(folder, "doctor", ACS_PORT=str(urlsplit(service.url).port))
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one for one in found if one["state"] != "ok" and one["check"] != "clock"] == []
    assert {one["check"] for one in found} - {"clock"} == {
        "engines",
        "manifests",
        "audit",
        "open files",
        "service",
    }
    assert {"check": "service", "state": "ok", "detail": f"ready at {service.url[7:]}", "fix": ""} in found
    assert {
        "check": "audit",
        "state": "ok",
        "detail": "1 log checked: all signed records are present",
        "fix": "",
    } in found


@pytest.mark.server
def test_a_look_changes_nothing(folder: Path) -> None:
    """No key is made, no directory, no log: whatever is missing stays missing."""
    before = sorted(folder.rglob("*"))
    assert run(folder, "doctor", ACS_PORT="1").returncode == 0
    assert sorted(folder.rglob("*")) == before


@pytest.mark.server
def test_a_table_is_for_people(folder: Path) -> None:
    """The table names states, findings and what to do, and counts them at its end."""
    done = run(folder, "doctor", "--format", "table", ACS_PORT="1", ACS_DEFAULT_MANIFEST="no", COLUMNS="200")
    assert done.returncode == 1
    assert "ACS_DEFAULT_MANIFEST `no` is not among the manifests: m" in done.stdout
    assert "1 problem, " in done.stdout.splitlines()[-1]


@pytest.mark.server
def test_settings_that_cannot_be_used_are_findings(folder: Path) -> None:
    """Each fault is a problem in the words of `serve`; a file of settings that is not there is exit 2."""
    done = run(folder, "doctor", ACS_PORT="x", ACS_NOPE="1")
    fix = "correct it; run `acs-sidecar config` to see the settings in force"
    detail = "ACS_NOPE: unknown setting; run `acs-sidecar config` to list all settings"
    assert done.returncode == 1
    assert json.loads(done.stdout) == [
        {"check": "settings", "state": "problem", "detail": detail, "fix": fix}
    ]
    missing = run(folder, "doctor", "--config", "no.yaml")
    assert (missing.returncode, missing.stderr) == (2, "error: --config: `no.yaml` is not a file\n")


def test_manifests_that_cannot_serve_are_found(folder: Path) -> None:
    """An invalid one, a default that is missing, no place, and none at all: each names what shows or mends it."""
    (folder / "manifests" / "bad.yaml").write_text("policies: 1\n")
    found = summaries(check_manifests(settings(default_manifest="x")))
    assert found[0][1].startswith("`bad` is invalid: ")
    assert found[0][2] == "acs-sidecar validate manifests"
    assert found[1] == (
        "manifests",
        "ACS_DEFAULT_MANIFEST `x` is not among the manifests: bad, m",
        "set ACS_DEFAULT_MANIFEST to a manifest of ACS_MANIFESTS",
    )
    assert summaries(check_manifests(settings(manifests=Path("no")))) == [
        ("manifests", "`no` is not a file or directory", "set ACS_MANIFESTS to a directory of manifests")
    ]
    shutil.rmtree("manifests")
    assert summaries(check_manifests(settings(inline_manifests="deny"))) == [
        (
            "manifests",
            "no manifest is loaded and inline manifests are refused",
            "add manifests to ACS_MANIFESTS",
        )
    ]


def test_other_servers_are_not_asked(folder: Path) -> None:
    """A manifest that names another server is said to be unchecked, and nothing is fetched."""
    (folder / "manifests" / "m.yaml").write_text(
        MANIFEST + f"extends:\n  - {{url: 'https://127.0.0.1:1/a.yaml', sha256: '{'0' * 64}'}}\n"
    )
    assert summaries(check_manifests(settings())) == [
        ("manifests", "`m` is not checked: it refers to other servers", "acs-sidecar validate manifests")
    ]


def test_a_bundle_that_is_not_kept_is_told(folder: Path) -> None:
    """Without a kept bundle a start needs the server; its token is a secret."""
    token = folder / "token"
    given = settings(manifests_url="https://127.0.0.1:1/a.tar.gz", manifests_url_token_file=token)
    kept = (
        "bundle",
        "no bundle of ACS_MANIFESTS_URL is stored: a start requires its server",
        "acs-sidecar serve, once, while the server is reachable",
    )
    assert summaries(check_manifests(given)) == [
        kept,
        ("bundle", f"`{token}` is missing", "write the token to ACS_MANIFESTS_URL_TOKEN_FILE"),
    ]
    token.write_text("x")
    token.chmod(0o644)
    readable = ("bundle", f"`{token}` can be read or changed by everybody: mode 644", f"chmod 600 {token}")
    assert summaries(check_manifests(given)) == [kept, readable]


def test_a_kept_bundle_reads_itself_alone(folder: Path) -> None:
    """Files beside a manifest's folder count inside the bundle; libraries of `ACS_POLICY_ROOTS` do not."""
    url = "https://127.0.0.1:1/a.tar.gz"
    stored = folder / "kept" / hashlib.sha256(url.encode()).hexdigest()[:16]
    content = stored / "0" / "manifests"
    (content / "shared").mkdir(parents=True)
    (content / "shared" / "p.cedar").write_text("permit(principal, action, resource);")
    (folder / "library").mkdir()
    (folder / "library" / "p.cedar").write_text("permit(principal, action, resource);")
    (stored / "kept").symlink_to("0")
    given = settings(
        manifests_url=url, manifests_kept_dir=folder / "kept", policy_roots=(str(folder / "library"),)
    )
    for name, path in (("inside", "../shared"), ("outside", "../../../../../library")):
        (content / name).mkdir()
        policy = f"type: cedar, policy_path: {path}/p.cedar"
        manifest = MANIFEST.replace("type: test, output: {decision: allow}", policy)
        (content / name / "manifest.yaml").write_text(manifest)
    found = compiled_manifests(given)
    assert isinstance(found["inside"], CompiledManifest)
    assert isinstance(found["outside"], InvalidManifest)
    assert "is outside the manifest's directory" in found["outside"].error.diagnostics[0].message


def test_engines_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing engine is a warning: what does not need it serves."""

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("acs_sidecar.doctor.system.importlib.metadata.version", missing)
    results = list(check_engines())
    assert summaries(results) == [
        ("engines", f"{name} is not installed: policies that need it are refused", f"pip install {name}")
        for name in ("cedarpy", "gordon-to-regorus")
    ]
    assert set(states(results)) == {State.WARNING}


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


def test_logs_that_are_damaged_are_named(start: Start, folder: Path) -> None:
    """A changed record, a lost key and a clock that went back are problems; whole logs are none."""
    service = start()
    service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "m"})
    assert service.stop() == 0
    given = settings()
    assert summaries(check_audit(given, time.time())) == []
    seconds = 3_600
    (finding,) = summaries(check_audit(given, time.time() - seconds))
    assert finding[0] == "clock"
    assert finding[1].startswith(("the newest audit record is 359", "the newest audit record is 360"))
    (segment,) = folder.glob("var/audit/*/*/*/*/records-*.jsonl")
    origin = str(segment.parent.relative_to(folder / "var/audit"))
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b'"allow"', b'"nope!"'))
    before = sorted(path for path in folder.rglob("*"))
    (damaged,) = summaries(check_audit(given, time.time()))
    assert damaged == (
        "audit",
        f"the log `{origin}` is damaged: its 3 records do not hash to the root that was signed",
        'keep its files as they are; acs-sidecar audit verify var/audit --key "$(acs-sidecar audit key)"',
    )
    segment.write_bytes(content[: len(content) // 2])
    (cut,) = summaries(check_audit(given, time.time()))
    assert cut[1].startswith(f"the log `{origin}` is damaged: ")
    segment.write_bytes(content)
    assert sorted(path for path in folder.rglob("*")) == before
    given.audit_key_file.unlink()
    assert summaries(check_audit(given, time.time())) == [
        (
            "audit key",
            "`var/audit-key.pem` is missing but there are logs that it signed",
            "restore it, or: acs-sidecar audit key --generate",
        )
    ]


def test_what_ended_and_what_ends_soon_is_told() -> None:
    """Past is a problem, within 14 days a warning, later and never nothing, on the second."""
    day = 86_400
    assert list(ends("callers", "`a`", NOW, NOW, "fix")) == [
        Result("callers", State.PROBLEM, "`a` expired on 2027-01-31 00:00 UTC", "fix")
    ]
    assert list(ends("callers", "`a`", NOW + 14 * day - 1, NOW, "fix")) == [
        Result("callers", State.WARNING, "`a` expires on 2027-02-13 23:59 UTC, in 13 days", "fix")
    ]
    assert list(ends("callers", "`a`", NOW + 14 * day, NOW, "fix")) == []
    assert list(ends("callers", "`a`", None, NOW, "fix")) == []


def test_a_clock_behind_its_records_is_a_problem() -> None:
    """Records from the future mean that time went back; a few seconds, and no record, mean nothing."""
    assert list(clock_behind(NOW + 5, NOW)) == list(clock_behind(None, NOW)) == []
    assert summaries(clock_behind(NOW + 60, NOW)) == [
        (
            "clock",
            "the newest audit record is 60 seconds ahead of this clock",
            "timedatectl set-ntp true, and start the service once the time is correct",
        )
    ]


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
    file.chmod(0o644)
    assert summaries(check_trust(given, NOW)) == [
        ("shipping", f"`{file}` can be read or changed by everybody: mode 644", f"chmod 600 {file}")
    ]


def test_the_approval_key_is_looked_at(folder: Path) -> None:
    """A key that others read, or that is none, is a problem; one that is not needed is nothing."""
    given = settings()
    assert list(check_approvals(given, compiled_manifests(given))) == []
    generate_key(given.approval_key_file, "approval")
    given.approval_key_file.chmod(0o604)
    key = "var/approval-key.pem"
    assert summaries(check_approvals(given, {})) == [
        ("approval key", f"`{key}` can be read or changed by everybody: mode 604", f"chmod 600 {key}")
    ]
    given.approval_key_file.chmod(0o600)
    given.approval_key_file.write_text("")
    assert summaries(check_approvals(given, {})) == [
        (
            "approval key",
            f"`{key}` is not an unencrypted PKCS#8 PEM private key",
            f"restore the key to {key}",
        )
    ]


def test_an_address_that_others_reach_is_told(folder: Path) -> None:
    """Without credentials, without TLS: both are named; a local address is nothing."""
    assert summaries(check_address(settings(host="0.0.0.0", allow_public=True))) == [
        (
            "address",
            "anyone who reaches `0.0.0.0` can use the service: authentication is off",
            "set ACS_AUTH_TOKENS_FILE, or listen on 127.0.0.1 or a Unix socket",
        ),
        (
            "address",
            "traffic to `0.0.0.0` is not encrypted, tokens and snapshots included",
            "set ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE, or terminate TLS in front",
        ),
    ]
    assert summaries(check_address(settings(host="0.0.0.0", auth_tokens_file=folder / "x")))[0][1].startswith(
        "traffic to"
    )
    assert summaries(check_address(settings())) == []


def test_few_open_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard limit below what may be in flight is a warning with the number that would fit."""
    monkeypatch.setattr("acs_sidecar.doctor.system.resource.getrlimit", lambda which: (256, 1_024))
    assert summaries(check_files(settings())) == [
        (
            "open files",
            "a process can open 1024 files, which allows 768 connections for ACS_MAX_IN_FLIGHT 1024",
            "raise the limit (LimitNOFILE= in a unit), or set ACS_MAX_IN_FLIGHT=768",
        )
    ]


@pytest.mark.parametrize(("answer", "expected"), [(5, 1), (0, 0)])
def test_a_clock_that_nothing_keeps_is_told(
    answer: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own word: 5 is a clock that is not synchronised."""

    class Library:
        def __init__(self, name: None) -> None:
            pass

        def adjtimex(self, buffer: object) -> int:
            return answer

    monkeypatch.setattr("acs_sidecar.doctor.system.ctypes.CDLL", Library)
    line = ("clock", "the kernel reports that its clock is not synchronized", "timedatectl set-ntp true")
    assert summaries(check_clock()) == [line] * expected


@pytest.mark.server
def test_a_sandbox_that_cannot_be_made_is_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started for real where inline manifests would need it, and nowhere else."""
    assert list(check_sandbox(settings(inline_manifests="deny"))) == []
    (fine,) = check_sandbox(settings(inline_manifests="sandboxed"))
    assert (fine.state, fine.detail) == (State.OK, "children can be sandboxed")

    def refuse(self: sandbox_pool.Pool) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sandbox_pool.Pool, "open", refuse)
    assert summaries(check_sandbox(settings(inline_manifests="sandboxed"))) == [
        (
            "sandbox",
            "inline manifests cannot be sandboxed: [Errno 1] Operation not permitted",
            "allow the service to fork and to set resource limits, or set ACS_INLINE_MANIFESTS=deny",
        )
    ]


@pytest.mark.server
def test_an_address_where_nobody_answers_is_told(folder: Path) -> None:
    """Nobody, a socket that was left behind, a file in its place: each with what to do."""
    assert summaries(check_service(settings(port=1))) == [
        ("service", "no service answers at 127.0.0.1:1: [Errno 111] Connection refused", "acs-sidecar serve")
    ]
    place = folder / "s.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(place))
    left.close()
    assert summaries(check_service(settings(uds=place))) == [
        (
            "service",
            f"no process listens on the socket `{place}`: its service exited without removing it",
            "acs-sidecar serve, which replaces it",
        )
    ]
    place.unlink()
    place.write_text("")
    assert summaries(check_service(settings(uds=place))) == [
        ("service", f"`{place}` is not a socket", f"move it: mv {place} ELSEWHERE")
    ]


@pytest.mark.server
def test_another_service_at_the_address_is_a_problem() -> None:
    """What answers something else is not taken for the service."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
        port = other.server_address[1]
        results = list(check_service(settings(port=port)))
        other.shutdown()
    assert summaries(results) == [
        (
            "service",
            f"what answers at 127.0.0.1:{port} is not this service",
            "stop it, or set ACS_PORT to another port",
        )
    ]
    assert states(results) == [State.PROBLEM]


def test_what_the_service_says_of_itself_is_passed_on(start: Start, folder: Path) -> None:
    """A check that failed is a problem, a warning a warning, each with its fix."""
    (folder / "manifests" / "m.yaml").write_text("policies: 1")
    service = start(ACS_MANIFESTS_STRICT="false", ACS_AUDIT_DURABILITY="none")
    results = list(check_service(settings(port=urlsplit(service.url).port)))
    assert summaries(results) == [
        (
            "service",
            "manifests: no valid manifest is loaded",
            "acs-sidecar validate; then send SIGHUP to the service",
        ),
        (
            "service",
            "audit: no audit log is written (ACS_AUDIT_DURABILITY=none)",
            "see `audit` above; the service retries every second",
        ),
    ]
    assert states(results) == [State.PROBLEM, State.WARNING]


@pytest.mark.server
def test_a_check_that_cannot_look_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of one check is a finding, and the others go on."""

    def fails(given: Settings, now: float) -> Iterable[Result]:
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr("acs_sidecar.doctor.examination.check_audit", fails)
    found = summaries(examine(settings(port=1), NOW))
    assert (
        "audit",
        "`/x` cannot be read: Permission denied",
        "run doctor as the user of the service",
    ) in found
    assert found[-1][0] == "service"
