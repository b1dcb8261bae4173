"""What follows the commits of a log, off the hot path: publishing, tiles, thinning (section 4.2)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from acs_sidecar.audit.log.directory import replace_file
from acs_sidecar.audit.log.open_log import OpenLog
from acs_sidecar.audit.log.ports import Announce
from acs_sidecar.audit.log.tile_writer import TILE_BYTES, TileWriter

__all__ = ["Upkeep", "announce_regularly"]

_TILES_AT_ONCE = 4


class Upkeep:
    """Updates the derived files of one open log after its commits, in the single thread of `executor`.

    `failed` is called when the newest checkpoint cannot be published, for then nobody else can see
    the log. Tiles that cannot be written are no failure: they are made from records when needed.
    """

    def __init__(
        self,
        log: OpenLog,
        executor: Executor,
        publish_seconds: float,
        failed: Callable[[OSError], None],
    ) -> None:
        self._log = log
        self._executor = executor
        self._publish_seconds = publish_seconds
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._tiles = TileWriter(log.directory)
        self._timer: asyncio.TimerHandle | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._tiling: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Schedule the work that a commit left. Called after each commit, so it must be cheap."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._publish_seconds, self._start_publishing)
        if self._tiling is None and self._log.tail_bytes >= _TILES_AT_ONCE * TILE_BYTES:
            self._tiling = self._loop.create_task(self._write_tiles())

    async def publish(self) -> None:
        """Show the newest checkpoint to other processes. Raises `OSError`."""
        await self._run(self._log.publish, self._log.checkpoint)
        for path, content in self._log.thinned():
            await self._run(replace_file, path, content, self._log.synced)

    async def finish(self) -> None:
        """Complete the files of an ended log and release it.

        Raises `OSError` when its last checkpoint cannot be published; the log is let go all the same.
        """
        if self._timer:
            self._timer.cancel()
        await asyncio.gather(*(task for task in (self._publishing, self._tiling) if task))
        try:
            await self.publish()
            if self._log.closed:
                await self._write_tiles()
                await self._run(self._tiles.finish, self._log.tail()[1])
        finally:
            self._log.close()

    def _start_publishing(self) -> None:
        self._publishing = self._loop.create_task(self._publish_newest())

    async def _publish_newest(self) -> None:
        published = self._log.checkpoint
        try:
            await self.publish()
        except OSError as error:
            self._failed(error)
        self._timer = None
        if self._log.checkpoint != published:
            self.committed()

    async def _write_tiles(self) -> None:
        while leaves := self._log.whole_tiles():
            await self._run(self._tiles.write, leaves)
            self._log.tiles_written(leaves)
        self._tiling = None

    async def _run(self, function: Callable[..., None], *arguments: object) -> None:
        await self._loop.run_in_executor(self._executor, function, *arguments)


async def announce_regularly(
    current: Callable[[], OpenLog | None], seconds: float, announce: Announce
) -> None:
    """Announce the newest checkpoint of the current log each `seconds` where it changed; never returns."""
    announced = b""
    while True:
        await asyncio.sleep(seconds)
        log = current()
        if log and log.checkpoint != announced:
            announced = log.checkpoint
            announce(log.origin, announced)
