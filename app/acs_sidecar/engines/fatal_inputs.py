"""Policy inputs that end worker processes: noticed by the supervisor, refused by every worker (section 2.6).

A worker writes down what it evaluates in memory that it shares with its supervisor, and clears it afterwards.
What stands there when a worker has died was being evaluated at that moment, and nothing else was: an
evaluation holds the event loop.
"""

import mmap
from collections import OrderedDict
from dataclasses import dataclass

from acs_sidecar.spec.reasons import EvaluationError, Reason

__all__ = ["DEATHS", "EvaluationGuard", "FatalInput", "FatalInputs"]

DEATHS = 2
"""Workers that an input may end before it is refused."""

MOST_REFUSED = 256
MOST_SUSPECTED = 1_024
_DIGEST_BYTES = len("sha256:") + 64
_KEY_BYTES = 2 * _DIGEST_BYTES
_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True)
class FatalInput:
    """What a worker was evaluating when it died, and how many workers have died of it."""

    policy_digest: str
    input_identity: str
    deaths: int


class FatalInputs:
    """The supervisor's side. To be made before any worker is forked.

    Both lists are bounded: the newest inputs that ended one worker are kept, and the newest that ended two.
    """

    def __init__(self, workers: int) -> None:
        refused_end = _HEADER_BYTES + MOST_REFUSED * _KEY_BYTES
        memory = memoryview(mmap.mmap(-1, refused_end + workers * _KEY_BYTES))
        self._published = memory[:_HEADER_BYTES].cast("Q")
        self._refused = memory[_HEADER_BYTES:refused_end]
        starts = range(refused_end, len(memory), _KEY_BYTES)
        self._slots = [memory[start : start + _KEY_BYTES] for start in starts]
        self._deaths: OrderedDict[bytes, int] = OrderedDict()

    def guard(self, worker: int) -> "EvaluationGuard":
        """Return the side of one worker."""
        return EvaluationGuard(self._published, self._refused, self._slots[worker])

    def worker_died(self, worker: int) -> FatalInput | None:
        """Count the death of a worker against what it was evaluating, if anything."""
        slot = self._slots[worker]
        if not slot[0]:
            return None
        key = bytes(slot)
        slot[0] = 0
        deaths = self._deaths[key] = self._deaths.pop(key, 0) + 1
        if deaths == DEATHS:
            self._refuse(key)
        if len(self._deaths) > MOST_SUSPECTED:
            self._deaths.popitem(last=False)
        text = key.decode()
        return FatalInput(text[:_DIGEST_BYTES], text[_DIGEST_BYTES:], deaths)

    def _refuse(self, key: bytes) -> None:
        """Publish a key in place of the oldest one; the number is raised last, so that readers find it."""
        number = self._published[0]
        start = number % MOST_REFUSED * _KEY_BYTES
        self._refused[start : start + _KEY_BYTES] = key
        self._published[0] = number + 1


class EvaluationGuard:
    """One worker's side: refuses what ended two workers, and writes down what is evaluated."""

    def __init__(self, published: memoryview, refused: memoryview, slot: memoryview) -> None:
        self._published = published
        self._memory = refused
        self._slot = slot
        self._read = 0
        self._refused_keys: frozenset[bytes] = frozenset()
        self.refusals = 0

    @property
    def refused(self) -> int:
        """How many inputs are refused."""
        return min(self._published[0], MOST_REFUSED)

    def begin(self, policy_digest: str, input_identity: str) -> None:
        """Mark an input as being evaluated. Raises `EvaluationError` for one that is refused."""
        key = (policy_digest + input_identity).encode()
        if self._published[0] != self._read:
            self._reread()
        if self._refused_keys and key in self._refused_keys:
            self.refusals += 1
            raise EvaluationError(
                Reason.POLICY_INVOCATION_FAILED,
                f"this input ended {DEATHS} worker processes under this policy and is no longer evaluated",
            )
        self._slot[:] = key

    def end(self) -> None:
        """Mark nothing as being evaluated: whatever came of it, this process lives."""
        self._slot[0] = 0

    def _reread(self) -> None:
        self._read = self._published[0]
        keys = range(0, self.refused * _KEY_BYTES, _KEY_BYTES)
        self._refused_keys = frozenset(bytes(self._memory[start : start + _KEY_BYTES]) for start in keys)
