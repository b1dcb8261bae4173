"""The case files over HTTP, against the service in its process and in its sandbox (sections 1, 2.1)."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.cases import Case, changed, load_cases, load_file
from tests.conftest import Service
from tests.decision.decider import decide, decision_service

FILES = ("verdicts.yaml", "order.yaml", "limits.yaml", "links.yaml")
CASES = [pytest.param(case, id=f"{name}: {case.name}") for name in FILES for case in load_cases(name)]
MANIFESTS = load_file("manifests.yaml")


@pytest.mark.parametrize("case", CASES)
def test_a_case_in_process(case: Case) -> None:
    """The decision service answers as the specification says, without any server."""
    response = orjson.loads(asyncio.run(decide(decision_service(), orjson.dumps(case.body))))
    case.check(response)


@pytest.mark.parametrize("case", CASES)
def test_a_case_over_http(case: Case, inline_service: Service) -> None:
    """The running service answers the same, in every mode that takes inline manifests."""
    status, response = inline_service.post("/v1/evaluate", case.body)
    assert status == 200
    case.check(response)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in MANIFESTS["cases"]])
def test_a_manifest_over_http(case: dict[str, Any], inline_service: Service) -> None:
    """An invalid manifest denies whatever is asked, and validating it names the member (1.3, 2.3)."""
    manifest = changed(MANIFESTS["manifest"], case["change"])
    # An annotator that nothing binds is declared in the shared manifest, and its type may wait.
    body = {"manifest": manifest, "snapshot": {"input": 1}, "intervention_point": "input"}
    status, response = inline_service.post("/v1/evaluate", body)
    assert status == 200
    _, validation = inline_service.post("/v1/manifests:validate", {"manifest": manifest})
    if case.get("valid"):
        assert (response["verdict"]["decision"], validation["valid"]) == ("allow", True)
        return
    assert response["verdict"]["reason"] == "runtime_error:manifest_invalid"
    assert response["detail"].startswith(f"the manifest is invalid at `{case['path']}`: {case['code']}")
    first = validation["diagnostics"][0]
    assert (validation["valid"], first["path"], first["code"]) == (False, case["path"], case["code"])
