"""The page of metrics and events (section 5)."""

from acs_sidecar.telemetry.catalogue import CATALOGUE, Kind, Metric
from docs.generate.emitted import decision_events, decision_fields, service_events
from docs.generate.markdown import code, paragraphs, table
from docs.generate.texts import load_texts, require_same

__all__ = ["page"]

_TEXTS = "events.yaml"


def page() -> str:
    """Return the page of every metric, event and field."""
    texts = load_texts(_TEXTS)
    require_same(_TEXTS, texts["decisions"], decision_events())
    require_same(_TEXTS, texts["fields"], decision_fields())
    require_same(_TEXTS, texts["service"], service_events())
    return paragraphs(
        "# Metrics and events",
        "What the service counts and tells (section 5).",
        "## Metrics",
        table(
            ("metric", "type", "labels", ""),
            [*map(_row, CATALOGUE), ("`acs_build_info`", "gauge", "the versions", "Always 1.")],
        ),
        "## Events of decisions",
        "One JSON object a line, with `event` and `timestamp`. `ACS_TELEMETRY_EVENTS=off` ends them all.",
        table(("event", "when"), _texts(texts["decisions"])),
        "Fields, of all of them unless the table says otherwise. A name that does not look like a code is replaced by its SHA-256.",
        table(("field", ""), _texts(texts["fields"])),
        "## Events of the service",
        table(("event", "when"), _texts(texts["service"])),
    )


def _row(metric: Metric) -> tuple[str, str, str, str]:
    name = f"{metric.name}_total" if metric.kind is Kind.COUNTER else metric.name
    return code(name), metric.kind.value, ", ".join(map(code, metric.labels)), metric.help


def _texts(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(code(name), text) for name, text in texts.items()]
