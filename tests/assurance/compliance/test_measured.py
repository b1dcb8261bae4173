"""What is measured in records, one check at a time (section 8.3)."""

from typing import Any

import pytest

from acs_sidecar.assurance.compliance.measured import observation
from acs_sidecar.assurance.compliance.measured.checks import measured_results
from acs_sidecar.assurance.compliance.measured.observation import Observation
from acs_sidecar.assurance.compliance.measured.period import Period
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome
from acs_sidecar.audit.format.findings import LogReport, Report
from acs_sidecar.audit.format.record import SCHEMA
from acs_sidecar.spec.globs import Globs

PERIOD = Period("2026-03-01T00:00:00.000000Z", "2026-04-01T00:00:00.000000Z")
INSIDE, BEFORE, LONG_AGO = (f"{day}T12:00:00.000000Z" for day in ("2026-03-10", "2026-02-10", "2025-01-10"))
DIGEST = "sha256:1"
OPENED = {"event": "log_opened", "details": {"number": 1, "manifests": {"m": DIGEST}}}
CLOSED = {"event": "log_closed", "details": {"reason": "stopped"}}


def decision(**members: Any) -> dict[str, Any]:
    """Return the record of a decision that has everything."""
    return {
        "event": "decision", "agent_id": "a", "caller": "c", "decision": "allow", "error_class": None,
        "intervention_point": "input", "manifest_digest": DIGEST, "manifest_source": "operator",
    } | members  # fmt: skip


def approval(by: str, outcome: str = "allow", key_id: str | None = None) -> dict[str, Any]:
    """Return the record of an approval."""
    return {
        "event": "approval",
        "decision": "allow",
        "approval": {"by": by, "outcome": outcome, "key_id": key_id},
    }


def opened(number: int, state: str | None = None) -> dict[str, Any]:
    """Return the first record of a log, which says of the one before it how it ended."""
    named = [{"log": f"log{number - 1}", "state": state, "size": 1, "root": "A" * 43 + "="}] if state else []
    return {
        "event": "log_opened",
        "details": {"number": number, "predecessors": named, "manifests": {"m": DIGEST}},
    }


def measured(
    *records: dict[str, Any],
    log: str = "log1",
    more: dict[str, list[dict[str, Any]]] | None = None,
    anchored: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Return the results over the records of one log, or of several."""
    seen = Observation(options.pop("period", PERIOD))
    logs = {log: [*records], **(more or {})}
    for name, lines in logs.items():
        for index, record in enumerate(lines):
            seen.record({"schema": SCHEMA, "time": INSIDE, "log": name, "index": index, **record})
    report = Report({name: LogReport(name, len(lines), anchored=anchored) for name, lines in logs.items()})
    return measured_results(seen, report, options.get("bound"), options.get("registered"))


def outcome(check: str, *records: dict[str, Any], **options: Any) -> CheckOutcome:
    """Return the outcome of one check."""
    found: CheckOutcome = measured(*records, **options)[check].outcome
    return found


PASS, FAIL, NO_DATA = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.NO_DATA
MANY = [decision()] * 100


@pytest.mark.parametrize(
    ("check", "records", "options", "expected"),
    [
        ("L1", [OPENED, decision(), CLOSED], {"anchored": 3}, PASS),
        ("L1", [OPENED, decision(), CLOSED], {"anchored": 2}, FAIL),
        ("L1", [OPENED, decision(), CLOSED], {}, FAIL),
        ("L2", [OPENED, decision(), CLOSED], {}, PASS),
        ("L2", [OPENED, decision()], {}, PASS),
        ("L2", [OPENED, decision()], {"more": {"log2": [opened(2, "crashed")]}}, PASS),
        ("L2", [OPENED, decision()], {"more": {"log2": [opened(2, "open")]}}, PASS),
        ("L2", [OPENED, decision()], {"more": {"log2": [opened(2, "damaged")]}}, FAIL),
        ("L2", [OPENED, decision(), CLOSED], {"more": {"log2": [opened(2)]}}, FAIL),
        ("L2", [OPENED, decision(), CLOSED], {"more": {"log2": [opened(1)]}}, FAIL),
        ("L3", [OPENED, decision(), CLOSED], {}, PASS),
        ("L3", [decision(), {"event": "audit_resumed", "details": {"denials": 2}}], {}, FAIL),
        ("L3", [decision(), {"event": "audit_resumed", "details": {"denials": 0}}], {}, PASS),
        ("L3", [decision(), {"event": "log_damaged", "details": {}}], {}, FAIL),
        ("L3", [decision(), {"event": "log_damaged", "details": {}, "time": BEFORE}], {}, PASS),
        ("L4", [OPENED | {"time": LONG_AGO}, decision()], {}, PASS),
        ("L4", [OPENED, decision()], {}, NO_DATA),
        ("L4", [OPENED, decision(time=LONG_AGO), decision()], {}, NO_DATA),
        ("L4", [OPENED, decision()], {"more": {"log2": [opened(2) | {"time": LONG_AGO}]}}, NO_DATA),
        ("L4", [decision(), {"event": "log_pruned", "details": {"last_time": LONG_AGO}}], {}, PASS),
        ("L4", [decision(), {"event": "log_pruned", "details": {"last_time": BEFORE}}], {}, FAIL),
        ("L5", [*MANY, decision(caller=None)], {}, PASS),
        ("L5", [*MANY, decision(caller=None), decision(agent_id=None)], {}, FAIL),
        ("L5", [decision(agent_id="")], {}, FAIL),
        ("L6", [decision(), approval("approver", key_id="k"), approval("resolver")], {}, PASS),
        ("L6", [decision(), approval("approver")], {}, FAIL),
        ("L6", [decision(), approval("timeout")], {}, FAIL),
        ("L6", [decision(), approval("policy"), approval("resolver")], {}, FAIL),
        ("L6", [decision(), approval("timeout", "deny")], {}, PASS),
        ("L6", [decision()], {}, NO_DATA),
        ("L7", [decision()], {"bound": {DIGEST: ("input",)}}, PASS),
        ("L7", [decision()], {"bound": {DIGEST: ("input", "output")}}, FAIL),
        ("L7", [decision(mode="evaluate_only")], {"bound": {DIGEST: ("input",)}}, FAIL),
        ("L7", [decision(mode="enforce")], {"bound": {DIGEST: ("input",)}}, PASS),
        ("L7", [decision(), decision(manifest_digest="sha256:2", manifest_source="signed")], {"bound": {DIGEST: ("input",)}}, NO_DATA),
        ("L7", [decision(), decision(manifest_digest="sha256:2", manifest_source="inline", error_class="runtime_error")], {"bound": {DIGEST: ("input",)}}, PASS),
        ("L7", [decision()], {"bound": {}}, NO_DATA),
        ("L7", [decision()], {}, NO_DATA),
        ("L8", MANY, {}, PASS),
        ("L8", [*MANY, decision(error_class="runtime_error")], {}, PASS),
        ("L8", [*MANY, *[decision(error_class="runtime_error")] * 2], {}, FAIL),
        ("L8", [decision()] * 99, {}, NO_DATA),
        ("L9", [OPENED, decision()], {}, PASS),
        ("L9", [decision()], {}, FAIL),
        ("L9", [OPENED, decision(manifest_digest="sha256:2")], {}, FAIL),
        ("L9", [OPENED, decision(manifest_digest="sha256:2"), OPENED | {"event": "manifests_reloaded", "details": {"manifests": {"m": "sha256:2"}}}], {}, PASS),
        ("L9", [OPENED, decision(), decision(manifest_digest="sha256:2", manifest_source="signed")], {}, PASS),
        ("L9", [OPENED, decision(manifest_digest="sha256:2", manifest_source="signed")], {}, PASS),
        ("L9", [OPENED, decision(manifest_digest=None)], {}, NO_DATA),
        ("L9", [OPENED, decision(), decision(manifest_digest="sha256:2", manifest_source="inline")], {}, FAIL),
        ("L10", [decision()], {"registered": Globs(["a*"])}, PASS),
        ("L10", [decision()], {"registered": Globs(["b"])}, FAIL),
        ("L10", [decision()], {}, NO_DATA),
    ],
)  # fmt: skip
def test_a_check(
    check: str, records: list[dict[str, Any]], options: dict[str, Any], expected: CheckOutcome
) -> None:
    """One row, one outcome."""
    assert outcome(check, *records, **options) is expected


def test_a_period_without_decisions_measures_nothing() -> None:
    """Nothing passes in an empty period, whatever the log looks like, nor for a tenant that was not there."""
    empty = measured(OPENED, decision(time=BEFORE), CLOSED, anchored=3)
    assert {one.outcome for one in empty.values()} == {NO_DATA}
    other = measured(OPENED, decision(tenant_id="a"), period=Period(PERIOD.start, PERIOD.end, "b"))
    assert {one.outcome for one in other.values()} == {NO_DATA}


def test_what_is_more_than_is_told_apart_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents are no manifests: too many of one leave the checks of the other alone, and nothing passes unseen."""
    monkeypatch.setattr(observation, "_MOST_KEYS", 3)
    agents = [decision(agent_id=f"a{number}") for number in range(4)]
    found = measured(OPENED, *agents, bound={DIGEST: ("input",)}, registered=Globs(["a*"]))
    assert (found["L10"].outcome, found["L10"].detail) == (NO_DATA, "more agents than are told apart")
    assert {found[name].outcome for name in ("L5", "L7", "L9")} == {PASS}
    assert measured(OPENED, *agents, registered=Globs(["b"]))["L10"].outcome is FAIL
    brought = [decision(manifest_digest=f"sha256:{number}", manifest_source="signed") for number in range(4)]
    found = measured(OPENED, *brought, registered=Globs(["a"]))
    assert (found["L9"].outcome, found["L9"].detail) == (NO_DATA, "more manifests than are told apart")
    assert found["L10"].outcome is PASS


def test_a_clock_that_goes_back_is_counted_exactly() -> None:
    """Records in and out of the period, in any order, are each held to the anchor."""
    records = [decision(), decision(time=BEFORE), decision(), decision(time=BEFORE), decision()]
    found = measured(*records, anchored=3)["L1"]
    assert found.counts == {"covered": 2, "records": 3}


@pytest.mark.parametrize("time", ["9999-99-99T99:99:99.999999Z", "x" * 27])
def test_a_time_that_is_none_proves_nothing(time: str) -> None:
    """A record of the period whose successor has no readable time: kept since when is not known."""
    found = measured(
        decision(), {"event": "audit_resumed", "details": {}, "time": time}, period=Period("", "~")
    )
    assert found["L4"].outcome is NO_DATA


def test_a_failing_check_names_its_records() -> None:
    """The places are those of the records that made it fail, five at most."""
    found = measured(OPENED, *[decision(caller=None)] * 9)["L5"]
    assert [place.index for place in found.places] == [1, 2, 3, 4, 5]
