"""Confines a child before it reads any untrusted input (section 2.5).

On Linux all of it MUST work, for root and for others, or the child does not start. Elsewhere the
limits that the system does not have are left out.
"""

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CHANNEL", "Confinement", "Usage"]

CHANNEL = 3
"""The one descriptor that a child keeps, beside the null device on 0, 1 and 2."""

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9
_UNKNOWN_BASELINE = 256 * 1024 * 1024
_REPLACE_AT_CPU_SECONDS = 30
_NICENESS = 10


@dataclass(frozen=True, slots=True)
class Confinement:
    """The bounds of one request: bytes beyond what a child starts with, seconds of processor time.

    A child that keeps more than a quarter of the bytes from one request to the next is replaced, and
    may have that quarter on top, so that the whole bound is every request's.
    """

    memory_bytes: int
    request_seconds: int

    def apply(self, channel: int, parent: int) -> "Usage":
        """Confine this process, for good. It keeps `channel` as descriptor 3 and dies with `parent`.

        Raises `OSError` when the system refuses.
        """
        # All children stay in the zygote's session: schedulers that share by session then weigh them
        # together against the service, however many are busy.
        os.nice(_NICENESS)
        null = _keep_only(channel)
        kept_bytes = self.memory_bytes // 4
        address_space = _address_space() + self.memory_bytes + kept_bytes
        if _LINUX:
            # The kernel that runs out of memory takes the child, not the service.
            _write_quietly("/proc/self/oom_score_adj", "1000")
            _drop_capabilities()
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _prctl(_PR_SET_DUMPABLE, 0)
            _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
            if os.getppid() != parent:
                raise ProcessLookupError("the parent is gone")
        _limit("RLIMIT_CORE", 0)
        _limit("RLIMIT_FSIZE", 0)
        _limit("RLIMIT_NPROC", 0)
        _limit("RLIMIT_CPU", _REPLACE_AT_CPU_SECONDS + self.request_seconds)
        _limit("RLIMIT_AS", address_space)
        # Until here an error has somewhere to go.
        os.dup2(null, 2)
        os.close(null)
        # Open descriptors go on working; no other can ever be opened: no file, no socket, no pipe.
        _limit("RLIMIT_NOFILE", 0)
        return Usage(_peak_bytes(resource.getrusage(resource.RUSAGE_SELF)) + kept_bytes)


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that a child has used. A child near its bounds asks to be replaced.

    So no request meets limits that another has half used up.
    """

    replace_at_bytes: int

    def exhausted(self) -> bool:
        """True if this child must not serve another request."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return (
            used.ru_utime + used.ru_stime > _REPLACE_AT_CPU_SECONDS
            or _peak_bytes(used) > self.replace_at_bytes
        )


def _keep_only(channel: int) -> int:
    """Close all but the error output and the channel; return a descriptor of the null device."""
    os.dup2(channel, CHANNEL)
    os.closerange(CHANNEL + 1, max(channel, 256) + 1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return null


def _address_space() -> int:
    """Return the bytes of address space in use, or a generous guess where the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return _UNKNOWN_BASELINE
    return pages * resource.getpagesize()


def _peak_bytes(used: resource.struct_rusage) -> int:
    return used.ru_maxrss * 1024 if _LINUX else used.ru_maxrss


def _limit(name: str, most: int) -> None:
    """Lower a limit, never raising one that is lower already."""
    kind = getattr(resource, name, None)
    if kind is None:
        return
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):
        if _LINUX:
            raise


def _write_quietly(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError:
        return


def _prctl(option: int, value: int) -> None:
    _checked(_libc().prctl(option, value, 0, 0, 0), "prctl")


def _drop_capabilities() -> None:
    """Drop every capability, which requires no privilege."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc().capset(header, nothing), "capset")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")
