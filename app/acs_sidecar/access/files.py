"""All files of trust of one process, looked at again once a second (section 2.4)."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

from acs_sidecar.access.callers import Callers
from acs_sidecar.access.reread import Reread
from acs_sidecar.access.signing import ManifestTrust
from acs_sidecar.approval.approvers import Approvers

__all__ = ["AccessFiles"]

LOOK_EVERY_S = 1.0


@dataclass(slots=True, kw_only=True)
class AccessFiles:
    """What is configured of it; `callers` is `None` where nobody needs to say who calls.

    `watch` must be called on the loop that serves, and `close` at its end. No request looks at a file.
    """

    callers: Reread[Callers] | None = None
    manifest_keys: Reread[ManifestTrust] | None = None
    tls: Reread[ssl.SSLContext] | None = None
    approvers: Reread[Approvers] | None = None
    _watching: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def files(self) -> tuple[Reread[Any], ...]:
        """Everything that is read again."""
        found = (self.callers, self.manifest_keys, self.tls, self.approvers)
        return tuple(file for file in found if file is not None)

    @property
    def refused(self) -> list[str]:
        """Name what was changed into something that cannot be used."""
        return [file.what for file in self.files if file.refused]

    @property
    def summary(self) -> str:
        """Summary of who may call, for readiness."""
        return "callers must authenticate" if self.callers else "authentication is off"

    def watch(self) -> None:
        """Look at the files from now on."""
        if self.files:
            self._watching = asyncio.create_task(self._watch())

    async def refresh(self) -> None:
        """Look at the files now."""
        for file in self.files:
            await asyncio.to_thread(file.refresh)

    async def close(self) -> None:
        """Look at them no longer."""
        if self._watching:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.refresh()
