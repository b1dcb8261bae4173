"""Ships the logs of one audit directory to a JetStream stream; the local logs stay the truth."""

import asyncio
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acs_sidecar.audit.format.checkpoint import Checkpoint, split_notes
from acs_sidecar.audit.format.note import NoteError, SignedNote
from acs_sidecar.audit.log.directory import LogDirectory, find_logs, kept_checkpoints
from acs_sidecar.audit.log.locks import lock_file
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.audit.ship.nats import NatsError
from acs_sidecar.audit.ship.stream import (
    CHECKPOINTS,
    RECORDS,
    SUBJECTS,
    WINDOW,
    index_of,
    message_id,
    subject,
)

if TYPE_CHECKING:
    from nats.js import JetStreamContext

__all__ = ["ID_HEADER", "Shipper", "alone", "make_stream"]

ID_HEADER = "Nats-Msg-Id"
_DUPLICATES_SECONDS = 3600
_RETRY_SECONDS = 0.5
_FORMING_SECONDS = 30
_FORMING = frozenset({10005, 10008, 10009})
"""NATS error codes: too few servers for the replicas, JetStream not available yet, no leader yet."""


@dataclass(slots=True)
class _Shipped:
    """How much of a log the stream has: all records before `records`, the checkpoint of size `checkpoint`."""

    records: int
    checkpoint: int
    complete: bool = False


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Lock an audit directory for one shipper. Raises `BlockingIOError` if another has it, `OSError`."""
    with lock_file(root / ".shipping") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


async def make_stream(stream: "JetStreamContext", name: str, replicas: int) -> None:
    """Make the stream of a fleet unless it is there; nothing in it can be deleted.

    Waits for a cluster that is still coming together. Raises `NatsError`.
    """
    from nats.errors import Error  # noqa: PLC0415  # an extra
    from nats.js.api import StorageType, StreamConfig  # noqa: PLC0415  # same
    from nats.js.errors import APIError  # noqa: PLC0415  # same

    config = StreamConfig(
        name=name,
        description="audit logs of acs-sidecar",
        subjects=list(SUBJECTS),
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=_DUPLICATES_SECONDS,
        deny_delete=True,
        deny_purge=True,
    )
    deadline = time.monotonic() + _FORMING_SECONDS
    while True:
        try:
            await stream.add_stream(config)
        except Error as error:
            refused = isinstance(error, APIError) and error.err_code not in _FORMING
            if refused or time.monotonic() > deadline:
                raise NatsError(f"the stream `{name}` cannot be created: {error}") from None
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


class Shipper:
    """Ships every record of the logs below `root`, and their checkpoints, to the stream `name`.

    A record is shipped when a signed checkpoint that was published covers it, so never before it is
    durable. Where it stopped is read from the stream: nothing is kept here. `on_shipped` gets each log with
    the number of its records that the stream has.
    """

    def __init__(
        self, stream: "JetStreamContext", name: str, root: Path, on_shipped: Callable[[str, int], None]
    ) -> None:
        self._stream = stream
        self._name = name
        self._root = root
        self._on_shipped = on_shipped
        self._shipped: dict[str, _Shipped] = {}

    async def ship(self) -> int:
        """Ship every record that the stream lacks and return the number of records shipped.

        Waits for NATS as long as it takes. Raises `LogDamagedError` and `OSError` for what cannot be
        read here, `NatsError` when the stream does not exist.
        """
        return sum([await self._ship_log(log) for log in find_logs(self._root)])

    async def _ship_log(self, log: LogDirectory) -> int:
        state = self._shipped.get(log.origin)
        if state is None:
            state = self._shipped[log.origin] = await self._found(log.origin)
        if state.complete:
            return 0
        ended = not log.held()
        note = _newest(log, ended)
        size = _size(note)
        before = state.records
        while state.records < size:
            end = min(size, (state.records // WINDOW + 1) * WINDOW)
            lines = await asyncio.to_thread(_lines, log, state.records, end)
            await self._publish_all(log.origin, state.records, lines)
            state.records = end
        if size > state.checkpoint:
            identity = f"{log.origin}/checkpoint/{size}"
            await self._publish(subject(CHECKPOINTS, log.origin), note, identity)
            state.checkpoint = size
        state.complete = ended
        if state.records > before:
            self._on_shipped(log.origin, state.records)
        return state.records - before

    async def _found(self, origin: str) -> _Shipped:
        """Ask the stream how far it is: only the window of its last record may have holes."""
        record = await self._last(subject(RECORDS, origin))
        checkpoint = await self._last(subject(CHECKPOINTS, origin))
        index = index_of(record[0]) if record else None
        return _Shipped(
            0 if index is None else index // WINDOW * WINDOW, _size(checkpoint[1]) if checkpoint else 0
        )

    async def _last(self, name: str) -> tuple[str | None, bytes] | None:
        from nats.errors import Error  # noqa: PLC0415  # an extra
        from nats.js.errors import NotFoundError  # noqa: PLC0415  # same

        while True:
            try:
                message = await self._stream.get_last_msg(self._name, name)
            except NotFoundError as error:
                if error.err_code == _NO_MESSAGE:
                    return None
                raise NatsError(
                    f"the stream `{self._name}` does not exist: create it with --create"
                ) from None
            except (Error, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return (message.headers or {}).get(ID_HEADER), message.data or b""

    async def _publish_all(self, origin: str, first: int, lines: list[bytes]) -> None:
        name = subject(RECORDS, origin)
        await asyncio.gather(
            *(
                self._publish(name, line, message_id(origin, index))
                for index, line in enumerate(lines, start=first)
            )
        )

    async def _publish(self, name: str, payload: bytes, identity: str) -> None:
        """Publish until it is stored; the id keeps a second attempt from being a second message."""
        from nats.errors import Error  # noqa: PLC0415  # an extra

        while True:
            try:
                await self._stream.publish(name, payload, stream=self._name, headers={ID_HEADER: identity})
            except (Error, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return


_NO_MESSAGE = 10037


def _lines(log: LogDirectory, start: int, end: int) -> list[bytes]:
    return list(record_lines(log, start, end))


def _newest(log: LogDirectory, ended: bool) -> bytes:
    """Return the newest checkpoint that may be shown; of a log that ended also one that was not published."""
    notes = [log.published() or b""]
    if ended and (files := log.checkpoint_files()):
        notes += [note for _, note in split_notes(kept_checkpoints(files[-1][1]))][-1:]
    return max(notes, key=_size)


def _size(note: bytes) -> int:
    try:
        return Checkpoint.parse(SignedNote.parse(note).text).size
    except NoteError:
        return 0
