"""The one listening socket, bound before any worker starts."""

import errno
import os
import socket
import stat
from pathlib import Path

from acs_sidecar.startup import StartError

__all__ = ["BindError", "bind"]

BACKLOG = 2048


class BindError(StartError):
    """An address that cannot be listened on; the message says which and why."""


def bind(host: str, port: int, uds: Path | None, uds_mode: int) -> socket.socket:
    """Bind a Unix socket with `uds_mode`, or an address. Raises `BindError`."""
    try:
        listener = _unix(uds, uds_mode) if uds else _internet(host, port)
        listener.listen(BACKLOG)
    except BindError:
        raise
    except OSError as error:
        place = str(uds) if uds else f"{host}:{port}"
        advice = (
            "; stop what listens there, or set another address" if error.errno == errno.EADDRINUSE else ""
        )
        raise BindError(f"cannot listen on {place}: {error.strerror or error}{advice}") from None
    listener.setblocking(False)
    return listener


def _internet(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    return listener


def _unix(path: Path, mode: int) -> socket.socket:
    """Bind a Unix socket that nobody can open before its mode is set."""
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o777 & ~mode)
    try:
        listener.bind(str(path))
    finally:
        os.umask(previous)
    path.chmod(mode)
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket that a dead process left; anything that is not one, or answers, stays."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BindError(f"cannot listen on {path}: a file that is not a socket exists there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise BindError(f"cannot listen on {path}: another process is listening there")
    path.unlink()
