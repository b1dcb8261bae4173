"""Clients of the service with the example manifests, and a service with hooks."""

from collections.abc import Iterator

import pytest

from acs_client import Client
from tests.clients.python.governed import write_approvers, write_manifest
from tests.conftest import ROOT, Service, start_service


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of it, for the support agent."""
    with Client(service.url, manifest="support-agent") as made:
        yield made


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the governed manifest and the example of a coding agent."""
    folder = tmp_path_factory.mktemp("hook")
    manifests = write_manifest(folder)
    (manifests / "coding-agent").symlink_to(ROOT / "manifests" / "coding-agent")
    running = start_service(
        folder, "--manifests", str(manifests), ACS_APPROVAL_TRUST_FILE=str(write_approvers(folder))
    )
    yield running
    running.stop()
