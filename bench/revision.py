"""Another revision of the service, ready to run beside the working tree."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

__all__ = ["prepare"]

CACHE = Path(".cache/bench")
_LOCK = "requirements.lock"


def prepare(revision: str) -> list[str]:
    """Return the command of the service at a revision; what it needs is kept in `.cache/bench`.

    Where both lock the same dependencies it uses those that are installed here, else its own.
    """
    commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}")
    place = (CACHE / commit).resolve()
    source, environment = place / "source", place / "venv"
    if not (place / "ready").exists():
        _discard(place)
        _git("worktree", "add", "--quiet", "--force", "--detach", str(source), commit)
        _install(source, environment)
        (place / "ready").touch()
    scripts = tomllib.loads((source / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["acs-sidecar"].partition(":")
    return [str(environment / "bin/python"), "-c", f"from {module} import {function}; {function}()"]


def _install(source: Path, environment: Path) -> None:
    if (source / _LOCK).read_bytes() == Path(_LOCK).read_bytes():
        venv.create(environment, symlinks=True)
        packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
        shared = sysconfig.get_path("purelib")
        (Path(packages) / "revision.pth").write_text(f"{source / 'app'}\n{shared}\n")
        return
    venv.create(environment, symlinks=True, with_pip=True)
    pip = [str(environment / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(source / _LOCK)], check=True)
    subprocess.run([*pip, "--no-deps", "-e", str(source)], check=True)


def _discard(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    _git("worktree", "prune")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return done.stdout.strip()
