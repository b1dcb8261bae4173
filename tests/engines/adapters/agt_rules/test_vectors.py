"""The vectors of section 7.11: in this process, through the command, and over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from acs_sidecar.cli import cli
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.command import run
from tests.conftest import Service
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, short
from tests.engines.adapters.agt_rules.vectors import DECIDED, REFUSED, Vector
from tests.engines.adapters.serving import inline_service


def test_the_vectors_are_all_there() -> None:
    """The table of the specification has 89 rows."""
    assert (len(DECIDED), len(REFUSED)) == (73, 16)


@pytest.mark.parametrize("vector", DECIDED, ids=lambda vector: vector.name[:120])
def test_a_decision(vector: Vector) -> None:
    """The policy gives the verdict of the table."""
    policy = compiled(*vector.documents, points=[vector.point], **vector.members)
    assert short(evaluate(policy, vector.snapshot, vector.point)) == vector.outcome


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector.name[:120])
def test_a_refusal(vector: Vector) -> None:
    """Documents without a meaning are refused with the code of the table, and the member is named."""
    with pytest.raises(ManifestError) as caught:
        compiled(*vector.documents, points=[vector.point], **vector.members)
    [found] = [found for found in caught.value.diagnostics if found.severity == "error"]
    assert found.code == vector.outcome
    assert found.path is not None
    assert found.path.startswith("policies.agt.documents[")


@pytest.mark.server
def test_the_decisions_through_the_command(tmp_path: Path) -> None:
    """`acs-sidecar test` passes every vector, each a case beside a manifest of its own."""
    for number, vector in enumerate(DECIDED):
        folder = tmp_path / f"vector-{number}"
        (folder / "tests").mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(vector.manifest))
        case = {
            "name": vector.name,
            "intervention_point": vector.point.value,
            "snapshot": vector.snapshot,
            "expect": vector.expected,
        }
        (folder / "tests" / "vector.yaml").write_text(json.dumps({"cases": [case]}))
    done = run(tmp_path, "test", ".", "--format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"], report["errors"]) == (0, len(DECIDED), 0)


def test_the_decisions_through_evaluate(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`acs-sidecar evaluate` prints the verdict of the table, here for every fifth vector."""
    manifest, snapshot = tmp_path / "m.json", tmp_path / "s.json"
    for vector in DECIDED[::5]:
        manifest.write_text(json.dumps(vector.manifest))
        snapshot.write_text(json.dumps(vector.snapshot))
        place = ("--manifest", str(manifest), "--point", vector.point.value, "--snapshot", str(snapshot))
        cli(["evaluate", *place, "--format", "json"], standalone_mode=False)
        verdict = json.loads(capfd.readouterr().out)["verdict"]
        assert {"decision": verdict["decision"], "reason": verdict.get("reason")} == vector.expected, (
            vector.name
        )


@pytest.mark.server
def test_the_refusals_through_the_command(tmp_path: Path) -> None:
    """`acs-sidecar validate` refuses each vector that has no meaning, with its code."""
    for number, vector in enumerate(REFUSED):
        (tmp_path / f"vector-{number:02}.json").write_text(json.dumps(vector.manifest))
    done = run(tmp_path, "validate", ".", "--format", "json")
    found = [
        [finding["code"] for finding in one["diagnostics"] if finding["severity"] == "error"]
        for one in sorted(json.loads(done.stdout), key=lambda one: one["path"])
    ]
    assert (done.returncode, found) == (1, [[vector.outcome] for vector in REFUSED])


@pytest.fixture(scope="module", params=["trusted", "sandboxed"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose inline manifests may use the adapter."""
    yield from inline_service(tmp_path_factory.mktemp("vectors"), request.param, "agt_rules")


@pytest.mark.server
def test_the_vectors_over_http(service: Service) -> None:
    """Inline manifests decide, or are refused, as the table says."""
    for vector in DECIDED:
        status, response = service.post("/v1/evaluate", _request(vector))
        verdict = response["verdict"]
        actual = {"decision": verdict["decision"], "reason": verdict.get("reason")}
        assert (vector.name, status, actual) == (vector.name, 200, vector.expected), response
    for vector in REFUSED:
        status, response = service.post("/v1/evaluate", _request(vector))
        assert (status, response["verdict"]["reason"]) == (200, "runtime_error:manifest_invalid")
        assert vector.outcome in response["detail"]


def _request(vector: Vector) -> dict[str, object]:
    return {
        "manifest": vector.manifest,
        "intervention_point": vector.point.value,
        "snapshot": vector.snapshot or {"x": {}},
        "mode": "evaluate_only",
    }
