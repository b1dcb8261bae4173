"""Node, the built TypeScript client and its compiled tests."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT

__all__ = ["MODULES", "NODE", "PACKAGE", "build", "npm", "old_node", "run_node", "skip_without_node"]

PACKAGE = ROOT / "clients" / "typescript"
BIN = Path(os.environ.get("TYPESCRIPT_ENVIRONMENT", ROOT / ".cache" / "clients" / "typescript")) / "bin"
NODE = BIN / "node"
NOTHING: Mapping[str, str] = {}
MODULES = PACKAGE / "node_modules"


def skip_without_node() -> None:
    """Skip a module where the environment is not installed, outside of CI."""
    if not os.environ.get("CI") and not NODE.exists():
        pytest.skip("`make client-environments` installs Node", allow_module_level=True)


def old_node() -> Path:
    """The oldest Node that the client supports."""
    return MODULES / "node" / "bin" / "node"


def run_node(
    *arguments: str | Path, node: Path = NODE, at: Path = PACKAGE, settings: Mapping[str, str] = NOTHING
) -> str:
    """What Node prints, if it succeeds."""
    done = subprocess.run(
        [node, *arguments],
        cwd=at,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")} | dict(settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def npm(*arguments: str | Path, at: Path = PACKAGE) -> str:
    """What npm prints, if it succeeds."""
    return run_node(*arguments, node=BIN / "npm", at=at)


def build() -> None:
    """Compile the client and its tests, once for what they are made of."""
    with _locked():
        digest, stamp = _digest(), PACKAGE / "build" / "digest"
        if stamp.exists() and stamp.read_text() == digest:
            return
        for configuration in ("tsconfig.json", "tsconfig.test.json"):
            run_node(MODULES / "typescript" / "bin" / "tsc", "-p", configuration)
        stamp.write_text(digest)


@contextmanager
def _locked() -> Iterator[None]:
    (PACKAGE / "build").mkdir(exist_ok=True)
    with (PACKAGE / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest() -> str:
    digest = hashlib.sha256()
    sources = [
        path for folder in ("src", "test", "examples") for path in sorted((PACKAGE / folder).rglob("*.ts"))
    ]
    for path in [*sources, *sorted(PACKAGE.glob("*.json"))]:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()
