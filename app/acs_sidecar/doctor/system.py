"""Checks of what the service stands on: engines, open files, the clock, the sandbox, the address."""

import asyncio
import ctypes
import importlib.metadata
import resource
from collections.abc import Iterator

from acs_sidecar.doctor.result import Result, ok, problem, warning
from acs_sidecar.manifests.discovery import operator_files
from acs_sidecar.manifests.loading import inline_mode
from acs_sidecar.sandbox.sandbox import SandboxError
from acs_sidecar.server.descriptors import connections_within
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.wiring import ENGINES, build_sandbox

__all__ = ["check_address", "check_clock", "check_engines", "check_files", "check_sandbox"]

_TIMEX_BYTES = 512
_UNSYNCHRONISED = 5


def check_engines() -> Iterator[Result]:
    """Look which engines are installed."""
    for name in ENGINES:
        try:
            yield ok("engines", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            detail = f"{name} is not installed: policies that need it are refused"
            yield warning("engines", detail, f"pip install {name}")


def check_files(settings: Settings) -> Iterator[Result]:
    """Look whether as many connections fit as requests may be in flight."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    room = connections_within(hard)
    if room < settings.max_in_flight:
        yield warning(
            "open files",
            f"a process can open {hard} files, which allows {room} connections for ACS_MAX_IN_FLIGHT "
            f"{settings.max_in_flight}",
            f"raise the limit (LimitNOFILE= in a unit), or set ACS_MAX_IN_FLIGHT={room}",
        )
    else:
        yield ok("open files", f"{hard} in a process")


def check_clock() -> Iterator[Result]:
    """Ask the kernel whether its clock is kept right; where it cannot tell, say nothing."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex and adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) == _UNSYNCHRONISED:
        yield warning(
            "clock", "the kernel reports that its clock is not synchronized", "timedatectl set-ntp true"
        )


def check_address(settings: Settings) -> Iterator[Result]:
    """Look who can reach the service, and what protects it from them."""
    if settings.local:
        return
    if settings.auth_tokens_file is None:
        yield warning(
            "address",
            f"anyone who reaches `{settings.host}` can use the service: authentication is off",
            "set ACS_AUTH_TOKENS_FILE, or listen on 127.0.0.1 or a Unix socket",
        )
    if settings.tls_cert_file is None:
        yield warning(
            "address",
            f"traffic to `{settings.host}` is not encrypted, tokens and snapshots included",
            "set ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE, or terminate TLS in front",
        )


def check_sandbox(settings: Settings) -> Iterator[Result]:
    """Start the sandbox and end it, where inline manifests would run in it."""
    try:
        manifests = operator_files(settings)
    except ManifestError:
        manifests = ()
    if inline_mode(settings, manifests) is not InlineMode.SANDBOXED:
        return
    try:
        asyncio.run(_start_and_close(settings))
    except (SandboxError, OSError) as error:
        yield problem(
            "sandbox",
            f"inline manifests cannot be sandboxed: {error}",
            "allow the service to fork and to set resource limits, or set ACS_INLINE_MANIFESTS=deny",
        )
    else:
        yield ok("sandbox", "children can be sandboxed")


async def _start_and_close(settings: Settings) -> None:
    sandbox = build_sandbox(settings)
    try:
        await sandbox.start()
    finally:
        await sandbox.close()
