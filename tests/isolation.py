"""Tests without the marker `server` start no process and open no connection: one that does fails.

So `make unit`, which leaves the marked ones out, runs anywhere and fast. What a test does is seen by an audit hook of the
interpreter, whoever calls: the test, a fixture, a library, or the code under test that would hide the failure.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

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
SERVER_FOLDERS = {
    "tests/clients",
    "tests/deploy",
    "tests/hostile",
    "tests/sandbox",
    "tests/server",
    "tests/transports",
}


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


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a run without servers the imports of folders in which every test needs one."""
    if "not server" in config.option.markexpr and _is_server_folder(collection_path, config.rootpath):
        return True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what reaches out by its fixtures or its folder."""
    if not SERVER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) or _is_server_folder(
        item.path.parent, item.config.rootpath
    ):
        item.add_marker("server")


@cache
def _is_server_folder(folder: Path, root: Path) -> bool:
    return any(folder.is_relative_to(root / name) for name in SERVER_FOLDERS)


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
