"""The sections of `config`: their members, and the points at which each holds (section 8.1)."""

from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.detectors.own_patterns.detector import MAX_PATTERNS, PRESETS
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "COUNTERS",
    "LABELS",
    "LABEL_PATHS",
    "MCP_METHODS",
    "SECTIONS",
    "StockSection",
    "destination_paths",
    "is_of_call",
]

LABELS = ("public", "internal", "confidential", "secret")
COUNTERS = ("tool_call_count", "token_count", "elapsed_seconds", "cost_usd")
MCP_METHODS = ("oauth2", "mtls", "api_key", "bearer", "none")
DESTINATIONS = ("url", "endpoint", "host", "domain")
"""Members of the arguments that hold a destination by default."""

LABEL_PATHS: tuple[tuple[InterventionPoint, tuple[str, ...]], ...] = (
    (InterventionPoint.INPUT, ("snapshot", "input", "ifc", "source_labels")),
    (InterventionPoint.OUTPUT, ("snapshot", "response", "ifc", "result_labels")),
)
"""Where labels are by default, from the policy input."""

_CALL = ("snapshot", "tool_call")
_POINTS = tuple(point.value for point in InterventionPoint)
_TEXT: JsonObject = {"type": "string", "pattern": r"\S"}
_TEXTS: JsonObject = {"type": "array", "items": dict(_TEXT)}
_FLAG: JsonObject = {"type": "boolean"}
_FRACTION: JsonObject = {"type": "number", "minimum": 0, "maximum": 1}
_LIMIT: JsonObject = {"type": "number", "minimum": 0}
_PATH: dict[str, Json] = {"type": "array", "minItems": 2, "items": {"type": ["string", "integer"]}}
_PATTERNS: JsonObject = {
    "type": ["array", "object"],
    "maxItems": MAX_PATTERNS,
    "maxProperties": MAX_PATTERNS,
    "items": {"type": "string", "minLength": 1},
    "additionalProperties": {"type": "string", "minLength": 1},
}
_PRESETS: JsonObject = {"type": "array", "minItems": 1, "items": {"enum": [*sorted(PRESETS)]}}


@dataclass(frozen=True, slots=True)
class StockSection:
    """A section: its purpose, its members besides `points`, which of them must be there, and where it holds.

    Of `any_of`, where there are some, one must be there.
    """

    text: str
    members: MemberTable
    points: frozenset[InterventionPoint]
    required: tuple[str, ...] = ()
    any_of: frozenset[str] = frozenset()

    @property
    def table(self) -> MemberTable:
        """All members."""
        shape: JsonObject = {"type": "array", "minItems": 1, "items": {"enum": [*_POINTS]}}
        return {**self.members, "points": Member("The points at which the section holds.", shape)}


_EVERYWHERE = frozenset(InterventionPoint)
_EXPRESSIONS: MemberTable = {
    "patterns": Member("Expressions of RE2: a list, or name → expression.", _PATTERNS),
    "presets": Member("What the rules of `pii` and `secrets` find, by name.", _PRESETS),
}

SECTIONS: Mapping[str, StockSection] = {
    "ifc": StockSection(
        "Labels of data within the clearance of where it goes.",
        {
            "sink_clearance": Member("The clearance of the sink.", {"enum": [*LABELS]}),
            "label_paths": Member(
                "Point → where its labels are: segments from the policy input.",
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"enum": [*_POINTS]},
                    "additionalProperties": _PATH,
                },
            ),
        },
        frozenset(point for point, _ in LABEL_PATHS),
        required=("sink_clearance",),
    ),
    "confidence": StockSection(
        "A score of confidence, where the annotation `confidence` is bound.",
        {"min_score": Member("The lowest `score` that passes.", _FRACTION)},
        _EVERYWHERE,
        required=("min_score",),
    ),
    "budgets": StockSection(
        "Counters of the host in `envelope.budgets` below their limits.",
        {
            name: Member(f"The value of `{name}` from which on everything is denied.", _LIMIT)
            for name in COUNTERS
        },
        _EVERYWHERE - {InterventionPoint.AGENT_STARTUP, InterventionPoint.AGENT_SHUTDOWN},
        any_of=frozenset(COUNTERS),
    ),
    "content_hash": StockSection(
        "The hash that a tool is declared with is the one that the host observed.",
        {
            "enforce": Member("Must be true.", {"const": True}),
            "require": Member("Whether a tool without a declared hash is denied; false by default.", _FLAG),
        },
        TOOL_POINTS,
        required=("enforce",),
    ),
    "mcp": StockSection(
        "How the servers of tools with `mcp_origin` are reached.",
        {
            "auth": Member(
                "Methods that suffice; all but `none` by default.",
                {"type": "array", "items": {"enum": [*MCP_METHODS]}},
            ),
            "require_tls": Member("Whether `http:` is for loopback alone; true by default.", _FLAG),
        },
        TOOL_POINTS,
    ),
    "egress": StockSection(
        "Every host in a tool call is one of the allowlist.",
        {
            "allowlist": Member("Hosts, and `*.x` for those below x.", _TEXTS),
            "destination_paths": Member(
                "Where a destination must have a host: segments from the policy input; `url`, `endpoint`, "
                "`host` and `domain` of the arguments by default.",
                {"type": "array", "items": _PATH},
            ),
            "required_for": Member("Tools whose calls must have a host.", _TEXTS),
        },
        TOOL_POINTS,
        required=("allowlist",),
    ),
    "patterns": StockSection(
        "No text of the target matches an expression.",
        {
            **_EXPRESSIONS,
            "reason": Member("The reason of the deny; `pattern_blocked` by default.", _TEXT),
        },
        _EVERYWHERE,
        any_of=frozenset({"patterns", "presets"}),
    ),
    "approval": StockSection(
        "A person decides.",
        {
            "required": Member("Must be true.", {"const": True}),
            "approvers": Member("Who may approve; whoever the manifest trusts by default.", _TEXTS),
        },
        _EVERYWHERE,
        required=("required",),
    ),
    "redact": StockSection(
        "What matches is cut out of every text of the target.",
        {
            **_EXPRESSIONS,
            "replacement": Member(
                "What stands for each finding, as it is; `[REDACTED]` by default.", {"type": "string"}
            ),
        },
        frozenset(
            {
                InterventionPoint.INPUT,
                InterventionPoint.POST_MODEL_CALL,
                InterventionPoint.POST_TOOL_CALL,
                InterventionPoint.OUTPUT,
            }
        ),
        any_of=frozenset({"patterns", "presets"}),
    ),
    "drift": StockSection(
        "A warning about drift, where the annotation `drift_score` is bound.",
        {"warn_threshold": Member("The `drift_score` from which on it is told.", {"type": "number"})},
        _EVERYWHERE,
        required=("warn_threshold",),
    ),
}
"""By name, in the order in which they speak."""


def destination_paths(egress: JsonObject) -> list[list[Json]]:
    """Return where a destination must have a host by a section `egress`: segments from the policy input."""
    paths = egress.get("destination_paths", [[*_CALL, "args", name] for name in DESTINATIONS])
    return [path for path in paths if isinstance(path, list)] if isinstance(paths, list) else []


def is_of_call(path: list[Json]) -> bool:
    """True if a path leads into the tool call, of which a result need not tell the destination again."""
    return tuple(path[:2]) == _CALL
