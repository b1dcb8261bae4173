"""The example `governed-agent`: three systems at all eight points, and what proves it (sections 9.6, 11.7)."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.spec.points import InterventionPoint
from tests.command import run
from tests.conftest import start_service
from tests.examples import EXAMPLES, MANIFESTS

pytestmark = pytest.mark.server


def test_a_governed_agent_walks_through_all_points(tmp_path: Path) -> None:
    """Each case is decided and in a log that verifies, and the conformance says L3 with its evidence."""
    shutil.copytree(MANIFESTS / "governed-agent", tmp_path / "agents" / "governed-agent")
    service = start_service(tmp_path, ACS_MANIFESTS=str(tmp_path / "agents"))
    try:
        points = []
        for example in EXAMPLES["governed-agent"]:
            status, response = service.post("/v1/evaluate", example.body)
            assert status == 200
            example.check(response)
            points.append(example.case.point)
    finally:
        service.stop()
    assert set(points) == {point.value for point in InterventionPoint}

    key = run(tmp_path, "audit", "key").stdout.strip()
    verified = run(tmp_path, "audit", "verify", "--key", key, "--format", "json")
    assert verified.returncode == 0, verified.stderr
    shown = run(tmp_path, "audit", "show", "--format", "json")
    records: list[dict[str, Any]] = [json.loads(line) for line in shown.stdout.splitlines()]
    decided = {record.get("decided_by") for record in records}
    assert {"contract", "identity", "workspace", "house"} <= decided

    done = run(
        tmp_path,
        "oags",
        "conformance",
        "--manifest",
        "agents/governed-agent",
        "--level",
        "L3",
        "--format",
        "json",
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["level"]) == (0, "L3"), report
    details = {row["asks"]: row["detail"] for row in report["rows"] if row["met"]}
    assert details["every action at `pre_tool_call` is enforced"] == "policy `identity`"
    assert details["signed records that verify locally"].endswith("of them decisions by this manifest")
    assert details["a receipt that verifies offline"].startswith("record ")
