"""One service with the example manifests, for all tests of the clients."""

from collections.abc import Iterator

import pytest

from tests.conftest import ROOT, Service, start_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the example manifests."""
    running = start_service(tmp_path_factory.mktemp("client"), "--manifests", str(ROOT / "manifests"))
    yield running
    running.stop()
