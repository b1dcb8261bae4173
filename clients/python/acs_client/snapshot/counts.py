"""What a session counts, for a service that keeps nothing (section 12.3)."""

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from acs_client.snapshot.clock import Clock
from acs_client.values import SnapshotError

__all__ = ["Budgets", "Counters", "tokens_of"]

_TOKENS = ("prompt_tokens", "completion_tokens")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def tokens_of(usage: Any) -> int:
    """Return the tokens of a model call; raise `SnapshotError` for what would count none, or less."""
    counted = [usage.get(name, 0) for name in _TOKENS] if isinstance(usage, Mapping) else []
    is_whole = all(type(count) is int and count >= 0 for count in counted)
    if not is_whole or (usage is not None and not isinstance(usage, Mapping)):
        raise SnapshotError(f"`usage` is not {' and '.join(_TOKENS)} as whole numbers")
    return sum(counted)


class Budgets:
    """Calls, tokens, cost and errors of a session; every method is atomic."""

    def __init__(self, calls: int = 0, tokens: int = 0, cost: float = 0.0, errors: int = 0) -> None:
        self._lock = threading.Lock()
        self.calls, self.tokens, self.cost, self.errors = calls, tokens, cost, errors

    def reserve_call(self) -> int:
        """Count a call whose verdict is awaited; return how many others are permitted or awaited."""
        with self._lock:
            self.calls += 1
            return self.calls - 1

    def release_call(self) -> None:
        """Take back a call that is not made."""
        with self._lock:
            self.calls -= 1

    def spend(self, tokens: int, cost: float) -> None:
        """Add what a model call took."""
        with self._lock:
            self.tokens += tokens
            self.cost += cost

    def fail(self) -> None:
        """Count an error."""
        with self._lock:
            self.errors += 1


class Counters:
    """Requests and tokens of the last minute and hour, and the counts of rules (sections 9.4 and 7.6).

    The member is absent from snapshots until the session knows that limits exist: from its options, or from
    the manifest's list of counters.
    """

    def __init__(self, clock: Clock, kept: bool) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = kept
        self._events: list[tuple[float, int, int]] = []
        self._windows: dict[str, str] = {}
        self._agt: dict[str, tuple[float, int]] = {}

    def know(self, listed: Iterable[Mapping[str, Any]]) -> None:
        """Take the manifest's list of counters."""
        with self._lock:
            for counter in listed:
                name, window = counter.get("name"), counter.get("window")
                if counter.get("group") != "agt" or not isinstance(name, str):
                    continue
                if isinstance(window, str) and window in _SECONDS:
                    self._windows[name] = window
                    self._kept = True

    def member(self) -> dict[str, Any] | None:
        """Return the member `counters` of the envelope."""
        with self._lock:
            if not self._kept:
                return None
            now = self._clock.now()
            self._events = [event for event in self._events if event[0] > now - _SECONDS["hour"]]
            requests, tokens = {}, {}
            for window in ("minute", "hour"):
                recent = [event for event in self._events if event[0] > now - _SECONDS[window]]
                requests[window] = sum(event[1] for event in recent)
                tokens[window] = sum(event[2] for event in recent)
            member: dict[str, Any] = {"requests": requests, "tokens": tokens}
            if self._windows:
                member["agt"] = {name: self._count(name, now) for name in sorted(self._windows)}
            return member

    def request(self) -> None:
        """Count an action that goes ahead."""
        self._add(1, 0)

    def spend(self, tokens: int) -> None:
        """Count the tokens of a model call."""
        self._add(0, tokens)

    def permitted(self, evidence: Mapping[str, Any] | None) -> None:
        """Count a permitted verdict for the rules that its evidence names."""
        names = _counters(evidence or {})
        if not names:
            return
        with self._lock:
            self._kept = True
            now = self._clock.now()
            for name in names:
                self._windows.setdefault(name, "day")  # not listed: the longest window never counts too few
                count = self._count(name, now)
                begun = self._agt[name][0] if count else now
                self._agt[name] = (begun, count + 1)

    def export(self) -> dict[str, Any]:
        """Return the state as JSON."""
        with self._lock:
            return {
                "kept": self._kept,
                "events": [list(event) for event in self._events],
                "windows": dict(self._windows),
                "agt": {name: list(state) for name, state in self._agt.items()},
            }

    def restore(self, exported: Mapping[str, Any]) -> None:
        """Restore the state that `export` gave."""
        with self._lock:
            self._kept = bool(exported["kept"])
            self._events = [
                (float(at), int(requests), int(tokens)) for at, requests, tokens in exported["events"]
            ]
            self._windows = {str(name): str(window) for name, window in exported["windows"].items()}
            self._agt = {
                str(name): (float(begun), int(count)) for name, (begun, count) in exported["agt"].items()
            }

    def _add(self, requests: int, tokens: int) -> None:
        with self._lock:
            if self._kept:
                self._events.append((self._clock.now(), requests, tokens))

    def _count(self, name: str, now: float) -> int:
        begun, count = self._agt.get(name, (now, 0))
        return count if now < begun + _SECONDS[self._windows[name]] else 0


def _counters(evidence: Mapping[str, Any]) -> list[str]:
    """Return the counters that evidence names; under 0.4 they stand in its verification pointers."""
    pointers = evidence.get("verification_pointers")
    members = {**pointers, **evidence} if isinstance(pointers, Mapping) else evidence
    several = members.get("counters")
    if isinstance(several, str):
        try:
            several = json.loads(several)
        except (ValueError, RecursionError):
            several = None
    names = [members.get("counter"), *(several if isinstance(several, list) else [])]
    return [*dict.fromkeys(name for name in names if isinstance(name, str))]
