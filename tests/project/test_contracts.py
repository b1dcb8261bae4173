"""Each import contract of the project fails for the import that it is there for, and for that alone."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.server, pytest.mark.slow]

NAMES = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
STATUS = re.compile(r"^(.+) (KEPT|BROKEN)$", re.MULTILINE)


@dataclass(frozen=True)
class Violation:
    """A statement that, at the end of a module, breaks one contract."""

    contract: str
    module: str
    statement: str


VIOLATIONS = [
    Violation("Imports go down only", "outbound/addresses.py", "import acs_sidecar.access.public_keys"),
    Violation(PURE := NAMES[1], "spec/limits.py", "import pydantic"),
    Violation(PURE, "audit/format/note.py", "import tempfile"),
    Violation(PURE, "approval/token.py", "import time"),
    Violation(PURE, "detectors/checksums.py", "import regorus"),
    Violation("The service knows no transport and no HTTP", "decision/service.py", "from http import HTTPStatus"),
    Violation("The service sees ports, never an adapter", "decision/service.py", "import acs_sidecar.engines.registry"),
    Violation("Engines do not import one another", "engines/cedar/values.py", "import acs_sidecar.engines.rego.heads"),
    Violation("Adapters do not import one another", "engines/adapters/custom.py", "import acs_sidecar.engines.adapters.rate_card"),
    Violation("Adapters know the specification and the detectors alone", "engines/adapters/new.py", "import acs_sidecar.outbound.sigv4"),
    Violation("Annotator types do not import one another", "annotators/endpoint.py", "import acs_sidecar.annotators.llm.api"),
    Violation("Resolvers do not import one another", "resolvers/signed.py", "import acs_sidecar.resolvers.command"),
    Violation("Transports do not import one another", "transports/new.py", "import acs_sidecar.transports.http.exchange"),
    Violation("Groups of commands do not import one another", "cli/keys/token.py", "import acs_sidecar.cli.audit.location"),
    Violation("Rooms and modules have no import cycle", "detectors/checksums.py", "import acs_sidecar.detectors.registry"),
]  # fmt: skip


def broken(folder: Path) -> set[str]:
    """The names of the contracts that the copy of the package in `folder` breaks."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            "--no-logo",
            "--config",
            ROOT / "pyproject.toml",
            "--no-cache",
        ],
        cwd=folder,
        env={**os.environ, "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = dict(STATUS.findall(done.stdout))
    assert sorted(outcome) == sorted(NAMES), done.stdout + done.stderr
    names = {name for name, status in outcome.items() if status == "BROKEN"}
    assert bool(names) == bool(done.returncode)
    return names


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package."""
    return Path(shutil.copytree(ROOT / "app" / "acs_sidecar", tmp_path / "acs_sidecar"))


def test_the_package_breaks_no_contract(package: Path) -> None:
    """The copy is what is looked at, and it is as it should be."""
    assert broken(package.parent) == set()


@pytest.mark.parametrize(
    "violation", VIOLATIONS, ids=lambda violation: f"{violation.module}: {violation.statement}"
)
def test_a_violation_breaks_its_contract_alone(violation: Violation, package: Path) -> None:
    """One import that is not allowed is found, by the contract that forbids it."""
    module = package / violation.module
    with module.open("a") as end:
        end.write(f"{violation.statement}\n")
    assert broken(package.parent) == {violation.contract}


def test_every_contract_is_shown_to_fail() -> None:
    """No contract is without a violation here."""
    assert {violation.contract for violation in VIOLATIONS} == set(NAMES)
