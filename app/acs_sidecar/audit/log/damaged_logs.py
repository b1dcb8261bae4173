"""The logs of the past that were found damaged (section 4.2)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.log.recovery import Damage, Survey, examine_fully, unsettled

__all__ = ["DamagedLogs"]


class DamagedLogs:
    """The logs known to be damaged, each once, in the order of discovery."""

    def __init__(self) -> None:
        self.found: tuple[Damage, ...] = ()

    def add(self, damage: Iterable[Damage]) -> None:
        """Add logs that are not known to be damaged yet."""
        known = {one.log for one in self.found}
        self.found = (*self.found, *(one for one in damage if one.log not in known))

    async def examine(self, found: Survey, trust: Trust) -> AsyncIterator[ServiceEvent]:
        """Read logs to their ends while the service runs; yield what is to be recorded of them.

        That is each log that is damaged, and each stream that ended with the process of its log.
        """
        for directory in found.unexamined:
            try:
                await asyncio.to_thread(examine_fully, directory, trust)
            except LogDamagedError as error:
                damage = Damage(directory.origin, str(error))
                self.add([damage])
                yield ServiceEvent("log_damaged", {"log": damage.log, "detail": damage.detail})
        damaged = {one.log for one in self.found}
        for directory, size in found.crashed:
            if directory.origin not in damaged:
                with suppress(LogDamagedError):  # the next start finds out what is wrong with it
                    for event in await asyncio.to_thread(unsettled, directory, size, trust):
                        yield event
