"""Reloads of the operator's manifests by all workers, all or nothing (section 3.1).

One worker reads the set and compiles it; what it read goes to the others as it is, so that all
compile the same; when every one could, all are told to swap. The supervisor keeps what serves for
workers that start later. It never looks into it.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Protocol

from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.manifests.reload import Reloaded, ReloadOutcome
from acs_sidecar.server.channel import Channel, Packet
from acs_sidecar.spec.values import Json

__all__ = ["ReloadRounds", "Served", "WorkerPeer"]

_LONGEST_S = 120.0


class WorkerPeer(Protocol):
    """A worker that lives; `serving` once it answers requests."""

    @property
    def number(self) -> int:
        """Its place."""
        ...

    @property
    def channel(self) -> Channel | None:
        """The way to it, while it lives."""
        ...

    @property
    def serving(self) -> bool:
        """True if it answers requests."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """The packed set that serves, in an open file; since when (Unix time); the state of the directory
    that was looked at last; and what came of the last reload.

    `policies` are those of the set that were compiled before the workers were forked, by manifest.
    """

    file: int
    since: float
    seen: str
    last: Reloaded | None = None
    policies: dict[str, CompiledPolicies] = field(default_factory=dict)


class _Phase(Enum):
    IDLE = auto()
    READING = auto()
    PREPARING = auto()


class ReloadRounds:
    """One reload after another. `kill` ends a worker that takes no orders: its successor starts right."""

    def __init__(
        self, served: Served, peers: Callable[[], Iterable[WorkerPeer]], kill: Callable[[WorkerPeer], None]
    ) -> None:
        self.served = served
        self._peers = peers
        self._kill = kill
        self._phase = _Phase.IDLE
        self._round = 0
        self._ends_by = float("inf")
        self._reader: int | None = None
        self._waiting: set[int] = set()
        self._candidate: int | None = None
        self._set: Json = None
        self._seen = served.seen
        self._requested = self._retried = False

    @property
    def holds_starts(self) -> bool:
        """True if a worker that started now could miss the set that is about to serve."""
        return self._phase is _Phase.PREPARING

    @property
    def ends_by(self) -> float:
        """The deadline of the current round, in monotonic seconds."""
        return self._ends_by

    def request(self) -> None:
        """Reload, now or after the reload that is under way."""
        self._requested = True
        self._begin()

    def handle_reply(self, peer: WorkerPeer, packet: Packet) -> None:
        """Handle a worker's reply; one to a finished round is ignored."""
        message, file = packet.message, packet.file
        if message.get("round") == self._round:
            match self._phase, message:
                case _Phase.READING, {"kind": "read", **answer}:
                    self._seen = str(answer.get("seen", self._seen))
                    if answer["outcome"] == ReloadOutcome.OK:
                        self._candidate, self._set, file = file, answer["set"], None
                        self._prepare(peer)
                    else:
                        self._keep(ReloadOutcome(str(answer["outcome"])), str(answer.get("detail", "")))
                case _Phase.PREPARING, {"kind": "prepared", "outcome": ReloadOutcome.OK, "set": compiled}:
                    self._prepared(peer, compiled)
                case _Phase.PREPARING, {"kind": "prepared", "detail": detail}:
                    self._keep(ReloadOutcome.FAILED, str(detail))
        if file is not None:
            os.close(file)

    def worker_ended(self, peer: WorkerPeer) -> None:
        """Go on without a worker that ended."""
        if self._phase is _Phase.READING and peer.number == self._reader:
            if self._retried:
                self._keep(ReloadOutcome.FAILED, "a worker exited while loading the manifests")
            else:
                self._retried = self._requested = True
                self._phase = _Phase.IDLE
                self._begin()
        elif self._phase is _Phase.PREPARING:
            self._waiting.discard(peer.number)
            self._commit_when_all_have()

    def turn(self) -> None:
        """Start a waiting round, and abandon one that takes too long."""
        if time.monotonic() >= self._ends_by:
            self._keep(ReloadOutcome.FAILED, f"not finished within {_LONGEST_S:.0f} seconds")
        self._begin()

    def _begin(self) -> None:
        if not self._requested or self._phase is not _Phase.IDLE:
            return
        reader = next((peer for peer in self._peers() if peer.serving), None)
        if reader is None:
            return
        self._requested = False
        self._round += 1
        self._phase, self._reader = _Phase.READING, reader.number
        self._ends_by = time.monotonic() + _LONGEST_S
        self._order(reader, {"kind": "read", "round": self._round})

    def _prepare(self, reader: WorkerPeer) -> None:
        self._phase = _Phase.PREPARING
        others = [peer for peer in self._peers() if peer.number != reader.number]
        self._waiting = {peer.number for peer in others}
        for peer in others:
            self._order(peer, {"kind": "prepare", "round": self._round}, self._candidate)
        self._commit_when_all_have()

    def _prepared(self, peer: WorkerPeer, compiled: Json) -> None:
        if compiled != self._set:
            self._keep(ReloadOutcome.FAILED, "workers compiled the same manifests differently")
            return
        self._waiting.discard(peer.number)
        self._commit_when_all_have()

    def _commit_when_all_have(self) -> None:
        if self._waiting or self._candidate is None:
            return
        at = time.time()
        os.close(self.served.file)
        self.served.policies.clear()  # whoever started the service still holds it
        self.served = Served(self._candidate, at, self._seen, Reloaded(ReloadOutcome.OK, at))
        self._candidate = None
        self._tell({"kind": "commit", "at": at})

    def _keep(self, outcome: ReloadOutcome, detail: str) -> None:
        at = time.time()
        self.served = replace(self.served, seen=self._seen, last=Reloaded(outcome, at, detail))
        if self._candidate is not None:
            os.close(self._candidate)
            self._candidate = None
        self._tell({"kind": "keep", "outcome": outcome, "at": at, "detail": detail})

    def _tell(self, message: dict[str, Json]) -> None:
        """End the round: tell all how it ended; one of them speaks of it."""
        self._phase, self._ends_by, self._retried = _Phase.IDLE, float("inf"), False
        for index, peer in enumerate(self._peers()):
            order = {**message, "round": self._round, "seen": self._seen, "speaks": index == 0}
            self._order(peer, order)
        self._begin()

    def _order(self, peer: WorkerPeer, message: dict[str, Json], file: int | None = None) -> None:
        if peer.channel and not peer.channel.send(message, file):
            self._kill(peer)
