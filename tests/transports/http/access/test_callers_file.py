"""The file of callers: read at the start, and again when it changes (section 2.4)."""

import json
from pathlib import Path

from tests.command import start_refused
from tests.conftest import Service, Start
from tests.transports.http.access.callers import MANIFEST, bearer, entry, evaluate
from tests.waiting import wait_for

# The file


def test_the_file_is_read_again_when_it_changes(start: Start, tmp_path: Path) -> None:
    """A token that is taken out is refused at once, a bad file changes nothing and is told loudly."""
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    path = tmp_path / "callers.json"
    path.write_text(json.dumps({"callers": {"a": entry("one", "evaluate")}}))
    service = start("--manifests", "m.json", ACS_AUTH_TOKENS_FILE=str(path))

    def until(token: str, status: int) -> None:
        wait_for(lambda: evaluate(service, token)[0] == status)

    assert (evaluate(service, "one")[0], evaluate(service, "two")[0]) == (200, 401)
    path.write_text(json.dumps({"callers": {"b": entry("two", "evaluate")}}))
    until("two", 200)
    assert evaluate(service, "one")[0] == 401
    path.write_text("callers: nonsense")
    wait_for(lambda: "access_file_refused" in service.log())
    assert (evaluate(service, "one")[0], evaluate(service, "two")[0]) == (401, 200)
    status, ready = service.get("/readyz")
    check = next(one for one in ready["checks"] if one["name"] == "access")
    assert (status, check["state"]) == (200, "warning")
    assert check["detail"] == "changed but invalid, the previous version stays in force: callers"
    path.write_text(json.dumps({"callers": {"a": entry("one", "evaluate")}}))
    until("one", 200)
    assert (
        next(one for one in service.get("/readyz")[1]["checks"] if one["name"] == "access")["state"] == "ok"
    )


def test_a_bad_file_stops_the_start(tmp_path: Path) -> None:
    """One worker or two: the fault is printed with its place."""
    (tmp_path / "callers.yaml").write_text("callers: {a: {scopes: [evaluate]}}")
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    for workers in ("1", "2"):
        errors = start_refused(
            tmp_path, "--manifests", "m.json", "--workers", workers, ACS_AUTH_TOKENS_FILE="callers.yaml"
        )
        assert (
            "callers.yaml:1:11: callers.a: has no credential: set one of dns_name, spiffe_id, token_sha256, uid"
            in errors
        )


def test_a_public_address_is_served_with_tokens(start: Start, tmp_path: Path) -> None:
    """With authentication configured any address may be listened on (2.4)."""
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "callers.json").write_text(json.dumps({"callers": {"a": entry("one", "evaluate")}}))
    service = start(
        "--manifests",
        "m.json",
        "--host",
        "0.0.0.0",
        ACS_AUTH_TOKENS_FILE="callers.json",
        ACS_ALLOWED_HOSTS="0.0.0.0",
    )
    assert service.request("POST", "/v1/evaluate/input", {"snapshot": {}}, {"host": "127.0.0.1"})[0] == 401
    headers = {"host": "127.0.0.1"} | bearer("one")
    assert service.request("POST", "/v1/evaluate/input", {"snapshot": {}}, headers)[0] == 200


def test_without_a_file_nobody_is_asked(inline_service: Service) -> None:
    """On loopback without configuration there are no credentials, and records name no caller."""
    status, body = inline_service.post("/v1/evaluate/input", {"manifest": MANIFEST, "snapshot": {}})
    index = body["audit"]["index"]
    _, record = inline_service.get(f"/v1/audit/records/{index}")
    assert (status, json.loads(record["record"])["caller"]) == (200, None)
