"""Whether the sandbox leaves anything behind."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from tests.sandbox.sandboxes import open_descriptors, zygotes


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """No process and no open descriptor after the test that was not there before it."""
    uvloop.run(asyncio.sleep(0))  # it opens a pipe for the life of the process
    before = open_descriptors()
    yield
    assert (open_descriptors(), zygotes()) == (before, [])
