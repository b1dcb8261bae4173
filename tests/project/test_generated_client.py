"""A client generated from the OpenAPI document decodes every answer (section 2).

The generator is `openapi-python-client`, which reads OpenAPI 3.1. `GeneratedClient.call` compares each
decoded answer with the received one, so that a member the generated types lose fails.
"""

import json
import shlex
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import start_service
from tests.examples import EXAMPLES, MANIFESTS, NAMES
from tests.project.generated_client import GeneratedClient, generate, normal
from tests.test_readme import BLOCK, README
from tests.transports.http import approving
from tests.transports.http import test_approvals as approvals

pytestmark = [pytest.mark.server, pytest.mark.slow]

ACTION = approving.ACTION


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The generated package."""
    return generate(tmp_path_factory.mktemp("generated"), "generated_acs_client")


@pytest.fixture(scope="module")
def examples(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedClient]:
    """A client of a service that has loaded the example manifests."""
    service = start_service(tmp_path_factory.mktemp("examples"), ACS_MANIFESTS=str(MANIFESTS))
    yield GeneratedClient(package, service)
    service.stop()


@pytest.fixture(scope="module")
def payments(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedClient]:
    """A client of a service that asks for tokens, takes inline manifests, and lets alice approve payments."""
    folder = tmp_path_factory.mktemp("payments")
    (folder / "payments.json").write_text(json.dumps(approving.manifest()))
    approvals.trust(folder, "alice")
    callers = {
        name: {"token_sha256": sha256(name.encode()).hexdigest(), "scopes": [name]}
        for name in ("admin", "metrics")
    }
    (folder / "callers.json").write_text(json.dumps({"callers": callers}))
    service = start_service(
        folder,
        ACS_MANIFESTS="payments.json",
        ACS_APPROVAL_TRUST_FILE="approvers.yaml",
        ACS_AUTH_TOKENS_FILE="callers.json",
        ACS_INLINE_MANIFESTS="trusted",
    )
    yield GeneratedClient(package, service, "admin")
    service.stop()


def _evaluate(client: GeneratedClient, body: dict[str, Any]) -> tuple[int, Any]:
    return client.call("decisions", "evaluate", body=client.model("EvaluateRequest").from_dict(body))


# Every example


def test_the_readme(examples: GeneratedClient) -> None:
    """Each request of the README is decoded to the verdict that stands below it."""
    decisions = set()
    for block in BLOCK.finditer(README.read_text()):
        _, _, url, *_, body = shlex.split(block["command"].removeprefix("$ ").replace("\\\n", " "))
        status, decision = examples.call(
            "decisions",
            "evaluate_at",
            examples.model("InterventionPoint")(url.rpartition("/")[2]),
            body=examples.model("EvaluateAtRequest").from_dict(json.loads(body)),
        )
        assert status == 200
        assert decision.to_dict() | {"audit": None} == json.loads(block["output"]) | {"audit": None}
        decisions.add(decision.verdict.decision.value)
    assert decisions == {"allow", "warn", "deny", "escalate", "transform"}


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_an_example(name: str, examples: GeneratedClient) -> None:
    """Each case is decoded to what it expects, with everything that can be included."""
    for example in EXAMPLES[name]:
        status, decision = _evaluate(
            examples, example.body | {"include": ["policy_input", "trace", "receipt"]}
        )
        assert (example.case.name, status) == (example.case.name, 200)
        example.check(decision.to_dict())
        assert isinstance(decision, examples.model("Decision"))
        assert isinstance(decision.receipt, examples.model("Receipt"))
        assert isinstance(decision.trace, examples.model("Trace"))


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_an_example_in_a_batch(name: str, examples: GeneratedClient) -> None:
    """Each result has the type that it is: a decision, or the problem of an item."""
    bodies = [example.body for example in EXAMPLES[name]] + [
        {"intervention_point": "input", "snapshot": {}, "manifest_ref": "no such manifest"}
    ]
    body = examples.model("BatchRequest").from_dict({"requests": bodies})
    status, batch = examples.call("decisions", "evaluate_batch", body=body)
    *decisions, problem = batch.results
    assert status == 200
    for example, decision in zip(EXAMPLES[name], decisions, strict=True):
        assert isinstance(decision, examples.model("Decision"))
        example.check(decision.to_dict())
    assert isinstance(problem, examples.model("DecisionProblem"))
    assert (problem.status, problem.verdict.decision) == (404, "deny")


# Problems


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"request_id": "\t"}, 400, "`request_id` must be 1 to 128 printable characters"),
        ({"manifest": {}}, 403, "inline manifests are not accepted"),
        ({"manifest_ref": "other"}, 404, "`manifest_ref` names no loaded manifest"),
        ({"snapshot": {"text": "x" * 5_000_000}}, 413, "the body exceeds 4194304 bytes"),
    ],
)
def test_a_problem_of_a_decision(
    examples: GeneratedClient, change: dict[str, Any], status: int, detail: str
) -> None:
    """Problem details are decoded with their deny."""
    got, problem = _evaluate(examples, {"intervention_point": "input", "snapshot": {}} | change)
    assert isinstance(problem, examples.model("DecisionProblem"))
    assert (got, problem.status, problem.verdict.decision) == (status, status, "deny")
    assert problem.detail.startswith(detail)


def test_a_problem_of_a_credential(payments: GeneratedClient) -> None:
    """401 and 403 are decoded, with a deny where a decision was asked for."""
    for token, status in (("unknown", 401), ("metrics", 403)):
        other = GeneratedClient(payments.package, payments.service, token)
        got, problem = _evaluate(other, ACTION)
        assert (got, problem.verdict.decision) == (status, "deny")
        got, problem = other.call("manifests", "list_manifests")
        assert (got, type(problem)) == (status, payments.model("Problem"))


# Approvals


def test_an_approval(payments: GeneratedClient) -> None:
    """An escalation comes with an offer, and a resolution with what became of it."""
    status, escalation = _evaluate(payments, ACTION)
    assert (status, escalation.verdict.decision) == (200, "escalate")
    assert isinstance(escalation.approval, payments.model("ApprovalOffer"))
    folder = payments.service.log_path.parent
    key = approving.acs(folder, "approvals", "key").strip()
    approval = approving.acs(
        folder,
        *("approve", "--key", "alice.pem", "--service-key", key),
        given=json.dumps(escalation.to_dict()),
    ).strip()
    challenge = escalation.approval.challenge
    for claim, outcome, by in (
        ({"challenge": challenge}, "pending", "resolver"),
        ({"challenge": challenge, "outcome": "suspend"}, "suspend", "host"),
        ({"challenge": challenge, "approval": approval}, "allow", "approver"),
        ({}, "deny", "service"),
    ):
        body = payments.model("ResolveRequest").from_dict(ACTION | claim)
        status, resolution = payments.call("decisions", "resolve_approval", body=body)
        assert (status, resolution.approval.outcome) == (200, outcome)
        assert isinstance(resolution.approval, payments.model("ApprovalResult"))
        if outcome != "pending":
            assert resolution.approval.by == by
    body = payments.model("ResolveRequest").from_dict(ACTION | {"request_id": "\t"})
    status, problem = payments.call("decisions", "resolve_approval", body=body)
    assert (status, problem.verdict.decision) == (400, "deny")


# The other routes


def test_the_manifests(examples: GeneratedClient, payments: GeneratedClient) -> None:
    """What is loaded, one by one; the schema; a manifest that is valid, one that is not, and a refusal."""
    status, listed = examples.call("manifests", "list_manifests")
    assert (status, [one.name for one in listed.manifests]) == (200, NAMES)
    for name in NAMES:
        status, shown = examples.call("manifests", "get_manifest", name)
        assert (status, shown.valid, shown.source) == (200, True, "operator")
    assert examples.call("manifests", "get_manifest", "other")[0] == 404
    status, schema = examples.call("manifests", "get_manifest_schema")
    assert (status, schema["title"]) == (200, "Manifest of the Agent Control Specification")
    for manifest, valid in ((approving.manifest(), True), ({}, False), ("a: [", False)):
        body = payments.model("ManifestToValidate").from_dict({"manifest": manifest})
        status, validation = payments.call("manifests", "validate_manifest", body=body)
        assert (status, validation.valid) == (200, valid)
        assert valid or validation.diagnostics[0].severity == "error"
    body = examples.model("ManifestToValidate").from_dict({"manifest": {}})
    assert examples.call("manifests", "validate_manifest", body=body)[0] == 403


def test_the_operation_of_the_service(examples: GeneratedClient) -> None:
    """Health, readiness, information, metrics, this document and its page."""
    assert examples.call("operation", "get_health")[1].status == "alive"
    status, ready = examples.call("operation", "get_readiness")
    assert (status, ready.ready) == (200, True)
    status, info = examples.call("operation", "get_info")
    assert (status, info.limits["max_snapshot_bytes"]) == (200, 1_048_576)
    status, metrics = examples.call("operation", "get_metrics")
    assert (status, "acs_intervention_allow_total" in metrics) == (200, True)
    status, document = examples.call("operation", "get_openapi")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert examples.call("operation", "get_docs_redirect")[0] == 200
    status, page = examples.call("operation", "get_docs")
    assert (status, page.lstrip()[:15]) == (200, "<!DOCTYPE html>")


def test_a_service_that_is_not_ready(package: ModuleType, tmp_path: Path) -> None:
    """The readiness of one that has no valid manifest is decoded as well."""
    (tmp_path / "m.json").write_text("{}")
    service = start_service(tmp_path, ACS_MANIFESTS="m.json", ACS_MANIFESTS_STRICT="false")
    try:
        status, ready = GeneratedClient(package, service).call("operation", "get_readiness")
    finally:
        service.stop()
    assert (status, ready.ready) == (503, False)
    assert {check.state for check in ready.checks} >= {"failed"}


def test_the_audit_log(examples: GeneratedClient) -> None:
    """Logs, records, proofs, receipts, the checkpoint and the tiles."""
    for _ in range(3):
        _, decision = _evaluate(examples, EXAMPLES[NAMES[0]][0].body)
    log, index = decision.audit.log, decision.audit.index
    status, logs = examples.call("audit", "list_audit_logs")
    assert (status, [one.log for one in logs.logs], logs.logs[0].state) == (200, [log], "open")
    status, records = examples.call("audit", "list_records", start=index, limit=1)
    status, record = examples.call("audit", "get_record", index)
    assert (status, records.records) == (200, [record.record])
    assert json.loads(record.record)["record_id"] == str(decision.audit.record_id)
    status, inclusion = examples.call("audit", "get_inclusion_proof", index=index, log=log)
    assert (status, inclusion.log, len(inclusion.proof) > 0) == (200, log, True)
    status, consistency = examples.call("audit", "get_consistency_proof", from_=1, to=index + 1)
    assert (status, consistency.log) == (200, log)
    status, receipt = examples.call("audit", "get_receipt", index)
    assert (status, receipt.record) == (200, record.record)
    status, checkpoint = examples.call("audit", "get_checkpoint")
    assert (status, checkpoint.splitlines()[0]) == (200, log)
    status, tile = examples.call("audit", "get_tile", *log.split("/"), "tile/0/000.p/1")
    assert (status, len(tile.payload.read())) == (200, 32)
    for operation, options in (("get_record", {"index": 10**6}), ("get_checkpoint", {"log": "a/b/0/c"})):
        status, problem = examples.call("audit", operation, **options)
        assert (status, type(problem)) == (404, examples.model("Problem"))
    assert examples.call("audit", "list_records", start=-1)[0] == 400


def test_times_compare_as_times() -> None:
    """Only what is a time is read as one."""
    assert normal(["2025-01-15T10:00:00.000000Z"]) == normal(["2025-01-15T10:00:00+00:00"])
    assert normal({"a": "2025-01-15T10:00:00Z"}) != normal({"a": "2025-01-15T10:00:01Z"})
    assert normal("on 2025-01-15T10:00:00Z") == "on 2025-01-15T10:00:00Z"
