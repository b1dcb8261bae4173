"""Checks of files and directories: who may read and write them, and how much room there is."""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from acs_sidecar.doctor.result import Result, problem, warning

__all__ = ["quoted", "secret_file", "trust_file", "writable_directory"]

MIB = 1024 * 1024
LOW_BYTES = 1024 * MIB
FULL_BYTES = 64 * MIB
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def quoted(path: Path) -> str:
    """Write a path so that a shell reads it as one word."""
    return shlex.quote(str(path))


def secret_file(check: str, path: Path) -> Iterator[Result]:
    """Look at the mode and the owner of a file that holds a secret and exists.

    Root's file may be read by a group of this process: that is how a mounted Secret is given to a user.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    is_mounted_secret = found.st_uid == 0 != os.geteuid() and found.st_gid in {os.getegid(), *os.getgroups()}
    if mode & (_OTHERS & ~stat.S_IRGRP if is_mounted_secret else _OTHERS):
        who = "everybody" if mode & stat.S_IROTH else "its group or other users"
        yield problem(
            check, f"`{path}` can be read or changed by {who}: mode {mode:03o}", f"chmod 600 {quoted(path)}"
        )
    if found.st_uid not in {os.geteuid(), 0}:
        yield warning(
            check,
            f"`{path}` belongs to user {found.st_uid}, but this is user {os.geteuid()}",
            f"chown {os.geteuid()} {quoted(path)}, or run doctor as the user of the service",
        )


def trust_file(check: str, path: Path) -> Iterator[Result]:
    """Look at the mode of a file that says who is trusted and exists."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS_WRITE:
        yield problem(
            check, f"`{path}` can be changed by other users: mode {mode:03o}", f"chmod go-w {quoted(path)}"
        )


def writable_directory(check: str, path: Path, setting: str) -> Iterator[Result]:
    """Look whether a directory, or the one that it would be made in, takes files and has room."""
    place = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not place.is_dir():
        yield problem(check, f"`{place}` is not a directory", f"set {setting} to a directory")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield problem(
            check,
            f"user {os.geteuid()} cannot write to `{place}`",
            f"chown {os.geteuid()} {quoted(place)}, or set {setting}",
        )
    free = shutil.disk_usage(place).free
    if free < FULL_BYTES:
        yield problem(check, f"{free // MIB} MiB are free at `{place}`", _room(setting))
    elif free < LOW_BYTES:
        yield warning(check, f"{free // MIB} MiB are free at `{place}`", _room(setting))


def _room(setting: str) -> str:
    if setting == "ACS_AUDIT_DIR":
        return "acs-sidecar audit prune --older-than DAYS, or use a larger volume"
    return f"free space there, or set {setting} to another volume"
