"""Write the merged rules that the service reads: `python -m tests.engines.adapters.soul.merged`."""

from pathlib import Path
from typing import Any

import orjson

from acs_sidecar.engines.adapters.soul.detection.rule_sources import merged_rules
from tests.conftest import ROOT

__all__ = ["MERGED", "merged_text"]

MERGED: Path = ROOT / "app/acs_sidecar/engines/adapters/soul/data/merged_rules.json"


def merged_text() -> str:
    """Return the merged rules as JSON, with a line for each word, group and control."""
    return (
        "{\n"
        + ",\n".join(f'"{name}":{_lines(entries)}' for name, entries in merged_rules().items())
        + "\n}\n"
    )


def _lines(entries: dict[str, Any]) -> str:
    return (
        "{\n"
        + ",\n".join(f'"{name}":{orjson.dumps(entry).decode()}' for name, entry in entries.items())
        + "\n}"
    )


if __name__ == "__main__":
    MERGED.write_text(merged_text())
