"""The vectors of section 9.7: in this process, as manifests, and over HTTP."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

import pytest

from acs_sidecar.cli.policies.oags.vectors import Vector
from acs_sidecar.engines.adapters.oags.harness import answer
from acs_sidecar.engines.adapters.oags.identity.hashing import WHITE_SPACE
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.conftest import Service
from tests.engines.adapters.oags.blake3_reference import blake3_hex
from tests.engines.adapters.oags.policies import compiled, decide, errors_of
from tests.engines.adapters.oags.vectors import AS_MANIFESTS, VECTORS, ManifestVector
from tests.engines.adapters.serving import inline_service


def test_the_vectors_are_all_there() -> None:
    """104 vectors come with the command, as they were agreed on; all but six have a manifest."""
    content = files("acs_sidecar.cli.policies.oags").joinpath("vectors.jsonl").read_bytes()
    assert hashlib.sha256(content).hexdigest() == VECTORS_SHA256
    assert Counter(vector.profile for vector in VECTORS) == {"identity": 13, "policy": 84, "signing": 7}
    assert len(AS_MANIFESTS) == 98


VECTORS_SHA256 = "24da5a69f27c548dc7764c2ae982733c07ef9318e8b961c544add493afa84f7f"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_vector(vector: Vector) -> None:
    """The harness answers what the vector expects."""
    answered = answer(vector.request)
    if vector.expect.get("error"):
        assert answered.keys() == {"error"}
    else:
        assert answered == vector.expect


@pytest.mark.parametrize(
    "vector", [each for each in VECTORS if each.profile == "identity"], ids=lambda each: each.id
)
def test_an_id_by_another_program(vector: Vector) -> None:
    """BLAKE3 as its specification states it gives every id and hash of the vectors."""
    params = vector.request["params"]
    assert isinstance(params, dict)
    if vector.request["operation"] == "hash":
        assert blake3_hex(str(params["input"]).encode()) == vector.expect["result"]
        return
    tools = str(params["tools"])
    try:
        hashed = canonical(json.loads(tools))
    except json.JSONDecodeError:
        hashed = tools.encode()
    prompt_hash = blake3_hex(str(params["systemPrompt"]).strip(WHITE_SPACE).encode())
    text = f"model:{params['model']}|prompt:{prompt_hash}|tools:{blake3_hex(hashed)}"
    assert blake3_hex(text.encode()) == vector.expect["result"]


@pytest.mark.parametrize("vector", AS_MANIFESTS, ids=lambda vector: vector.name)
def test_a_vector_as_a_policy(vector: ManifestVector) -> None:
    """The adapter decides what the vector expects."""
    if vector.outcome == "invalid":
        with pytest.raises(ManifestError) as caught:
            compiled(vector.document, [vector.point], **vector.members)
        assert errors_of(caught.value) in (
            [("member-unknown", "policies.oags.document.permissions.network.allow_domains")],
            [("value-not-allowed", "policies.oags.actions.act[0].type")],
        )
        return
    policies = compiled(vector.document, [vector.point], **vector.members)
    outcome, rules = decide(policies, vector.snapshot, vector.point)
    assert (outcome, rules) == (vector.outcome, [vector.outcome.partition(":")[2]][: ":" in vector.outcome])


@pytest.fixture(scope="module", params=["trusted", "sandboxed"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose inline manifests may use the adapter."""
    yield from inline_service(tmp_path_factory.mktemp("vectors"), request.param, "oags")


@pytest.mark.server
def test_the_vectors_over_http(service: Service) -> None:
    """Inline manifests decide, or are refused, as the vectors say."""
    for vector in AS_MANIFESTS:
        body = {
            "manifest": vector.manifest,
            "intervention_point": vector.point.value,
            "snapshot": vector.snapshot,
        }
        status, response = service.post("/v1/evaluate", body)
        verdict = response["verdict"]
        outcome = ":".join(filter(None, (verdict["decision"], verdict.get("reason"))))
        expected = "deny:runtime_error:manifest_invalid" if vector.outcome == "invalid" else vector.outcome
        assert (vector.name, status, outcome) == (vector.name, 200, expected), response
