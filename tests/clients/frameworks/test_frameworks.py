"""The cases of section 12.8 on the real packages, each in an environment of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.frameworks.expected import CASES, RECORDED, comparable, fault_of, fault_of_wrong
from tests.clients.frameworks.frameworks import FRAMEWORKS, Framework, run_cases, start_governed
from tests.conftest import Service

INSTALLED = [framework for framework in FRAMEWORKS.values() if framework.is_there]
LIVE = [case for case in CASES if case != "killed"]
WAYS = [(framework, way) for framework in INSTALLED for way in framework.ways]
NAMES = [f"{framework.name}-{way}" for framework, way in WAYS]

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="`make client-environments` installs the frameworks"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the governed manifest."""
    running = start_governed(tmp_path_factory.mktemp("frameworks"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def came(service: Service) -> Any:
    """What came of all cases: one process of each framework."""
    known: dict[str, Any] = {}

    def of(framework: Framework) -> Any:
        if framework.name not in known:
            cases = [case for case in LIVE if case not in framework.lacks]
            known[framework.name] = run_cases(framework, service, framework.ways, *cases, "wrong", "recorded")
        return known[framework.name]

    return of


@pytest.mark.parametrize(("framework", "way"), WAYS, ids=NAMES)
@pytest.mark.parametrize("case", LIVE)
def test_a_case(came: Any, framework: Framework, way: str, case: str) -> None:
    """The right tool ran, and the model, the caller and the history got what the policy permits."""
    if case in framework.lacks:
        pytest.skip("the framework has no place for it")
    assert fault_of(case, came(framework)[way][case]) is None


@pytest.mark.parametrize(("framework", "way"), WAYS, ids=NAMES)
def test_a_service_that_is_killed_lets_no_tool_run(tmp_path: Path, framework: Framework, way: str) -> None:
    """The service dies while the model answers."""
    service = start_governed(tmp_path)
    outcome = run_cases(framework, service, (way,), "killed")[way]["killed"]
    service.process.wait(30)
    assert fault_of("killed", outcome) is None


@pytest.mark.parametrize(("framework", "way"), WAYS, ids=NAMES)
def test_no_failure_of_the_service_lets_anything_pass(came: Any, framework: Framework, way: str) -> None:
    """At each point in turn, every wrong answer withholds what that point decides on."""
    wrong = came(framework)[way]["wrong"]
    known = {name: outcome for name, outcome in wrong.items() if name.partition(":")[0] in framework.points}
    faults = {
        name: fault_of_wrong(framework.judged_as(name.partition(":")[0]), outcome)
        for name, outcome in known.items()
    }
    assert {name: fault for name, fault in faults.items() if fault is not None} == {}
    assert len(known) == len(framework.points) * 15


@pytest.mark.parametrize(("framework", "way"), WAYS, ids=NAMES)
def test_the_snapshots_are_those_of_every_other_framework(came: Any, framework: Framework, way: str) -> None:
    """But for the name of the framework, and what it calls its model."""
    recorded = came(framework)[way]["recorded"]
    compared = framework.points - framework.silent
    expected = [snapshot for snapshot in RECORDED if snapshot["at"][0] in compared]
    found = [comparable(snapshot) for snapshot in recorded]
    assert [snapshot for snapshot in found if snapshot["at"][0] not in framework.silent] == expected
    agents = [snapshot["envelope"]["agent"] for snapshot in recorded]
    assert {(agent["id"], agent["framework"]) for agent in agents} == {("a", framework.word)}


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=list(FRAMEWORKS))
def test_in_ci_a_framework_is_not_skipped_for_want_of_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, framework: Framework
) -> None:
    """What CI installs must be there: its tests run, and fail, where it is not; large ones are run by hand."""
    monkeypatch.setenv(f"{framework.name.upper()}_ENVIRONMENT", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert not framework.is_there
    monkeypatch.setenv("CI", "true")
    assert framework.is_there is not framework.is_heavy
