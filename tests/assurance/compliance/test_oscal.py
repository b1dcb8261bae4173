"""OSCAL output of all frameworks against compliance-trestle, where its environment is there (section 8.3)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.assurance.compliance.reports import ALL, PERIOD, report, write_log
from tests.conftest import ROOT

PYTHON = Path(os.environ.get("OSCAL_ORACLE", ROOT / ".cache" / "oscal")) / "bin" / "python"
ROUND_TRIP = Path(__file__).with_name("oscal_round_trip.py")

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _oracle() -> None:
    """Skip where the environment is missing, but not in CI: there it must have been installed."""
    if not PYTHON.exists() and not os.environ.get("CI"):
        pytest.skip(f"no compliance-trestle in {PYTHON.parents[1]}: run `make oscal-oracle`")


def validated(document: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the round trip on a document."""
    (folder / "document").mkdir(parents=True)
    (folder / "workspace").mkdir()
    path = folder / "document" / "report.json"
    path.write_text(document)
    command = [PYTHON, ROUND_TRIP, path, folder / "workspace"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_report_of_every_framework_validates(tmp_path: Path) -> None:
    """As it is printed and after a round trip; a state that the standard does not have is refused."""
    place = write_log(tmp_path / "log", agent="a|`b\n<script>")
    document = report(place, *ALL, *PERIOD, "--format", "oscal").stdout
    assert len(json.loads(document)["assessment-results"]["results"]) == 4
    done = validated(document, tmp_path / "sound")
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = validated(document.replace('"satisfied"', '"met"'), tmp_path / "wrong")
    assert wrong.returncode != 0
    assert "Input should be 'satisfied' or 'not-satisfied'" in wrong.stdout + wrong.stderr
