"""The HTTPS server that manifests and bundles are fetched from."""

from collections.abc import Iterator

import pytest

from tests.https import HttpsServer, https_server


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    """One server for all tests."""
    with https_server(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def server(authority: HttpsServer) -> HttpsServer:
    """The server, with nothing to answer and nothing asked."""
    authority.answers.clear()
    authority.received.clear()
    return authority
