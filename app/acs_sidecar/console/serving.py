"""Runs the console on loopback until it is interrupted, and opens a browser on it (section 15.1)."""

import asyncio
import gc
import os
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import uvicorn

from acs_sidecar.console.app import Parts, build_app
from acs_sidecar.console.disk_logs import DiskLogs
from acs_sidecar.console.gate import Pass
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.manifest_set import ManifestAccess, ManifestSet
from acs_sidecar.console.playground import Playground
from acs_sidecar.console.rendering import prepare
from acs_sidecar.console.service_client import ServiceClient
from acs_sidecar.console.service_logs import ServiceLogs
from acs_sidecar.console.service_manifests import ServiceManifests
from acs_sidecar.console.service_state import ServiceState
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.startup import StartError
from acs_sidecar.trials.injection import EveryVariable
from acs_sidecar.wiring import build_sandbox

__all__ = ["ConsoleError", "ShownService", "run_console"]

HOST = "127.0.0.1"


class ConsoleError(StartError):
    """The console cannot start."""


@dataclass(frozen=True, slots=True)
class ShownService:
    """A running service to show, by its client; `manifests` tells that its manifests are shown too."""

    client: ServiceClient
    manifests: bool


def run_console(
    settings: Settings,
    port: int,
    tell: Callable[[str], None],
    *,
    service: ShownService | None = None,
    opens_browser: bool,
) -> None:
    """Serve the console until SIGINT or SIGTERM; `tell` is given the address, which works once.

    What is shown is read from the disk, or from `service`.

    Raises `ConsoleError` when the port is taken, `SandboxError` when the sandbox does not start.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConsoleError(
            f"port {port} cannot be used ({error.strerror}): choose another with --port, or 0 for any"
        ) from None
    asyncio.run(_serve(settings, listener, tell, service, opens_browser=opens_browser))


async def _serve(
    settings: Settings,
    listener: socket.socket,
    tell: Callable[[str], None],
    service: ShownService | None,
    *,
    opens_browser: bool,
) -> None:
    own, port = Pass(), listener.getsockname()[1]
    async with AsyncExitStack() as opened:
        client = HttpClient()
        opened.push_async_callback(client.close)
        if service:
            opened.callback(service.client.close)
        sandbox = build_sandbox(settings)
        await sandbox.start()
        opened.push_async_callback(sandbox.close)
        compiler = replace(build_compiler(settings, client, None), environment=EveryVariable())
        logs, manifests, state = _shown(settings, compiler, service)
        playground = Playground(
            manifests, build_compiler(settings, client, sandbox), settings.duplicate_members
        )
        parts = Parts(logs, manifests, compiler, playground, state)
        await prepare()
        if service is None:
            await manifests.by_name()
        gc.freeze()  # what was loaded stays: no collection needs to walk it while a page waits
        hosts = frozenset(f"{name}:{port}" for name in (HOST, "localhost"))
        config = uvicorn.Config(
            build_app(parts, own, hosts), log_config=None, access_log=False, server_header=False, ws="none"
        )
        address = f"http://{HOST}:{port}{own.entry}"
        tell(address)
        if opens_browser:
            opened.enter_context(_opened_in_browser(address))
        await uvicorn.Server(config).serve(sockets=[listener])


def _shown(
    settings: Settings, compiler: ManifestCompiler, service: ShownService | None
) -> tuple[LogAccess, ManifestAccess, ServiceState | None]:
    local = ManifestSet(settings, compiler)
    if service is None:
        return DiskLogs(settings.audit_dir), local, None
    client = service.client
    manifests = ServiceManifests(client) if service.manifests else local
    return ServiceLogs(client), manifests, ServiceState(client)


@contextmanager
def _opened_in_browser(address: str) -> Iterator[None]:
    """Open a browser through a file that only this user reads: a command line is everybody's."""
    handle, name = tempfile.mkstemp(suffix=".html", prefix="acs-console-")
    with os.fdopen(handle, "w") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(address)}">')
    try:
        webbrowser.open(Path(name).as_uri())
        yield
    finally:
        Path(name).unlink(missing_ok=True)
