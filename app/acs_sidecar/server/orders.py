"""What a worker does when its supervisor says so: its part of a reload, and taking a new audit key."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TypeAlias

import structlog

from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.reload import Candidate, ManifestReload, ReloadOutcome
from acs_sidecar.manifests.watch import tree_state
from acs_sidecar.server.channel import Channel, Packet
from acs_sidecar.server.handed_file import hand, take
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json

__all__ = ["WorkerCommands"]

_Answer: TypeAlias = dict[str, Json]


class WorkerCommands:
    """Carries out orders on the worker's event loop.

    `places` are those of the operator's manifests and libraries, `seen` the state in which they were
    looked at last, by whichever worker.
    """

    def __init__(
        self,
        channel: Channel,
        reload: ManifestReload,
        refresh: Callable[[], Awaitable[None]],
        places: tuple[Path, ...],
        seen: str,
    ) -> None:
        self._channel = channel
        self._reload = reload
        self._refresh = refresh
        self._places = places
        self._seen = seen
        self._candidate: Candidate | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, packet: Packet) -> None:
        """Begin with an order."""
        match packet.message:
            case {"kind": "read", "round": number}:
                self._try(self._read(), {"kind": "read", "round": number})
            case {"kind": "prepare", "round": number} if packet.file is not None:
                self._try(self._prepare(packet.file), {"kind": "prepared", "round": number})
            case {"kind": "commit", "at": float(at), "seen": str(seen), "speaks": bool(speaks)}:
                self._seen = seen
                self._commit(at, speaks)
            case {"kind": "keep", "outcome": str(outcome), "at": float(at), "detail": str(detail)} as order:
                self._seen = str(order["seen"])
                self._drop()
                speaks = order["speaks"] is True
                self._begin(self._reload.keep(ReloadOutcome(outcome), at, detail, speaks=speaks))
            case {"kind": "refresh"}:
                self._begin(self._refresh())

    async def watch(self, every_s: float) -> None:
        """Ask for a reload when the files have changed and then stayed as they are for a moment."""
        before = requested = self._seen
        while True:
            await asyncio.sleep(every_s)
            now = await asyncio.to_thread(tree_state, self._places)
            if now not in {self._seen, requested} and now == before:
                requested = now
                self._channel.send({"kind": "changed"})
            before = now

    async def poll(self, bundle: ManifestBundle, every_s: float) -> None:
        """Ask for a reload when the server of the bundle has another one, or no longer a good one.

        The reload fetches by itself: whichever worker reads, all hear what came of it.
        """
        last = self._reload.last
        requested = (
            None
            if last and last.outcome is ReloadOutcome.FAILED
            else await asyncio.to_thread(bundle.kept_name)
        )
        while True:
            # Replicas that were started together need not ask together.
            await asyncio.sleep(every_s * random.uniform(0.9, 1.1))  # noqa: S311  # no secret
            try:
                offered = await bundle.offered()
            except Exception as error:  # noqa: BLE001  # the reload that follows says what it is; looking goes on
                offered = type(error).__name__
            if offered != requested:
                requested = offered
                self._channel.send({"kind": "changed"})

    async def _read(self) -> tuple[_Answer, bytes | None]:
        seen = await asyncio.to_thread(tree_state, self._places)
        try:
            found = await self._reload.read()
        except ManifestError as error:
            return {
                "outcome": ReloadOutcome.FAILED,
                "detail": self._reload.refused(error),
                "seen": seen,
            }, None
        if found is None:
            return {"outcome": ReloadOutcome.UNCHANGED, "seen": seen}, None
        self._candidate, packed = found
        return {"outcome": ReloadOutcome.OK, "set": self._candidate.digest, "seen": seen}, packed

    async def _prepare(self, file: int) -> tuple[_Answer, None]:
        try:
            packed = take(file)
        finally:
            os.close(file)
        try:
            self._candidate = await self._reload.prepare(packed)
        except ManifestError as error:
            return {"outcome": ReloadOutcome.FAILED, "detail": self._reload.refused(error)}, None
        return {"outcome": ReloadOutcome.OK, "set": self._candidate.digest}, None

    def _try(self, work: Coroutine[None, None, tuple[_Answer, bytes | None]], answer: _Answer) -> None:
        self._drop()
        self._attempt = self._begin(self._answer(work, answer))

    async def _answer(
        self, work: Coroutine[None, None, tuple[_Answer, bytes | None]], answer: _Answer
    ) -> None:
        """Do a part of a reload and answer, whatever came of it: somebody waits."""
        try:
            result, content = await work
        except Exception as error:  # noqa: BLE001  # a set that breaks the reload must not end the worker
            structlog.stdlib.get_logger("acs.manifests").exception("reload_fault")
            detail = f"internal error ({type(error).__name__})"
            result, content = {"outcome": ReloadOutcome.FAILED, "detail": detail}, None
        if content is None:
            self._channel.send({**answer, **result})
            return
        file = hand(content)
        self._channel.send({**answer, **result}, file)
        os.close(file)

    def _commit(self, at: float, speaks: bool) -> None:
        candidate, self._candidate = self._candidate, None
        if candidate is None:
            raise SystemExit("the manifest set to activate is not held by this worker")
        self._begin(self._reload.commit(candidate, at, speaks=speaks))

    def _drop(self) -> None:
        """Forget the candidate, and stop working at one."""
        self._candidate = None
        if self._attempt:
            self._attempt.cancel()
            self._attempt = None

    def _begin(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
