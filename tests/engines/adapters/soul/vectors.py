"""Vectors of governance files, and what a scan gives in their form."""

import json
from typing import Any

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.detector import Detector
from acs_sidecar.engines.adapters.soul.detection.document import read_text
from acs_sidecar.engines.adapters.soul.detection.rules import RuleBook, rule_book
from acs_sidecar.engines.adapters.soul.scan import Scan, scan_bytes
from tests.conftest import ROOT

__all__ = ["EXPECTED", "FOLDER", "as_vector", "declared_by", "scan_file", "text_of"]

FOLDER = ROOT / "tests" / "vectors" / "soul"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "expected.json").read_text())


def text_of(name: str) -> str:
    """The text of a vector file."""
    return (FOLDER / name).read_text()


def scan_file(name: str, tier: str) -> Scan:
    """Scan a vector file."""
    return scan_bytes((FOLDER / name).read_bytes(), Tier(tier))


def as_vector(scan: Scan) -> dict[str, Any]:
    """A scan with the members that a vector has, but for file and tier."""
    return {
        "measured": scan.measured,
        "insufficient": list(scan.insufficient),
        "characters": scan.characters,
        "headings": scan.headings,
        "applicable": scan.score.applicable,
        "detected": {control: found.line for control, found in scan.detected.items()},
        "domains": scan.score.domains,
        "score": scan.score.score,
        "grade": scan.score.grade,
        "grade_capped": scan.score.grade_capped,
        "level": scan.level.value,
        "findings": sorted({found.code for found in scan.findings}),
    }


def declared_by(statement: str, heading: str = "Notes", book: RuleBook | None = None) -> set[str]:
    """The controls that a statement alone under its heading declares."""
    detector = Detector(book or rule_book())
    found: set[str] = set()
    for each in read_text(f"# {heading}\n\n{statement}\n").statements:
        declared = detector.declared(each)
        found |= set() if declared.is_stuffed else {*declared.by_rule}
    return found
