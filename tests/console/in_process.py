"""The console's application without a process and a socket, and a person who was let in."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.types import Message

from acs_sidecar.console.app import Parts, build_app
from acs_sidecar.console.disk_logs import DiskLogs
from acs_sidecar.console.gate import COOKIE, Pass
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.manifest_set import ManifestAccess, ManifestSet
from acs_sidecar.console.playground import Playground
from acs_sidecar.console.service_client import ServiceClient
from acs_sidecar.console.service_logs import ServiceLogs
from acs_sidecar.console.service_manifests import ServiceManifests
from acs_sidecar.console.service_state import ServiceState
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["Pages", "pages_of"]

HOST = "127.0.0.1:8384"


class Pages:
    """Asks for pages as a browser would that was let in."""

    def __init__(self, parts: Parts) -> None:
        own = Pass()
        self.base = own.path
        self.stays = True
        self._app = build_app(parts, own, frozenset({HOST}))
        headers = {"host": HOST, "cookie": f"{COOKIE}={own.cookie}", "origin": f"http://{HOST}"}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, str]:
        """Return status and text of a page."""
        path, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": self.base + unquote(path),
            "query_string": query.encode(),
            "headers": self._headers,
        }
        sent: list[Message] = []
        received = iter([{"type": "http.request", "body": body}])

        async def receive() -> Message:
            for message in received:
                return message
            if not self.stays:
                return {"type": "http.disconnect"}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        with suppress(Exception):  # what failed is answered first, then raised for the server's log
            asyncio.run(self._app(scope, receive, send))
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]).decode()

    def page(self, path: str, method: str = "GET") -> str:
        """Return a page that is there."""
        status, text = self.ask(path, method)
        assert status == 200, text
        return text


def pages_of(audit: Path, manifests: Path, service: ServiceClient | None = None) -> Pages:
    """Return the pages over directories, or over a service."""
    settings = load_settings({}, None, {"manifests": manifests, "audit_dir": audit}).settings
    compiler = replace(build_compiler(settings, HttpClient(), None), environment=EveryVariable())
    logs: LogAccess = ServiceLogs(service) if service else DiskLogs(audit)
    shown: ManifestAccess = ServiceManifests(service) if service else ManifestSet(settings, compiler)
    playground = Playground(shown, compiler, settings.duplicate_members)
    return Pages(Parts(logs, shown, compiler, playground, ServiceState(service) if service else None))
