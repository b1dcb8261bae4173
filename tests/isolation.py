"""Tests without the marker `server` start no process and open no connection: one that does fails.

So `make unit`, which leaves the marked ones out, runs anywhere and fast. What a test does is seen by an audit hook of the
interpreter, whoever calls: the test, a fixture, a library, or the code under test that would hide the failure.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

REACHES_OUT = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
SERVER_FIXTURES = {"authority", "inline_service", "servers", "session", "speak", "start"}
SERVER_FOLDERS = {"tests/deploy", "tests/hostile", "tests/sandbox", "tests/server", "tests/transports"}


class _Watch:
    """Whether a test that must not reach out runs at the moment, and how it did."""

    def __init__(self) -> None:
        self.active = False
        self.seen: list[str] = []

    def __call__(self, event: str, _: tuple[object, ...]) -> None:
        """Refuse what a test without the marker does not do; called by the interpreter."""
        if self.active and event in REACHES_OUT:
            self.seen.append(event)
            raise PermissionError(f"`{event}` in a test without the marker `server`")

    @contextmanager
    def over(self, item: pytest.Item) -> Iterator[None]:
        """Watch one phase of a test, and fail it for what was refused meanwhile."""
        self.active = item.get_closest_marker("server") is None
        self.seen.clear()
        try:
            yield
        finally:
            self.active = False
            if self.seen:
                pytest.fail(f"{', '.join(sorted(set(self.seen)))} in a test without the marker `server`")


_watch = _Watch()
sys.addaudithook(_watch)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what reaches out by its fixtures or its folder."""
    folder = item.path.relative_to(item.config.rootpath).parent
    folders = {str(part) for part in (folder, *folder.parents)}
    if SERVER_FOLDERS & folders or SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("server")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Watch the fixtures."""
    with _watch.over(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Watch the test."""
    with _watch.over(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Watch the ends of the fixtures."""
    with _watch.over(item):
        return (yield)
