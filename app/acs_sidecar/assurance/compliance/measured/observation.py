"""What one pass over the records of all logs counts, in memory that does not grow with them (section 8.3)."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from acs_sidecar.assurance.compliance.measured.period import Period, Runs
from acs_sidecar.assurance.compliance.vocabulary import MOST_PLACES, EvidencePlace
from acs_sidecar.audit.format.claims import LogClaim, claims_of, number_of, older_of
from acs_sidecar.audit.format.record import is_readable
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.values import Json

__all__ = ["LogSeen", "Observation", "RecordTally"]

_Key = TypeVar("_Key", bound=Hashable)

_ANNOUNCED_WITHIN_S = 5
"""A reload is recorded right behind the swap: a decision by the new set may come before its record."""

_MOST_KEYS = 100_000
"""How many different agents, or manifests, are told apart."""


@dataclass(slots=True)
class RecordTally:
    """A count, with the first places that it counted."""

    count: int = 0
    places: list[EvidencePlace] = field(default_factory=list)

    def add(self, log: str, index: int) -> None:
        """Count a record."""
        self.count += 1
        if len(self.places) < MOST_PLACES:
            self.places.append(EvidencePlace(log, index))


@dataclass(slots=True)
class LogSeen:
    """What one log says of itself and of others."""

    number: int = 0
    older: int = 0
    closed: bool = False
    first_time: str = ""
    last_time: str = ""
    runs: Runs = field(default_factory=Runs)
    claims: list[LogClaim] = field(default_factory=list)
    announced: set[str] = field(default_factory=set)
    unannounced: dict[str, tuple[str, EvidencePlace]] = field(default_factory=dict)


@dataclass(slots=True)
class Observation:
    """Everything that the measured checks need, gathered record by record.

    `digests` are the manifests in use, whoever brought them; `policies` are those that decided for them, by
    digest, point and digest of the policy's files, which a manifest's digest does not cover. `points` are
    what was enforced, by digest and point: a decision that nobody enforces shows no point in use.
    """

    period: Period
    logs: dict[str, LogSeen] = field(default_factory=dict)
    newest: str = ""
    unreadable: EvidencePlace | None = None
    records: RecordTally = field(default_factory=RecordTally)
    decisions: RecordTally = field(default_factory=RecordTally)
    errors: RecordTally = field(default_factory=RecordTally)
    anonymous: RecordTally = field(default_factory=RecordTally)
    approvals: RecordTally = field(default_factory=RecordTally)
    not_people: RecordTally = field(default_factory=RecordTally)
    unrecorded: RecordTally = field(default_factory=RecordTally)
    unsigned: RecordTally = field(default_factory=RecordTally)
    not_enforced: RecordTally = field(default_factory=RecordTally)
    pruned: list[str] = field(default_factory=list)
    digests: dict[str, RecordTally] = field(default_factory=dict)
    policies: dict[tuple[str, str, str], RecordTally] = field(default_factory=dict)
    points: dict[tuple[str, str], RecordTally] = field(default_factory=dict)
    agents: dict[str, RecordTally] = field(default_factory=dict)
    decided: Counter[str] = field(default_factory=Counter)
    more_agents: bool = False
    more_manifests: bool = False

    @property
    def oldest(self) -> str | None:
        """When the log that was opened first began, by the host's clock.

        A later record with an earlier time is a clock that went back, and reaches back to nothing.
        """
        first = min((one.number for one in self.logs.values()), default=0)
        return max((one.first_time for one in self.logs.values() if one.number == first), default=None)

    def record(self, record: Mapping[str, Json]) -> None:
        """Count one record."""
        log, index, time, event = record["log"], record["index"], record["time"], record["event"]
        if not (isinstance(log, str) and isinstance(index, int) and isinstance(time, str)):
            return
        seen = self.logs.get(log)
        if seen is None:
            seen = self.logs[log] = LogSeen()
        if self.unreadable is None and not is_readable(record):
            self.unreadable = EvidencePlace(log, index)
        seen.first_time = seen.first_time or time
        seen.last_time = time
        self.newest = max(self.newest, time)
        inside = self.period.has(time)
        if inside:
            seen.runs.add(index)
            self.records.add(log, index)
        if event == "decision" and inside:
            self._decision(seen, log, index, time, record)
        elif event == "approval" and inside:
            self._approval(log, index, record)
        elif event not in ("decision", "approval"):
            self._event(seen, log, index, event, record, inside=inside)

    def _decision(self, seen: LogSeen, log: str, index: int, time: str, record: Mapping[str, Json]) -> None:
        get = record.get
        if self.period.tenant is not None and get("tenant_id") != self.period.tenant:
            return
        self.decisions.add(log, index)
        self.decided[str(get("decision"))] += 1
        if get("error_class") is not None:
            self.errors.add(log, index)
        agent = get("agent_id")
        if not agent or not get("caller"):
            self.anonymous.add(log, index)
        if isinstance(agent, str):
            self.more_agents |= not _counted(self.agents, agent, log, index)
        enforced = get("mode") != Mode.EVALUATE_ONLY
        if not enforced:
            self.not_enforced.add(log, index)
        digest, source = get("manifest_digest"), get("manifest_source")
        if not isinstance(digest, str):
            return
        # What a caller brings may be no manifest at all.
        if source == "operator" or get("error_class") is None:
            point, policy = str(get("intervention_point")), get("policy_digest")
            room = _counted(self.digests, digest, log, index)
            if isinstance(policy, str):
                room &= _counted(self.policies, (digest, point, policy), log, index)
            if enforced:
                room &= _counted(self.points, (digest, point), log, index)
            self.more_manifests |= not room
        if source == "operator":
            if digest not in seen.announced and digest not in seen.unannounced:
                if len(seen.unannounced) < _MOST_KEYS:
                    seen.unannounced[digest] = (time, EvidencePlace(log, index))
                else:
                    self.more_manifests = True
        elif source != "signed":
            self.unsigned.add(log, index)

    def _approval(self, log: str, index: int, record: Mapping[str, Json]) -> None:
        if self.period.tenant is not None and record.get("tenant_id") != self.period.tenant:
            return
        self.approvals.add(log, index)
        approval = record.get("approval")
        stated = approval if isinstance(approval, dict) else {}
        if stated.get("outcome") != "allow":
            return
        by = stated.get("by")
        if not (by == "resolver" or (by == "approver" and isinstance(stated.get("key_id"), str))):
            self.not_people.add(log, index)

    def _event(
        self, seen: LogSeen, log: str, index: int, event: Json, record: Mapping[str, Json], *, inside: bool
    ) -> None:
        stated = record.get("details")
        details = stated if isinstance(stated, dict) else {}
        match event:
            case "log_opened":
                seen.number = number_of(record)
                older = older_of(record)
                seen.older = older.count if older else 0
            case "log_closed":
                seen.closed = True
            case "log_pruned" if isinstance(details.get("last_time"), str):
                self.pruned.append(str(details["last_time"]))
            case _:
                pass
        seen.claims.extend(claims_of(record, log, index))
        if inside and (event == "log_damaged" or details.get("denials")):
            self.unrecorded.add(log, index)
        self._announce(seen, str(record.get("time")), details.get("manifests"))

    def _announce(self, seen: LogSeen, time: str, manifests: Json) -> None:
        if not isinstance(manifests, dict):
            return
        for digest in manifests.values():
            if not isinstance(digest, str):
                continue
            seen.announced.add(digest)
            before = seen.unannounced.get(digest)
            if before and _seconds(before[0], time) <= _ANNOUNCED_WITHIN_S:
                del seen.unannounced[digest]


def _counted(tallies: dict[_Key, RecordTally], key: _Key, log: str, index: int) -> bool:
    """Count a record under a key; false where there are as many keys as are told apart."""
    tally = tallies.get(key)
    if tally is None:
        if len(tallies) >= _MOST_KEYS:
            return False
        tally = tallies[key] = RecordTally()
    tally.add(log, index)
    return True


def _seconds(before: str, after: str) -> float:
    try:
        return (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds()
    except (ValueError, TypeError):
        return float("inf")
