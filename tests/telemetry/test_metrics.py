"""Metrics in shared memory: summed over processes, bounded, and exposed in both formats (section 5)."""

import os
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from acs_sidecar.telemetry.catalogue import (
    AUDIT_COMMIT_SECONDS,
    AUDIT_DAMAGED,
    CATALOGUE,
    IN_FLIGHT,
    INTERVENTIONS,
    MANIFEST_RELOADS,
    REJECTED,
    REQUESTS,
)
from acs_sidecar.telemetry.exposition import render, totals
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.shared import SharedNumbers


def samples(shared: SharedNumbers) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    """What a scrape shows, by name and labels."""
    body, _ = render(shared, {"version": "1"}, "")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(body.decode())
        for sample in family.samples
    }


@pytest.mark.server
def test_processes_count_into_one_sum() -> None:
    """What forked processes count is read by any other, as one sum, while and after they live."""
    shared = SharedNumbers(3)
    for worker in range(3):
        if (pid := os.fork()) == 0:
            metrics = Metrics(shared, worker)
            for _ in range(10 + worker):
                metrics.count(REQUESTS, "/metrics", "200")
            metrics.histogram(AUDIT_COMMIT_SECONDS).observe(0.5)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    seen = samples(shared)
    labels = frozenset({("route", "/metrics"), ("status", "200")})
    assert seen["acs_http_requests_total", labels] == 33
    assert seen["acs_audit_commit_duration_seconds_count", frozenset()] == 3
    assert seen["acs_audit_commit_duration_seconds_sum", frozenset()] == 1.5


def test_a_replaced_worker_goes_on_where_the_dead_one_ended() -> None:
    """Counters and histograms never go backwards; what a worker was doing ends with it."""
    shared = SharedNumbers(2)
    first = Metrics(shared, 1)
    first.counter(MANIFEST_RELOADS, "ok").inc(7)
    first.gauge(IN_FLIGHT).set(5)
    second = Metrics(shared, 1)
    second.count(MANIFEST_RELOADS, "ok")
    assert totals(shared)["acs_manifest_reloads"]["ok",] == [8]
    assert totals(shared)["acs_http_requests_in_flight"][()] == [0]


def test_some_gauges_are_not_added_up() -> None:
    """What every worker sees of the same thing is shown once."""
    shared = SharedNumbers(2)
    Metrics(shared, 0).gauge(AUDIT_DAMAGED).set(2)
    Metrics(shared, 1).gauge(AUDIT_DAMAGED).set(3)
    assert totals(shared)["acs_audit_damaged_logs"][()] == [3]


def test_a_metric_has_a_bound_on_its_series() -> None:
    """Label values beyond the bound are counted, under `other`."""
    metrics = Metrics()
    for number in range(REJECTED.series + 36):
        metrics.count(REJECTED, f"cause-{number}")
    series = totals(metrics.shared)["acs_requests_rejected"]
    assert len(series) == REJECTED.series + 1
    assert series["other",] == [36]
    again = Metrics(metrics.shared)
    again.count(REJECTED, "one more")
    again.count(REJECTED, "cause-1")
    series = totals(metrics.shared)["acs_requests_rejected"]
    assert (len(series), series["other",], series["cause-1",]) == (REJECTED.series + 1, [37], [2])


def test_a_full_region_counts_no_more_and_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room a series is counted where nobody reads; the others stay what they are."""
    monkeypatch.setattr("acs_sidecar.telemetry.shared.SLOTS", 4)
    metrics = Metrics()
    metrics.count(REJECTED, "first")
    metrics.histogram(AUDIT_COMMIT_SECONDS).observe(1.0)
    metrics.count(REJECTED, "second")
    assert totals(metrics.shared) == {"acs_requests_rejected": {("first",): [1], ("second",): [1]}}


def test_labels_must_fit_the_metric() -> None:
    """A label too few or too many is a mistake of the code, found at once."""
    with pytest.raises(ValueError, match=r"acs_requests_rejected has the labels \('cause',\), not 2 of them"):
        Metrics().count(REJECTED, "a", "b")


@given(st.lists(st.floats(0, 1e6)))
def test_buckets_hold_every_value_once(values: list[float]) -> None:
    """Each bucket has the values up to its bound, the last one all of them, and their sum is kept."""
    metrics = Metrics()
    histogram = metrics.histogram(AUDIT_COMMIT_SECONDS)
    for value in values:
        histogram.observe(value)
    seen = samples(metrics.shared)
    name = "acs_audit_commit_duration_seconds"
    for bound in AUDIT_COMMIT_SECONDS.bounds:
        within = sum(value <= bound for value in values)
        assert seen[f"{name}_bucket", frozenset({("le", str(float(bound)))})] == within
    assert seen[f"{name}_count", frozenset()] == len(values)
    assert seen[f"{name}_sum", frozenset()] == pytest.approx(sum(values))


@given(st.lists(st.text(), min_size=4, max_size=4))
def test_any_label_survives_both_formats(labels: list[str]) -> None:
    """Names in a manifest may be any text: they come back from either format as they were."""
    metrics = Metrics()
    metrics.count(INTERVENTIONS["deny"], *(label.encode(errors="replace").decode() for label in labels))
    expected = dict(
        zip(
            INTERVENTIONS["deny"].labels,
            (label.encode(errors="replace").decode() for label in labels),
            strict=True,
        )
    )
    for accept, parse in (("", parse_text), ("application/openmetrics-text", parse_openmetrics)):
        body, _ = render(metrics.shared, {"version": "1"}, accept)
        (family,) = (found for found in parse(body.decode()) if found.name == "acs_intervention_deny")
        assert [sample.labels for sample in family.samples] == [expected]


def test_the_catalogue_is_well_formed() -> None:
    """Names are unique and the service's own; each metric says what it is; bounds ascend."""
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.name.startswith("acs_")
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert list(metric.bounds) == sorted(set(metric.bounds))
