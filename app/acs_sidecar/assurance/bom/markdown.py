"""A Decision BOM for people, as Markdown (section 8.2)."""

from collections.abc import Mapping, Sequence

from acs_sidecar.assurance.markdown import code, row, table, text
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["bom_markdown"]


def bom_markdown(bom: JsonObject) -> str:
    """Return a BOM as Markdown; every value of it is escaped."""
    head: Sequence[tuple[str, Json]] = (
        ("decision", bom["decision_id"]),
        ("time", bom["timestamp"]),
        ("agent", bom["agent_id"]),
        ("action", bom["action_requested"]),
        ("outcome", bom["outcome"]),
        ("reconstructed at", bom["reconstructed_at"]),
        ("completeness", bom["completeness_score"]),
        ("proven", bom["proven"]),
        ("missing", ", ".join(map(str, _list(bom["missing"]))) or "nothing"),
        ("replay", " : ".join(str(part) for part in _object(bom["replay"]).values() if part)),
    )
    rows = [row(text(name), _shown(value)) for name, value in head]
    fields = [
        row(
            code(str(one["name"])),
            text(str(one["category"])),
            _shown(one["value"]),
            text(str(one["source"])),
            text(f"{one['confidence']}{' (inferred)' if one['inferred'] else ''}"),
        )
        for one in map(_object, _list(bom["fields"]))
    ]
    return (
        f"# Decision {code(str(bom['decision_id']))}\n\n"
        + table(("", ""), rows)
        + "\n"
        + table(("field", "category", "value", "source", "confidence"), fields)
    )


def _shown(value: Json) -> str:
    return code(value if isinstance(value, str) else canonical(value).decode())


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
