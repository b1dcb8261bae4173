"""Runs the console on loopback until it is interrupted, and opens a browser on it (section 15.1)."""

import asyncio
import os
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from html import escape
from pathlib import Path

import uvicorn

from acs_sidecar.console.app import Parts, build_app
from acs_sidecar.console.gate import Pass
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.manifest_set import ManifestSet
from acs_sidecar.console.playground import Playground
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.startup import StartError
from acs_sidecar.trials.injection import EveryVariable
from acs_sidecar.wiring import build_sandbox

__all__ = ["ConsoleError", "run_console"]

HOST = "127.0.0.1"


class ConsoleError(StartError):
    """The console cannot start."""


def run_console(settings: Settings, port: int, tell: Callable[[str], None], *, opens_browser: bool) -> None:
    """Serve the console until SIGINT or SIGTERM; `tell` is given the address, which works once.

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
    asyncio.run(_serve(settings, listener, tell, opens_browser=opens_browser))


async def _serve(
    settings: Settings, listener: socket.socket, tell: Callable[[str], None], *, opens_browser: bool
) -> None:
    own, port = Pass(), listener.getsockname()[1]
    async with AsyncExitStack() as opened:
        client = HttpClient()
        opened.push_async_callback(client.close)
        sandbox = build_sandbox(settings)
        await sandbox.start()
        opened.push_async_callback(sandbox.close)
        manifests = ManifestSet(
            settings, replace(build_compiler(settings, client, None), environment=EveryVariable())
        )
        playground = Playground(
            manifests, build_compiler(settings, client, sandbox), settings.duplicate_members
        )
        parts = Parts(LogAccess(settings.audit_dir), manifests, playground)
        hosts = frozenset(f"{name}:{port}" for name in (HOST, "localhost"))
        config = uvicorn.Config(
            build_app(parts, own, hosts), log_config=None, access_log=False, server_header=False, ws="none"
        )
        address = f"http://{HOST}:{port}{own.entry}"
        tell(address)
        if opens_browser:
            opened.enter_context(_opened_in_browser(address))
        await uvicorn.Server(config).serve(sockets=[listener])


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
