"""The systemd unit, where systemd's own tools are."""

import os
import re
import shutil
import subprocess

import pytest

from acs_sidecar.settings.tree import PREFIX, Settings
from tests.conftest import ROOT

ANALYZE = shutil.which("systemd-analyze") or "systemd-analyze"
UNIT = ROOT / "deploy/systemd/acs-sidecar.service"


def test_the_unit_sets_nothing_that_is_not_a_setting() -> None:
    """Every variable in the unit is one that the service knows: another would stop its start."""
    names = re.findall(rf"\b({PREFIX}[A-Z_]+)=", UNIT.read_text())
    assert "ACS_UDS" in names
    assert [name for name in names if name.removeprefix(PREFIX).lower() not in Settings.model_fields] == []


@pytest.mark.skipif(
    not shutil.which(ANALYZE) and "CI" not in os.environ, reason="systemd-analyze is not installed"
)
def test_systemd_accepts_the_unit_and_its_hardening() -> None:
    """No unknown directive, and an exposure of at most 1.5 of 10 by systemd's own measure."""
    environment = os.environ | {"SYSTEMD_LOG_TARGET": "console"}
    verified = subprocess.run(
        [ANALYZE, "verify", "--man=no", UNIT],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    complaints = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert [line for line in complaints if "is not executable" not in line] == []
    measured = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=15", UNIT],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stdout[-500:]
