"""The logs of a fleet, read from their JetStream stream for the auditor (section 4.5)."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from acs_sidecar.audit.log.directory import MAX_CHECKPOINTS_BYTES
from acs_sidecar.audit.ship.nats import NatsError, NatsSettings, jetstream
from acs_sidecar.audit.ship.shipper import ID_HEADER
from acs_sidecar.audit.ship.stream import (
    CHECKPOINTS,
    RECORDS,
    TooManyError,
    each_once,
    in_order,
    index_of,
    origin_of_subject,
    subject,
)

if TYPE_CHECKING:
    from nats.js import JetStreamContext

__all__ = ["AuditStream", "StreamLogSource"]

_BATCH = 500
_FETCH_SECONDS = 30.0


class AuditStream:
    """One stream, read synchronously, as the auditor reads: a context manager."""

    def __init__(self, settings: NatsSettings, name: str) -> None:
        self._settings = settings
        self._name = name

    def __enter__(self) -> "AuditStream":
        """Connect. Raises `NatsError`."""
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        try:
            self._stream: JetStreamContext = self._runner.run(
                self._open.enter_async_context(jetstream(self._settings))
            )
        except NatsError:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._runner.run(self._open.aclose())
        self._runner.close()

    def sources(self) -> list["StreamLogSource"]:
        """Return every log that the stream has, by name. Raises `NatsError`."""
        subjects = self._runner.run(self._subjects())
        found = {origin for name in subjects if (origin := origin_of_subject(name))}
        return [StreamLogSource(self, origin) for origin in sorted(found)]

    async def _subjects(self) -> list[str]:
        from nats.errors import Error  # noqa: PLC0415  # an extra

        try:
            info = await self._stream.stream_info(self._name, subjects_filter="acs.>")
        except Error as error:
            raise NatsError(f"the stream `{self._name}` cannot be read: {error}") from None
        return list(info.state.subjects or ())

    def last(self, name: str) -> tuple[int, bytes] | None:
        """Return sequence and content of the last message of a subject. Raises `NatsError`."""
        return self._runner.run(self._last(name))

    async def _last(self, name: str) -> tuple[int, bytes] | None:
        from nats.errors import Error  # noqa: PLC0415  # an extra
        from nats.js.errors import NotFoundError  # noqa: PLC0415  # same

        try:
            message = await self._stream.get_last_msg(self._name, name)
        except NotFoundError:
            return None
        except Error as error:
            raise NatsError(f"the stream `{self._name}` cannot be read: {error}") from None
        return message.seq or 0, message.data or b""

    def messages(self, name: str, until: int) -> Iterator[tuple[int | None, bytes]]:
        """Yield index and content of the messages of a subject up to the sequence `until`, in batches.

        Raises `NatsError`.
        """
        from nats.errors import Error  # noqa: PLC0415  # an extra
        from nats.js.api import AckPolicy, ConsumerConfig  # noqa: PLC0415  # same

        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=300.0, mem_storage=True)
        sequence = 0
        try:
            consumer = self._runner.run(self._stream.pull_subscribe(name, stream=self._name, config=config))
            while sequence < until:
                for message in self._runner.run(consumer.fetch(_BATCH, timeout=_FETCH_SECONDS)):
                    sequence = message.metadata.sequence.stream
                    if sequence <= until:
                        yield index_of((message.headers or {}).get(ID_HEADER)), message.data
            self._runner.run(consumer.unsubscribe())
        except (Error, OSError) as error:
            raise NatsError(f"the stream `{self._name}` cannot be read to its end: {error}") from None


class StreamLogSource:
    """One log as the stream has it at the moment that this is made: its checkpoints, then its records."""

    def __init__(self, stream: AuditStream, origin: str) -> None:
        self._stream = stream
        self.origin = origin
        notes = stream.last(subject(CHECKPOINTS, origin))
        self._checkpoints = notes[0] if notes else 0
        self._published = notes[1] if notes else None
        records = stream.last(subject(RECORDS, origin))
        self._records = records[0] if records else 0
        self._lines: Iterator[bytes] = iter(())

    def published(self) -> bytes | None:
        """Return the newest checkpoint."""
        return self._published

    def checkpoint_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield all checkpoints, as one file; a message that was stored twice counts once.

        Raises `NatsError` when they are more than a log can have.
        """
        messages = self._stream.messages(subject(CHECKPOINTS, self.origin), self._checkpoints)
        try:
            notes = each_once((note for _, note in messages), MAX_CHECKPOINTS_BYTES)
        except TooManyError:
            raise NatsError(
                f"the stream has more checkpoints of `{self.origin}` than a log can have"
            ) from None
        yield "checkpoints", notes

    def segments(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Yield all records, as one segment."""
        messages = self._stream.messages(subject(RECORDS, self.origin), self._records)
        self._lines = (line + b"\n" for line in in_order(messages))
        yield 0, self._lines

    def unread(self) -> int:
        """Return the length of the records that follow, of which the stream has to read each."""
        return sum(map(len, self._lines))

    def leaf_hashes(self, start: int, end: int) -> bytes | None:  # noqa: ARG002  # the port's signature
        """Return nothing: tiles are not shipped."""
        return None
