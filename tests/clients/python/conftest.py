"""One service with the example manifests, for all tests of the client."""

from collections.abc import Iterator

import pytest

from acs_client import Client
from tests.conftest import ROOT, Service, start_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the example manifests."""
    running = start_service(tmp_path_factory.mktemp("client"), "--manifests", str(ROOT / "manifests"))
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of it, for the support agent."""
    with Client(service.url, manifest="support-agent") as made:
        yield made
