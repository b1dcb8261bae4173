"""Section 3.1: the supervisor's side of a reload, with workers that are played over real channels."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.manifests.reload import ReloadOutcome
from acs_sidecar.server.channel import Channel, Packet
from acs_sidecar.server.handed_file import hand, take
from acs_sidecar.server.reload_rounds import ReloadRounds, Served, WorkerPeer
from acs_sidecar.spec.policy_statement import PolicyStatement


@dataclass
class Worker:
    """The supervisor's end of a channel, and the played worker's end of it."""

    number: int
    channel: Channel | None = None
    serving: bool = True
    theirs: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel, self.theirs = Channel.pair()

    def orders(self) -> list[dict[str, Any]]:
        """What it was told since it was last asked, without the files."""
        received = []
        for packet in self.theirs.receive():
            if packet.file is not None:
                os.close(packet.file)
            received.append(dict(packet.message))
        return received


class Rounds(ReloadRounds):
    """The rounds under test, with their workers."""

    def __init__(self, *workers: Worker) -> None:
        self.living = list(workers)
        self.killed: list[int] = []
        self.compiled = {"m": CompiledPolicies({}, {}, PolicyStatement())}
        first = Served(hand(b"first"), 1.0, "s0", policies=self.compiled)
        super().__init__(first, lambda: self.living, self._killed)

    def _killed(self, peer: WorkerPeer) -> None:
        self.killed.append(peer.number)

    def dies(self, worker: Worker) -> None:
        """Let a worker end."""
        self.living.remove(worker)
        self.worker_ended(worker)

    def says(self, worker: Worker, content: bytes | None = None, **message: Any) -> None:
        """Let a worker answer."""
        self.handle_reply(worker, Packet(message, None if content is None else hand(content)))

    @property
    def content(self) -> bytes:
        """What a worker that starts now would serve."""
        return take(self.served.file)


@contextmanager
def rounds(count: int) -> Iterator[tuple[Rounds, list[Worker]]]:
    """Rounds with so many workers, all of which serve."""
    workers = [Worker(number) for number in range(count)]
    made = Rounds(*workers)
    try:
        yield made, workers
    finally:
        os.close(made.served.file)
        for worker in workers:
            worker.theirs.close()
            if worker.channel:
                worker.channel.close()


def kinds(worker: Worker) -> list[str]:
    """The kinds of its orders."""
    return [order["kind"] for order in worker.orders()]


READ: dict[str, Any] = {"kind": "read", "round": 1, "seen": "s1"}


def test_all_swap_when_all_could() -> None:
    """One reads, the others prepare what it read, and only then all are told to swap."""
    with rounds(3) as (reload, (one, two, three)):
        reload.request()
        assert [kinds(worker) for worker in (one, two, three)] == [["read"], [], []]
        reload.says(one, b"second", outcome="ok", set="d2", **READ)
        assert [kinds(worker) for worker in (one, two, three)] == [[], ["prepare"], ["prepare"]]
        assert (reload.holds_starts, reload.content) == (True, b"first")
        assert reload.served.policies
        reload.says(two, kind="prepared", round=1, outcome="ok", set="d2")
        assert kinds(one) == []
        reload.says(three, kind="prepared", round=1, outcome="ok", set="d2")
        received = [worker.orders() for worker in (one, two, three)]
        assert [[order["kind"] for order in orders] for orders in received] == [["commit"]] * 3
        assert [orders[0]["speaks"] for orders in received] == [True, False, False]
        assert (reload.holds_starts, reload.content, reload.served.seen) == (False, b"second", "s1")
        assert reload.served.last
        assert reload.served.last.outcome is ReloadOutcome.OK
        assert reload.served.policies == reload.compiled == {}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ({"outcome": "failed", "detail": "rego-syntax"}, "rego-syntax"),
        ({"outcome": "ok", "set": "other"}, "workers compiled the same manifests differently"),
    ],
)
def test_none_swaps_when_one_could_not(answer: dict[str, Any], detail: str) -> None:
    """A refusal, or another digest, keeps what serves in all workers."""
    with rounds(2) as (reload, (one, two)):
        reload.request()
        reload.says(one, b"second", outcome="ok", set="d2", **READ)
        reload.says(two, kind="prepared", round=1, **answer)
        assert kinds(one) == ["read", "keep"]
        assert kinds(two) == ["prepare", "keep"]
        assert reload.content == b"first"
        assert reload.served.last
        assert (reload.served.last.outcome, reload.served.last.detail) == (ReloadOutcome.FAILED, detail)
        assert reload.served.policies == reload.compiled != {}


def test_a_worker_that_dies_while_it_reads_is_followed_by_another_once() -> None:
    """Manifests that end one worker after another end two of them, and not all."""
    with rounds(3) as (reload, (one, two, three)):
        reload.request()
        reload.dies(one)
        assert kinds(two) == ["read"]
        reload.dies(two)
        assert kinds(three) == ["keep"]
        assert reload.served.last
        assert reload.served.last.detail == "a worker exited while loading the manifests"
        reload.request()
        assert kinds(three) == ["read"]


def test_the_only_worker_may_die_while_it_reads() -> None:
    """The reload goes on when its successor serves."""
    with rounds(1) as (reload, workers):
        reload.request()
        reload.dies(workers[0])
        late = Worker(0, serving=False)
        workers.append(late)
        reload.living.append(late)
        reload.turn()
        assert kinds(late) == []
        late.serving = True
        reload.turn()
        assert kinds(late) == ["read"]


def test_a_worker_that_dies_while_it_prepares_is_not_waited_for() -> None:
    """Its successor starts after the swap, with the new set."""
    with rounds(2) as (reload, (one, two)):
        reload.request()
        reload.says(one, b"second", outcome="ok", set="d2", **READ)
        reload.dies(two)
        assert kinds(one) == ["read", "commit"]
        assert (reload.holds_starts, reload.content) == (False, b"second")


def test_requests_during_a_round_become_one_more() -> None:
    """However often it is asked for, and an answer to a round that is over is left aside."""
    with rounds(1) as (reload, (one,)):
        for _ in range(5):
            reload.request()
        reload.says(one, outcome="unchanged", **READ)
        assert kinds(one) == ["read", "keep", "read"]
        reload.says(one, b"late", outcome="ok", set="d2", **READ)
        assert (kinds(one), reload.content) == ([], b"first")
        reload.says(one, outcome="unchanged", **{**READ, "round": 2})
        assert kinds(one) == ["keep"]


def test_a_worker_that_takes_no_orders_is_killed() -> None:
    """Nobody may miss a swap: its successor starts with what serves."""
    with rounds(2) as (reload, (one, two)):
        reload.request()
        reload.says(one, b"second", outcome="ok", set="d2", **READ)
        reload.says(two, kind="prepared", round=1, outcome="failed", detail="x")
        two.theirs.close()
        reload.request()
        reload.says(one, outcome="unchanged", **{**READ, "round": 2})
        assert reload.killed == [1]


def test_a_round_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk or a server that never answers does not prevent the next reload."""
    with rounds(1) as (reload, (one,)):
        reload.request()
        monkeypatch.setattr("time.monotonic", lambda: reload.ends_by)
        reload.turn()
        assert kinds(one) == ["read", "keep"]
        assert reload.served.last
        assert reload.served.last.detail == "not finished within 120 seconds"


def test_a_handed_file_cannot_be_changed() -> None:
    """What every worker compiles is what the first one read."""
    file = hand(b"content")
    try:
        with pytest.raises(PermissionError):
            os.pwrite(file, b"other", 0)
        assert (take(file), take(file)) == (b"content", b"content")
    finally:
        os.close(file)
