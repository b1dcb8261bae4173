"""The table of metrics in the documentation is that of the code: `python -m tests.telemetry.test_docs --write`."""

import re
import sys

from acs_sidecar.telemetry.catalogue import CATALOGUE, Kind
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "telemetry.md"
TABLE = re.compile(r"(<!-- metrics:[^\n]*-->\n).*?(<!-- end of metrics -->)", re.DOTALL)


def table() -> str:
    """Every metric by the name that a scrape shows."""
    rows = ["| metric | type | labels | |", "|---|---|---|---|"]
    for metric in CATALOGUE:
        name = f"{metric.name}_total" if metric.kind is Kind.COUNTER else metric.name
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{name}` | {metric.kind.value} | {labels} | {metric.help} |")
    rows.append("| `acs_build_info` | gauge | the versions | Always 1. |")
    return "\n".join(rows)


def written() -> str:
    """The document with the table as it should be."""
    return TABLE.sub(lambda found: f"{found[1]}\n{table()}\n\n{found[2]}", DOCUMENT.read_text())


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    """A metric that is added, changed or removed is in the documentation at once."""
    assert TABLE.search(DOCUMENT.read_text())
    assert DOCUMENT.read_text() == written(), "run `python -m tests.telemetry.test_docs --write`"


if __name__ == "__main__" and "--write" in sys.argv:
    DOCUMENT.write_text(written())
