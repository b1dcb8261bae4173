"""`acs-sidecar doctor`: every finding, with the words and the command that a person gets."""

import hashlib
import importlib.metadata
import json
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from acs_sidecar.doctor.audit import check_audit
from acs_sidecar.doctor.expiry import clock_behind, ends
from acs_sidecar.doctor.manifests import check_manifests, compiled_manifests
from acs_sidecar.doctor.result import Result, State
from acs_sidecar.doctor.system import check_engines
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from tests.command import run
from tests.conftest import Start
from tests.doctor.results import MANIFEST, NOW, settings, states, summaries


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
