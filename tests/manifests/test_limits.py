"""Section 1.11: every limit is enforced, and what passes it is refused with the name of the limit."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.spec.limits import Limits
from tests.command import run
from tests.conftest import Service, start_service
from tests.https import Exchange, HttpsServer, https_server

pytestmark = pytest.mark.server

VERSION = "agent_control_specification_version: 0.3.1-beta\n"
WHOLE = VERSION + (
    "policies: {p: {type: test, output: {decision: allow}}}\n"
    "intervention_points: {input: {policy_target: $snap.input, policy: {id: p}}}\n"
)

MIB = 1024 * 1024
PII = {"type": "classifier", "provider": "pii"}
HOG = {
    "type": "rego",
    "query": "data.hog.verdict",
    "modules": {
        "hog.rego": """
            package hog
            import rego.v1
            held := [[i, j] | some i in numbers.range(1, 3000); some j in numbers.range(1, 1000)]
            verdict := {"decision": "allow", "reason": sprintf("%d", [count(held)])}
            """
    },
}

DECIDING: dict[str, dict[str, Any]] = {
    "max_snapshot_bytes": {"limit": 20, "input": "x" * 20},
    "max_policy_input_depth": {"limit": 4, "input": [[[[1]]]]},
    "max_policy_input_bytes": {"limit": 150, "input": "x" * 60},
    "max_annotators_per_point": {"limit": 1, "annotators": {"a": PII, "b": PII}},
    "max_annotator_output_bytes": {"limit": 2, "annotators": {"a": PII}},
    "max_policy_output_bytes": {"limit": 30, "policy": {"type": "test", "output": {"decision": "allow", "reason": "x" * 30}}},
    "policy_timeout_ms": {"limit": 50, "policy": {"type": "test", "output": {"decision": "allow"}, "delay_ms": 900}},
    "max_policy_memory_bytes": {"policy": HOG},
}  # fmt: skip
"""What passes each limit that a decision meets; `limit` is what the manifest lowers it to."""

LOADING = {
    "max_extends_depth": (1, WHOLE + "extends: [_one.yaml]\n"),
    "max_merged_manifest_bytes": (400, WHOLE + f"metadata: {{note: {'x' * 400}}}\n"),
    "max_manifest_url_bytes": (300, WHOLE + "extends: ['{long}']\n"),
    "manifest_url_timeout_ms": (100, WHOLE + "extends: ['{slow}']\n"),
    "max_manifest_url_redirects": (1, WHOLE + "extends: ['{moved}']\n"),
}
"""What passes each limit that reading a manifest meets, and what the server sets it to."""


def test_every_limit_has_a_case() -> None:
    """A limit that is declared is enforced, which a case in this module shows."""
    assert sorted(DECIDING.keys() | LOADING.keys()) == sorted(Limits.names())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that evaluates policies in children, with little memory for them."""
    service = start_service(
        tmp_path_factory.mktemp("limits"),
        ACS_INLINE_MANIFESTS="sandboxed",
        ACS_LIMIT_MAX_POLICY_MEMORY_BYTES=str(64 * MIB),
        ACS_LIMIT_POLICY_TIMEOUT_MS="20000",
    )
    yield service
    service.stop()


def decided(service: Service, given: dict[str, Any], limits: dict[str, int]) -> dict[str, Any]:
    """Ask for a decision by the policy and with the annotators of a case, under the limits."""
    annotators = given.get("annotators", {})
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": given.get("policy", {"type": "test", "output": {"decision": "allow"}})},
        "annotators": annotators,
        "limits": limits,
        "intervention_points": {
            "input": {
                "policy_target": "$snap.input",
                "policy": {"id": "p"},
                "annotations": {name: {"from": "$policy_target"} for name in annotators},
            }
        },
    }
    snapshot = {"input": given.get("input", "x")}
    status, answer = service.post("/v1/evaluate/input", {"manifest": manifest, "snapshot": snapshot})
    assert status == 200
    return dict(answer)


@pytest.mark.parametrize("name", DECIDING)
def test_a_decision_that_passes_a_limit_is_denied_with_its_name(service: Service, name: str) -> None:
    """Without the lowered limit the request is allowed; with it the detail of the deny names the limit."""
    given = DECIDING[name]
    if "limit" in given:
        assert decided(service, given, {})["verdict"]["decision"] == "allow"
    answer = decided(service, given, {name: given["limit"]} if "limit" in given else {})
    assert answer["verdict"]["decision"] == "deny"
    assert answer["verdict"]["reason"].startswith("runtime_error:")
    assert f"`{name}`" in answer["detail"]


def slowly(exchange: Exchange) -> None:
    """Answer after half a second."""
    time.sleep(0.5)
    exchange.send(200, b"metadata: {}\n")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    """A server of manifests that are too long, too slow and too far away."""
    with https_server(tmp_path) as server:
        server.serve("/long.yaml", b"metadata: {}\n# " + b"x" * 300)
        server.answers["/slow.yaml"] = slowly
        for step in range(2):
            server.redirect(f"/{step}.yaml", f"/{step + 1}.yaml")
        server.serve("/2.yaml", b"metadata: {}\n")
        yield server


def test_a_manifest_that_passes_a_limit_is_refused_with_its_name(tmp_path: Path, server: HttpsServer) -> None:
    """With the defaults of the server all are valid; with lower limits each is refused with its own."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "_one.yaml").write_text("extends: [_two.yaml]\n")
    (folder / "_two.yaml").write_text("metadata: {}\n")
    urls = {
        name: server.url(path, host="localhost")
        for name, path in {"long": "/long.yaml", "slow": "/slow.yaml", "moved": "/0.yaml"}.items()
    }
    for name, (_, text) in LOADING.items():
        for word, url in urls.items():
            text = text.replace("{" + word + "}", url)  # noqa: PLW2901  # one address after the other
        (folder / f"{name}.yaml").write_text(text)
    reaching = {"ACS_FETCH_CA_FILE": str(server.ca_file), "ACS_FETCH_ALLOW_ADDRESSES": "127.0.0.0/8,::1/128"}
    assert findings(folder, reaching) == {name: [] for name in LOADING}
    quick = LOADING.keys() - {"manifest_url_timeout_ms"}  # on a busy machine all fetches pass it
    for lowered in (quick, LOADING.keys() - quick):
        limits = {f"ACS_LIMIT_{name.upper()}": str(LOADING[name][0]) for name in lowered}
        found = findings(folder, reaching | limits)
        for name in lowered:
            assert [f"`{name}`" in message for message in found[name]] == [True], found[name]


def findings(folder: Path, settings: dict[str, str]) -> dict[str, list[str]]:
    """Validate the manifests of a folder; return the messages by manifest."""
    done = run(folder, "validate", ".", "--format", "json", **settings)
    return {
        Path(each["path"]).stem: [finding["message"] for finding in each["diagnostics"]]
        for each in json.loads(done.stdout)
    }
