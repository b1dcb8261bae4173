"""What Prometheus reads from a running service."""

from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.conftest import Service

__all__ = ["scrape", "total"]


def scrape(service: Service) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """What Prometheus sees: name → labels → value."""
    status, headers, body = service.request("GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in parse_text(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def total(found: dict[frozenset[tuple[str, str]], float], **labels: str) -> float:
    """The sum of the series that have these labels."""
    return sum(value for series, value in found.items() if labels.items() <= set(series))
