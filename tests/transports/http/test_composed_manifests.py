"""Section 3.3 as a user meets it: the service and the commands with manifests that extend others."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import run
from tests.conftest import Start
from tests.engines.sources import tar_gz
from tests.https import HttpsServer, https_server, sha256

RULES = b"""package rules
default verdict := {"decision": "deny", "reason": "not_allowed"}
verdict := {"decision": "allow"} if input.snapshot.ok
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    """A server of shared policies."""
    with https_server(tmp_path) as server:
        yield server


def settings(server: HttpsServer) -> dict[str, str]:
    """The settings of an operator who keeps shared policies on this very machine."""
    return {
        "ACS_FETCH_CA_FILE": str(server.ca_file),
        "ACS_FETCH_ALLOW_ADDRESSES": "127.0.0.1/32",
        "ACS_LIMIT_MANIFEST_URL_TIMEOUT_MS": "5000",
    }


def shared(server: HttpsServer) -> dict[str, str]:
    """Serve a bundle and a manifest that names it; give the pinned entry for `extends`."""
    bundle = tar_gz({"rules.rego": RULES})
    server.serve("/rules.tar.gz", bundle)
    base = {
        "policies": {
            "rules": {
                "type": "rego",
                "bundle_url": {"url": "rules.tar.gz?token=secret", "sha256": sha256(bundle)},
                "query": "data.rules.verdict",
            }
        },
        "intervention_points": {"input": {"policy": {"id": "rules"}}},
    }
    content = json.dumps(base).encode()
    server.serve("/base.yaml", content)
    return {"url": server.url("/base.yaml", "127.0.0.1"), "sha256": sha256(content)}


def manifest(*extends: Any) -> dict[str, Any]:
    """The operator's own part: the target."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "extends": list(extends),
        "intervention_points": {"input": {"policy_target": "$"}},
    }


def test_nothing_is_fetched_while_a_request_is_evaluated(
    tmp_path: Path, server: HttpsServer, start: Start
) -> None:
    """Everything is fetched once at the start; the server may be gone when requests come."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "agent.json").write_text(json.dumps(manifest(shared(server), "_local.json")))
    (folder / "_local.json").write_text('{"metadata": {"owner": "us"}}')
    service = start("--manifests", str(folder), **settings(server))
    fetched = server.paths
    assert sorted(set(fetched)) == ["/base.yaml", "/rules.tar.gz?token=secret"]
    server.answers.clear()
    for ok, decision in ((True, "allow"), (False, "deny")):
        status, body = service.post("/v1/evaluate/input", {"snapshot": {"ok": ok}})
        assert (status, body["verdict"]["decision"]) == (200, decision)
    assert server.paths == fetched
    _, shown = service.get("/v1/manifests/agent")
    url = server.url("/base.yaml", "127.0.0.1")
    assert shown["provenance"] == {
        "agent_control_specification_version": "agent.json",
        "metadata.owner": "_local.json",
        "policies.rules": url,
        "intervention_points.input.policy": url,
        "intervention_points.input.policy_target": "agent.json",
    }
    assert shown["manifest"]["policies"]["rules"]["bundle_url"]["url"].endswith("/rules.tar.gz?[redacted]")
    assert shown["digest"] == body["manifest_digest"]
    assert "fetch_addresses_allowed" in service.log()
    assert "secret" not in service.log() + json.dumps(shown)


def test_the_commands_know_what_a_manifest_extends(tmp_path: Path, server: HttpsServer) -> None:
    """`validate`, `evaluate`, `digest` and `test` see the merged manifest, and say where a finding is."""
    (tmp_path / "agent.json").write_text(json.dumps(manifest(shared(server))))
    (tmp_path / "snapshot.json").write_text('{"ok": true}')
    (tmp_path / "tests").mkdir()
    case = {
        "name": "ok",
        "intervention_point": "input",
        "snapshot": {"ok": True},
        "expect": {"decision": "allow"},
    }
    (tmp_path / "tests" / "cases.yaml").write_text(json.dumps({"cases": [case]}))
    known = settings(server)
    found = json.loads(run(tmp_path, "validate", "agent.json", **known).stdout)[0]
    assert (found["valid"], found["diagnostics"]) == (True, [])
    arguments = ("--manifest", "agent.json", "--point", "input", "--snapshot", "snapshot.json")
    decided = json.loads(run(tmp_path, "evaluate", *arguments, **known).stdout)
    assert decided["verdict"]["decision"] == "allow"
    assert decided["manifest_digest"] == found["digest"]
    assert run(tmp_path, "digest", "agent.json", **known).stdout.strip() == found["digest"]
    assert run(tmp_path, "test", "agent.json", **known).returncode == 0
    # Without the exemption the guard refuses this machine's own addresses, in every command.
    without = {name: value for name, value in known.items() if name != "ACS_FETCH_ALLOW_ADDRESSES"}
    server.received.clear()
    done = run(tmp_path, "validate", "agent.json", **without)
    (finding,) = json.loads(done.stdout)[0]["diagnostics"]
    assert (done.returncode, finding["code"], finding["path"], finding["source"], finding["line"]) == (
        1,
        "fetch-address-refused",
        "extends[0]",
        "agent.json",
        1,
    )
    assert (
        "resolves to the loopback address 127.0.0.1, which the fetch address blocklist refuses"
        in finding["message"]
    )
    assert run(tmp_path, "digest", "agent.json", **without).returncode == 2
    assert server.received == []


def test_a_service_without_its_remote_parent_does_not_start(
    tmp_path: Path, server: HttpsServer, start: Start
) -> None:
    """The start is refused with the reason; without strictness the manifest denies everything."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "agent.json").write_text(json.dumps(manifest(server.url("/none", "127.0.0.1"))))
    done = run(tmp_path, "serve", "--port", "0", "--manifests", "manifests", **settings(server))
    assert done.returncode == 2
    assert f"`{server.url('/none', '127.0.0.1')}` returned status 404" in done.stderr
    service = start("--manifests", str(folder), ACS_MANIFESTS_STRICT="false", **settings(server))
    before = len(server.received)
    status, body = service.post("/v1/evaluate/input", {"snapshot": {}})
    assert (status, body["verdict"]["reason"]) == (200, "runtime_error:manifest_invalid")
    assert len(server.received) == before
    assert service.get("/v1/manifests/agent")[1]["provenance"] == {}


def test_a_slow_server_holds_the_start_up_no_longer_than_allowed(tmp_path: Path, server: HttpsServer) -> None:
    """The bound on a fetch bounds the command."""
    server.answers["/slow"] = lambda exchange: exchange.drip(1_200, b"#", 0.1)
    (tmp_path / "agent.json").write_text(json.dumps(manifest(server.url("/slow", "127.0.0.1"))))
    begun = time.monotonic()
    known = {**settings(server), "ACS_LIMIT_MANIFEST_URL_TIMEOUT_MS": "500"}
    done = run(tmp_path, "validate", "agent.json", **known)
    assert json.loads(done.stdout)[0]["diagnostics"][0]["code"] == "fetch-too-slow"
    assert time.monotonic() - begun < 60
