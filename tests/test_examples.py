"""The example manifests do what their cases say, in-process and over HTTP (sections 1, 2.1, 3.4)."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator

import orjson
import pytest
import yaml

from acs_sidecar.decision.answer import Recorded, decision_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.manifests.discovery import read_operator_manifests
from acs_sidecar.runtime import Runtime
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.transports.http.bodies import parse_evaluate
from acs_sidecar.wiring import build
from tests.conftest import COMMAND, Service, environment, start_service
from tests.examples import EXAMPLES, MANIFESTS, NAMES, Example

NEVER_GIVEN = {
    "agt-rules": {Decision.TRANSFORM},
    "grounded-agent": {Decision.TRANSFORM, Decision.WARN},
}
"""Verdicts that an example never gives: rule documents transform nothing, and grounds are there or not."""

ALL = [
    pytest.param(example, id=f"{name}: {example.case.name}") for name in NAMES for example in EXAMPLES[name]
]


@pytest.fixture(scope="module")
def decide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Example], dict[str, object]]]:
    """Decide on an example in this process, through everything that stands behind the HTTP interface."""
    key = tmp_path_factory.mktemp("keys") / "approval-key.pem"
    settings = load_settings(
        {}, options={"manifests": MANIFESTS, "telemetry_events": "off", "approval_key_file": key}
    ).settings
    manifests = read_operator_manifests(settings)
    with asyncio.Runner() as runner:

        async def started() -> Runtime:
            runtime = build(settings, manifests, None, loaded_at=0)
            await runtime.start()
            return runtime

        async def closed() -> None:
            await runtime.close()

        runtime = runner.run(started())

        def decided(example: Example) -> dict[str, object]:
            request = parse_evaluate(orjson.dumps(example.body), None)
            recorded = runner.run(runtime.service.decide(request, Sender(None, None)))
            assert isinstance(recorded, Recorded)
            response = decision_json(recorded.decision, recorded.position, request.include)
            parsed: dict[str, object] = orjson.loads(orjson.dumps(response))
            return parsed

        yield decided
        runner.run(closed())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has loaded the examples."""
    running = start_service(tmp_path_factory.mktemp("examples"), ACS_MANIFESTS=str(MANIFESTS))
    yield running
    running.stop()


@pytest.mark.parametrize("example", ALL)
def test_an_example_in_process(example: Example, decide: Callable[[Example], dict[str, object]]) -> None:
    """The decision service decides as the case says."""
    example.check(decide(example))


@pytest.mark.server
@pytest.mark.parametrize("name", NAMES)
def test_the_examples_over_http(name: str, service: Service) -> None:
    """The running service decides as the cases say, one by one."""
    for example in EXAMPLES[name]:
        status, response = service.post("/v1/evaluate", example.body)
        assert (example.case.name, status) == (example.case.name, 200)
        example.check(response)


@pytest.mark.server
def test_the_examples_are_valid() -> None:
    """Validating all examples finds nothing, no warning either."""
    done = subprocess.run(
        [COMMAND, "validate", MANIFESTS], capture_output=True, check=False, env=environment()
    )
    results = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [(result["valid"], result["diagnostics"]) for result in results] == [(True, [])] * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_cover_the_manifest(name: str) -> None:
    """Each manifest has at least 15 cases, one for each point that it configures, and every possible verdict."""
    cases = EXAMPLES[name]
    impossible = NEVER_GIVEN.get(name, set())
    manifest = (MANIFESTS / name / "manifest.yaml").read_text()
    configured = {point.value for point in InterventionPoint if re.search(rf"^  {point}:", manifest, re.M)}
    assert len(cases) >= 15
    assert {example.case.point for example in cases} == configured
    assert {example.case.expected["decision"] for example in cases} == {
        decision.value for decision in Decision if decision not in impossible
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_hit_every_rule(name: str) -> None:
    """Every reason that a policy can give is expected by a case, and every ground of an unreadable command."""
    given: set[str] = set()
    grounds: set[str] = set()
    for file in (MANIFESTS / name).rglob("*.rego"):
        text = file.read_text()
        given |= set(re.findall(r'"reason": "(\w+)"', text))
        given |= set(re.findall(r'^(?:denials|questions|remarks) contains "(\w+)"', text, re.M))
        grounds |= set(re.findall(r'^unreadable contains "([^"]+)"', text, re.M))
    for file in (MANIFESTS / name).rglob("*.cedar"):
        text = file.read_text()
        given |= set(re.findall(r'@id\("(\w+)"\)\nforbid', text))
        given |= set(re.findall(r'\\"reason\\": \\"(\w+)\\"', text))
    for file in (MANIFESTS / name / "policies").rglob("*.yaml"):
        rules = yaml.safe_load(file.read_text()).get("rules", [])
        given |= {rule["name"] for rule in rules if rule.get("action") != "log"}
    expected = {example.case.expected.get("reason") for example in EXAMPLES[name]}
    assert given - expected == set()
    messages = " ".join(str(example.case.expected.get("message")) for example in EXAMPLES[name])
    assert {ground for ground in grounds if ground not in messages} == set()


def test_every_point_appears() -> None:
    """The examples show all eight intervention points."""
    points = {example.case.point for cases in EXAMPLES.values() for example in cases}
    assert points == {point.value for point in InterventionPoint}
