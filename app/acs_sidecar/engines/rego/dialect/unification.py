"""What `=` and `:=` equate: two composites of one shape part by part."""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, variant
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["equated", "equated_parts"]


def equated(left: Json, right: Json) -> Iterator[tuple[Json, Json]]:
    """Yield the terms that are equated where no two composites of one shape are left."""
    pending = [(left, right)]
    while pending:
        pair = pending.pop()
        parts = equated_parts(*pair)
        if parts is None:
            yield pair
        else:
            pending.extend(parts)


def equated_parts(left: Json, right: Json) -> list[tuple[Json, Json]] | None:
    """Return what two arrays of one length, or two objects with the same constant keys, equate."""
    (kind, one), (other_kind, other) = variant(left), variant(right)
    if kind == other_kind == "Array" and len(as_list(one["items"])) == len(as_list(other["items"])):
        return list(zip(as_list(one["items"]), as_list(other["items"]), strict=True))
    if kind == other_kind == "Object":
        fields, others = _fields(one), _fields(other)
        if fields and others and fields.keys() == others.keys():
            return [(value, others[key]) for key, value in fields.items()]
    return None


def _fields(value: JsonObject) -> dict[Json, Json] | None:
    """Return the values of an object by its keys, where these are different texts."""
    fields = [as_list(item)[1:] for item in as_list(value["fields"])]
    by_key = {variant(key)[1].get("value"): field for key, field in fields if "String" in as_object(key)}
    return by_key if len(by_key) == len(fields) else None
