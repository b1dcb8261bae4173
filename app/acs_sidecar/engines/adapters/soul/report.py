"""A scan as JSON (section 11.6)."""

from acs_sidecar.engines.adapters.soul.scan import Scan
from acs_sidecar.spec.values import Json

__all__ = ["NOTE", "report", "report_schema"]

NOTE = "This report says what the file declares, not how the agent behaves."


def report(scan: Scan, file: str | None, others: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return the report of a scan; `others` are governance files beside the one that was read."""
    score = scan.score
    findings: list[Json] = [
        {"code": found.code, **({"control": found.control} if found.control else {}), "line": found.line}
        for found in scan.findings
    ]
    following: Json = None
    if score.next_level is not None:
        following = {"level": score.next_level.value, "missing": [*score.next_missing]}
    return {
        "note": NOTE,
        "measured": scan.measured,
        "insufficient": [*scan.insufficient],
        "file": file,
        "others": [*others],
        "sha256": scan.sha256,
        "tier": scan.tier.value,
        "characters": scan.characters,
        "headings": scan.headings,
        "applicable": score.applicable,
        "detected": {
            control: {"line": found.line, "how": found.how} for control, found in scan.detected.items()
        },
        "missing": [*scan.missing],
        "domains": dict(score.domains),
        "score": score.score,
        "grade": score.grade,
        "grade_capped": score.grade_capped,
        "level": score.level.value,
        "next": following,
        "findings": findings,
    }


_COUNT: dict[str, Json] = {"type": "integer", "minimum": 0}
_CONTROL: dict[str, Json] = {"type": "string", "pattern": "^SOUL-[A-Z]{2}-[0-9]{3}$"}
_LEVELS: list[Json] = ["none", "essential", "standard", "hardened"]
_REASONS: list[Json] = [
    "absent", "too_short", "too_few_headings", "no_behaviour_section", "too_large", "not_utf8", "too_complex",
]  # fmt: skip


def report_schema() -> dict[str, Json]:
    """Return the JSON Schema of a report."""
    detection: Json = {
        "type": "object",
        "properties": {"line": {"type": "integer", "minimum": 1}, "how": {"enum": ["rule", "marker"]}},
        "required": ["line", "how"],
        "additionalProperties": False,
    }
    following: Json = {
        "type": ["object", "null"],
        "properties": {"level": {"enum": _LEVELS}, "missing": {"type": "array", "items": _CONTROL}},
        "required": ["level", "missing"],
        "additionalProperties": False,
    }
    found: Json = {
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "control": {"type": "string"},
            "line": {"type": "integer", "minimum": 1},
        },
        "required": ["code", "line"],
        "additionalProperties": False,
    }
    properties: dict[str, Json] = {
        "note": {"const": NOTE},
        "measured": {"type": "boolean"},
        "insufficient": {"type": "array", "items": {"enum": _REASONS}},
        "file": {"type": ["string", "null"]},
        "others": {"type": "array", "items": {"type": "string"}},
        "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
        "tier": {"enum": ["basic", "tool-using", "agentic", "multi-agent"]},
        "characters": _COUNT,
        "headings": _COUNT,
        "applicable": _COUNT,
        "detected": {"type": "object", "propertyNames": _CONTROL, "additionalProperties": detection},
        "missing": {"type": "array", "items": _CONTROL},
        "domains": {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 100},
        },
        "score": {"type": "integer", "minimum": 0, "maximum": 100},
        "grade": {"enum": ["A", "B", "C", "D", "F"]},
        "grade_capped": {"type": "boolean"},
        "level": {"enum": _LEVELS},
        "next": following,
        "findings": {"type": "array", "items": found},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of a governance scan",
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
