"""What CrewAI has beside the cases of every framework."""

from pathlib import Path

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS, run_cases, start_governed

CREWAI = FRAMEWORKS["crewai"]

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not CREWAI.python.exists(), reason="`make client-frameworks` installs CrewAI"),
]


def test_a_crew_that_streams_is_refused(tmp_path: Path) -> None:
    """What its model streams would reach the caller before any hook: the model is not asked."""
    service = start_governed(tmp_path)
    try:
        outcome = run_cases(CREWAI, service, ("stream",), "stream")["stream"]["stream"]
    finally:
        service.stop()
    assert (outcome["seen"], outcome["ran"], outcome["got"]) == ([], [], [])
    assert outcome["raised"] == "Denied pre_model_call stream"
