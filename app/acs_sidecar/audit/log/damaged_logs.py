"""The logs of the past that were found damaged (section 4.2)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.log.recovery import Damage, examine_fully

__all__ = ["DamagedLogs"]


class DamagedLogs:
    """The logs known to be damaged, each once, in the order of discovery."""

    def __init__(self) -> None:
        self.found: tuple[Damage, ...] = ()

    def add(self, damage: Iterable[Damage]) -> None:
        """Add logs that are not known to be damaged yet."""
        known = {one.log for one in self.found}
        self.found = (*self.found, *(one for one in damage if one.log not in known))

    async def examine(self, directories: Sequence[LogDirectory], trust: Trust) -> AsyncIterator[Damage]:
        """Hash logs to their ends while the service runs; yield each that is damaged."""
        for directory in directories:
            try:
                await asyncio.to_thread(examine_fully, directory, trust)
            except LogDamagedError as error:
                damage = Damage(directory.origin, str(error))
                self.add([damage])
                yield damage
