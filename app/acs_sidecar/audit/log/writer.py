"""The audit log of a process: groups records, commits them, and recovers when a disk does (section 4.2)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

from acs_sidecar.audit.format.claims import LogState, Predecessor, closing_events, opening_events
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.ports import AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.audit.log.batch import Batch, Pending, RecordFuture, refuse_batch, settle_batch, unwritable
from acs_sidecar.audit.log.damaged_logs import DamagedLogs
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.open_log import Durability, OpenLog
from acs_sidecar.audit.log.opening import AuditDamagedError, AuditLogSettings, prepare_log
from acs_sidecar.audit.log.ports import Announce, Committed, LiveView
from acs_sidecar.audit.log.recovery import Damage, Survey
from acs_sidecar.audit.log.tasks import Tasks
from acs_sidecar.audit.log.upkeep import Upkeep, announce_regularly

__all__ = ["FileAuditLog"]


class FileAuditLog:
    """Writes the audit log of one process to disk. Used on one event loop, after `start`.

    `failure` says why records cannot be written at the moment, `warning` what else is amiss, `unrecorded`
    how many denials no record accounts for yet, `records` and `checkpoints` how many were written.
    `more_follow` says of a number of records whether others follow them soon, `None` where that is not known;
    `key` signs.
    """

    def __init__(
        self,
        settings: AuditLogSettings,
        key: AuditKey,
        announce: Announce = lambda _origin, _note: None,
        committed: Committed = lambda _records, _seconds: None,
        more_follow: Callable[[int], bool | None] = lambda _records: None,
    ) -> None:
        self.failure: str | None = "the audit log is not open yet"
        self.warning: str | None = None
        self.records = 0
        self.checkpoints = 0
        self.unrecorded = 0
        self.key = key
        self._settings = settings
        self._announce = announce
        self._committed = committed
        self._more_follow = more_follow
        self._durably = settings.durability is Durability.FSYNC
        self._pending = Pending()
        self._alone = asyncio.Lock()
        self._one_rotation = asyncio.Lock()
        self._committer = ThreadPoolExecutor(1, "audit-commit")
        self._files = ThreadPoolExecutor(1, "audit-files")
        self._log: OpenLog | None = None
        self._upkeep: Upkeep | None = None
        self._damaged = DamagedLogs()
        self._abandoned: dict[str, Predecessor] = {}
        self._operations = Tasks()
        self._sleepers = Tasks()
        self._started = self._resuming = self._probing = self._closing = self._flush_due = False
        self._rotate_not_before = 0.0

    @property
    def queued(self) -> int:
        """How many records wait for their commit."""
        return len(self._pending)

    @property
    def damage(self) -> tuple[Damage, ...]:
        """The logs that were found damaged."""
        return self._damaged.found

    @property
    def origin(self) -> str | None:
        """The log that records go into."""
        return self._log.origin if self._log else None

    async def start(self) -> None:
        """Open a log. When that fails the log is not available, and is tried again each second.

        Raises `AuditDamagedError` where a damaged log is to prevent the start.
        """
        self._loop = asyncio.get_running_loop()
        self._sleepers.start(
            announce_regularly(lambda: self._log, self._settings.announce_seconds, self._announce)
        )
        try:
            await self._open()
            self.failure = None
        except OSError as error:
            self._fail(error)
        except BaseException:
            await self.close()
            raise

    def append(self, entry: AuditEntry | ServiceEvent) -> RecordFuture:
        """Append a record; done when it is durable and covered by a signature (`AuditLog.append`)."""
        future = RecordFuture(loop=self._loop)
        if self.failure is not None and not self._probing:
            self.unrecorded += 1
            future.set_exception(AuditUnavailableError(self.failure))
            return future
        self._pending.add(entry, future)
        if self._more_follow(len(self._pending)) is False:
            self._flush_now()
        else:
            self._flush_soon()
        return future

    def view(self) -> LiveView | None:
        """Return the published state of the current log."""
        log = self._log
        return LiveView(log.origin, log.size, log.checkpoint, *log.tail()) if log else None

    async def rotate_key(self, key: AuditKey) -> None:
        """Close the log under the old key and the new, and go on in another under the new.

        Raises `AuditUnavailableError` when that cannot be written; the old key then stays.
        """
        try:
            await self._rotate("key rotated", key)
        except OSError as error:
            raise AuditUnavailableError(unwritable(error)) from error

    async def close(self) -> None:
        """Commit the pending records, close the log and release its lock."""
        self._closing = True
        while self._pending and self.failure is None:
            async with self._exclusive():
                await self._commit_pending()
        self.failure = self.failure or "the audit log is closed"
        self._sleepers.cancel()
        await self._sleepers.finished()
        await self._operations.finished()
        async with self._alone:
            if log := self._log:
                with suppress(OSError):  # a log that cannot be closed ends as after a crash
                    await self._write_close(log, "stopped", self.key)
                await self._let_go(log, self._upkeep)
                self._log = None
        self._committer.shutdown()
        self._files.shutdown()

    # Committing

    def _flush_soon(self) -> None:
        """Commit what is pending once a turn of the loop brought no more, for a signature covers them all."""
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._pending.still_grows(more_follow=self._more_follow(len(self._pending)) is True):
            self._flush_soon()
        else:
            self._flush_now()

    def _flush_now(self) -> None:
        """Commit what is pending. Whoever has the log alone flushes on letting go."""
        if not self._pending or self._alone.locked():
            return
        if self._durably:
            self._operations.start(self._flush_durably())
        else:
            self._commit_now()

    async def _flush_durably(self) -> None:
        async with self._exclusive():
            if self._pending:  # another flush may have taken them while this one waited
                await self._commit_pending()

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """Have the log alone; records that come meanwhile wait."""
        try:
            async with self._alone:
                yield
        finally:
            if self._pending:
                self._flush_soon()

    def _commit_now(self) -> None:
        """Commit what is pending on the event loop: handing it to the kernel takes microseconds."""
        batch = self._pending.take()
        started = time.perf_counter()
        try:
            positions = self._open_log.commit([entry for entry, _ in batch])
        except OSError as error:
            self._fail(error, batch)
        else:
            self._settle(batch, positions, started)
        finally:
            refuse_batch(batch, "the record could not be written")

    async def _commit_pending(self) -> None:
        """Commit what is pending, in a thread where the disk is waited for. Needs the log alone."""
        if not self._durably:
            self._commit_now()
            return
        batch = self._pending.take()
        started = time.perf_counter()
        try:
            log = self._open_log
            entries = [entry for entry, _ in batch]
            group = await self._loop.run_in_executor(self._committer, log.write, entries)
            log.accept(group)
        except OSError as error:
            self._fail(error, batch)
        else:
            self._settle(batch, group.positions, started)
        finally:
            refuse_batch(batch, "the record could not be written")

    async def _write(
        self, log: OpenLog, events: Sequence[ServiceEvent], cosigner: NoteSigner | None = None
    ) -> None:
        """Commit records of the log itself. Needs the log alone. Raises `OSError`."""
        started = time.perf_counter()
        log.accept(await self._loop.run_in_executor(self._committer, log.write, events, cosigner))
        self._count(len(events), started)

    def _settle(self, batch: Batch, positions: Sequence[AuditPosition], started: float) -> None:
        """Answer those who waited for a commit, then see to what it left to do."""
        settle_batch(batch, positions)
        self._count(len(batch), started)
        if self._upkeep:
            self._upkeep.committed()
        if self._open_log.due and time.monotonic() >= self._rotate_not_before and not self._closing:
            self._rotate_not_before = float("inf")
            self._operations.start(self._rotate_when_due())

    def _count(self, records: int, started: float) -> None:
        self.records += records
        self.checkpoints += 1
        self._committed(records, time.perf_counter() - started)

    @property
    def _open_log(self) -> OpenLog:
        if self._log is None:
            raise OSError("no log is open")
        return self._log

    # Failing and coming back

    def _fail(self, error: OSError, batch: Batch | None = None) -> None:
        """Refuse whoever waits, and everybody after, until a record can be written again."""
        self.failure = unwritable(error)
        refused = [*(batch or []), *self._pending.take()]
        self.unrecorded += refuse_batch(refused, self.failure)
        if not self._resuming and not self._closing:
            self._resuming = True
            self._sleepers.start(self._resume())

    async def _resume(self) -> None:
        """Try each second: the first record that can be written says how many denials none accounts for.

        Records that come while it is being written wait for its outcome, so that the count is exact.
        """
        while self.failure is not None:
            await asyncio.sleep(self._settings.retry_seconds)
            try:
                async with self._exclusive():
                    await self._try_again()
            except OSError as error:
                self._fail(error)
            except AuditDamagedError as error:
                self.failure = str(error)
        self._resuming = False

    async def _try_again(self) -> None:
        if self._log and self._log.abandoned:
            self._abandon(self._log)
        if self._log is None:
            await self._open()
        denials = self.unrecorded
        self._probing = True
        try:
            await self._write(self._open_log, [ServiceEvent("audit_resumed", {"denials": denials})])
            self.unrecorded -= denials
            if self._upkeep:
                await self._upkeep.publish()
            self.failure = None
        finally:
            self._probing = False

    def _abandon(self, log: OpenLog) -> None:
        """Leave a log of which nothing more is known; the next one names it as damaged."""
        self._abandoned[log.origin] = Predecessor(log.origin, LogState.DAMAGED, log.size, log.root)
        self._damaged.add([Damage(log.origin, "a write to it failed and could not be taken back")])
        self._log = None
        log.close()

    # Opening and rotating

    async def _open(self) -> None:
        """Open a log and let its first records name those before it. Raises `OSError`."""
        log, found = await self._prepare(self.key)
        await self._begin_log(log, found.predecessors, self.key)
        self._note(found)

    async def _prepare(self, key: AuditKey) -> tuple[OpenLog, Survey]:
        """Make the next log. Damage can keep the service from starting, and not from going on."""
        settings = replace(self._settings, refuse_on_damage=False) if self._started else self._settings
        return await self._loop.run_in_executor(
            self._files, prepare_log, settings, key, dict(self._abandoned)
        )

    async def _begin_log(self, log: OpenLog, predecessors: Sequence[Predecessor], key: AuditKey) -> None:
        """Commit and publish the records that open a log, and go on in it. Raises `OSError`."""
        facts = {**self._settings.facts, "durability": self._settings.durability.value}
        upkeep = Upkeep(log, self._files, self._settings.publish_seconds, self._fail)
        try:
            vkey, manifests = str(key.verifier_key(log.origin)), self._settings.manifests()
            await self._write(log, opening_events(vkey, facts, predecessors, manifests))
            await upkeep.publish()
        except OSError:
            log.discard()
            raise
        self._log, self._upkeep, self.key = log, upkeep, key
        self._started = True

    def _note(self, found: Survey) -> None:
        self._damaged.add(found.damage)
        if found.unexamined or found.crashed:
            self._sleepers.start(self._examine(found))

    async def _examine(self, found: Survey) -> None:
        """Read logs of the past to their ends while the service runs, and record what is found."""
        async for event in self._damaged.examine(found, self.key.trust):
            with suppress(AuditUnavailableError):
                await self.append(event)

    async def _rotate_when_due(self) -> None:
        try:
            await self._rotate("rotated")
            self.warning = None
            self._rotate_not_before = 0.0
        except OSError as error:
            self.warning = f"the next audit log cannot be opened: {unwritable(error)}"
            self._rotate_not_before = time.monotonic() + self._settings.retry_seconds

    async def _rotate(self, reason: str, key: AuditKey | None = None) -> None:
        """Close the current log and go on in a new one, under another key if given. Raises `OSError`."""
        async with self._one_rotation:
            key = key.succeed(self.key) if key else self.key
            log, found = await self._prepare(key)
            async with self._exclusive():
                before, upkeep = self._log, self._upkeep
                await self._replace(log, found.predecessors, reason, key)
            if before:
                await self._let_go(before, upkeep)
            self._note(found)

    async def _replace(
        self, log: OpenLog, predecessors: Sequence[Predecessor], reason: str, key: AuditKey
    ) -> None:
        """End the current log and begin another. Needs the log alone. Raises `OSError`."""
        if before := self._log:
            try:
                await self._write_close(before, reason, key)
            except OSError:
                log.discard()
                raise
            closed = partial(replace, state=LogState.CLOSED, size=before.size, root=before.root)
            predecessors = [closed(one) if one.log == before.origin else one for one in predecessors]
        try:
            await self._begin_log(log, predecessors, key)
        except OSError as error:
            self._log = None
            self._fail(error)
            if before:
                await self._let_go(before, self._upkeep)
            raise

    async def _write_close(self, log: OpenLog, reason: str, key: AuditKey) -> None:
        """End a log; with another key, its last checkpoint carries that key's signature too."""
        cosigner = NoteSigner(log.origin, key.private) if key.public != self.key.public else None
        denials = self.unrecorded
        events = closing_events(reason, denials, str(cosigner.key) if cosigner else None)
        await self._write(log, events, cosigner)
        self.unrecorded -= denials
        log.closed = True

    async def _let_go(self, log: OpenLog, upkeep: Upkeep | None) -> None:
        """Complete the files of a log that is not written any more, and announce where it ends."""
        try:
            if upkeep:
                await upkeep.finish()
        except OSError as error:
            self.warning = f"the end of an audit log could not be published: {unwritable(error)}"
        self._announce(log.origin, log.checkpoint)
