"""Section 2.5: the mode `signed`, over HTTP, with signatures that the command makes."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COMMAND, Service, Start, environment
from tests.waiting import wait_for

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}


def _run(folder: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def _signature(
    folder: Path, manifest: Any, key: str = "key.pem", key_id: str = "release", *terms: str
) -> Any:
    (folder / "m.json").write_text(json.dumps(manifest))
    return json.loads(_run(folder, "sign", "m.json", "--key", key, "--key-id", key_id, *terms).stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key, and a trust file that names it."""
    entry = _run(tmp_path, "sign", "--generate", "--key", "key.pem", "--key-id", "release").stdout
    _run(tmp_path, "sign", "--generate", "--key", "other.pem")
    (tmp_path / "trust.yaml").write_text("keys:\n" + entry)
    return tmp_path


@pytest.fixture
def service(folder: Path, start: Start) -> Service:
    """A service that takes signed manifests alone."""
    return start(ACS_INLINE_MANIFESTS="signed", ACS_INLINE_TRUST_FILE="trust.yaml")


def _evaluate(service: Service, manifest: Any, signature: Any) -> tuple[int, Any]:
    body = {"snapshot": {}, "manifest": manifest}
    return service.post("/v1/evaluate/input", body | ({"manifest_signature": signature} if signature else {}))


def test_a_signed_manifest_is_evaluated_and_recorded_as_such(service: Service, folder: Path) -> None:
    """As an object or as text, again and again; the record says `signed` (2.5)."""
    signature = _signature(folder, MANIFEST)
    for given in (MANIFEST, json.dumps(MANIFEST), json.dumps(MANIFEST, indent=1), MANIFEST):
        status, body = _evaluate(service, given, signature)
        assert (status, body["verdict"]["decision"]) == (200, "allow")
        record = service.get(f"/v1/audit/records/{body['audit']['index']}")[1]["record"]
        assert json.loads(record)["manifest_source"] == "signed"
    assert service.get("/v1/info")[1]["inline_manifests"] == "signed"


def test_what_is_not_signed_as_it_must_be_is_refused(service: Service, folder: Path) -> None:
    """403 and deny with the exact reason, before anything is compiled, and recorded."""
    good = _signature(folder, MANIFEST)
    other = MANIFEST | {"metadata": {"x": 1}}
    _evaluate(service, MANIFEST, good)  # what is in the cache serves its own signature alone
    wrong = "`manifest_signature` does not verify for this manifest and key"
    for manifest, signature, detail in [
        (MANIFEST, None, "inline manifests must be signed: `manifest_signature` is missing"),
        (MANIFEST, good | {"key_id": "x"}, "`manifest_signature.key_id` names no trusted key"),
        (MANIFEST, good | {"signature": "x"}, "`manifest_signature.signature` is not 64 bytes in base64"),
        (MANIFEST, _signature(folder, MANIFEST, "other.pem"), wrong),
        (other, good, wrong),
        (json.dumps(other), good, wrong),
        ("[", good, "the manifest cannot be parsed, so its signature cannot be verified"),
        ("[]", good, "the manifest cannot be parsed, so its signature cannot be verified"),
        ("policies: {}", good, wrong),
    ]:
        status, body = _evaluate(service, manifest, signature)
        assert (status, body["detail"]) == (403, detail)
        assert (body["verdict"]["decision"], body["verdict"]["reason"]) == (
            "deny",
            "runtime_error:request_invalid",
        )
        request = {"manifest": manifest} | ({"manifest_signature": signature} if signature else {})
        status, body = service.post("/v1/manifests:validate", request)
        assert (status, body["detail"]) == (403, detail)
    records = [json.loads(line) for line in service.get("/v1/audit/records")[1]["records"]]
    assert [one["decision"] for one in records if one["event"] == "decision"] == ["allow"] + ["deny"] * 9


NAMED = MANIFEST | {"metadata": {"name": "support"}}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def _stated(folder: Path, manifest: Any, *terms: str) -> Any:
    return _signature(folder, manifest, "key.pem", "release", *terms)


def test_a_signature_can_bind_times_and_name(service: Service, folder: Path) -> None:
    """A statement in force is accepted, also for a manifest that a child reads; any other is a 403 (2.5)."""
    large = NAMED | {"tools": {f"t{number}": {"clearance": "public"} for number in range(2_000)}}
    for manifest in (NAMED, json.dumps(NAMED), large, json.dumps(large)):
        terms = ("--not-before", PAST, "--expires", FUTURE, "--name", "support")
        signature = _stated(folder, json.loads(manifest) if isinstance(manifest, str) else manifest, *terms)
        status, body = _evaluate(service, manifest, signature)
        assert (status, body["verdict"]["decision"]) == (200, "allow"), body
    good = _stated(folder, NAMED, "--not-before", PAST, "--name", "support")
    plain = _signature(folder, NAMED)
    statement = good["statement"]
    wrong = "`manifest_signature` does not verify for this manifest and key"
    for manifest, signature, detail in [
        (NAMED, _stated(folder, NAMED, "--expires", PAST), "`manifest_signature.statement` has expired: sign the "
         "manifest again"),
        (NAMED, _stated(folder, NAMED, "--not-before", FUTURE), "`manifest_signature.statement.not_before` is in the "
         "future"),
        (MANIFEST, good, "`manifest_signature.statement.digest` is not that of this manifest"),
        (NAMED, good | {"statement": statement | {"not_before": "2021-01-01T00:00:00Z"}}, wrong),
        (NAMED, good | {"statement": {"digest": statement["digest"]}}, wrong),
        (NAMED, {name: good[name] for name in ("key_id", "signature")}, wrong),
        (NAMED, plain | {"statement": {"digest": statement["digest"]}}, wrong),
        (NAMED, good | {"statement": statement | {"expires": "2999-01-01"}}, "`manifest_signature.statement.expires` "
         "must be an RFC 3339 time, such as 2027-01-31T00:00:00Z"),
    ]:  # fmt: skip
        status, body = _evaluate(service, manifest, signature)
        assert (status, body["detail"], body["verdict"]["decision"]) == (403, detail, "deny")
        request = {"manifest": manifest, "manifest_signature": signature}
        status, body = service.post("/v1/manifests:validate", request)
        assert (status, body["detail"]) == (403, detail)


def test_an_old_signature_is_refused_where_its_age_is_bounded(start: Start, folder: Path) -> None:
    """ACS_SIGNED_MANIFESTS_MAX_AGE refuses a signature without a time, and one that is older, in the cache too."""
    service = start(
        ACS_INLINE_MANIFESTS="signed", ACS_INLINE_TRUST_FILE="trust.yaml", ACS_SIGNED_MANIFESTS_MAX_AGE="8"
    )
    missing = "`manifest_signature.statement.not_before` is missing: ACS_SIGNED_MANIFESTS_MAX_AGE requires it"
    for signature in (_signature(folder, NAMED), _stated(folder, NAMED, "--expires", FUTURE)):
        status, body = _evaluate(service, NAMED, signature)
        assert (status, body["detail"]) == (403, missing)
    old = "`manifest_signature` is older than ACS_SIGNED_MANIFESTS_MAX_AGE: sign the manifest again"
    status, body = _evaluate(service, NAMED, _stated(folder, NAMED, "--not-before", PAST))
    assert (status, body["detail"]) == (403, old)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    fresh = _stated(folder, NAMED, "--not-before", now)
    assert _evaluate(service, NAMED, fresh)[0] == 200
    wait_for(lambda: _evaluate(service, NAMED, fresh)[0] != 200, 60)
    status, body = _evaluate(service, NAMED, fresh)
    assert (status, body["detail"]) == (403, old)


def test_the_command_verifies_times_and_name(folder: Path) -> None:
    """`verify` checks a statement by the clock, and `--max-age` as the service does; `sign` refuses bad terms."""
    arguments = ("verify", "m.json", "--trust", "trust.yaml", "--signature", "s.json")
    (folder / "s.json").write_text(
        json.dumps(_stated(folder, NAMED, "--not-before", PAST, "--name", "support"))
    )
    assert _run(folder, *arguments).stdout.startswith("verified: sha256:")
    done = _run(folder, *arguments, "--max-age", "60", status=1)
    assert "older than ACS_SIGNED_MANIFESTS_MAX_AGE" in done.stderr
    (folder / "s.json").write_text(json.dumps(_stated(folder, NAMED, "--expires", PAST)))
    assert "has expired" in _run(folder, *arguments, status=1).stderr
    sign = ("sign", "m.json", "--key", "key.pem")
    done = _run(folder, *sign, "--name", "other", status=2)
    assert done.stderr == "error: --name other: is not the `metadata.name` of m.json\n"
    done = _run(folder, *sign, "--expires", "tomorrow", status=2)
    assert "`manifest_signature.statement.expires` must be an RFC 3339 time" in done.stderr


def test_a_signature_does_not_lift_what_inline_manifests_may_not_do(service: Service, folder: Path) -> None:
    """A signed manifest reads no files (2.5)."""
    manifest = MANIFEST | {"policies": {"p": {"type": "cedar", "policy_path": "/etc/passwd"}}}
    status, body = _evaluate(service, manifest, _signature(folder, manifest))
    assert (status, body["verdict"]["reason"]) == (200, "runtime_error:manifest_invalid")
    request = {"manifest": manifest, "manifest_signature": _signature(folder, manifest)}
    status, body = service.post("/v1/manifests:validate", request)
    assert (status, body["diagnostics"][0]["code"]) == (200, "inline-forbidden")


def test_a_key_that_is_taken_out_is_no_longer_trusted(service: Service, folder: Path) -> None:
    """The trust file is read again; what its key signed is refused, also when it is in the cache."""
    signature = _signature(folder, MANIFEST)
    assert _evaluate(service, MANIFEST, signature)[0] == 200
    entry = _run(folder, "sign", "--key", "other.pem", "--key-id", "release").stdout
    (folder / "trust.yaml").write_text("keys:\n" + entry)
    wait_for(lambda: _evaluate(service, MANIFEST, signature)[0] == 403)
    assert _evaluate(service, MANIFEST, _signature(folder, MANIFEST, "other.pem"))[0] == 200


def test_the_command_verifies_what_the_service_does(folder: Path) -> None:
    """Exit 0 with digest and key, 1 with the reason, 2 where it cannot tell."""
    signature = _signature(folder, MANIFEST)
    (folder / "good.json").write_text(json.dumps(signature))
    (folder / "bad.json").write_text(json.dumps(signature | {"key_id": "x"}))
    (folder / "odd.json").write_text("{}")
    arguments = ("verify", "m.json", "--trust", "trust.yaml", "--signature")
    done = _run(folder, *arguments, "good.json")
    assert done.stdout == f"verified: {_run(folder, 'digest', 'm.json').stdout.strip()} by release\n"
    done = _run(folder, *arguments, "bad.json", status=1)
    assert done.stderr == "not verified: `manifest_signature.key_id` names no trusted key\n"
    done = _run(folder, *arguments, "odd.json", status=2)
    assert done.stderr == "error: --signature odd.json: must have the strings `key_id` and `signature`\n"
    assert "No such file" in _run(folder, *arguments, "none.json", status=2).stderr
    (folder / "m.json").write_text(json.dumps(MANIFEST | {"metadata": {}}))
    assert "does not verify for this manifest" in _run(folder, *arguments, "good.json", status=1).stderr


def test_signing_refuses_what_cannot_be_sent(folder: Path) -> None:
    """A key is never replaced, and a manifest that needs others does not stand alone."""
    done = _run(folder, "sign", "--generate", "--key", "key.pem", status=2)
    assert done.stderr == "error: --key key.pem: exists and is never overwritten\n"
    (folder / "m.json").write_text(json.dumps(MANIFEST | {"extends": ["x.yaml"]}))
    done = _run(folder, "sign", "m.json", "--key", "key.pem", status=2)
    assert done.stderr == "error: m.json has `extends`: a manifest sent with a request must stand alone\n"
    assert (
        "cannot be read: No such file" in _run(folder, "sign", "m.json", "--key", "none.pem", status=2).stderr
    )
