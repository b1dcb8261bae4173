"""Puts every entry of the corpora into every carrier, and sees what the policy makes of it (section 8.4)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.assurance.carriers import case_decision, snapshot_decision
from acs_sidecar.assurance.redteam.corpus import CorpusEntry, Expectation
from acs_sidecar.assurance.redteam.mutations import PLAIN, mutated
from acs_sidecar.assurance.redteam.placement import holds_run_of, placements
from acs_sidecar.assurance.redteam.points import PointUnderTest
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = ["Attempt", "AttemptOutcome", "count_attempts", "planned", "run_attempts"]


class AttemptOutcome(StrEnum):
    """What became of an attempt. One that failed with a runtime error is neither stopped nor passed."""

    PASSED = "passed"
    STOPPED = "stopped"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An entry at a point, written in one way and put into one carrier; a snapshot has no carrier."""

    entry: CorpusEntry
    point: InterventionPoint
    mutation: str
    payload: str
    carrier: Case | None


def planned(
    points: Iterable[PointUnderTest], entries: Iterable[CorpusEntry], mutations: int
) -> Iterator[Attempt]:
    """Yield every attempt: points in their order, then entries, mutations and carriers in theirs.

    Harmless texts are not mutated: nobody sends them so.
    """
    listed = tuple(entries)
    for tested in points:
        if not tested.carriers:
            continue
        for entry in listed:
            if not entry.concerns(tested.point):
                continue
            if entry.payload is None:
                yield Attempt(entry, tested.point, PLAIN, "", None)
                continue
            count = mutations if entry.expect is Expectation.STOP else 0
            for mutation, payload in mutated(entry.id, entry.payload, count):
                for carrier in tested.carriers:
                    yield Attempt(entry, tested.point, mutation, payload, carrier)


def count_attempts(points: Iterable[PointUnderTest], entries: Iterable[CorpusEntry], mutations: int) -> int:
    """Count what `planned` yields."""
    return sum(1 for _ in planned(points, entries, mutations))


async def run_attempts(
    manifest: CompiledManifest, attempts: Iterable[Attempt], done: Callable[[], None], *, live: bool
) -> list[tuple[Attempt, AttemptOutcome]]:
    """Run attempts one after the other; `done` is told of each."""
    results = []
    for attempt in attempts:
        results.append((attempt, await _outcome(manifest, attempt, live)))
        done()
    return results


async def _outcome(manifest: CompiledManifest, attempt: Attempt, live: bool) -> AttemptOutcome:
    """Try an attempt behind each text of its target, until one of them lets it pass.

    An attack needs one text, and a harmless text one place where it belongs. What fails at some text and
    passes at none is broken.
    """
    found = AttemptOutcome.STOPPED
    for snapshot in _snapshots(manifest, attempt):
        if attempt.carrier:
            decision = await case_decision(manifest, attempt.carrier, snapshot, live=live)
        else:
            decision = await snapshot_decision(manifest, attempt.point, snapshot, Mode.ENFORCE, live=live)
        outcome = _judged(attempt, decision)
        if outcome is AttemptOutcome.PASSED:
            return outcome
        if outcome is AttemptOutcome.BROKEN:
            found = outcome
    return found


def _snapshots(manifest: CompiledManifest, attempt: Attempt) -> Iterator[dict[str, Json]]:
    if attempt.carrier is None:
        if attempt.entry.snapshot is not None:
            yield attempt.entry.snapshot
        return
    target = manifest.points[attempt.point.value].config.target
    yield from placements(attempt.carrier.snapshot, target, attempt.payload)


def _judged(attempt: Attempt, decision: PolicyDecision | None) -> AttemptOutcome:
    if decision is None or decision.error:
        return AttemptOutcome.BROKEN
    verdict = decision.verdict
    if verdict.decision in (Decision.DENY, Decision.ESCALATE):
        return AttemptOutcome.STOPPED
    if verdict.transform is None:
        return AttemptOutcome.PASSED
    if attempt.entry.expect is Expectation.PASS:
        return AttemptOutcome.STOPPED
    if attempt.carrier and not holds_run_of(attempt.payload, decision.transformed_target()):
        return AttemptOutcome.STOPPED
    return AttemptOutcome.PASSED
