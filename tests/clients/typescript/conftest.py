"""A service with the governed manifest and the examples, over TCP and over a Unix socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clients.python.governed import write_approvers, write_manifest
from tests.conftest import COMMAND, ROOT, Service, environment, start_service
from tests.waiting import wait_for

Settings = dict[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests and the approvers."""
    made = tmp_path_factory.mktemp("typescript")
    manifests = write_manifest(made)
    for name in ("support-agent", "payments-agent", "screened-agent"):
        (manifests / name).symlink_to(ROOT / "manifests" / name)
    write_approvers(made)
    return made


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """The service on loopback."""
    trust = str(folder / "approvers.yaml")
    running = start_service(folder, "--manifests", str(folder / "manifests"), ACS_APPROVAL_TRUST_FILE=trust)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def socket_path(folder: Path) -> Iterator[Path]:
    """The path of a service on a Unix socket."""
    path = folder / "acs.sock"
    command = [str(COMMAND), "serve", "--uds", str(path), "--manifests", str(folder / "manifests")]
    with (folder / "uds.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
    wait_for(path.exists, seconds=90)
    yield path
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    process.kill()


@pytest.fixture(scope="module")
def settings(service: Service) -> Settings:
    """What the tests of the client read from their environment."""
    python = [sys.executable, "-m"]
    return {
        "ACS_ROOT": str(ROOT),
        "SERVICE_URL": service.url,
        "CANNED": json.dumps([*python, "tests.clients.canned_control"]),
        "SIGNER": json.dumps([*python, "tests.clients.frameworks.sign"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "clients" / "python"), str(ROOT)]),
    }
